//! Roles of a business's own.

use kernel::Role;
use serde_json::{Value, json};
use testkit::Person;

/// Makes a role; returns its id.
async fn made(person: &Person, name: &str, permissions: &[&str]) -> String {
    let made = person.post("/v1/team/roles", &json!({ "name": name, "permissions": permissions })).await.is(200).json();
    made["id"].as_str().unwrap().to_owned()
}

async fn give(by: &Person, to: &Person, roles: &[&str], own: &[&str], version: i32) -> testkit::Answer {
    let path = format!("/v1/team/members/{}/roles", to.account.unwrap());
    by.post(&path, &json!({ "roles": roles, "ownRoles": own, "version": version })).await
}

#[test]
fn an_own_role_gives_what_it_says_and_its_change_is_felt_at_once() {
    testkit::run(async |story| {
        let night = made(&story.owner, "Night shift", &["order:refund", "order:read"]).await;
        let ada = story.member(&[Role::Baker]).await;
        ada.get("/v1/orders").await.refused("auth.forbidden");
        give(&story.owner, &ada, &["baker"], &[&night], 1).await.ok();
        ada.get("/v1/orders").await.ok();
        let me = ada.get("/v1/auth/me").await.ok().json();
        assert!(me["permissions"].as_array().unwrap().contains(&json!("order:refund")), "{me}");
        let roles = story.get("/v1/team/roles").await.ok().json();
        assert_eq!((roles["builtIn"].as_array().unwrap().len(), &roles["own"][0]["members"]), (7, &json!(1)));
        // Left out, the own roles stay.
        let path = format!("/v1/team/members/{}/roles", ada.account.unwrap());
        story.post(&path, &json!({ "roles": ["baker", "driver"], "version": 2 })).await.ok();
        ada.get("/v1/orders").await.ok();
        story.post(&path, &json!({ "roles": ["baker"], "version": 3 })).await.ok();
        let smaller = json!({ "name": "Night shift", "permissions": ["item:write"], "version": 1 });
        story.post(&format!("/v1/team/roles/{night}"), &smaller).await.ok();
        ada.get("/v1/orders").await.refused("auth.forbidden");
        story.post(&format!("/v1/team/roles/{night}"), &smaller).await.refused("stale");
        // With own roles alone one is a member, too.
        give(&story.owner, &ada, &[], &[&night], 4).await.ok();
        assert_eq!(ada.get("/v1/auth/me").await.ok().json()["roles"], json!([]));
    });
}

#[test]
fn a_role_that_somebody_has_is_not_deleted() {
    testkit::run(async |story| {
        let night = made(&story.owner, "Night", &["item:read"]).await;
        let path = format!("/v1/team/roles/{night}");
        story.post("/v1/team/roles", &json!({ "name": "Night", "permissions": ["item:read"] })).await.refused("role.name_taken");
        let ada = story.member(&[Role::Baker]).await;
        give(&story.owner, &ada, &["baker"], &[&night], 1).await.ok();
        let email = crate::address(&story);
        let sent =
            story.post("/v1/team/invitations", &json!({ "email": email, "name": "B", "roles": [], "ownRoles": [night] })).await.ok().json();
        let refused = story.owner.delete(&path).await.refused("role.held");
        assert!(refused.text().contains("Members: 1, open invitations: 1."), "{}", refused.text());
        give(&story.owner, &ada, &["baker"], &[], 2).await.ok();
        story.owner.delete(&format!("/v1/team/invitations/{}", sent["id"].as_str().unwrap())).await.ok();
        story.owner.delete(&path).await.ok();
        story.owner.delete(&path).await.refused("not_found");
        let said = story.get("/v1/trail").await.ok().text();
        for action in ["role.made", "role.deleted", "member.roles"] {
            assert!(said.contains(action), "{action}: {said}");
        }
    });
}

#[test]
fn attack_nobody_makes_or_edits_a_role_beyond_their_own() {
    testkit::run(async |story| {
        let manager = story.member(&[Role::Manager]).await;
        let wanted = |permissions: &[&str]| json!({ "name": "More", "permissions": permissions });
        manager.post("/v1/team/roles", &wanted(&["settings:write"])).await.refused("role.beyond_own");
        manager.post("/v1/team/roles", &wanted(&["team.pay:read", "item:read"])).await.refused("role.beyond_own");
        for not_given in ["platform:admin", "platform:read", "open", "member", "signed-in", "own-account", "everything"] {
            story.post("/v1/team/roles", &wanted(&[not_given])).await.refused("permission.unknown");
        }
        story.post("/v1/team/roles", &wanted(&[])).await.refused("permission.needed");
        story.member(&[Role::Seller]).await.post("/v1/team/roles", &wanted(&["item:read"])).await.refused("auth.forbidden");
        // A role that holds more can't be changed, emptied, deleted, or taken from somebody.
        let pay = made(&story.owner, "Paymaster", &["team.pay:read"]).await;
        let path = format!("/v1/team/roles/{pay}");
        manager.post(&path, &json!({ "name": "Paymaster", "permissions": ["item:read"], "version": 1 })).await.refused("role.beyond_own");
        manager.delete(&path).await.refused("role.beyond_own");
        let ada = story.member(&[Role::Seller]).await;
        give(&manager, &ada, &["seller"], &[&pay], 1).await.refused("role.beyond_own");
        give(&story.owner, &ada, &["seller"], &[&pay], 1).await.ok();
        give(&manager, &ada, &["seller"], &[], 2).await.refused("role.beyond_own");
        manager.delete(&format!("/v1/team/members/{}", ada.account.unwrap())).await.refused("role.beyond_own");
        // A role of one's own can't be grown beyond oneself.
        let own = made(&manager, "Helper", &["item:read"]).await;
        give(&story.owner, &manager, &["manager"], &[&own], 1).await.ok();
        let grown = json!({ "name": "Helper", "permissions": ["settings:write"], "version": 1 });
        manager.post(&format!("/v1/team/roles/{own}"), &grown).await.refused("role.beyond_own");
        let me = manager.get("/v1/auth/me").await.ok().json();
        assert!(!me["permissions"].as_array().unwrap().contains(&json!("settings:write")));
    });
}

#[test]
fn attack_roles_of_another_business_are_not_there() {
    testkit::run(async |story| {
        let (_, neighbour) = story.neighbour().await;
        let night = made(&story.owner, "Night", &["item:read"]).await;
        neighbour
            .post(&format!("/v1/team/roles/{night}"), &json!({ "name": "N", "permissions": ["item:read"], "version": 1 }))
            .await
            .refused("not_found");
        neighbour.delete(&format!("/v1/team/roles/{night}")).await.refused("not_found");
        give(&neighbour, &neighbour, &["owner"], &[&night], 1).await.refused("role.unknown");
        assert_eq!(neighbour.get("/v1/team/roles").await.ok().json()["own"], json!([]));
        // Names are a business's own.
        made(&neighbour, "Night", &["item:read"]).await;
    });
}

#[test]
fn the_page_shows_the_table_and_works_by_plain_forms() {
    testkit::run(async |story| {
        let fields = [("name", "Night"), ("order:read", "true"), ("order:refund", "true")];
        assert_eq!(story.form("/settings/roles", &fields).await.location(), "/settings/roles");
        let page = story.get("/settings/roles").await.is(200).text();
        assert!(page.contains("Night") && page.contains("Pay back") && page.contains("Storekeeper"), "{page}");
        let own: Value = story.get("/v1/team/roles").await.ok().json()["own"][0].clone();
        assert_eq!(own["permissions"], json!(["order:read", "order:refund"]));
        let path = format!("/settings/roles/{}", own["id"].as_str().unwrap());
        let refused = story.form(&path, &[("name", "Late"), ("version", "1")]).await.is(422);
        assert!(refused.text().contains("Choose at least one permission."), "{}", refused.text());
        assert_eq!(story.form(&path, &[("name", "Late"), ("version", "1"), ("item:read", "true")]).await.location(), "/settings/roles");
        let boxes = story.get("/team/invite").await.is(200).text();
        assert!(boxes.contains("Late"), "{boxes}");
        let manager = story.member(&[Role::Manager]).await;
        let offered = manager.get("/settings/roles").await.is(200).text();
        assert!(!offered.contains("id=\"new-settings-write\"") && offered.contains("id=\"new-item-write\""), "{offered}");
        assert_eq!(story.form(&format!("{path}/delete"), &[]).await.location(), "/settings/roles");
        story.member(&[Role::Accountant]).await.get("/settings/roles").await.is(200);
        story.member(&[Role::Baker]).await.get("/settings/roles").await.is(403);
    });
}
