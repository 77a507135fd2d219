//! The measured promises: `make bench`. Each measure stands beside what was promised, and is a ratio or a count within one
//! run, or a time that was promised as such. The program under test is the release binary, on a durable PostgreSQL.

mod client;
mod import;
mod live;
mod people;
mod pgbench;
mod reads;
mod sale;
mod start;
mod table;
mod world;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use table::Table;
use tokio::signal::unix::{SignalKind, signal};
use world::World;

/// What the measures return.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the promises and prints a table.
#[derive(Parser)]
#[command(after_help = "Examples:\n  make bench\n  make bench ARGS='sale live'\n  make bench ARGS='--big reads'")]
struct Asked {
    /// Which to measure; all of them unless named.
    names: Vec<Name>,
    /// The promised sizes: 2 million lines to import, 5 million to read. Takes half an hour and 20 GB.
    #[arg(long)]
    big: bool,
    /// Seconds of each run of sales against pgbench.
    #[arg(long, default_value_t = 12)]
    seconds: u32,
    /// Exit with status 1 when a promise is not kept.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Ringing sales against pgbench running the same statements.
    Sale,
    /// From the answer of a sale to its event at another client.
    Live,
    /// Importing a past against bare SQL writing the same rows, and its memory.
    Import,
    /// Pages and API over millions of lines.
    Reads,
    /// Signing in, tokens, revoking, lists of accounts, and what times tell.
    People,
    /// Start, memory and size of the program.
    Start,
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bench")
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(until_told(&asked)));
    match done {
        Ok(table) => {
            println!("{table}");
            if asked.strict && !table.all_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures; broken off, it takes away what it started.
async fn until_told(asked: &Asked) -> Result<Table> {
    let (mut ended, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        measured = measure(asked) => measured,
        _ = ended.recv() => Err("broken off".into()),
        _ = interrupted.recv() => Err("broken off".into()),
    }
}

async fn measure(asked: &Asked) -> Result<Table> {
    let mut table = Table::default();
    let mut world = World::begin().await?;
    let wanted = |name| asked.names.is_empty() || asked.names.contains(&name);
    if wanted(Name::Sale) {
        sale::measure(&world, asked.seconds, &mut table).await?;
    }
    if wanted(Name::Live) {
        live::measure(&world, &mut table).await?;
    }
    if wanted(Name::Import) {
        import::measure(&world, asked.big, &mut table).await?;
    }
    if wanted(Name::Reads) {
        reads::measure(&world, asked.big, &mut table).await?;
    }
    if wanted(Name::People) {
        people::measure(&world, &mut table).await?;
    }
    if wanted(Name::Start) {
        start::measure(&mut world, &mut table).await?;
    }
    world.end().await;
    Ok(table)
}
