//! `docs/actions.md`: the one list of what the trail and the activity can say, made from the sources that say it and the texts
//! that put it in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::{Complaints, files, root};

const FILE: &str = "docs/actions.md";

/// Texts by their key.
fn texts() -> BTreeMap<String, String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let lines = files(&root(), &[".ftl"]).into_iter().flat_map(|path| read(path).lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter_map(|line| line.split_once(" = ").map(|(key, text)| (key.to_owned(), text.to_owned()))).collect()
}

/// Every literal of the sources that could be an action: `order.paid`.
fn named() -> BTreeSet<String> {
    let sources = ["app", "crates", "slices"].iter().flat_map(|folder| files(&root().join(folder), &[".rs"]));
    let sources = sources.filter(|path| path.components().any(|part| part.as_os_str() == "src"));
    let mut found = BTreeSet::new();
    for source in sources {
        let text = std::fs::read_to_string(source).unwrap_or_default();
        let literals =
            text.split('"').filter(|part| part.contains('.') && part.chars().all(|c| c.is_ascii_lowercase() || "._-".contains(c)));
        found.extend(literals.map(str::to_owned));
    }
    found
}

/// A table of what stands under `prefix` in the texts.
fn table(page: &mut String, prefix: &str, texts: &BTreeMap<String, String>, named: &BTreeSet<String>) {
    page.push_str("| action | in words |\n|---|---|\n");
    for action in named {
        if let Some(text) = texts.get(&format!("{prefix}-{}", action.replace(['.', '_'], "-"))) {
            let _ = writeln!(page, "| `{action}` | {text} |");
        }
    }
}

fn made() -> String {
    let (texts, named) = (texts(), named());
    let mut page = String::from(
        "# Actions\n\nWhat the two logs of a business can say; both are filtered by each of these (`?action=`). The trail says what was changed, by whom, from what to what, and is chained; \
        the activity says what happened beside it, and is kept for some months.\n\nThis page is made from the sources and their texts (`cargo run -p xtask -- write`).\n\n## Trail\n\n",
    );
    table(&mut page, "log", &texts, &named);
    page.push_str("\n## Activity\n\n");
    table(&mut page, "activity", &texts, &named);
    page
}

pub fn check() -> Complaints {
    let kept = std::fs::read_to_string(root().join(FILE)).unwrap_or_default();
    if kept == made() { Vec::new() } else { vec![format!("{FILE} is out of date; run `cargo run -p xtask -- write`")] }
}

pub fn write() -> Complaints {
    std::fs::write(root().join(FILE), made()).err().map(|error| format!("{FILE}: {error}")).into_iter().collect()
}
