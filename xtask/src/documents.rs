//! Files that the program itself can say: its API, its settings, its codes. Committed, so that readers need not run it.

use std::process::Command;

use crate::{Complaints, root};

/// The file, and what the program is asked for it.
const MADE: &[(&str, &[&str])] = &[
    ("docs/openapi.json", &["openapi"]),
    ("docs/configuration.md", &["docs", "configuration"]),
    ("docs/errors.md", &["docs", "errors"]),
    (".env.example", &["docs", "env-example"]),
];

fn said(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "hearth", "--"])
        .args(arguments)
        .current_dir(root())
        .output()
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|e| e.to_string())
    } else {
        Err(format!("hearth {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
    }
}

pub fn check() -> Complaints {
    let mut complaints = Vec::new();
    for (file, arguments) in MADE {
        match said(arguments) {
            Ok(text) if std::fs::read_to_string(root().join(file)).is_ok_and(|kept| kept == text) => {}
            Ok(_) => complaints.push(format!("{file} is out of date; run `cargo run -p xtask -- write`")),
            Err(error) => complaints.push(error),
        }
    }
    complaints
}

pub fn write() -> Complaints {
    let mut complaints = Vec::new();
    for (file, arguments) in MADE {
        match said(arguments) {
            Ok(text) => complaints.extend(std::fs::write(root().join(file), text).err().map(|e| format!("{file}: {e}"))),
            Err(error) => complaints.push(error),
        }
    }
    complaints
}
