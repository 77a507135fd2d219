//! Importing a past against bare SQL that writes the very rows, and how much memory a large one takes.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sales::import::{ImportAsk, ImportReport, Outcome};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tables::Source;

use crate::Result;
use crate::pgbench::LINES;
use crate::sale::Picks;
use crate::table::{Table, mib, ms, percentile};
use crate::world::{Business, World, make_items, status};

/// How often the two take turns.
const ROUNDS: usize = 3;
/// Lines that bare SQL writes at once: as many as a chunk of the import.
const CHUNK: usize = 2_000;
/// By how much memory may grow, whatever the size of the file, in bytes.
const GROWTH: u64 = 200 * 1024 * 1024;

/// Where this process says how much memory it holds.
const OWN: &str = "/proc/self/status";

/// Sales that a till rings alone, and while an import runs.
const TILL: usize = 200;

/// What an imported order is made of, with the column that names the order.
const TABLES: [(&str, &str); 7] = [
    ("sales.orders", "id"),
    ("sales.order_line", "order_id"),
    ("sales.line_tax", "order_id"),
    ("sales.payment", "id"),
    ("sales.allocation", "order_id"),
    ("stock.movement", "document_id"),
    ("ledger.transfer", "document_id"),
];

/// What those rows point at.
const GROUND: [&str; 5] = ["identity.site", "stock.location", "catalog.tax_category", "catalog.tax", "catalog.item"];

/// Measures the memory and the rate.
pub async fn measure(world: &World, big: bool, table: &mut Table) -> Result<()> {
    // While this process is small.
    let small = status(OWN, "VmRSS:")?;
    let (mut ours, mut bare, mut lines) = (Duration::ZERO, Duration::ZERO, 0);
    for round in 0..ROUNDS {
        let business = world.open_business(&format!("bench-import-{round}")).await?;
        let begun = Instant::now();
        let report = import(world, &business, bread_basket(), true).await?;
        ours += begun.elapsed();
        lines += report.accepted;
        bare += write_bare(world, &business, round).await?;
        let (findings, _) = world.check(&business).await?;
        if findings > 0 {
            return Err(format!("hearth check finds {findings} after the import").into());
        }
    }
    let percent = bare.as_secs_f64() / ours.as_secs_f64() * 100.0;
    let rate = |time: Duration| lines as f64 / time.as_secs_f64();
    let measured = format!("{percent:.0} % ({:.0} of {:.0} lines/s)", rate(ours), rate(bare));
    table.add("import: rate against bare SQL writing the same rows", measured, "≥ 50 %", percent >= 50.0);
    beside_a_till(world, table).await?;
    // Last: the program seals what was read in for minutes, beside whatever is measured then.
    memory(world, if big { 2_000_000 } else { 200_000 }, small, table).await
}

/// How much longer a till's sales take while the same business's past is read in: no row that it waits for is locked, so
/// what is left is that both share the machine.
async fn beside_a_till(world: &World, table: &mut Table) -> Result<()> {
    let business = world.open_business("bench-till").await?;
    make_items(world, &business, 1..=LINES, true).await?;
    let mut till = world.client(&business).await?;
    let mut picks = Picks::of(1, 7);
    let mut alone = Vec::new();
    for _ in 0..TILL {
        let body = picks.sale();
        alone.push(till.post("/v1/sales", &body).await?.ok("POST /v1/sales")?.took);
    }
    let source = Source::opener("past.csv", || Ok(Box::new(Past::of(60_000))));
    let reading = import(world, &business, vec![source], false);
    let ringing = async {
        let mut beside = Vec::new();
        for _ in 0..TILL {
            let body = picks.sale();
            beside.push(till.post("/v1/sales", &body).await?.ok("POST /v1/sales")?.took);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(beside)
    };
    let (read, beside) = tokio::join!(reading, ringing);
    read?;
    let (before, during) = (percentile(&mut alone, 95), percentile(&mut beside?, 95));
    let factor = during.as_secs_f64() / before.as_secs_f64();
    let measured = format!("{factor:.1} × ({} to {})", ms(during), ms(before));
    table.add("import: a till's p95 meanwhile against its usual one", measured, "≤ 2 ×", factor <= 2.0);
    Ok(())
}

fn bread_basket() -> Vec<Source> {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../app/demo");
    ["BreadBasket_DMS.csv.gz", "prices.csv"].map(|name| Source::path(demo.join(name))).to_vec()
}

async fn import(world: &World, business: &Business, files: Vec<Source>, skip_refused: bool) -> Result<ImportReport> {
    let ask = ImportAsk { files, skip_refused, ..ImportAsk::default() };
    let report = sales::import::run(world.db(), world.op(business), ask, &|_| ()).await?;
    if report.outcome == Outcome::Done {
        return Ok(report);
    }
    Err(format!("the import ended {:?}: {:?}", report.outcome, report.refused.first()).into())
}

/// Writes the rows of an import once more, for another business, as the application's role under row security: a statement
/// for each table and chunk, in one transaction. The rows lie ready in the database.
async fn write_bare(world: &World, business: &Business, round: usize) -> Result<Duration> {
    let other = world.open_business(&format!("bench-bare-{round}")).await?;
    let mut superuser = world.role(postgres::SUPERUSER).await?;
    lay_ready(&mut superuser, business, &other).await?;
    let chunks: i64 = sqlx::query_scalar("SELECT max(chunk) FROM bench.orders").fetch_one(&mut superuser).await?;
    let mut statements = Vec::new();
    for (name, _) in TABLES {
        let columns = columns(&mut superuser, name).await?;
        statements.push(format!(
            "INSERT INTO {name} (tenant_id, {columns}) SELECT '{}', {columns} FROM {} WHERE chunk = $1",
            other.tenant,
            ready(name)
        ));
    }
    let mut connection = world.role("hearth_app").await?;
    let begun = Instant::now();
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("SET LOCAL hearth.tenant = '{}'", other.tenant))).execute(&mut *transaction).await?;
    for chunk in 0..=chunks {
        for statement in &statements {
            sqlx::query(AssertSqlSafe(statement.clone())).bind(chunk).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    let took = begun.elapsed();
    sqlx::raw_sql("DROP SCHEMA bench CASCADE").execute(&mut superuser).await?;
    Ok(took)
}

/// Where the rows of a table lie ready.
fn ready(name: &str) -> String {
    format!("bench.{}", name.rsplit('.').next().unwrap_or(name))
}

/// All columns of a table but the tenant and those that the database works out.
async fn columns(superuser: &mut PgConnection, name: &str) -> Result<String> {
    let (schema, table) = name.split_once('.').ok_or("a table without a schema")?;
    let sql = "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns
        WHERE table_schema = $1 AND table_name = $2 AND column_name <> 'tenant_id' AND is_generated = 'NEVER'";
    Ok(sqlx::query_scalar(sql).bind(schema).bind(table).fetch_one(superuser).await?)
}

/// Copies the rows with the number of their chunk, and what they point at to the other business.
async fn lay_ready(superuser: &mut PgConnection, from: &Business, to: &Business) -> Result<()> {
    let (from, to) = (from.tenant, to.tenant);
    let mut sql = format!(
        "CREATE SCHEMA bench; GRANT USAGE ON SCHEMA bench TO hearth_app;
        CREATE TABLE bench.chunk AS SELECT l.order_id, sum(l.lines) OVER (ORDER BY l.order_id)::bigint / {CHUNK} AS chunk
            FROM (SELECT order_id, count(*) AS lines FROM sales.order_line WHERE tenant_id = '{from}' GROUP BY order_id) l;
        DELETE FROM catalog.tax WHERE tenant_id = '{to}'; DELETE FROM catalog.tax_category WHERE tenant_id = '{to}';"
    );
    for name in GROUND {
        let columns = columns(superuser, name).await?;
        sql.push_str(&format!(
            "INSERT INTO {name} (tenant_id, {columns}) SELECT '{to}', {columns} FROM {name} WHERE tenant_id = '{from}';"
        ));
    }
    for (name, key) in TABLES {
        let order = match name {
            "sales.payment" => {
                "JOIN sales.allocation a ON a.tenant_id = r.tenant_id AND a.payment_id = r.id JOIN bench.chunk c ON c.order_id = a.order_id"
                    .to_owned()
            }
            _ => format!("JOIN bench.chunk c ON c.order_id = r.{key}"),
        };
        let place = ready(name);
        sql.push_str(&format!(
            "CREATE TABLE {place} AS SELECT c.chunk, r.* FROM {name} r {order} WHERE r.tenant_id = '{from}';
            CREATE INDEX ON {place} (chunk); ANALYZE {place}; GRANT SELECT ON {place} TO hearth_app;"
        ));
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(superuser).await?;
    Ok(())
}

/// By how much this process grows at most beyond what it had when it was `small` (bytes), while it imports so many lines.
async fn memory(world: &World, lines: u64, small: u64, table: &mut Table) -> Result<()> {
    let business = world.open_business("bench-large").await?;
    let source = Source::opener("large.csv", move || Ok(Box::new(Past::of(lines))));
    // Begins the highest mark anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let begun = Instant::now();
    let report = import(world, &business, vec![source], false).await?;
    let took = begun.elapsed();
    let grown = status(OWN, "VmHWM:")?.saturating_sub(small);
    if report.accepted != lines {
        return Err(format!("{} of {lines} lines were taken", report.accepted).into());
    }
    let measured = format!("{} ({:.0} lines/s)", mib(grown), lines as f64 / took.as_secs_f64());
    table.add(format!("import: memory for {lines} lines grows by"), measured, format!("< {}", mib(GROWTH)), grown < GROWTH);
    Ok(())
}

/// A till's export of any length, written while it is read.
struct Past {
    line: u64,
    lines: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Past {
    fn of(lines: u64) -> Self {
        Self { line: 0, lines, buffer: b"Date,Time,Transaction,Item,Quantity,Price\n".to_vec(), at: 0 }
    }

    /// Tickets of three lines, five seconds apart within a day of ten hours.
    fn fill(&mut self) -> io::Result<()> {
        use std::io::Write;
        const TICKETS: u64 = 7_200;
        let first = jiff::civil::date(2024, 1, 2);
        self.buffer.clear();
        self.at = 0;
        while self.line < self.lines && self.buffer.len() < 60_000 {
            let (ticket, n) = (self.line / 3, self.line);
            let day = first.saturating_add(jiff::Span::new().days(i64::try_from(ticket / TICKETS).unwrap_or(0)));
            let second = ticket % TICKETS * 5;
            let (hour, minute) = (8 + second / 3600, second / 60 % 60);
            let item = (n * 7919) % 500;
            let (pounds, pence) = (1 + item % 9, item % 100);
            writeln!(
                self.buffer,
                "{day},{hour:02}:{minute:02}:{:02},{},Item {item:03},{},{pounds}.{pence:02}",
                second % 60,
                ticket + 1,
                1 + n % 3
            )?;
            self.line += 1;
        }
        Ok(())
    }
}

impl Read for Past {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            self.fill()?;
        }
        let length = into.len().min(self.buffer.len() - self.at);
        into[..length].copy_from_slice(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
