//! Pages and API over years of sales. The data is made by SQL; `hearth check` proves it.

use std::time::{Duration, Instant};

use db::Reach;
use kernel::{Day, DayStart, Zone};
use serde_json::Value;
use sqlx::Row;

use crate::Result;
use crate::client::Client;
use crate::sale::Picks;
use crate::table::{Table, ms, percentile};
use crate::world::{Business, COST, PRICE, World, make_items};

const PAST: &str = include_str!("../sql/past.sql");
/// Items of the past, which are made when they are sold; as many more lie in stock.
const ITEMS: usize = 500;
/// Orders of a day: a long past has more days, not larger ones.
const ORDERS: i32 = 2_740;
/// Sales that are rung before the reads: more than a quarter of an hour of such a day has.
const RUNG: usize = 70;
/// How often each address is asked.
const TIMES: usize = 60;
/// How often before it counts: connections learn their statements.
const WARM: usize = 12;
/// A read may take so long in the server.
const MOST: Duration = Duration::from_millis(20);

/// Makes the past, and measures each address.
pub async fn measure(world: &World, big: bool, table: &mut Table) -> Result<()> {
    let days = if big { 730 } else { 73 };
    let evening = Evening::now(world)?;
    let business = world.open_business_in("bench-reads", &evening.name).await?;
    make_items(world, &business, 1..=ITEMS, false).await?;
    make_items(world, &business, ITEMS + 1..=2 * ITEMS, true).await?;
    let made = make_past(world, &business, &evening, days).await?;
    let (findings, took) = world.check(&business).await?;
    let seconds = took.as_secs_f64();
    table.add(format!("reads: hearth check of {made} lines finds"), format!("{findings} (in {seconds:.0} s)"), "0", findings == 0);
    let mut client = world.client(&business).await?;
    sell_today(&mut client).await?;
    for (what, addresses) in addresses(world, &business, &evening, days, &mut client).await? {
        let mut times = ask(&mut client, &addresses).await?;
        let (median, slow) = (percentile(&mut times, 50), percentile(&mut times, 95));
        table.add(format!("reads: {what}, p95"), format!("{} (p50 {})", ms(slow), ms(median)), "< 20 ms", slow < MOST);
    }
    Ok(())
}

/// A zone in which it is evening now: a whole day of sales has gone by and is not over.
struct Evening {
    name: String,
    zone: Zone,
    today: Day,
}

impl Evening {
    /// Half past eight or so.
    fn now(world: &World) -> Result<Self> {
        let now = world.db().source().now();
        let east = 20 - i32::from(Zone::utc().local(now).hour());
        let east = if east > 14 { east - 24 } else { east };
        // Zones of whole hours are named after what they are behind Greenwich.
        let name = format!("Etc/GMT{:+}", -east);
        let zone: Zone = name.parse()?;
        Ok(Self { today: zone.business_day(now, DayStart::SIX), name, zone })
    }
}

/// Makes the sales of so many days up to this evening and seals them; how many lines it made.
async fn make_past(world: &World, business: &Business, evening: &Evening, days: i32) -> Result<i64> {
    let begun = Instant::now();
    let mut superuser = world.role(postgres::SUPERUSER).await?;
    let tenant = business.tenant.uuid();
    let values = [
        ("tenant", business.tenant.to_string()),
        ("site", business.site.to_string()),
        ("location", business.location.to_string()),
        ("seller", business.owner.to_string()),
        ("tax", business.tax.to_string()),
        ("orders", (ORDERS * days).to_string()),
        ("days", days.to_string()),
        ("items", ITEMS.to_string()),
        ("price", PRICE.to_string()),
        ("cost", COST.to_string()),
        ("zone", evening.name.clone()),
    ];
    let sql = values.iter().fold(PAST.to_owned(), |sql, (name, value)| sql.replace(&format!("{{{name}}}"), value));
    world.sql(sql).await?;
    eprintln!("  the past is made after {:.0} s", begun.elapsed().as_secs_f64());
    let (jobs, reach) = (world.app.jobs(), Reach::at(world.db().source().now(), &evening.zone));
    if jobs.seal(business.tenant, reach).await.is_err() {
        // The program seals, too; whoever comes second is refused, and finds nothing to do afterwards.
        jobs.seal(business.tenant, reach).await?;
    }
    eprintln!("  it is sealed after {:.0} s", begun.elapsed().as_secs_f64());
    // As autovacuum has done in a shop that is years old.
    world.sql("VACUUM (ANALYZE)").await?;
    let count =
        sqlx::query_scalar("SELECT count(*) FROM sales.order_line WHERE tenant_id = $1").bind(tenant).fetch_one(&mut superuser).await?;
    eprintln!("  {count} lines are ready after {:.0} s", begun.elapsed().as_secs_f64());
    Ok(count)
}

/// The sales of the last quarter of an hour, as the till rings them.
async fn sell_today(client: &mut Client) -> Result<()> {
    let mut picks = Picks::of(ITEMS / 5, 3);
    for _ in 0..RUNG {
        client.post("/v1/sales", &picks.sale()).await?.ok("POST /v1/sales")?;
    }
    Ok(())
}

/// What is asked, each with the addresses that take turns.
async fn addresses(
    world: &World,
    business: &Business,
    evening: &Evening,
    days: i32,
    client: &mut Client,
) -> Result<Vec<(String, Vec<String>)>> {
    let orders = some_orders(world, business, days).await?;
    let (today, item) = (evening.today, crate::world::item_id(7));
    let (month, year, day) = (today.plus(-30), today.plus(-365), today.plus(-days / 3));
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let mut one = |what: &str, address: String| all.push((what.to_owned(), vec![address]));
    one("/", "/".into());
    one("/?day= of the past", format!("/?day={day}"));
    one("/home/figures", "/home/figures".into());
    one("/orders", "/orders".into());
    one("/v1/orders", "/v1/orders".into());
    one("/v1/orders, next page", next_page(client).await?);
    one("/v1/orders of a day and hour", format!("/v1/orders?from={day}&to={day}&hour=9"));
    one("/v1/orders of a month with an item", format!("/v1/orders?from={month}&to={today}&item={item}"));
    one("/v1/orders with an item", format!("/v1/orders?item={item}"));
    one("/items", "/items".into());
    one("/stock", "/stock".into());
    one("/stock/movements", "/stock/movements".into());
    one("/v1/movements of an item", format!("/v1/movements?item={item}"));
    one("/ledger", "/ledger".into());
    for by in ["day", "item", "hour"] {
        one(&format!("/v1/reports/sales, 30 days by {by}"), format!("/v1/reports/sales?from={month}&to={today}&by={by}"));
    }
    for by in ["day", "item"] {
        one(&format!("/v1/reports/sales, a year by {by}"), format!("/v1/reports/sales?from={year}&to={today}&by={by}"));
    }
    one("/v1/reports/sales, the whole past by item", format!("/v1/reports/sales?from={}&to={today}&by=item", today.plus(-days)));
    one("/reports, 30 days by day", format!("/reports?from={month}&to={today}&by=day"));
    one("/reports, 30 days by item", format!("/reports?from={month}&to={today}&by=item"));
    one("/reports, a year by item", format!("/reports?from={year}&to={today}&by=item"));
    all.push(("/orders/{id}".into(), orders.iter().map(|id| format!("/orders/{id}")).collect()));
    all.push(("/v1/orders/{id}".into(), orders.iter().map(|id| format!("/v1/orders/{id}")).collect()));
    Ok(all)
}

/// Orders from all over the past.
async fn some_orders(world: &World, business: &Business, days: i32) -> Result<Vec<String>> {
    let mut superuser = world.role(postgres::SUPERUSER).await?;
    let sql = "SELECT (SELECT o.id::text FROM sales.orders o WHERE o.tenant_id = $1 AND o.day = current_date - $2 * n ORDER BY o.placed_at LIMIT 1)
        FROM generate_series(1, $3) n";
    let count = i32::try_from(TIMES)?;
    let rows = sqlx::query(sql).bind(business.tenant.uuid()).bind(days / (count + 2)).bind(count).fetch_all(&mut superuser).await?;
    Ok(rows.iter().filter_map(|row| row.get::<Option<String>, _>(0)).collect())
}

/// The second page of the list of orders.
async fn next_page(client: &mut Client) -> Result<String> {
    let first: Value = client.get("/v1/orders").await?.ok("GET /v1/orders")?.json()?;
    let next = first["next"].as_str().ok_or("the list of orders has no second page")?;
    Ok(format!("/v1/orders?cursor={next}"))
}

/// Asks in turns, by one connection: the server's own times.
async fn ask(client: &mut Client, addresses: &[String]) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(TIMES);
    for (n, address) in addresses.iter().cycle().take(WARM + TIMES).enumerate() {
        let answer = client.get(address).await?.ok(address)?;
        if n >= WARM {
            times.push(answer.took);
        }
    }
    Ok(times)
}
