//! PINs on registered devices: chosen, taken away, guessed at, of another business.

use std::time::Duration;

use kernel::Role;
use serde_json::json;
use testkit::{Answer, run};

use crate::{
    COOKIE,
    devices::{PIN, WRONG, minutes, registered, registered_by, seller, signed_out},
};

#[test]
fn a_pin_is_set_after_a_recent_proof_lasts_ninety_days_and_is_not_an_easy_one() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, story.member(&[Role::Seller]).await);
        for (pin, code) in [
            ("123", "pin.format"),
            ("123456789", "pin.format"),
            ("12a4", "pin.format"),
            ("1234", "pin.easy"),
            ("1990", "pin.easy"),
            ("2580", "pin.easy"),
        ] {
            ada.post("/v1/auth/pin", &json!({ "pin": pin })).await.refused(code);
        }
        assert_eq!(ada.get("/v1/auth/pin").await.ok().json()["set"], false);
        ada.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
        ada.post("/v1/auth/pin", &json!({ "pin": PIN })).await.refused("pin.same");
        story.later(minutes(16));
        ada.get("/v1/auth/me").await.ok();
        ada.post("/v1/auth/pin", &json!({ "pin": "40917" })).await.refused("auth.again");
        till.login(&ada, PIN).await.ok();
        story.later(Duration::from_secs(90 * 24 * 3600));
        till.login(&ada, WRONG).await.refused("pin.wrong");
        till.login(&ada, PIN).await.refused("pin.expired");
        // Chosen anew after signing in by password; here: another session.
        let (cookie, csrf) = identity::session_for(&story.db, ada.account.unwrap(), Some(story.tenant)).await.unwrap();
        ada.keep_cookie(COOKIE, &cookie);
        ada.keep_csrf(&csrf);
        let page = ada.get("/account/security").await.is(200).text();
        assert!(page.contains("Too old"), "{page}");
        ada.post("/v1/auth/pin", &json!({ "pin": PIN })).await.refused("pin.same");
        assert_eq!(ada.form("/account/pin", &[("pin", "40917")]).await.location(), "/account/security?done=pin");
        till.login(&ada, "40917").await.ok();
        // The hash lies sealed.
        let mut system = story.db.system("story.pin").await.unwrap();
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM identity.pin WHERE tenant_id = $1 AND account_id = $2")
            .bind(story.tenant.uuid())
            .bind(ada.account.unwrap().uuid())
            .fetch_one(system.conn())
            .await
            .unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("argon2"));
    });
}

#[test]
fn a_pin_is_taken_away_by_its_member_by_a_manager_and_by_leaving() {
    run(async |story| {
        let (till, manager) = (registered(&story).await, story.member(&[Role::Manager]).await);
        let ada = seller(&story).await;
        let path = format!("/v1/team/members/{}/pin", ada.account.unwrap());
        till.login(&ada, PIN).await.ok();
        seller(&story).await.delete(&path).await.refused("auth.forbidden");
        manager.delete(&path).await.ok();
        tokio::time::timeout(Duration::from_secs(1), signed_out(&till.browser)).await.expect("signed out within a second");
        till.login(&ada, PIN).await.refused("pin.wrong");
        manager.delete(&path).await.is(404);
        // A manager reaches no owner's.
        story.owner.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
        manager.delete(&format!("/v1/team/members/{}/pin", story.owner.account.unwrap())).await.refused("role.beyond_own");
        story.owner.delete("/v1/auth/pin").await.is(204);
        story.owner.delete("/v1/auth/pin").await.is(404);
        let bea = seller(&story).await;
        till.login(&bea, PIN).await.ok();
        story.owner.delete(&format!("/v1/team/members/{}", bea.account.unwrap())).await.ok();
        till.login(&bea, PIN).await.refused("pin.wrong");
        let page = story.get(&format!("/team/{}", bea.account.unwrap())).await.is(200).text();
        assert!(!page.contains("/pin/remove"), "{page}");
    });
}

#[test]
fn attack_parallel_guesses_at_a_pin_are_five() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        let mut bodies = Vec::new();
        for _ in 0..12 {
            bodies.push(till.login_body(&ada, WRONG).await);
        }
        let answers = futures::future::join_all(bodies.iter().map(|body| till.browser.post("/v1/auth/device/login", body))).await;
        let codes: Vec<String> = answers.iter().map(Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "pin.wrong").count(), 5, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "pin.shut").count(), 7, "{codes:?}");
        // Shut means shut, on this device; elsewhere Ada goes on.
        till.login(&ada, PIN).await.refused("pin.shut");
        registered(&story).await.login(&ada, PIN).await.ok();
        // And others go on here.
        let bea = seller(&story).await;
        till.login(&bea, PIN).await.ok();
        story.later(Duration::from_secs(301));
        till.login(&ada, PIN).await.ok();
        story.db.flush_activity().await;
        let mut system = story.db.system("story.activity").await.unwrap();
        let noted: Vec<(String, i64)> =
            sqlx::query_as("SELECT action, count(*) FROM db.activity WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1")
                .bind(story.tenant.uuid())
                .fetch_all(system.conn())
                .await
                .unwrap();
        let count = |action: &str| noted.iter().find(|(one, _)| one == action).map_or(0, |(_, n)| *n);
        assert_eq!((count("auth.pin_failed"), count("auth.locked_out")), (4, 1), "{noted:?}");
    });
}

#[test]
fn attack_walking_all_members_on_one_device_is_ten() {
    run(async |story| {
        let till = registered(&story).await;
        let mine = seller(&story).await;
        let mut wrong = 0;
        // An insider tries two PINs of each colleague, and signs in by their own between them, which takes back their own slips alone.
        for _ in 0..6 {
            let colleague = seller(&story).await;
            for _ in 0..2 {
                let answer = till.login(&colleague, WRONG).await;
                wrong += usize::from(answer.code() == "pin.wrong");
            }
            till.login(&mine, PIN).await;
        }
        assert_eq!(wrong, 10);
        till.login(&mine, PIN).await.refused("pin.shut");
        story.later(Duration::from_secs(301));
        till.login(&mine, PIN).await.ok();
    });
}

#[test]
fn attack_one_s_own_slips_shut_nobody_else_out() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        for _ in 0..8 {
            till.login(&ada, WRONG).await.refused("pin.wrong");
            till.login(&ada, WRONG).await.refused("pin.wrong");
            till.login(&ada, PIN).await.ok();
        }
    });
}

#[test]
fn attack_pins_and_devices_of_another_business_open_nothing() {
    run(async |story| {
        let (tenant, neighbour) = story.neighbour().await;
        let (till, theirs) = (registered(&story).await, registered_by(&story, &neighbour).await);
        let ada = seller(&story).await;
        neighbour.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
        // The neighbour has a PIN in their own business: here it is nobody's.
        till.login(&neighbour, PIN).await.refused("pin.wrong");
        theirs.login(&ada, PIN).await.refused("pin.wrong");
        theirs.login(&neighbour, PIN).await.ok();
        assert_eq!(theirs.browser.get("/v1/auth/me").await.ok().json()["tenant"], json!(tenant));
        // Neither shows the other's people, nor goes on with the other's session.
        let people = theirs.browser.post("/v1/auth/device/people", &theirs.shown("people").await).await.ok().json();
        assert!(!people.to_string().contains(&ada.account.unwrap().to_string()), "{people}");
        theirs.browser.post("/v1/auth/device/prove", &till.shown("prove").await).await.refused("auth.required");
        neighbour.delete(&format!("/v1/devices/{}", till.id)).await.is(404);
        neighbour.get(&format!("/settings/devices/{}", till.id)).await.is(404);
        assert!(neighbour.get("/v1/devices").await.ok().json()["rows"].as_array().unwrap().iter().all(|row| row["id"] != json!(till.id)));
    });
}

#[test]
fn attack_a_locked_account_and_an_unknown_one_are_refused() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        let operator = story.operator(&[kernel::PlatformRole::Admin]).await;
        operator.post(&format!("/v1/admin/users/{}/lock", ada.account.unwrap()), &json!({ "reason": "a lost phone" })).await.ok();
        tokio::time::timeout(Duration::from_millis(1200), signed_out(&till.browser)).await.expect("refused within a second");
        till.login(&ada, WRONG).await.refused("pin.wrong");
        till.login(&ada, PIN).await.refused("account.locked");
        let people = till.browser.post("/v1/auth/device/people", &till.shown("people").await).await.ok().json();
        assert_eq!(people["rows"], json!([]));
        // Somebody without a PIN, and nobody at all, are answered alike.
        let without = story.member(&[Role::Seller]).await;
        let mut nobody = story.stranger();
        nobody.account = Some(story.clock.id());
        let said = [crate::said(&till.login(&without, PIN).await), crate::said(&till.login(&nobody, PIN).await)];
        assert_eq!(said[0], said[1]);
    });
}

#[test]
fn a_new_pin_ends_what_the_old_one_began() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        ada.post("/v1/auth/pin", &json!({ "pin": "40917" })).await.ok();
        tokio::time::timeout(Duration::from_millis(1200), signed_out(&till.browser)).await.expect("signed out");
        till.login(&ada, PIN).await.refused("pin.wrong");
        till.login(&ada, "40917").await.ok();
    });
}
