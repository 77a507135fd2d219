//! What `tables` and the import say has words, and the words have somebody who says them: the names of what is said against the
//! catalogue, and what stands in the places of the words against what is given for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{Complaints, files, root};

/// The texts by key, with the names of their places.
type Texts = BTreeMap<String, BTreeSet<String>>;

const SAID: &str = "crates/tables/src/said.rs";
const WORDS: &str = "slices/sales/texts/tables.en.ftl";
const WHY: &str = "slices/sales/texts/import.en.ftl";

pub fn check(sources: &[(String, String)]) -> Complaints {
    let read = |file: &Path| texts(&std::fs::read_to_string(file).unwrap_or_default());
    let of = |file: &str| read(&root().join(file));
    let all: Texts = files(&root(), &[".ftl"]).iter().flat_map(|file| read(file)).collect();
    let said = sources.iter().find(|(file, _)| file == SAID).map_or("", |(_, text)| text);
    let mut complaints = named(said, &of(WORDS));
    complaints.extend(unsaid(said, sources));
    let mentioned = |key: &str| sources.iter().any(|(_, text)| text.contains(&format!("\"{key}\"")));
    let unmentioned = of(WHY).into_keys().filter(|key| key.starts_with("import-why-") && !mentioned(key));
    complaints.extend(unmentioned.map(|key| format!("{WHY}: nothing says {key}")));
    complaints.extend(sources.iter().flat_map(|(file, text)| unfilled(file, text, &all)));
    complaints
}

/// A text is the line that names it and the lines below, until a blank one.
fn texts(file: &str) -> Texts {
    let mut found = Texts::new();
    let mut open = None;
    for line in file.lines() {
        if let Some((key, _)) = line.split_once(" =").filter(|(key, _)| !key.contains([' ', '#', '{', '*', '['])) {
            open = Some(key.to_owned());
        }
        if line.trim().is_empty() {
            open = None;
        }
        if let Some(key) = &open {
            let names = line.split('$').skip(1).map(|rest| rest.split(|c: char| !is_name(c)).next().unwrap_or_default().to_owned());
            found.entry(key.clone()).or_default().extend(names);
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The variants of `Said` as the catalogue calls them, with their fields.
fn variants(source: &str) -> Texts {
    let body = source.split_once("pub enum Said {").and_then(|(_, rest)| rest.split_once("\n}")).map_or("", |(body, _)| body);
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut found = Texts::new();
    let mut rest = lines.trim_start();
    while let Some(end) = rest.find([',', '{']) {
        let name = format!("tables-{}", kebab(rest[..end].trim()));
        let (fields, after) =
            if rest.as_bytes()[end] == b'{' { rest[end + 1..].split_once('}').unwrap_or_default() } else { ("", &rest[end..]) };
        let fields = fields.split(',').filter_map(|field| field.split_once(':')).map(|(field, _)| field.trim().to_owned());
        found.insert(name, fields.collect());
        rest = after.trim_start_matches([',', ' ']);
    }
    found
}

fn kebab(name: &str) -> String {
    let mut said = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            said.push('-');
        }
        said.push(letter.to_ascii_lowercase());
    }
    said
}

/// Each thing that is said has words that name just its fields, and there are no words besides.
fn named(source: &str, words: &Texts) -> Complaints {
    let said = variants(source);
    let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut complaints = Vec::new();
    for (key, fields) in &said {
        match words.get(key) {
            None => complaints.push(format!("{WORDS}: no words for {key}")),
            Some(places) if places != fields => {
                complaints.push(format!("{WORDS}: {key} has places for [{}] and is given [{}]", list(places), list(fields)));
            }
            Some(_) => {}
        }
    }
    complaints.extend(words.keys().filter(|key| !said.contains_key(*key)).map(|key| format!("{WORDS}: nothing is called {key}")));
    complaints
}

/// A variant that no reader of files ever says.
fn unsaid(source: &str, sources: &[(String, String)]) -> Complaints {
    let readers = || sources.iter().filter(|(file, _)| file.starts_with("crates/tables/src/") && file != SAID);
    let called: BTreeSet<String> = readers()
        .flat_map(|(_, text)| text.split("Said::").skip(1))
        .map(|rest| kebab(rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()))
        .collect();
    let silent = variants(source).into_keys().filter(|key| !called.contains(key.trim_start_matches("tables-")));
    silent.map(|key| format!("{SAID}: nothing says {key}")).collect()
}

/// Calls that name their text and its places as literals give each place, and nothing that has none.
fn unfilled(file: &str, source: &str, words: &Texts) -> Complaints {
    let mut complaints = Vec::new();
    for call in source.match_indices("tf(").map(|(at, call)| source[at + call.len()..].trim_start()) {
        let Some((key, rest)) = call.strip_prefix('"').and_then(|call| call.split_once('"')) else { continue };
        let Some(given) = rest.trim_start_matches([',', ' ', '\n']).strip_prefix("&[") else { continue };
        let (given, places) = (places(given), words.get(key).cloned().unwrap_or_default());
        let wrong = given.symmetric_difference(&places).cloned().collect::<Vec<_>>().join(", ");
        if !wrong.is_empty() {
            complaints.push(format!("{file}: the places of {key} and what is given for them differ in {wrong}"));
        }
    }
    complaints
}

/// The names in `("name", value), …]`.
fn places(given: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut depth, mut rest) = (0, given);
    while let Some(at) = rest.find(['(', '[', ')', ']', '"']) {
        let (sign, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = after;
        match sign {
            b'"' => {
                let (text, after) = after.split_once('"').unwrap_or_default();
                if depth == 1 && given[..given.len() - after.len() - text.len() - 2].ends_with('(') {
                    names.insert(text.to_owned());
                }
                rest = after;
            }
            b'(' | b'[' => depth += 1,
            _ if depth == 0 => break,
            _ => depth -= 1,
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENUM: &str =
        "pub enum Said {\n    // Lines\n    NoItem,\n    Cells { has: usize, wanted: usize },\n    Note {\n        line: u64,\n    },\n}\n";
    const GOOD: &str = "tables-no-item = No item.\ntables-cells = { $has ->\n    [one] One of { $wanted }.\n   *[other] { $has } of { $wanted }.\n}\ntables-note = Line { $line }.\n";

    #[test]
    fn what_is_said_and_its_words_are_held_against_each_other() {
        assert!(named(ENUM, &texts(GOOD)).is_empty());
        let complaints = |words: &str| named(ENUM, &texts(words)).join("\n");
        assert!(complaints(&GOOD.replace("tables-no-item", "tables-none")).contains("no words for tables-no-item"));
        assert!(complaints(&GOOD.replace("tables-no-item", "tables-none")).contains("nothing is called tables-none"));
        assert!(complaints(&GOOD.replace("{ $line }", "three")).contains("tables-note has places for [] and is given [line]"));
        assert!(complaints(&GOOD.replace("{ $wanted }", "{ $wonted }")).contains("[has, wonted] and is given [has, wanted]"));
    }

    #[test]
    fn what_nothing_says_is_found() {
        let reader = |text: &str| vec![(SAID.to_owned(), ENUM.to_owned()), ("crates/tables/src/lines.rs".to_owned(), text.to_owned())];
        assert!(unsaid(ENUM, &reader("Said::NoItem Said::Cells { has: 1, wanted: 2 } Said::Note { line })")).is_empty());
        assert_eq!(unsaid(ENUM, &reader("Said::NoItem Said::Note { line })")), [format!("{SAID}: nothing says tables-cells")]);
    }

    #[test]
    fn every_place_of_a_text_is_given() {
        let words = texts("a-b = { $at } of { $of }\n");
        let wrong = |source: &str| unfilled("a.rs", source, &words).len();
        assert_eq!(wrong("tf(\"a-b\", &[(\"at\", &t(\"other\")), (\"of\", \"]\")])"), 0);
        assert_eq!(wrong("tf(\n    \"a-b\",\n    &[(\"at\", &at)],\n)"), 1);
        assert_eq!(wrong("tf(\"a-b\", &[(\"at\", a), (\"of\", b), (\"off\", c)])"), 1);
    }
}
