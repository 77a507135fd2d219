//! Where values come from: command line, environment, files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Problem;
use super::table::{OTHERS, TABLE, find};

/// No file of settings or secrets is larger.
const MOST_READ: u64 = 64 * 1024;

/// What a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Keys and values of the command line.
    pub flags: Vec<(&'static str, String)>,
    /// The file named on the command line.
    pub file: Option<PathBuf>,
    /// Whether files are looked for where none is named.
    pub usual_files: bool,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
}

impl Sources {
    /// This process's environment and the usual files.
    pub fn of_process() -> Self {
        Self { flags: Vec::new(), file: None, usual_files: true, environment: std::env::vars_os().collect() }
    }

    /// A variable, if set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    }
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub text: String,
    /// `HEARTH_LISTEN`, `hearth.toml`, `--port`: what to mend.
    pub from: String,
}

pub(super) type Values = BTreeMap<&'static str, Value>;

/// Takes all values together; the command line wins over the environment, that over the file.
pub(super) fn gather(sources: &Sources, problems: &mut Vec<Problem>) -> Values {
    let mut values = from_file(sources, problems);
    values.extend(from_environment(sources, problems));
    for (key, text) in &sources.flags {
        values.insert(key, Value { text: text.clone(), from: "the command line".into() });
    }
    values
}

fn from_file(sources: &Sources, problems: &mut Vec<Problem>) -> Values {
    let named = sources.file.clone().or_else(|| sources.variable("HEARTH_CONFIG").map(PathBuf::from));
    let usual = || ["hearth.toml", "/etc/hearth/hearth.toml"].map(PathBuf::from).into_iter().find(|file| file.exists());
    let Some(path) = named.or_else(|| usual().filter(|_| sources.usual_files)) else { return Values::new() };
    let name = path.display().to_string();
    let table: toml::Table = match read(&path).map(|text| text.parse()) {
        Ok(Ok(table)) => table,
        Ok(Err(error)) => {
            let error: toml::de::Error = error;
            let line = error.span().map_or(String::new(), |span| {
                let before = read(&path).unwrap_or_default();
                format!(" in line {}", before.get(..span.start).unwrap_or_default().lines().count().max(1))
            });
            problems.push(Problem::new(
                &name,
                format!("is no TOML{line}: {}", error.message()),
                "Write it as key = \"value\", one a line.",
            ));
            return Values::new();
        }
        Err(what) => {
            problems.push(Problem::new(&name, what, "Name a file that can be read."));
            return Values::new();
        }
    };
    table.into_iter().filter_map(|(key, value)| from_entry(&name, &key, value, problems)).collect()
}

fn from_entry(file: &str, key: &str, value: toml::Value, problems: &mut Vec<Problem>) -> Option<(&'static str, Value)> {
    let Some(setting) = find(key) else {
        problems.push(unknown(&format!("{file}: {key}"), key, TABLE.iter().map(|setting| setting.key.to_owned())));
        return None;
    };
    let text = match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        other => {
            let what = format!("is {}", other.type_str());
            problems.push(Problem::new(&format!("{file}: {key}"), what, "Write a text in quotes, or a whole number."));
            return None;
        }
    };
    Some((setting.key, Value { text, from: file.to_owned() }))
}

fn from_environment(sources: &Sources, problems: &mut Vec<Problem>) -> Values {
    let mut values = Values::new();
    for (name, value) in sources.environment.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(name) = name.to_str().filter(|name| name.starts_with("HEARTH_") && !OTHERS.contains(name)) else { continue };
        let Some(setting) = TABLE.iter().find(|setting| setting.variable() == name || setting.file_variable() == name) else {
            problems.push(unknown(name, name, TABLE.iter().flat_map(|setting| [setting.variable(), setting.file_variable()])));
            continue;
        };
        if values.contains_key(setting.key) {
            let both = format!("and {} are both set", setting.file_variable());
            problems.push(Problem::new(&setting.variable(), both, "Keep one of the two."));
            continue;
        }
        let text = if name == setting.variable() {
            value.to_str().map(str::to_owned).ok_or_else(|| "is not UTF-8".to_owned())
        } else {
            read(Path::new(value)).map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        };
        match text {
            Ok(text) => drop(values.insert(setting.key, Value { text, from: name.to_owned() })),
            Err(what) => problems.push(Problem::new(name, what, "Write it as text, or name a file that can be read.")),
        }
    }
    values
}

/// A whole small file as text, or what is wrong with it.
fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST_READ + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(format!("can't be read from {}: {error}", path.display())),
        Ok(_) if text.len() as u64 > MOST_READ => Err(format!("{} is larger than {} KiB", path.display(), MOST_READ / 1024)),
        Ok(_) => Ok(text),
    }
}

fn unknown(shown: &str, name: &str, known: impl Iterator<Item = String>) -> Problem {
    let nearest = known.map(|known| (distance(name, &known), known)).min();
    let mend = match nearest {
        Some((away, known)) if away <= 1 + name.len() / 4 => format!("Did you mean {known}? Else remove it."),
        _ => "Remove it; docs/configuration.md lists all settings.".to_owned(),
    };
    Problem::new(shown, "is no setting of Hearth", mend)
}

/// How many letters must be changed, added or taken away (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn slips_of_the_pen_are_counted() {
        assert_eq!(distance("HEARTH_LISTEN", "HEARTH_LISTEN"), 0);
        assert_eq!(distance("HEARTH_LISEN", "HEARTH_LISTEN"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
