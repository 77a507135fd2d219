//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kernel::Source;
use serde_json::json;
use web::App;

use crate::config::{Config, Sources};
use crate::jobs::{self, JobsCommand};
use crate::open::{self, Purpose};
use crate::operator::{self, AdminCommand, KeysCommand, UsersCommand};
use crate::{Trouble, check, demo, docs, health, import, logs, mail, migrations, report, serve, tenant, trail};

/// Runs a food business: sales, stock, money, and what follows from them.
///
/// Without any setting Hearth keeps everything in a private PostgreSQL of its own.
#[derive(Debug, Parser)]
#[command(name = "hearth", disable_help_subcommand = true, disable_version_flag = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  hearth demo                         a bakery with half a year of real sales, to look around in
  hearth serve                        serve on http://127.0.0.1:8080, with a private database
  hearth tenant create --help         open a business
  hearth check --tenant hill-bakery   recompute what is kept, name what does not add up
  hearth config check --print         every setting, its origin, and what is wrong with it

Exit status: 0 done, 1 something was found or refused, 2 the command line was wrong.";

/// What every command takes.
#[derive(Args, Debug)]
struct Common {
    /// Where Hearth keeps what it owns; HEARTH_DATA_DIR says the same.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A file of settings; else hearth.toml here or in /etc/hearth.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a demo bakery with half a year of real sales.
    ///
    /// Everything is made at the first start, passwords too, and kept; its data never mixes with a real business's.
    #[command(
        after_help = "Examples:\n  hearth demo\n  hearth demo --port 9000\n  hearth demo --fresh      forget everything and load it again"
    )]
    Demo {
        /// Start over: delete the demo's data first.
        #[arg(long)]
        fresh: bool,
        /// The port on this machine; HEARTH_LISTEN says it whole.
        #[arg(long, value_name = "PORT")]
        port: Option<u16>,
    },
    /// Serve the business to browsers and programs.
    ///
    /// Ends in good order at Ctrl-C or SIGTERM: what is in flight is finished first.
    #[command(after_help = "Examples:\n  hearth serve\n  HEARTH_LISTEN=127.0.0.1:9000 hearth serve --data-dir /srv/hearth")]
    Serve,
    /// Bring the database to this program's version.
    ///
    /// In production this is a step of its own, before `hearth serve`; it needs HEARTH_DATABASE_OWNER_URL there.
    #[command(
        after_help = "Examples:\n  hearth migrate --check    say what is pending; status 1 if anything is\n  hearth migrate            run it"
    )]
    Migrate {
        /// Only say what is pending.
        #[arg(long)]
        check: bool,
    },
    /// Load what was before Hearth.
    #[command(subcommand, arg_required_else_help = true)]
    Import(ImportCommand),
    /// Figures of a business.
    #[command(subcommand, arg_required_else_help = true)]
    Report(ReportCommand),
    /// Businesses.
    #[command(subcommand, arg_required_else_help = true)]
    Tenant(TenantCommand),
    /// Letters.
    #[command(subcommand, arg_required_else_help = true)]
    Mail(MailCommand),
    /// Administrators of the installation.
    #[command(subcommand, arg_required_else_help = true)]
    Admin(AdminCommand),
    /// Accounts: lock, unlock, sign out, take a second factor away, give out what is kept, delete.
    #[command(subcommand, arg_required_else_help = true)]
    Users(UsersCommand),
    /// The keys that sign tokens and seal secrets.
    #[command(subcommand, arg_required_else_help = true)]
    Keys(KeysCommand),
    /// Work in the background that failed for good.
    #[command(subcommand, arg_required_else_help = true)]
    Jobs(JobsCommand),
    /// The settings.
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// The trail: prove that nothing was changed, removed or put in between.
    #[command(subcommand, arg_required_else_help = true)]
    Trail(TrailCommand),
    /// Recompute what is kept from raw lines, and name each document that does not add up.
    ///
    /// Stock value against the inventory account, kept totals against their lines, balances against their transfers.
    /// It reads one moment of each business and may run beside `hearth serve`.
    #[command(after_help = "Examples:\n  hearth check\n  hearth check --tenant hill-bakery --json")]
    Check {
        /// Only the business with this short name.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Print the description of the API (OpenAPI 3.1).
    #[command(after_help = "Example:\n  hearth openapi > openapi.json")]
    Openapi,
    /// Print a page of the reference that the program itself knows best.
    Docs {
        /// Which.
        #[arg(value_parser = ["configuration", "errors", "env-example"])]
        page: String,
    },
    /// Print the version.
    Version,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Name every problem with the settings, and what mends it.
    #[command(after_help = "Examples:\n  hearth config check\n  HEARTH_MODE=production hearth config check --print --json")]
    Check {
        /// Also print every setting with its value and where it comes from; secrets are masked.
        #[arg(long)]
        print: bool,
    },
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// Send one letter now by the configured mail server, and say what it answered.
    ///
    /// It goes past the queue and needs no database.
    #[command(after_help = "Example:\n  hearth mail test ada@example.com")]
    Test(mail::Test),
    /// Send one text message now by the configured gateway, and say what it answered.
    ///
    /// It goes past the queue and needs no database. The code in it opens nothing.
    #[command(after_help = "Example:\n  hearth mail text +441314960000")]
    Text(mail::TestText),
}

#[derive(Debug, Subcommand)]
enum TrailCommand {
    /// Work out every hash again, compare with the signed checkpoints, and name the first entry of each kind that is wrong.
    ///
    /// From the database, beside `hearth serve`; or from an export, offline. Checkpoints that left the machine are compared too.
    #[command(
        after_help = "Examples:\n  hearth trail verify\n  hearth trail verify --tenant hill-bakery --json\n  hearth trail verify --export trail.jsonl --key KID"
    )]
    Verify(trail::Verify),
    /// Write a business's whole trail as JSON Lines, which can be proved without the database.
    #[command(after_help = "Example:\n  hearth trail export --tenant hill-bakery > trail.jsonl")]
    Export(trail::Export),
    /// Sign where every trail ends now, and take the checkpoints to where HEARTH_TRAIL_CHECKPOINTS says.
    #[command(after_help = "Example:\n  hearth trail checkpoint")]
    Checkpoint,
    /// Sign with a new key from now on.
    ///
    /// Where every trail ends now is signed by the old key first. It goes on to prove what it signed; its private half is not used again.
    #[command(after_help = "Example:\n  hearth trail rotate-key")]
    RotateKey,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Import past sales from CSV files, as a till or a spreadsheet exported them.
    ///
    /// What each column means is guessed and said with its reason, what nothing proves first. To change it, print the guess with
    /// --dry-run --json, and give it back with --mapping. It is all or nothing: one refused line stops everything, unless --yes. Lines
    /// that name no item (NONE, NULL) are left out and counted.
    #[command(
        after_help = "Examples:\n  hearth import sales till.csv --tenant hill-bakery --dry-run\n  hearth import sales till.csv --tenant hill-bakery --dry-run --json > guess.json\n  hearth import sales till.csv --tenant hill-bakery --mapping guess.json\n  hearth import sales orders.csv order_details.csv items.csv --tenant hill-bakery\n  hearth import sales till.csv.gz prices.csv --tenant hill-bakery --cost-percent 35 --json"
    )]
    Sales(import::Sales),
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// Sum up the sales of a period by day, hour, item or site.
    #[command(
        after_help = "Examples:\n  hearth report sales --tenant hill-bakery --from 2017-01-01 --to 2017-01-31\n  hearth report sales --tenant hill-bakery --from 2017-01-01 --to 2017-01-31 --by item --json"
    )]
    Sales(report::Sales),
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Open a business: its first site, its accounts, its owner.
    ///
    /// Prints a link by which the owner chooses a password, where they have none yet.
    #[command(
        after_help = "Example:\n  hearth tenant create --name 'Hill Bakery' --slug hill-bakery --currency GBP --time-zone Europe/London --owner ada@example.com"
    )]
    Create(tenant::Create),
    /// List the businesses: short name, name, currency, time zone, members, the day they were opened.
    #[command(after_help = "Examples:\n  hearth tenant list\n  hearth tenant list --json")]
    List,
    /// Make a new link for a member who has not chosen a password yet; older links end.
    #[command(after_help = "Example:\n  hearth tenant link --tenant hill-bakery --owner ada@example.com")]
    Link(tenant::Link),
}

/// Runs the program's command line; the exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::from(trouble.code())
        }
    }
}

/// The work is the database's, so these are few; but more than the cores of a small machine. A thread that is at work on one
/// request looks at no socket: what the database answered to another would wait meanwhile, with its rows locked.
const THREADS: usize = 8;

fn run(cli: Cli) -> Result<ExitCode, Trouble> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let result = runtime.block_on(dispatch(cli));
    // What still blocks (a broken-off start of the database) is not waited for.
    runtime.shutdown_background();
    result
}

impl Common {
    fn sources(&self) -> Sources {
        let mut sources = Sources { file: self.config.clone(), ..Sources::of_process() };
        if let Some(dir) = &self.data_dir {
            sources.flags.push(("data_dir", dir.display().to_string()));
        }
        sources
    }

    /// The settings, or all that is wrong with them. A command logs only what is wrong, unless told otherwise.
    async fn config(&self, quiet: bool) -> Result<Config, Trouble> {
        self.config_at(quiet, None).await
    }

    /// The same with a port that was said on the command line.
    async fn config_at(&self, quiet: bool, port: Option<u16>) -> Result<Config, Trouble> {
        let mut sources = self.sources();
        if let Some(port) = port {
            sources.flags.push(("listen", format!("127.0.0.1:{port}")));
        }
        let reading = open::settings(&sources).await;
        let config = match reading.config {
            Some(config) if reading.problems.is_empty() => config,
            _ => return Err(reading.problems.into()),
        };
        let told = reading.shown.iter().any(|shown| shown.key == "log" && shown.from != "default");
        logs::start(if quiet && !told { "warn" } else { &config.log }, config.log_format);
        Ok(config)
    }

    /// Opens the database, does the work over the program, and closes it, whatever came out.
    async fn with<T, E: Into<Trouble>>(&self, work: impl AsyncFnOnce(&App) -> Result<T, E>) -> Result<T, Trouble> {
        let config = self.config(true).await?;
        let (opened, _) = open::open(&config, Source::real(), &migrations(), Purpose::Command).await?;
        let done = work(&serve::app(opened.db.clone(), &config)).await;
        opened.close().await;
        done.map_err(Into::into)
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Trouble> {
    let common = cli.common;
    match cli.command {
        Command::Demo { fresh, port } => {
            demo::demo(common.config_at(true, port).await?, fresh).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Import(ImportCommand::Sales(asked)) => import_sales(&common, &asked).await,
        Command::Serve => {
            let config = common.config(false).await?;
            serve::serve(&config).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { check } => migrate(&common, check).await,
        Command::Mail(command) => {
            let config = common.config(true).await?;
            let tested = match command {
                MailCommand::Test(test) => mail::test(&config, &test).await?,
                MailCommand::Text(test) => mail::test_text(&config, &test).await?,
            };
            println!("{}", if common.json { tested.json().to_string() } else { tested.text() });
            Ok(ExitCode::SUCCESS)
        }
        Command::Admin(command) => Ok(said(&common, common.with(async |app| operator::admin(app, &command).await).await?)),
        Command::Users(command) => Ok(said(&common, common.with(async |app| operator::users(app, &command).await).await?)),
        Command::Keys(KeysCommand::New) => Ok(said(&common, operator::new_key())),
        Command::Keys(KeysCommand::Rotate(asked)) => Ok(said(&common, common.with(async |app| operator::rotate(app, &asked).await).await?)),
        Command::Jobs(command) => Ok(said(&common, common.with(async |app| jobs::jobs(app.db(), &command).await).await?)),
        Command::Config(ConfigCommand::Check { print }) => Ok(check_config(&common, print).await),
        Command::Trail(command) => trail_command(&common, command).await,
        Command::Check { tenant } => check_businesses(&common, tenant.as_deref()).await,
        Command::Tenant(TenantCommand::Create(new)) => create_tenant(&common, &new).await,
        Command::Tenant(TenantCommand::List) => list_tenants(&common).await,
        Command::Tenant(TenantCommand::Link(asked)) => link_member(&common, &asked).await,
        Command::Report(ReportCommand::Sales(asked)) => report_sales(&common, &asked).await,
        Command::Openapi => openapi(&common).await,
        Command::Docs { page } => {
            print!(
                "{}",
                match page.as_str() {
                    "errors" => docs::errors(),
                    "env-example" => crate::config::env_example(),
                    _ => crate::config::reference(),
                }
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => {
            if common.json {
                println!("{}", health::version());
            } else {
                println!("hearth {}", health::VERSION);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints what was done, where it is more than what was printed on the way.
fn said(common: &Common, done: operator::Done) -> ExitCode {
    if done.lines.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{}", if common.json { done.json.to_string() } else { done.lines.join("\n") });
    ExitCode::SUCCESS
}

fn found(anything: bool) -> ExitCode {
    if anything { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn migrate(common: &Common, check: bool) -> Result<ExitCode, Trouble> {
    let config = Config::load(&common.sources())?;
    logs::start("warn", config.log_format);
    let what = if check { Purpose::Look } else { Purpose::Migrate };
    let (opened, pending) = open::open(&config, Source::real(), &migrations(), what).await?;
    opened.close().await;
    if common.json {
        let ran = if check { &[][..] } else { &pending.pending[..] };
        let left = if check { &pending.pending[..] } else { &[][..] };
        println!("{}", json!({ "ran": ran, "pending": left, "unknown": pending.unknown }));
    } else {
        let word = if check { "pending" } else { "ran" };
        for name in &pending.pending {
            println!("{word} {name}");
        }
        for version in &pending.unknown {
            println!("unknown {version}: a newer Hearth has worked on this database");
        }
        if pending == db::Pending::default() {
            println!("The database is up to date.");
        }
    }
    Ok(found(check && pending != db::Pending::default()))
}

async fn check_config(common: &Common, print: bool) -> ExitCode {
    let reading = open::settings(&common.sources()).await;
    let ok = reading.problems.is_empty();
    let notes = reading.config.as_ref().map(Config::notes).unwrap_or_default();
    if common.json {
        let mut answer = json!({ "ok": ok, "problems": reading.problems, "notes": notes });
        if print {
            answer["settings"] = json!(reading.shown);
        }
        println!("{answer}");
        return found(!ok);
    }
    if print {
        for shown in &reading.shown {
            println!("{} = {}  ({})", shown.key, shown.value, shown.from);
        }
    }
    for problem in &reading.problems {
        println!("{problem}");
    }
    for note in &notes {
        println!("{note}");
    }
    if ok {
        println!("The settings are in order.");
    }
    found(!ok)
}

async fn check_businesses(common: &Common, slug: Option<&str>) -> Result<ExitCode, Trouble> {
    let (count, findings) = common
        .with(async |app| {
            let businesses = check::businesses(app.db(), slug).await?;
            Ok::<_, Trouble>((businesses.len(), check::check(app.db(), app.slices(), &businesses).await?))
        })
        .await?;
    if common.json {
        println!("{}", json!({ "ok": findings.is_empty(), "businesses": count, "findings": findings }));
    } else {
        for checked in &findings {
            let web::Finding { check, kind, id, text } = &checked.finding;
            println!("{}: {check}: {kind} {id}: {text}", checked.tenant);
        }
        let verdict = if findings.is_empty() { "all adds up".to_owned() } else { format!("{} finding(s)", findings.len()) };
        println!("{count} business(es) checked: {verdict}.");
    }
    Ok(found(!findings.is_empty()))
}

async fn trail_command(common: &Common, command: TrailCommand) -> Result<ExitCode, Trouble> {
    let verdicts = match command {
        TrailCommand::Verify(trail::Verify { export: Some(file), .. }) if !file.is_file() => {
            return Err(Trouble::usage(format!("{} is no file", file.display()), "Give a file of `hearth trail export`."));
        }
        TrailCommand::Verify(asked) => match &asked.export {
            Some(file) => trail::verify_export(file, &asked)?,
            None => {
                let config = common.config(true).await?;
                common.with(async |app| trail::verify(app.db(), &config, &asked).await).await?
            }
        },
        TrailCommand::Export(asked) => {
            common.with(async |app| trail::export(app.db(), &asked, &mut std::io::stdout().lock()).await).await?;
            return Ok(ExitCode::SUCCESS);
        }
        TrailCommand::RotateKey => {
            let (kid, before) = common.with(async |app| trail::rotate_key(app.db()).await).await?;
            println!(
                "{}",
                if common.json {
                    json!({ "kid": kid, "before": before }).to_string()
                } else {
                    format!("The key {kid} signs from now on. Write it down beside those before: {}.", before.join(" "))
                }
            );
            return Ok(ExitCode::SUCCESS);
        }
        TrailCommand::Checkpoint => {
            let (signed, taken) = common.with(async |app| trail::checkpoint(app.db()).await).await?;
            println!(
                "{}",
                if common.json {
                    json!({ "signed": signed, "taken": taken }).to_string()
                } else {
                    format!("{signed} checkpoint(s) signed, {taken} taken away.")
                }
            );
            return Ok(ExitCode::SUCCESS);
        }
    };
    println!("{}", if common.json { trail::told_json(&verdicts).to_string() } else { trail::told(&verdicts) });
    Ok(found(!trail::whole(&verdicts)))
}

async fn create_tenant(common: &Common, new: &tenant::Create) -> Result<ExitCode, Trouble> {
    let created = common.with(async |app| tenant::create(app, new).await).await?;
    println!("{}", if common.json { created.json(new).to_string() } else { created.text(new) });
    Ok(ExitCode::SUCCESS)
}

async fn list_tenants(common: &Common) -> Result<ExitCode, Trouble> {
    let all = common.with(async |app| tenant::list(app.db()).await).await?;
    println!("{}", if common.json { json!({ "rows": all }).to_string() } else { tenant::table(&all) });
    Ok(ExitCode::SUCCESS)
}

async fn link_member(common: &Common, asked: &tenant::Link) -> Result<ExitCode, Trouble> {
    let link = common.with(async |app| tenant::link(app, asked).await).await?;
    if common.json {
        println!("{}", json!({ "passwordLink": link }));
    } else {
        println!("{} chooses a password within 7 days, once `hearth serve` runs:\n  {link}", asked.owner);
    }
    Ok(ExitCode::SUCCESS)
}

async fn import_sales(common: &Common, asked: &import::Sales) -> Result<ExitCode, Trouble> {
    // What the files are taken for is said before there is an application that installs the catalogue.
    web::text::install(crate::slices().iter().map(|slice| slice.texts));
    let taken = import::look(asked).await?;
    if !common.json {
        print!("{}", taken.text());
    }
    if let Some(missing) = taken.missing(asked) {
        if common.json {
            println!("{}", taken.json());
        }
        return Err(missing);
    }
    let report = common.with(async |app| {
        let business = check::business(app.db(), &asked.tenant).await?;
        import::sales(app.db(), &business, asked, &taken).await.map_err(Trouble::from)
    });
    let report = report.await?;
    println!("{}", if common.json { import::json(&report, &taken).to_string() } else { import::text(&report) });
    Ok(found(!import::done(&report)))
}

async fn report_sales(common: &Common, asked: &report::Sales) -> Result<ExitCode, Trouble> {
    let report = common.with(async |app| {
        let business = check::business(app.db(), &asked.tenant).await?;
        report::sales(app.db(), &business, asked).await.map_err(Trouble::from)
    });
    let report = report.await?;
    println!("{}", if common.json { json!(report).to_string() } else { report::table(&report) });
    Ok(ExitCode::SUCCESS)
}

/// The description needs the routes alone: no connection is made.
async fn openapi(common: &Common) -> Result<ExitCode, Trouble> {
    let config = Config::load(&common.sources())?;
    let nowhere = db::Config {
        app: open::as_role(&config.data_dir, "hearth_app"),
        system: open::as_role(&config.data_dir, "hearth_system"),
        connections: 1,
        vault: std::sync::Arc::new(vault::Keyring::fresh(&Source::real())),
    };
    let app = serve::app(db::Db::open(&nowhere, Source::real()), &config);
    println!("{}", serde_json::to_string_pretty(&web::openapi(&app)).map_err(|error| kernel::Error::Internal(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}
