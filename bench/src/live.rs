//! From the answer of a sale to its event at another client.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::Result;
use crate::sale::Picks;
use crate::table::{Table, ms, percentile};
use crate::world::{World, make_items};

/// Sales that are waited for.
const SALES: usize = 300;
/// An event may take so long.
const MOST: Duration = Duration::from_millis(100);
/// After which the bench gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rings sales one after the other and waits for each at a second client.
pub async fn measure(world: &World, table: &mut Table) -> Result<()> {
    let business = world.open_business("bench-live").await?;
    make_items(world, &business, 1..=5, true).await?;
    let mut listener = world.client(&business).await?;
    listener.listen("/v1/live").await?;
    let (send, mut heard) = mpsc::unbounded_channel();
    let ear = tokio::spawn(async move {
        while let Ok(data) = listener.event().await {
            if send.send((Instant::now(), data)).is_err() {
                return;
            }
        }
    });
    let (mut till, mut picks, mut times) = (world.client(&business).await?, Picks::of(1, 7), Vec::new());
    for n in 0..SALES + 20 {
        let id = world.db().source().uuid();
        till.post("/v1/sales", &picks.sale_as(id)).await?.ok("POST /v1/sales")?;
        let answered = Instant::now();
        let arrived = tokio::time::timeout(PATIENCE, arrival(&mut heard, &id.to_string())).await??;
        // The first ones open connections and plan statements.
        if n >= 20 {
            times.push(arrived.saturating_duration_since(answered));
        }
    }
    ear.abort();
    let (median, slow) = (percentile(&mut times, 50), percentile(&mut times, 99));
    table.add(
        "live: from a sale's answer to its event elsewhere, p99",
        format!("{} (p50 {})", ms(slow), ms(median)),
        "< 100 ms",
        slow < MOST,
    );
    Ok(())
}

/// When the event of a sale arrived.
async fn arrival(heard: &mut mpsc::UnboundedReceiver<(Instant, String)>, id: &str) -> Result<Instant> {
    while let Some((at, data)) = heard.recv().await {
        let entry: Value = serde_json::from_str(&data)?;
        if entry["target"] == id && entry["action"] == "order.paid" {
            return Ok(at);
        }
    }
    Err("the stream of events ended".into())
}
