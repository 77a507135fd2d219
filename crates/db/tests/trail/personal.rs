//! A person can be forgotten, and the log stays whole.

use db::trail::{erase, erase_everywhere, resolve};
use kernel::{AccountId, Change, PLATFORM};
use serde_json::{Value, json};

use super::world::{World, run};

/// What the last entry says, resolved.
async fn said(world: &World) -> (Value, Value) {
    let mut tx = world.db.begin(world.op(world.bakery)).await.unwrap();
    let (mut before, mut after): (Value, Value) =
        sqlx::query_as("SELECT before, after FROM db.log WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1")
            .bind(world.bakery)
            .fetch_one(tx.conn())
            .await
            .unwrap();
    resolve(tx.conn(), world.bakery, &mut [&mut before, &mut after]).await.unwrap();
    (before, after)
}

#[test]
fn what_is_personal_is_read_until_it_is_erased_and_the_chain_stays_whole() {
    run(async |world: World| {
        let ada: AccountId = world.clock.id();
        let mut tx = world.db.begin(world.op(world.bakery)).await.unwrap();
        let change = Change::of("member.renamed", "member", ada, &json!({ "roles": ["baker"] }));
        tx.log(change.personal(ada, "name", &"Ada Baker").personal_from(ada, "name", &"Ada Mill"));
        tx.commit().await.unwrap();
        let mut system = world.db.system("story.log").await.unwrap();
        let change = Change::of("account.locked", "account", ada, &json!({})).personal(ada, "email", &"ada@example.com");
        system.log(&world.op(PLATFORM), PLATFORM, &change).await.unwrap();
        system.commit().await.unwrap();
        world.db.sequence().await.unwrap();
        for tenant in [world.bakery, PLATFORM] {
            let text = world.export(tenant).await;
            assert!(!text.contains("Ada") && !text.contains("ada@"), "in clear: {text}");
        }
        assert_eq!(said(&world).await, (json!({ "name": "Ada Mill" }), json!({ "roles": ["baker"], "name": "Ada Baker" })));
        world.spoil("UPDATE db.personal SET value = '\"Eve\"' WHERE value = '\"Ada Baker\"'").await;
        assert_eq!(said(&world).await.1["name"], json!({ "altered": true }));
        let mut tx = world.db.begin(world.op(world.mill)).await.unwrap();
        assert_eq!(erase(&mut tx, ada).await.unwrap(), 0, "another business's is not its to erase");
        tx.commit().await.unwrap();
        let mut system = world.db.system("story.erase").await.unwrap();
        assert_eq!(erase_everywhere(&mut system, ada).await.unwrap(), 3);
        system.commit().await.unwrap();
        assert_eq!(said(&world).await, (json!({ "name": { "erased": true } }), json!({ "roles": ["baker"], "name": { "erased": true } })));
        for tenant in [world.bakery, PLATFORM] {
            let verdict = world.verify(tenant).await;
            assert_eq!((verdict.entries, verdict.faults), (1, vec![]));
        }
    });
}
