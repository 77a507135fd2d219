//! The import of a past: real files end to end, and what must not happen.

use std::path::PathBuf;

use kernel::{Error, Money};
use sales::import::{ImportAsk, ImportReport, Options, Outcome};
use serde_json::{Value, json};
use tables::Source;
use testkit::{Story, run};

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn table(name: &str) -> Source {
    Source::path(repository(&format!("crates/tables/tests/data/{name}")))
}

fn csv(name: &str, text: &str) -> Source {
    Source::bytes(name, text.as_bytes().to_vec())
}

fn ask(files: Vec<Source>) -> ImportAsk {
    ImportAsk { files, ..ImportAsk::default() }
}

async fn import(story: &Story, ask: ImportAsk) -> ImportReport {
    sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap()
}

async fn rows(story: &Story, path: &str) -> Vec<Value> {
    story.get(path).await.ok().json()["rows"].as_array().unwrap().clone()
}

/// Orders with their lines, in the order of their moments.
async fn orders(story: &Story) -> Vec<Value> {
    let mut all = Vec::new();
    for row in rows(story, "/v1/orders?sort=placed").await {
        all.push(story.get(&format!("/v1/orders/{}", row["id"].as_str().unwrap())).await.ok().json());
    }
    all
}

fn gbp(minor: i64) -> Money {
    Money::new(minor, kernel::Currency::GBP)
}

#[test]
fn an_import_whose_job_was_laid_aside_says_why_and_is_run_again() {
    run(async |story| {
        let file: &[u8] = b"date,time,ticket,item,price\n2017-03-01,09:00:00,1,Bread,3.20\n";
        let page = story.owner.upload("/import", &[], &[("files", "till.csv", file)]).await.location();
        let path = format!("/v1/imports/{}", page.rsplit('/').next().unwrap());
        story.post(&format!("{path}/run"), &json!({})).await.ok();
        // Another import of the business holds its one place for days.
        let mut other = story.db.begin(story.op()).await.unwrap();
        let place = format!("sales.import {}", story.tenant);
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(place).execute(other.conn()).await.unwrap();
        for _ in 0..8 {
            story.post(&format!("{path}/run"), &json!({})).await.refused("import.state");
            assert_eq!(story.jobs().await, 1);
            story.later(std::time::Duration::from_secs(600));
        }
        story.owner_comes_back().await;
        let failed = story.get(&path).await.ok().json();
        assert_eq!((&failed["state"], &failed["error"]), (&json!("failed"), &json!(kernel::code("conflict").unwrap().text())), "{failed}");
        assert!(story.get(&page).await.ok().text().contains(kernel::code("conflict").unwrap().text()), "its page says so");
        other.give_up().await.unwrap();
        story.post(&format!("{path}/run"), &json!({})).await.ok();
        story.jobs().await;
        let done = story.get(&path).await.ok().json();
        assert_eq!((&done["state"], &done["report"]["documents"]), (&json!("done"), &json!(1)), "{done}");
        // The dead one is tried again all the same: there is nothing left to do.
        let mut system = story.db.system("story.dead").await.unwrap();
        let dead = "SELECT id FROM db.job WHERE tenant_id = $1 AND state = 'dead'";
        let dead: uuid::Uuid = sqlx::query_scalar(dead).bind(story.tenant.uuid()).fetch_one(system.conn()).await.unwrap();
        story.db.retry_job(&story.op(), dead).await.unwrap();
        assert_eq!(story.jobs().await, 1);
        assert_eq!(rows(&story, "/v1/orders").await.len(), 1, "it was not imported twice");
    });
}

#[test]
fn a_bakery_loads_its_half_year_by_page_and_its_stock_stays_as_it_is() {
    run(async |story| {
        let read = |path: &str| std::fs::read(repository(path)).unwrap();
        let (sales, prices) = (read("app/demo/BreadBasket_DMS.csv.gz"), read("app/demo/prices.csv"));
        let given =
            story.owner.upload("/import", &[], &[("files", "BreadBasket_DMS.csv.gz", &sales), ("files", "prices.csv", &prices)]).await;
        let (page, id) = (given.location(), given.location().rsplit('/').next().unwrap().to_owned());
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains("YYYY-MM-DD") && shown.contains("786 lines have NONE, which is read as no “Item”"), "{shown}");

        story.form(&page, &[("act", "try"), ("source", "till"), ("costPercent", "35"), ("method", "cash")]).await.ok();
        assert!(story.get(&page).await.ok().text().contains("http-equiv=\"refresh\""));
        story.jobs().await;
        let tried = story.get(&format!("/v1/imports/{id}")).await.ok().json();
        assert_eq!(
            (&tried["state"], &tried["report"]["documents"], &tried["report"]["itemsMade"]),
            (&json!("tried"), &json!(9465), &json!(94)),
            "{tried}"
        );
        assert_eq!((rows(&story, "/v1/orders").await.len(), rows(&story, "/v1/items").await.len()), (0, 0), "a try keeps nothing");

        story.form(&page, &[("act", "import"), ("source", "till"), ("costPercent", "35"), ("method", "cash")]).await.ok();
        story.jobs().await;
        let done = story.get(&format!("/v1/imports/{id}")).await.ok().json();
        let report = &done["report"];
        assert_eq!(done["state"], "done", "{done}");
        assert!(done["number"].as_str().unwrap().starts_with("I-2026-"));
        assert_eq!((&report["lines"], &report["accepted"], &report["refusedCount"]), (&json!(21293), &json!(20507), &json!(786)));
        assert_eq!((&report["leftOut"], &report["documents"]), (&json!(786), &json!(9465)));
        assert_eq!(report["total"], json!({ "minor": 6_057_895, "currency": "GBP" }));
        assert!(report["refused"][0]["reason"].as_str().unwrap().contains("NONE"));
        let text = story.get(&format!("/v1/imports/{id}/refused?format=csv")).await.ok().text();
        assert_eq!(text.lines().count(), 787);

        // After midnight is the evening before; a row per line, as the file has them; nothing is on hand.
        let night = rows(&story, "/v1/orders?from=2016-12-31&to=2016-12-31&hour=1").await;
        assert_eq!((night.len(), night[0]["placedAt"].as_str().unwrap()), (1, "2017-01-01T01:21:05Z"));
        let night = story.get(&format!("/v1/orders/{}", night[0]["id"].as_str().unwrap())).await.ok().json();
        assert_eq!((&night["channel"], &night["payments"][0]["method"]), (&json!("import"), &json!("cash")));
        assert!(rows(&story, "/v1/stock").await.is_empty());
        assert_eq!(story.check().await.len(), 0);
        assert!(story.get(&page).await.ok().text().contains("The past is in the books."));
        assert!(story.get("/import").await.ok().text().contains("BreadBasket_DMS.csv.gz"));

        // The same file again, under another name and with other prices: nothing.
        let again =
            story.owner.upload("/v1/imports", &[], &[("files", "again.csv.gz", &sales), ("files", "p.csv", &prices)]).await.ok().json();
        let again = again["id"].as_str().unwrap().to_owned();
        story.post(&format!("/v1/imports/{again}/run"), &json!({ "skipRefused": true })).await.ok();
        story.jobs().await;
        let again = story.get(&format!("/v1/imports/{again}")).await.ok().json();
        assert_eq!((&again["state"], &again["report"]["alreadyImported"]), (&json!("already"), &json!(id)), "{again}");

        let (_, neighbour) = story.neighbour().await;
        for path in [page.clone(), format!("{page}/progress"), format!("/v1/imports/{id}"), format!("/v1/imports/{id}/refused")] {
            neighbour.get(&path).await.is(404);
        }
        neighbour.post(&format!("/v1/imports/{id}/run"), &json!({})).await.is(404);
        neighbour.post(&format!("/v1/imports/{id}/mapping"), &json!({ "source": "mine" })).await.is(404);
    });
}

#[test]
fn four_files_of_a_pizza_place_come_to_their_control_total() {
    run(async |story| {
        let files = ["orders", "order_details", "pizzas", "pizza_types"].map(|name| table(&format!("pizza/{name}.csv.gz"))).to_vec();
        let seen = std::sync::Mutex::new(Vec::new());
        let report = sales::import::run(&story.db, story.op(), ask(files), &|progress| seen.lock().unwrap().push(progress)).await.unwrap();
        assert_eq!((report.outcome, report.lines, report.accepted, report.refused_count), (Outcome::Done, 48_620, 48_620, 0));
        assert_eq!((report.documents, report.items_made, report.total), (21_350, 91, gbp(81_786_005)));
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() > 20 && seen.windows(2).all(|pair| pair[0].lines <= pair[1].lines));
        assert_eq!(seen.last().map(|p| (p.lines, p.of)), Some((48_620, 48_620)));
        assert_eq!(story.check().await.len(), 0);
    });
}

#[test]
fn a_restaurant_loses_its_null_items_and_nothing_else() {
    run(async |story| {
        let files = ["menu_items", "order_details", "data_dictionary"].map(|name| table(&format!("restaurant/{name}.csv.gz"))).to_vec();
        let report = import(&story, ask(files)).await;
        assert_eq!((report.outcome, report.accepted, report.refused_count, report.left_out), (Outcome::Done, 12_097, 137, 137));
        assert_eq!(report.total, gbp(15_921_790));
        assert_eq!(story.check().await.len(), 0);
    });
}

const TILL: &str = "ticket,time,item,qty,price\n\
    1,2024-03-01 09:00,Bread,2,3.20\n1,2024-03-01 09:00,Tea,1,1.90\n\
    2,2024-03-01 09:05,Bread,-1,3.20\n2,2024-03-01 09:05,Cake,1,4.00\n\
    3,2024-03-02 02:00,Tea,1,1.90\n";

#[test]
fn what_was_given_back_is_a_refund_beside_what_was_sold() {
    run(async |story| {
        let report =
            import(&story, ImportAsk { options: Options { cost_percent: 50, ..Options::default() }, ..ask(vec![csv("till.csv", TILL)]) })
                .await;
        assert_eq!(
            (report.outcome, report.accepted, report.documents, report.total),
            (Outcome::Done, 5, 4, gbp(640 + 190 - 320 + 400 + 190))
        );
        let orders = orders(&story).await;
        let said: Vec<_> = orders
            .iter()
            .map(|o| (o["kind"].as_str().unwrap(), o["externalNumber"].as_str().unwrap(), o["total"]["minor"].as_i64().unwrap()))
            .collect();
        let mut sorted = said.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [("refund", "2", -320), ("sale", "1", 830), ("sale", "2", 400), ("sale", "3", 190)]);
        let back = orders.iter().find(|o| o["kind"] == "refund").unwrap();
        assert_eq!((&back["lines"][0]["quantity"], &back["lines"][0]["cost"]["minor"]), (&json!("-1"), &json!(-160)));
        assert_eq!(back["payments"][0]["amount"]["minor"], -320);
        assert_eq!(orders.last().unwrap()["day"], "2024-03-01", "two in the morning is the evening before");
        assert_eq!(story.check().await.len(), 0);
    });
}

#[test]
fn a_longer_export_of_the_same_till_brings_only_what_is_new() {
    run(async |story| {
        import(&story, ask(vec![csv("till.csv", TILL)])).await;
        let longer = format!("{TILL}4,2024-03-02 11:00,Cake,1,4.00\n");
        let report = import(&story, ask(vec![csv("longer.csv", &longer)])).await;
        assert_eq!((report.outcome, report.accepted, report.skipped, report.total), (Outcome::Done, 1, 5, gbp(400)));
        // The tickets of another till count alike; its time differs, and its name may, too.
        let other = TILL.replace("2024-03-01", "2024-04-01").replace("2024-03-02", "2024-04-02");
        assert_eq!(import(&story, ask(vec![csv("other.csv", &other)])).await.skipped, 0);
        let options = Options { source: Some("Till 2".into()), ..Options::default() };
        let second = ImportAsk { options, another_till: true, ..ask(vec![csv("2.csv", &format!("{TILL}\n"))]) };
        assert_eq!(import(&story, second).await.accepted, 5);
        // Files that overlap, given at once.
        let both = vec![csv("a.csv", &TILL.replace("2024", "2023")), csv("b.csv", &longer.replace("2024", "2023"))];
        let report = import(&story, ask(both)).await;
        assert_eq!((report.accepted, report.skipped), (6, 5));
        assert_eq!(story.check().await.len(), 0);
    });
}

#[test]
fn one_refused_line_stops_everything_unless_told_otherwise() {
    run(async |story| {
        let text = format!(
            "{TILL}4,2024-03-02 11:00,Cake,x,4.00\n5,2024-13-02 11:00,Cake,1,4.00\n1,2024-03-01 09:00,Jam,1,2.00\n6,2031-01-01 11:00,Cake,1,4.00\n7,2024-03-02 12:00,Cake,0,4.00\n"
        );
        let report = import(&story, ask(vec![csv("till.csv", &text)])).await;
        let codes: Vec<_> = report.refused.iter().map(|r| (r.line, r.code.as_str())).collect();
        let wanted = [(7, "line.bad_number"), (8, "line.bad_date"), (9, "line.ticket_apart"), (10, "time.later"), (11, "line.no_quantity")];
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        assert_eq!((report.outcome, report.import_id, sorted.as_slice()), (Outcome::Refused, None, wanted.as_slice()));
        let nothing =
            [rows(&story, "/v1/orders").await.len(), rows(&story, "/v1/items").await.len(), rows(&story, "/v1/imports").await.len()];
        assert_eq!(nothing, [0, 0, 0]);

        let told = ImportAsk { skip_refused: true, ..ask(vec![csv("till.csv", &text)]) };
        let tried = import(&story, ImportAsk { dry_run: true, ..told.clone() }).await;
        assert_eq!((tried.outcome, tried.accepted, rows(&story, "/v1/orders").await.len()), (Outcome::Tried, 5, 0));
        let report = import(&story, told).await;
        assert_eq!((report.outcome, report.accepted, report.refused_count), (Outcome::Done, 5, 5));
        let kept = rows(&story, &format!("/v1/imports/{}/refused", report.import_id.unwrap())).await;
        assert_eq!(kept.len(), 5);
        assert_eq!(story.check().await.len(), 0);
    });
}

#[test]
fn items_without_a_price_take_the_catalogs_or_are_refused() {
    run(async |story| {
        let text = "ticket,time,item\n1,2024-03-01 09:00,Bread\n2,2024-03-01 09:00,Rye\n";
        let report = import(&story, ask(vec![csv("a.csv", text)])).await;
        assert_eq!((report.outcome, report.refused_count, report.refused[0].code.as_str()), (Outcome::Refused, 2, "price.missing"));
        import(&story, ask(vec![csv("till.csv", TILL)])).await;
        let text = "ticket,time,item\n1,2024-05-01 09:00,Bread\n2,2020-03-01 09:00,Bread\n";
        let report = import(&story, ask(vec![csv("b.csv", text)])).await;
        assert_eq!((report.outcome, report.items_made, report.total), (Outcome::Done, 0, gbp(640)));
    });
}

#[test]
fn an_import_that_breaks_off_leaves_nothing() {
    run(async |story| {
        let files = ["orders", "order_details", "pizzas", "pizza_types"].map(|name| table(&format!("pizza/{name}.csv.gz"))).to_vec();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (db, op) = (story.db.clone(), story.op());
        let working = tokio::spawn(async move {
            sales::import::run(&db, op, ask(files), &move |progress| {
                let _ = tell.send(progress);
            })
            .await
        });
        while told.recv().await.unwrap().lines < 10_000 {}
        working.abort();
        assert!(working.await.unwrap_err().is_cancelled());
        let nothing =
            [rows(&story, "/v1/orders").await.len(), rows(&story, "/v1/items").await.len(), rows(&story, "/v1/imports").await.len()];
        assert_eq!(nothing, [0, 0, 0]);
        // Its place is free again as soon as the database has taken it back.
        let again = loop {
            match sales::import::run(&story.db, story.op(), ask(vec![csv("till.csv", TILL)]), &|_| ()).await {
                Err(Error::Conflict(_)) => tokio::task::yield_now().await,
                other => break other.unwrap(),
            }
        };
        assert_eq!(again.outcome, Outcome::Done);
    });
}

#[test]
fn files_that_are_not_what_they_say_are_refused_with_a_sentence() {
    run(async |story| {
        for (name, content) in [("a.csv.gz", &b"\x1f\x8bnot gzip"[..]), ("a.csv", &b"PK\x03\x04\0\0\0\0"[..]), ("a.csv", &b""[..])] {
            let answer = story.owner.upload("/v1/imports", &[], &[("files", name, content)]).await.refused("import.file");
            assert!(answer.text().contains(name), "{}", answer.text());
            story.owner.upload("/import", &[], &[("files", name, content)]).await.is(422);
        }
        story.owner.upload("/v1/imports", &[], &[]).await.is(422);
        assert!(rows(&story, "/v1/imports").await.is_empty());
    });
}

#[test]
fn why_columns_are_taken_so_and_lines_are_refused_is_told_in_words() {
    run(async |story| {
        let till = "day,ticket,item,qty,price\n\
            15/02/2024,1,Bread,2,3.20\n15/02/2024,2,Tea,x,1.90\n15/02/2024,3,NONE,1,1.90\n15/02/2024,4,Cake\n15/02/2024,5,Cake,0,4.00\n\
            31/02/2031,6,Cake,1,4.00\n1/02/2031,7,Cake,1,4.00\n15/02/2024,1,Rye,1,4.00\n"
            .to_owned()
            + &(10..15).map(|ticket| format!("15/02/2024,{ticket},Bread,1,3.20\n")).collect::<String>();
        let places = "shop,town\nHill,Leeds\n";
        let files = [("files", "till.csv", till.as_bytes()), ("files", "places.csv", places.as_bytes())];
        let page = story.owner.upload("/import", &[], &files).await.location();
        let api = format!("/v1/imports/{}", page.rsplit('/').next().unwrap());
        let given = story.get(&api).await.ok().json();
        let said: Vec<_> = given["decisions"].as_array().unwrap().iter().map(|d| d["text"].as_str().unwrap()).collect();
        let wanted = [
            "its 13 rows are the sale lines. Read as UTF-8 because every byte is plain ASCII; cells parted by comma, header in line 1.",
            "it takes part in nothing: no column of the others points to it. Read as UTF-8 because every byte is plain ASCII; cells parted by comma, header in line 1.",
            "day is taken for “Day” because of its name; it is D/MM/YYYY because line 2 has 15/02/2024; one cell is something else, 31/02/2031 in line 7.",
            "ticket is taken for “Ticket” because of its name.",
            "item is taken for “Item” because of its name; one line has NONE, which is read as no “Item”.",
            "price is taken for “Price of one” because of its name; its numbers are written like 1,234.50 because line 2 has 3.20.",
        ];
        for sentence in wanted {
            assert!(said.contains(&sentence), "{sentence}: {said:#?}");
        }
        let (till, item) = (&given["profiles"][0], &given["profiles"][0]["columns"][2]);
        assert_eq!((&till["encoding_why"], &item["why"]), (&json!("every byte is plain ASCII"), &json!("it holds words")), "{given}");

        story.post(&format!("{api}/run"), &json!({})).await.ok();
        story.jobs().await;
        let report = story.get(&api).await.ok().json()["report"].clone();
        let mut refused: Vec<_> = report["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (line["line"].as_u64().unwrap(), line["reason"].as_str().unwrap()))
            .collect();
        refused.sort_unstable();
        let wanted = [
            (3, "qty is x, which is not a number like 1,234.50."),
            (4, "The line names no item: item is NONE."),
            (5, "The line has 3 cells instead of 5."),
            (6, "The line sells nothing: its quantity is 0."),
            (7, "day is 31/02/2031, which is not a day like D/MM/YYYY."),
            (8, "2031-02-01 lies in the future; is the order of day and month right?"),
            (9, "Lines of this ticket stand further up, with others between; sort the file by ticket."),
        ];
        assert_eq!(refused, wanted);
        let (shown, file) = (story.get(&page).await.ok().text(), story.get(&format!("{api}/refused?format=csv")).await.ok().text());
        for (_, reason) in wanted {
            assert!(shown.contains(reason) && file.contains(reason), "{reason}: {shown} {file}");
        }
        for key in ["tables-", "import-why-", "{ $", "\"say\""] {
            assert!(!shown.contains(key) && !given.to_string().contains(key), "{key}: {shown} {given}");
        }

        let page = story.owner.upload("/import", &[], &[("files", "a.csv", b"item,price\nBread,3.20\n")]).await.location();
        assert!(story.get(&page).await.ok().text().contains("No column looks like the day of the sale."));
        let workbook = story.owner.upload("/import", &[], &[("files", "a.xlsx", b"PK\x03\x04\0\0\0\0")]).await.is(422).text();
        assert!(workbook.contains("a.xlsx: The file is an XLSX workbook or a ZIP archive; open it and save it as CSV."), "{workbook}");
    });
}

#[test]
fn a_person_may_change_what_a_column_is() {
    run(async |story| {
        // Nothing tells day from month, and the items' column is called like nothing.
        let text = "no;d;w;p\n1;03/04/2024;Bread;3,20\n2;04/04/2024;Tea;1,90\n";
        let given = story.owner.upload("/import", &[], &[("files", "a.csv", text.as_bytes())]).await;
        let page = given.location();
        let common = [("act", "import"), ("source", "shop"), ("costPercent", "0"), ("method", "card")];
        let chosen = [
            ("role.0.0", "ticket"),
            ("role.0.1", "date"),
            ("format.0.1", "mdy"),
            ("role.0.2", "item"),
            ("role.0.3", "unit_price"),
            ("format.0.3", "comma"),
        ];
        story.form(&page, &[&common[..], &chosen[..]].concat()).await.ok();
        story.jobs().await;
        let days: Vec<_> = orders(&story)
            .await
            .iter()
            .map(|o| (o["day"].clone(), o["total"]["minor"].clone(), o["payments"][0]["method"].clone()))
            .collect();
        assert_eq!(days, [(json!("2024-03-04"), json!(320), json!("card")), (json!("2024-04-04"), json!(190), json!("card"))]);
        let wrong = [("act", "try"), ("source", ""), ("costPercent", "140"), ("method", "card")];
        let given =
            story.owner.upload("/import", &[], &[("files", "b.csv", b"time,item,price\n2024-05-01 10:00,Bread,3.20\n")]).await.location();
        story.form(&given, &wrong).await.is(422);
    });
}

#[test]
fn the_files_that_wait_take_up_no_more_room_than_a_business_has() {
    run(async |story| {
        let file = "time,item,price\n2024-05-01 10:00,Bread,3.20\n";
        let first = story.owner.upload("/v1/imports", &[], &[("files", "a.csv", file.as_bytes())]).await.ok().json();
        // As though the file were one byte less than all there is.
        let mut tx = story.db.begin(story.op()).await.unwrap();
        sqlx::query("UPDATE sales.import_file SET bytes = $2 WHERE tenant_id = $1")
            .bind(story.tenant.uuid())
            .bind((2_i64 << 30) - 1)
            .execute(tx.conn())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        story.owner.upload("/v1/imports", &[], &[("files", "b.csv", file.as_bytes())]).await.refused("upload.quota");
        assert!(story.owner.upload("/import", &[], &[("files", "b.csv", file.as_bytes())]).await.is(422).text().contains("all the room"));
        let (_, neighbour) = story.neighbour().await;
        neighbour.upload("/v1/imports", &[], &[("files", "b.csv", file.as_bytes())]).await.ok();
        // What was imported waits no more.
        story.post(&format!("/v1/imports/{}/run", first["id"].as_str().unwrap()), &json!({})).await.ok();
        story.jobs().await;
        story.owner.upload("/v1/imports", &[], &[("files", "b.csv", file.as_bytes())]).await.ok();
    });
}

#[test]
fn a_business_sends_four_files_at_once_and_no_more() {
    run(async |story| {
        let file = "time,item,price\n2024-05-01 10:00,Bread,3.20\n";
        let coming: Vec<_> = (0..4).map(|_| story.app.bounds().upload(story.tenant).unwrap()).collect();
        let refused = story.owner.upload("/v1/imports", &[], &[("files", "a.csv", file.as_bytes())]).await;
        assert_eq!(refused.header("retry-after"), "30");
        refused.refused("limit.uploads");
        drop(coming);
        story.owner.upload("/v1/imports", &[], &[("files", "a.csv", file.as_bytes())]).await.ok();
    });
}

#[test]
fn a_past_of_a_site_in_another_currency_is_kept_in_its_own() {
    run(async |story| {
        let calais = json!({ "name": "Calais", "timeZone": "Europe/Paris", "currency": "EUR" });
        let site = story.post("/v1/sites", &calais).await.ok().json()["id"].as_str().unwrap().to_owned();
        let list = json!({ "name": "Calais", "currency": "EUR", "includesTax": true });
        story.post("/v1/price-lists", &list).await.ok();
        let file =
            csv("till.csv", "date,time,ticket,item,price\n2017-03-01,09:00:00,1,Baguette,1.20\n2017-03-01,09:05:00,2,Baguette,1.20\n");
        let options = Options { site: Some(site.parse().unwrap()), cost_percent: 50, ..Options::default() };
        import(&story, ImportAsk { options, ..ask(vec![file]) }).await;
        let euros = |minor: i64| json!({ "minor": minor, "currency": "EUR" });
        let orders = orders(&story).await;
        assert_eq!((orders.len(), &orders[0]["total"], &orders[0]["lines"][0]["cost"]), (2, &euros(120), &euros(0)));
        let item = story.get(&format!("/v1/items/{}", orders[0]["lines"][0]["itemId"].as_str().unwrap())).await.ok().json();
        assert_eq!((&item["prices"][0]["list"], &item["prices"][0]["price"]), (&json!("Calais"), &euros(120)));
        assert_eq!(
            (&item["price"], &item["standardCost"]["amount"]["minor"]),
            (&json!(null), &json!(0)),
            "nothing in pounds is known of it"
        );
        // From then on it is sold there.
        let mut sale = testkit::sale(item["id"].as_str().unwrap(), "1");
        sale["siteId"] = json!(site);
        assert_eq!(story.post("/v1/sales", &sale).await.ok().json()["total"], euros(120));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn what_a_person_looks_at_before_they_confirm_is_money_of_their_site() {
    run(async |story| {
        let file = "time,ticket,item,qty,price\n2024-05-01 10:00,1,Bread,2,3.2\n2024-05-01 10:05,2,Bread,-1,3.2\n";
        let page = story.owner.upload("/import", &[], &[("files", "a.csv", file.as_bytes())]).await.location();
        let shown = story.get(&page).await.ok().text();
        for amount in ["£3.20", "£6.40", "−£3.20"] {
            assert!(shown.contains(&format!("<span class=\"number\">{amount}</span>")), "{amount}: {shown}");
        }
        let given = story.get(&format!("/v1/imports/{}", page.rsplit('/').next().unwrap())).await.ok().json();
        assert_eq!(given["currency"], "GBP", "{given}");
        // What is chosen in a column is called as the sentence above it calls it.
        for said in ["price is taken for “Price of one”", ">Price of one</option>"] {
            assert!(shown.to_lowercase().contains(&said.to_lowercase()), "{said}: {shown}");
        }
        let off = "time,ticket,item,price,discount\n2024-05-01 10:00,1,Bread,3.20,5.00\n";
        let refused = import(&story, ask(vec![csv("off.csv", off)])).await.refused;
        assert_eq!(refused[0].reason, "The discount is more than the line: £5.00 of £3.20.");
    });
}

#[test]
fn a_day_that_can_not_be_read_is_told_with_a_cell_of_its_column() {
    run(async |story| {
        let file = "ticket,date,item,price\n1,45413,Bread,3.20\n2,45414,Tea,1.90\n";
        let page = story.owner.upload("/import", &[], &[("files", "a.csv", file.as_bytes())]).await.location();
        let said = "The column date can&#39;t be read as days: line 2 has “45413”, and 0 of its 2 cells are days.";
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains(said) || shown.contains(&said.replace("&#39;", "'")), "{shown}");
        story.form(&page, &[("act", "try"), ("source", "till"), ("costPercent", "0"), ("method", "cash")]).await.ok();
        story.jobs().await;
        let failed = story.get(&format!("/v1/imports/{}", page.rsplit('/').next().unwrap())).await.ok().json();
        assert!(failed["error"].as_str().unwrap().contains("The column date can't be read as days: line 2 has “45413”"), "{failed}");
    });
}
