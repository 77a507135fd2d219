//! Signing in through an identity provider that answers badly: each wrong answer is refused, and signs nobody in. (The
//! certified provider signs people in in the browser stories.)

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::PlatformRole;
use serde_json::{Value, json};
use testkit::{Answer, Node, Peer, Person, Story, run};
use url::Url;

use crate::{COOKIE, address, registered, second, sign_in};

/// A program that knows one bad provider.
struct World {
    peer: Peer,
    node: Node,
}

impl World {
    fn new(story: &Story) -> Self {
        let peer = Peer::evil();
        let provider = peer.provider();
        let node = story.node(|settings| {
            settings.limit_factor = 1_000_000;
            settings.providers = vec![provider];
        });
        Self { peer, node }
    }

    /// The claims of a right answer, for a sign-in whose nonce is this.
    fn claims(&self, story: &Story, email: &str, nonce: &str) -> Value {
        let now = story.clock.now().micros() / 1_000_000;
        json!({ "iss": self.peer.issuer, "aud": "hearth", "sub": format!("sub of {email}"), "iat": now, "exp": now + 300, "nonce": nonce,
            "email": email, "email_verified": true })
    }
}

/// What the provider is asked for when somebody begins to sign in.
struct Begun {
    state: String,
    nonce: String,
}

async fn begin(person: &Person) -> Begun {
    let answer = person.get("/v1/auth/oidc/peer/start?next=/account/security").await.is(303);
    let url: Url = answer.location().parse().unwrap();
    let asked = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default();
    assert!(answer.location().starts_with("http://127.0.0.1:") && url.path() == "/authorize", "{url}");
    assert_eq!(
        (asked("response_type").as_str(), asked("code_challenge_method").as_str(), asked("scope").as_str()),
        ("code", "S256", "openid email")
    );
    assert_eq!((asked("redirect_uri").as_str(), asked("code_challenge").len()), ("http://hearth.test/v1/auth/oidc/peer/callback", 43));
    Begun { state: asked("state"), nonce: asked("nonce") }
}

/// How the provider makes its token, as the code that the browser brings back.
fn code(made: &Value) -> String {
    URL_SAFE_NO_PAD.encode(made.to_string())
}

async fn come_back(person: &Person, state: &str, code: &str, issuer: &str) -> Answer {
    let query = serde_urlencoded::to_string([("state", state), ("code", code), ("iss", issuer)]).unwrap();
    person.get(&format!("/v1/auth/oidc/peer/callback?{query}")).await
}

/// One whole sign-in with an answer that `spoil` spoiled: what came of it, and the person.
async fn answered(story: &Story, world: &World, email: &str, spoil: impl FnOnce(&mut Value)) -> (Answer, Person) {
    let person = world.node.stranger();
    let begun = begin(&person).await;
    let mut made = json!({ "by": "RS256", "claims": world.claims(story, email, &begun.nonce) });
    spoil(&mut made);
    (come_back(&person, &begun.state, &code(&made), &world.peer.issuer).await, person)
}

/// Refused with a page, and nobody is signed in: no cookie, no session, no account.
async fn nobody(story: &Story, (answer, person): (Answer, Person), email: &str) {
    assert_eq!((answer.status.as_u16(), person.cookie(COOKIE)), (401, None), "{}", answer.text());
    let mut system = story.db.system("story.nobody").await.unwrap();
    let sessions: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.session s JOIN identity.account a ON a.id = s.account_id WHERE a.email = $1 AND s.provider IS NOT NULL")
        .bind(email)
        .fetch_one(system.conn())
        .await
        .unwrap();
    assert_eq!(sessions, 0);
}

fn attack(spoil: impl Fn(&mut Value, &World, &Story) + 'static) {
    run(async move |story| {
        let (world, email) = (World::new(&story), address(&story));
        let told = answered(&story, &world, &email, |made| spoil(made, &world, &story)).await;
        nobody(&story, told, &email).await;
        // The same answer, not spoiled, is taken: so it was the spoiling.
        let (right, person) = answered(&story, &world, &email, |_| ()).await;
        assert_eq!((right.status.as_u16(), person.cookie(COOKIE).is_some()), (303, true), "{}", right.text());
    });
}

#[test]
fn a_confirmed_address_makes_an_account_and_comes_back_to_it() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        let (first, person) = answered(&story, &world, &email, |_| ()).await;
        // Without a business there is one to be opened first.
        assert_eq!((first.status.as_u16(), first.location().as_str()), (303, "/open"));
        let me = person.get("/v1/auth/me").await.ok().json();
        assert_eq!((me["email"].as_str(), me["tenants"].as_array().map(Vec::len)), (Some(email.as_str()), Some(0)));
        // The subject is who it is, whatever address the provider says later; by another key, too.
        let (_, again) = answered(&story, &world, &email, |made| {
            *made = json!({ "by": "ES256", "claims": made["claims"] });
            made["claims"]["email"] = json!("other@example.com");
            made["claims"]["email_verified"] = json!(false);
        })
        .await;
        assert_eq!(again.get("/v1/auth/me").await.ok().json()["account"], me["account"]);
    });
}

#[test]
fn an_account_that_confirmed_its_address_is_found_by_it_and_told() {
    run(async |story| {
        let (world, email) = (World::new(&story), registered(&story).await);
        let (_, person) = answered(&story, &world, &email, |_| ()).await;
        person.get("/v1/auth/me").await.ok();
        let letter = story.letter(&email, "identity-linked").await;
        assert!(letter.text.contains(&world.peer.issuer), "{}", letter.text);
        // Somebody else there with the same address is not let in.
        let other = answered(&story, &world, &email, |made| made["claims"]["sub"] = json!("somebody else")).await;
        assert_eq!((other.0.status.as_u16(), other.1.cookie(COOKIE)), (401, None));
        // And the password goes on as before.
        sign_in(&story.stranger(), &email, crate::PASSWORD).await.ok();
    });
}

#[test]
fn the_address_may_come_from_userinfo_but_not_of_another_subject() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        let bare = |made: &mut Value| {
            let claims = made["claims"].as_object_mut().unwrap();
            claims.remove("email");
            claims.remove("email_verified");
        };
        let tell = async |said: Value| {
            reqwest::Client::new().post(format!("{}/userinfo", world.peer.issuer)).body(said.to_string()).send().await.unwrap();
        };
        tell(json!({ "sub": "somebody else", "email": email, "email_verified": true })).await;
        nobody(&story, answered(&story, &world, &email, bare).await, &email).await;
        tell(json!({ "sub": format!("sub of {email}"), "email": email, "email_verified": "true" })).await;
        let (_, person) = answered(&story, &world, &email, bare).await;
        assert_eq!(person.get("/v1/auth/me").await.ok().json()["email"], json!(email));
    });
}

#[test]
fn the_accounts_own_second_factor_is_asked_for_unless_the_provider_took_two() {
    run(async |story| {
        let (world, email) = (World::new(&story), registered(&story).await);
        let ada = story.stranger();
        sign_in(&ada, &email, crate::PASSWORD).await.ok();
        let (secret, _) = second::set_up(&story, &ada).await;
        let (page, person) = answered(&story, &world, &email, |_| ()).await;
        assert_eq!((page.status.as_u16(), person.cookie(COOKIE)), (200, None));
        story.later(std::time::Duration::from_secs(60));
        let token = page.input("mfaToken");
        person
            .form("/2fa/verify", &[("mfaToken", &token), ("code", &second::code(&secret, &story, 0)), ("next", "/account/security")])
            .await
            .is(303);
        person.get("/v1/auth/me").await.ok();
        // Signing out knows the provider still.
        let out = person.get("/account/security").await.ok();
        person.keep_csrf(&out.input("csrf"));
        let out = person.form("/logout", &[]).await.ok();
        assert!(
            out.header("refresh").starts_with(&format!("0; url={}/end?id_token_hint=", world.peer.issuer)),
            "{}",
            out.header("refresh")
        );
        assert_eq!(person.cookie(COOKIE), None);
        let (_, strong) = answered(&story, &world, &email, |made| made["claims"]["amr"] = json!(["pwd", "mfa"])).await;
        strong.get("/v1/auth/me").await.ok();
    });
}

#[test]
fn signing_out_by_the_api_names_where_the_providers_session_ends() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        let (_, person) = answered(&story, &world, &email, |_| ()).await;
        person.keep_csrf(person.get("/v1/auth/me").await.ok().json()["csrfToken"].as_str().unwrap());
        let out = person.post("/v1/auth/logout", &json!({})).await.ok().json();
        let url: Url = out["endSessionUrl"].as_str().unwrap().parse().unwrap();
        let named = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default();
        assert_eq!((named("client_id").as_str(), named("post_logout_redirect_uri").as_str()), ("hearth", "http://hearth.test/login"));
        assert_eq!(named("id_token_hint").split('.').count(), 3);
        person.get("/v1/auth/me").await.is(401);
    });
}

#[test]
fn a_locked_account_and_a_provider_that_says_no_sign_nobody_in() {
    run(async |story| {
        let (world, email) = (World::new(&story), registered(&story).await);
        let (_, person) = answered(&story, &world, &email, |_| ()).await;
        let account = testkit::text(&person.get("/v1/auth/me").await.ok().json()["account"]);
        let operator = story.operator(&[PlatformRole::Admin]).await;
        operator.post(&format!("/v1/admin/users/{account}/lock"), &json!({ "reason": "asked to" })).await.ok();
        let (answer, person) = answered(&story, &world, &email, |_| ()).await;
        assert_eq!((answer.status.as_u16(), person.cookie(COOKIE)), (401, None));
        let stranger = world.node.stranger();
        let begun = begin(&stranger).await;
        let query = serde_urlencoded::to_string([("state", begun.state.as_str()), ("error", "access_denied"), ("iss", &world.peer.issuer)])
            .unwrap();
        stranger.get(&format!("/v1/auth/oidc/peer/callback?{query}")).await.is(401);
        stranger.get("/v1/auth/oidc/nobody/start").await.is(404);
    });
}

#[test]
fn attack_wrong_nonce() {
    attack(|made, _, _| made["claims"]["nonce"] = json!("of another sign-in"));
}

#[test]
fn attack_no_nonce() {
    attack(|made, _, _| {
        made["claims"].as_object_mut().unwrap().remove("nonce");
    });
}

#[test]
fn attack_wrong_issuer() {
    attack(|made, _, _| made["claims"]["iss"] = json!("https://evil.example"));
}

#[test]
fn attack_wrong_audience() {
    attack(|made, _, _| made["claims"]["aud"] = json!("another program"));
}

#[test]
fn attack_audience_among_several_made_for_another() {
    attack(|made, _, _| {
        made["claims"]["aud"] = json!(["hearth", "another program"]);
        made["claims"]["azp"] = json!("another program");
    });
}

#[test]
fn attack_alg_none() {
    attack(|made, _, _| made["alg"] = json!("none"));
}

#[test]
fn attack_hs256_with_the_public_key() {
    attack(|made, _, _| made["alg"] = json!("HS256"));
}

#[test]
fn attack_algorithm_of_another_key() {
    attack(|made, _, _| {
        made["alg"] = json!("RS256");
        made["by"] = json!("ES256");
    });
}

#[test]
fn attack_eddsa_that_was_not_announced() {
    attack(|made, _, _| made["by"] = json!("EdDSA"));
}

#[test]
fn attack_short_rsa_key() {
    attack(|made, _, _| {
        made["by"] = json!("small");
        made["alg"] = json!("RS256");
    });
}

#[test]
fn attack_key_that_seals_and_does_not_sign() {
    attack(|made, _, _| *made = json!({ "by": "ES256", "head": { "kid": "seals" }, "claims": made["claims"] }));
}

#[test]
fn attack_key_brought_along() {
    attack(|made, _, _| made["head"] = json!({ "kid": "unknown", "jwk": { "kty": "oct", "k": "AAAA" }, "jku": "http://127.0.0.1:1/jwks" }));
}

#[test]
fn attack_extension_that_is_not_understood() {
    attack(|made, _, _| made["head"] = json!({ "crit": ["exp"], "exp": 1 }));
}

#[test]
fn attack_expired_token() {
    attack(|made, _, story| made["claims"]["exp"] = json!(story.clock.now().micros() / 1_000_000 - 121));
}

#[test]
fn attack_token_of_the_future() {
    attack(|made, _, story| made["claims"]["iat"] = json!(story.clock.now().micros() / 1_000_000 + 150));
}

#[test]
fn attack_unconfirmed_address_of_an_account() {
    run(async |story| {
        let (world, email) = (World::new(&story), registered(&story).await);
        let told = answered(&story, &world, &email, |made| made["claims"]["email_verified"] = json!(false)).await;
        nobody(&story, told, &email).await;
        let silent = answered(&story, &world, &email, |made| {
            made["claims"].as_object_mut().unwrap().remove("email_verified");
        })
        .await;
        nobody(&story, silent, &email).await;
    });
}

#[test]
fn attack_account_made_beforehand_by_another() {
    run(async |story| {
        // Somebody was added by their address and never confirmed it: whoever made the account may know its password.
        let (world, email) = (World::new(&story), address(&story));
        identity::account_for(&story.db, &email).await.unwrap();
        nobody(&story, answered(&story, &world, &email, |_| ()).await, &email).await;
    });
}

#[test]
fn attack_mix_up() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        for issuer in [Some("https://evil.example"), None] {
            let person = world.node.stranger();
            let begun = begin(&person).await;
            let code = code(&json!({ "claims": world.claims(&story, &email, &begun.nonce) }));
            let answer = match issuer {
                Some(issuer) => come_back(&person, &begun.state, &code, issuer).await,
                None => person.get(&format!("/v1/auth/oidc/peer/callback?state={}&code={code}", begun.state)).await,
            };
            nobody(&story, (answer, person), &email).await;
        }
        // The code was not even changed into a token.
        let asked: Value =
            serde_json::from_str(&reqwest::get(format!("{}/asked", world.peer.issuer)).await.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(asked["token"], 0);
    });
}

#[test]
fn attack_replayed_state_and_code() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        let person = world.node.stranger();
        let begun = begin(&person).await;
        let used = code(&json!({ "claims": world.claims(&story, &email, &begun.nonce) }));
        come_back(&person, &begun.state, &used, &world.peer.issuer).await.is(303);
        // The whole answer again, in the same browser.
        come_back(&person, &begun.state, &used, &world.peer.issuer).await.is(401);
        // Its code in another sign-in: the provider says no, and were it not to, the nonce would be another.
        let thief = world.node.stranger();
        let other = begin(&thief).await;
        let answer = come_back(&thief, &other.state, &used, &world.peer.issuer).await;
        assert_eq!((answer.status.as_u16(), thief.cookie(COOKIE)), (401, None));
    });
}

#[test]
fn attack_state_of_another_browser() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        // The thief begins, and has the victim's browser finish: the victim would work in the thief's account.
        let (thief, victim) = (world.node.stranger(), world.node.stranger());
        let begun = begin(&thief).await;
        let used = code(&json!({ "claims": world.claims(&story, &email, &begun.nonce) }));
        for browser in [&victim, &world.node.stranger()] {
            let answer = come_back(browser, &begun.state, &used, &world.peer.issuer).await;
            assert_eq!((answer.status.as_u16(), browser.cookie(COOKIE)), (401, None));
            begin(&victim).await;
        }
        // Too late is too late, in the right browser too.
        story.later(std::time::Duration::from_secs(601));
        come_back(&thief, &begun.state, &used, &world.peer.issuer).await.is(401);
        assert_eq!(thief.cookie(COOKIE), None);
    });
}

#[test]
fn attack_signed_in_by_another_sites_link() {
    run(async |story| {
        let world = World::new(&story);
        let person = world.node.stranger();
        let link = [("sec-fetch-site", "cross-site")];
        let answer = person.json_with("GET", "/v1/auth/oidc/peer/start", &Value::Null, &link).await.is(303);
        assert_eq!((answer.location(), person.cookie("__Host-hearth-oidc")), ("/login".to_owned(), None));
        begin(&person).await;
    });
}

#[test]
fn attack_open_redirect_after_the_provider() {
    run(async |story| {
        let (world, email) = (World::new(&story), address(&story));
        let person = world.node.stranger();
        let url: Url = person.get("/v1/auth/oidc/peer/start?next=https://evil.example/").await.is(303).location().parse().unwrap();
        let asked = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
        let code = code(&json!({ "claims": world.claims(&story, &email, &asked("nonce")) }));
        let answer = come_back(&person, &asked("state"), &code, &world.peer.issuer).await.is(303);
        assert!(answer.location().starts_with('/'), "{}", answer.location());
    });
}
