//! What an intent was answered is kept for thirty days.

use db::{Command, Intent, Tx};
use kernel::{Change, Permission, Result, TenantId, of};
use serde_json::json;

use super::world::{World, run};

/// Bakes something, each time it is done.
#[derive(Clone)]
struct Bake;

impl Command for Bake {
    const NEEDS: Permission = Permission::Member;
    type Out = serde_json::Value;
    async fn run(self, tx: &mut Tx) -> Result<Self::Out> {
        let id = tx.op().id::<of::Item>();
        tx.log(Change::of("item.changed", "item", id, &json!({})));
        // What is there already refuses, so that the same intent is looked up.
        let tenant = tx.tenant().uuid();
        sqlx::query("INSERT INTO db.dirty_day (tenant_id, id, day) SELECT $1, $1, current_date").bind(tenant).execute(tx.conn()).await?;
        Ok(json!({ "id": id, "by": "ada@example.com" }))
    }
}

async fn bake(world: &World, tenant: TenantId, key: &str) -> Result<db::Answer> {
    let op = world.op(tenant);
    let intent = Intent::of(key, &op, "POST /v1/bake", b"{}");
    world.db.run(op, Some(intent), Bake).await
}

async fn kept(world: &World) -> i64 {
    let mut system = world.db.system("story.intents").await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM db.intent").fetch_one(system.conn()).await.unwrap()
}

#[test]
fn an_answer_is_given_again_for_thirty_days_and_then_forgotten() {
    run(async |world: World| {
        let first = bake(&world, world.bakery, "monday").await.unwrap();
        bake(&world, world.mill, "monday").await.unwrap();
        world.later(30 * 24 * 3600 - 60);
        assert_eq!(world.db.forget_intents().await.unwrap(), 0);
        let again = bake(&world, world.bakery, "monday").await.unwrap();
        assert_eq!((again.again, &again.body), (true, &first.body));
        // Many of another day, so that they are looked at in several batches.
        let sql = "INSERT INTO db.intent (tenant_id, id, digest, answer, at)
            SELECT t.id, gen_random_uuid(), '\\x00', '{}', $1 FROM db.tenant t, generate_series(1, 6000) WHERE t.slug IN ('bakery', 'mill')";
        let mut system = world.db.system("story.intents").await.unwrap();
        sqlx::query(sql).bind(world.clock.now()).execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
        world.later(120);
        assert_eq!(world.db.forget_intents().await.unwrap(), 2);
        assert_eq!(kept(&world).await, 12_000);
        let refused = bake(&world, world.bakery, "monday").await.unwrap_err();
        assert_eq!(refused.code(), "exists", "what was made stays refused: {refused}");
        world.later(31 * 24 * 3600);
        assert_eq!(world.db.forget_intents().await.unwrap(), 12_000);
        assert_eq!(world.db.forget_intents().await.unwrap(), 0);
    });
}

#[test]
fn answers_that_name_somebody_are_forgotten_with_them() {
    run(async |world: World| {
        bake(&world, world.bakery, "monday").await.unwrap();
        bake(&world, world.mill, "monday").await.unwrap();
        let mut system = world.db.system("story.forget").await.unwrap();
        assert_eq!(db::forget_intents_with(&mut system, &[world.bakery], "bea@example.com").await.unwrap(), 0);
        assert_eq!(db::forget_intents_with(&mut system, &[world.bakery], "ada@example.com").await.unwrap(), 1);
        system.commit().await.unwrap();
        assert_eq!(kept(&world).await, 1, "another business's stays");
    });
}
