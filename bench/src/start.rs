//! How soon the program is ready on an existing database, and how large it is.

use std::time::Duration;

use crate::Result;
use crate::table::{Table, mib, ms};
use crate::world::World;

/// Ready after at most so long.
const READY: Duration = Duration::from_secs(1);
/// The binary, at most, in bytes.
const SIZE: u64 = 60 * 1024 * 1024;
/// How often it is started.
const STARTS: usize = 3;

/// Ends the program and starts it again, a few times: the slowest counts.
pub async fn measure(world: &mut World, table: &mut Table) -> Result<()> {
    let mut slowest = Duration::ZERO;
    for _ in 0..STARTS {
        world.stop().await?;
        slowest = slowest.max(world.serve_again().await?);
    }
    table.add("start: ready on an existing database, slowest of 3", ms(slowest), "< 1000 ms", slowest < READY);
    let size = std::fs::metadata(&world.program)?.len();
    table.add("start: size of the release binary", mib(size), "< 60 MiB", size < SIZE);
    Ok(())
}
