//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kernel::Source;
use serde_json::json;

use crate::config::{Config, Sources};
use crate::open::{self, Opened, Purpose};
use crate::{Trouble, check, health, logs, migrations, serve, slices};

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
  hearth serve                        serve on http://127.0.0.1:8080, with a private database
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
    /// Serve the business to browsers and programs.
    ///
    /// Ends in good order at Ctrl-C or SIGTERM: what is in flight is finished first.
    #[command(after_help = "Examples:\n  hearth serve\n  HEARTH_LISTEN=127.0.0.1:9000 hearth serve --data-dir /srv/hearth")]
    Serve,
    /// Bring the database to this program's version.
    ///
    /// In production this is a step of its own, before `hearth serve`; it needs HEARTH_DATABASE_OWNER_URL there.
    #[command(after_help = "Examples:\n  hearth migrate --check    say what is pending; status 1 if anything is\n  hearth migrate            run it")]
    Migrate {
        /// Only say what is pending.
        #[arg(long)]
        check: bool,
    },
    /// The settings.
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
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

/// Everything runs on few threads: the work is the database's.
fn run(cli: Cli) -> Result<ExitCode, Trouble> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
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
        let sources = self.sources();
        let reading = open::settings(&sources).await;
        let config = match reading.config {
            Some(config) if reading.problems.is_empty() => config,
            _ => return Err(reading.problems.into()),
        };
        let told = reading.shown.iter().any(|shown| shown.key == "log" && shown.from != "default");
        logs::start(if quiet && !told { "warn" } else { &config.log }, config.log_format);
        Ok(config)
    }

    async fn open(&self) -> Result<Opened, Trouble> {
        let config = self.config(true).await?;
        Ok(open::open(&config, Source::real(), &migrations(), Purpose::Command).await?.0)
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Trouble> {
    let common = cli.common;
    match cli.command {
        Command::Serve => {
            let config = common.config(false).await?;
            serve::serve(&config).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { check } => migrate(&common, check).await,
        Command::Config(ConfigCommand::Check { print }) => Ok(check_config(&common, print).await),
        Command::Check { tenant } => check_businesses(&common, tenant.as_deref()).await,
        Command::Openapi => openapi(&common).await,
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
    if common.json {
        let mut answer = json!({ "ok": ok, "problems": reading.problems });
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
    if ok {
        println!("The settings are in order.");
    }
    found(!ok)
}

async fn check_businesses(common: &Common, slug: Option<&str>) -> Result<ExitCode, Trouble> {
    let opened = common.open().await?;
    let checked = async {
        let businesses = check::businesses(&opened.db, slug).await?;
        let findings = check::check(&opened.db, &slices(), &businesses).await?;
        Ok::<_, kernel::Error>((businesses.len(), findings))
    };
    let checked = checked.await;
    opened.close().await;
    let (count, findings) = checked.map_err(|error| match (error, slug) {
        (kernel::Error::NotFound, Some(slug)) => no_business(slug),
        (error, _) => error.into(),
    })?;
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

fn no_business(slug: &str) -> Trouble {
    Trouble::new(format!("there is no business called {slug}"), "Give the short name that it was opened with.")
}

/// The description needs the routes alone: no connection is made.
async fn openapi(common: &Common) -> Result<ExitCode, Trouble> {
    let config = Config::load(&common.sources())?;
    let nowhere = db::Config { app: open::as_role(&config.data_dir, "hearth_app"), system: open::as_role(&config.data_dir, "hearth_system"), connections: 1 };
    let app = serve::app(db::Db::open(&nowhere, Source::real()), &config);
    println!("{}", serde_json::to_string_pretty(&web::openapi(&app)).map_err(|error| kernel::Error::Internal(error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}
