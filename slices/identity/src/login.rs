//! Signing in by address and password, and out.

use axum::http::header;
use db::{Activity, System, activity};
use kernel::{AccountId, At, Change, Error, PLATFORM, Result, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    account::{Secret, keep, usual_business},
    business::given,
    captcha,
    client::Client,
    data,
    guess::{self, Counted},
    known_device,
    letter::{self, Origin, Wish},
    limits, oidc,
    password::{Password, Verdict, hasher},
    refresh::{self, TokenPair},
    reset, second,
    secret::{Digested, digest},
    session::{self, Begun, Kind, Proof},
    token,
};

/// What a sign-in is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// A program: access and refresh tokens.
    #[default]
    Tokens,
    /// A browser: a cookie and a CSRF token.
    Cookie,
}

/// Signs in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// `tokens` (for programs, if not given) or `cookie` (for browsers).
    #[serde(default)]
    pub session: Wanted,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
    /// The short name of the business to work for; the usual one if not given, or where one is no member of it.
    #[serde(default)]
    pub business: Option<String>,
}

/// What signing in, opening a business and changing to another answer beside the new cookie.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The active business, if there is one.
    #[schema(value_type = Option<Uuid>)]
    pub tenant: Option<TenantId>,
    /// Goes into the header `X-CSRF-Token` of every call that changes something.
    pub csrf_token: String,
}

/// The first factor was right; the second one is awaited.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondAwaited {
    /// True.
    pub mfa_required: bool,
    /// Goes with the code; 5 minutes.
    pub mfa_token: String,
    /// `totp`, `recovery`.
    pub methods: Vec<&'static str>,
}

/// What a sign-in came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Outcome {
    /// A program is signed in.
    Tokens(TokenPair),
    /// A browser is signed in.
    Browser(SignedIn),
    /// The second factor is awaited.
    Second(SecondAwaited),
}

/// What signing out answers where an identity provider has a session of its own.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedOut {
    /// Where the browser goes to end that one too.
    pub end_session_url: String,
}

/// A sign-in that is done, with the cookies that go with it.
pub(crate) struct Entered {
    pub outcome: Outcome,
    pub cookies: Vec<String>,
}

impl Entered {
    /// As JSON.
    pub fn reply(&self) -> Result<Reply> {
        Ok(self.with_cookies(Reply::json(&self.outcome)?))
    }

    /// Any answer, with the cookies.
    pub fn with_cookies(&self, reply: Reply) -> Reply {
        self.cookies.iter().fold(reply, |reply, cookie| reply.header(header::SET_COOKIE, cookie.clone()))
    }
}

impl SignedIn {
    pub(crate) fn reply(&self, begun: &Begun) -> Result<Reply> {
        Ok(Reply::json(self)?.header(header::SET_COOKIE, begun.set_cookie()))
    }
}

/// Where wrong guesses at an address's password are counted: all of them together, or those of a device known to the account.
pub(crate) fn keys(email: &str, device: Option<&Digested>) -> (Digested, Digested) {
    let device = device.map(|hash| hash.as_slice()).unwrap_or_default();
    (digest("password", &[email.as_bytes()]), digest("password of a device", &[email.as_bytes(), device]))
}

/// Everywhere that wrong guesses at an account's password are counted: those of strangers, of each known device, and of who is signed
/// in.
pub(crate) async fn guesses(system: &mut System, account: AccountId) -> Result<Vec<Digested>> {
    let row = sqlx::query!(
        r#"SELECT a.email, ARRAY(SELECT d.token_hash FROM identity.known_device d WHERE d.account_id = a.id) AS "devices!"
        FROM identity.account a WHERE a.id = $1"#,
        account.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    let of_devices = row.devices.iter().filter_map(|hash| Some(keys(&row.email, Some(&hash.as_slice().try_into().ok()?)).1));
    Ok(of_devices.chain([keys(&row.email, None).0, reset::own_guess_key(account)]).collect())
}

fn hex_of(digest: &Digested) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is known of an address before its password is checked.
struct Found {
    account: Option<AccountId>,
    hash: Option<String>,
    locked_at: Option<At>,
    second: bool,
    counted: Counted,
    /// Where this guess was counted.
    key: Digested,
    /// Where those of strangers are.
    strangers: Digested,
}

/// Counts the guess and looks the address up. A known and an unknown address cost the same statements.
async fn find(cx: &Cx, email: &str) -> Result<Found> {
    let device = known_device::of(&cx.headers).map(|token| token.hash());
    let keys = keys(email, device.as_ref());
    let mut system = cx.app.db().system("identity.sign_in").await?;
    let row = sqlx::query!(
        r#"SELECT a.id AS "id?", a.password_hash, a.locked_at, coalesce(a.totp_since IS NOT NULL, false) AS "second!",
            EXISTS (SELECT 1 FROM identity.known_device d WHERE d.account_id = a.id AND d.token_hash = $2) AS "device!"
        FROM (SELECT 1) one LEFT JOIN identity.account a ON a.email = $1"#,
        email,
        device.as_ref().map(|d| d.as_slice())
    )
    .fetch_one(system.conn())
    .await?;
    // Without a device this was counted before anything else was done.
    if let Some(device) = &device {
        let whose = if row.device { format!("{email} {}", hex_of(device)) } else { email.to_owned() };
        cx.limit(&limits::SIGN_IN_TO, whose).await?;
    }
    let (strangers, key) = (keys.0, if row.device { keys.1 } else { keys.0 });
    let counted = guess::count(&mut system, &key).await?;
    system.commit().await?;
    let account = row.id.map(AccountId::new);
    Ok(Found { account, hash: row.password_hash, locked_at: row.locked_at, second: row.second, counted, key, strangers })
}

/// Checks address and password; begins a session (the one that the browser had ends), or asks for the second factor. After
/// wrong guesses it asks for a proof that a person does it.
pub(crate) async fn login(cx: &Cx, login: &Login) -> Result<Entered> {
    // What is no address is guessed at like an unknown one.
    let (email, business) = (limits::typed(&login.email), given(login.business.as_ref())?);
    captcha::before_login(cx, &email, login.captcha_token.as_deref()).await?;
    let result = check(cx, login, business, &email).await;
    match &result {
        Ok(_) => captcha::guessed_right(cx, &email).await,
        Err(error) if error.code() == "login.wrong" => captcha::guessed_wrong(cx, &email).await,
        Err(_) => {}
    }
    result
}

async fn check(cx: &Cx, login: &Login, business: Option<&str>, email: &str) -> Result<Entered> {
    let (db, now) = (cx.app.db(), cx.app.db().source().now());
    let found = find(cx, email).await?;
    found.counted.refused(now, "login.shut")?;
    // No connection is held while hashing.
    let password = Password::new(&login.password.0);
    let verdict = hasher().verify(password.clone(), found.hash.as_deref()).await?;
    let account = match (found.account, verdict) {
        (Some(account), Verdict::Right | Verdict::Outdated) => account,
        _ => return Err(refuse(cx, email, &found).await?),
    };
    if found.locked_at.is_some() {
        return Err(Error::rule("account.locked"));
    }
    if verdict == Verdict::Outdated {
        keep(db, account, password).await?;
    }
    let mut system = db.system("identity.sign_in").await?;
    guess::clear(&mut system, &[found.key]).await?;
    guess::open(&mut system, &[found.strangers]).await?;
    if found.second {
        let awaited = second::ask(&mut system, account, business).await?;
        system.commit().await?;
        return Ok(Entered { outcome: Outcome::Second(awaited), cookies: Vec::new() });
    }
    enter(cx, system, Entering { account, business, wanted: login.session, second: false, how: "password" }).await
}

/// What a wrong guess leads to: the same for every address.
async fn refuse(cx: &Cx, email: &str, found: &Found) -> Result<Error> {
    found.counted.note_wrong(cx, activity::SIGN_IN_FAILED, found.account, "password");
    if let (true, Some(until)) = (found.counted.shuts(), found.counted.shut_until) {
        let client = Client::of(&cx.headers, cx.op.address);
        let place = client.address.map_or_else(String::new, |address| address.to_string());
        let mut system = cx.app.db().system("identity.sign_in").await?;
        letter::wish(&mut system, Origin::own(cx), Wish::Locked { email: email.to_owned(), until, device: client.device, place }).await?;
        system.commit().await?;
    }
    Ok(Error::rule("login.wrong"))
}

/// Somebody who proved who they are, and how.
pub(crate) struct Entering<'a> {
    pub account: AccountId,
    /// The short name of the business that they want to work for.
    pub business: Option<&'a str>,
    pub wanted: Wanted,
    pub second: bool,
    pub how: &'static str,
}

/// Begins a session for somebody who proved who they are, and commits. The browser's former session ends; a device that was
/// not seen before is told by mail, unless it is the account's first.
pub(crate) async fn enter(cx: &Cx, mut system: System, who: Entering<'_>) -> Result<Entered> {
    let tenant = usual_business(&mut system, who.account, who.business).await?;
    let proof = Proof::now(who.account, tenant, system.source().now(), who.second);
    enter_with(cx, system, &proof, who.wanted, who.how).await
}

/// The same for a proof that was made elsewhere.
pub(crate) async fn enter_with(cx: &Cx, mut system: System, proof: &Proof, wanted: Wanted, how: &'static str) -> Result<Entered> {
    let (account, client) = (proof.account, Client::of(&cx.headers, cx.op.address));
    let before =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM identity.known_device WHERE account_id = $1) AS "before!""#, account.uuid())
            .fetch_one(system.conn())
            .await?;
    let (device_cookie, known) = known_device::keep(&mut system, &cx.headers, account).await?;
    let kind = if wanted == Wanted::Cookie { Kind::Browser } else { Kind::Tokens };
    let begun = session::begin(&mut system, Some(&client), proof, kind).await?;
    let after = serde_json::json!({ "account": account, "how": how, "second": proof.second, "device": client.device });
    let op = kernel::Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of("session.begun", "session", begun.id, &after)).await?;
    data::stopped_by_sign_in(cx, &mut system, account).await?;
    if before && !known {
        letter::tell(cx, &mut system, account, |happened, base| post::letters::new_device(happened, &format!("{base}/account/security")))
            .await?;
    }
    let outcome = if kind == Kind::Tokens {
        let standing = token::load_in(&mut system, account, proof.tenant).await?.ok_or_else(|| Error::rule("account.locked"))?;
        Outcome::Tokens(refresh::first(&cx.app, &mut system, &standing, begun.id, proof.second).await?)
    } else {
        Outcome::Browser(SignedIn { account, tenant: proof.tenant, csrf_token: begun.csrf.clone() })
    };
    system.commit().await?;
    session::end(cx.app.db(), &cx.headers).await?;
    let (action, detail) = match kind {
        Kind::Browser | Kind::Device => (activity::SIGNED_IN, kind.code()),
        Kind::Tokens => (activity::TOKENS_GIVEN, "tokens"),
    };
    // Whoever runs the business that they go on to sees that they came.
    let entered = Activity { tenant: proof.tenant.unwrap_or(PLATFORM), ..Activity::of(&op, action, "account") };
    cx.app.db().note(entered.target(account).detail(serde_json::json!({ "how": how, "session": detail })));
    let session_cookie = (kind == Kind::Browser).then(|| begun.set_cookie());
    Ok(Entered { outcome, cookies: session_cookie.into_iter().chain([device_cookie]).collect() })
}

/// `POST /v1/auth/login`.
pub(crate) async fn post(cx: Cx, wanted: Login) -> Result<Reply> {
    match login(&cx, &wanted).await {
        Ok(entered) => entered.reply(),
        Err(error) => {
            // The same for known and unknown addresses: what was typed is what is counted.
            let needed = captcha::is_wanted(&cx, &limits::typed(&wanted.email)).await;
            captcha::refusal(&cx, error, needed)
        }
    }
}

/// Notes that whoever sent the request signed out.
fn note_signed_out(cx: &Cx, session: &str) {
    if cx.viewer.is_none() {
        return;
    }
    let out = Activity::of(&cx.op, activity::SIGNED_OUT, "account").detail(serde_json::json!({ "session": session }));
    cx.app.db().note(cx.op.account().into_iter().fold(out, Activity::target));
}

/// Ends the session of the request's cookie.
pub(crate) async fn sign_out(cx: &Cx) -> Result<()> {
    session::end(cx.app.db(), &cx.headers).await?;
    note_signed_out(cx, if cx.cookie(web::AT_DEVICE).is_some() { "device" } else { "browser" });
    Ok(())
}

/// `POST /v1/auth/logout`: the session of the cookie, or of the token.
pub(crate) async fn post_logout(cx: Cx) -> Result<Reply> {
    if let Some(session) = token::session_of(&cx).await? {
        let mut system = cx.app.db().system("identity.sign_out").await?;
        crate::sessions::end_one(&mut system, cx.op.account()?, session, "signed out").await?;
        system.commit().await?;
        note_signed_out(&cx, "tokens");
        return Ok(Reply::empty());
    }
    let elsewhere = oidc::sign_out_url(&cx).await;
    sign_out(&cx).await?;
    let reply = match elsewhere {
        Some(end_session_url) => Reply::json(&SignedOut { end_session_url })?,
        None => Reply::empty(),
    };
    Ok(session::signed_out(&cx, reply))
}
