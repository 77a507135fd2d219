//! What was imported before: files that come again in another wrapping, and orders that come again in another file.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use sales::import::{ImportAsk, ImportReport, Options, Outcome};
use serde_json::json;
use tables::Source;
use testkit::{Story, run};

const TILL: &str = "ticket,time,item,qty,price\n\
    1,2024-03-01 09:00,Bread,2,3.20\n1,2024-03-01 09:00,Tea,1,1.90\n\
    2,2024-03-01 09:05,Bread,-1,3.20\n2,2024-03-01 09:05,Cake,1,4.00\n\
    3,2024-03-02 02:00,Tea,1,1.90\n";

fn csv(name: &str, text: &str) -> Source {
    Source::bytes(name, text.as_bytes().to_vec())
}

/// Packed in so many pieces that follow each other.
fn gzip(text: &str, pieces: usize) -> Vec<u8> {
    let size = text.len().div_ceil(pieces);
    let packed = text.as_bytes().chunks(size).map(|piece| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(piece).unwrap();
        packer.finish().unwrap()
    });
    packed.collect::<Vec<_>>().concat()
}

fn of_till(name: &str) -> Options {
    Options { source: Some(name.into()), ..Options::default() }
}

async fn import(story: &Story, files: Vec<Source>, options: Options) -> ImportReport {
    let ask = ImportAsk { files, options, ..ImportAsk::default() };
    sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap()
}

async fn orders(story: &Story) -> usize {
    story.get("/v1/orders").await.ok().json()["rows"].as_array().unwrap().len()
}

#[test]
fn a_file_is_known_again_whatever_it_comes_packed_in() {
    run(async |story| {
        let page = story.owner.upload("/import", &[], &[("files", "till.csv.gz", &gzip(TILL, 1))]).await.location();
        story.form(&page, &[("act", "import"), ("source", "The till"), ("costPercent", "0"), ("method", "cash")]).await.ok();
        story.jobs().await;
        let id = page.rsplit('/').next().unwrap();
        assert_eq!(orders(&story).await, 4);
        // Unpacked, and by another packer: by page, API and command line alike, before anything is tried.
        let plain = story.owner.upload("/import", &[], &[("files", "till.csv", TILL.as_bytes())]).await.location();
        let said = story.get(&plain).await.ok().text();
        assert!(said.contains("All of this was imported before.") && said.contains(&page), "{said}");
        let given = story.owner.upload("/v1/imports", &[], &[("files", "till.csv.gz", &gzip(TILL, 3))]).await.ok().json();
        assert_eq!((&given["state"], &given["report"]["alreadyImported"]), (&json!("already"), &json!(id)), "{given}");
        story.post(&format!("/v1/imports/{}/run", given["id"].as_str().unwrap()), &json!({ "anotherTill": true })).await.ok();
        story.jobs().await;
        let report = import(&story, vec![csv("again.csv", TILL)], Options::default()).await;
        assert_eq!((report.outcome, report.already_imported.unwrap().to_string()), (Outcome::Already, id.to_owned()));
        assert_eq!(orders(&story).await, 4);
        // Both at once are one.
        let april = TILL.replace("2024-03", "2024-04");
        let both = vec![csv("april.csv", &april), Source::bytes("april.csv.gz", gzip(&april, 1))];
        let both = import(&story, both, Options::default()).await;
        assert_eq!((both.outcome, both.accepted, both.skipped), (Outcome::Done, 5, 5));
    });
}

#[test]
fn what_was_imported_when_files_were_known_by_their_packed_bytes_is_known_still() {
    run(async |story| {
        let before = import(&story, vec![csv("till.csv", TILL)], Options::default()).await.import_id.unwrap();
        let packed = Source::bytes("april.csv.gz", gzip(&TILL.replace("2024-03", "2024-04"), 1));
        let digest = tables::profile(&packed, &tables::Limits::default()).unwrap().digest;
        let mut tx = story.db.begin(story.op()).await.unwrap();
        sqlx::query("INSERT INTO sales.imported_file (tenant_id, digest, import_id) VALUES ($1, $2, $3)")
            .bind(story.tenant.uuid())
            .bind(digest.to_vec())
            .bind(before.uuid())
            .execute(tx.conn())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let again = import(&story, vec![packed], Options::default()).await;
        assert_eq!((again.outcome, again.already_imported), (Outcome::Already, Some(before)));
    });
}

/// One line more, and the columns in another order: neither the same file nor, by its columns, the same till.
fn changed() -> String {
    let turned = TILL.lines().map(|line| {
        let (rest, price) = line.rsplit_once(',').unwrap();
        format!("{price},{rest}\n")
    });
    turned.chain(["4.00,4,2024-03-02 11:00,Cake,1\n".to_owned()]).collect()
}

#[test]
fn a_past_that_is_here_under_another_name_waits_until_a_person_says_that_it_is_another_tills() {
    run(async |story| {
        let first = import(&story, vec![csv("till.csv", TILL)], of_till("The till")).await;
        let page = story.owner.upload("/import", &[], &[("files", "other.csv", changed().as_bytes())]).await.location();
        let api = format!("/v1/imports/{}", page.rsplit('/').next().unwrap());
        let alike = |orders: u64, among: u64| json!({ "orders": orders, "among": among, "importId": first.import_id, "number": "I-2026-000001", "source": "The till" });
        let given = story.get(&api).await.ok().json();
        assert_eq!((&given["state"], &given["alike"]), (&json!("ready"), &alike(3, 4)), "{given}");
        let seen =
            "Of 4 orders looked at, 3 have numbers that are here already on their days. I-2026-000001 brought them, from “The till”.";
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains(seen) && shown.contains("name it so below"), "before anything is tried: {shown}");

        // Neither a try nor an import keeps anything.
        for dry_run in [true, false] {
            story.post(&format!("{api}/run"), &json!({ "dryRun": dry_run })).await.ok();
            story.jobs().await;
            let refused = story.get(&api).await.ok().json();
            assert_eq!((&refused["state"], &refused["report"]["alike"]), (&json!("refused"), &alike(4, 5)), "{refused}");
        }
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains("Most of these orders are here already, so nothing was kept.") && shown.contains("anotherTill"), "{shown}");
        let refused = import(&story, vec![csv("other.csv", &changed())], Options::default()).await;
        assert_eq!((refused.outcome, refused.alike.unwrap().orders, orders(&story).await), (Outcome::Refused, 4, 4));

        // Named as the till that it is, it brings what is new.
        let common = [("act", "import"), ("costPercent", "0"), ("method", "cash")];
        story.form(&page, &[&common[..], &[("source", "The till")]].concat()).await.ok();
        story.jobs().await;
        let done = story.get(&api).await.ok().json();
        assert_eq!(
            (&done["state"], &done["report"]["accepted"], &done["report"]["skipped"]),
            (&json!("done"), &json!(1), &json!(5)),
            "{done}"
        );

        // And what is another till's is taken when a person says so.
        let longer = format!("{TILL}5,2024-03-02 11:00,Cake,1,4.00\n");
        let page = story.owner.upload("/import", &[], &[("files", "second.csv", longer.as_bytes())]).await.location();
        story.form(&page, &[&common[..], &[("source", "The other till"), ("anotherTill", "true")]].concat()).await.ok();
        story.jobs().await;
        let report = story.get(&format!("/v1/imports/{}", page.rsplit('/').next().unwrap())).await.ok().json()["report"].clone();
        assert_eq!(
            (&report["outcome"], &report["accepted"], &report["alike"]["orders"]),
            (&json!("done"), &json!(6), &json!(4)),
            "{report}"
        );
        assert_eq!(story.check().await.len(), 0);
    });
}

#[test]
fn an_export_of_the_same_till_that_lost_its_times_is_not_taken_for_new() {
    run(async |story| {
        import(&story, vec![csv("till.csv", TILL)], Options::default()).await;
        // Its columns are called as before, so it is the same till; its days alone are left.
        let days = TILL.replace(" 09:00", "").replace(" 09:05", "").replace("2024-03-02 02:00", "2024-03-01");
        let report = import(&story, vec![csv("days.csv", &days)], Options::default()).await;
        assert_eq!((report.outcome, report.alike.map(|a| a.orders)), (Outcome::Refused, Some(4)));
        // A few are no reason to stop.
        let more: String = (10..20).map(|ticket| format!("{ticket},2024-03-01,Bread,1,3.20\n")).collect();
        let report = import(&story, vec![csv("days.csv", &format!("{days}{more}"))], Options::default()).await;
        assert_eq!((report.outcome, report.accepted, report.alike.map(|a| a.orders)), (Outcome::Done, 15, Some(4)));
    });
}
