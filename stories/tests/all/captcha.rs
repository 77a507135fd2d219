//! Is it a person? With a stand-in for Cloudflare's side.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Behaviour, HOST, Node, Person, Story, Turnstile, run};

use super::limits::{PASSWORD, account, address};

/// The widget's script and frame come from there.
const CLOUDFLARE: &str = "https://challenges.cloudflare.com";

fn node(story: &Story, turnstile: &Turnstile) -> Node {
    story.node(|settings| {
        settings.captcha = Some(turnstile.captcha());
        settings.limit_factor = 1000;
    })
}

async fn login(person: &Person, email: &str, password: &str, token: Option<&str>) -> Answer {
    person.post("/v1/auth/login", &json!({ "email": email, "password": password, "captchaToken": token })).await
}

async fn register(node: &Node, email: &str, token: Option<&str>) -> Answer {
    node.stranger().post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD, "captchaToken": token })).await
}

fn asks_for_proof(answer: &Answer) -> bool {
    answer.json()["captchaRequired"] == Value::Bool(true)
}

#[test]
fn who_registers_proves_to_be_a_person() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let node = node(&story, &turnstile);
        let email = address(&story);
        register(&node, &email, None).await.refused("captcha.needed");
        register(&node, &email, Some("made up")).await.refused("captcha.needed");
        // For another act, or on another site's page.
        register(&node, &email, Some(&turnstile.token(HOST, "login"))).await.refused("captcha.needed");
        register(&node, &email, Some(&turnstile.token("evil.example", "register"))).await.refused("captcha.needed");
        let token = turnstile.token(HOST, "register");
        register(&node, &email, Some(&token)).await.is(202);
        register(&node, &address(&story), Some(&token)).await.refused("captcha.needed");
        story.letter(&email, "verify").await;
    });
}

#[test]
fn the_page_shows_the_widget_and_lets_nothing_else_in() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let node = node(&story, &turnstile);
        let page = node.stranger().get("/register").await.is(200);
        let policy = page.header("content-security-policy");
        let nonce = page.text().split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        assert!(page.text().contains("data-action=\"register\"") && page.text().contains("data-sitekey=\"0x4AAAAAAAsite\""));
        assert!(policy.contains(&format!("script-src 'self' 'nonce-{nonce}' {CLOUDFLARE}; frame-src {CLOUDFLARE};")), "{policy}");
        assert!(policy.contains("object-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_ne!(node.stranger().get("/register").await.header("content-security-policy"), policy, "a nonce is used once");
        for path in ["/login", "/forgot-password", "/healthz", "/v1/openapi.json"] {
            let answer = node.stranger().get(path).await;
            assert!(!answer.header("content-security-policy").contains(CLOUDFLARE), "{path}");
            assert!(!answer.text().contains(CLOUDFLARE), "{path}");
        }
        assert!(!story.stranger().get("/register").await.text().contains("turnstile"), "where none is set up there is none");
        let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("cf-turnstile-response", "made up")];
        let refused = node.stranger().form("/register", &fields).await.is(422);
        assert!(refused.text().contains("cf-turnstile") && refused.input("email") == "ada@example.com");
        let token = turnstile.token(HOST, "register");
        let fields = [("email", fields[0].1), fields[1], ("cf-turnstile-response", &token)];
        assert_eq!(node.stranger().form("/register", &fields).await.location(), "/registered");
    });
}

#[test]
fn after_three_wrong_guesses_for_an_address_a_sign_in_needs_proof_whether_it_is_known_or_not() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (known, unknown) = (account(&story).await, address(&story));
        let mut said = Vec::new();
        for email in [&known, &unknown] {
            // Each on a node of its own: their guesses come from the same client.
            let node = node(&story, &turnstile);
            let mut all = Vec::new();
            for _ in 0..3 {
                let answer = login(&node.stranger(), email, "x", None).await.refused("login.wrong");
                all.push(asks_for_proof(&answer));
            }
            let answer = login(&node.stranger(), email, PASSWORD, None).await.refused("captcha.needed");
            all.push(asks_for_proof(&answer));
            let token = turnstile.token(HOST, "login");
            let answer = login(&node.stranger(), email, "x", Some(&token)).await.refused("login.wrong");
            all.push(asks_for_proof(&answer));
            said.push(all);
        }
        assert_eq!(said[0], [false, false, true, true, true]);
        assert_eq!(said[0], said[1]);
        let node = node(&story, &turnstile);
        for _ in 0..3 {
            let page = node.stranger().form("/login", &[("email", &known), ("password", "x")]).await;
            assert!(page.status == 401 || page.status == 429);
        }
        story.later(Duration::from_secs(301));
        let page = node.stranger().form("/login", &[("email", &known), ("password", PASSWORD)]).await;
        assert_eq!(page.text().contains("cf-turnstile"), page.header("content-security-policy").contains(CLOUDFLARE));
    });
}

#[test]
fn the_right_password_with_proof_signs_in_and_the_count_begins_anew() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        for _ in 0..3 {
            login(&node.stranger(), &email, "x", None).await.refused("login.wrong");
        }
        let page = node.stranger().form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(401);
        assert!(page.text().contains("data-action=\"login\"") && page.header("content-security-policy").contains(CLOUDFLARE));
        let token = turnstile.token(HOST, "login");
        let fields = [("email", email.as_str()), ("password", PASSWORD), ("cf-turnstile-response", &token)];
        node.stranger().form("/login", &fields).await.is(303);
        login(&node.stranger(), &email, PASSWORD, None).await.is(200);
        // After a quarter of an hour wrong guesses are forgotten.
        for _ in 0..3 {
            login(&node.stranger(), &email, "x", None).await.refused("login.wrong");
        }
        login(&node.stranger(), &email, PASSWORD, None).await.refused("captcha.needed");
        story.later(Duration::from_secs(15 * 60 + 1));
        login(&node.stranger(), &email, PASSWORD, None).await.is(200);
    });
}

#[test]
fn ten_wrong_guesses_from_a_client_whomever_they_mean() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        for n in 0..10 {
            let answer = login(&node.stranger().from("192.0.2.1"), &address(&story), "x", None).await.refused("login.wrong");
            assert_eq!(asks_for_proof(&answer), n == 9);
        }
        login(&node.stranger().from("192.0.2.1"), &email, PASSWORD, None).await.refused("captcha.needed");
        assert!(node.stranger().from("192.0.2.1").get("/login").await.text().contains("cf-turnstile"));
        login(&node.stranger().from("192.0.2.2"), &email, PASSWORD, None).await.is(200);
        let token = turnstile.token(HOST, "login");
        login(&node.stranger().from("192.0.2.1"), &email, PASSWORD, Some(&token)).await.is(200);
        assert_eq!(turnstile.asked().last().unwrap()["remoteip"], "192.0.2.1");
    });
}

#[test]
fn a_provider_that_does_not_answer_shuts_registering_and_not_signing_in() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        for _ in 0..3 {
            login(&node.stranger(), &email, "x", None).await.refused("login.wrong");
        }
        for behaviour in [Behaviour::Silent, Behaviour::Broken, Behaviour::Garbled] {
            turnstile.that(behaviour);
            let token = turnstile.token(HOST, "register");
            let refused = register(&node, &address(&story), Some(&token)).await.refused("captcha.unavailable");
            assert!(!refused.header("retry-after").is_empty());
            let form = [("email", "eva@example.com"), ("password", PASSWORD), ("cf-turnstile-response", token.as_str())];
            node.stranger().form("/register", &form).await.is(503);
        }
        let token = turnstile.token(HOST, "login");
        login(&node.stranger(), &email, PASSWORD, Some(&token)).await.is(200);
        // Still a token is needed: who sends none is not told to be a person by an outage.
        for _ in 0..3 {
            login(&node.stranger(), &email, "x", None).await.refused("login.wrong");
        }
        login(&node.stranger(), &email, PASSWORD, None).await.refused("captcha.needed");
        // A secret that Cloudflare does not know is the operator's fault, not the person's.
        let wrong = story.node(|settings| settings.captcha = Some(turnstile.captcha_with("0x4AAAAAAAother")));
        turnstile.that(Behaviour::Works);
        register(&wrong, &address(&story), Some(&turnstile.token(HOST, "register"))).await.refused("captcha.unavailable");
    });
}

#[test]
fn cloudflare_s_keys_for_trying_do_as_documented() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let with = |secret: &str| story.node(|settings| settings.captcha = Some(turnstile.captcha_with(secret)));
        let dummy = Some("XXXX.DUMMY.TOKEN.XXXX");
        register(&with("1x0000000000000000000000000000000AA"), &address(&story), dummy).await.is(202);
        register(&with("2x0000000000000000000000000000000AA"), &address(&story), dummy).await.refused("captcha.needed");
        register(&with("3x0000000000000000000000000000000AA"), &address(&story), dummy).await.refused("captcha.needed");
        let own = node(&story, &turnstile);
        register(&own, &address(&story), dummy).await.refused("captcha.needed");
    });
}

/// Signs in up to the second factor, which is set up here; the token that awaits it, and the secret of its codes.
async fn half_way(story: &Story, node: &Node, email: &str) -> (Value, String) {
    let ada = story.stranger();
    let entered = json!({ "email": email, "password": PASSWORD, "session": "cookie" });
    ada.keep_csrf(ada.post("/v1/auth/login", &entered).await.is(200).json()["csrfToken"].as_str().unwrap());
    let (secret, _) = story.second_factor(&ada).await;
    story.later(Duration::from_secs(30));
    (awaited(node, email).await, secret)
}

async fn awaited(node: &Node, email: &str) -> Value {
    login(&node.stranger(), email, PASSWORD, None).await.is(200).json()["mfaToken"].clone()
}

/// Six digits that are not the code now, nor of the steps beside it.
fn wrong(story: &Story, secret: &str) -> &'static str {
    let right: Vec<String> = (-1..=1).map(|step| story.code(secret, step)).collect();
    ["000000", "111111", "222222", "333333"].into_iter().find(|code| !right.iter().any(|one| one == code)).unwrap()
}

async fn verify(node: &Node, token: &Value, code: &str, proof: Option<&str>) -> Answer {
    node.stranger().post("/v1/auth/2fa/verify", &json!({ "mfaToken": token, "code": code, "captchaToken": proof })).await
}

#[test]
fn after_five_wrong_codes_a_second_factor_needs_proof_too() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        let (token, secret) = half_way(&story, &node, &email).await;
        for n in 0..5 {
            let answer = verify(&node, &token, wrong(&story, &secret), None).await.refused("second.wrong");
            assert_eq!(asks_for_proof(&answer), n == 4, "{n}");
        }
        // While it is shut nobody proves anything.
        let refused = verify(&node, &token, &story.code(&secret, 0), None).await.refused("second.shut");
        assert!(!asks_for_proof(&refused));
        story.later(Duration::from_secs(301));
        let token = awaited(&node, &email).await;
        assert!(asks_for_proof(&verify(&node, &token, &story.code(&secret, 0), None).await.refused("captcha.needed")));
        // Neither a token for another act, nor a recovery code, goes round it.
        let other = turnstile.token(HOST, "login");
        verify(&node, &token, &story.code(&secret, 0), Some(&other)).await.refused("captcha.needed");
        let body = json!({ "mfaToken": token, "recoveryCode": "0000-0000-0000-0000-0000-0000" });
        assert!(asks_for_proof(&node.stranger().post("/v1/auth/recovery-login", &body).await.refused("captcha.needed")));
        let proof = turnstile.token(HOST, "second");
        assert!(asks_for_proof(&verify(&node, &token, wrong(&story, &secret), Some(&proof)).await.refused("second.wrong")));
        let proof = turnstile.token(HOST, "second");
        verify(&node, &token, &story.code(&secret, 0), Some(&proof)).await.is(200);
        // The count begins anew.
        story.later(Duration::from_secs(30));
        let token = awaited(&node, &email).await;
        assert!(!asks_for_proof(&verify(&node, &token, wrong(&story, &secret), None).await.refused("second.wrong")));
        verify(&node, &token, &story.code(&secret, 0), Some(&"x".repeat(3000))).await.refused("text.too_long");
        verify(&node, &token, &story.code(&secret, 0), None).await.is(200);
    });
}

#[test]
fn by_page_the_widget_stands_beside_the_code() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        let (token, secret) = half_way(&story, &node, &email).await;
        let browser = node.stranger();
        let first = browser.form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(200);
        assert!(!first.text().contains("cf-turnstile"));
        for _ in 0..5 {
            verify(&node, &token, wrong(&story, &secret), None).await.refused("second.wrong");
        }
        story.later(Duration::from_secs(301));
        let page = browser.form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(200);
        assert!(
            page.text().contains("data-action=\"second\"") && page.header("content-security-policy").contains(CLOUDFLARE),
            "{}",
            page.text()
        );
        let mfa = page.input("mfaToken");
        let again = browser.form("/2fa/verify", &[("mfaToken", &mfa), ("code", &story.code(&secret, 0))]).await.is(401);
        assert!(again.text().contains("data-action=\"second\""));
        let proof = turnstile.token(HOST, "second");
        let code = story.code(&secret, 0);
        browser.form("/2fa/verify", &[("mfaToken", &mfa), ("code", &code), ("cf-turnstile-response", &proof)]).await.is(303);
        // Signed in, a code that switches off is guessed at like one that signs in.
        for _ in 0..5 {
            browser.form("/2fa/off", &[("csrf", &csrf(&browser).await), ("code", "no code")]).await.is(422);
        }
        story.later(Duration::from_secs(301));
        let page = browser.get("/2fa/off").await.is(200);
        assert!(page.text().contains("data-action=\"second\"") && page.header("content-security-policy").contains(CLOUDFLARE));
    });
}

/// The token that a page's forms carry.
async fn csrf(browser: &Person) -> String {
    browser.get("/2fa/off").await.is(200).input("csrf")
}

#[test]
fn a_provider_that_does_not_answer_leaves_second_factors_to_the_lockout() {
    run(async |story| {
        let turnstile = Turnstile::start().await;
        let (node, email) = (node(&story, &turnstile), account(&story).await);
        let (token, secret) = half_way(&story, &node, &email).await;
        for _ in 0..5 {
            verify(&node, &token, wrong(&story, &secret), None).await.refused("second.wrong");
        }
        story.later(Duration::from_secs(301));
        let token = awaited(&node, &email).await;
        for behaviour in [Behaviour::Broken, Behaviour::Garbled] {
            turnstile.that(behaviour);
            verify(&node, &token, wrong(&story, &secret), Some("anything")).await.refused("second.wrong");
        }
        verify(&node, &token, &story.code(&secret, 0), None).await.refused("captcha.needed");
        verify(&node, &token, &story.code(&secret, 0), Some("anything")).await.is(200);
        // Where none is set up nothing of it is asked.
        assert!(!story.stranger().get("/login").await.text().contains("turnstile"));
    });
}
