use std::ffi::OsString;
use std::fs;

use super::*;

fn sources(environment: &[(&str, &str)]) -> Sources {
    let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    Sources { environment: [("HOME", "/home/ada")].iter().chain(environment).map(pair).collect(), ..Sources::default() }
}

fn problems(environment: &[(&str, &str)]) -> Vec<String> {
    Config::read(&sources(environment)).problems.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused(environment: &[(&str, &str)], said: &str) {
    let problems = problems(environment);
    assert!(problems.len() == 1 && problems[0].contains(said), "{problems:?} should say {said}");
}

const PRODUCTION: [(&str, &str); 2] = [("HEARTH_MODE", "production"), ("HEARTH_PUBLIC_URL", "https://bakery.example")];

#[test]
fn nothing_needs_to_be_set() {
    let config = Config::load(&sources(&[])).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url.to_string(), "http://127.0.0.1:8080");
    assert!(matches!(config.database, Database::Embedded));
    assert_eq!(config.log_format, LogFormat::Text);
    assert!(config.demo_dir().to_string_lossy().ends_with("hearth-demo"), "the demo never lies in a real business's data");
}

#[test]
fn the_demo_lies_where_it_is_told_to() {
    let config = Config::load(&sources(&[("HEARTH_DATA_DIR", "/srv/x")])).unwrap();
    assert_eq!(config.demo_dir(), std::path::Path::new("/srv/x"));
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hearth.toml");
    fs::write(&file, "listen = \"127.0.0.1:1\"\ndata_dir = \"/file\"\ndatabase_connections = 7\n").unwrap();
    let mut sources =
        sources(&[("HEARTH_LISTEN", "127.0.0.1:2"), ("HEARTH_DATA_DIR", "/environment"), ("HEARTH_CONFIG", file.to_str().unwrap())]);
    sources.flags.push(("data_dir", "/flag".into()));
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.listen.port(), config.data_dir.to_str().unwrap(), config.connections), (2, "/flag", 7));
    let reading = Config::read(&sources);
    let from = |key| reading.shown.iter().find(|shown| shown.key == key).unwrap().from.clone();
    assert_eq!(
        (from("listen").as_str(), from("data_dir").as_str(), from("mode").as_str()),
        ("HEARTH_LISTEN", "the command line", "default")
    );
    assert_eq!(from("database_connections"), file.display().to_string());
}

#[test]
fn a_secret_may_be_a_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, "postgres://hearth_app:s3cret@db/hearth\n").unwrap();
    let reading = Config::read(&sources(&[
        ("HEARTH_DATABASE_URL_FILE", file.to_str().unwrap()),
        ("HEARTH_DATABASE_SYSTEM_URL", "postgres://hearth_system:s3cret@db/hearth"),
    ]));
    assert_eq!(reading.problems, []);
    assert!(matches!(reading.config.unwrap().database, Database::External(_)));
    let shown = serde_json::to_string(&reading.shown).unwrap();
    assert!(shown.contains("hearth_app:********@db") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn secrets_stay_hidden_in_problems_too() {
    for wrong in ["s3cret", "postgres://a:s3cret@db:x/hearth", "mysql://a:s3cret@db/hearth"] {
        let reading = Config::read(&sources(&[("HEARTH_DATABASE_URL", wrong)]));
        assert!(!reading.problems.is_empty());
        let all = format!("{:?} {:?}", reading.problems, reading.shown);
        assert!(!all.contains("s3cret"), "{all}");
    }
}

#[test]
fn every_problem_comes_at_once_with_its_mend() {
    let problems = Config::read(&sources(&[
        ("HEARTH_MODE", "prod"),
        ("HEARTH_LISTEN", "8080"),
        ("HEARTH_PUBLIC_URL", "bakery.example"),
        ("HEARTH_DATABASE_CONNECTIONS", "1"),
        ("HEARTH_POSTGRES_BIN", "/nowhere"),
        ("HEARTH_TRUSTED_PROXIES", "many"),
        ("HEARTH_LOG", "info,=="),
        ("HEARTH_LOG_FORMAT", "xml"),
        ("HEARTH_LISEN", "x"),
    ]))
    .problems;
    assert_eq!(problems.len(), 9, "{problems:?}");
    assert!(problems.iter().all(|problem| !problem.mend.is_empty()));
}

#[test]
fn names_that_are_none_are_refused_with_the_nearest() {
    refused(&[("HEARTH_LISEN", "127.0.0.1:1")], "Did you mean HEARTH_LISTEN?");
    refused(&[("HEARTH_DATABASE_URL_FIL", "/x")], "Did you mean HEARTH_DATABASE_URL_FILE?");
    refused(&[("HEARTH_FAVOURITE_COLOUR", "red")], "docs/configuration.md");
    assert_eq!(problems(&[("HEARTH_LISTEN", ""), ("PATH", "/bin")]), [""; 0], "empty is not set, and others' variables are theirs");
}

#[test]
fn files_are_read_with_the_same_care() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hearth.toml");
    let name = file.to_str().unwrap();
    fs::write(&file, "lisen = \"127.0.0.1:1\"").unwrap();
    refused(&[("HEARTH_CONFIG", name)], "Did you mean listen?");
    fs::write(&file, "mode = \"development\"\nlisten = ").unwrap();
    refused(&[("HEARTH_CONFIG", name)], "is no TOML in line 2");
    fs::write(&file, "listen = { port = 1 }").unwrap();
    refused(&[("HEARTH_CONFIG", name)], "is table");
    refused(&[("HEARTH_CONFIG", "/nowhere/hearth.toml")], "can't be read");
    refused(&[("HEARTH_DATABASE_URL_FILE", "/dev/zero")], "larger than 64 KiB");
    refused(&[("HEARTH_LISTEN", "127.0.0.1:1"), ("HEARTH_LISTEN_FILE", name)], "are both set");
}

#[test]
fn production_refuses_what_is_not_safe() {
    assert_eq!(problems(&PRODUCTION), [""; 0]);
    refused(&[("HEARTH_MODE", "production")], "HEARTH_PUBLIC_URL is not set");
    refused(&[("HEARTH_MODE", "production"), ("HEARTH_PUBLIC_URL", "http://bakery.example")], "is plain HTTP");
    let with = |more: &[(&'static str, &'static str)]| [&PRODUCTION[..], more].concat();
    refused(&with(&[("HEARTH_LISTEN", "0.0.0.0:8080")]), "open beyond this machine");
    assert_eq!(problems(&with(&[("HEARTH_LISTEN", "0.0.0.0:8080"), ("HEARTH_TRUSTED_PROXIES", "1")])), [""; 0]);
    let config = Config::load(&sources(&PRODUCTION)).unwrap();
    assert_eq!(config.log_format, LogFormat::Json);
}

#[test]
fn production_speaks_to_other_machines_by_tls() {
    let with = |more: &[(&'static str, &'static str)]| [&PRODUCTION[..], more].concat();
    let keys: &'static str = vault::new_line(&kernel::Source::real()).leak();
    let database = |app: &'static str, system: &'static str| {
        with(&[("HEARTH_DATABASE_URL", app), ("HEARTH_DATABASE_SYSTEM_URL", system), ("HEARTH_ENCRYPTION_KEYS", keys)])
    };
    let proven =
        database("postgres://hearth_app@db.example/h?sslmode=verify-full", "postgres://hearth_system@db.example/h?sslmode=verify-ca");
    assert_eq!(problems(&proven), [""; 0]);
    let here = database("postgres://hearth_app@127.0.0.1/h", "postgres://hearth_system@localhost/h?host=/run/postgresql");
    assert_eq!(problems(&here), [""; 0]);
    for mode in ["", "?sslmode=require", "?sslmode=disable"] {
        let app = format!("postgres://hearth_app@db.example/h{mode}").leak();
        refused(&database(app, "postgres://hearth_system@127.0.0.1/h"), "HEARTH_DATABASE_URL speaks to another machine");
    }
    refused(&with(&[("HEARTH_REDIS_URL", "redis://:secret@redis.example:6379/0")]), "HEARTH_REDIS_URL speaks to another machine");
    assert_eq!(problems(&with(&[("HEARTH_REDIS_URL", "rediss://:secret@redis.example:6379/0")])), [""; 0]);
    assert_eq!(problems(&with(&[("HEARTH_REDIS_URL", "redis://127.0.0.1:6379")])), [""; 0]);
    refused(&with(&[("HEARTH_BREACHED_PASSWORDS", "http://127.0.0.1:9000")]), "HEARTH_BREACHED_PASSWORDS is no address with https://");
    assert_eq!(problems(&[("HEARTH_BREACHED_PASSWORDS", "http://127.0.0.1:9000/range")]), [""; 0]);
    let bucket = ("HEARTH_TRAIL_CHECKPOINTS", "s3://vault/hearth");
    refused(&with(&[bucket, ("HEARTH_S3_ENDPOINT", "http://s3.example:9000")]), "HEARTH_S3_ENDPOINT speaks to another machine");
}

#[test]
fn an_external_database_needs_both_roles() {
    refused(&[("HEARTH_DATABASE_URL", "postgres://hearth_app@db/hearth")], "HEARTH_DATABASE_SYSTEM_URL is not set");
    refused(&[("HEARTH_DATABASE_OWNER_URL", "postgres://hearth_owner@db/hearth")], "but the database is embedded");
}

#[test]
fn mail_is_set_whole_or_not_at_all() {
    let (url, from) =
        (("HEARTH_SMTP_URL", "smtp://ada:s3cret@mail.example:587?tls=required"), ("HEARTH_MAIL_FROM", "Hill <post@hill.example>"));
    assert_eq!(problems(&[url, from]), [""; 0]);
    refused(&[url], "HEARTH_MAIL_FROM is not set, but HEARTH_SMTP_URL is");
    refused(&[from], "HEARTH_SMTP_URL is not set, but HEARTH_MAIL_FROM is");
    refused(&[url, ("HEARTH_MAIL_FROM", "Hill")], "is no address: Hill");
    for wrong in ["mail.example", "smtp://ada:s3cret@mail.example?tls=maybe", "http://ada:s3cret@mail.example"] {
        refused(&[("HEARTH_SMTP_URL", wrong), from], "is no address of a mail server");
    }
    let readable = ("HEARTH_SMTP_URL", "smtp://ada:s3cret@mail.example");
    assert_eq!(problems(&[readable, from]), [""; 0], "for trying");
    refused(&[&PRODUCTION[..], &[readable, from]].concat(), "would send its password readable");
    let reading = Config::read(&sources(&[url, from]));
    let shown = serde_json::to_string(&reading.shown).unwrap();
    assert!(shown.contains("smtp://ada:********@mail.example:587?tls=required") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn what_becomes_of_letters_is_said() {
    let notes = |environment: &[(&str, &str)]| Config::load(&sources(environment)).unwrap().notes();
    assert_eq!(notes(&[("HEARTH_DATA_DIR", "/srv/x")]), ["Letters are written to /srv/x/mail."]);
    assert!(notes(&PRODUCTION)[0].starts_with("Letters stay in the queue"));
    assert_eq!(notes(&[("HEARTH_SMTP_URL", "smtp://mail.example"), ("HEARTH_MAIL_FROM", "post@hill.example")]), [""; 0]);
}

const EXTERNAL: [(&str, &str); 2] =
    [("HEARTH_DATABASE_URL", "postgres://hearth_app@db/hearth"), ("HEARTH_DATABASE_SYSTEM_URL", "postgres://hearth_system@db/hearth")];

#[test]
fn several_nodes_need_a_shared_redis_and_a_shared_database() {
    let with = |more: &[(&'static str, &'static str)]| [&EXTERNAL[..], more].concat();
    refused(&with(&[("HEARTH_NODES", "2")]), "HEARTH_REDIS_URL is not set, but HEARTH_NODES is more than one");
    refused(&[("HEARTH_NODES", "2"), ("HEARTH_REDIS_URL", "redis://cache")], "the database is embedded");
    refused(&with(&[("HEARTH_REDIS_URL", "http://:s3cret@cache")]), "HEARTH_REDIS_URL is no address of a Redis");
    let reading = Config::read(&sources(&with(&[("HEARTH_NODES", "2"), ("HEARTH_REDIS_URL", "rediss://:s3cret@cache:6379/1")])));
    assert_eq!(reading.problems, []);
    let config = reading.config.unwrap();
    assert!(config.nodes == 2 && config.redis.is_some());
    assert!(!format!("{:?} {:?}", reading.shown, config.redis).contains("s3cret"));
}

#[test]
fn limits_are_what_they_say_in_production() {
    assert_eq!(Config::load(&sources(&[])).unwrap().limit_factor, 1);
    assert_eq!(Config::load(&sources(&[("HEARTH_LIMIT_FACTOR", "1000")])).unwrap().limit_factor, 1000);
    refused(&[&PRODUCTION[..], &[("HEARTH_LIMIT_FACTOR", "2")]].concat(), "HEARTH_LIMIT_FACTOR is more than 1");
    refused(&[("HEARTH_LIMIT_FACTOR", "0")], "out of range");
}

#[test]
fn the_captcha_is_set_whole_or_not_at_all_and_asks_cloudflare() {
    let (site, secret) = (("HEARTH_TURNSTILE_SITE_KEY", "0x4AAA"), ("HEARTH_TURNSTILE_SECRET", "0x4AAAs3cret"));
    let config = Config::load(&sources(&[site, secret])).unwrap();
    assert_eq!(config.captcha.unwrap().verify_url, "https://challenges.cloudflare.com/turnstile/v0/siteverify");
    refused(&[site], "HEARTH_TURNSTILE_SECRET is not set, but HEARTH_TURNSTILE_SITE_KEY is");
    refused(&[secret], "HEARTH_TURNSTILE_SITE_KEY is not set, but HEARTH_TURNSTILE_SECRET is");
    let elsewhere = ("HEARTH_TURNSTILE_URL", "http://127.0.0.1:9/siteverify");
    assert_eq!(problems(&[site, secret, elsewhere]), [""; 0]);
    refused(&[&PRODUCTION[..], &[site, secret, elsewhere]].concat(), "HEARTH_TURNSTILE_URL is set in production");
    let trying = ("HEARTH_TURNSTILE_SECRET", "1x0000000000000000000000000000000AA");
    refused(&[&PRODUCTION[..], &[site, trying]].concat(), "lets everybody pass");
    assert_eq!(problems(&[site, trying]), [""; 0]);
}

#[test]
fn other_sites_are_listed_by_their_exact_origins() {
    let config = Config::load(&sources(&[("HEARTH_CORS_ORIGINS", "https://Shop.example, https://app.example:8443,http://localhost:3000")]));
    assert_eq!(config.unwrap().cors_origins, ["https://shop.example", "https://app.example:8443", "http://localhost:3000"]);
    assert_eq!(Config::load(&sources(&[])).unwrap().cors_origins, [""; 0]);
    for wrong in
        ["*", "https://*.example", "http://shop.example", "https://shop.example/", "https://shop.example/x", "shop.example", "null"]
    {
        refused(&[("HEARTH_CORS_ORIGINS", wrong)], "HEARTH_CORS_ORIGINS");
    }
}

#[test]
fn providers_are_lines_and_half_a_line_stops_the_start() {
    let lines = "# those of the house\ngoogle https://accounts.google.com 12.apps s3cret\nown https://login.example/realms/a hearth s3cret2 openid email roles\n";
    let reading = Config::read(&sources(&[("HEARTH_OIDC", lines)]));
    assert_eq!(reading.problems, []);
    assert!(!format!("{:?}", reading.shown).contains("s3cret"));
    let providers = reading.config.unwrap().providers;
    assert_eq!(providers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["google", "own"]);
    assert_eq!((providers[0].scopes.as_str(), providers[1].scopes.as_str()), ("openid email profile", "openid email roles"));
    assert!(!format!("{providers:?}").contains("s3cret"));
    for (wrong, said) in [
        ("google https://accounts.google.com 12.apps", "only half written"),
        ("Google https://accounts.google.com a b", "small letters"),
        ("google http://accounts.google.com a b", "no https address"),
        ("google https://u:p@accounts.google.com a b", "no https address"),
        ("google https://accounts.google.com a b email", "without openid"),
        ("a https://a.example a b\na https://b.example a b", "a name that another line has"),
    ] {
        refused(&[("HEARTH_OIDC", wrong)], said);
        assert!(!problems(&[("HEARTH_OIDC", wrong)])[0].contains("12.apps"));
    }
    let here = ("HEARTH_OIDC", "peer http://127.0.0.1:9000 a b");
    assert_eq!(problems(&[here]), [""; 0]);
    refused(&[&PRODUCTION[..], &[("HEARTH_TRUSTED_PROXIES", "1"), here]].concat(), "no https address");
}

#[test]
fn external_tokens_are_set_whole_or_not_at_all() {
    let all = [
        ("HEARTH_EXTERNAL_ISSUER", "https://login.example"),
        ("HEARTH_EXTERNAL_AUDIENCE", "https://bakery.example"),
        ("HEARTH_EXTERNAL_JWKS_URL", "https://login.example/keys"),
        ("HEARTH_EXTERNAL_ALGORITHMS", "RS256, ES256"),
    ];
    assert!(Config::load(&sources(&[])).unwrap().external.is_none());
    assert_eq!(Config::load(&sources(&all)).unwrap().external.unwrap().algorithms, ["RS256", "ES256"]);
    for (n, (missing, _)) in all.iter().enumerate() {
        let others: Vec<_> = all.iter().enumerate().filter(|(other, _)| *other != n).map(|(_, one)| *one).collect();
        refused(&others, &format!("{missing} is not set"));
    }
    for algorithms in ["none", "HS256", "RS256,HS256", ","] {
        refused(&[&all[..3], &[("HEARTH_EXTERNAL_ALGORITHMS", algorithms)]].concat(), "names what is not taken");
    }
    refused(&[&[("HEARTH_EXTERNAL_ISSUER", "http://login.example")], &all[1..]].concat(), "HEARTH_EXTERNAL_ISSUER is no https address");
}

#[test]
fn authentication_is_switched_off_on_one_machine_alone() {
    let off = [("HEARTH_AUTH", "off"), ("HEARTH_AUTH_OFF_TENANT", "bakery")];
    assert_eq!(Config::load(&sources(&off)).unwrap().auth_off.as_deref(), Some("bakery"));
    assert_eq!(Config::load(&sources(&[])).unwrap().auth_off, None);
    assert_eq!(problems(&[&off[..], &[("HEARTH_PUBLIC_URL", "http://localhost:8080")]].concat()), [""; 0]);
    refused(&[&PRODUCTION[..], &[("HEARTH_TRUSTED_PROXIES", "1")], &off].concat(), "HEARTH_AUTH is off in production");
    refused(&[&off[..], &[("HEARTH_LISTEN", "0.0.0.0:8080")]].concat(), "HEARTH_LISTEN is open beyond this machine");
    refused(&[&off[..], &[("HEARTH_PUBLIC_URL", "https://bakery.example")]].concat(), "people come from elsewhere");
    refused(&[&off[..], &[("HEARTH_TRUSTED_PROXIES", "1")]].concat(), "people come from elsewhere");
    refused(&off[..1], "HEARTH_AUTH_OFF_TENANT is not set");
    refused(&off[1..], "authentication is on");
    refused(&[("HEARTH_AUTH", "no")], "HEARTH_AUTH can't be no");
}
