//! Invitations, asking to join, and leaving.

use std::time::Duration;

use kernel::Role;
use serde_json::{Value, json};
use testkit::{Person, Story};

use crate::{PASSWORD, address, registered, sign_in};

/// Invites an address; returns the invitation and the token of its letter.
async fn invited(story: &Story, by: &Person, email: &str, roles: &[&str]) -> (Value, String) {
    let sent = by.post("/v1/team/invitations", &json!({ "email": email, "name": "Ada", "roles": roles })).await.is(200).json();
    (sent, story.letter(email, "invitation").await.token())
}

/// A person signed in to an account of their own, with its address.
async fn somebody(story: &Story) -> (Person, String) {
    let (email, person) = (registered(story).await, story.stranger());
    sign_in(&person, &email, PASSWORD).await.is(200);
    (person, email)
}

async fn accept(person: &Person, token: &str) -> testkit::Answer {
    person.post("/v1/auth/invitations/accept", &json!({ "token": token })).await
}

fn path(of: &Person) -> String {
    format!("/v1/team/members/{}", of.account.unwrap())
}

#[test]
fn somebody_with_an_account_signs_in_and_accepts() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (_, token) = invited(&story, &story.owner, &email, &["seller"]).await;
        let letter = story.letter(&email, "invitation").await;
        assert!(letter.text.contains("Hill Bakery") && letter.links[0].starts_with("http://hearth.test/invitation?token="), "{letter:?}");
        let ada = story.stranger();
        // Opening the link spends nothing, and leads to the sign-in.
        for _ in 0..3 {
            let page = ada.get(&format!("/invitation?token={token}")).await.is(200).text();
            assert!(page.contains("Hill Bakery") && page.contains("Seller") && page.contains("/login?next="), "{page}");
        }
        accept(&ada, &token).await.refused("invitation.sign_in");
        let next = format!("/invitation?token={token}");
        let fields = [("email", email.as_str()), ("password", PASSWORD), ("next", next.as_str())];
        assert_eq!(ada.form("/login", &fields).await.location(), next);
        let page = ada.get(&next).await.is(200);
        let csrf = page.input("csrf");
        let done = ada.form("/invitation", &[("token", &token), ("csrf", &csrf)]).await;
        assert_eq!(done.location(), "/");
        let me = ada.get("/v1/auth/me").await.ok().json();
        assert_eq!((&me["tenant"], &me["roles"], &me["name"]), (&json!(story.tenant), &json!(["seller"]), &json!("Ada")));
        story.stranger().get(&next).await.is(422);
    });
}

#[test]
fn somebody_without_an_account_chooses_a_password_and_is_confirmed_by_it() {
    testkit::run(async |story| {
        let email = address(&story);
        let (_, token) = invited(&story, &story.owner, &email, &["baker"]).await;
        let ada = story.stranger();
        let chosen = |password: &str| json!({ "token": token, "password": password });
        accept(&ada, &token).await.refused("text.needed");
        ada.post("/v1/auth/invitations/accept", &chosen("short")).await.refused("password.short");
        ada.post("/v1/auth/invitations/accept", &chosen("hill bakery rises before dawn")).await.refused("password.personal");
        let page = ada.form("/invitation", &[("token", &token), ("password", "short")]).await.is(422);
        assert_eq!(page.input("token"), token);
        assert_eq!(ada.form("/invitation", &[("token", &token), ("password", PASSWORD)]).await.location(), "/login?done=verified");
        // It signs nobody in.
        ada.get("/v1/auth/me").await.refused("auth.required");
        sign_in(&ada, &email, PASSWORD).await.is(200);
        assert_eq!(ada.get("/v1/auth/me").await.json()["roles"], json!(["baker"]));
        ada.post("/v1/auth/invitations/accept", &chosen(PASSWORD)).await.refused("invitation.over");
    });
}

#[test]
fn the_list_the_page_and_the_trail_tell_of_invitations() {
    testkit::run(async |story| {
        let email = address(&story);
        let fields = [("name", "Ada"), ("email", email.as_str()), ("role.seller", "true")];
        assert_eq!(story.form("/team/invite", &fields).await.location(), "/team");
        let again = story.form("/team/invite", &fields).await.is(422);
        assert!(again.text().contains("This address is invited already."), "{}", again.text());
        let page = story.get("/team").await.is(200).text();
        assert!(page.contains(&email) && page.contains("Send again") && page.contains("Take back"), "{page}");
        let row = story.get("/v1/team/invitations?state=open").await.ok().json()["rows"][0].clone();
        assert_eq!((&row["email"], &row["state"], row.get("token")), (&json!(email), &json!("open"), None));
        let id = row["id"].as_str().unwrap();
        assert_eq!(story.form(&format!("/team/invitations/{id}/revoke"), &[]).await.location(), "/team");
        assert_eq!(story.get("/v1/team/invitations?state=open").await.ok().json()["rows"], json!([]));
        let said = story.get("/v1/trail").await.ok().text();
        assert!(said.contains("invitation.sent") && said.contains("invitation.revoked") && !said.contains(&email), "{said}");
    });
}

#[test]
fn attack_of_parallel_accepts_exactly_one_wins() {
    testkit::run(async |story| {
        let (_, token) = invited(&story, &story.owner, &address(&story), &["seller"]).await;
        let body = json!({ "token": token, "password": PASSWORD });
        let tries = (0..4).map(|_| {
            let (stranger, body) = (story.stranger(), body.clone());
            async move { stranger.post("/v1/auth/invitations/accept", &body).await }
        });
        let answers = futures(tries).await;
        let won = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(won, 1, "{answers:?}");
        assert!(
            answers.iter().all(|a| a.status.is_success() || ["invitation.over", "invitation.sign_in"].contains(&a.code().as_str())),
            "{answers:?}"
        );
        let (ada, email) = somebody(&story).await;
        let (_, token) = invited(&story, &story.owner, &email, &["seller"]).await;
        let (one, other) = tokio::join!(accept(&ada, &token), accept(&ada, &token));
        assert_eq!([&one, &other].iter().filter(|answer| answer.status.is_success()).count(), 1, "{one:?} {other:?}");
    });
}

/// Several at once.
async fn futures<T, F: Future<Output = T> + Send + 'static>(all: impl Iterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
{
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[test]
fn attack_an_invitation_gives_no_more_than_its_sender_has() {
    testkit::run(async |story| {
        let manager = story.member(&[Role::Manager]).await;
        let wanted = |roles: &[&str], own: &[&str]| json!({ "email": address(&story), "name": "A", "roles": roles, "ownRoles": own });
        manager.post("/v1/team/invitations", &wanted(&["owner"], &[])).await.refused("role.beyond_own");
        manager.post("/v1/team/invitations", &wanted(&["accountant"], &[])).await.refused("role.beyond_own");
        let paymaster = story.post("/v1/team/roles", &json!({ "name": "Paymaster", "permissions": ["team.pay:read"] })).await.ok().json();
        let own = paymaster["id"].as_str().unwrap();
        manager.post("/v1/team/invitations", &wanted(&["seller"], &[own])).await.refused("role.beyond_own");
        manager.post("/v1/team/invitations", &wanted(&[], &[])).await.refused("role.needed");
        story.member(&[Role::Seller]).await.post("/v1/team/invitations", &wanted(&["seller"], &[])).await.refused("auth.forbidden");
        // Nor does the page offer it, or sending again somebody else's.
        let page = manager.get("/team/invite").await.is(200).text();
        assert!(page.contains("role.seller") && !page.contains("role.owner") && !page.contains("Paymaster"), "{page}");
        let (sent, _) = invited(&story, &story.owner, &address(&story), &["owner"]).await;
        let id = sent["id"].as_str().unwrap();
        manager.post(&format!("/v1/team/invitations/{id}/resend"), &json!({})).await.refused("role.beyond_own");
    });
}

#[test]
fn attack_an_invitation_falls_with_the_rights_of_its_sender() {
    testkit::run(async |story| {
        let manager = story.member(&[Role::Manager]).await;
        let (ada, email) = somebody(&story).await;
        let (_, token) = invited(&story, &manager, &email, &["manager"]).await;
        let roles = |roles: &[&str], version: i32| json!({ "roles": roles, "version": version });
        story.post(&format!("{}/roles", path(&manager)), &roles(&["seller"], 1)).await.ok();
        accept(&ada, &token).await.refused("invitation.over");
        // Nothing was spent: with the rights back, it stands again.
        story.post(&format!("{}/roles", path(&manager)), &roles(&["manager"], 2)).await.ok();
        story.stranger().get(&format!("/invitation?token={token}")).await.is(200);
        story.owner.delete(&path(&manager)).await.ok();
        accept(&ada, &token).await.refused("invitation.over");
        ada.get("/v1/team/members").await.refused("tenant.none");

        // An own role that grew beyond its sender after it was sent is not given either.
        let helper =
            story.post("/v1/team/roles", &json!({ "name": "Helper", "permissions": ["team:write", "item:read"] })).await.ok().json();
        let (id, sender) = (helper["id"].as_str().unwrap(), story.member(&[Role::Manager]).await);
        let (other, email) = somebody(&story).await;
        sender.post("/v1/team/invitations", &json!({ "email": email, "name": "B", "roles": [], "ownRoles": [id] })).await.ok();
        let token = story.letter(&email, "invitation").await.token();
        let grown = json!({ "name": "Helper", "permissions": ["team:write", "team.pay:read"], "version": 1 });
        story.post(&format!("/v1/team/roles/{id}"), &grown).await.ok();
        accept(&other, &token).await.refused("invitation.over");
    });
}

#[test]
fn attack_a_link_for_another_address_is_of_no_use() {
    testkit::run(async |story| {
        let (mallory, _) = somebody(&story).await;
        let (_, token) = invited(&story, &story.owner, &address(&story), &["manager"]).await;
        accept(&mallory, &token).await.refused("invitation.other");
        let with = json!({ "token": token, "password": PASSWORD });
        mallory.post("/v1/auth/invitations/accept", &with).await.refused("invitation.other");
        let page = mallory.get(&format!("/invitation?token={token}")).await.is(200).text();
        assert!(!page.contains("action=\"/invitation\"") && page.contains("Sign out"), "{page}");
        for made_up in ["", "nonsense", &"A".repeat(43), &"A".repeat(10_000)] {
            accept(&mallory, made_up).await.refused("invitation.over");
        }
    });
}

#[test]
fn attack_revoked_replaced_and_expired_links_open_nothing() {
    testkit::run(async |story| {
        let (ada, email) = somebody(&story).await;
        let (sent, first) = invited(&story, &story.owner, &email, &["seller"]).await;
        let id = sent["id"].as_str().unwrap().to_owned();
        story.post(&format!("/v1/team/invitations/{id}/resend"), &json!({})).await.ok();
        let second = story.letters_to(&email).await.pop().unwrap().token();
        assert_ne!(first, second);
        accept(&ada, &first).await.refused("invitation.over");
        story.later(Duration::from_secs(7 * 24 * 3600 + 1));
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        accept(&ada, &second).await.refused("invitation.over");
        let (cookie, csrf) = identity::session_for(&story.db, story.owner.account.unwrap(), Some(story.tenant)).await.unwrap();
        story.owner.keep_cookie(crate::COOKIE, &cookie);
        story.owner.keep_csrf(&csrf);
        story.post(&format!("/v1/team/invitations/{id}/resend"), &json!({})).await.ok();
        let third = story.letters_to(&email).await.pop().unwrap().token();
        story.owner.delete(&format!("/v1/team/invitations/{id}")).await.ok();
        accept(&ada, &third).await.refused("invitation.over");
        story.post(&format!("/v1/team/invitations/{id}/resend"), &json!({})).await.refused("not_found");
        ada.get("/v1/team/members").await.refused("tenant.none");
    });
}

#[test]
fn attack_another_business_can_neither_take_back_nor_send_again() {
    testkit::run(async |story| {
        let (_, neighbour) = story.neighbour().await;
        let (sent, token) = invited(&story, &story.owner, &address(&story), &["seller"]).await;
        let id = sent["id"].as_str().unwrap();
        neighbour.delete(&format!("/v1/team/invitations/{id}")).await.refused("not_found");
        neighbour.post(&format!("/v1/team/invitations/{id}/resend"), &json!({})).await.refused("not_found");
        assert_eq!(neighbour.get("/v1/team/invitations").await.ok().json()["rows"], json!([]));
        story.stranger().get(&format!("/invitation?token={token}")).await.is(200);
        // A role of another business is none.
        let role = story.post("/v1/team/roles", &json!({ "name": "Night", "permissions": ["item:read"] })).await.ok().json();
        let foreign = json!({ "email": address(&story), "name": "A", "roles": [], "ownRoles": [role["id"]] });
        neighbour.post("/v1/team/invitations", &foreign).await.refused("role.unknown");
    });
}

#[test]
fn attack_a_poisoned_host_header_changes_no_link() {
    testkit::run(async |story| {
        let email = address(&story);
        let body = json!({ "email": email, "name": "Ada", "roles": ["seller"] });
        let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
        story.owner.json_with("POST", "/v1/team/invitations", &body, &headers).await.is(200);
        let letter = story.letter(&email, "invitation").await;
        assert!(letter.links.iter().all(|link| link.starts_with("http://hearth.test/")), "{:?}", letter.links);
        assert!(!letter.html.contains("evil.example") && !letter.text.contains("evil.example"));
    });
}

#[test]
fn a_stranger_who_asks_joins_nothing_until_somebody_takes_them_in() {
    testkit::run(async |story| {
        let (ada, email) = somebody(&story).await;
        let known = ada.post("/v1/team/join", &json!({ "slug": story.slug, "name": "Ada Baker" })).await.is(202);
        let unknown = ada.post("/v1/team/join", &json!({ "slug": "no-such-bakery" })).await.is(202);
        assert_eq!(crate::said(&known), crate::said(&unknown));
        ada.post("/v1/team/join", &json!({ "slug": "hearth" })).await.is(202);
        ada.post("/v1/team/join", &json!({ "slug": "no-such-bakery" })).await.refused("too_many");
        ada.get("/v1/items").await.refused("tenant.none");
        ada.post("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant })).await.refused("not_found");
        assert_eq!(ada.get("/v1/tenants").await.ok().json()["rows"], json!([]));

        let row = story.get("/v1/team/others?state=asked").await.ok().json()["rows"][0].clone();
        assert_eq!((&row["email"], &row["name"]), (&json!(email), &json!("Ada Baker")));
        let account = row["accountId"].as_str().unwrap();
        assert!(story.get("/team").await.is(200).text().contains("Wants to join"));
        let manager = story.member(&[Role::Manager]).await;
        let base = format!("/v1/team/members/{account}");
        manager.post(&format!("{base}/approve"), &json!({ "roles": ["owner"] })).await.refused("role.beyond_own");
        story
            .member(&[Role::Seller])
            .await
            .post(&format!("{base}/approve"), &json!({ "roles": ["seller"] }))
            .await
            .refused("auth.forbidden");
        let page = manager.form(&format!("/team/{account}/approve"), &[]).await.is(422);
        assert!(page.text().contains("Choose at least one role."), "{}", page.text());
        assert_eq!(
            manager.form(&format!("/team/{account}/approve"), &[("role.seller", "true")]).await.location(),
            format!("/team/{account}")
        );
        manager.post(&format!("{base}/approve"), &json!({ "roles": ["seller"] })).await.refused("member.state");
        ada.post("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant })).await.ok();
        ada.get("/v1/items").await.ok();
    });
}

#[test]
fn one_who_is_refused_leaves_nothing_behind() {
    testkit::run(async |story| {
        let (ada, email) = somebody(&story).await;
        assert_eq!(ada.form("/join", &[("slug", &story.slug), ("name", "")]).await.location(), "/join?sent=1");
        assert!(ada.get("/join?sent=1").await.is(200).text().contains("If there is such a business"));
        let account = story.get("/v1/team/others").await.ok().json()["rows"][0]["accountId"].as_str().unwrap().to_owned();
        story.post(&format!("/v1/team/members/{account}/refuse"), &json!({})).await.ok();
        story.get(&format!("/v1/team/members/{account}")).await.refused("not_found");
        assert!(!story.get("/team").await.is(200).text().contains(&email));
        story.post(&format!("/v1/team/members/{}/refuse", story.owner.account.unwrap()), &json!({})).await.refused("member.state");
    });
}

#[test]
fn one_who_is_removed_is_out_at_once_and_may_come_back() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Manager]).await;
        ada.get("/v1/team/members").await.ok();
        let (_, token) = invited(&story, &ada, &address(&story), &["seller"]).await;
        story.owner.json("DELETE", &path(&ada), &json!({ "reason": "moved away" })).await.ok();
        ada.get("/v1/team/members").await.refused("tenant.none");
        story.stranger().get(&format!("/invitation?token={token}")).await.is(422);
        story.owner.delete(&path(&ada)).await.refused("member.state");
        let page = story.get(&format!("/team/{}", ada.account.unwrap())).await.is(200).text();
        assert!(page.contains("Removed from the team") && page.contains("moved away") && page.contains("Left"), "{page}");
        story.post(&format!("{}/roles", path(&ada)), &json!({ "roles": ["seller"], "version": 2 })).await.refused("member.state");
        story.post(&format!("{}/approve", path(&ada)), &json!({ "roles": ["seller"] })).await.ok();
        ada.get("/v1/items").await.ok();
        ada.get("/v1/team/members").await.refused("auth.forbidden");
    });
}

#[test]
fn attack_the_last_owner_is_neither_removed_nor_demoted_however_many_try_at_once() {
    testkit::run(async |story| {
        story.owner.delete(&path(&story.owner)).await.refused("member.last_owner");
        let second = story.member(&[Role::Owner]).await;
        let manager = story.member(&[Role::Manager]).await;
        manager.delete(&path(&second)).await.refused("role.beyond_own");
        let demote = json!({ "roles": ["seller"], "version": 1 });
        let (first_path, second_path) = (path(&story.owner), format!("{}/roles", path(&second)));
        let (removed, demoted, left) =
            tokio::join!(second.delete(&first_path), story.owner.post(&second_path, &demote), second.delete(&first_path));
        let done = [&removed, &demoted, &left].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "{removed:?} {demoted:?} {left:?}");
        let who = if demoted.status.is_success() { &story.owner } else { &second };
        let rows = who.get("/v1/team/members").await.ok().json()["rows"].clone();
        assert_eq!(rows.as_array().unwrap().iter().filter(|row| row["roles"] == "owner").count(), 1);
        who.delete(&path(who)).await.refused("member.last_owner");
    });
}
