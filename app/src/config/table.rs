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
    secret(
        "encryption_keys",
        "(a file in the data directory, made at the first start)",
        "k1 BASE64-OF-32-BYTES",
        "The keys that seal secrets in the database: an id of small letters and digits, a space, and 32 bytes in base64 \
         (`hearth keys new` prints one). Several are separated by commas; the last one seals, all of them open. Every node \
         needs the same. Without it the file `encryption.keys` in the data directory holds them; in production with a \
         database that is not embedded it must be set. Keep a copy apart from the database's backups: without the keys, \
         second factors and signing keys are lost.",
    ),
    secret(
        "smtp_url",
        "(none: letters wait in the queue; in development they are written to `mail` in the data directory)",
        "smtp://user:PASSWORD@mail.example:587?tls=required",
        "The mail server that takes letters: `smtp://user:password@host:587?tls=required` (STARTTLS, or nothing is sent), \
         `smtps://user:password@host` (TLS from the start, port 465) or `smtp://host` (no TLS; in production without a password \
         only, unless it is this machine). Needs HEARTH_MAIL_FROM. `hearth mail test ADDRESS` tries it.",
    ),
    secret(
        "sms_url",
        "(none)",
        "https://api.sms.example/v1/messages",
        "Where text messages are sent: the address of a gateway's HTTP interface. With it, people may have codes sent to a telephone. Needs \
         HEARTH_SMS_BODY. `hearth mail text NUMBER` tries it.",
    ),
    setting(
        "sms_body",
        "(none)",
        "To={to}&From=Hearth&Body={text}",
        "What the gateway is sent, with `{to}` and `{text}` in their places: a form, or an object of JSON such as \
         `{\"to\": \"{to}\", \"text\": \"{text}\"}`.",
    ),
    secret(
        "sms_headers",
        "(none)",
        "Authorization: Bearer SECRET",
        "Headers that the gateway wants, a line each: `name: value`. Best as HEARTH_SMS_HEADERS_FILE.",
    ),
    setting(
        "mail_from",
        "(none)",
        "Hill Bakery <post@bakery.example>",
        "The address that letters come from, with or without a name. Letters of a business carry its own name before this address. \
         Needs HEARTH_SMTP_URL.",
    ),
    setting(
        "trail_checkpoints",
        "(none)",
        "s3://hearth-checkpoints/bakery",
        "Where the trail's signed checkpoints are taken every hour, so that whoever has the database can't change the past \
         unseen: the whole path of a directory (on another machine's disk), or `s3://bucket/prefix`. `hearth trail verify` \
         compares the database with them.",
    ),
    setting("s3_endpoint", "(Amazon's own)", "https://s3.example.com", "The S3 server of `s3://…` addresses."),
    setting("s3_region", "us-east-1", "eu-west-2", "Its region."),
    setting("s3_access_key", "(the machine's own rights)", "AKIAEXAMPLE", "The key by which Hearth is known there."),
    secret("s3_secret_key", "(the machine's own rights)", "SECRET", "The secret of that key."),
    setting(
        "activity_months",
        "13",
        "25",
        "How many months of activity (sign-ins, letters, exports) are kept, from 1 to 120, the present one included. The trail \
         itself is kept for good.",
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
        "2",
        "How many nodes serve this database. More than one need a database that is not embedded, and HEARTH_REDIS_URL; such a node \
         refuses to start when Redis does not answer.",
    ),
    secret(
        "redis_url",
        "(none)",
        "rediss://:PASSWORD@redis.example:6379/0",
        "The Redis or Valkey in which several nodes count sign-ins and requests together: `redis://`, `rediss://` (TLS) or \
         `redis+unix://`. It holds nothing that is missed when it is lost; while it is away each node counts by itself.",
    ),
    setting("limit_factor", "1", "1000", "How many times each limit is as wide as it says, for measuring. Production takes 1 alone."),
    setting(
        "turnstile_site_key",
        "(none)",
        "0x4AAAAAAAEXAMPLE",
        "The site key of a Cloudflare Turnstile widget: with it, who registers proves to be a person, and so does who signs in after \
         wrong guesses. Needs HEARTH_TURNSTILE_SECRET.",
    ),
    secret("turnstile_secret", "(none)", "0x4AAAAAAASECRET", "The secret of that widget. Needs HEARTH_TURNSTILE_SITE_KEY."),
    setting(
        "turnstile_url",
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "http://127.0.0.1:9000/siteverify",
        "Who is asked whether an answer to the widget is good. Only development may ask somebody else.",
    ),
    setting(
        "breached_passwords",
        "(none)",
        "https://api.pwnedpasswords.com/range",
        "A corpus of breached passwords with the range interface of Have I Been Pwned, which chosen passwords are held against. It is \
         told five digits of a digest, and learns no password.",
    ),
    setting(
        "cors_origins",
        "(none)",
        "https://shop.example, https://app.example",
        "Other sites whose pages may use the API, with tokens and never with cookies: their exact origins, separated by commas.",
    ),
    setting(
        "auth",
        "on",
        "off",
        "`on`, or `off` for building and trying: everybody who asks from this machine is then the first owner of the business in \
         HEARTH_AUTH_OFF_TENANT. Only development, on an address that no other machine reaches, starts so.",
    ),
    setting("auth_off_tenant", "(none)", "bakery", "The short name of that business. Needs HEARTH_AUTH=off."),
    secret(
        "oidc",
        "(none)",
        "google https://accounts.google.com CLIENT-ID CLIENT-SECRET",
        "OpenID Connect providers through which people may sign in, a line for each: a name of small letters for the button, the          issuer's address, the client's id and secret, and, where they are not `openid email profile`, the scopes. At the          provider, allow the redirect to `/v1/auth/oidc/NAME/callback` and, after signing out, to `/login`.",
    ),
    setting(
        "external_issuer",
        "(none)",
        "https://login.example",
        "Access tokens of this issuer are taken beside Hearth's own (`Authorization: Bearer`). Needs the other settings of          HEARTH_EXTERNAL_….",
    ),
    setting("external_audience", "(none)", "https://bakery.example", "The audience (`aud`) that those tokens must name."),
    setting("external_jwks_url", "(none)", "https://login.example/.well-known/jwks.json", "Where the public keys of that issuer are."),
    setting(
        "external_algorithms",
        "(none)",
        "ES256",
        "What those tokens may be signed by: some of RS256, ES256 and EdDSA, separated by commas.",
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
