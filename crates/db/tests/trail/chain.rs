//! What is written stays provable, whoever numbers it.

use std::time::Instant;

use kernel::{PLATFORM, TenantId};

use super::world::{World, checkpoints, run, verify_export};

#[test]
fn a_log_that_nobody_touched_is_proved_from_database_and_export() {
    run(async |world: World| {
        world.write(world.bakery, 7).await;
        assert_eq!(world.db.checkpoint(None).await.unwrap(), 1, "the mill has written nothing");
        world.write(world.mill, 3).await;
        world.write(world.bakery, 5).await;
        assert_eq!(world.db.checkpoint(None).await.unwrap(), 2);
        assert_eq!(world.db.checkpoint(None).await.unwrap(), 0, "nothing was written since");
        world.write(world.bakery, 2).await;
        for (tenant, entries, signed) in [(world.bakery, 14_u64, 12), (world.mill, 3, 3)] {
            let verdict = world.verify(tenant).await;
            assert_eq!(verdict.faults, []);
            assert_eq!((verdict.entries, verdict.last, verdict.signed_through), (entries, entries.cast_signed(), signed));
            let text = world.export(tenant).await;
            let again = verify_export(&text);
            assert_eq!((again.faults.as_slice(), &again.hash, again.checkpoints), ([].as_slice(), &verdict.hash, verdict.checkpoints));
            assert_eq!(checkpoints(&text).len() as u64, verdict.checkpoints);
        }
        assert_eq!(world.verify(PLATFORM).await.entries, 0);
    });
}

#[test]
fn two_who_number_at_the_same_time_make_one_chain() {
    run(async |world: World| {
        let (one, other) = (world.db.clone(), world.node());
        let numbering = |db: db::Db| async move {
            for _ in 0..60 {
                // Whoever comes second is refused, and finds nothing or the rest the next time.
                let _ = db.sequence().await;
                tokio::task::yield_now().await;
            }
        };
        let writing = async {
            for _ in 0..10 {
                let some = (0..10).map(|i| {
                    let tenant = if i % 2 == 0 { world.bakery } else { world.mill };
                    write_one(&world, tenant)
                });
                futures::future::join_all(some).await;
            }
        };
        tokio::join!(writing, numbering(one), numbering(other));
        world.db.sequence().await.unwrap();
        for tenant in [world.bakery, world.mill] {
            let verdict = world.verify(tenant).await;
            assert_eq!((verdict.entries, verdict.last), (50, 50));
            assert_eq!(verdict.faults, []);
        }
    });
}

async fn write_one(world: &World, tenant: TenantId) {
    let mut tx = world.db.begin(world.op(tenant)).await.unwrap();
    let id = world.clock.id::<kernel::of::Item>();
    tx.log(kernel::Change::of("item.changed", "item", id, &1));
    tx.commit().await.unwrap();
}

#[test]
fn neither_role_of_the_program_may_change_what_was_written() {
    run(async |world: World| {
        world.write(world.bakery, 2).await;
        world.db.checkpoint(None).await.unwrap();
        for role in ["hearth_app", "hearth_system"] {
            for statement in [
                "UPDATE db.log SET action = 'x'",
                "UPDATE db.log SET hash = NULL",
                "DELETE FROM db.log",
                "TRUNCATE db.log",
                "UPDATE db.checkpoint SET n = 1",
                "DELETE FROM db.checkpoint",
                "TRUNCATE db.checkpoint",
                "UPDATE db.personal SET value = '1'",
                "DELETE FROM db.trail_key",
                "UPDATE db.trail_key SET public_key = ''",
                "ALTER TABLE db.log DISABLE ROW LEVEL SECURITY",
                "CREATE TABLE db.other (id int)",
                "SELECT db.activity_forget('2030-01-01')",
            ] {
                let mut connection = world.connect(role).await;
                let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err().to_string();
                assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{role}: {statement}: {refused}");
            }
        }
        for statement in [
            "INSERT INTO db.log SELECT * FROM db.log",
            "INSERT INTO db.checkpoint SELECT * FROM db.checkpoint",
            "SELECT * FROM db.trail_key",
        ] {
            let mut connection = world.connect("hearth_app").await;
            let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{statement}: {refused}");
        }
    });
}

#[test]
fn five_thousand_entries_are_numbered_and_chained_within_a_second() {
    run(async |world: World| {
        world
            .spoil(
                r#"INSERT INTO db.log_inbox SELECT 'BAKERY', gen_random_uuid(), '2026-11-21T09:00:00Z'::timestamptz + i * interval '1 ms', 'account', gen_random_uuid(), NULL, gen_random_uuid(),
                    '192.0.2.1', 'order.paid', 'order', gen_random_uuid(), NULL,
                    jsonb_build_object('total', jsonb_build_object('minor', i, 'currency', 'GBP'), 'number', 'S-2026-' || i, 'lines', jsonb_build_array(i, i + 1, i + 2)), NULL
                FROM generate_series(1, 5000) i"#,
            )
            .await;
        let start = Instant::now();
        assert_eq!(world.db.sequence().await.unwrap(), 5000);
        let took = start.elapsed();
        println!("5,000 entries in {took:?}");
        assert!(took.as_secs() < 1, "{took:?}");
        assert_eq!(world.verify(world.bakery).await.faults, []);
    });
}
