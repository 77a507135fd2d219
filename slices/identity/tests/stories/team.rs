//! Members and their roles.

use kernel::Role;
use serde_json::json;

use crate::{PASSWORD, address, sign_in};

#[test]
fn a_new_member_chooses_a_password_by_a_link_that_works_once() {
    testkit::run(async |story| {
        let email = address(&story);
        let added =
            story.post("/v1/team/members", &json!({ "email": email, "name": "Ada", "roles": ["seller", "baker"] })).await.is(200).json();
        assert_eq!(added["roles"], json!(["baker", "seller"]));
        let link = added["passwordLink"].as_str().unwrap().to_owned();
        let path = link.strip_prefix("http://hearth.test").unwrap();
        let token = path.split_once("token=").unwrap().1;

        let ada = story.stranger();
        // Looking spends nothing, and a refused password neither.
        ada.get(path).await.is(200);
        assert_eq!(ada.get(path).await.is(200).input("token"), token);
        ada.post("/v1/auth/reset-password", &json!({ "token": token, "newPassword": "short" })).await.refused("password.short");
        assert_eq!(ada.form("/reset-password", &[("token", token), ("newPassword", PASSWORD)]).await.location(), "/login?done=password");
        ada.post("/v1/auth/reset-password", &json!({ "token": token, "newPassword": PASSWORD })).await.refused("password.link");
        ada.get(path).await.is(422);
        ada.get("/reset-password?token=nonsense").await.is(422);

        sign_in(&ada, &email, PASSWORD).await.is(200);
        let me = ada.get("/v1/auth/me").await.json();
        assert_eq!((&me["name"], &me["roles"], &me["tenant"]), (&json!("Ada"), &json!(["baker", "seller"]), &json!(story.tenant)));
        story.post("/v1/team/members", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.refused("member.exists");
    });
}

#[test]
fn a_business_takes_nobody_over_by_adding_an_address_that_has_an_account() {
    testkit::run(async |story| {
        let (_, neighbour) = story.neighbour().await;
        // Invited by one business, no password yet: another gets no link to the account.
        let invited = address(&story);
        story.post("/v1/team/members", &json!({ "email": invited, "name": "Ada", "roles": ["manager"] })).await.is(200);
        let answer = neighbour.post("/v1/team/members", &json!({ "email": invited, "name": "A.", "roles": ["driver"] })).await.ok();
        assert!(!answer.text().contains("token=") && !answer.text().contains("passwordLink"), "{}", answer.text());
        assert_eq!(answer.json()["invited"], json!(true));
        assert_eq!(neighbour.get("/v1/team/members").await.ok().json()["rows"].as_array().unwrap().len(), 1);
        // Confirmed by somebody on their own: they get a place here by an invitation that they accept, not by being added.
        let claimed = crate::registered(&story).await;
        let manager = story.member(&[Role::Manager]).await;
        let wanted = json!({ "email": claimed, "name": "C.", "roles": ["owner"] });
        manager.post("/v1/team/members", &wanted).await.refused("role.beyond_own");
        let wanted = json!({ "email": claimed, "name": "C.", "roles": ["manager"] });
        let answer = story.post("/v1/team/members", &wanted).await.ok().json();
        // Who wanted to know whether there is an account wrote to its owner, and the trail has it.
        let token = story.letter(&claimed, "invitation").await.token();
        let invitations = story.get("/v1/team/invitations?state=open").await.ok().json()["rows"].clone();
        assert_eq!((&invitations[0]["id"], &invitations[0]["email"]), (&answer["id"], &json!(claimed)));
        story.post("/v1/team/members", &wanted).await.refused("invitation.exists");
        let ada = story.stranger();
        sign_in(&ada, &claimed, PASSWORD).await.is(200);
        ada.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
        story.post("/v1/team/members", &wanted).await.refused("member.exists");
        // By page it is said so, and the list has it.
        let other = crate::registered(&story).await;
        let page = story.form("/team/add", &[("email", &other), ("name", "O."), ("role.driver", "true")]).await.is(200).text();
        assert!(page.contains("An invitation to") && page.contains(&other), "{page}");
        assert!(story.get("/team").await.text().contains(&other));
    });
}

#[test]
fn a_link_ends_after_a_week() {
    testkit::run(async |story| {
        let added =
            story.post("/v1/team/members", &json!({ "email": address(&story), "name": "Ada", "roles": ["seller"] })).await.is(200).json();
        let token = added["passwordLink"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        story.later(std::time::Duration::from_secs(7 * 24 * 3600 + 1));
        let body = json!({ "token": token, "newPassword": PASSWORD });
        story.stranger().post("/v1/auth/reset-password", &body).await.refused("password.link");
    });
}

#[test]
fn nobody_gives_or_takes_more_than_they_have() {
    testkit::run(async |story| {
        let manager = story.member(&[Role::Manager]).await;
        let seller = story.member(&[Role::Seller]).await;
        let new = |role: &str| json!({ "email": address(&story), "name": "Ada", "roles": [role] });
        manager.post("/v1/team/members", &new("owner")).await.refused("role.beyond_own");
        manager.post("/v1/team/members", &new("seller")).await.ok();
        seller.post("/v1/team/members", &new("seller")).await.refused("auth.forbidden");
        seller.get("/v1/team/members").await.refused("auth.forbidden");
        story.post("/v1/team/members", &json!({ "email": "ada", "name": "Ada", "roles": [] })).await.refused("email.format");
        story.post("/v1/team/members", &json!({ "email": address(&story), "name": "Ada", "roles": [] })).await.refused("role.needed");

        let path = |of: &testkit::Person| format!("/v1/team/members/{}/roles", of.account.unwrap());
        let (owner, own) = (path(&story.owner), path(&manager));
        manager.post(&owner, &json!({ "roles": ["seller"], "version": 1 })).await.refused("role.beyond_own");
        manager.post(&own, &json!({ "roles": ["owner"], "version": 1 })).await.refused("role.beyond_own");
        // The page does not offer what one can't give.
        let page = manager.get("/team/add").await.is(200).text();
        assert!(page.contains("role.seller") && !page.contains("role.owner"), "{page}");
    });
}

#[test]
fn a_changed_role_is_felt_at_once_and_kept_in_the_history() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Seller]).await;
        ada.get("/v1/team/members").await.refused("auth.forbidden");
        let account = ada.account.unwrap();
        let page = story.get(&format!("/team/{account}")).await.is(200);
        let version = page.input("version");
        let none = story.form(&format!("/team/{account}/roles"), &[("version", &version)]).await.is(422);
        assert!(none.text().contains("Choose at least one role."), "{}", none.text());
        let fields = [("version", version.as_str()), ("role.manager", "true")];
        assert_eq!(story.form(&format!("/team/{account}/roles"), &fields).await.location(), format!("/team/{account}"));
        ada.get("/v1/team/members").await.ok();
        story.post(&format!("/v1/team/members/{account}/roles"), &json!({ "roles": ["seller"], "version": 1 })).await.refused("stale");
        let shown = story.get(&format!("/team/{account}")).await.is(200).text();
        assert!(shown.contains("Roles changed") && shown.contains("Member added"), "{shown}");
    });
}

#[test]
fn the_last_owner_stays_even_when_two_demote_each_other_at_once() {
    testkit::run(async |story| {
        let path = |of: &testkit::Person| format!("/v1/team/members/{}/roles", of.account.unwrap());
        let demote = json!({ "roles": ["seller"], "version": 1 });
        story.post(&path(&story.owner), &demote).await.refused("member.last_owner");
        let second = story.member(&[Role::Owner]).await;
        let (of_first, of_second) = (path(&story.owner), path(&second));
        let (one, other) = tokio::join!(story.owner.post(&of_second, &demote), second.post(&of_first, &demote));
        let done = [&one, &other].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "{one:?} {other:?}");
        let members = if one.status.is_success() { &story.owner } else { &second };
        let rows = members.get("/v1/team/members").await.ok().json()["rows"].clone();
        assert_eq!(rows.as_array().unwrap().iter().filter(|row| row["roles"] == "owner").count(), 1);
    });
}

#[test]
fn attack_two_owners_who_leave_or_are_taken_out_at_once_leave_one() {
    testkit::run(async |story| {
        let second = story.member(&[Role::Owner]).await;
        let path = |of: &testkit::Person| format!("/v1/team/members/{}", of.account.unwrap());
        let demote = json!({ "roles": ["seller"], "version": 1 });
        // Each gives their own role up, one takes the other out: of all that happens at once one is refused.
        let (own, other) = (path(&story.owner), path(&second));
        let (own_roles, other_roles) = (format!("{own}/roles"), format!("{other}/roles"));
        let answers = futures::future::join4(
            story.owner.post(&own_roles, &demote),
            second.post(&other_roles, &demote),
            story.owner.delete(&other),
            second.delete(&own),
        )
        .await;
        let mut system = story.db.system("story.owners").await.unwrap();
        let owners: i64 =
            sqlx::query_scalar("SELECT count(*) FROM identity.member WHERE tenant_id = $1 AND state = 'active' AND 'owner' = ANY (roles)")
                .bind(story.tenant.uuid())
                .fetch_one(system.conn())
                .await
                .unwrap();
        assert_eq!(owners, 1, "{answers:?}");
    });
}

#[test]
fn attack_no_owner_goes_while_the_other_one_s_account_is_locked() {
    testkit::run(async |story| {
        let admin = story.operator(&[kernel::PlatformRole::Admin]).await;
        let why = json!({ "reason": "lost phone" });
        for round in 0..6 {
            let (tenant, first) = story.neighbour().await;
            let email = address(&story);
            first.post("/v1/team/members", &json!({ "email": email, "name": "Eve", "roles": ["owner"] })).await.ok();
            let second = identity::find(&story.db, &email).await.unwrap();
            let lock = format!("/v1/admin/users/{}/lock", if round % 2 == 0 { second } else { first.account.unwrap() });
            // The owner whose account stays is demoted, or takes themselves out, while the other one's is locked.
            let goes = if round % 2 == 0 { first.account.unwrap() } else { second };
            let (roles, out) = (format!("/v1/team/members/{goes}/roles"), format!("/v1/team/members/{goes}"));
            let leave = async {
                if round < 3 { first.post(&roles, &json!({ "roles": ["seller"], "version": 1 })).await } else { first.delete(&out).await }
            };
            let (locked, left) = futures::future::join(admin.post(&lock, &why), leave).await;
            assert!(!(locked.status.is_success() && left.status.is_success()), "{round}: {} {}", locked.text(), left.text());
            let mut system = story.db.system("story.owners").await.unwrap();
            let able: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM identity.member m JOIN identity.account a ON a.id = m.account_id
                WHERE m.tenant_id = $1 AND m.state = 'active' AND 'owner' = ANY (m.roles) AND a.locked_at IS NULL",
            )
            .bind(tenant.uuid())
            .fetch_one(system.conn())
            .await
            .unwrap();
            assert!(able >= 1, "{round}: {} {}", locked.text(), left.text());
        }
    });
}

#[test]
fn an_owner_whose_account_is_locked_is_no_owner_who_stays() {
    testkit::run(async |story| {
        let admin = story.operator(&[kernel::PlatformRole::Admin]).await;
        let second = story.member(&[Role::Owner]).await;
        let account = second.account.unwrap();
        let path = |act: &str| format!("/v1/admin/users/{account}/{act}");
        admin.post(&path("lock"), &json!({ "reason": "lost phone" })).await.ok();
        let own = format!("/v1/team/members/{}", story.owner.account.unwrap());
        let demote = json!({ "roles": ["seller"], "version": 1 });
        story.post(&format!("{own}/roles"), &demote).await.refused("member.last_owner");
        story.owner.delete(&own).await.refused("member.last_owner");
        // The locked one may go, for the other one stays; and back, they count again.
        admin.post(&path("unlock"), &json!({ "reason": "found" })).await.ok();
        story.post(&format!("{own}/roles"), &demote).await.ok();
        let admin_lock = admin.post(&path("lock"), &json!({ "reason": "x" })).await;
        admin_lock.refused("account.last_owner");
        admin.post(&path("lock"), &json!({ "reason": "a court order", "evenLastOwner": true })).await.ok();
    });
}

#[test]
fn members_of_another_business_are_not_there() {
    testkit::run(async |story| {
        let (_, neighbour) = story.neighbour().await;
        let ada = story.member(&[Role::Seller]).await;
        let account = ada.account.unwrap();
        let rows = neighbour.get("/v1/team/members").await.ok().json()["rows"].clone();
        assert_eq!(rows.as_array().unwrap().len(), 1);
        neighbour.get(&format!("/v1/team/members/{account}")).await.refused("not_found");
        neighbour.get(&format!("/team/{account}")).await.is(404);
        let path = format!("/v1/team/members/{account}/roles");
        neighbour.post(&path, &json!({ "roles": ["seller"], "version": 1 })).await.refused("not_found");
        story.get(&format!("/v1/team/members/{account}")).await.ok();
        let page = story.get("/team").await.is(200).text();
        assert!(page.contains(&ada.email) && !page.contains(&neighbour.email), "{page}");
    });
}
