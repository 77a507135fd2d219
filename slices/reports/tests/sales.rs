//! The sales report and the owner's day, told as a baker's days.

use db::Reach;
use kernel::{Day, Role};
use serde_json::{Value, json};
use testkit::{Story, own_database, pounds, run, sale, text};

const DAY: &str = "2026-11-21";

async fn report(story: &Story, by: &str) -> Value {
    story.get(&format!("/v1/reports/sales?from=2026-11-01&to=2026-11-30&by={by}")).await.ok().json()
}

async fn reports(story: &Story) -> Vec<Value> {
    let mut all = Vec::new();
    for by in ["day", "hour", "item", "site"] {
        all.push(report(story, by).await);
    }
    all
}

fn wednesday() -> Day {
    "2026-11-18".parse().unwrap()
}

async fn nothing_found(story: &Story) {
    let found: Vec<_> = story.check().await.into_iter().map(|b| b.finding).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// Seals; again where a transaction elsewhere on the shared machine took too long to end.
async fn seal_as_far_as(story: &Story, reach: Reach) {
    for _ in 0..20 {
        story.seal_as_far_as(reach).await;
        let mut tx = story.db.begin(story.op()).await.unwrap();
        if db::sealed(&mut tx).await.unwrap().is_some_and(|sealed| sealed.through >= reach.through && sealed.until >= reach.until) {
            return;
        }
    }
    panic!("{reach:?} was never sealed");
}

async fn seal(story: &Story, through: Day) {
    seal_as_far_as(story, Reach::days(through)).await;
}

/// What happened before a moment of today, and all days before.
fn today_until(time: &str) -> Reach {
    Reach { through: "2026-11-20".parse().unwrap(), until: format!("{DAY}T{time}:00Z").parse().unwrap() }
}

/// A bread that had its price all month.
async fn bread(story: &Story) -> String {
    let bread = story.made_to_order("Bread", 480, 100).await;
    story.post(&format!("/v1/items/{bread}/price"), &json!({ "price": pounds(480), "fromDay": "2026-11-01" })).await.ok();
    bread
}

async fn sell_at(story: &Story, item: &str, quantity: &str, at: &str) {
    let mut asked = sale(item, quantity);
    asked["placedAt"] = json!(at);
    story.post("/v1/sales", &asked).await.ok();
}

/// A bread for nothing.
async fn give_at(story: &Story, item: &str, at: &str) {
    let mut asked = sale(item, "1");
    asked["placedAt"] = json!(at);
    asked["discount"] = json!({ "partsPerMillion": 1_000_000 });
    asked["payments"] = json!([]);
    story.post("/v1/sales", &asked).await.ok();
}

#[test]
fn figures_are_the_sums_of_sales_and_refunds() {
    run(async |story| {
        let (bread, coffee) = (story.made_to_order("Bread", 480, 100).await, story.made_to_order("Coffee", 260, 55).await);
        story.sell(&bread, "2").await;
        let rung = story.sell(&coffee, "1").await;
        let back = json!({ "reason": "cold" });
        story.post(&format!("/v1/orders/{}/refund", text(&rung["id"])), &back).await.ok();

        let by_day = report(&story, "day").await;
        assert_eq!(by_day["currency"], "GBP");
        let row = &by_day["rows"][0];
        assert_eq!((&row["key"], &row["label"]), (&json!(DAY), &json!("Saturday 21 November 2026")));
        assert_eq!((&row["orders"], &row["refunds"], &row["lines"]), (&json!(2), &json!(1), &json!(3)));
        // The coffee was paid back and thrown away: its cost stays.
        assert_eq!((&row["total"], &row["cost"]), (&json!(960), &json!(255)));
        assert_eq!(row["margin"], json!(row["net"].as_i64().unwrap() - 255));
        assert_eq!(by_day["total"]["total"], 960);

        let by_item = report(&story, "item").await;
        let bread_row = &by_item["rows"][0];
        assert_eq!((&bread_row["key"], &bread_row["quantity"], &bread_row["unit"]), (&json!(bread), &json!("2"), &json!("pc")));
        assert!(bread_row.get("orders").is_none());
        let hour = &report(&story, "hour").await["rows"][0];
        assert_eq!((&hour["key"], &hour["label"]), (&json!("9"), &json!("09:00")));
        assert_eq!(report(&story, "site").await["rows"][0]["key"], json!(story.site));
    });
}

#[test]
fn sealing_a_day_changes_no_figure_and_a_late_sale_shows_at_once_and_after_sealing_again() {
    run(async |story| {
        let bread = bread(&story).await;
        sell_at(&story, &bread, "2", "2026-11-18T09:30:00Z").await;
        let live = reports(&story).await;
        seal(&story, wednesday()).await;
        assert_eq!(reports(&story).await, live);
        nothing_found(&story).await;

        sell_at(&story, &bread, "1", "2026-11-18T15:30:00Z").await;
        let after = reports(&story).await;
        assert_eq!((&after[0]["total"]["total"], &after[0]["total"]["orders"]), (&json!(1440), &json!(2)));
        assert_eq!(after[1]["rows"].as_array().unwrap().len(), 2);
        nothing_found(&story).await;
        seal(&story, wednesday()).await;
        assert_eq!(reports(&story).await, after);
        nothing_found(&story).await;
    });
}

#[test]
fn a_day_that_still_runs_is_sealed_quarter_by_quarter_and_no_figure_changes() {
    run(async |story| {
        let bread = bread(&story).await;
        let total = async || report(&story, "day").await["total"]["total"].as_i64().unwrap();
        sell_at(&story, &bread, "2", "2026-11-21T07:10:00Z").await;
        sell_at(&story, &bread, "1", "2026-11-21T08:20:00Z").await;
        let live = reports(&story).await;
        seal_as_far_as(&story, today_until("08:15")).await;
        assert_eq!(reports(&story).await, live, "seven o'clock is kept, twenty past eight is read");
        nothing_found(&story).await;

        sell_at(&story, &bread, "1", "2026-11-21T08:40:00Z").await;
        assert_eq!(total().await, 4 * 480, "what happens later is read beside it");
        sell_at(&story, &bread, "1", "2026-11-21T07:40:00Z").await;
        assert_eq!(total().await, 5 * 480, "what a till sends late marks the day");
        nothing_found(&story).await;
        let before = reports(&story).await;
        seal_as_far_as(&story, today_until("08:15")).await;
        assert_eq!(reports(&story).await, before, "the mark is gone, the late sale kept");
        nothing_found(&story).await;

        give_at(&story, &bread, "2026-11-21T08:50:00Z").await;
        let given = report(&story, "day").await;
        assert_eq!((&given["total"]["orders"], &given["total"]["total"]), (&json!(5), &json!(5 * 480)));
        let before = reports(&story).await;
        for until in ["08:45", "09:00"] {
            seal_as_far_as(&story, today_until(until)).await;
            assert_eq!(reports(&story).await, before, "a sale of nothing is not lost when it is sealed ({until})");
            nothing_found(&story).await;
        }
        seal(&story, DAY.parse().unwrap()).await;
        assert_eq!(reports(&story).await, before, "the day is over");
        nothing_found(&story).await;
    });
}

#[test]
fn what_is_kept_of_today_is_what_a_report_takes() {
    own_database(async |story| {
        let bread = bread(&story).await;
        sell_at(&story, &bread, "2", "2026-11-21T07:10:00Z").await;
        sell_at(&story, &bread, "1", "2026-11-21T08:20:00Z").await;
        seal_as_far_as(&story, today_until("08:15")).await;
        story
            .as_role(
                "hearth_system",
                "UPDATE reports.day_hour SET total = total + 5; UPDATE reports.day_item SET total = total + 7;
                UPDATE reports.month_item SET total = total + 9",
            )
            .await;
        assert_eq!(report(&story, "hour").await["total"]["total"], 3 * 480 + 5);
        let day = format!("/v1/reports/sales?from={DAY}&to={DAY}&by=item");
        assert_eq!(story.get(&day).await.ok().json()["total"]["total"], 3 * 480 + 7);
        assert_eq!(report(&story, "item").await["total"]["total"], 3 * 480 + 9, "a month is kept by itself");
        let found: Vec<_> = story.check().await.into_iter().map(|b| b.finding.check).collect();
        assert_eq!(found, ["reports.day_item", "reports.month_item", "reports.day_hour"]);
        // A sale of the sealed past marks the day: nothing kept of it is taken until it is sealed again.
        sell_at(&story, &bread, "1", "2026-11-21T07:30:00Z").await;
        assert_eq!(report(&story, "hour").await["total"]["total"], 4 * 480);
        nothing_found(&story).await;
    });
}

#[test]
fn sales_of_any_time_and_seals_between_them_come_to_the_same_sums() {
    run(async |story| {
        let bread = bread(&story).await;
        let moment = |n: u64| {
            let (day, minute) = (18 + n % 4, n / 4 % 540);
            format!("2026-11-{day}T{:02}:{:02}:30Z", minute / 60, minute % 60)
        };
        let (mut spread, mut sold, mut orders) = (7_u64, 0, 0);
        let mut next = || {
            spread = spread.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            spread >> 33
        };
        for _ in 0..12 {
            let sales: Vec<(String, u64)> = (0..4).map(|_| (moment(next()), next() % 4)).collect();
            let reach =
                Reach { through: Day::from_2000(wednesday().since_2000() + (next() % 3) as i32), until: moment(next()).parse().unwrap() };
            let ring = futures::future::join_all(sales.iter().map(async |(at, breads)| match breads {
                0 => give_at(&story, &bread, at).await,
                some => sell_at(&story, &bread, &some.to_string(), at).await,
            }));
            futures::future::join(ring, story.seal_as_far_as(reach)).await;
            sold += sales.iter().map(|(_, breads)| breads).sum::<u64>();
            orders += 4;
            for told in reports(&story).await {
                assert_eq!(told["total"]["total"], 480 * sold, "{reach:?} {sales:?}");
                assert!(told["total"].get("orders").is_none_or(|n| *n == orders), "{reach:?} {sales:?}");
            }
            nothing_found(&story).await;
        }
    });
}

#[test]
fn items_of_any_period_come_to_what_its_days_come_to() {
    run(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        let cake = story.made_to_order("Cake", 2_400, 700).await;
        for item in [&bread, &cake] {
            story.post(&format!("/v1/items/{item}/price"), &json!({ "price": pounds(480), "fromDay": "2026-05-01" })).await.ok();
        }
        let first = "2026-07-20".parse::<Day>().unwrap().since_2000();
        let day = |n: i32| Day::from_2000(first + n);
        // The cake is sold on one day; bread on each fourth day of eighty, later some again that are sealed.
        sell_at(&story, &cake, "1", &format!("{}T09:00:00Z", day(44))).await;
        let compare = async |why: &str| {
            for (from, to) in [(0, 124), (0, 45), (11, 11), (12, 42), (13, 41), (20, 43), (44, 60), (45, 72), (45, 124), (5, 80)] {
                let ask = format!("/v1/reports/sales?from={}&to={}", day(from), day(to));
                let (items, days) =
                    (story.get(&format!("{ask}&by=item")).await.ok().json(), story.get(&format!("{ask}&by=day")).await.ok().json());
                for figure in ["lines", "net", "tax", "total", "cost", "margin"] {
                    assert_eq!(items["total"][figure], days["total"][figure], "{why}: {figure} from {from} to {to}");
                }
                let sold: Vec<&str> = items["rows"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
                assert_eq!(sold.contains(&"Cake"), (from..=to).contains(&44), "{why}: {sold:?} from {from} to {to}");
            }
            nothing_found(&story).await;
        };
        for n in (0..80).step_by(4) {
            sell_at(&story, &bread, "1", &format!("{}T09:00:00Z", day(n))).await;
        }
        compare("nothing is sealed").await;
        for through in [30, 31, 57, 90] {
            seal(&story, day(through)).await;
            compare(&format!("sealed through {}", day(through))).await;
        }
        for n in [0, 12, 43, 70] {
            sell_at(&story, &bread, "2", &format!("{}T15:00:00Z", day(n))).await;
        }
        compare("what was late").await;
        seal(&story, day(90)).await;
        compare("sealed again").await;
    });
}

#[test]
fn a_spoiled_total_is_found_and_named() {
    own_database(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        story.sell(&bread, "2").await;
        seal(&story, DAY.parse().unwrap()).await;
        story
            .as_role(
                "hearth_system",
                "UPDATE reports.day_item SET total = total + 1; DELETE FROM reports.day_hour; DELETE FROM reports.month_item",
            )
            .await;
        let found: Vec<_> = story.check().await.into_iter().map(|b| b.finding).collect();
        let of = |check: &str| found.iter().find(|f| f.check == check).unwrap_or_else(|| panic!("{check} is not among {found:?}"));
        assert_eq!(of("reports.day_item").id.to_string(), bread);
        assert!(of("reports.day_item").text.starts_with("Saturday 21 November 2026, Bread: kept "), "{found:?}");
        assert!(of("reports.month_item").text.starts_with("November 2026, Bread: kept nothing"), "{found:?}");
        assert_eq!(of("reports.day_hour").id, story.tenant.uuid());
        assert!(of("reports.day_hour").text.contains("kept nothing"), "{found:?}");
    });
}

#[test]
fn sums_beyond_all_numbers_are_refused_and_keep_no_other_business_from_being_sealed() {
    own_database(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        story.sell(&bread, "2").await;
        story.sell(&bread, "1").await;
        let (other, _) = story.neighbour().await;
        assert!(story.tenant < other, "businesses are sealed in the order of their ids");
        story.as_role("postgres", "UPDATE sales.order_line SET quantity = 5000000000000000000").await;
        let address = "/v1/reports/sales?from=2026-11-01&to=2026-11-30&by=item";
        story.get(address).await.refused("number.too_large");

        story.later(std::time::Duration::from_secs(48 * 3600));
        story.seal_all().await;
        let through = async |tenant| {
            let mut tx = story.db.begin(kernel::Op::program(&story.clock, "story", Some(tenant))).await.unwrap();
            db::sealed(&mut tx).await.unwrap().map(|reach| reach.through)
        };
        assert_eq!(through(other).await, Some("2026-11-22".parse().unwrap()));
        assert_eq!(through(story.tenant).await, None);
        story.as_role("postgres", "UPDATE sales.order_line SET quantity = 1000000").await;
        story.seal_all().await;
        assert_eq!(through(story.tenant).await, Some("2026-11-22".parse().unwrap()), "tried again the next time");
    });
}

#[test]
fn a_neighbour_sees_nothing_of_it() {
    run(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        story.sell(&bread, "2").await;
        let (_, other) = story.neighbour().await;
        let theirs = other.get("/v1/reports/sales?from=2026-11-01&to=2026-11-30&by=day").await.ok().json();
        assert_eq!(theirs["rows"], json!([]));
        assert_eq!(theirs["total"]["total"], 0);
        other.get(&format!("/v1/reports/sales?from=2026-11-01&to=2026-11-30&site={}", story.site)).await.refused("site.unknown");
        other.get(&format!("/?site={}", story.site)).await.is(422);
    });
}

#[test]
fn a_question_that_makes_no_sense_is_refused() {
    run(async |story| {
        for period in ["from=2026-11-30&to=2026-11-01", "from=2006-11-01&to=2026-11-30", "to=2026-11-30", ""] {
            story.get(&format!("/v1/reports/sales?{period}")).await.refused("period");
        }
        for (wrong, code) in [("by=week", "choice.unknown"), ("format=pdf", "choice.unknown"), ("site=x", "site.unknown")] {
            story.get(&format!("/v1/reports/sales?from=2026-11-01&to=2026-11-30&{wrong}")).await.refused(code);
        }
        let page = story.get("/reports?from=2026-11-30&to=2026-11-01").await.ok().text();
        assert!(page.contains("Give a period"), "{page}");
    });
}

#[test]
fn a_file_has_no_formulas_in_it() {
    run(async |story| {
        let item = story.made_to_order("=cmd|' /C calc'!A0", 480, 100).await;
        story.sell(&item, "2").await;
        let file = story.get("/v1/reports/sales?from=2026-11-01&to=2026-11-30&by=item&format=csv").await.ok();
        assert!(file.header("content-type").starts_with("text/csv"));
        assert!(file.header("content-disposition").contains("sales-by-item-2026-11-01-2026-11-30.csv"));
        let text = file.text();
        assert!(text.contains(",'=cmd|' /C calc'!A0,") && text.contains(",9.60,"), "{text}");
    });
}

#[test]
fn the_home_page_shows_today_or_leads_to_the_latest_day_with_sales() {
    run(async |story| {
        let empty = story.get("/").await.ok().text();
        assert!(empty.contains("No sales yet") && empty.contains("href=\"/import\""), "{empty}");
        let bread = bread(&story).await;
        sell_at(&story, &bread, "2", "2026-11-18T09:30:00Z").await;
        let later = story.get("/").await.ok().text();
        assert!(later.contains("Latest day with sales: Wednesday 18 November 2026"), "{later}");
        let picked = story.get("/?day=2026-11-20").await.ok().text();
        assert!(picked.contains("Nothing was sold on Friday 20 November 2026") && picked.contains("href=\"/?day=2026-11-18\""), "{picked}");
        let region = story.get("/home/figures").await.ok().text();
        assert!(region.starts_with("<div class=\"toolbar\"><h2>") && region.contains("Latest day with sales"), "{region}");
        story.get("/?day=yesterday").await.is(422);

        story.sell(&bread, "1").await;
        let today = story.get("/").await.ok().text();
        for part in ["Today, Saturday 21 November 2026", "4.80", "data-live=\"/v1/live?after=", "data-live-src=\"/home/figures?", "Bread"] {
            assert!(today.contains(part), "{part} is not in {today}");
        }
    });
}

#[test]
fn the_home_page_leads_to_any_day_the_whole_past_and_the_last_sales_before() {
    run(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        story.post(&format!("/v1/items/{bread}/price"), &json!({ "price": pounds(480), "fromDay": "2026-05-01" })).await.ok();
        assert!(!story.get("/").await.ok().text().contains("name=\"day\""), "there is no day to go to yet");
        for (day, sealed) in [("2026-05-30", true), ("2026-06-02", true), ("2026-11-18", false)] {
            sell_at(&story, &bread, "2", &format!("{day}T09:30:00Z")).await;
            if sealed {
                seal(&story, day.parse().unwrap()).await;
            }
        }
        story.sell(&bread, "1").await;
        // Which links stand on the page of a day, beside those to the days around it.
        let links = async |day: &str| {
            let page = story.get(&format!("/?day={day}")).await.ok();
            assert_eq!(page.input("day"), day);
            let to = |label: &str| {
                let before = page.text().split_once(label)?.0.to_owned();
                Some(before.rsplit_once("href=\"/?day=")?.1[..10].to_owned())
            };
            (to("Latest day with sales<"), to("Last sales before: "))
        };
        let day = |day: &str| Some(day.to_owned());
        assert_eq!(links(DAY).await, (None, day("2026-11-18")));
        assert_eq!(links("2026-11-20").await, (day(DAY), day("2026-11-18")));
        // The day before is one press away already.
        assert_eq!(links("2026-11-19").await, (day(DAY), None));
        assert_eq!(links("2026-11-18").await, (day(DAY), day("2026-06-02")));
        assert_eq!(links("2026-06-02").await, (day(DAY), day("2026-05-30")));
        assert_eq!(links("2026-05-30").await, (day(DAY), None));
        assert_eq!(links("2026-12-20").await, (day(DAY), None), "the latest day is the last one before");

        let today = story.get("/?day=").await.ok().text();
        assert!(today.contains("Today, Saturday 21 November 2026"), "{today}");
        let past = format!("/reports?from=2026-05-30&amp;to={DAY}&amp;by=day");
        assert!(today.contains(&past) && today.contains("The whole past"), "{today}");
        story.get(&past.replace("&amp;", "&")).await.ok();
        // A sale draws the figures anew, and leaves the date alone that somebody is typing.
        assert!(!story.get("/home/figures").await.ok().text().contains("name=\"day\""));
    });
}

#[test]
fn those_without_reports_see_where_they_work() {
    run(async |story| {
        let baker = story.member(&[Role::Baker]).await;
        let page = baker.get("/").await.ok().text();
        assert!(page.contains("What you can do here") && !page.contains("data-live"), "{page}");
        baker.get("/home/figures").await.is(403);
        baker.get("/reports").await.is(403);
        baker.get("/v1/reports/sales?from=2026-11-01&to=2026-11-30").await.refused("auth.forbidden");
    });
}

#[test]
fn every_row_of_the_page_opens_the_orders_behind_it() {
    run(async |story| {
        let bread = story.made_to_order("Bread", 480, 100).await;
        story.sell(&bread, "2").await;
        for (by, href, only) in [
            ("day", format!("/orders?from={DAY}&amp;to={DAY}"), None),
            ("hour", "/orders?from=2026-11-01&amp;to=2026-11-30&amp;hour=9".to_owned(), Some("Only orders from 09:00 to 09:59")),
            ("item", format!("/orders?from=2026-11-01&amp;to=2026-11-30&amp;item={bread}"), Some("Only orders with Bread")),
            ("site", format!("/orders?from=2026-11-01&amp;to=2026-11-30&amp;site={}", story.site), Some("Only orders in ")),
        ] {
            let page = story.get(&format!("/reports?from=2026-11-01&to=2026-11-30&by={by}")).await.ok().text();
            assert!(page.contains(&format!("href=\"{href}\"")), "{by}: {page}");
            let orders = story.get(&href.replace("&amp;", "&")).await.ok().text();
            assert_eq!(only.is_some(), orders.contains("Only orders"), "{by}: {orders}");
            assert!(only.is_none_or(|only| orders.contains(only)), "{by}: {orders}");
        }
        let nowhere = story.get(&format!("/orders?item={}&hour=9", story.site)).await.ok().text();
        assert!(nowhere.contains("Only orders with something that is not there, from 09:00 to 09:59"), "{nowhere}");
        // What can't be taken of an address is named, and the page can be had without it.
        let wrong = story.get(&format!("/orders?item={bread}&from=2026-02-30")).await.is(422).text();
        assert!(wrong.contains("from: Write the day as YYYY-MM-DD.") && wrong.contains("href=\"/orders\""), "{wrong}");
    });
}
