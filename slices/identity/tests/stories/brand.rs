//! How a business looks on its letters and on its sign-in page.

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use testkit::{Answer, Person, Story, run};

use crate::{PASSWORD, address, registered, sign_in};

const LOOK: &str = "/v1/settings/branding";

/// A PNG of one colour.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_pixel(width, height, image::Rgba([10, 100, 255, 200]));
    image::DynamicImage::ImageRgba8(picture).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn send_logo(person: &Person, file: &[u8]) -> Answer {
    person.upload("/v1/settings/branding/logo", &[], &[("logo", "logo.png", file)]).await
}

/// Gives the story's business a colour, a logo and an address that answers go to.
async fn dressed(story: &Story) -> Value {
    send_logo(&story.owner, &png(1280, 320)).await.ok();
    let body = json!({ "colour": "#0A64FF", "replyTo": "Hello@hill.example", "version": 1 });
    story.post(LOOK, &body).await.ok().json()
}

/// A page without what differs from request to request.
fn lasting(page: &Answer, slug: &str) -> String {
    let text = page.text().replace(slug, "SLUG");
    text.split("name=\"intent\" value=\"").enumerate().map(|(n, part)| if n == 0 { part } else { &part[36..] }).collect()
}

#[test]
fn a_look_is_saved_and_refused_where_nothing_can_be_read_on_it() {
    run(async |story| {
        let plain = json!({ "colour": null, "replyTo": null, "signInPage": false, "signInPath": format!("/login/{}", story.slug), "logo": null, "version": 0 });
        assert_eq!(story.get(LOOK).await.ok().json(), plain);
        for (colour, code) in [("red", "colour.format"), ("#12345", "colour.format"), ("#777777", "colour.contrast")] {
            story.post(LOOK, &json!({ "colour": colour, "version": 0 })).await.refused(code);
        }
        story.post(LOOK, &json!({ "replyTo": "nobody", "version": 0 })).await.refused("email.format");
        story.post(LOOK, &json!({ "version": 1 })).await.refused("stale");
        let saved = dressed(&story).await;
        assert_eq!((&saved["colour"], &saved["signInPage"], &saved["version"]), (&json!("#0a64ff"), &json!(true), &json!(2)));
        story.member(&[Role::Manager]).await.get(LOOK).await.refused("auth.forbidden");
        // By page what was typed stays.
        let page = story.get("/settings/branding").await.is(200);
        let refused = story.form("/settings/branding", &[("version", &page.input("version")), ("colour", "#777777")]).await.is(422);
        assert_eq!(refused.input("colour"), "#777777");
        let fields = [("version", "2"), ("colour", "#8a3b12"), ("replyTo", "hello@hill.example"), ("signInPage", "true")];
        assert_eq!(story.form("/settings/branding", &fields).await.location(), "/settings/branding?done=1");
        // The trail has it; the address, which may be a person's, as a digest.
        let mut system = story.db.system("story.log").await.unwrap();
        let logged: Vec<(Value, Value)> = sqlx::query_as(
            "SELECT before, after FROM db.log_inbox WHERE tenant_id = $1 AND action = 'brand.saved' UNION ALL
                SELECT before, after FROM db.log WHERE tenant_id = $1 AND action = 'brand.saved'",
        )
        .bind(story.tenant.uuid())
        .fetch_all(system.conn())
        .await
        .unwrap();
        assert_eq!(logged.len(), 3);
        assert!(logged.iter().any(|(was, is)| was["colour"] == "#0a64ff" && is["colour"] == "#8a3b12"), "{logged:?}");
        assert!(!format!("{logged:?}").contains("hill.example"), "{logged:?}");
    });
}

#[test]
fn a_logo_is_decoded_encoded_anew_and_shown_to_everybody() {
    run(async |story| {
        for (wrong, code) in [
            (&b""[..], "text.needed"),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "logo.kind"),
            (b"GIF89a\x01\x00\x01\x00", "logo.kind"),
            (&png(64, 64)[..40], "logo.kind"),
            (&vec![0; 1024 * 1024 + 1], "logo.large"),
        ] {
            send_logo(&story.owner, wrong).await.refused(code);
        }
        let refused = story.owner.upload("/settings/branding/logo", &[], &[("logo", "logo.svg", b"<svg/>")]).await.is(422);
        assert!(refused.text().contains("Send a logo as JPEG, PNG or WebP."), "{}", refused.text());

        let hidden = [png(1280, 320), b"<script>alert(1)</script>".to_vec()].concat();
        let path = send_logo(&story.owner, &hidden).await.ok().json()["logo"].as_str().unwrap().to_owned();
        let shown = story.stranger().get(&path).await.is(200);
        assert_eq!(
            (shown.header("content-type").as_str(), shown.header("cache-control").as_str()),
            ("image/png", "public, max-age=31536000, immutable")
        );
        assert!(!shown.body.windows(7).any(|bytes| bytes == b"<script"));
        let kept = image::load_from_memory(&shown.body).unwrap();
        assert_eq!((kept.width(), kept.height()), (640, 160));
        // Another picture has another address; what is gone is gone.
        let other = send_logo(&story.owner, &png(40, 40)).await.ok().json()["logo"].as_str().unwrap().to_owned();
        assert_ne!(other, path);
        story.stranger().get(&path).await.is(404);
        story.owner.delete("/v1/settings/branding/logo").await.ok();
        story.stranger().get(&other).await.is(404);
        story.owner.delete("/v1/settings/branding/logo").await.refused("not_found");
        for path in [format!("/brand/{}/logo-.png", story.slug), format!("/brand/{}/x", story.slug), "/brand/nobody/logo-00.png".into()] {
            story.stranger().get(&path).await.is(404);
        }
        story
            .member(&[Role::Manager])
            .await
            .upload("/v1/settings/branding/logo", &[], &[("logo", "l", &png(4, 4))])
            .await
            .refused("auth.forbidden");
    });
}

#[test]
fn an_invitation_carries_the_business_s_name_logo_colour_and_address() {
    run(async |story| {
        let email = address(&story);
        let invite = async |email: &str| {
            story.post("/v1/team/invitations", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.ok();
            story.letter(email, "invitation").await
        };
        let plain = invite(&email).await;
        assert_eq!((plain.from.as_deref(), plain.reply_to), (Some("Hill Bakery"), None));
        let logo = dressed(&story).await["logo"].as_str().unwrap().to_owned();
        let letter = invite(&address(&story)).await;
        assert_eq!((letter.from.as_deref(), letter.reply_to.as_deref()), (Some("Hill Bakery"), Some("hello@hill.example")));
        assert!(
            letter.html.contains(&format!("src=\"http://hearth.test{logo}\"")) && letter.html.contains("background:#0a64ff"),
            "{}",
            letter.html
        );
    });
}

#[test]
fn a_business_has_a_sign_in_page_of_its_own_in_its_look() {
    run(async |story| {
        let path = format!("/login/{}", story.slug);
        let logo = dressed(&story).await["logo"].as_str().unwrap().to_owned();
        let page = story.stranger().get(&path).await.is(200);
        let text = page.text();
        assert!(text.contains("Hill Bakery") && text.contains(&format!("src=\"{logo}\" alt=\"\" width=\"160\" height=\"40\"")), "{text}");
        assert!(!text.contains("style=") && !text.contains("<style"), "{text}");
        let style = text.split("rel=\"stylesheet\" href=\"").nth(2).unwrap().split('"').next().unwrap().to_owned();
        let style = story.stranger().get(&style).await.is(200);
        assert!(style.text().contains("background:#0a64ff;color:#ffffff"), "{}", style.text());
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        story.stranger().get(&format!("/brand/{}/colour-ffffff.css", story.slug)).await.is(404);
        // A wrong password keeps the look; so do the pages that it leads to.
        let email = address(&story);
        let fields = [("business", story.slug.as_str()), ("email", &email), ("password", "x")];
        let again = story.stranger().form("/login", &fields).await.is(401);
        assert!(again.text().contains("Hill Bakery") && again.input("business") == story.slug);
        for path in ["/register", "/forgot-password", "/resend-verification", "/registered"] {
            let page = story.stranger().get(&format!("{path}?business={}", story.slug)).await.is(200);
            assert!(page.text().contains("Hill Bakery") && page.text().contains(&format!("href=\"/login/{}\"", story.slug)), "{path}");
        }
        // Switched off it is gone, and the logo stays for letters.
        story.post(LOOK, &json!({ "colour": "#0a64ff", "signInPage": false, "version": 2 })).await.ok();
        assert!(!story.stranger().get(&path).await.is(200).text().contains("Hill Bakery"));
        story.stranger().get(&logo).await.is(200);
    });
}

#[test]
fn attack_a_short_name_that_nobody_has_looks_like_one_that_shows_nothing() {
    run(async |story| {
        let missing = format!("{}-x", story.slug);
        let (known, unknown) = (story.stranger(), story.stranger());
        let (a, b) = (known.get(&format!("/login/{}", story.slug)).await, unknown.get(&format!("/login/{missing}")).await);
        assert_eq!((a.status, lasting(&a, &story.slug)), (b.status, lasting(&b, &missing)));
        let email = address(&story);
        let post =
            async |person: &Person, slug: &str| person.form("/login", &[("business", slug), ("email", &email), ("password", "x")]).await;
        let (a, b) = (post(&known, &story.slug).await, post(&unknown, &missing).await);
        assert_eq!((a.status, lasting(&a, &story.slug)), (b.status, lasting(&b, &missing)));
        // What can be no short name is the plain page.
        for odd in ["%00", "A", "a'--", "x%2F..", &"a".repeat(200)] {
            let page = story.stranger().get(&format!("/login/{odd}")).await;
            assert!([200, 404, 422].contains(&page.status.as_u16()), "{odd} {}", page.status);
        }
    });
}

/// Makes an account a member of the story's business, by its invitation.
async fn join(story: &Story, person: &Person, email: &str) {
    story.post("/v1/team/invitations", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.ok();
    let token = story.letter(email, "invitation").await.token();
    sign_in(person, email, PASSWORD).await.is(200);
    person.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
}

#[test]
fn who_signs_in_on_a_business_s_page_works_for_it_if_they_may() {
    run(async |story| {
        let (ada, email) = (story.stranger(), registered(&story).await);
        // Ada has a business of her own, which she used last.
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let own = format!("{}-ada", story.slug);
        let new = json!({ "name": "Ada's", "slug": own, "currency": "GBP", "timeZone": "Europe/London" });
        let opened = ada.post("/v1/tenants", &new).await.ok().json();
        ada.keep_csrf(opened["csrfToken"].as_str().unwrap());
        join(&story, &ada, &email).await;
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let active = async |person: &Person| person.get("/v1/auth/me").await.ok().json()["tenant"].clone();
        let own_id = opened["tenant"].clone();
        for (slug, wanted) in [(story.slug.as_str(), json!(story.tenant)), (&own, own_id.clone()), ("nobody-here", own_id.clone())] {
            let browser = story.stranger();
            let fields = [("business", slug), ("email", &email), ("password", PASSWORD)];
            assert_eq!(browser.form("/login", &fields).await.location(), "/");
            assert_eq!(active(&browser).await, wanted, "{slug}");
        }
        // Through the second factor, too; by call as by page.
        let (secret, _) = story.second_factor(&ada).await;
        story.later(std::time::Duration::from_secs(30));
        let login = json!({ "email": email, "password": PASSWORD, "business": story.slug });
        let awaited = story.stranger().post("/v1/auth/login", &login).await.is(200).json();
        let verified = json!({ "mfaToken": awaited["mfaToken"], "code": story.code(&secret, 0) });
        assert_eq!(story.stranger().post("/v1/auth/2fa/verify", &verified).await.ok().json()["tenant"], json!(story.tenant));
        // A neighbour's page makes nobody a member.
        let (neighbour, other) = story.neighbour().await;
        let slug = other.get("/v1/settings").await.ok().json()["slug"].as_str().unwrap().to_owned();
        let login = json!({ "email": email, "password": PASSWORD, "business": slug, "session": "cookie" });
        assert_ne!(story.stranger().post("/v1/auth/login", &login).await.is(200).json()["tenant"], json!(neighbour));
    });
}

#[test]
fn what_is_registered_on_a_business_s_page_comes_back_to_it() {
    run(async |story| {
        dressed(&story).await;
        let (email, browser) = (address(&story), story.stranger());
        let fields = [("business", story.slug.as_str()), ("email", &email), ("password", PASSWORD)];
        assert_eq!(browser.form("/register", &fields).await.location(), format!("/registered?business={}", story.slug));
        let letter = story.letter(&email, "verify").await;
        assert_eq!((letter.from.as_deref(), letter.reply_to), (Some("Hill Bakery"), None), "answers to it would be about the account");
        let link = letter.links[0].strip_prefix("http://hearth.test").unwrap();
        let page = browser.get(link).await.is(200);
        assert!(page.text().contains("Hill Bakery"));
        let confirmed = browser.form("/verify-email", &[("token", &page.input("token")), ("business", &page.input("business"))]).await;
        assert_eq!(confirmed.location(), format!("/login/{}?done=verified", story.slug));
    });
}

#[test]
fn attack_a_stranger_s_page_lends_its_name_to_no_letter_about_somebody_else_s_account() {
    run(async |story| {
        dressed(&story).await;
        let email = registered(&story).await;
        let forgot = json!({ "email": email, "business": story.slug });
        story.stranger().post("/v1/auth/forgot-password", &forgot).await.is(202);
        let letter = story.letter(&email, "reset").await;
        assert!(letter.from.is_none() && !letter.html.contains("Hill Bakery"), "{}", letter.html);
        // A member's letter has the look, and leads back to the page.
        let (ada, email) = (story.stranger(), registered(&story).await);
        join(&story, &ada, &email).await;
        let asked = story.stranger().form("/forgot-password", &[("email", &email), ("business", &story.slug)]).await;
        assert!(asked.location().ends_with(&format!("&business={}", story.slug)), "{}", asked.location());
        let letter = story.letter(&email, "reset").await;
        assert_eq!(letter.from.as_deref(), Some("Hill Bakery"));
        assert!(letter.links[0].ends_with(&format!("&business={}", story.slug)), "{:?}", letter.links);
        let chosen = story
            .stranger()
            .form("/reset-password", &[("token", &letter.token()), ("newPassword", PASSWORD), ("business", &story.slug)])
            .await;
        assert_eq!(chosen.location(), format!("/login/{}?done=password", story.slug));
    });
}

#[test]
fn letters_about_an_account_carry_the_look_of_the_only_business_that_it_works_for() {
    run(async |story| {
        let logo = dressed(&story).await["logo"].as_str().unwrap().to_owned();
        let (ada, email) = (story.stranger(), registered(&story).await);
        // Who works nowhere is written to by the installation.
        let nobody = registered(&story).await;
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": nobody })).await.is(202);
        assert_eq!(story.letter(&nobody, "reset").await.from, None);
        join(&story, &ada, &email).await;
        let ours = |letter: testkit::Letter| {
            let shown = letter.html.contains(&format!("src=\"http://hearth.test{logo}\"")) && letter.html.contains("background:#0a64ff");
            assert!(letter.from.as_deref() == Some("Hill Bakery") && shown, "{}: {}", letter.kind, letter.html);
            assert_eq!(letter.reply_to, None, "answers to it would be about the account");
        };
        // Asked for from the installation's own page; a code.
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        ours(story.letter(&email, "reset").await);
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        ours(story.letter(&email, "again").await);
        // Of two businesses neither speaks.
        let (_, neighbour) = story.neighbour().await;
        neighbour.post("/v1/team/invitations", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.ok();
        let token = story.letter(&email, "invitation").await.token();
        ada.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
        story.second_factor(&ada).await;
        assert_eq!(story.letter(&email, "second-factor-on").await.from, None);
    });
}

#[test]
fn what_is_said_of_support_is_said_in_the_business_s_look() {
    run(async |story| {
        dressed(&story).await;
        let support = story.operator(&[PlatformRole::Support]).await;
        story.owner.json("DELETE", &format!("/v1/team/members/{}", support.account.unwrap()), &json!({})).await.ok();
        story.post("/v1/settings/support", &json!({ "hours": 1, "reason": "look at Friday", "acting": false })).await.ok();
        let begun = support.post(&format!("/v1/admin/tenants/{}/assist", story.tenant), &json!({ "reason": "ticket 7" })).await;
        begun.ok();
        story.owner.delete("/v1/settings/support").await.ok();
        for kind in ["support-look", "support-begun", "support-shut-out"] {
            let letter = story.letter(&story.owner.email, kind).await;
            assert_eq!((letter.from.as_deref(), letter.reply_to.as_deref()), (Some("Hill Bakery"), Some("hello@hill.example")), "{kind}");
            assert!(letter.html.contains("background:#0a64ff") && letter.html.contains("/logo-"), "{kind}: {}", letter.html);
        }
    });
}
