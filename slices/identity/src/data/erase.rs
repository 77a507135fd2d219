//! Deleting an account: asked for by its owner, who has fourteen days in which a sign-in stops it; or done by the operator at once.
//!
//! What remains is a pseudonym: the account's id, to which the log, the books and the documents of businesses point. Name, address, ways to
//! sign in, profile and photo go, and with `db.personal` what the logs say of the person; their chains stay whole.

use db::{Db, System};
use kernel::{AccountId, At, Change, Error, Op, PLATFORM, Result, TenantId};
use post::letters;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Cx, Reply, t};

use crate::{
    account::Secret,
    admin,
    email::Email,
    guess, letter, login,
    reauth::{self, ReauthVerify},
    revocation::{self, Ended},
    second, session,
};

/// Seconds in which a sign-in stops it.
const GRACE: i64 = 14 * 24 * 3600;
/// Seconds between the last letter and the deletion, which takes the letter along.
const LAST_HOUR: i64 = 3600;
/// Accounts that are deleted at once; the others come an hour later.
const BATCH: i64 = 100;

/// Asks for the deletion of one's own account: the address typed, and the password or a code (of the second factor where there is one, else a
/// mailed one).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseAccount {
    /// The address that one signs in with, typed to be sure.
    pub email: String,
    /// The password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Or a code.
    #[serde(default)]
    pub code: Option<Secret>,
}

/// An account that is going to be deleted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasing {
    /// Not before this; a sign-in until then stops it.
    #[schema(value_type = String, format = DateTime)]
    pub erase_at: At,
}

/// Refuses where a business would have no owner left who can sign in, or the installation no administrator; held until the end of the
/// transaction. The business is named.
async fn may_go(system: &mut System, account: AccountId) -> Result<()> {
    admin::one_at_a_time(system).await?;
    admin::keep_an_admin(system, account).await?;
    admin::refuse_last_owner(system, account).await
}

/// Asks for it. Every session ends, this one too: whoever signs in again wants to stay.
pub(crate) async fn ask(cx: &Cx, wanted: &EraseAccount) -> Result<Erasing> {
    let account = cx.op.account()?;
    let typed = Email::read("email", &wanted.email)?;
    if typed.as_str() != cx.viewer()?.email {
        return Err(Error::field("email", "erase.address"));
    }
    let mut system = cx.app.db().system("identity.erase").await?;
    may_go(&mut system, account).await?;
    drop(system);
    let shown = ReauthVerify { password: wanted.password.clone(), code: wanted.code.clone(), passkey: None, captcha_token: None };
    reauth::prove(cx, account, &shown).await?;
    let mut system = cx.app.db().system("identity.erase").await?;
    may_go(&mut system, account).await?;
    let erase_at = system.source().now().plus_seconds(GRACE);
    sqlx::query!("UPDATE identity.account SET erase_at = $2, erase_told_at = NULL WHERE id = $1", account.uuid(), erase_at)
        .execute(system.conn())
        .await?;
    revocation::end_sessions(&mut system, account, None, "the account is to be deleted").await?;
    revocation::of_platform(&mut system, Ended::Account(account)).await?;
    let after = json!({ "eraseAt": erase_at });
    system.log(&cx.op, PLATFORM, &Change::of("account.erase_asked", "account", account, &after)).await?;
    letter::tell(cx, &mut system, account, |happened, base| letters::erase_asked(erase_at, happened, &format!("{base}/login"))).await?;
    system.commit().await?;
    session::forget(account);
    Ok(Erasing { erase_at })
}

/// `POST /v1/auth/erase`.
pub(crate) async fn post_erase(cx: Cx, wanted: EraseAccount) -> Result<Reply> {
    let asked = ask(&cx, &wanted).await?;
    Ok(session::signed_out(&cx, Reply::json(&asked)?))
}

/// Stops a deletion, in the transaction of a sign-in; most accounts are not about to be deleted.
pub(crate) async fn stopped_by_sign_in(cx: &Cx, system: &mut System, account: AccountId) -> Result<()> {
    let stopped = sqlx::query!(
        "UPDATE identity.account SET erase_at = NULL, erase_told_at = NULL WHERE id = $1 AND erase_at IS NOT NULL",
        account.uuid()
    )
    .execute(system.conn())
    .await?;
    if stopped.rows_affected() == 0 {
        return Ok(());
    }
    let op = Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of("account.erase_stopped", "account", account, &json!({}))).await?;
    letter::tell(cx, system, account, |happened, base| letters::erase_stopped(happened, &format!("{base}/account/security"))).await
}

/// Deletes the accounts whose time is over, after the last letter to each had an hour to go; and writes that letter to those that come
/// next. Returns how many were deleted. The leading node does it once an hour.
pub async fn erase_due(db: &Db) -> Result<u64> {
    let mut system = db.system("identity.erase").await?;
    let now = system.source().now();
    let due = sqlx::query_scalar!(
        "SELECT id FROM identity.account WHERE erase_at <= $1 AND erase_told_at <= $2 ORDER BY erase_at, id LIMIT $3",
        now,
        now.plus_seconds(-LAST_HOUR),
        BATCH
    )
    .fetch_all(system.conn())
    .await?;
    drop(system);
    let mut gone = 0;
    for id in due.into_iter().map(AccountId::new) {
        let op = Op::program(db.source(), "identity.erase", Some(PLATFORM));
        match erase(db, &op, id, None, true).await {
            Ok(erased) => gone += u64::from(erased),
            // A business was left to them alone meanwhile: they stay, and are told.
            Err(error @ Error::Rule { .. }) => stay(db, &op, id, &error).await?,
            Err(error) => return Err(error),
        }
    }
    tell_due(db).await?;
    Ok(gone)
}

/// Writes the last letter to those whose time is over.
async fn tell_due(db: &Db) -> Result<()> {
    let mut system = db.system("identity.erase").await?;
    let now = system.source().now();
    let due = sqlx::query!(
        "UPDATE identity.account SET erase_told_at = $1 WHERE id IN (
            SELECT id FROM identity.account WHERE erase_at <= $1 AND erase_told_at IS NULL ORDER BY erase_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING id, email",
        now,
        BATCH
    )
    .fetch_all(system.conn())
    .await?;
    for one in due {
        letter::send(&mut system, db, None, Some(AccountId::new(one.id)), &one.email, letters::erasing()).await?;
    }
    system.commit().await
}

/// Takes a deletion back that can't be done.
async fn stay(db: &Db, op: &Op, account: AccountId, why: &Error) -> Result<()> {
    let mut system = db.system("identity.erase").await?;
    let email = sqlx::query_scalar!(
        "UPDATE identity.account SET erase_at = NULL, erase_told_at = NULL WHERE id = $1 AND erase_at IS NOT NULL RETURNING email",
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    let Some(email) = email else { return Ok(()) };
    let after = json!({ "because": why.code() });
    system.log(op, PLATFORM, &Change::of("account.erase_stopped", "account", account, &after)).await?;
    letter::send(&mut system, db, None, Some(account), &email, letters::erase_impossible(&web::code_text(why.row()))).await?;
    system.commit().await
}

/// Deletes an account at once, for the operator, who says why. Codes: `account.erased`, `account.last_owner`, `admin.last`.
pub async fn erase_now(db: &Db, op: &Op, account: AccountId, why: &str) -> Result<()> {
    erase(db, op, account, Some(admin::reason(why)?), false).await.map(|_| ())
}

/// Deletes an account, in one transaction. One that is `due` is left alone when somebody signed in meanwhile; whether it was deleted.
async fn erase(db: &Db, op: &Op, account: AccountId, why: Option<String>, due: bool) -> Result<bool> {
    let mut system = db.system("identity.erase").await?;
    may_go(&mut system, account).await?;
    let now = system.source().now();
    let row = sqlx::query!("SELECT email, erase_at, erased_at FROM identity.account WHERE id = $1 FOR UPDATE", account.uuid())
        .fetch_optional(system.conn())
        .await?
        .ok_or(Error::NotFound)?;
    if row.erased_at.is_some() {
        return Err(Error::rule("account.erased"));
    }
    if due && row.erase_at.is_none_or(|at| at > now) {
        return Ok(false);
    }
    let businesses = leave(&mut system, op, account).await?;
    shut(&mut system, account, &row.email).await?;
    forget(&mut system, db, account, &row.email, &businesses).await?;
    let pseudonym = format!("{account}@erased.invalid");
    sqlx::query!(
        "UPDATE identity.account SET email = $2, phone = NULL, password_hash = NULL, verified_at = NULL, platform_roles = '{}', totp_sealed = NULL, totp_since = NULL,
            totp_step = NULL, locked_at = $3, lock_reason = NULL, erase_at = NULL, erase_told_at = NULL, erased_at = $3, version = version + 1
        WHERE id = $1",
        account.uuid(),
        pseudonym,
        now
    )
    .execute(system.conn())
    .await?;
    let change = Change { reason: why, ..Change::of("account.erased", "account", account, &json!({})) };
    system.log(op, PLATFORM, &change).await?;
    system.commit().await?;
    session::forget(account);
    Ok(true)
}

/// Takes them out of every business: a former member without a name, told by each business's log. Returns the businesses.
async fn leave(system: &mut System, op: &Op, account: AccountId) -> Result<Vec<TenantId>> {
    let members = sqlx::query!(
        "UPDATE identity.member m SET name = $2, roles = '{}', own_roles = '{}', state = 'left', version = m.version + 1
        FROM identity.member was WHERE was.tenant_id = m.tenant_id AND was.account_id = m.account_id AND m.account_id = $1
        RETURNING m.tenant_id, was.roles, was.own_roles, was.state",
        account.uuid(),
        t("member-former")
    )
    .fetch_all(system.conn())
    .await?;
    let mut businesses = Vec::new();
    for member in members {
        let tenant = TenantId::new(member.tenant_id);
        let before = json!({ "roles": member.roles, "ownRoles": member.own_roles, "state": member.state });
        let after = json!({ "roles": [], "ownRoles": [], "state": "left" });
        system.log(op, tenant, &Change::of("member.erased", "member", account, &after).from(&before)).await?;
        revocation::of_member_in(system, tenant, account).await?;
        businesses.push(tenant);
    }
    let now = system.source().now();
    sqlx::query!(
        "WITH ended AS (UPDATE identity.api_key SET revoked_at = $2 WHERE created_by = $1 AND revoked_at IS NULL RETURNING tenant_id, id)
        INSERT INTO identity.revocation (tenant_id, id, key_id, at) SELECT e.tenant_id, gen_random_uuid(), e.id, $2 FROM ended e",
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    sqlx::query!(
        "UPDATE identity.consent SET revoked_at = $2, revoked_by = $1 WHERE given_by = $1 AND revoked_at IS NULL",
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    sqlx::query!("UPDATE identity.assistance SET name = $2 WHERE account_id = $1", account.uuid(), t("support-former"))
        .execute(system.conn())
        .await?;
    Ok(businesses)
}

/// Takes every way to sign in away; what believes one ends within a second.
async fn shut(system: &mut System, account: AccountId, email: &str) -> Result<()> {
    let id = account.uuid();
    revocation::end_sessions(system, account, None, "the account was deleted").await?;
    revocation::of_platform(system, Ended::Account(account)).await?;
    let guesses = login::guesses(system, account).await?;
    guess::clear(system, &guesses).await?;
    sqlx::query!("DELETE FROM identity.known_device WHERE account_id = $1", id).execute(system.conn()).await?;
    second::take_away(system, account).await?;
    sqlx::query!("DELETE FROM identity.passkey WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.ceremony WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.identity WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.password_link WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.phone_code WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.reset WHERE account_id = $1", id).execute(system.conn()).await?;
    // Somebody else may be about to take this address over: that is asked for anew.
    sqlx::query!("DELETE FROM identity.challenge WHERE account_id = $1 OR email = $2", id, email).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.registration WHERE email = $1", email).execute(system.conn()).await?;
    // The refresh tokens go with their sessions.
    sqlx::query!("DELETE FROM identity.session WHERE account_id = $1", id).execute(system.conn()).await?;
    Ok(())
}

/// Forgets what businesses, letters and logs say of them.
async fn forget(system: &mut System, db: &Db, account: AccountId, email: &str, businesses: &[TenantId]) -> Result<()> {
    let id = account.uuid();
    sqlx::query!("DELETE FROM identity.pin WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("UPDATE identity.device SET account_id = NULL WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.profile WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.photo WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.profile_past WHERE account_id = $1", id).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.invitation WHERE email = $1", email).execute(system.conn()).await?;
    sqlx::query!(
        "DELETE FROM db.job WHERE tenant_id = $1 AND name = $2 AND strpos(payload::text, $3) > 0",
        PLATFORM.uuid(),
        letter::JOB,
        email
    )
    .execute(system.conn())
    .await?;
    post::forget(system.conn(), account, email).await?;
    db::trail::erase_everywhere(system, account).await?;
    db::forget_intents_with(system, businesses, email).await?;
    // Also where they never were, or are no more: somebody's wrong guesses, a look of support.
    let all = sqlx::query_scalar!("SELECT id FROM db.tenant ORDER BY id").fetch_all(system.conn()).await?;
    let all: Vec<TenantId> = all.into_iter().map(TenantId::new).collect();
    db.forget_activity(system, account, &all).await.map(|_| ())
}
