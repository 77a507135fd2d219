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
    refused(&with(&[("HEARTH_NODES", "2")]), "needs a shared Redis");
    let config = Config::load(&sources(&PRODUCTION)).unwrap();
    assert_eq!(config.log_format, LogFormat::Json);
}

#[test]
fn an_external_database_needs_both_roles() {
    refused(&[("HEARTH_DATABASE_URL", "postgres://hearth_app@db/hearth")], "HEARTH_DATABASE_SYSTEM_URL is not set");
    refused(&[("HEARTH_DATABASE_OWNER_URL", "postgres://hearth_owner@db/hearth")], "but the database is embedded");
}
