//! Choosing a new password: by a link or a code that were mailed, or with the old one.

use db::{Activity, Db, System, activity};
use kernel::{AccountId, Change, Error, Op, PLATFORM, Result};
use post::letters;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{App, Cx, Reply};

use crate::{
    account::{self, Accepted, Secret, chosen, personal},
    email::Email,
    guess,
    letter::{self, Origin, Wish},
    link, login,
    password::{Password, Verdict, hasher},
    phone,
    register::Addressed,
    revocation,
    secret::{Digested, Token, digest, six_digits},
    session, token,
};

/// Seconds for which link and code stand: 15 minutes.
const STANDS: i64 = 15 * 60;
/// Wrong codes that void the code; the link still stands.
const CODE_TRIES: i32 = 3;

/// Chooses a new password: with `token` from the link, or with `email` and `code` from the mail.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// From the link.
    #[serde(default)]
    pub token: Option<Secret>,
    /// The address.
    #[serde(default)]
    pub email: Option<String>,
    /// Six digits from the mail.
    #[serde(default)]
    pub code: Option<Secret>,
    /// 15 to 128 characters.
    pub new_password: Secret,
}

/// Chooses a new password with the old one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    pub current_password: Secret,
    /// 15 to 128 characters.
    pub new_password: Secret,
}

/// Makes a way to choose a password; those before it end. With `code` it may be typed instead of followed.
pub(crate) async fn make(system: &mut System, account: AccountId, code: Option<&str>) -> Result<Token> {
    let (token, id, now) = (Token::new(system.source()), system.source().uuid(), system.source().now());
    sqlx::query!("UPDATE identity.reset SET spent_at = $2 WHERE account_id = $1 AND spent_at IS NULL", account.uuid(), now)
        .execute(system.conn())
        .await?;
    let code_hash = code.map(|code| code_hash(account, code).to_vec());
    sqlx::query!(
        "INSERT INTO identity.reset (id, account_id, token_hash, code_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        account.uuid(),
        &token.hash(),
        code_hash,
        now,
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    Ok(token)
}

/// A million codes are soon tried: what guards them is the count of tries and the quarter of an hour.
fn code_hash(account: AccountId, code: &str) -> Digested {
    digest("reset code", &[account.uuid().as_bytes(), code.as_bytes()])
}

/// Writes the letter, if the address has an account that may sign in. The code goes to its telephone, if texts can be sent and it
/// has one.
pub(crate) async fn write(system: &mut System, db: &Db, origin: &Origin, email: &str) -> Result<()> {
    let row = sqlx::query!("SELECT id, phone FROM identity.account WHERE email = $1 AND locked_at IS NULL", email)
        .fetch_optional(system.conn())
        .await?;
    let Some((account, phone)) = row.map(|row| (AccountId::new(row.id), row.phone)) else { return Ok(()) };
    let code = six_digits(system.source());
    let token = make(system, account, Some(&code)).await?;
    let phone = phone.filter(|_| origin.texts);
    if let Some(phone) = &phone {
        phone::send_code(system, db, account, phone, "reset", &code, &origin.base).await?;
    }
    let mailed = phone.is_none().then_some(code.as_str());
    let content = letters::reset(&origin.link("/reset-password", &token.text()), mailed);
    origin.send(system, db, Some(account), email, content).await
}

/// A way to choose a password that stands.
struct Way {
    /// The row of `identity.reset`, or the digest of a first-password link.
    by: By,
    account: AccountId,
}

enum By {
    Reset(Uuid),
    FirstPassword(Digested),
}

/// Finds what a token or a code opens. A code is counted before it is checked, in one statement.
async fn find(cx: &Cx, wanted: &ResetPassword) -> Result<Way> {
    match (&wanted.token, &wanted.email, &wanted.code) {
        (Some(token), None, None) => by_token(cx.app.db(), &token.0).await,
        (None, Some(email), Some(code)) => by_code(cx, email, code.0.trim()).await,
        _ => Err(Error::field("token", "text.needed")),
    }
}

async fn by_token(db: &Db, text: &str) -> Result<Way> {
    let over = || Error::rule("password.link");
    let hash = Token::read(text).ok_or_else(over)?.hash();
    let mut system = db.system("identity.reset").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "SELECT id, account_id FROM identity.reset WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $2",
        &hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    if let Some(row) = row {
        return Ok(Way { by: By::Reset(row.id), account: AccountId::new(row.account_id) });
    }
    let account = link::standing(&mut system, &hash).await?.ok_or_else(over)?;
    Ok(Way { by: By::FirstPassword(hash), account })
}

async fn by_code(cx: &Cx, email: &str, code: &str) -> Result<Way> {
    let email = Email::read("email", email)?;
    let mut system = cx.app.db().system("identity.reset").await?;
    let now = system.source().now();
    // Counted whatever the code: the fourth try finds nothing to hold it against.
    let row = sqlx::query!(
        "UPDATE identity.reset r SET code_tries = r.code_tries + 1 FROM identity.account a
        WHERE a.email = $1 AND r.account_id = a.id AND r.spent_at IS NULL AND r.expires_at > $2 AND r.code_hash IS NOT NULL AND r.code_tries < $3
        RETURNING r.id, r.account_id, r.code_hash",
        email.as_str(),
        now,
        CODE_TRIES
    )
    .fetch_optional(system.conn())
    .await?;
    system.commit().await?;
    let account = row.as_ref().map(|row| AccountId::new(row.account_id));
    match row.zip(account) {
        Some((row, account)) if row.code_hash.as_ref().is_some_and(|kept| *kept == code_hash(account, code)) => {
            Ok(Way { by: By::Reset(row.id), account })
        }
        _ => Err(wrong_code(cx, account, "reset", "reset.code")),
    }
}

/// Notes that somebody typed a wrong code in place of one that was mailed or texted, and says so; `of` is what it was for.
pub(crate) fn wrong_code(cx: &Cx, account: Option<AccountId>, of: &str, code: &'static str) -> Error {
    let wrong = Activity::of(&cx.op, activity::CODE_FAILED, "account").detail(serde_json::json!({ "for": of }));
    cx.app.db().note(account.into_iter().fold(wrong, Activity::target));
    Error::rule(code).at("code")
}

/// The address of the account whose link stands; opening the page spends nothing.
pub(crate) async fn standing(db: &Db, token: &str) -> Result<String> {
    let way = by_token(db, token).await?;
    let mut system = db.system("identity.reset").await?;
    Ok(sqlx::query_scalar!("SELECT email FROM identity.account WHERE id = $1", way.account.uuid()).fetch_one(system.conn()).await?)
}

/// Chooses the new password. It is judged first, so that a refused one spends nothing; every session ends; nobody is signed in
/// by it, and the second factor is asked for as before.
pub(crate) async fn reset(cx: &Cx, wanted: &ResetPassword) -> Result<()> {
    let over = || Error::rule("password.link");
    let db = cx.app.db();
    let way = find(cx, wanted).await?;
    let hash = new_hash(&cx.app, way.account, "newPassword", &wanted.new_password).await?;
    let mut system = db.system("identity.reset").await?;
    let now = system.source().now();
    let (spent, mailed) = match way.by {
        By::Reset(id) => {
            let spent =
                sqlx::query!("UPDATE identity.reset SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL AND expires_at > $2", id, now)
                    .execute(system.conn())
                    .await?;
            (spent.rows_affected() == 1, true)
        }
        By::FirstPassword(hash) => {
            let vouched = link::spend(&mut system, &hash).await?;
            (vouched.is_some(), vouched == Some(true))
        }
    };
    if !spent {
        return Err(over());
    }
    // Who read the mail holds the address; a member's first-password link may have been handed over by anybody.
    if mailed {
        account::first_proof(&mut system, way.account).await?;
    }
    let mailed = mailed.then_some(now);
    sqlx::query!(
        "UPDATE identity.account SET password_hash = $2, verified_at = coalesce(verified_at, $3) WHERE id = $1",
        way.account.uuid(),
        hash,
        mailed
    )
    .execute(system.conn())
    .await?;
    changed(cx, &mut system, way.account, None, "reset").await?;
    system.commit().await?;
    session::forget(way.account);
    Ok(())
}

/// Judges and hashes a new password of an account.
async fn new_hash(app: &App, account: AccountId, field: &str, typed: &Secret) -> Result<String> {
    let db = app.db();
    let mut system = db.system("identity.reset").await?;
    let personal = personal(&mut system, account).await?;
    drop(system);
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    let password = chosen(app, field, typed, &personal).await?;
    hasher().hash(db.source(), password).await
}

/// What every change of a password brings with it: what was guessed at the old one counts no more, sessions end, the log tells, the
/// person is told.
async fn changed(cx: &Cx, system: &mut System, account: AccountId, but: Option<kernel::SessionId>, how: &'static str) -> Result<()> {
    let guesses = login::guesses(system, account).await?;
    guess::clear(system, &guesses).await?;
    let ended = revocation::end_sessions(system, account, but, "the password was changed").await?;
    // Whatever else was begun for the account by somebody who had it until now ends with it: another address, a second factor.
    let now = system.source().now();
    sqlx::query!("UPDATE identity.challenge SET spent_at = $2 WHERE account_id = $1 AND spent_at IS NULL", account.uuid(), now)
        .execute(system.conn())
        .await?;
    let op = Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    let after = serde_json::json!({ "how": how, "sessionsEnded": ended });
    system.log(&op, PLATFORM, &Change::of("password.changed", "account", account, &after)).await?;
    letter::tell(cx, system, account, |happened, base| letters::password_changed(happened, &format!("{base}/forgot-password"))).await
}

/// Where wrong guesses at the password of somebody signed in are counted.
pub(crate) fn own_guess_key(account: AccountId) -> Digested {
    digest("password of oneself", &[account.uuid().as_bytes()])
}

/// Holds the current password of the signed-in account against what was typed; counted like a sign-in.
pub(crate) async fn current(cx: &Cx, field: &str, typed: &Secret) -> Result<()> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    let mut system = db.system("identity.password").await?;
    let key = own_guess_key(account);
    let counted = guess::count(&mut system, &key).await?;
    let hash =
        sqlx::query_scalar!("SELECT password_hash FROM identity.account WHERE id = $1", account.uuid()).fetch_one(system.conn()).await?;
    system.commit().await?;
    counted.refused(db.source().now(), "login.shut")?;
    if hasher().verify(Password::new(&typed.0), hash.as_deref()).await? == Verdict::Wrong {
        counted.note_wrong(cx, activity::PROOF_FAILED, Some(account), "password");
        return Err(Error::rule("password.current").at(field));
    }
    let mut system = db.system("identity.password").await?;
    guess::clear(&mut system, &[key]).await?;
    system.commit().await
}

/// Changes the password of the signed-in account; the other sessions end.
pub(crate) async fn change(cx: &Cx, wanted: &ChangePassword) -> Result<()> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    current(cx, "currentPassword", &wanted.current_password).await?;
    let hash = new_hash(&cx.app, account, "newPassword", &wanted.new_password).await?;
    let own = token::own_session(cx).await?;
    let mut system = db.system("identity.password").await?;
    sqlx::query!("UPDATE identity.account SET password_hash = $2 WHERE id = $1", account.uuid(), hash).execute(system.conn()).await?;
    changed(cx, &mut system, account, own, "changed").await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// Deletes what is long over.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-24 * 3600);
    sqlx::query!("DELETE FROM identity.reset WHERE expires_at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// `POST /v1/auth/forgot-password`.
pub(crate) async fn post_forgot(cx: Cx, wanted: Addressed) -> Result<Reply> {
    let (email, origin) = (Email::read("email", &wanted.email)?, Origin::of(&cx, wanted.business.as_ref())?);
    let mut system = cx.app.db().system("identity.reset").await?;
    letter::wish(&mut system, origin, Wish::Reset { email: email.to_string() }).await?;
    system.commit().await?;
    cx.app.db().note(Activity::of(&cx.op, activity::RESET_ASKED, "account"));
    Accepted::reply()
}

/// `POST /v1/auth/reset-password`.
pub(crate) async fn post_reset(cx: Cx, wanted: ResetPassword) -> Result<Reply> {
    reset(&cx, &wanted).await?;
    Reply::json(&Accepted { accepted: true })
}

/// `POST /v1/auth/change-password`.
pub(crate) async fn post_change(cx: Cx, wanted: ChangePassword) -> Result<Reply> {
    change(&cx, &wanted).await?;
    Reply::json(&Accepted { accepted: true })
}
