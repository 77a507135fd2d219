//! Opens the database for a command: the private one, started when no other Hearth runs it, or somebody else's.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use db::{Db, Keeping, Pending};
use kernel::Source;
use postgres::{Access, SUPERUSER};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use vault::Keyring;

use crate::config::{Config, Database, External, Problem, Reading, Sources};
use crate::trouble::Trouble;
use crate::witness;

/// The name of the database in the private server.
pub const DATABASE: &str = "hearth";
/// Connections of the private server beside those for requests: the system pool, listeners, other commands.
const BESIDE: u32 = 44;
/// How long a command waits for a server that another program is starting.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long `serve` waits for a short command that uses the data directory.
const OTHERS: Duration = Duration::from_secs(3);
/// How long an external database may take to answer at a start.
const ANSWER: Duration = Duration::from_secs(10);
/// The advisory lock under which roles and the database are made in a private server.
const SETTING_UP: i64 = 0x4845_4152_5449;

/// An open database.
pub struct Opened {
    /// The pools.
    pub db: Db,
    /// The private server, when there is one.
    pub server: Option<Access>,
}

impl Opened {
    /// Closes the connections, and stops the private server if this program started it.
    pub async fn close(self) {
        self.db.close().await;
        if let Some(server) = self.server {
            // It ends a process and waits for it.
            let _ = tokio::task::spawn_blocking(move || drop(server)).await;
        }
    }
}

/// What the database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: the private server must be this program's own, for it must not end before it.
    Serve,
    /// For one command.
    Command,
    /// To run what is pending: `hearth migrate`.
    Migrate,
    /// To see what is pending: `hearth migrate --check`.
    Look,
}

impl Purpose {
    /// Whether the database must be fit to work with.
    fn works(self) -> bool {
        matches!(self, Self::Serve | Self::Command)
    }
}

/// Opens the database of a configuration; says how it stood to the program's migrations before anything was run.
pub async fn open(config: &Config, source: Source, migrator: &Migrator, what: Purpose) -> Result<(Opened, Pending), Trouble> {
    match &config.database {
        Database::Embedded => {
            let server = start(config, what).await?;
            let as_role = |role: &str| as_role(server.socket_dir(), role);
            let pending = set_up(as_role, migrator, config.production(), what).await?;
            if matches!(what, Purpose::Serve | Purpose::Migrate) {
                keep_months(&mut connect(&as_role("hearth_owner")).await?, config, &source).await;
            }
            let (vault, keeping) = (vault(config, &source)?, keeping(config, &source)?);
            let db = Db::open(&db_config(&as_role("hearth_app"), &as_role("hearth_system"), config, vault), source).keeping(keeping);
            Ok((Opened { db, server: Some(server) }, pending))
        }
        Database::External(external) => {
            let pending = look_at_external(external, migrator, config, what, &source).await?;
            let (vault, keeping) = (vault(config, &source)?, keeping(config, &source)?);
            let db = Db::open(&db_config(&external.app, &external.system, config, vault), source).keeping(keeping);
            Ok((Opened { db, server: None }, pending))
        }
    }
}

fn db_config(app: &PgConnectOptions, system: &PgConnectOptions, config: &Config, vault: Arc<Keyring>) -> db::Config {
    db::Config { app: app.clone(), system: system.clone(), connections: config.connections, vault }
}

/// How trail and activity are kept.
fn keeping(config: &Config, source: &Source) -> Result<Keeping, Trouble> {
    Ok(Keeping { deliver: witness::deliver(config, source)?, activity_months: config.activity_months })
}

/// Makes the months of activity ahead and drops those that are over; what hinders it hinders nothing else.
async fn keep_months(owner: &mut PgConnection, config: &Config, source: &Source) {
    if let Err(error) = db::activity::keep_months(owner, source.now(), config.activity_months).await {
        tracing::warn!(%error, "the months of activity could not be made or dropped");
    }
}

/// The keys that seal: as configured, or from the file in the data directory, which is made where there is none.
pub fn vault(config: &Config, source: &Source) -> Result<Arc<Keyring>, Trouble> {
    let ring = match &config.encryption_keys {
        Some(keys) => Keyring::parse(keys),
        None => {
            std::fs::create_dir_all(&config.data_dir)?;
            Keyring::in_file(&config.key_file(), source)
        }
    };
    let mend = "Bring the file back from its copy; without its keys, second factors and signing keys can't be read.";
    ring.map(Arc::new).map_err(|wrong| Trouble::new(format!("the encryption keys can't be used: {wrong}"), mend))
}

/// How to connect to a private server as a role.
pub fn as_role(socket_dir: &Path, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket_dir).port(5432).username(role).database(DATABASE)
}

async fn start(config: &Config, what: Purpose) -> Result<Access, Trouble> {
    let settings = postgres::Settings {
        binaries: config.postgres_bin.clone(),
        max_connections: config.connections + BESIDE,
        ..postgres::Settings::new(&config.data_dir)
    };
    let started = tokio::task::spawn_blocking(move || match what {
        Purpose::Serve => start_own(settings),
        _ => postgres::join_or_start(settings, PATIENCE),
    });
    let started = started.await;
    Ok(started.map_err(|_| Trouble::new("starting PostgreSQL was broken off", "Try again."))??)
}

/// A short command may just be using the data directory; another `hearth serve` stays longer.
fn start_own(settings: postgres::Settings) -> postgres::Result<Access> {
    let deadline = Instant::now() + OTHERS;
    loop {
        match postgres::start(settings.clone()) {
            Err(postgres::Error::AlreadyRunning { .. }) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            other => return other.map(|server| Access::Own(Box::new(server))),
        }
    }
}

/// Makes roles and database in a private server where they are missing, and migrates.
pub async fn set_up(
    as_role: impl Fn(&str) -> PgConnectOptions,
    migrator: &Migrator,
    production: bool,
    what: Purpose,
) -> Result<Pending, Trouble> {
    let mut superuser = connect(&as_role(SUPERUSER).database("postgres")).await?;
    // Two programs may come at the same time: the one that started the server and one that joins it.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(SETTING_UP).execute(&mut superuser).await.map_err(kernel::Error::from)?;
    let there: bool = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN ('hearth_owner', 'hearth_app', 'hearth_system')) = 3
            AND EXISTS (SELECT FROM pg_database WHERE datname = $1)",
    )
    .bind(DATABASE)
    .fetch_one(&mut superuser)
    .await
    .map_err(kernel::Error::from)?;
    if !there {
        db::bootstrap(&mut superuser).await?;
        make_database(&mut superuser, DATABASE).await?;
    }
    let mut owner = connect(&as_role("hearth_owner")).await?;
    let pending = db::pending(&mut owner, migrator).await?;
    refuse_unknown(&pending, what)?;
    // A new, empty database belongs to nobody's data yet: it is no migration of production.
    let run = match what {
        Purpose::Serve | Purpose::Command => !production || !there,
        Purpose::Migrate => true,
        Purpose::Look => false,
    };
    if !pending.pending.is_empty() {
        if run {
            db::migrate(&mut owner, migrator).await?;
        } else if what.works() {
            return Err(refuse_pending(&pending));
        }
    }
    // The lock goes with the connection.
    let _ = owner.close().await;
    let _ = superuser.close().await;
    Ok(pending)
}

/// Makes a database that the owner's role owns and only Hearth's roles may enter.
pub async fn make_database(superuser: &mut PgConnection, name: &str) -> Result<(), Trouble> {
    let sql = [
        format!("CREATE DATABASE \"{name}\" OWNER hearth_owner"),
        format!("REVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC"),
        format!("GRANT CONNECT ON DATABASE \"{name}\" TO hearth_app, hearth_system"),
    ];
    for statement in sql {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *superuser).await.map_err(kernel::Error::from)?;
    }
    Ok(())
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Trouble> {
    let connected = tokio::time::timeout(ANSWER, options.connect()).await;
    let refused = match connected {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
    };
    let role = options.get_username();
    Err(Trouble::new(
        format!("the database {} can't be reached as {role}: {refused}", place(options)),
        "See that PostgreSQL runs there, and that address, role and password are right.",
    ))
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(DATABASE);
    match options.get_socket() {
        Some(socket) => format!("{database} at {}", socket.display()),
        None => format!("{database} at {}:{}", options.get_host(), options.get_port()),
    }
}

async fn look_at_external(
    external: &External,
    migrator: &Migrator,
    config: &Config,
    what: Purpose,
    source: &Source,
) -> Result<Pending, Trouble> {
    let owner = external.owner.as_ref().filter(|_| !what.works() || !config.production());
    let mut conn = match (owner, what) {
        (Some(owner), _) => connect(owner).await?,
        (None, Purpose::Migrate) => {
            let mend = "Set HEARTH_DATABASE_OWNER_URL to the same database as the role hearth_owner, for this command alone.";
            return Err(Trouble::new("the address of the database's owner is not set", mend));
        }
        (None, _) => connect(&external.app).await?,
    };
    let pending = db::pending(&mut conn, migrator).await?;
    refuse_unknown(&pending, what)?;
    if !pending.pending.is_empty() && what != Purpose::Look {
        if owner.is_none() {
            return Err(refuse_pending(&pending));
        }
        db::migrate(&mut conn, migrator).await?;
    }
    if owner.is_some() && matches!(what, Purpose::Serve | Purpose::Migrate) {
        keep_months(&mut conn, config, source).await;
    }
    let _ = conn.close().await;
    Ok(pending)
}

fn refuse_pending(pending: &Pending) -> Trouble {
    let names = pending.pending.join(", ");
    Trouble::new(format!("the database lacks {} migration(s): {names}", pending.pending.len()), "Run `hearth migrate` first.")
}

fn refuse_unknown(pending: &Pending, what: Purpose) -> Result<(), Trouble> {
    if pending.unknown.is_empty() || what == Purpose::Look {
        return Ok(());
    }
    let what = format!("the database has migrations that this program does not know: {}", pending.unknown.join(", "));
    Err(Trouble::new(what, "A newer Hearth has worked on it: install that version or a later one. Nothing was touched."))
}

/// Reads the settings and, for production, looks at the roles of the database too: every problem at once.
pub async fn settings(sources: &Sources) -> Reading {
    let mut reading = Config::read(sources);
    if let Some(external) = &reading.to_check {
        reading.problems.extend(check_roles(external).await);
    }
    reading
}

/// What is wrong with the roles that production connects as; reads only.
async fn check_roles(external: &External) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (options, variable, role, other) in [
        (&external.app, "HEARTH_DATABASE_URL", "hearth_app", "hearth_system"),
        (&external.system, "HEARTH_DATABASE_SYSTEM_URL", "hearth_system", "hearth_app"),
    ] {
        match role_faults(options, role, other).await {
            Ok(faults) => problems.extend(faults.into_iter().map(|what| {
                let mend = format!("Connect as {role}: a role that owns nothing, is no superuser and obeys row security.");
                Problem::new(variable, format!("connects as {}, which {what}", options.get_username()), mend)
            })),
            Err(refused) => {
                problems.push(Problem::new(variable, refused, "See that PostgreSQL runs there, and that role and password are right."))
            }
        }
    }
    problems
}

async fn role_faults(options: &PgConnectOptions, role: &str, other: &str) -> Result<Vec<&'static str>, String> {
    let connected = tokio::time::timeout(ANSWER, options.connect()).await;
    let mut conn = connected.map_err(|_| "does not answer".to_owned())?.map_err(|error| format!("does not answer: {error}"))?;
    // `pg_has_role` of a role that does not exist would be an error: so by joins.
    let row: (bool, bool, bool, bool, bool) = sqlx::query_as(
        "SELECT r.rolsuper, r.rolbypassrls,
            EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND pg_has_role(c.relowner, 'USAGE')),
            EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $1 AND pg_has_role(m.oid, 'USAGE')),
            EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $2 AND pg_has_role(m.oid, 'USAGE'))
        FROM pg_roles r WHERE r.rolname = current_user",
    )
    .bind(role)
    .bind(other)
    .fetch_one(&mut conn)
    .await
    .map_err(|error| format!("does not answer as it should: {error}"))?;
    let _ = conn.close().await;
    // Everything is granted to a superuser, so the rest says nothing more.
    let (superuser, bypasses, owns, is_it, is_other) = row;
    if superuser {
        return Ok(vec!["is a superuser"]);
    }
    let faults = [
        (bypasses, "goes round row security"),
        (owns, "owns tables"),
        (!is_it, "has not the rights that it needs here"),
        (is_other, "has the rights of the other role too"),
    ];
    Ok(faults.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect())
}
