//! Whatever is done to the log by somebody whom the database lets, it is found and named.

use super::world::{World, checkpoints, run, verify_export};

/// A bakery with twelve entries, checkpoints of the fifth and the tenth.
async fn written(world: &World) {
    world.write(world.bakery, 5).await;
    world.db.checkpoint(None).await.unwrap();
    world.write(world.bakery, 5).await;
    world.db.checkpoint(None).await.unwrap();
    world.write(world.bakery, 2).await;
    world.keep().await;
}

/// Kinds and numbers of what was found.
fn found(verdict: &db::trail::Verdict) -> Vec<(&'static str, Option<i64>)> {
    verdict.faults.iter().map(|fault| (fault.kind, fault.n)).collect()
}

#[test]
fn any_change_of_any_column_is_found_and_named() {
    run(async |world: World| {
        written(&world).await;
        // One bit, digit or letter of each.
        for column in [
            "id = encode(set_byte(uuid_send(id), 15, get_byte(uuid_send(id), 15) # 1), 'hex')::uuid",
            "at = at + interval '1 microsecond'",
            "actor_kind = 'programm'",
            "actor_id = tenant_id",
            "actor_name = 'storz'",
            "actor_name = NULL",
            "request_id = tenant_id",
            "address = ''",
            "action = 'item.chanfed'",
            "kind = 'iteM'",
            "target_id = tenant_id",
            "before = jsonb_set(before, '{price}', '1')",
            "before = NULL",
            "before = 'null'",
            "after = jsonb_set(after, '{a,0}', '1.6')",
            "after = after || '{\"x\": null}'",
            "reason = ''",
            "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
        ] {
            world.spoil(&format!("UPDATE db.log SET {column} WHERE tenant_id = 'BAKERY' AND n = 4")).await;
            let verdict = world.verify(world.bakery).await;
            assert_eq!(found(&verdict), [("altered", Some(4))], "{column}: {verdict:?}");
            assert_eq!(found(&verify_export(&world.export(world.bakery).await)), [("altered", Some(4))], "{column}, exported");
            world.mend().await;
        }
        assert_eq!(world.verify(world.bakery).await.faults, []);
    });
}

#[test]
fn rows_that_go_come_or_change_places_are_found_and_named() {
    run(async |world: World| {
        written(&world).await;
        for (what, sql, expected) in [
            ("one removed", "DELETE FROM db.log WHERE n = 7", vec![("missing", Some(7))]),
            (
                "one removed, the rest moved up",
                "DELETE FROM db.log WHERE n = 7; UPDATE db.log SET n = n - 100 WHERE n > 7; UPDATE db.log SET n = n + 99 WHERE n < 0",
                vec![("altered", Some(7)), ("checkpoint", Some(10)), ("tail", Some(12))],
            ),
            (
                "two swapped",
                "UPDATE db.log SET n = -3 WHERE n = 3; UPDATE db.log SET n = 3 WHERE n = 8; UPDATE db.log SET n = 8 WHERE n = -3",
                vec![("altered", Some(3))],
            ),
            (
                "one put in between",
                "UPDATE db.log SET n = n + 100 WHERE n > 6; UPDATE db.log SET n = n - 99 WHERE n > 100;
                 INSERT INTO db.log SELECT tenant_id, 7, gen_random_uuid(), at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason, hash FROM db.log WHERE n = 6",
                vec![("altered", Some(7)), ("checkpoint", Some(10)), ("head", Some(12))],
            ),
            ("the end cut off", "DELETE FROM db.log WHERE n > 11", vec![("tail", Some(12))]),
            (
                "the end cut off before a checkpoint, the head set back",
                "DELETE FROM db.log WHERE n > 8; UPDATE db.log_head SET n = 8, hash = (SELECT hash FROM db.log WHERE n = 8)",
                vec![("tail", Some(9))],
            ),
            ("a hash gone", "UPDATE db.log SET hash = NULL WHERE n = 2", vec![("unchained", Some(2))]),
            ("the head changed", "UPDATE db.log_head SET hash = decode(repeat('ab', 32), 'hex') WHERE tenant_id = 'BAKERY'", vec![("head", Some(12))]),
            ("said to begin later", "UPDATE db.log_head SET chained_after = 12 WHERE tenant_id = 'BAKERY'", vec![("checkpoint", Some(5))]),
        ] {
            world.spoil(sql).await;
            let verdict = world.verify(world.bakery).await;
            assert_eq!(found(&verdict), expected, "{what}: {verdict:?}");
            world.mend().await;
        }
    });
}

#[test]
fn checkpoints_that_were_changed_removed_or_forged_are_found() {
    run(async |world: World| {
        written(&world).await;
        let elsewhere = checkpoints(&world.export(world.bakery).await);
        assert_eq!(elsewhere.len(), 2);
        for (what, sql, expected) in [
            (
                "its hash",
                "UPDATE db.checkpoint SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE n = 10",
                vec![("checkpoint", Some(10))],
            ),
            ("its time", "UPDATE db.checkpoint SET at = at + interval '1 hour' WHERE n = 10", vec![("checkpoint", Some(10))]),
            (
                "its signature",
                "UPDATE db.checkpoint SET signature = set_byte(signature, 9, get_byte(signature, 9) # 4) WHERE n = 10",
                vec![("checkpoint", Some(10))],
            ),
            (
                "its key",
                "UPDATE db.checkpoint SET public_key = set_byte(public_key, 9, get_byte(public_key, 9) # 4) WHERE n = 10",
                vec![("checkpoint", Some(10))],
            ),
            ("the first removed", "DELETE FROM db.checkpoint WHERE n = 5", vec![("checkpoint_missing", Some(10))]),
        ] {
            world.spoil(sql).await;
            let verdict = world.verify(world.bakery).await;
            assert_eq!(found(&verdict), expected, "{what}: {verdict:?}");
            world.mend().await;
        }
        // A whole chain written anew up to the head, and every checkpoint after the change removed: only what left the machine tells.
        world.spoil("DELETE FROM db.checkpoint WHERE n = 10").await;
        assert_eq!(found(&world.verify(world.bakery).await), []);
        let verdict = world.db.verify_trail(world.bakery, "bakery", &elsewhere, None).await.unwrap();
        assert_eq!(found(&verdict), [("checkpoint_missing", Some(10))]);
        world.mend().await;
        // Signed again, genuinely, by a key that is not the installation's.
        let theirs = vault::SigningKey::generate().unwrap();
        let mut forged = elsewhere[1].clone();
        forged.kid = theirs.public().kid();
        forged.public_key = theirs.public().bytes().to_vec();
        forged.signature = theirs.sign(forged.text().as_bytes()).unwrap().to_vec();
        assert_eq!(forged.fault(), None);
        let verdict = world.db.verify_trail(world.bakery, "bakery", &[forged], None).await.unwrap();
        assert_eq!(found(&verdict), [("checkpoint", Some(10))]);
        // A new key goes on where the old one ended.
        world.db.rotate_trail_key(&world.op(world.bakery)).await.unwrap();
        world.write(world.bakery, 1).await;
        world.db.checkpoint(None).await.unwrap();
        let verdict = world.verify(world.bakery).await;
        assert_eq!((found(&verdict), verdict.kids.len()), (vec![], 2));
        assert_eq!(world.db.reseal_trail_keys().await.unwrap(), 2);
    });
}

#[test]
fn an_export_that_was_touched_is_found_line_by_line() {
    run(async |world: World| {
        written(&world).await;
        let whole = world.export(world.bakery).await;
        let all: Vec<&str> = whole.lines().collect();
        assert_eq!((all.len(), found(&verify_export(&whole))), (1 + 12 + 2, vec![]));
        let entry = |n: usize| all.iter().position(|line| line.starts_with(&format!("{{\"entry\":{{\"n\":{n},"))).unwrap();
        let changed = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines: Vec<String> = all.iter().map(|line| (*line).to_owned()).collect();
            change(&mut lines);
            found(&verify_export(&lines.join("\n")))
        };
        assert_eq!(changed(&|lines| lines[entry(4)] = lines[entry(4)].replace("Brötchen", "Brotchen")), [("altered", Some(4))]);
        assert_eq!(
            changed(&|lines| lines[entry(4)] = lines[entry(4)].replace("\"price\": 3", "\"price\":3")),
            [("altered", Some(4))],
            "a space"
        );
        assert_eq!(changed(&|lines| drop(lines.remove(entry(6)))), [("missing", Some(6))]);
        assert_eq!(changed(&|lines| lines.swap(entry(7), entry(8))), [("missing", Some(7)), ("order", Some(7))]);
        assert_eq!(changed(&|lines| lines.truncate(entry(9))), [("tail", Some(9))]);
        assert_eq!(changed(&|lines| drop(lines.remove(entry(5) - 1))), [("checkpoint_missing", Some(10))]);
        let spoiled = |lines: &mut Vec<String>| lines[entry(5) - 1] = lines[entry(5) - 1].replace("\"n\":5", "\"n\":4");
        assert_eq!(changed(&spoiled)[0].0, "checkpoint");
    });
}
