//! A telephone to which an account's codes go instead of to its address: where the operator set a gateway up, and once a code that was
//! sent there came back. It replaces no second factor (NIST SP 800-63B-4 §3.1.3.3): with one set up, mailed and texted codes serve nothing.

use db::{Db, System};
use kernel::{AccountId, Change, Error, PLATFORM, Result};
use post::{Phone, letters, text};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    account::{Accepted, Secret},
    letter,
    profile::checks,
    reset,
    secret::{Digested, digest, six_digits},
    token,
};

/// Seconds for which a code stands: 10 minutes.
const STANDS: i64 = 600;
/// Tries that a code allows.
const TRIES: i32 = 3;

/// Asks for codes by telephone.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPhone {
    /// The number with its country: +44 131 496 0000.
    pub phone: String,
}

/// Shows that a message arrived.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmPhone {
    /// Six digits from the message.
    pub code: Secret,
}

/// The telephone from now on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPhone {
    /// Its number, E.164.
    pub phone: String,
}

fn code_hash(account: AccountId, code: &str) -> Digested {
    digest("phone code", &[account.uuid().as_bytes(), code.as_bytes()])
}

/// An account's telephone.
pub(crate) async fn of(system: &mut System, account: AccountId) -> Result<Option<String>> {
    let phone = sqlx::query_scalar!("SELECT phone FROM identity.account WHERE id = $1", account.uuid()).fetch_optional(system.conn());
    Ok(phone.await?.flatten())
}

/// The number that waits for its code.
pub(crate) async fn waits(system: &mut System, account: AccountId) -> Result<Option<String>> {
    let now = system.source().now();
    let waiting = sqlx::query_scalar!(
        "SELECT phone FROM identity.phone_code WHERE account_id = $1 AND expires_at > $2 AND tries < $3",
        account.uuid(),
        now,
        TRIES
    );
    Ok(waiting.fetch_optional(system.conn()).await?)
}

/// Queues a code for a telephone in the transaction. `base` is the public address.
pub(crate) async fn send_code(
    system: &mut System,
    db: &Db,
    account: AccountId,
    phone: &str,
    kind: &'static str,
    code: &str,
    base: &str,
) -> Result<()> {
    let words = text::code(&post::Brand::hearth(), code, base);
    let message = text::Text { tenant: PLATFORM, account: Some(account), to: Phone::new(phone)?, kind, words };
    let source = system.source().clone();
    text::queue(system.conn(), db.vault(), &source, &message).await.map(|_| ())
}

/// Sends a code to a number that is to become the account's. Of somebody who proved lately who they are.
pub(crate) async fn ask(cx: &Cx, wanted: &SetPhone) -> Result<()> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    if cx.app.settings().texts.is_none() {
        return Err(Error::rule("phone.off"));
    }
    let phone = checks::phone("phone", &wanted.phone)?;
    token::recently_proved(cx).await?;
    let mut system = db.system("identity.phone").await?;
    let (code, now) = (six_digits(db.source()), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.phone_code (account_id, phone, code_hash, expires_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id) DO UPDATE SET phone = $2, code_hash = $3, expires_at = $4, tries = 0",
        account.uuid(),
        phone,
        &code_hash(account, &code),
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    send_code(&mut system, db, account, &phone, "new-phone", &code, &letter::base(cx)).await?;
    system.commit().await
}

/// Takes the code; its tries are counted before it is looked at. The account's address is told.
pub(crate) async fn confirm(cx: &Cx, wanted: &ConfirmPhone) -> Result<NewPhone> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    let wrong = || reset::wrong_code(cx, Some(account), "phone", "second.wrong");
    let mut system = db.system("identity.phone").await?;
    let row = sqlx::query!(
        "UPDATE identity.phone_code SET tries = tries + 1 WHERE account_id = $1 AND expires_at > $2 AND tries < $3 RETURNING phone, code_hash",
        account.uuid(),
        system.source().now(),
        TRIES
    )
    .fetch_optional(system.conn())
    .await?;
    system.commit().await?;
    let row = row.filter(|row| row.code_hash == code_hash(account, wanted.code.0.trim())).ok_or_else(wrong)?;
    let mut system = db.system("identity.phone").await?;
    let spent = sqlx::query!("DELETE FROM identity.phone_code WHERE account_id = $1 AND code_hash = $2", account.uuid(), row.code_hash)
        .execute(system.conn())
        .await?;
    if spent.rows_affected() != 1 {
        return Err(wrong());
    }
    keep(cx, system, account, Some(&row.phone)).await?;
    Ok(NewPhone { phone: row.phone })
}

/// Codes go to the address again. Of somebody who proved lately who they are.
pub(crate) async fn remove(cx: &Cx) -> Result<()> {
    let account = cx.op.account()?;
    token::recently_proved(cx).await?;
    let mut system = cx.app.db().system("identity.phone").await?;
    if of(&mut system, account).await?.is_none() {
        return Err(Error::NotFound);
    }
    keep(cx, system, account, None).await
}

/// Keeps a number, or none; tells the address, and notes it without the number.
async fn keep(cx: &Cx, mut system: System, account: AccountId, phone: Option<&str>) -> Result<()> {
    sqlx::query!("UPDATE identity.account SET phone = $2 WHERE id = $1", account.uuid(), phone).execute(system.conn()).await?;
    let action = if phone.is_some() { "phone.set" } else { "phone.removed" };
    system.log(&cx.op, PLATFORM, &Change::of(action, "account", account, &json!({}))).await?;
    let ending = phone.map(|phone| phone.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<String>());
    letter::tell(cx, &mut system, account, |happened, base| {
        letters::phone_changed(ending.as_deref(), happened, &format!("{base}/account/security"))
    })
    .await?;
    system.commit().await
}

/// Forgets codes that nobody typed.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let now = system.source().now();
    sqlx::query!("DELETE FROM identity.phone_code WHERE expires_at < $1", now).execute(system.conn()).await?;
    Ok(())
}

/// `POST /v1/auth/phone`.
pub(crate) async fn post_ask(cx: Cx, wanted: SetPhone) -> Result<Reply> {
    ask(&cx, &wanted).await?;
    Accepted::reply()
}

/// `POST /v1/auth/phone/confirm`.
pub(crate) async fn post_confirm(cx: Cx, wanted: ConfirmPhone) -> Result<Reply> {
    Reply::json(&confirm(&cx, &wanted).await?)
}

/// `DELETE /v1/auth/phone`.
pub(crate) async fn delete(cx: Cx) -> Result<Reply> {
    remove(&cx).await?;
    Ok(Reply::empty())
}
