//! Checks and generators that are the house's own: `cargo run -p xtask -- check | write | new-slice NAME`.
//!
//! It depends on nothing of the program, so that it still runs when the program does not compile for want of what it makes.

mod actions;
mod documents;
mod house;
mod queries;
mod said;
mod slice;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Checks and generators of the house")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that a change must keep true: who uses whom, whose SQL, texts, codes, sizes, generated files.
    Check,
    /// Writes what is generated: `.sqlx`, `docs/openapi.json`, `docs/errors.md`, `docs/actions.md`, `docs/configuration.md`, `.env.example`.
    Write,
    /// Lays out a new capability: crate, migration, first list, page and texts, entered everywhere it must be.
    NewSlice {
        /// One lower-case word: the crate's and the schema's name.
        name: String,
    },
}

/// What is wrong, a line each.
type Complaints = Vec<String>;

/// The root of the repository: that from which cargo runs this, for clones that share a target folder share what was built of one.
fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(here).parent().map(PathBuf::from).unwrap_or_default()
}

fn main() -> ExitCode {
    let complaints = match Arguments::parse().task {
        Task::Check => [house::check(), words::check(), actions::check(), documents::check(), queries::check()].concat(),
        Task::Write => [queries::write(), actions::write(), documents::write()].concat(),
        Task::NewSlice { name } => slice::new(&name),
    };
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files below `folder` with one of the endings, in order; generated and installed folders left out.
fn files(folder: &std::path::Path, endings: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "data") && !name.starts_with('.') {
                found.extend(files(&path, endings));
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as the repository names it.
fn short(path: &std::path::Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
