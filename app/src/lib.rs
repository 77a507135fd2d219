//! The program `hearth`: its command line, configuration, the composition of the slices and the private PostgreSQL.

pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
mod docs;
mod health;
pub mod http;
pub mod import;
mod jobs;
mod logs;
pub mod mail;
pub mod open;
mod operator;
mod report;
pub mod serve;
mod tenant;
pub mod trail;
mod trouble;
pub mod witness;

use sqlx::migrate::Migrator;
pub use trouble::Trouble;
use web::Slice;

/// The capabilities of the program, lower ones first.
pub fn slices() -> Vec<Slice> {
    vec![
        health::slice(),
        post::slice(),
        identity::slice(),
        ::trail::slice(),
        ledger::slice(),
        catalog::slice(),
        stock::slice(),
        sales::slice(),
        suppliers::slice(),
        reports::slice(),
    ]
}

/// The migrations of the base and of all slices as one history, by time.
pub fn migrations() -> Migrator {
    let all = std::iter::once(db::migrations()).chain(slices().into_iter().map(|slice| (slice.migrations)()));
    Migrator::with_migrations(all.flat_map(|migrator| migrator.iter().cloned().collect::<Vec<_>>()).collect())
}
