//! Access tokens of another identity provider: a good one is taken, and everything that looks like one is not.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Node, Peer, Story, run};

use crate::{address, bearing, registered};

struct World {
    peer: Peer,
    node: Node,
}

impl World {
    fn new(story: &Story, algorithms: &[&str]) -> Self {
        let peer = Peer::evil();
        let external = peer.external(algorithms);
        let node = story.node(|settings| {
            settings.limit_factor = 1_000_000;
            settings.external = Some(external);
        });
        Self { peer, node }
    }

    /// What a right token says.
    fn claims(&self, story: &Story, email: &str) -> Value {
        let now = story.clock.now().micros() / 1_000_000;
        json!({ "iss": self.peer.issuer, "aud": ["https://bakery.example", "others"], "sub": format!("sub of {email}"), "iat": now, "exp": now + 300,
            "email": email, "email_verified": true })
    }

    async fn tell(&self, path: &str, said: &Value) -> Value {
        let answer = reqwest::Client::new().post(format!("{}{path}", self.peer.issuer)).body(said.to_string()).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    async fn token(&self, made: Value) -> String {
        testkit::text(&self.tell("/mint", &made).await["token"])
    }

    async fn jwks_asked(&self) -> Value {
        let answer = reqwest::get(format!("{}/asked", self.peer.issuer)).await.unwrap();
        serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap()["jwks"].clone()
    }

    async fn me(&self, token: &str) -> Answer {
        bearing(&self.node.stranger(), token, "GET", "/v1/auth/me", &json!({})).await
    }
}

#[test]
fn a_good_token_of_each_algorithm_signs_in() {
    run(async |story| {
        let (world, email) = (World::new(&story, &["RS256", "ES256", "EdDSA"]), registered(&story).await);
        for by in ["RS256", "ES256", "EdDSA"] {
            let token = world.token(json!({ "by": by, "claims": world.claims(&story, &email) })).await;
            let me = world.me(&token).await.ok().json();
            assert_eq!((me["email"].as_str(), me["csrfToken"].is_null()), (Some(email.as_str()), true), "{by}");
        }
        // One question for the keys, however many tokens.
        assert_eq!(world.jwks_asked().await, 1);
        assert_eq!(story.letters_to(&email).await.iter().filter(|letter| letter.kind == "identity-linked").count(), 1);
        // Hearth's own tokens go on.
        let own = crate::tokens(&story, &email).await;
        world.me(own["accessToken"].as_str().unwrap()).await.ok();
    });
}

#[test]
fn attack_the_tokens_of_rfc_7515_and_rfc_7519_sign_nobody_in() {
    run(async |story| {
        let tokens: Value = serde_json::from_str(include_str!("../data/jwt_rfc7515_a1_rfc7519_6_1.json")).unwrap();
        // Before the one that ends would have ended, and where their issuer is the one that is believed.
        story.clock.set("2011-03-22T18:00:00Z".parse().unwrap());
        let believing = story.node(|settings| {
            let algorithms = ["RS256", "ES256", "EdDSA"].map(str::to_owned).to_vec();
            let (issuer, audience, jwks_url) =
                ("joe".to_owned(), "https://bakery.example".to_owned(), "http://127.0.0.1:1/keys".to_owned());
            settings.external = Some(web::ExternalTokens { issuer, audience, jwks_url, algorithms });
        });
        for node in [&believing, &story.node(|_| {})] {
            for token in tokens.as_array().unwrap() {
                let token = token["token"].as_str().unwrap();
                bearing(&node.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
            }
        }
    });
}

#[test]
fn permissions_are_those_of_the_business_that_is_named_or_the_only_one() {
    run(async |story| {
        let world = World::new(&story, &["ES256"]);
        let email = story.owner.email.clone();
        // The owner of a story never confirmed an address; here they did.
        let mut system = story.db.system("story.confirm").await.unwrap();
        sqlx::query("UPDATE identity.account SET verified_at = created_at WHERE email = $1")
            .bind(&email)
            .execute(system.conn())
            .await
            .unwrap();
        system.commit().await.unwrap();
        let token = world.token(json!({ "by": "ES256", "claims": world.claims(&story, &email) })).await;
        let bearer = format!("Bearer {token}");
        let person = world.node.stranger();
        let items = async |tenant: Option<&str>| {
            let named = tenant.map(|tenant| ("x-hearth-tenant", tenant));
            let headers: Vec<(&str, &str)> = [("authorization", bearer.as_str())].into_iter().chain(named).collect();
            person.json_with("GET", "/v1/items", &json!({}), &headers).await
        };
        items(None).await.ok();
        items(Some(&story.slug)).await.ok();
        items(Some(&story.tenant.to_string())).await.ok();
        let (neighbour, _) = story.neighbour().await;
        for strange in [neighbour.to_string().as_str(), "nowhere"] {
            items(Some(strange)).await.is(404);
        }
        // What changes the business's data works, too: no cookie, so no token against forgery.
        let added = person.json_with("POST", "/v1/suppliers", &json!({ "name": "Mill" }), &[("authorization", &bearer)]).await;
        added.ok();
        bearing(&person, &token, "GET", "/v1/auth/sessions", &json!({})).await.ok();
    });
}

#[test]
fn a_confirmed_address_makes_an_account_and_an_unconfirmed_one_does_not() {
    run(async |story| {
        let world = World::new(&story, &["ES256"]);
        let (new, other) = (address(&story), address(&story));
        let made = world.token(json!({ "by": "ES256", "claims": world.claims(&story, &new) })).await;
        assert_eq!(world.me(&made).await.ok().json()["email"], json!(new));
        let mut claims = world.claims(&story, &other);
        claims["email_verified"] = json!(false);
        let refused = world.token(json!({ "by": "ES256", "claims": claims })).await;
        world.me(&refused).await.refused("oidc.unverified");
    });
}

#[test]
fn keys_rotate_and_are_asked_for_once_a_minute_at_most() {
    run(async |story| {
        let (world, email) = (World::new(&story, &["RS256"]), registered(&story).await);
        let claims = world.claims(&story, &email);
        world.me(&world.token(json!({ "claims": claims })).await).await.ok();
        world.tell("/rotate", &json!({})).await;
        let new = world.token(json!({ "claims": claims })).await;
        // Unknown keys do not make the program ask again and again.
        for _ in 0..5 {
            world.me(&new).await.refused("token.wrong");
        }
        assert_eq!(world.jwks_asked().await, 1);
        story.later(Duration::from_secs(61));
        world.me(&new).await.ok();
        assert_eq!(world.jwks_asked().await, 2);
    });
}

#[test]
fn kept_keys_outlive_an_hour_without_their_server() {
    run(async |story| {
        let (world, email) = (World::new(&story, &["RS256"]), registered(&story).await);
        world.me(&world.token(json!({ "claims": world.claims(&story, &email) })).await).await.ok();
        world.tell("/down", &json!({})).await;
        story.later(Duration::from_secs(50 * 60));
        world.me(&world.token(json!({ "claims": world.claims(&story, &email) })).await).await.ok();
        story.later(Duration::from_secs(11 * 60));
        world.me(&world.token(json!({ "claims": world.claims(&story, &email) })).await).await.is(503);
        // A program that never had them can't tell who somebody is, and says so; it does not let them in.
        let other = World::new(&story, &["RS256"]);
        other.tell("/down", &json!({})).await;
        other.me(&other.token(json!({ "claims": other.claims(&story, &email) })).await).await.is(503);
    });
}

#[test]
fn attack_every_confusion_of_a_token() {
    run(async |story| {
        let (world, email) = (World::new(&story, &["ES256"]), registered(&story).await);
        let now = story.clock.now().micros() / 1_000_000;
        let right = world.claims(&story, &email);
        let with = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            json!({ "by": "ES256", "claims": claims })
        };
        let without = |name: &str| {
            let mut claims = right.clone();
            claims.as_object_mut().unwrap().remove(name);
            json!({ "by": "ES256", "claims": claims })
        };
        let spoiled = [
            ("an algorithm that is not configured", json!({ "by": "RS256", "claims": right })),
            ("no algorithm", json!({ "by": "ES256", "alg": "none", "claims": right })),
            ("HS256 by the public key", json!({ "by": "ES256", "alg": "HS256", "claims": right })),
            ("another kind of key", json!({ "by": "RS256", "alg": "ES256", "claims": right })),
            ("a key that seals", json!({ "by": "ES256", "head": { "kid": "seals" }, "claims": right })),
            ("an unknown key", json!({ "by": "ES256", "head": { "kid": "../../dev/null" }, "claims": right })),
            ("an extension", json!({ "by": "ES256", "head": { "crit": ["exp"] }, "claims": right })),
            ("another audience", with("aud", json!("others"))),
            ("no audience", without("aud")),
            ("another issuer", with("iss", json!("https://evil.example"))),
            ("expired", with("exp", json!(now - 121))),
            ("no end", without("exp")),
            ("not yet", with("nbf", json!(now + 150))),
            ("of the future", with("iat", json!(now + 150))),
            ("nobody", with("sub", json!(""))),
            ("no subject", without("sub")),
        ];
        for (what, made) in spoiled {
            let token = world.token(made).await;
            let answer = world.me(&token).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "token.wrong"), "{what}");
        }
        let good = world.token(json!({ "by": "ES256", "claims": right })).await;
        let (head, rest) = good.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let other = world.token(with("sub", json!("somebody else"))).await;
        let stolen = other.split('.').nth(1).unwrap();
        for bent in
            [format!("{head}.{stolen}.{signature}"), format!("{head}.{body}."), format!("{head}.{body}"), format!("{good}.{signature}")]
        {
            world.me(&bent).await.is(401);
        }
        world.me(&good).await.ok();
        // It ends when it says, though it was seen before.
        story.later(Duration::from_secs(421));
        world.me(&good).await.refused("token.wrong");
    });
}

#[test]
fn without_the_settings_such_a_token_is_nothing() {
    run(async |story| {
        let (world, email) = (World::new(&story, &["ES256"]), registered(&story).await);
        let token = world.token(json!({ "by": "ES256", "claims": world.claims(&story, &email) })).await;
        bearing(&story.stranger(), &token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
    });
}
