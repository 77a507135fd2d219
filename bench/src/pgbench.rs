//! pgbench running the very statements of a sale: the program's own SQL files, its parameters as pgbench's variables.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::world::{Business, COST, PRICE, World};

const TILL: &str = include_str!("../../slices/sales/src/till.sql");
const INSERT: &str = include_str!("../../slices/sales/src/insert.sql");
const LOCK: &str = include_str!("../../crates/db/src/lock.sql");
const SETTLE: &str = include_str!("../../crates/db/src/settle.sql");

/// Clients, of pgbench and of the program.
pub const CLIENTS: usize = 8;
/// Lines of a sale.
pub const LINES: usize = 5;

/// What a run gave.
#[derive(Default)]
pub struct Run {
    /// Sales a second.
    pub rate: f64,
    /// How long each took.
    pub times: Vec<Duration>,
}

/// Rings sales by pgbench for so many seconds; each line takes one of so many items of its own. Each is entered in the log, or
/// none is.
pub async fn run(world: &World, business: &Business, spread: usize, seconds: u32, logged: bool) -> Result<Run> {
    let place = tempfile::Builder::new().prefix("pgbench").tempdir_in(world.dir())?;
    let place = place.path();
    let script = place.join("sale.sql");
    fs::write(&script, script_of(business, spread, logged))?;
    let mut command = Command::new(program()?);
    let planning: Vec<String> = db::PLANNING.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    command.env("PGOPTIONS", planning.join(" "));
    command.args(["-n", "-M", "prepared", "-j", "2", "-U", "hearth_app", "-p", "5432", "-l"]);
    command.arg("-c").arg(CLIENTS.to_string()).arg("-T").arg(seconds.to_string()).arg("-h").arg(world.socket()).arg("-f").arg(&script);
    for (name, value) in variables(world, business) {
        command.arg("-D").arg(format!("{name}={value}"));
    }
    command.arg(hearth::open::DATABASE).current_dir(place);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let failed = !output.status.success() || errors.contains("abort") || errors.contains("ERROR");
    if failed {
        return Err(format!("pgbench: {}", errors.lines().take(10).collect::<Vec<_>>().join("; ")).into());
    }
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate = rate.ok_or_else(|| format!("pgbench gave no rate: {said}"))?;
    Ok(Run { rate, times: times(place)? })
}

/// The newest pgbench of Debian's directories; else that of the path.
fn program() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin/pgbench"));
    let mut found: Vec<PathBuf> = versions.filter(|path| path.exists()).collect();
    found.sort();
    Ok(found.pop().unwrap_or_else(|| "pgbench".into()))
}

/// From the logs: client, number, microseconds, and more.
fn times(place: &Path) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgbench_log.")) {
            let text = fs::read_to_string(path)?;
            times.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok()).map(Duration::from_micros));
        }
    }
    Ok(times)
}

/// What is the same in every sale of a run, by the name of its variable.
fn variables(world: &World, business: &Business) -> Vec<(&'static str, String)> {
    let now = world.db().source().now();
    let (total, net) = (PRICE * LINES as i64, PRICE * LINES as i64 * 5 / 6);
    let money = |minor: i64| format!(r#"{{"minor":{minor},"currency":"GBP"}}"#);
    let after = format!(r#"{{"total":{},"lines":{LINES},"day":"2026-01-01"}}"#, money(total));
    let answer = format!(
        r#"{{"id":"{}","net":{},"tax":{},"total":{},"paid":{}}}"#,
        business.tenant,
        money(net),
        money(total - net),
        money(total),
        money(total)
    );
    // Ids sort by time, like the program's own: this run's after all that came before it.
    let millis = format!("{:012x}", now.micros() / 1000);
    vec![
        ("seq", "0".into()),
        ("prefix", format!("{}-{}-7000-8000-", &millis[..8], &millis[8..])),
        ("tenant", business.tenant.to_string()),
        ("site", business.site.to_string()),
        ("location", business.location.to_string()),
        ("seller", business.owner.to_string()),
        ("tax", business.tax.to_string()),
        ("at", now.to_string()),
        ("day", now.to_string().chars().take(10).collect()),
        ("none", "{}".into()),
        ("after", format!(r#"{{"{}"}}"#, after.replace('"', r#"\""#))),
        ("answer", answer),
        ("digest", format!("\\x{}", "5a".repeat(32))),
    ]
}

/// So many times the same, as an array.
fn same(value: impl std::fmt::Display, times: usize) -> String {
    format!("'{{{}}}'", vec![value.to_string(); times].join(","))
}

/// So many times the same expression, as an array.
fn array(expressions: impl IntoIterator<Item = String>) -> String {
    format!("ARRAY[{}]", expressions.into_iter().collect::<Vec<_>>().join(", "))
}

/// The n-th new id of this sale.
fn id(n: usize) -> String {
    format!("(:prefix || lpad(to_hex(:base::bigint + {n}), 12, '0'))::uuid")
}

fn ids(from: usize, count: usize) -> String {
    array((from..from + count).map(id))
}

fn items() -> String {
    array((1..=LINES).map(|n| format!("('01900000-0000-7000-8000-' || lpad(to_hex(:item{n}::int), 12, '0'))::uuid")))
}

/// A sale as pgbench runs it. Line 1 takes one of the first `spread` items, line 2 one of the next, and so on.
fn script_of(business: &Business, spread: usize, logged: bool) -> String {
    let mut script = String::from("\\set seq :seq + 1\n\\set base :seq * 4096 + :client_id * 256\n");
    for n in 1..=LINES {
        let (first, last) = ((n - 1) * spread + 1, n * spread);
        let _ = writeln!(script, "\\set item{n} random({first}, {last})");
    }
    // The program sends these three as one: one round trip.
    let tenant = business.tenant;
    let _ =
        writeln!(script, "\\startpipeline\nBEGIN;\nSET LOCAL hearth.tenant = '{tenant}';\nSET LOCAL lock_timeout = '5s';\n\\endpipeline");
    for (sql, values) in [(TILL, till()), (INSERT, insert()), (LOCK, lock()), (SETTLE, settle(logged))] {
        let _ = writeln!(script, "{};", filled(sql, &values));
    }
    script.push_str("COMMIT;\n");
    script
}

/// A statement with its parameters filled in, the highest first.
fn filled(sql: &str, values: &[String]) -> String {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let numbered = values.iter().enumerate().rev();
    numbered.fold(lines.trim_end().to_owned(), |sql, (n, value)| sql.replace(&format!("${}", n + 1), value))
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn till() -> Vec<String> {
    // No device, and no customer by name.
    [texts(&[":tenant", ":site", ":at"]), vec![items()], texts(&["NULL", "NULL"])].concat()
}

fn lock() -> Vec<String> {
    vec![":tenant".into(), array(vec![":site::uuid".to_owned(); LINES]), items()]
}

fn insert() -> Vec<String> {
    let (total, net) = (PRICE * LINES as i64, PRICE * LINES as i64 * 5 / 6);
    let per_line = |value: i64| same(value, LINES);
    let numbers = [total, 0, net, total - net, total, 0].map(|n| n.to_string()).to_vec();
    [
        vec![":tenant".into(), id(0)],
        texts(&["'sale'", "'paid'", ":site", ":seller", "NULL", "NULL", "'counter'", ":at", DAY, "12", "'GBP'"]),
        numbers,
        texts(&["true", "NULL", "NULL"]),
        vec![items(), same("\"Item 001\"", LINES), per_line(ONE), per_line(ONE), same("pc", LINES), per_line(1), per_line(1)],
        vec![
            per_line(PRICE),
            same("NULL", LINES),
            per_line(PRICE),
            per_line(0),
            per_line(PRICE * 5 / 6),
            per_line(PRICE / 6),
            per_line(PRICE),
        ],
        vec![same("NULL", LINES), "'{1,2,3,4,5}'".into(), array(vec![":tax::uuid".to_owned(); LINES])],
        vec![per_line(PRICE * 5 / 6), per_line(PRICE / 6), ids(1, 1), same("cash", 1), same(total, 1), same("NULL", 1)],
        // Nothing is left owed.
        vec!["0".to_owned()],
    ]
    .concat()
}

/// Millionths.
const ONE: i64 = 1_000_000;
/// The business day of the sales, as a date.
const DAY: &str = ":day::date";
/// Where no lot is kept.
const NO_LOT: &str = "00000000-0000-0000-0000-000000000000";

fn book(code: u32) -> String {
    format!("00000000-0000-7000-8000-{code:012x}")
}

fn settle(logged: bool) -> Vec<String> {
    let (total, net) = (PRICE * LINES as i64, PRICE * LINES as i64 * 5 / 6);
    let (cost, one) = (COST * LINES as i64, |expression: &str| vec![expression.to_owned(); LINES]);
    let four = |expression: &str| array(vec![expression.to_owned(); 4]);
    let none = |count| vec![":none".to_owned(); count];
    let sites = || array(one(":site::uuid"));
    let locations = || array(one(":location::uuid"));
    let listed = |values: &[String]| format!("'{{{}}}'", values.join(","));
    let entry = vec![ids(11, 1), same("order.paid", 1), same("order", 1), ids(0, 1), same("NULL", 1), ":after".into(), same("NULL", 1)];
    let entry = if logged { entry } else { none(entry.len()) };
    [
        vec![":tenant".into(), ":at".into(), id(12), "'account'".into(), ":seller".into(), "NULL".into(), "'127.0.0.1'".into()],
        entry,
        none(4),
        vec!["'S'".into(), format!("extract(year FROM {DAY})"), id(0), "'order'".into(), id(0), ":digest".into(), ":answer".into()],
        none(5),
        vec![sites(), items(), same(-ONE, LINES), same(-COST, LINES)],
        none(4),
        vec![locations(), items(), same(NO_LOT, LINES), same(-ONE, LINES)],
        vec![ids(2, LINES), items(), sites(), locations(), same("NULL", LINES), same(-ONE, LINES), same(-COST, LINES)],
        vec![same("GBP", LINES), same("sold", LINES), same("order", LINES), array(one(&id(0))), "'{1,2,3,4,5}'".into()],
        vec![array(one(":at::timestamptz")), array(one(DAY)), same("NULL", LINES)],
        vec![
            ids(7, 4),
            listed(&[book(5000), book(1100), book(1100), book(1000)]),
            listed(&[book(1200), book(4000), book(2100), book(1100)]),
        ],
        vec![listed(&[cost, net, total - net, total].map(|n| n.to_string())), same("GBP", 4), same("order", 4), four(&id(0)), same(0, 4)],
        vec![four(":at::timestamptz"), four(DAY)],
        none(3),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_gets_just_its_parameters() {
        for (sql, values) in [(TILL, till()), (INSERT, insert()), (LOCK, lock()), (SETTLE, settle(true)), (SETTLE, settle(false))] {
            let count = (1..=values.len() + 1).filter(|n| mentions(sql, *n)).count();
            assert_eq!(count, values.len());
            assert!(!filled(sql, &values).contains('$'));
        }
    }

    /// Whether a statement has the n-th parameter and not merely one that begins like it.
    fn mentions(sql: &str, n: usize) -> bool {
        sql.match_indices(&format!("${n}")).any(|(at, mark)| !sql[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
    }
}
