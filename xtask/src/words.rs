//! Every text key that the source names is in the catalogue, every code is in the table, and no word promises work.

use std::collections::BTreeSet;

use crate::{Complaints, files, root, said, short};

pub fn check() -> Complaints {
    let sources: Vec<(String, String)> = ["app", "crates", "slices"]
        .iter()
        .flat_map(|f| files(&root().join(f), &[".rs"]))
        .filter(|p| p.components().any(|c| c.as_os_str() == "src"))
        .filter_map(|p| Some((short(&p), std::fs::read_to_string(&p).ok()?)))
        .collect();
    [texts(&sources), codes(&sources), said::check(&sources), promises(&sources)].concat()
}

/// Every literal after `marker`, up to the next quotation mark.
fn literals<'a>(text: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(marker).filter_map(move |(at, _)| text[at + marker.len()..].split('"').next())
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

fn texts(sources: &[(String, String)]) -> Complaints {
    let mut known = BTreeSet::new();
    let mut complaints = Vec::new();
    for file in files(&root(), &[".ftl"]) {
        for line in std::fs::read_to_string(&file).unwrap_or_default().lines() {
            if let Some((key, _)) = line.split_once(" =").filter(|(k, _)| is_key(k))
                && !known.insert(key.to_owned())
            {
                complaints.push(format!("{}: {key} is said twice", short(&file)));
            }
        }
    }
    for (file, text) in sources {
        let used = literals(text, " t(\"")
            .chain(literals(text, "(t(\""))
            .chain(literals(text, "tf(\""))
            .chain(literals(text, "label: \""))
            .chain(literals(text, "Word(\""));
        let headings = text.match_indices("Column::shown(").filter_map(|(at, _)| text[at..].split('"').nth(3));
        for key in used.chain(headings).filter(|k| is_key(k) && k.contains('-')) {
            if !known.contains(key) {
                complaints.push(format!("{file}: no text is called {key}"));
            }
        }
        for action in literals(text, "Change::of(\"") {
            let key = format!("log-{}", action.replace('.', "-"));
            if !known.contains(&key) {
                complaints.push(format!("{file}: the trail has no words for {action} (text {key})"));
            }
        }
    }
    complaints
}

fn codes(sources: &[(String, String)]) -> Complaints {
    let table = std::fs::read_to_string(root().join("crates/kernel/src/codes.rs")).unwrap_or_default();
    let known: BTreeSet<&str> = literals(&table, "row(\"").chain(literals(&table, "held(\"")).collect();
    let words = std::fs::read_to_string(root().join("crates/kernel/texts/codes.en.ftl")).unwrap_or_default();
    let keys = |code: &&str| format!("code-{} = ", code.replace(['.', '_'], "-"));
    let mut complaints: Complaints = known
        .iter()
        .filter(|code| !words.lines().any(|line| line.starts_with(&keys(code))))
        .map(|code| format!("crates/kernel/texts/codes.en.ftl: no words for the code {code}"))
        .collect();
    let said = words.lines().filter(|line| line.starts_with("code-"));
    let unused = said.filter(|line| !known.iter().any(|code| line.starts_with(&keys(code))));
    complaints.extend(unused.map(|line| format!("crates/kernel/texts/codes.en.ftl: the table has no code for {line}")));
    for (file, text) in sources {
        for code in literals(text, "Error::rule(\"") {
            if !known.contains(code) {
                complaints.push(format!("{file}: the table has no code {code}"));
            }
        }
        for call in text.match_indices("Error::field(").map(|(at, m)| &text[at + m.len()..]) {
            // The code is the last literal before the call closes, when it is a literal at all.
            let inside = call.split("))").next().unwrap_or_default();
            if let Some(code) = inside.rsplit(", \"").next().and_then(|c| c.strip_suffix('"')).filter(|c| is_code(c))
                && !known.contains(code)
            {
                complaints.push(format!("{file}: the table has no code {code}"));
            }
        }
    }
    complaints
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c))
}

fn promises(sources: &[(String, String)]) -> Complaints {
    // Spelled in parts, so that this file does not find itself.
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!("), concat!("coming", " soon")];
    sources
        .iter()
        .flat_map(|(file, text)| words.iter().filter(|w| text.contains(**w)).map(move |w| format!("{file}: says {w} instead of doing it")))
        .collect()
}
