//! Several items at once, and the way back.

use serde_json::{Value, json};
use testkit::{Story, run};

async fn in_use(story: &Story, ids: &[&String]) -> Vec<bool> {
    let mut used = Vec::new();
    for id in ids {
        used.push(story.get(&format!("/v1/items/{id}")).await.ok().json()["active"] == json!(true));
    }
    used
}

#[test]
fn several_items_are_taken_out_of_use_at_once_or_none() {
    run(async |story| {
        let (bun, cake, tart) = (
            story.made_to_order("Bun", 120, 30).await,
            story.made_to_order("Cake", 300, 90).await,
            story.made_to_order("Tart", 250, 80).await,
        );
        let used = async |ids: Value, active: bool| story.post("/v1/items/use", &json!({ "ids": ids, "active": active })).await;
        let first = used(json!([bun, cake]), false).await.ok().json();
        assert_eq!((first["changed"].as_array().unwrap().len(), &first["active"]), (2, &json!(false)));
        let again = used(json!([cake, tart, tart]), false).await.ok().json();
        assert_eq!(again["changed"], json!([tart]), "what was out of use stays so");
        assert_eq!(in_use(&story, &[&bun, &cake, &tart]).await, [false, false, false]);
        let refused = used(json!([bun, story.tenant]), true).await.refused("item.unknown").json();
        assert_eq!((&refused["errors"][0]["field"], &refused["errors"][0]["code"]), (&json!("ids.1"), &json!("item.unknown")));
        for (ids, code) in [(json!([]), "lines.needed"), (json!(vec![&bun; 501]), "lines.too_many")] {
            assert_eq!(used(ids, true).await.is(422).json()["errors"][0]["code"], json!(code));
        }
        let (_, neighbour) = story.neighbour().await;
        neighbour.post("/v1/items/use", &json!({ "ids": [bun], "active": true })).await.is(422);
        assert_eq!(in_use(&story, &[&bun, &cake, &tart]).await, [false, false, false], "nothing was half done");
        story.sequence().await;
        let page = story.get(&format!("/items/{bun}")).await.ok().text();
        assert!(page.contains("Changed"), "{page}");
    });
}

#[test]
fn what_was_picked_by_mistake_is_taken_back() {
    run(async |story| {
        let (bun, cake) = (story.made_to_order("Bun", 120, 30).await, story.made_to_order("Cake", 300, 90).await);
        let intent = story.op().source.uuid().to_string();
        let picked = [("id", bun.as_str()), ("id", cake.as_str()), ("act", "retire"), ("intent", &intent)];
        let there = story.form("/items/use?kind=product", &picked).await.location();
        assert_eq!(there, format!("/items?kind=product&done={intent}"));
        assert_eq!(story.form("/items/use?kind=product", &picked).await.location(), there, "two clicks are one");
        let said = story.get(&there).await.ok().text();
        assert!(said.contains("2 items are out of use.") && said.contains("Undo"), "{said}");
        assert_eq!(in_use(&story, &[&bun, &cake]).await, [false, false]);
        let back = [("id", bun.as_str()), ("id", cake.as_str()), ("act", "use")];
        story.form("/items/use?kind=product", &back).await.is(303);
        assert_eq!(in_use(&story, &[&bun, &cake]).await, [true, true]);
        assert_eq!(story.form("/items/use", &[("act", "use")]).await.location(), "/items", "nothing was picked");
        story.form("/items/use", &[("id", bun.as_str()), ("id", "a bun"), ("act", "retire")]).await.is(422);
        assert_eq!(in_use(&story, &[&bun]).await, [true], "one that can't be read, and none is taken out");
        // Who knows the intent of another business is told nothing.
        let (_, neighbour) = story.neighbour().await;
        assert!(!neighbour.get(&there).await.ok().text().contains("out of use."));
        // Who only reads has nothing to pick.
        let baker = story.member(&[kernel::Role::Driver]).await;
        let list = baker.get("/items").await.ok().text();
        assert!(list.contains("Bun") && !list.contains("data-bulk"), "{list}");
    });
}
