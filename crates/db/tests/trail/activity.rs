//! Noting never waits; what is noted is kept by months.

use db::{Activity, Keeping, activity};
use kernel::PLATFORM;
use serde_json::json;
use sqlx::Connection;
use tokio::sync::watch;

use super::world::{World, run};

async fn count(world: &World, wanted: &str) -> i64 {
    let mut system = world.db.system("story.activity").await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM db.activity WHERE {wanted}"));
    sqlx::query_scalar(sql).fetch_one(system.conn()).await.unwrap()
}

#[test]
fn what_is_noted_is_written_at_the_latest_when_the_program_ends() {
    run(async |world: World| {
        let (tell, stop) = watch::channel(false);
        let db = world.db.clone();
        let writer = tokio::spawn(async move { db.write_activity(stop).await });
        for i in 0..1_200 {
            world.db.note(Activity::of(&world.op(world.bakery), activity::SIGNED_IN, "account").detail(json!({ "i": i, "nul": "a\0b" })));
        }
        world.db.note(Activity { tenant: PLATFORM, ..Activity::of(&world.op(world.bakery), activity::SIGN_IN_FAILED, "account") });
        // Of a business that is not there: dropped and counted, and no harm to the others.
        world.db.note(Activity { tenant: world.clock.id(), ..Activity::of(&world.op(world.bakery), activity::SIGNED_IN, "account") });
        tell.send(true).unwrap();
        writer.await.unwrap();
        assert_eq!(count(&world, &format!("tenant_id = '{}' AND detail ->> 'nul' = 'ab'", world.bakery)).await, 1_200);
        assert_eq!(count(&world, &format!("tenant_id = '{PLATFORM}'")).await, 1);
        assert_eq!((world.db.activity_dropped(), world.db.activity_waiting()), (1, 0));
    });
}

#[test]
fn under_overload_notes_are_dropped_and_counted_and_nothing_waits() {
    run(async |world: World| {
        for _ in 0..activity::QUEUE + 17 {
            world.db.note(Activity::of(&world.op(world.bakery), activity::SIGNED_IN, "account"));
        }
        assert_eq!((world.db.activity_dropped(), world.db.activity_waiting()), (17, activity::QUEUE));
        world.db.flush_activity().await;
        assert_eq!((world.db.activity_waiting(), count(&world, "true").await), (0, 10_000));
    });
}

#[test]
fn months_that_are_no_longer_kept_are_emptied_and_then_dropped() {
    run(async |world: World| {
        let old = "2026-11-02T09:00:00Z";
        for at in ["2031-05-20T09:00:00Z", old, "2026-12-01T00:00:00Z"] {
            world.clock.set(at.parse().unwrap());
            world.db.note(Activity::of(&world.op(world.bakery), activity::SIGNED_IN, "account"));
            world.db.flush_activity().await;
        }
        let parts = async || {
            let mut system = world.db.system("story.parts").await.unwrap();
            let sql = "SELECT tableoid::regclass::text FROM db.activity ORDER BY 1";
            sqlx::query_scalar::<_, String>(sql).fetch_all(system.conn()).await.unwrap()
        };
        assert_eq!(parts().await, ["db.activity_2026_11", "db.activity_2026_12", "db.activity_rest"]);
        let kept = world.db.clone().keeping(Keeping { activity_months: 1, ..Keeping::default() });
        assert_eq!(kept.expire_activity().await.unwrap(), 1);
        assert_eq!(kept.expire_activity().await.unwrap(), 0);
        assert_eq!(parts().await, ["db.activity_2026_12", "db.activity_rest"]);
        let mut owner = world.connect("hearth_owner").await;
        activity::keep_months(&mut owner, world.clock.now(), 1).await.unwrap();
        let there: bool = sqlx::query_scalar("SELECT to_regclass('db.activity_2026_11') IS NOT NULL").fetch_one(&mut owner).await.unwrap();
        assert!(!there, "the month is gone");
        // What waited among the rest moves into its month when that is made.
        sqlx::query("SELECT db.activity_month('2031-05-01')").execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        assert_eq!(parts().await, ["db.activity_2026_12", "db.activity_2031_05"]);
    });
}
