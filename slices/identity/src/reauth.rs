//! Proving again who one is: after a day, after the network changed, and where the second factor is demanded and was not given. By password, by the second factor, by a passkey, or, for an
//! account without a second factor, by a code that is mailed (which is no second factor: NIST SP 800-63B-4 §3.1.3.1).

use axum::http::header;
use kernel::{AccountId, Change, Error, PLATFORM, Result};
use post::letters;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    account::{Accepted, Secret},
    captcha,
    client::Client,
    letter,
    login::SignedIn,
    passkey::{self, ShownPasskey},
    phone, reset,
    second::{self, Code},
    secret::{Digested, Token, digest, six_digits},
    session::{self, Begun},
    token,
};

/// Seconds for which a mailed code stands: 10 minutes.
const STANDS: i64 = 600;
/// Tries that a mailed code allows.
const TRIES: i32 = 3;

/// Proves again: one of them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReauthVerify {
    /// The password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The second factor's code, or the mailed one.
    #[serde(default)]
    pub code: Option<Secret>,
    /// A passkey, begun by `POST /v1/auth/passkeys/login/begin`.
    #[serde(default)]
    pub passkey: Option<ShownPasskey>,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
}

fn code_hash(account: AccountId, code: &str) -> Digested {
    digest("reauth code", &[account.uuid().as_bytes(), code.as_bytes()])
}

/// Mails or texts a code to an account without a second factor; the former code ends.
pub(crate) async fn send(cx: &Cx) -> Result<()> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    let awaits_second = session::awaits_second(cx).await?;
    let mut system = db.system("identity.reauth").await?;
    if awaits_second || second::is_on(&mut system, account).await? {
        return Err(Error::rule("reauth.mail"));
    }
    // The code serves the session that asked for it, and no other.
    let own = token::own_session(cx).await?.map(kernel::SessionId::uuid);
    let (code, token, now) = (six_digits(db.source()), Token::new(db.source()), system.source().now());
    // So many codes an hour, or a guesser asks for a new one after each third try.
    let lately = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM identity.challenge WHERE account_id = $1 AND kind = 'reauth' AND created_at > $2"#,
        account.uuid(),
        now.plus_seconds(-3600)
    )
    .fetch_one(system.conn())
    .await?;
    if lately >= 5 {
        return Err(Error::TooMany(3600));
    }
    sqlx::query!(
        "UPDATE identity.challenge SET spent_at = $2 WHERE account_id = $1 AND kind = 'reauth' AND spent_at IS NULL",
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    sqlx::query!(
        "INSERT INTO identity.challenge (token_hash, account_id, kind, code_hash, created_at, expires_at, session_id)
        VALUES ($1, $2, 'reauth', $3, $4, $5, $6)",
        &token.hash(),
        account.uuid(),
        &code_hash(account, &code),
        now,
        now.plus_seconds(STANDS),
        own
    )
    .execute(system.conn())
    .await?;
    let to = sqlx::query!("SELECT email, phone FROM identity.account WHERE id = $1", account.uuid()).fetch_one(system.conn()).await?;
    let base = letter::base(cx);
    match to.phone.filter(|_| cx.app.settings().texts.is_some()) {
        Some(phone) => phone::send_code(&mut system, db, account, &phone, "again", &code, &base).await?,
        None => letter::send(&mut system, db, Some(&base), Some(account), &to.email, letters::again(&code)).await?,
    }
    system.commit().await
}

/// Takes a mailed code; its tries are counted before it is looked at.
async fn mailed(cx: &Cx, account: AccountId, code: &Secret) -> Result<()> {
    let wrong = || reset::wrong_code(cx, Some(account), "again", "second.wrong");
    let own = token::own_session(cx).await?.map(kernel::SessionId::uuid);
    let mut system = cx.app.db().system("identity.reauth").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "UPDATE identity.challenge SET tries = tries + 1 WHERE account_id = $1 AND kind = 'reauth' AND spent_at IS NULL AND expires_at > $2 AND tries < $3
            AND session_id IS NOT DISTINCT FROM $4
        RETURNING token_hash, code_hash",
        account.uuid(),
        now,
        TRIES,
        own
    )
    .fetch_optional(system.conn())
    .await?;
    system.commit().await?;
    let row = row.ok_or_else(wrong)?;
    if row.code_hash.is_none_or(|kept| kept != code_hash(account, code.0.trim())) {
        return Err(wrong());
    }
    let mut system = cx.app.db().system("identity.reauth").await?;
    let spent = sqlx::query!("UPDATE identity.challenge SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL", row.token_hash, now)
        .execute(system.conn())
        .await?;
    if spent.rows_affected() != 1 {
        return Err(wrong());
    }
    system.commit().await
}

/// Holds what was typed or shown against what is kept; says how it was proved, and whether by a second factor.
pub(crate) async fn prove(cx: &Cx, account: AccountId, wanted: &ReauthVerify) -> Result<(&'static str, bool)> {
    let awaits_second = session::awaits_second(cx).await?;
    Ok(match (&wanted.password, &wanted.code, &wanted.passkey) {
        (Some(_), None, None) if awaits_second => return Err(Error::rule("reauth.second").at("password")),
        (Some(password), None, None) => {
            reset::current(cx, "password", password).await?;
            ("password", false)
        }
        (None, Some(code), None) => {
            let mut system = cx.app.db().system("identity.reauth").await?;
            let on = second::is_on(&mut system, account).await?;
            drop(system);
            if on {
                second::prove(cx, &Code { code: code.clone(), captcha_token: wanted.captcha_token.clone() }).await?
            } else if awaits_second {
                return Err(Error::rule("reauth.mail").at("code"));
            } else {
                mailed(cx, account, code).await?
            }
            (if on { "totp" } else { "mail" }, on)
        }
        (None, None, Some(shown)) => {
            let (system, whose) = passkey::shown(cx, &shown.ceremony, &shown.credential).await?;
            system.commit().await?;
            if whose != account {
                return Err(Error::rule("passkey.wrong"));
            }
            ("passkey", true)
        }
        _ => return Err(Error::field("password", "text.needed")),
    })
}

/// Proves again; the session gets a new token, and this network.
pub(crate) async fn verify(cx: &Cx, wanted: &ReauthVerify) -> Result<(SignedIn, Begun)> {
    let account = cx.op.account()?;
    let (how, with_second) = prove(cx, account, wanted).await?;
    let mut system = cx.app.db().system("identity.reauth").await?;
    let now = system.source().now();
    let mut tenant = None;
    let begun = session::renew(&mut system, cx, |proof| {
        proof.proved_at = now;
        proof.second |= with_second;
        tenant = proof.tenant;
    })
    .await?;
    let device = Client::of(&cx.headers, cx.op.address).device;
    system
        .log(&cx.op, PLATFORM, &Change::of("session.proved", "session", begun.id, &serde_json::json!({ "how": how, "device": device })))
        .await?;
    system.commit().await?;
    Ok((SignedIn { account, tenant, csrf_token: begun.csrf.clone() }, begun))
}

/// `POST /v1/auth/reauth/send`.
pub(crate) async fn post_send(cx: Cx) -> Result<Reply> {
    send(&cx).await?;
    Accepted::reply()
}

/// `POST /v1/auth/reauth/verify`.
pub(crate) async fn post_verify(cx: Cx, wanted: ReauthVerify) -> Result<Reply> {
    match verify(&cx, &wanted).await {
        Ok((signed_in, begun)) => Ok(Reply::json(&signed_in)?.header(header::SET_COOKIE, begun.set_cookie())),
        Err(error) => {
            let needed = wanted.code.is_some() && second::proof_wanted(&cx, None).await;
            captcha::refusal(&cx, error, needed)
        }
    }
}
