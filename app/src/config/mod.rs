//! Configuration: one table of settings, from which they are read, checked, shown and documented.

mod docs;
mod guard;
mod identity;
mod mail;
mod source;
mod table;
mod trail;
mod url;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use docs::{env_example, reference};
pub use mail::Mail;
use serde::Serialize;
pub use source::Sources;
use source::{Value, Values};
use sqlx::postgres::PgConnectOptions;
pub use table::{Setting, TABLE};
use tracing_subscriber::EnvFilter;
pub use trail::{Bucket, Checkpoints};
pub use url::PublicUrl;

/// One thing that is wrong with the settings, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The variable, the file or the flag.
    pub setting: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub mend: String,
}

impl Problem {
    /// A problem with a setting.
    pub fn new(setting: &str, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), problem: problem.into(), mend: mend.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}. {}", self.setting, self.problem, self.mend)
    }
}

/// Whom the installation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For trying and building.
    Development,
    /// In front of strangers.
    Production,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One object a line.
    Json,
    /// For people.
    Text,
}

/// Where the data lies.
#[derive(Clone)]
pub enum Database {
    /// The private PostgreSQL in the data directory.
    Embedded,
    /// A PostgreSQL that somebody else runs.
    External(Box<External>),
}

/// The addresses of a PostgreSQL that somebody else runs. Not `Debug`: they hold passwords.
#[derive(Clone)]
pub struct External {
    /// As hearth_app.
    pub app: PgConnectOptions,
    /// As hearth_system.
    pub system: PgConnectOptions,
    /// As hearth_owner, where it is known.
    pub owner: Option<PgConnectOptions>,
}

/// All settings, understood.
#[derive(Clone)]
pub struct Config {
    /// Development or production.
    pub mode: Mode,
    /// Where to serve.
    pub listen: SocketAddr,
    /// What people type.
    pub public_url: PublicUrl,
    /// Where Hearth keeps what it owns.
    pub data_dir: PathBuf,
    /// Where the data lies.
    pub database: Database,
    /// At most so many connections for requests and jobs.
    pub connections: u32,
    /// Where the programs of PostgreSQL lie.
    pub postgres_bin: Option<PathBuf>,
    /// The keys that seal, as they are written down; none where a file in the data directory holds them.
    pub encryption_keys: Option<String>,
    /// How letters leave.
    pub mail: Mail,
    /// How text messages leave; none where nobody set a gateway up.
    pub sms: Option<post::Gateway>,
    /// Where checkpoints of the trail are taken; nowhere beside the database, where none is set.
    pub checkpoints: Option<Checkpoints>,
    /// Months of activity that are kept, the present one included.
    pub activity_months: u32,
    /// How many proxies stand in front.
    pub trusted_proxies: u8,
    /// How many nodes serve the database.
    pub nodes: u32,
    /// Where they count together.
    pub redis: Option<web::Redis>,
    /// How many times each limit is as wide as it says.
    pub limit_factor: u32,
    /// What asks whether somebody is a person.
    pub captcha: Option<web::Captcha>,
    /// The corpus of breached passwords that chosen ones are held against.
    pub breaches: Option<String>,
    /// Other sites whose pages may use the API.
    pub cors_origins: Vec<String>,
    /// Identity providers through which people may sign in.
    pub providers: Vec<web::Provider>,
    /// Whose access tokens count beside the program's own.
    pub external: Option<web::ExternalTokens>,
    /// The business as whose first owner everybody on this machine acts, where authentication is off.
    pub auth_off: Option<String>,
    /// What is logged.
    pub log: String,
    /// How it looks.
    pub log_format: LogFormat,
    data_dir_given: bool,
}

/// A setting as it may be shown to anybody.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Its name in the file.
    pub key: &'static str,
    /// Its value, secrets masked.
    pub value: String,
    /// Where it comes from.
    pub from: String,
}

/// What the sources say, understood as far as it can be.
pub struct Reading {
    /// All settings, when each of them can be understood; there may be problems all the same.
    pub config: Option<Config>,
    /// The addresses of an external database that must be looked at before production starts.
    pub to_check: Option<External>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Every setting with its value, secrets masked.
    pub shown: Vec<Shown>,
}

impl Config {
    /// Reads all settings.
    pub fn read(sources: &Sources) -> Reading {
        let mut problems = Vec::new();
        let values = source::gather(sources, &mut problems);
        let mut reader = Reader { values: &values, problems: &mut problems };
        let (mode, database) = (reader.mode(), reader.database());
        let config = reader.config(sources, mode, database.clone());
        let shown = reader.shown(config.as_ref());
        let to_check = match database {
            Some(Database::External(external)) if mode == Mode::Production => Some(*external),
            _ => None,
        };
        Reading { config, to_check, problems, shown }
    }

    /// Reads all settings, or says everything that is wrong with them.
    pub fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let reading = Self::read(sources);
        match reading.config {
            Some(config) if reading.problems.is_empty() => Ok(config),
            _ => Err(reading.problems),
        }
    }

    /// Whether strangers come here.
    pub fn production(&self) -> bool {
        self.mode == Mode::Production
    }

    /// Where the keys that seal lie when no setting holds them.
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join(KEY_FILE)
    }

    /// Where the demo keeps its data when nobody said where: beside a real business's, never in it.
    pub fn demo_dir(&self) -> PathBuf {
        if self.data_dir_given {
            return self.data_dir.clone();
        }
        let mut name = self.data_dir.clone().into_os_string();
        name.push("-demo");
        PathBuf::from(name)
    }
}

/// Beside the data, readable by its owner alone.
const KEY_FILE: &str = "encryption.keys";

/// Turns texts into settings and collects what is wrong.
struct Reader<'a> {
    values: &'a Values,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn mode(&mut self) -> Mode {
        self.choice("mode", &[("development", Mode::Development), ("production", Mode::Production)]).unwrap_or(Mode::Development)
    }

    fn config(&mut self, sources: &Sources, mode: Mode, database: Option<Database>) -> Option<Config> {
        let production = mode == Mode::Production;
        let listen: Option<SocketAddr> = self.parsed(
            "listen",
            "127.0.0.1:8080",
            |text| text.parse().ok(),
            "is no address with a port",
            "Write it like 127.0.0.1:8080 or [::]:8080.",
        );
        let public_url = self.public_url(listen, production);
        let data_dir = self.data_dir(sources);
        let connections = self.number("database_connections", 16, 2..=500);
        let postgres_bin = self.postgres_bin();
        let encryption_keys = self.encryption_keys(data_dir.as_deref(), production && matches!(database, Some(Database::External(_))));
        let mail = self.mail(mode);
        let sms = self.sms(mode);
        let checkpoints = self.checkpoints();
        let activity_months = self.number("activity_months", db::activity::MONTHS, 1..=120);
        let trusted_proxies = self.number("trusted_proxies", 0, 0..=10);
        let nodes = self.number("nodes", 1, 1..=1000);
        let redis = self.redis(nodes, &database);
        let (limit_factor, captcha, cors_origins) = (self.limit_factor(mode), self.captcha(mode), self.cors_origins());
        let breaches = self.breaches(mode);
        let (providers, external) = (self.providers(mode), self.external(mode));
        let auth_off = self.auth_off(mode, listen, trusted_proxies);
        let log = self.log();
        let log_format = self.choice("log_format", &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
        if production {
            self.refuse_plain(listen, public_url.as_ref(), trusted_proxies);
            self.refuse_readable(&database);
        }
        Some(Config {
            mode,
            listen: listen?,
            public_url: public_url?,
            data_dir: data_dir?,
            database: database?,
            connections: connections?,
            postgres_bin,
            encryption_keys,
            mail: mail?,
            sms,
            checkpoints,
            activity_months: activity_months?,
            trusted_proxies: u8::try_from(trusted_proxies?).ok()?,
            nodes: nodes?,
            redis,
            limit_factor: limit_factor?,
            captcha,
            breaches,
            cors_origins,
            providers,
            external,
            auth_off,
            log: log?,
            log_format: log_format.unwrap_or(if production { LogFormat::Json } else { LogFormat::Text }),
            data_dir_given: self.text("data_dir").is_some(),
        })
    }

    fn log(&mut self) -> Option<String> {
        let parse = |text: &str| EnvFilter::try_new(text).is_ok().then(|| text.to_owned());
        let mend = "Write a level such as info, or levels by part such as info,db=debug.";
        self.parsed("log", "info", parse, "is no filter of log levels", mend)
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.value(key).map(|value| value.text.trim()).filter(|text| !text.is_empty())
    }

    fn problem(&mut self, key: &str, what: impl Into<String>, mend: impl Into<String>) {
        let variable = table::find(key).map_or_else(|| key.to_owned(), Setting::variable);
        // Said as it was given: by another variable, a file or the command line.
        let named = match self.value(key) {
            Some(value) if value.from != variable => format!("{variable} (from {})", value.from),
            _ => variable,
        };
        self.problems.push(Problem::new(&named, what, mend));
    }

    fn parsed<T>(&mut self, key: &str, default: &str, parse: impl Fn(&str) -> Option<T>, what: &str, mend: &str) -> Option<T> {
        let text = self.text(key).unwrap_or(default).to_owned();
        let value = parse(&text);
        if value.is_none() {
            self.problem(key, format!("{what}: {text}"), mend);
        }
        value
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?.to_owned();
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.problem(key, format!("can't be {text}"), format!("Set it to {}.", names.join(" or ")));
        }
        chosen
    }

    fn number(&mut self, key: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let mend = format!("Give a whole number from {} to {}.", range.start(), range.end());
        let parse = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.parsed(key, &default.to_string(), parse, "is out of range", &mend)
    }

    fn public_url(&mut self, listen: Option<SocketAddr>, production: bool) -> Option<PublicUrl> {
        if self.text("public_url").is_none() {
            if production {
                self.problem("public_url", "is not set", "Set it to the address that people type, such as https://bakery.example.");
                return None;
            }
            return listen.map(PublicUrl::of_listen);
        }
        let mend = "Write scheme and host, such as https://bakery.example, without a path.";
        self.parsed("public_url", "", PublicUrl::parse, "is no address", mend)
    }

    fn data_dir(&mut self, sources: &Sources) -> Option<PathBuf> {
        let dir = match self.text("data_dir") {
            Some(dir) => Some(PathBuf::from(dir)),
            None => usual_data_dir(sources),
        };
        if dir.is_none() {
            self.problem("data_dir", "is not set, and there is no home directory", "Set it to a directory for Hearth's data.");
        }
        dir
    }

    fn database(&mut self) -> Option<Database> {
        if self.text("database_url").is_none_or(|text| text == "embedded") {
            for key in ["database_system_url", "database_owner_url"] {
                if self.text(key).is_some() {
                    self.problem(key, "is set, but the database is embedded", "Set HEARTH_DATABASE_URL too, or remove this one.");
                }
            }
            return Some(Database::Embedded);
        }
        let app = self.connection("database_url");
        let owner = self.connection("database_owner_url");
        if self.text("database_system_url").is_none() {
            let mend = "Set it to the same database as the role hearth_system.";
            self.problem("database_system_url", "is not set, and the database is not embedded", mend);
        }
        let system = self.connection("database_system_url");
        Some(Database::External(Box::new(External { app: app?, system: system?, owner })))
    }

    /// Never shows the text: a slip may put the password anywhere.
    fn connection(&mut self, key: &str) -> Option<PgConnectOptions> {
        let text = self.text(key)?.to_owned();
        let is_address = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let options = text.parse().ok().filter(|_| is_address);
        if options.is_none() {
            self.problem(key, "is no address of a PostgreSQL", "Write it like postgres://role:password@host:5432/database.");
        }
        options
    }

    fn postgres_bin(&mut self) -> Option<PathBuf> {
        let dir = PathBuf::from(self.text("postgres_bin")?);
        if !dir.join("postgres").is_file() || !dir.join("initdb").is_file() {
            let what = format!("has no postgres and initdb in it: {}", dir.display());
            self.problem("postgres_bin", what, "Name the bin directory of a PostgreSQL, or remove it.");
        }
        Some(dir)
    }

    /// Never shows the text.
    fn encryption_keys(&mut self, data_dir: Option<&std::path::Path>, shared: bool) -> Option<String> {
        let Some(text) = self.text("encryption_keys").map(|text| text.replace(',', "\n")) else {
            if shared && !data_dir.is_some_and(|dir| dir.join(KEY_FILE).is_file()) {
                let mend = "Run `hearth keys new`, set it to what is printed, the same on every node, and keep a copy.";
                self.problem("encryption_keys", "is not set, and the database is not embedded", mend);
            }
            return None;
        };
        if let Err(wrong) = vault::Keyring::parse(&text) {
            self.problem("encryption_keys", format!("can't be read: {wrong}"), "Write lines of an id, a space and 32 bytes in base64.");
        }
        Some(text)
    }

    fn refuse_plain(&mut self, listen: Option<SocketAddr>, public_url: Option<&PublicUrl>, proxies: Option<u32>) {
        if proxies != Some(0) {
            return;
        }
        if public_url.is_some_and(|url| !url.is_https()) {
            let mend = "Put a proxy with TLS in front, write https:// here, and set HEARTH_TRUSTED_PROXIES to 1.";
            self.problem("public_url", "is plain HTTP", mend);
        }
        if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
            let mend = "Put a proxy with TLS in front and set HEARTH_TRUSTED_PROXIES to 1, or listen on 127.0.0.1.";
            self.problem("listen", "is open beyond this machine without TLS", mend);
        }
    }

    fn shown(&self, config: Option<&Config>) -> Vec<Shown> {
        let derived = |key| {
            Some(match (key, config?) {
                ("public_url", config) => config.public_url.to_string(),
                ("data_dir", config) => config.data_dir.display().to_string(),
                ("log_format", config) => format!("{:?}", config.log_format).to_lowercase(),
                _ => return None,
            })
        };
        let row = |setting: &'static Setting| {
            let given = self.text(setting.key).map(|text| if setting.secret { url::masked(text) } else { text.to_owned() });
            let value = given.or_else(|| derived(setting.key)).unwrap_or_else(|| setting.default.to_owned());
            let from = self.value(setting.key).map_or_else(|| "default".to_owned(), |value| value.from.clone());
            Shown { key: setting.key, value, from }
        };
        TABLE.iter().map(row).collect()
    }
}

/// Root's is where a service's belongs, else it is in the user's own.
fn usual_data_dir(sources: &Sources) -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/hearth"));
    }
    let absolute = |name| sources.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share"))).map(|dir| dir.join("hearth"))
}

#[cfg(test)]
mod tests;
