//! Registered devices: a key that a story holds in its hand, PINs, and everything that others try with them. A real browser's key is
//! in the browser stories.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Role;
use serde_json::{Value, json};
use testkit::{Answer, Person, Story, run, text};
use vault::SigningKey;

use crate::COOKIE;

pub(crate) const PIN: &str = "7294";
pub(crate) const WRONG: &str = "8361";

/// A device with its key, and the browser that runs on it.
pub(crate) struct Device {
    pub id: String,
    key: SigningKey,
    pub browser: Person,
}

fn sign(key: &SigningKey, said: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).unwrap())
}

fn jwk(key: &SigningKey) -> Value {
    let (x, y) = key.public().coordinates();
    json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
}

fn registration(code: &str, key: &SigningKey) -> Value {
    json!({ "code": code, "publicKey": jwk(key), "signature": sign(key, &format!("hearth device register {code}")) })
}

/// A code made by the owner.
async fn code(story: &Story, owner: &Person) -> Value {
    let sites = owner.get("/v1/sites").await.ok().json();
    let site = &sites["rows"][0]["id"];
    assert!(!story.slug.is_empty());
    owner.post("/v1/devices", &json!({ "name": "Front till", "kind": "till", "siteId": site })).await.ok().json()
}

pub(crate) async fn registered_by(story: &Story, owner: &Person) -> Device {
    let (added, key, browser) = (code(story, owner).await, SigningKey::generate().unwrap(), story.stranger());
    let code = text(&added["code"]);
    let registered = browser.post("/v1/devices/register", &registration(&code, &key)).await.ok().json();
    assert_eq!((&registered["deviceId"], &registered["name"]), (&added["id"], &json!("Front till")));
    Device { id: text(&added["id"]), key, browser }
}

pub(crate) async fn registered(story: &Story) -> Device {
    registered_by(story, &story.owner).await
}

impl Device {
    async fn challenge(&self) -> String {
        text(&self.browser.post("/v1/auth/device/challenge", &json!({ "deviceId": self.id })).await.ok().json()["challenge"])
    }

    /// What it shows for a purpose.
    pub async fn shown(&self, purpose: &str) -> Value {
        let challenge = self.challenge().await;
        let signature = sign(&self.key, &format!("hearth device {purpose} {} {challenge}", self.id));
        json!({ "deviceId": self.id, "challenge": challenge, "signature": signature })
    }

    pub async fn login_body(&self, who: &Person, pin: &str) -> Value {
        let mut body = self.shown("login").await;
        body["accountId"] = json!(who.account.unwrap());
        body["pin"] = json!(pin);
        body
    }

    pub async fn login(&self, who: &Person, pin: &str) -> Answer {
        let body = self.login_body(who, pin).await;
        keeping(&self.browser, self.browser.post("/v1/auth/device/login", &body).await)
    }

    async fn prove(&self) -> Answer {
        let body = self.shown("prove").await;
        self.browser.post("/v1/auth/device/prove", &body).await
    }

    /// A page that shows by itself what changed.
    async fn unasked(&self) -> Answer {
        self.browser.json_with("GET", "/v1/auth/me", &json!({}), &[("hx-request", "live")]).await
    }
}

/// Keeps the token against forgery.
fn keeping(browser: &Person, answer: Answer) -> Answer {
    if answer.status == 200 {
        browser.keep_csrf(answer.json()["csrfToken"].as_str().unwrap());
    }
    answer
}

/// A seller who has a PIN.
pub(crate) async fn seller(story: &Story) -> Person {
    let seller = story.member(&[Role::Seller]).await;
    seller.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
    seller
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

async fn logged(story: &Story, action: &str) -> i64 {
    let mut system = story.db.system("story.log").await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM db.trail WHERE tenant_id = $1 AND action = $2")
        .bind(story.tenant.uuid())
        .bind(action)
        .fetch_one(system.conn())
        .await
        .unwrap()
}

#[test]
fn a_till_is_registered_and_a_seller_signs_in_on_it_by_pin() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        let people = till.browser.post("/v1/auth/device/people", &till.shown("people").await).await.ok().json();
        assert_eq!((&people["device"], &people["rows"][0]["accountId"]), (&json!("Front till"), &json!(ada.account.unwrap())));
        assert_eq!(people["rows"].as_array().unwrap().len(), 1, "the owner has no PIN");
        till.login(&ada, PIN).await.ok();
        let me = till.browser.get("/v1/auth/me").await.ok().json();
        assert_eq!((&me["account"], &me["tenant"]), (&json!(ada.account.unwrap()), &json!(story.tenant)));
        let permissions: Vec<String> = serde_json::from_value(me["permissions"].clone()).unwrap();
        assert!(permissions.contains(&"order:sell".to_owned()) && !permissions.contains(&"own-account".to_owned()), "{permissions:?}");
        // The owner sees who is on it.
        let row = story.get("/v1/devices?state=registered").await.ok().json()["rows"][0].clone();
        assert_eq!((&row["state"], &row["person"], &row["name"]), (&json!("registered"), &json!("Ada"), &json!("Front till")));
        assert!(!row["seenAt"].is_null());
        // And Ada sees the till among her sessions.
        let sessions = ada.get("/v1/auth/sessions").await.ok().json();
        assert!(
            sessions["rows"].as_array().unwrap().iter().any(|one| one["kind"] == "device" && one["device"] == "Front till"),
            "{sessions}"
        );
        till.browser.form("/logout", &[]).await.location();
        till.browser.get("/v1/auth/me").await.is(401);
        assert!(story.get("/v1/devices").await.ok().json()["rows"][0]["person"].is_null());
        for action in ["device.added", "device.registered", "device.entered", "pin.set"] {
            assert_eq!(logged(&story, action).await, 1, "{action}");
        }
    });
}

#[test]
fn what_a_till_sells_carries_the_till() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        let sale = json!({ "lines": [{ "itemId": coffee, "quantity": "1" }], "payments": [{ "method": "cash" }] });
        let sold = till.browser.post("/v1/sales", &sale).await.ok().json();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let device: Option<uuid::Uuid> = sqlx::query_scalar("SELECT device_id FROM sales.orders WHERE tenant_id = $1 AND id = $2")
            .bind(story.tenant.uuid())
            .bind(text(&sold["id"]).parse::<uuid::Uuid>().unwrap())
            .fetch_one(tx.conn())
            .await
            .unwrap();
        assert_eq!(device.map(|id| id.to_string()), Some(till.id));
    });
}

#[test]
fn nothing_is_done_on_a_device_that_outlasts_the_shift() {
    run(async |story| {
        let till = registered(&story).await;
        story.owner.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
        till.login(&story.owner, PIN).await.ok();
        let (there, member) = (&till.browser, story.owner.account.unwrap());
        there.get("/v1/team/members").await.ok();
        there.get("/").await.is(200);
        for (method, path) in [
            ("POST", "/v1/team/invitations"),
            ("POST", "/v1/settings"),
            ("POST", "/v1/api-keys"),
            ("POST", "/v1/devices"),
            ("GET", "/v1/devices"),
            ("POST", "/v1/auth/pin"),
            ("DELETE", "/v1/auth/pin"),
            ("POST", "/v1/auth/change-password"),
            ("POST", "/v1/auth/change-email"),
            ("POST", "/v1/auth/2fa/enable-init"),
            ("POST", "/v1/auth/passkeys/register/begin"),
            ("DELETE", "/v1/auth/sessions"),
            ("POST", "/v1/auth/switch-tenant"),
            ("POST", "/v1/tenants"),
            ("POST", "/v1/auth/reauth/verify"),
            ("POST", "/v1/auth/reauth/send"),
        ] {
            there.json(method, path, &json!({})).await.refused("auth.forbidden");
        }
        there.get("/account/security").await.is(403);
        there.get("/reauth").await.is(403);
        let profile = there.get(&format!("/v1/team/members/{member}/profile")).await.ok().json();
        assert!(profile.get("pay").is_none_or(Value::is_null), "{profile}");
        // The pages of the account are not offered either.
        let page = there.get("/").await.text();
        assert!(!page.contains("/account/security") && !page.contains("/businesses") && page.contains("data-pause=\"900\""), "{page}");
    });
}

#[test]
fn a_pause_locks_the_device_and_the_pin_brings_the_work_back() {
    run(async |story| {
        let (till, ada, bea) = (registered(&story).await, seller(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        // Used every ten minutes, for hours, on whatever network: the key is shown again, and nothing is asked.
        for n in 0..12 {
            story.later(minutes(10));
            let roaming = Device {
                id: till.id.clone(),
                key: SigningKey::from_pkcs8(till.key.pkcs8()).unwrap(),
                browser: till.browser.from(&format!("198.51.{n}.7")),
            };
            roaming.prove().await.ok();
            roaming.browser.get("/v1/auth/me").await.ok();
        }
        // Nobody's hands: what the page does by itself keeps nothing open.
        for _ in 0..3 {
            story.later(minutes(5));
            till.prove().await.ok();
            till.unasked().await;
        }
        story.later(minutes(1));
        assert_eq!(till.prove().await.ok().json()["locked"], true);
        till.browser.get("/v1/auth/me").await.refused("auth.again");
        assert_eq!(till.browser.get("/orders?sort=-placed").await.location(), "/device?next=%2Forders%3Fsort%3D-placed");
        // It stays locked, whatever is asked for.
        till.browser.get("/v1/auth/me").await.refused("auth.again");
        till.browser.get("/reauth").await.location();
        let before = till.browser.cookie(COOKIE);
        let mut body = till.login_body(&ada, PIN).await;
        body["next"] = json!("/orders");
        let fields: Vec<(&str, String)> =
            ["deviceId", "challenge", "signature", "accountId", "pin", "next"].iter().map(|name| (*name, text(&body[*name]))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(till.browser.form("/device/login", &fields).await.location(), "/orders");
        assert_ne!(till.browser.cookie(COOKIE), before, "a new token at every sign-in");
        till.browser.get("/v1/auth/me").await.ok();
        // By hand, too.
        let csrf = till.browser.get("/orders").await.is(200).input("csrf");
        till.browser.keep_csrf(&csrf);
        till.browser.post("/v1/auth/device/lock", &json!({})).await.is(204);
        till.browser.get("/v1/auth/me").await.refused("auth.again");
        // Who comes next comes to a place of their own.
        let body = till.login_body(&bea, PIN).await;
        let mut fields: Vec<(&str, String)> =
            ["deviceId", "challenge", "signature", "accountId", "pin"].iter().map(|name| (*name, text(&body[*name]))).collect();
        fields.push(("next", "/orders".into()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(till.browser.form("/device/login", &fields).await.location(), "/");
    });
}

#[test]
fn the_owner_sets_how_long_a_device_waits() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        let row = story.get("/v1/devices").await.ok().json()["rows"][0].clone();
        let change = |minutes: i32, version: &Value| json!({ "name": "Back till", "siteId": row["siteId"], "pauseMinutes": minutes, "version": version });
        let path = format!("/v1/devices/{}", till.id);
        story.post(&path, &change(4, &row["version"])).await.refused("device.pause");
        story.post(&path, &change(61, &row["version"])).await.refused("device.pause");
        story.post(&path, &change(60, &row["version"])).await.ok();
        story.post(&path, &change(30, &row["version"])).await.refused("stale");
        till.login(&ada, PIN).await.ok();
        for _ in 0..5 {
            story.later(minutes(11));
            till.prove().await.ok();
        }
        till.browser.get("/v1/auth/me").await.ok();
        story.later(minutes(61));
        till.prove().await.ok();
        till.browser.get("/v1/auth/me").await.refused("auth.again");
    });
}

#[test]
fn a_device_that_slept_shows_its_key_and_goes_on() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        let row = story.get("/v1/devices").await.ok().json()["rows"][0].clone();
        let change = json!({ "name": "Till", "siteId": row["siteId"], "pauseMinutes": 60, "version": row["version"] });
        story.post(&format!("/v1/devices/{}", till.id), &change).await.ok();
        till.login(&ada, PIN).await.ok();
        story.later(minutes(16));
        till.browser.get("/v1/auth/me").await.refused("auth.again");
        assert_eq!(till.prove().await.ok().json()["locked"], false);
        till.browser.get("/v1/auth/me").await.ok();
        // Half a day without its key, and the session is over.
        story.later(minutes(12 * 60 + 1));
        till.browser.get("/v1/auth/me").await.refused("auth.required");
        till.prove().await.refused("auth.required");
    });
}

/// Waits until a browser is signed out; every question is a new look.
pub(crate) async fn signed_out(browser: &Person) {
    while browser.get("/v1/auth/me").await.status != 401 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn attack_a_revoked_device_is_shut_out_within_a_second_on_every_node() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        let elsewhere = story.node(|_| ()).stranger();
        elsewhere.keep_cookie(COOKIE, &till.browser.cookie(COOKIE).unwrap());
        elsewhere.get("/v1/auth/me").await.ok();
        till.browser.get("/v1/auth/me").await.ok();
        let shown = (till.shown("login").await, till.shown("people").await);
        story.owner.delete(&format!("/v1/devices/{}", till.id)).await.ok();
        let both = async {
            signed_out(&till.browser).await;
            signed_out(&elsewhere).await;
        };
        tokio::time::timeout(Duration::from_millis(1200), both).await.expect("refused within a second");
        // What it had in its hand is worth nothing.
        let mut login = shown.0;
        login["accountId"] = json!(ada.account.unwrap());
        login["pin"] = json!(PIN);
        story.stranger().post("/v1/auth/device/login", &login).await.refused("device.unknown");
        story.stranger().post("/v1/auth/device/people", &shown.1).await.refused("device.unknown");
        story.stranger().post("/v1/auth/device/challenge", &json!({ "deviceId": till.id })).await.refused("device.unknown");
        story.owner.delete(&format!("/v1/devices/{}", till.id)).await.refused("device.state");
        assert_eq!(logged(&story, "device.revoked").await, 1);
    });
}

#[test]
fn attack_a_code_registers_one_device_once_in_time_and_with_its_own_proof() {
    run(async |story| {
        let (mine, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let register = async |body: &Value| story.stranger().post("/v1/devices/register", body).await;
        let first = text(&code(&story, &story.owner).await["code"]);
        // A key that does not sign, a signature of another key, over another code, a point off the curve.
        let mut lies = vec![registration(&first, &mine); 5];
        lies[0]["publicKey"] = jwk(&other);
        lies[1]["signature"] = json!(sign(&mine, "hearth device register another"));
        lies[2]["signature"] = json!("");
        lies[3]["publicKey"]["y"] = jwk(&other)["y"].clone();
        lies[4]["publicKey"]["crv"] = json!("P-384");
        for lie in &lies {
            register(lie).await.refused("device.key");
        }
        let right = registration(&first, &mine);
        let all = futures::future::join_all((0..6).map(|_| register(&right))).await;
        assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1, "{all:?}");
        register(&right).await.refused("device.code");
        // Typed without hyphens and in capitals it is the same code.
        let typed = text(&code(&story, &story.owner).await["code"]).replace('-', "").to_uppercase();
        register(&registration(&typed, &other)).await.ok();
        let late = text(&code(&story, &story.owner).await["code"]);
        story.later(minutes(16));
        register(&registration(&late, &mine)).await.refused("device.code");
        assert!(story.stranger().get(&format!("/device/register?code={late}")).await.is(422).text().contains("older than 15 minutes"));
        // Only who may change the settings makes codes.
        let manager = story.member(&[Role::Manager]).await;
        manager.post("/v1/devices", &json!({ "name": "Till", "kind": "till", "siteId": story.site })).await.refused("auth.forbidden");
    });
}

#[test]
fn attack_challenges_are_used_once_in_time_for_one_purpose_and_by_their_own_key() {
    run(async |story| {
        let (till, tablet, ada) = (registered(&story).await, registered(&story).await, seller(&story).await);
        let login = async |body: &Value| story.stranger().post("/v1/auth/device/login", body).await;
        let body = till.login_body(&ada, PIN).await;
        login(&body).await.ok();
        login(&body).await.refused("device.over");
        let late = till.login_body(&ada, PIN).await;
        story.later(Duration::from_secs(121));
        login(&late).await.refused("device.over");
        // Signed for another purpose, by another key, for another device; altered.
        let mut other_purpose = till.login_body(&ada, PIN).await;
        other_purpose["signature"] =
            json!(sign(&till.key, &format!("hearth device people {} {}", till.id, text(&other_purpose["challenge"]))));
        let mut other_key = till.login_body(&ada, PIN).await;
        other_key["signature"] = json!(sign(&tablet.key, &format!("hearth device login {} {}", till.id, text(&other_key["challenge"]))));
        for lie in [other_purpose, other_key] {
            login(&lie).await.refused("device.unknown");
            login(&lie).await.refused("device.over");
        }
        let mut moved = till.login_body(&ada, PIN).await;
        moved["deviceId"] = json!(tablet.id);
        moved["signature"] = json!(sign(&tablet.key, &format!("hearth device login {} {}", tablet.id, text(&moved["challenge"]))));
        login(&moved).await.refused("device.over");
        let mut cut = till.login_body(&ada, PIN).await;
        cut["signature"] = json!(text(&cut["signature"])[..80]);
        login(&cut).await.refused("device.unknown");
        // Of several at once one is looked at.
        let body = till.login_body(&ada, PIN).await;
        let browsers: Vec<Person> = (0..6).map(|_| story.stranger()).collect();
        let answers = futures::future::join_all(browsers.iter().map(|browser| browser.post("/v1/auth/device/login", &body))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    });
}

#[test]
fn attack_a_cookie_carried_to_another_browser_dies_when_the_key_is_shown_again() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        let thief = story.stranger();
        thief.keep_cookie(COOKIE, &till.browser.cookie(COOKIE).unwrap());
        thief.keep_csrf(&till.browser.csrf());
        thief.get("/v1/auth/me").await.ok();
        // The thief has no key: neither another device's proof nor a made-up one goes on.
        let tablet = registered(&story).await;
        thief.post("/v1/auth/device/prove", &tablet.shown("prove").await).await.refused("auth.required");
        let mut forged = till.shown("prove").await;
        forged["signature"] = json!(sign(&tablet.key, "hearth device prove"));
        thief.post("/v1/auth/device/prove", &forged).await.refused("device.unknown");
        story.later(minutes(10));
        till.prove().await.ok();
        // What the till itself had sent a moment before still counts; then the old cookie is none.
        thief.get("/v1/auth/me").await.ok();
        story.later(Duration::from_secs(31));
        tokio::time::timeout(Duration::from_millis(1200), signed_out(&thief)).await.expect("the old cookie is dead");
        till.browser.get("/v1/auth/me").await.ok();
        // And where the till never shows its key again, the thief has a quarter of an hour at most.
        thief.keep_cookie(COOKIE, &till.browser.cookie(COOKIE).unwrap());
        for _ in 0..3 {
            story.later(minutes(5));
            thief.get("/v1/auth/me").await;
        }
        thief.get("/v1/auth/me").await.refused("auth.again");
    });
}

#[test]
fn signing_out_on_a_device_keeps_its_key() {
    run(async |story| {
        let (till, ada) = (registered(&story).await, seller(&story).await);
        till.login(&ada, PIN).await.ok();
        let answer = till.browser.form("/logout", &[]).await;
        assert_eq!((answer.location(), answer.header("clear-site-data")), ("/device".into(), String::new()));
        // Pages lead to the PIN from now on, and a stranger's to the password.
        assert_eq!(till.browser.get("/orders").await.location(), "/device?next=%2Forders");
        assert_eq!(story.stranger().get("/orders").await.location(), "/login?next=%2Forders");
        assert_eq!(ada.form("/logout", &[]).await.header("clear-site-data"), "\"storage\"");
    });
}

#[test]
fn the_pages_of_a_device_lead_from_the_code_to_the_pin() {
    run(async |story| {
        let added = story
            .form(
                "/settings/devices/add",
                &[("name", "Oven tablet"), ("kind", "tablet"), ("siteId", &story.site.to_string()), ("pauseMinutes", "5")],
            )
            .await;
        let page = added.is(200).text();
        let code = page.split("id=\"code\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
        let opened = story.stranger().get(&format!("/device/register?code={code}")).await.is(200).text();
        assert!(opened.contains("Hill Bakery") && opened.contains(&format!("data-code=\"{code}\"")), "{opened}");
        let (key, browser) = (SigningKey::generate().unwrap(), story.stranger());
        let id = text(&browser.post("/v1/devices/register", &registration(&code, &key)).await.ok().json()["deviceId"]);
        let (tablet, ada) = (Device { id, key, browser }, seller(&story).await);
        assert!(tablet.browser.get("/device").await.is(200).text().contains("data-device=\"begin\""));
        let mut carried = tablet.shown("people").await;
        let form = async |path: &str, values: &Value| {
            let fields: Vec<(String, String)> =
                values.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            tablet.browser.form(path, &fields).await
        };
        let who = form("/device/people", &carried).await.is(200);
        assert!(who.text().contains(">Ada<"), "{}", who.text());
        // The page brings what the device signs next.
        let next = |answer: &Answer, purpose: &str| {
            let challenge = answer.input("challenge");
            let signature = sign(&tablet.key, &format!("hearth device {purpose} {} {challenge}", tablet.id));
            json!({ "deviceId": tablet.id, "challenge": challenge, "signature": signature, "accountId": ada.account.unwrap(), "next": "/orders" })
        };
        let asked = form("/device/pin", &next(&who, "people")).await.is(200);
        let mut body = next(&asked, "login");
        body["pin"] = json!(WRONG);
        body["name"] = json!("Ada");
        let again = form("/device/login", &body).await.is(401);
        assert!(again.text().contains("The PIN is wrong.") && !again.text().contains(WRONG), "{}", again.text());
        let mut body = next(&again, "login");
        body["pin"] = json!(PIN);
        assert_eq!(form("/device/login", &body).await.location(), "/orders");
        // A page that was used before begins anew.
        tablet.browser.keep_csrf(&tablet.browser.get("/device").await.is(200).input("csrf"));
        carried["next"] = json!("");
        form("/device/people", &carried).await.is(401);
        let list = story.get("/settings/devices").await.is(200).text();
        assert!(list.contains("Oven tablet") && list.contains("Ada") && list.contains("Registered"), "{list}");
        let path = format!("/settings/devices/{}", tablet.id);
        let version = story.get(&path).await.is(200).input("version");
        let fields = [("name", "Oven"), ("siteId", &story.site.to_string()), ("pauseMinutes", "20"), ("version", &version)];
        assert_eq!(story.form(&path, &fields).await.location(), "/settings/devices");
        assert_eq!(story.form(&format!("{path}/revoke"), &[]).await.location(), "/settings/devices");
        assert!(story.get("/settings/devices").await.text().contains("Taken away"));
    });
}
