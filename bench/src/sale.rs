//! Ringing sales over HTTP at 8 clients, against pgbench running the same statements.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::client::Client;
use crate::pgbench::{self, CLIENTS, LINES, Run};
use crate::table::{Table, mib, ms, percentile};
use crate::world::{Business, World, item_id, make_items};

/// Items that are stocked; each of a sale's lines takes one of a fifth of them.
const ITEMS: usize = 500;
/// How often the two take turns: a machine that others share is now fast, now slow, and each should meet the same of it.
const ROUNDS: u32 = 8;
/// How often the statements with and without the log's entry take turns: so small a difference drowns in what else a machine
/// does, unless each stands right beside the other.
const TURNS: usize = 48;
/// Seconds of each such turn.
const TURN: u32 = 2;
/// What a program may take beside its database, in bytes.
const MEMORY: u64 = 60 * 1024 * 1024;

/// Measures rate, slowest, round trips; and that all of it adds up.
pub async fn measure(world: &World, seconds: u32, table: &mut Table) -> Result<()> {
    let business = world.open_business("bench-sale").await?;
    make_items(world, &business, 1..=ITEMS, true).await?;
    let mut trips = 0;
    for (what, spread, least) in [("500 items", ITEMS / LINES, 60), ("5 hot items", 1, 80)] {
        load(world, &business, spread, Duration::from_secs(3)).await?;
        // As autovacuum does within the first minutes of a shop.
        world.sql("ANALYZE").await?;
        let (mut program, mut bare) = (Vec::new(), Vec::new());
        let turn = (seconds * 2 / ROUNDS).max(2);
        for _ in 0..ROUNDS {
            let (run, most) = load(world, &business, spread, Duration::from_secs(turn.into())).await?;
            trips = trips.max(most);
            program.push(run);
            bare.push(pgbench::run(world, &business, spread, turn, true).await?);
        }
        let share = compare(table, what, least, &program, &bare);
        trail(world, &business, (what, spread), share, table).await?;
    }
    table.add("sale: round trips to the database", trips.to_string(), "≤ 6", trips <= 6);
    let (findings, _) = world.check(&business).await?;
    table.add("sale: hearth check finds afterwards", findings.to_string(), "0", findings == 0);
    let resident = world.resident()?;
    table.add("start: resident memory after the sales", mib(resident), "< 60 MiB", resident < MEMORY);
    Ok(())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// The middle of what the turns gave: one in which the machine did something else counts for nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => mean(values[middle.saturating_sub(1)..=middle].iter().copied()),
        _ => values[middle],
    }
}

/// By how much the median of such values may be off, half of the time: from how far the middle half of them lies apart.
fn give(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quarter = sorted.len() / 4;
    let apart = sorted[sorted.len() - 1 - quarter] - sorted[quarter];
    // Of a normal spread σ the middle half is 1.349 σ wide; the median of n is off by 1.253 σ/√n, half of the time by 0.674 of that.
    apart / 1.349 * 1.253 * 0.674 / (values.len() as f64).sqrt()
}

/// The program's rate as a share of pgbench's.
fn compare(table: &mut Table, what: &str, least: u32, program: &[Run], bare: &[Run]) -> f64 {
    let percent = median(program.iter().zip(bare).map(|(ours, theirs)| ours.rate / theirs.rate * 100.0).collect());
    let rate = |runs: &[Run]| mean(runs.iter().map(|run| run.rate));
    let measured = format!("{percent:.0} % ({:.0}/s of {:.0}/s)", rate(program), rate(bare));
    table.add(format!("sale: rate against pgbench, {what}"), measured, format!("≥ {least} %"), percent >= f64::from(least));
    let times = |runs: &[Run]| runs.iter().flat_map(|run| run.times.iter().copied()).collect::<Vec<_>>();
    let (ours, theirs) = (percentile(&mut times(program), 99), percentile(&mut times(bare), 99));
    let factor = ours.as_secs_f64() / theirs.as_secs_f64();
    table.add(
        format!("sale: p99 against pgbench's, {what}"),
        format!("{factor:.1} × ({} to {})", ms(ours), ms(theirs)),
        "≤ 3 ×",
        factor <= 3.0,
    );
    percent / 100.0
}

/// What the trail takes of the rate: its entry in each sale, and the sequencer that numbers and chains it meanwhile. The same
/// statements run with and without the entry, in turn; the difference of time is held against that of a whole sale, of which theirs
/// is `share`. How far it is known comes with it: it is off by more as often as not.
async fn trail(world: &World, business: &Business, of: (&str, usize), share: f64, table: &mut Table) -> Result<()> {
    let (what, spread) = of;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for n in 0..TURNS {
        // Neither is always the one that comes after the other.
        for logged in [n % 2 == 0, n % 2 == 1] {
            let run = pgbench::run(world, business, spread, TURN, logged).await?;
            (if logged { &mut with } else { &mut without }).push(run.rate);
        }
        let begun = Instant::now();
        while world.waiting().await? > 0 {
            if begun.elapsed() > Duration::from_secs(1) {
                return Err("the sequencer does not keep up".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let shares: Vec<f64> = with.iter().zip(&without).map(|(with, without)| (1.0 - with / without) * share * 100.0).collect();
    let (percent, give) = (median(shares.clone()), give(&shares));
    let (with, without) = (mean(with.into_iter()), mean(without.into_iter()));
    let measured = format!("{percent:.1} ± {give:.1} % ({with:.0}/s with, {without:.0}/s without, bare)");
    table.add(format!("sale: trail and sequencer take of the rate, {what}"), measured, "≤ 5 %", percent <= 5.0);
    Ok(())
}

/// Rings sales from all clients for a while; the most round trips of any.
async fn load(world: &World, business: &Business, spread: usize, time: Duration) -> Result<(Run, u32)> {
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push((world.client(business).await?, Picks::of(spread, n as u64 + 1)));
    }
    let (begun, mut tasks) = (Instant::now(), JoinSet::new());
    for (client, picks) in clients {
        tasks.spawn(ring(client, picks, begun + time));
    }
    let (mut run, mut most) = (Run::default(), 0);
    while let Some(done) = tasks.join_next().await {
        let (times, trips) = done??;
        run.times.extend(times);
        most = most.max(trips);
    }
    run.rate = run.times.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((run, most))
}

async fn ring(mut client: Client, mut picks: Picks, until: Instant) -> Result<(Vec<Duration>, u32)> {
    let (mut times, mut most) = (Vec::new(), 0);
    while Instant::now() < until {
        let body = picks.sale();
        let begun = Instant::now();
        let answer = client.post("/v1/sales", &body).await?.ok("POST /v1/sales")?;
        times.push(begun.elapsed());
        most = most.max(answer.trips);
    }
    Ok((times, most))
}

/// Draws the items of sales.
pub struct Picks {
    spread: u64,
    state: u64,
    source: kernel::Source,
}

impl Picks {
    /// Line 1 takes one of the first `spread` items, line 2 one of the next, and so on.
    pub fn of(spread: usize, seed: u64) -> Self {
        Self { spread: spread as u64, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), source: kernel::Source::real() }
    }

    fn draw(&mut self) -> u64 {
        // Xorshift: which item is sold decides nothing but which row is locked.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % self.spread
    }

    /// The body of a sale of one each, paid in cash, under an id of the client's.
    pub fn sale(&mut self) -> String {
        let id = self.source.uuid();
        self.sale_as(id)
    }

    /// The same under a given id.
    pub fn sale_as(&mut self, id: uuid::Uuid) -> String {
        let line = |n: u64| format!(r#"{{"itemId":"{}","quantity":"1"}}"#, item_id(usize::try_from(n).unwrap_or(1)));
        let lines: Vec<String> = (0..LINES as u64).map(|n| line(n * self.spread + self.draw() + 1)).collect();
        format!(r#"{{"id":"{id}","lines":[{}],"payments":[{{"method":"cash"}}]}}"#, lines.join(","))
    }
}
