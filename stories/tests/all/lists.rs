//! Every list by every filter and in every order: the statement runs, and an index can serve it.

use db::list::{Asked, Kind};
use sqlx::{AssertSqlSafe, Row};
use testkit::run;
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

/// Where a whole scan is no fault: tables of a handful of rows per business.
const SMALL: &[&str] = &["price_list", "tax_category", "tax", "location", "site", "member", "book", "tenant", "import"];

#[test]
fn every_filter_and_order_of_every_list_runs_and_can_use_an_index() {
    run(async |story| {
        let lists: Vec<_> = story.app.routes().iter().filter_map(|r| r.list).collect();
        assert!(lists.len() >= 10, "the lists were found");
        let mut tried = 0;
        for list in lists {
            let filters = std::iter::once(None).chain(list.filters.iter().map(Some));
            for filter in filters {
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
                        sqlx::query("SET LOCAL enable_seqscan = off").execute(tx.conn()).await.unwrap();
                        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN {statement}"))).fetch_all(tx.conn()).await.unwrap();
                        for line in plan.iter().map(|r| r.get::<String, _>(0)).filter(|l| l.contains("Seq Scan on ")) {
                            let table =
                                line.split("Seq Scan on ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
                            assert!(SMALL.contains(&table), "{} {asked:?} reads all of {table}", list.name);
                        }
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 50, "{tried} ways were tried");
    });
}

#[test]
fn pages_follow_each_other_without_a_gap_or_a_repeat() {
    run(async |story| {
        for n in 0..23 {
            story.post("/v1/customers", &serde_json::json!({ "name": format!("Customer {:02}", n / 2) })).await.ok();
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
