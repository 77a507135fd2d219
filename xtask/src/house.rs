//! Who may use whom, and whose SQL: the architecture as a test.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::{Complaints, files, root, short};

/// The house from the ground up. A crate uses what stands before it.
const ORDER: &[&str] = &[
    "kernel",
    "pricing",
    "postgres",
    "tables",
    "vault",
    "db",
    "web",
    "post",
    "identity",
    "trail",
    "billing",
    "ledger",
    "catalog",
    "stock",
    "suppliers",
    "production",
    "sales",
    "restaurant",
    "dispatch",
    "studio",
    "connect",
    "reports",
    "sync",
    "hearth",
    "testkit",
    "stories",
    "bench",
    "xtask",
];

/// The crates below the slices, which know nothing of any of them.
const GROUND: usize = 7;

/// SQL that writes another's tables, each with its reason.
const WRITES: &[(&str, &str, &str)] = &[
    ("db", "stock", "the two ledgers are written by the commit alone, together"),
    ("db", "ledger", "the two ledgers are written by the commit alone, together"),
    ("identity", "db", "opening a business makes its tenant"),
];

/// SQL that reads upwards, each with its reason.
const READS: &[(&str, &str, &str)] = &[
    ("db", "stock", "commit locks and values stock"),
    ("db", "ledger", "sealing asks which days have postings"),
    ("db", "identity", "the trail names its actor"),
];

/// Longest file.
const LINES: usize = 600;

pub fn check() -> Complaints {
    [dependencies(), sql(), migrations(&migration_files()), sizes()].concat()
}

/// The migrations of all crates: one history by the number before the name.
fn migration_files() -> Vec<String> {
    let all = ["crates", "slices"].iter().flat_map(|folder| files(&root().join(folder), &[".sql"]));
    all.filter(|path| path.parent().is_some_and(|parent| parent.ends_with("migrations"))).map(|path| short(&path)).collect()
}

/// No two migrations have one number: one of them would never run.
fn migrations(files: &[String]) -> Complaints {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut complaints = Vec::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or_default();
        let number = name.split('_').next().unwrap_or_default();
        if let Some(other) = first.insert(number, file) {
            complaints.push(format!("{other} and {file} have the same number {number}; give one of them another"));
        }
    }
    complaints
}

fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|n| *n == name)
}

fn dependencies() -> Complaints {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root()).output();
    let Some(metadata) = output.ok().and_then(|o| serde_json::from_slice::<serde_json::Value>(&o.stdout).ok()) else {
        return vec!["cargo metadata can't be read".into()];
    };
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(own) = rank(name) else {
            complaints.push(format!("{name}: has no place in the house; give it one in xtask/src/house.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null()) {
            let used = dependency["name"].as_str().unwrap_or_default();
            if let Some(other) = rank(used).filter(|_| dependency["path"].is_string())
                && other >= own
            {
                complaints.push(format!("{name} uses {used}, which stands above it"));
            }
        }
    }
    complaints
}

/// Every schema named in a statement belongs to the crate itself, or to a lower one that is only read.
fn sql() -> Complaints {
    let mut complaints = Vec::new();
    for crate_folder in crates() {
        let name = crate_folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for file in files(&crate_folder.join("src"), &[".rs", ".sql"]) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            for (verb, schema) in statements(&text) {
                if let Some(complaint) = judge(&name, verb, &schema) {
                    complaints.push(format!("{}: {complaint}", short(&file)));
                }
            }
        }
    }
    complaints.sort();
    complaints.dedup();
    complaints
}

fn crates() -> Vec<std::path::PathBuf> {
    let below = |folder: &str| {
        let mut all: Vec<_> =
            std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
        all.sort();
        all
    };
    [below("crates"), below("slices")].concat().into_iter().filter(|p| !p.ends_with("testkit")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Reads,
    Writes,
}

/// The schemas that a file's statements name.
fn statements(text: &str) -> Vec<(Verb, String)> {
    const WORDS: &[(&str, Verb)] = &[
        ("INSERT INTO ", Verb::Writes),
        ("UPDATE ", Verb::Writes),
        ("DELETE FROM ", Verb::Writes),
        ("FROM ", Verb::Reads),
        ("JOIN ", Verb::Reads),
    ];
    let mut found = Vec::new();
    for (word, verb) in WORDS {
        for (at, _) in text.match_indices(word) {
            if *word == "FROM " && text[..at].ends_with("DELETE ") {
                continue;
            }
            let rest = &text[at + word.len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_' || *c == '.').collect();
            if let Some((schema, table)) = name.split_once('.')
                && !table.is_empty()
                && (rank(schema).is_some())
            {
                found.push((*verb, schema.to_owned()));
            }
        }
    }
    found
}

fn judge(name: &str, verb: Verb, schema: &str) -> Option<String> {
    if name == schema {
        return None;
    }
    let excused = |list: &[(&str, &str, &str)]| list.iter().any(|(who, whose, _)| *who == name && *whose == schema);
    match verb {
        Verb::Writes if excused(WRITES) => None,
        Verb::Writes => Some(format!("writes tables of {schema}")),
        Verb::Reads if schema == "db" || excused(READS) => None,
        Verb::Reads => match (rank(name), rank(schema)) {
            (Some(own), Some(other)) if other < own && own >= GROUND => None,
            _ => Some(format!("reads tables of {schema}, which stands above it")),
        },
    }
}

fn sizes() -> Complaints {
    let mut longest = BTreeMap::new();
    for file in files(&root(), &[".rs"]) {
        let lines = std::fs::read_to_string(&file).map_or(0, |t| t.lines().count());
        if lines > LINES {
            longest.insert(short(Path::new(&file)), lines);
        }
    }
    longest.into_iter().map(|(file, lines)| format!("{file}: {lines} lines; over {LINES} a file wants a better shape")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_migrations_of_one_number_are_named() {
        let said = |names: &[&str]| migrations(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(said(&["slices/a/migrations/20261121000100_a.sql", "slices/b/migrations/20261121000101_a.sql"]).is_empty());
        let found = said(&["slices/a/migrations/20261121000100_a.sql", "slices/b/migrations/20261121000100_b.sql"]);
        assert_eq!(
            found,
            [
                "slices/a/migrations/20261121000100_a.sql and slices/b/migrations/20261121000100_b.sql have the same number 20261121000100; give one of them another"
            ]
        );
    }

    #[test]
    fn the_migrations_of_this_house_have_numbers_of_their_own() {
        let files = migration_files();
        assert!(files.len() >= 7, "{files:?}");
        assert_eq!(migrations(&files), Complaints::new());
    }
}
