//! Every list by every filter and in every order: the statement runs, and an index finds what is asked for or gives the order.

use std::collections::BTreeMap;

use db::list::{Asked, Kind};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Story, pounds, run, sale};
use uuid::Uuid;

/// A value of a kind, as SQL writes it and as the address says it.
fn value(kind: Kind) -> (String, String) {
    let (sql, said) = match kind {
        Kind::Text => ("'a'::text", "a"),
        Kind::Whole | Kind::Money => ("1::bigint", "1"),
        Kind::Quantity => ("1000000::bigint", "1"),
        Kind::Day => ("'2026-11-21'::date", "2026-11-21"),
        Kind::Time => ("'2026-11-21T00:00:00Z'::timestamptz", "2026-11-21T00:00:00Z"),
        Kind::Id => ("'00000000-0000-0000-0000-000000000000'::uuid", "00000000-0000-0000-0000-000000000000"),
        Kind::Flag => ("true", "true"),
    };
    (sql.to_owned(), said.to_owned())
}

/// Lists whose whole business may be read and sorted for one order, each with its reason: list, order, why.
const SORTED: &[(&str, &str, &str)] = &[
    ("api-keys", "made", "a business has a handful of keys for programs"),
    ("devices", "name", "a business has at most as many devices as `device.many` allows"),
    ("locations", "name", "a business has a handful of locations"),
    ("others", "since", "those who asked to join or left are few, and an index finds them"),
    ("price-lists", "name", "a business has a handful of price lists"),
    ("price-lists", "position", "a business has a handful of price lists"),
    ("sites", "created", "a business has a handful of sites"),
    ("sites", "name", "a business has a handful of sites"),
    ("trail", "at", "the few entries that have no number yet are sorted and merged with the log, which an index gives in this order"),
];

/// The parts of a plan, each before those below it.
fn parts(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(parts);
    std::iter::once(plan).chain(below).collect()
}

fn text<'a>(part: &'a Value, name: &str) -> &'a str {
    part[name].as_str().unwrap_or_default()
}

/// The table whose rows a list has: the first that its statement reads from outside of all brackets.
fn own_table(sql: &str) -> &str {
    let mut depth = 0;
    let outside = sql.char_indices().find(|(at, sign)| {
        depth += i32::from(*sign == '(') - i32::from(*sign == ')');
        depth == 0 && sql[*at..].starts_with("FROM ")
    });
    let rest = outside.map_or("", |(at, _)| &sql[at + "FROM ".len()..]);
    match rest.split_whitespace().next().and_then(|table| table.rsplit('.').next()) {
        // A view over the log and its inbox.
        Some("trail") => "log",
        table => table.unwrap_or_default(),
    }
}

/// The parts that read a list's own table, or its months.
fn own<'a>(parts: &[&'a Value], table: &str) -> Vec<&'a Value> {
    let is_own = |name: &str| name == table || name.strip_prefix(table).is_some_and(|month| month.starts_with("_2"));
    let found = parts.iter().filter(|part| is_own(text(part, "Relation Name")) && text(part, "Node Type").contains("Scan"));
    found.copied().collect()
}

/// What the index is asked for beside the tenant.
fn asked_of_index(scan: &Value) -> bool {
    parts(scan).iter().any(|part| text(part, "Index Cond").split(" AND ").any(|one| !one.is_empty() && !one.contains("tenant_id = ")))
}

/// What is wrong with a plan: an order that is made by sorting everything that the business has, or a filter that no index serves.
fn wide(plan: &Value, table: &str) -> Option<String> {
    let parts = parts(plan);
    let scans = own(&parts, table);
    if scans.is_empty() {
        return Some(format!("reads {table} nowhere"));
    }
    if scans.iter().all(|scan| asked_of_index(scan)) {
        return None;
    }
    let sorts = parts.iter().any(|part| text(part, "Node Type") == "Sort" && !own(&self::parts(part), table).is_empty());
    sorts.then(|| "sorts all that the business has".to_owned())
}

#[test]
fn every_filter_and_order_of_every_list_runs_and_an_index_narrows_it() {
    run(async |story| {
        let lists: Vec<_> = story.app.routes().iter().filter_map(|r| r.list).collect();
        assert!(lists.len() >= 10, "the lists were found");
        let (mut tried, mut found) = (0, BTreeMap::new());
        for list in lists {
            let table = own_table(list.sql);
            for filter in std::iter::once(None).chain(list.filters.iter().map(Some)) {
                for sort in list.sorts {
                    for turn in ["", "-"] {
                        let (sql_value, said) = filter.map_or_else(Default::default, |f| value(f.kind));
                        let filters = filter.map(|f| (f.name.to_owned(), said)).into_iter().collect();
                        let asked = Asked { filters, sort: Some(format!("{turn}{}", sort.name)), ..Asked::default() };
                        let mut tx = story.db.begin(story.op()).await.unwrap();
                        list.page(&mut tx, &asked).await.unwrap_or_else(|e| panic!("{} {asked:?}: {e}", list.name));
                        let statement = list
                            .explained(&asked, kernel::Permissions::ALL)
                            .unwrap()
                            .replace("$1", &format!("'{}'::uuid", story.tenant))
                            .replace("$2", &sql_value);
                        // The stories' tables are all but empty, where reading and sorting cost nothing: what could do without, does.
                        let plainly = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off";
                        sqlx::raw_sql(plainly).execute(tx.conn()).await.unwrap();
                        let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) {statement}"));
                        let plan: Value = sqlx::query_scalar(explain).fetch_one(tx.conn()).await.unwrap();
                        if let Some(wide) = wide(&plan[0]["Plan"], table) {
                            found.insert((list.name, sort.name), format!("{asked:?} {wide}"));
                        }
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 50, "{tried} ways were tried");
        // Some of these find an index where the tables of the stories happen to be larger.
        SORTED.iter().for_each(|(list, sort, _)| drop(found.remove(&(*list, *sort))));
        assert!(found.is_empty(), "without an index: {found:#?}");
    });
}

#[test]
fn pages_follow_each_other_without_a_gap_or_a_repeat() {
    run(async |story| {
        for n in 0..23 {
            story.post("/v1/customers", &json!({ "name": format!("Customer {:02}", n / 2) })).await.ok();
        }
        for sort in ["name", "-name", "created", "-created"] {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = story.get(&format!("/v1/customers?sort={sort}&limit=5&cursor={cursor}")).await.ok().json();
                seen.extend(page["rows"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
                match page["next"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!((all, seen.len()), (23, 23), "{sort}");
        }
    });
}

/// The ids of a list, page by page.
async fn walked(story: &Story, address: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = story.get(&format!("{address}&limit=2&cursor={cursor}")).await.ok().json();
        seen.extend(page["rows"].as_array().unwrap().iter().map(|row| text(row, "id").to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return seen,
        }
    }
}

#[test]
fn orders_with_an_item_are_found_once_each_in_their_order_and_by_what_else_is_asked() {
    run(async |story| {
        let (bread, cake) = (story.made_to_order("Bread", 480, 100).await, story.made_to_order("Cake", 480, 100).await);
        for item in [&bread, &cake] {
            story.post(&format!("/v1/items/{item}/price"), &json!({ "price": pounds(480), "fromDay": "2026-11-01" })).await.ok();
        }
        // Late in the evening and after midnight, by turns; some at the same moment; each third twice a bread.
        let mut breads = Vec::new();
        for n in 0..18 {
            let (day, time) = (10 + n / 4, ["23:30:00", "02:10:00"][n % 2]);
            let at = format!("2026-11-{day}T{time}Z");
            let mut asked = sale(if n % 3 == 1 { &cake } else { &bread }, "1");
            if n % 3 == 2 {
                let again = asked["lines"][0].clone();
                asked["lines"].as_array_mut().unwrap().push(again);
            }
            asked["placedAt"] = json!(at);
            let order = story.post("/v1/sales", &asked).await.ok().json();
            if n % 3 != 1 {
                breads.push(text(&order, "id").to_owned());
            }
        }
        let all = story.get("/v1/orders").await.ok().json();
        for (from, to) in [("", ""), ("2026-11-12", ""), ("", "2026-11-14"), ("2026-11-12", "2026-11-15"), ("2026-11-13", "2026-11-13")] {
            let asked = all["rows"].as_array().unwrap().iter().filter(|row| {
                let day = text(row, "day");
                (from.is_empty() || day >= from) && (to.is_empty() || day <= to) && breads.iter().any(|id| id == text(row, "id"))
            });
            let down: Vec<String> = asked.map(|row| text(row, "id").to_owned()).collect();
            let up: Vec<String> = down.iter().rev().cloned().collect();
            assert!(!down.is_empty());
            let address = format!("/v1/orders?item={bread}&from={from}&to={to}");
            assert_eq!(walked(&story, &address).await, down, "{from} to {to}");
            assert_eq!(walked(&story, &format!("{address}&sort=placed")).await, up, "{from} to {to}, the oldest first");
            assert_eq!(walked(&story, &format!("{address}&hour=5")).await, Vec::<String>::new());
            assert_eq!(walked(&story, &format!("{address}&item={cake}")).await, Vec::<String>::new(), "none has both");
        }
        for far in ["from=0001-01-01", "to=9999-12-31"] {
            story.get(&format!("/v1/orders?item={bread}&{far}")).await.ok();
        }
    });
}
