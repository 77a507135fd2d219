//! The table of settings: parsing, `hearth config check`, `.env.example` and the reference page all read it.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file; in capitals behind `HEARTH_` it is the environment variable.
    pub key: &'static str,
    /// What holds when it is not set; the words in brackets are for people.
    pub default: &'static str,
    /// Something that a person may write.
    pub example: &'static str,
    /// Whether its value, or a part of it, is shown to nobody.
    pub secret: bool,
    /// What it does, in whole sentences.
    pub help: &'static str,
}

impl Setting {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("HEARTH_{}", self.key.to_uppercase())
    }

    /// The environment variable that names a file with the value.
    pub fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable())
    }
}

const fn setting(key: &'static str, default: &'static str, example: &'static str, help: &'static str) -> Setting {
    Setting { key, default, example, secret: false, help }
}

const fn secret(key: &'static str, default: &'static str, example: &'static str, help: &'static str) -> Setting {
    Setting { key, default, example, secret: true, help }
}

/// Every setting there is.
pub static TABLE: &[Setting] = &[
    setting(
        "mode",
        "development",
        "production",
        "`development` or `production`. Production refuses to start with settings that are not safe in front of strangers, \
         and never migrates a database that holds data by itself.",
    ),
    setting(
        "listen",
        "127.0.0.1:8080",
        "0.0.0.0:8080",
        "Address and port to serve on, without TLS. Beyond this machine a proxy that speaks TLS belongs in front \
         (see HEARTH_TRUSTED_PROXIES).",
    ),
    setting(
        "public_url",
        "(http:// and HEARTH_LISTEN; must be set in production)",
        "https://bakery.example",
        "The address that people type: scheme and host, with a port where it is not the usual one.",
    ),
    setting(
        "data_dir",
        "(depends on the user)",
        "/var/lib/hearth",
        "Where Hearth keeps what it owns, the private PostgreSQL included. Usually `/var/lib/hearth` for root, else \
         `$XDG_DATA_HOME/hearth`, else `~/.local/share/hearth`; `hearth demo` adds `-demo` to the name, so that it never \
         touches a real business.",
    ),
    secret(
        "database_url",
        "embedded",
        "postgres://hearth_app:PASSWORD@db.example/hearth?sslmode=verify-full",
        "`embedded` runs a private PostgreSQL in the data directory. Else the address of a PostgreSQL 15 or newer, as the \
         role hearth_app.",
    ),
    secret(
        "database_system_url",
        "(none)",
        "postgres://hearth_system:PASSWORD@db.example/hearth?sslmode=verify-full",
        "The same database as the role hearth_system, for the few things that span businesses. Needed unless the database \
         is embedded.",
    ),
    secret(
        "database_owner_url",
        "(none)",
        "postgres://hearth_owner:PASSWORD@db.example/hearth?sslmode=verify-full",
        "The same database as the role hearth_owner. Only `hearth migrate` needs it; keep it from the servers.",
    ),
    setting(
        "database_connections",
        "16",
        "32",
        "At most so many database connections for requests and jobs, from 2 to 500. A few more are used beside them.",
    ),
    setting(
        "postgres_bin",
        "(/usr/lib/postgresql/*/bin, then PATH)",
        "/usr/lib/postgresql/17/bin",
        "The directory of `postgres` and `initdb` for the embedded database.",
    ),
    setting(
        "trusted_proxies",
        "0",
        "1",
        "How many proxies of yours stand in front, from 0 to 10. So many entries at the end of X-Forwarded-For are believed; \
         with 0 the header is ignored.",
    ),
    setting(
        "nodes",
        "1",
        "1",
        "How many nodes serve this database. Only one is possible yet: more need a shared Redis, which Hearth does not use yet.",
    ),
    setting(
        "log",
        "info",
        "info,db=debug",
        "What is logged: a level (error, warn, info, debug, trace), or levels by part, separated by commas.",
    ),
    setting("log_format", "(json in production, text in development)", "json", "`json`, one object a line, or `text` for people."),
];

/// Variables that are no settings of the table.
pub(crate) const OTHERS: &[&str] = &["HEARTH_CONFIG"];

/// The setting of a key.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}
