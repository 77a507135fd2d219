//! A new capability: a crate that compiles, with a table, a command, a list, a page and their words, entered wherever the
//! house must know of it. The table is called `thing` until its author gives it a word of the trade.

use std::{fs, path::Path};

use crate::{Complaints, root};

pub fn new(name: &str) -> Complaints {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase()) {
        return vec!["a slice is called by one lower-case word".into()];
    }
    let folder = root().join("slices").join(name);
    if folder.exists() {
        return vec![format!("slices/{name} exists")];
    }
    lay_out(name, &folder).err().map(|e| e.to_string()).into_iter().collect()
}

fn lay_out(name: &str, folder: &Path) -> std::io::Result<()> {
    let filled = |text: &str| text.replace("SLICE", name);
    // Everything that will be written elsewhere is made first: what can't be entered leaves nothing behind.
    let entries = [
        entered("Cargo.toml", "reports = { path = \"slices/reports\" }", &format!("{name} = {{ path = \"slices/{name}\" }}"))?,
        entered("app/Cargo.toml", "reports.workspace = true", &format!("{name}.workspace = true"))?,
        entered("app/src/lib.rs", "reports::slice()", &format!("{name}::slice(),"))?,
    ];
    fs::create_dir_all(folder.join("src"))?;
    fs::create_dir_all(folder.join("texts"))?;
    fs::create_dir_all(folder.join("migrations"))?;
    fs::create_dir_all(folder.join("tests"))?;
    fs::write(folder.join("Cargo.toml"), filled(include_str!("../slice/Cargo.toml.txt")))?;
    fs::write(folder.join("src/lib.rs"), filled(include_str!("../slice/lib.rs.txt")))?;
    fs::write(folder.join("src/thing.rs"), filled(include_str!("../slice/thing.rs.txt")))?;
    fs::write(folder.join("tests/stories.rs"), filled(include_str!("../slice/stories.rs.txt")))?;
    fs::write(folder.join("texts/en.ftl"), filled(include_str!("../slice/en.ftl.txt")))?;
    fs::write(
        folder.join("migrations").join(format!("{}_{name}.sql", next_migration()?)),
        filled(include_str!("../slice/migration.sql.txt")),
    )?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("../../sqlx.toml", folder.join("sqlx.toml"))?;
    for (path, text) in entries {
        fs::write(path, text)?;
    }
    println!("slices/{name} stands. Next: give it its place in xtask/src/house.rs, name its table, then `cargo run -p xtask -- write`.");
    Ok(())
}

/// The next free number after the newest migration of the house: the same day, a hundred on.
fn next_migration() -> std::io::Result<u64> {
    let newest = crate::files(&root(), &[".sql"])
        .iter()
        .filter_map(|p| p.file_name()?.to_string_lossy().split('_').next()?.parse::<u64>().ok())
        .max()
        .unwrap_or(0);
    Ok(newest / 100 * 100 + 100)
}

/// A file with a line put before the line that holds `mark`, with the same indentation.
fn entered(file: &str, mark: &str, line: &str) -> std::io::Result<(std::path::PathBuf, String)> {
    let path = root().join(file);
    let text = fs::read_to_string(&path)?;
    let Some(before) = text.lines().position(|l| l.contains(mark)) else {
        return Err(std::io::Error::other(format!("{file} has no line with {mark}")));
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let indent: String = lines[before].chars().take_while(|c| c.is_whitespace()).collect();
    lines.insert(before, format!("{indent}{line}"));
    Ok((path, lines.join("\n") + "\n"))
}
