//! The trail and the activity as people read them.

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use testkit::{Story, pounds, run};

fn rows(answer: &Value) -> Vec<Value> {
    answer["rows"].as_array().unwrap().clone()
}

/// A bakery in which a loaf was made, renamed and sold.
async fn busy(story: &Story) -> String {
    let item = story.stocked("Rye loaf", 320).await;
    story.bring_in(&item, "10", 1200).await;
    story.post(&format!("/v1/items/{item}/prices"), &json!({ "amount": pounds(340) })).await;
    story.sell(&item, "1").await;
    story.sequence().await;
    item
}

#[test]
fn the_trail_is_found_by_any_filter_and_stays_in_its_business() {
    run(async |story| {
        let item = busy(&story).await;
        trail::read_words(&story.db).await.unwrap();
        let all = rows(&story.get("/v1/trail").await.ok().json());
        let paid = all.iter().find(|row| row["action"] == "order.paid").unwrap();
        let number = paid["target"].as_str().unwrap();
        assert!(number.starts_with("S-2026-"), "{paid}");
        let owner = story.owner.account.unwrap();
        for (query, least) in [
            (format!("target={item}"), "item.created"),
            ("action=order.paid".to_owned(), "order.paid"),
            ("kind=item".to_owned(), "item.created"),
            (format!("actor={owner}"), "order.paid"),
            ("from=2026-11-21&to=2026-11-21".to_owned(), "order.paid"),
            (format!("q={}", &number[..10]), "order.paid"),
            ("q=RYE".to_owned(), "item.created"),
            ("q=loa&kind=item".to_owned(), "item.created"),
        ] {
            let found = rows(&story.get(&format!("/v1/trail?{query}")).await.ok().json());
            assert!(found.iter().any(|row| row["action"] == least), "{query}: {found:?}");
            assert!(!query.contains("kind=item") || found.iter().all(|row| row["kind"] == "item"), "{query}");
        }
        for none in ["from=2026-11-22", "to=2026-11-20", "q=wheat", "address=192.0.2.7", "action=order.voided"] {
            assert_eq!(rows(&story.get(&format!("/v1/trail?{none}")).await.ok().json()), [] as [Value; 0], "{none}");
        }
        story.get("/v1/trail?from=yesterday").await.refused("day.format");
        story.get("/v1/trail?colour=red").await.refused("filter.unknown");
        let (_, neighbour) = story.neighbour().await;
        assert!(!rows(&neighbour.get("/v1/trail").await.ok().json()).iter().any(|row| row["kind"] == "order"));
        assert_eq!(rows(&neighbour.get("/v1/trail?q=rye").await.ok().json()), [] as [Value; 0]);
        neighbour.get(&format!("/v1/trail/{}", paid["id"].as_str().unwrap())).await.is(404);
        neighbour.get(&format!("/activity/{}", paid["id"].as_str().unwrap())).await.is(404);
        let seller = story.member(&[Role::Seller]).await;
        seller.get("/v1/trail").await.is(403);
        seller.get("/v1/trail/export").await.is(403);
        story.owner.get("/v1/admin/audit-logs").await.is(403);
        story.owner.get("/admin/audit-logs").await.is(403);
        story.owner.get("/v1/admin/audit-logs/export").await.is(403);
    });
}

#[test]
fn one_entry_says_only_what_changed() {
    run(async |story| {
        let item = busy(&story).await;
        let of_item = rows(&story.get(&format!("/v1/trail?target={item}")).await.ok().json());
        let id = of_item[0]["id"].as_str().unwrap();
        let entry = story.get(&format!("/v1/trail/{id}")).await.ok().json();
        assert_eq!((entry["targetId"].as_str(), entry["hash"].as_str().map(str::len)), (Some(item.as_str()), Some(64)));
        let page = story.get(&format!("/activity/{id}")).await.ok().text();
        assert!(page.contains("What changed") && page.contains(&format!("/activity?target={item}")), "{page}");
        let page = story.get(&format!("/activity?target={item}")).await.ok().text();
        assert!(page.contains(&format!("/activity/{id}")) && page.contains("Rye loaf"), "{page}");
        story.get("/activity/events").await.ok();
        story.get("/activity/00000000-0000-0000-0000-000000000000").await.is(404);
        story.get("/activity/x").await.is(404);
    });
}

#[test]
fn an_export_is_proved_without_the_database_and_is_noted() {
    run(async |story| {
        busy(&story).await;
        let text = story.get("/v1/trail/export?format=jsonl").await.ok().text();
        let dir = testkit_dir();
        let file = dir.join(format!("{}.jsonl", story.slug));
        std::fs::write(&file, &text).unwrap();
        let asked = hearth::trail::Verify { tenant: None, export: None, checkpoints: None, keys: Vec::new() };
        let verdicts = hearth::trail::verify_export(&file, &asked).unwrap();
        assert!(hearth::trail::whole(&verdicts), "{verdicts:?}");
        assert_eq!(verdicts[0].entries, text.lines().count() as u64 - 1);
        let spoiled = text.replacen("Rye loaf", "Rye loaF", 1);
        std::fs::write(&file, spoiled).unwrap();
        let verdicts = hearth::trail::verify_export(&file, &asked).unwrap();
        assert_eq!(verdicts[0].faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), ["altered"]);
        std::fs::write(&file, story.get("/v1/trail/export?format=jsonl&kind=item").await.ok().text()).unwrap();
        let refused = hearth::trail::verify_export(&file, &asked).unwrap_err().to_string();
        assert!(refused.contains("selection"), "{refused}");
        std::fs::remove_file(&file).unwrap();
        let csv = story.get("/v1/trail/export?format=csv&kind=item").await.ok().text();
        assert!(csv.starts_with("Number in the log,When,What") && csv.contains("item.created") && !csv.contains("order.paid"), "{csv}");
        story.get("/v1/trail/export?format=pdf").await.is(422);
        story.get("/v1/items?format=csv").await.ok();
        story.db.flush_activity().await;
        let noted = rows(&story.get("/v1/activity?action=trail.exported").await.ok().json());
        assert_eq!(noted.len(), 3, "{noted:?}");
        assert_eq!(noted[0]["detail"], r#"{"format": "csv", "filters": {"kind": "item"}}"#);
        assert_eq!(rows(&story.get("/v1/activity?action=list.exported").await.ok().json()).len(), 1);
    });
}

fn testkit_dir() -> std::path::PathBuf {
    std::env::temp_dir()
}

#[test]
fn what_can_be_noted_has_words() {
    run(async |_story| {
        for action in db::activity::ACTIONS {
            let key = format!("activity-{}", action.replace(['.', '_'], "-"));
            assert_ne!(web::t(&key), key);
        }
    });
}

#[test]
fn the_operator_reads_across_businesses_page_by_page_and_each_look_is_noted() {
    run(async |story| {
        let item = busy(&story).await;
        let (_, neighbour) = story.neighbour().await;
        let rusk = format!("rusk{}", story.clock.uuid().simple());
        neighbour.post("/v1/items", &json!({ "name": format!("Old {rusk}"), "kind": "product", "baseUnit": "pc" })).await.ok();
        story.sequence().await;
        trail::read_words(&story.db).await.unwrap();
        let operator = story.operator(&[PlatformRole::Support]).await;
        let slug = &story.slug;
        let all = rows(&operator.get(&format!("/v1/admin/audit-logs?business={slug}")).await.ok().json());
        assert!(all.iter().all(|row| row["business"] == slug.as_str()) && all.iter().any(|row| row["action"] == "order.paid"), "{all:?}");
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = operator.get(&format!("/v1/admin/audit-logs?business={slug}&limit=3&cursor={cursor}")).await.ok().json();
            seen.extend(rows(&page).into_iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, all.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        assert_eq!(rows(&operator.get(&format!("/v1/admin/audit-logs?target={item}&action=item.created")).await.ok().json()).len(), 1);
        let found = rows(&operator.get(&format!("/v1/admin/audit-logs?q={}", rusk.to_uppercase())).await.ok().json());
        assert!(found.len() == 1 && found[0]["action"] == "item.created" && found[0]["business"] != slug.as_str(), "{found:?}");
        assert_eq!(rows(&operator.get(&format!("/v1/admin/audit-logs?q={rusk}&business={slug}")).await.ok().json()), [] as [Value; 0]);
        let page = operator.get(&format!("/admin/audit-logs?business={slug}&kind=item&q=rye")).await.ok().text();
        let entry = format!("/admin/audit-logs/entry?tenant={}&amp;id=", story.tenant);
        let at = page.find(&entry).unwrap_or_else(|| panic!("{page}"));
        let id: String = page[at + entry.len()..].chars().take(36).collect();
        let one = operator.get(&format!("/admin/audit-logs/entry?tenant={}&id={id}", story.tenant)).await.ok().text();
        assert!(one.contains("What changed"), "{one}");
        operator.get(&format!("/admin/audit-logs/entry?tenant={}&id={id}", neighbour.account.unwrap())).await.is(404);
        let csv = operator.get(&format!("/v1/admin/audit-logs/export?business={slug}")).await.ok().text();
        assert!(csv.starts_with("Business,") && csv.contains("order.paid"), "{csv}");
        operator.get("/v1/admin/audit-logs/export?format=jsonl").await.is(403);
        story.db.flush_activity().await;
        let looked = rows(&operator.get("/v1/admin/activity?business=hearth&action=trail.read").await.ok().json());
        assert!(looked.len() >= 4, "{looked:?}");
        let page = operator.get("/admin/audit-logs/events").await.ok().text();
        assert!(page.contains("Notes dropped since the start"), "{page}");
    });
}

#[test]
fn the_operators_lists_are_served_by_indexes_too() {
    run(async |story| {
        let id = "00000000-0000-0000-0000-000000000000";
        let said = |name: &str| match name {
            "actor" | "target" => (format!("'{id}'::uuid"), id),
            "from" | "to" => ("'2026-11-21'::date".to_owned(), "2026-11-21"),
            _ => ("'a'::text".to_owned(), "a"),
        };
        for list in trail::lists_across() {
            for filter in std::iter::once(None).chain(list.filters.iter().map(Some)) {
                let (sql, value) = filter.map_or_else(Default::default, |filter| said(filter.name));
                let filters = filter.map(|filter| (filter.name.to_owned(), value.to_owned())).into_iter().collect();
                let asked = db::list::Asked { filters, ..db::list::Asked::default() };
                let statement =
                    list.explained(&asked, kernel::Permissions::ALL).unwrap().replace("$1", &format!("'{id}'::uuid")).replace("$2", &sql);
                let mut system = story.db.system("story.explain").await.unwrap();
                sqlx::query("SET LOCAL enable_seqscan = off").execute(system.conn()).await.unwrap();
                let plan: Vec<String> =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {statement}"))).fetch_all(system.conn()).await.unwrap();
                let whole = plan.iter().find(|line| line.contains("Seq Scan on ") && !line.contains("Seq Scan on tenant"));
                assert!(whole.is_none(), "{} {asked:?}: {plan:#?}", list.name);
            }
        }
    });
}

#[test]
fn a_person_that_was_forgotten_reads_erased_and_pay_is_for_those_who_may_see_it() {
    run(async |story| {
        let ada = story.owner.account.unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let change = kernel::Change::of("member.roles", "member", ada, &json!({ "pay": { "minor": 1500, "currency": "GBP" } }));
        tx.log(change.personal(ada, "name", &"Ada Baker"));
        tx.commit().await.unwrap();
        let id = rows(&story.get("/v1/trail?kind=member").await.ok().json())[0]["id"].as_str().unwrap().to_owned();
        let page = story.get(&format!("/activity/{id}")).await.ok().text();
        assert!(page.contains("Ada Baker") && page.contains("15.00"), "{page}");
        let manager = story.member(&[Role::Manager]).await;
        let entry = manager.get(&format!("/v1/trail/{id}")).await.ok().json();
        assert_eq!((&entry["after"]["pay"], &entry["after"]["name"]), (&json!({ "masked": true }), &json!("Ada Baker")));
        let lines = manager.get("/v1/trail/export?format=jsonl&kind=member").await.ok().text();
        assert!(lines.contains("Ada Baker") && !lines.contains("1500"), "{lines}");
        manager.get("/v1/trail/export?format=jsonl").await.is(403);
        let mut tx = story.db.begin(story.op()).await.unwrap();
        db::trail::erase(&mut tx, ada).await.unwrap();
        tx.commit().await.unwrap();
        let page = story.get(&format!("/activity/{id}")).await.ok().text();
        assert!(page.contains("(erased)") && !page.contains("Ada Baker"), "{page}");
        let lines = story.get("/v1/trail/export?format=jsonl").await.ok().text();
        assert!(!lines.contains("Ada Baker"), "{lines}");
        story.sequence().await;
        let verdict = story.db.verify_trail(story.tenant, &story.slug, &[], None).await.unwrap();
        assert_eq!(verdict.faults, []);
    });
}
