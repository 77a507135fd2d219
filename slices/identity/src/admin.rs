//! The operator's acts on accounts: each says why, and enters the platform's log with who, whom and why. The command line
//! does the same.

use db::{
    Db, System,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{AccountId, At, Change, Error, Op, PLATFORM, PlatformRole, Result, TenantId};
use post::letters;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{App, Cx, Reply, tf};

use crate::{
    account,
    email::Email,
    guess,
    letter::{self, Origin},
    login, member, reset,
    revocation::{self, Ended},
    second, session,
};

/// Every account of the installation.
pub(crate) static USERS: List = List {
    name: "users",
    sql: r#"SELECT a.id, a.email COLLATE "C" AS email, a.created_at, a.verified_at, a.locked_at, a.totp_since IS NOT NULL AS two_factor,
            a.password_hash IS NOT NULL AS has_password, a.platform_roles AS platform_set, array_to_string(a.platform_roles, ' ') AS platform_roles,
            (SELECT string_agg(t.slug, ' ' ORDER BY t.slug) FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id
             WHERE m.account_id = a.id AND m.state = 'active') AS businesses,
            (SELECT max(s.seen_at) FROM identity.session s WHERE s.account_id = a.id) AS seen_at
        FROM identity.account a WHERE $1::uuid IS NOT NULL"#,
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("email", Kind::Text, "user-email"),
        Column::shown("businesses", Kind::Text, "user-businesses"),
        Column::shown("platform_roles", Kind::Text, "user-roles"),
        Column::shown("two_factor", Kind::Flag, "user-second"),
        Column::hidden("has_password", Kind::Flag),
        Column::shown("created_at", Kind::Time, "user-since"),
        Column::hidden("verified_at", Kind::Time),
        Column::shown("locked_at", Kind::Time, "user-locked"),
        Column::shown("seen_at", Kind::Time, "user-seen"),
    ],
    filters: &[
        Filter { name: "email", sql: r#"email >= {} COLLATE "C" AND email < ({} || U&'\+10FFFF') COLLATE "C""#, kind: Kind::Text },
        Filter { name: "locked", sql: "(locked_at IS NOT NULL) = {}", kind: Kind::Flag },
        Filter { name: "twoFactor", sql: "two_factor = {}", kind: Kind::Flag },
        Filter { name: "role", sql: "platform_set <> ARRAY[]::text[] AND {} = ANY (platform_set)", kind: Kind::Text },
        Filter {
            name: "tenant",
            // Their ids first: who walks all accounts in the order of their addresses may meet the business's at the very end.
            sql: "id = ANY (ARRAY(SELECT m.account_id FROM identity.member m WHERE m.tenant_id = {} AND m.state = 'active'))",
            kind: Kind::Id,
        },
        Filter { name: "from", sql: "created_at >= {}", kind: Kind::Time },
        Filter { name: "to", sql: "created_at < {}", kind: Kind::Time },
    ],
    sorts: &[Sort { name: "email", column: "email", kind: Kind::Text }, Sort { name: "since", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "id",
};

/// An account as the operator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: AccountId,
    /// The address one signs in with.
    pub email: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    /// When its address was confirmed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<At>,
    /// Since when it is locked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub locked_at: Option<At>,
    /// Why.
    pub lock_reason: Option<String>,
    /// Whether a second factor is set up.
    pub two_factor: bool,
    /// Whether a password was chosen.
    pub has_password: bool,
    /// The operator's roles.
    pub platform_roles: Vec<PlatformRole>,
    /// The businesses, with the roles there.
    pub businesses: Vec<UserBusiness>,
    /// Until when wrong guesses shut the sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub shut_until: Option<At>,
    /// Sessions that stand.
    pub sessions: i64,
    /// When it is to be deleted, as its owner asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erase_at: Option<At>,
    /// Since when it is deleted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erased_at: Option<At>,
}

/// A business of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserBusiness {
    /// The business.
    #[schema(value_type = Uuid)]
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The roles there.
    pub roles: Vec<String>,
}

/// An act on an account, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActOnUser {
    /// Which account.
    #[schema(value_type = Uuid)]
    pub id: AccountId,
    /// Why: it enters the log.
    pub reason: String,
    /// Lock even the last owner of a business.
    #[serde(default)]
    pub even_last_owner: bool,
}

/// Gives the operator's roles.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPlatformRoles {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub id: AccountId,
    /// All of them from now on; none makes a plain user.
    pub roles: Vec<PlatformRole>,
    /// Why: it enters the log.
    pub reason: String,
}

pub(crate) fn reason(text: &str) -> Result<String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Error::field("reason", "text.needed")),
        1..=500 if text.chars().any(|c| c.is_control() && c != '\n') => Err(Error::field("reason", "text.control")),
        1..=500 => Ok(text.to_owned()),
        _ => Err(Error::field("reason", "text.too_long")),
    }
}

/// Reads an account.
pub(crate) async fn user(system: &mut System, id: AccountId) -> Result<User> {
    let now = system.source().now();
    let row = sqlx::query!(
        r#"SELECT a.email, a.created_at, a.verified_at, a.locked_at, a.lock_reason, a.totp_since IS NOT NULL AS "second!",
            a.password_hash IS NOT NULL AS "has!", a.platform_roles, a.erase_at, a.erased_at,
            (SELECT count(*) FROM identity.session s WHERE s.account_id = a.id AND s.ended_at IS NULL AND s.seen_at > $2) AS "sessions!",
            coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'slug', t.slug, 'name', t.name, 'roles', m.roles) ORDER BY t.slug)
                FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id WHERE m.account_id = a.id AND m.state = 'active'), '[]') AS "businesses!"
        FROM identity.account a WHERE a.id = $1"#,
        id.uuid(),
        now.plus_seconds(-12 * 3600)
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let key = login::keys(&row.email, None).0;
    let shut_until = sqlx::query_scalar!("SELECT shut_until FROM identity.guess WHERE key = $1 AND shut_until > $2", &key, now)
        .fetch_optional(system.conn())
        .await?
        .flatten();
    Ok(User {
        id,
        email: row.email,
        created_at: row.created_at,
        verified_at: row.verified_at,
        locked_at: row.locked_at,
        lock_reason: row.lock_reason,
        two_factor: row.second,
        has_password: row.has,
        platform_roles: row.platform_roles.iter().map(|role| role.parse()).collect::<Result<_>>()?,
        businesses: serde_json::from_value(row.businesses).map_err(|e| Error::Internal(e.to_string()))?,
        shut_until,
        sessions: row.sessions,
        erase_at: row.erase_at,
        erased_at: row.erased_at,
    })
}

/// The account of an address, for the command line.
pub async fn find(db: &Db, email: &str) -> Result<AccountId> {
    let email = Email::read("email", email)?;
    let mut system = db.system("admin.find").await?;
    letter::account_of(&mut system, email.as_str()).await?.ok_or(Error::NotFound)
}

/// What is done to an account.
#[derive(Clone, Debug)]
pub enum Act {
    /// Nobody signs in to it any more; its sessions end.
    Lock {
        /// Even where a business then has no owner who can sign in.
        even_last_owner: bool,
    },
    /// It can be signed in to again; wrong guesses are forgotten, but for what they switched off.
    Unlock,
    /// Its second factor is taken away; its sessions end, and its owner is told.
    ResetSecond,
    /// Its sessions end.
    SignOut,
    /// It has these platform roles from now on.
    Roles(Vec<PlatformRole>),
}

/// Acts on an account, and enters it in the log. Codes: `admin.self`, `admin.last`, `account.last_owner`.
pub async fn act(app: &App, op: &Op, id: AccountId, what: Act, why: &str) -> Result<()> {
    let why = reason(why)?;
    let mut system = app.db().system("admin.act").await?;
    one_at_a_time(&mut system).await?;
    let before = user(&mut system, id).await?;
    if before.erased_at.is_some() {
        return Err(Error::rule("account.erased"));
    }
    let itself = op.account().ok() == Some(id);
    let change = match &what {
        Act::Lock { even_last_owner } => {
            if itself {
                return Err(Error::rule("admin.self"));
            }
            keep_an_admin(&mut system, id).await?;
            if !even_last_owner {
                refuse_last_owner(&mut system, id).await?;
            }
            let now = system.source().now();
            sqlx::query!(
                "UPDATE identity.account SET locked_at = coalesce(locked_at, $2), lock_reason = $3 WHERE id = $1",
                id.uuid(),
                now,
                why
            )
            .execute(system.conn())
            .await?;
            member::note_locked(&mut system, id, true).await?;
            end(&mut system, id, "the account was locked").await?;
            Change::of("account.locked", "account", id, &json!({}))
        }
        Act::Unlock => {
            sqlx::query!("UPDATE identity.account SET locked_at = NULL, lock_reason = NULL WHERE id = $1", id.uuid())
                .execute(system.conn())
                .await?;
            member::note_locked(&mut system, id, false).await?;
            let guesses = [login::guesses(&mut system, id).await?, vec![second::guess_key(id)]].concat();
            guess::open(&mut system, &guesses).await?;
            Change::of("account.unlocked", "account", id, &json!({}))
        }
        Act::ResetSecond => {
            reset_second(app, &mut system, &before).await?;
            Change::of("second.reset", "account", id, &json!({}))
        }
        Act::SignOut => {
            end(&mut system, id, "the operator ended it").await?;
            Change::of("account.signed_out", "account", id, &json!({ "sessions": before.sessions }))
        }
        Act::Roles(roles) => {
            if itself && !roles.contains(&PlatformRole::Admin) {
                return Err(Error::rule("admin.self"));
            }
            if !roles.contains(&PlatformRole::Admin) {
                keep_an_admin(&mut system, id).await?;
            }
            let mut roles = roles.clone();
            roles.sort_unstable();
            roles.dedup();
            let codes: Vec<String> = roles.iter().map(|role| role.code().to_owned()).collect();
            sqlx::query!("UPDATE identity.account SET platform_roles = $2 WHERE id = $1", id.uuid(), &codes).execute(system.conn()).await?;
            revocation::of_platform(&mut system, Ended::Account(id)).await?;
            Change::of("account.roles", "account", id, &json!({ "roles": codes })).from(&json!({ "roles": before.platform_roles }))
        }
    };
    system.log(op, PLATFORM, &Change { reason: Some(why), ..change }).await?;
    system.commit().await?;
    session::forget(id);
    Ok(())
}

/// Takes second factor and passkeys away; whoever had one is told.
async fn reset_second(app: &App, system: &mut System, user: &User) -> Result<()> {
    let id = user.id;
    second::take_away(system, id).await?;
    let passkeys = sqlx::query!("DELETE FROM identity.passkey WHERE account_id = $1", id.uuid()).execute(system.conn()).await?;
    if user.two_factor || passkeys.rows_affected() > 0 {
        let base = letter::base_of(app);
        let content = letters::second_factor_reset(&format!("{base}/account/security"));
        letter::send(system, app.db(), Some(&base), Some(id), &user.email, content).await?;
    }
    end(system, id, "the second factor was taken away").await
}

/// One act on accounts at a time: two admins can't lock each other at the same moment, nor two owners delete theirs.
pub(crate) async fn one_at_a_time(system: &mut System) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('identity.admin'))").execute(system.conn()).await?;
    Ok(())
}

async fn end(system: &mut System, id: AccountId, why: &str) -> Result<()> {
    revocation::end_sessions(system, id, None, why).await?;
    revocation::of_platform(system, Ended::Account(id)).await
}

/// Somebody else must be able to run the installation.
pub(crate) async fn keep_an_admin(system: &mut System, id: AccountId) -> Result<()> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM identity.account WHERE id = $1 AND 'ADMIN' = ANY (platform_roles)) AS "is_admin!",
            EXISTS (SELECT 1 FROM identity.account WHERE id <> $1 AND platform_roles <> '{}' AND 'ADMIN' = ANY (platform_roles) AND locked_at IS NULL) AS "another!""#,
        id.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    if row.is_admin && !row.another { Err(Error::rule("admin.last")) } else { Ok(()) }
}

/// A business whose only owner is locked can't be run by anybody.
pub(crate) async fn refuse_last_owner(system: &mut System, id: AccountId) -> Result<()> {
    member::hold_owners(system, id).await?;
    let slug = sqlx::query_scalar!(
        "SELECT t.slug FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id
        WHERE m.account_id = $1 AND m.state = 'active' AND 'owner' = ANY (m.roles) AND NOT EXISTS (
            SELECT 1 FROM identity.member o JOIN identity.account a ON a.id = o.account_id
            WHERE o.tenant_id = m.tenant_id AND o.account_id <> $1 AND o.state = 'active' AND 'owner' = ANY (o.roles) AND a.locked_at IS NULL)
        ORDER BY t.slug LIMIT 1",
        id.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    match slug {
        Some(slug) => Err(Error::rule("account.last_owner").because(tf("account-why-last-owner", &[("business", &slug)]))),
        None => Ok(()),
    }
}

/// Ends sessions: all of one account, or those of everybody.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndSessions {
    /// Whose; leave it out for everybody's.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub account: Option<AccountId>,
    /// Everybody's, that of whoever asks too.
    #[serde(default)]
    pub everybody: bool,
    /// Why: it enters the log.
    pub reason: String,
}

/// Sessions that ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SessionsEnded {
    /// How many.
    pub ended: i64,
}

/// Ends the sessions of everybody, on every node within a second, and enters it in the log. Keys for programs go on. Returns how many.
pub async fn sign_everybody_out(db: &Db, op: &Op, why: &str) -> Result<i64> {
    let why = reason(why)?;
    let mut system = db.system("admin.sign_out").await?;
    let ended = revocation::end_all(&mut system, "the operator ended all").await?;
    let change = Change { reason: Some(why), ..Change::of("sessions.all_ended", "tenant", PLATFORM, &json!({ "ended": ended })) };
    system.log(op, PLATFORM, &change).await?;
    system.commit().await?;
    session::forget_all();
    Ok(ended)
}

/// `POST /v1/admin/sessions/end`.
pub(crate) async fn post_end_sessions(cx: Cx, wanted: EndSessions) -> Result<Reply> {
    let db = cx.app.db();
    let ended = match (wanted.account, wanted.everybody) {
        (Some(account), false) => {
            let before = user(&mut db.system("admin.user").await?, account).await?.sessions;
            act(&cx.app, &cx.op, account, Act::SignOut, &wanted.reason).await?;
            before
        }
        (None, true) => sign_everybody_out(db, &cx.op, &wanted.reason).await?,
        _ => return Err(Error::field("account", "sessions.whose")),
    };
    Reply::json(&SessionsEnded { ended })
}

/// A link by which an account's password is chosen anew, 15 minutes, once; needs no mail server. Codes: `not_found`.
pub async fn recovery_link(app: &App, op: &Op, id: AccountId) -> Result<String> {
    let mut system = app.db().system("admin.recover").await?;
    let token = reset::make(&mut system, id, None).await?;
    system.log(op, PLATFORM, &Change::of("account.recovery", "account", id, &json!({}))).await?;
    system.commit().await?;
    Ok(format!("{}/reset-password?token={}", letter::base_of(app), token.text()))
}

/// An account of an administrator of the installation, made where there is none.
pub async fn make_admin(db: &Db, op: &Op, email: &str) -> Result<AccountId> {
    let id = account::account_for(db, email).await?;
    account::take_back_unconfirmed(db, id).await?;
    let mut system = db.system("admin.create").await?;
    sqlx::query!(
        "UPDATE identity.account SET platform_roles = array_append(array_remove(platform_roles, 'ADMIN'), 'ADMIN') WHERE id = $1",
        id.uuid()
    )
    .execute(system.conn())
    .await?;
    system.log(op, PLATFORM, &Change::of("account.roles", "account", id, &json!({ "roles": ["ADMIN"] }))).await?;
    system.commit().await?;
    session::forget(id);
    Ok(id)
}

/// A page of accounts as the API answers it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    /// The rows, with the names of the list's columns.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// `GET /v1/admin/users`.
pub(crate) async fn list(cx: Cx) -> Result<Users> {
    let asked = cx.asked(&[])?;
    let mut system = cx.app.db().system("admin.users").await?;
    let page = USERS.rows_across(&mut system, &cx.op, &asked, asked.limit.unwrap_or(db::list::PAGE).clamp(1, db::list::MOST)).await?;
    Ok(Users { rows: page.rows, next: page.next })
}

/// `GET /v1/admin/users/{id}`.
pub(crate) async fn one(cx: Cx) -> Result<User> {
    let mut system = cx.app.db().system("admin.user").await?;
    user(&mut system, cx.id("id")?).await
}

async fn done(cx: &Cx, id: AccountId, what: Act, why: &str) -> Result<Reply> {
    act(&cx.app, &cx.op, id, what, why).await?;
    let mut system = cx.app.db().system("admin.user").await?;
    Reply::json(&user(&mut system, id).await?)
}

/// `POST /v1/admin/users/{id}/lock`.
pub(crate) async fn post_lock(cx: Cx, wanted: ActOnUser) -> Result<Reply> {
    done(&cx, wanted.id, Act::Lock { even_last_owner: wanted.even_last_owner }, &wanted.reason).await
}

/// `POST /v1/admin/users/{id}/unlock`.
pub(crate) async fn post_unlock(cx: Cx, wanted: ActOnUser) -> Result<Reply> {
    done(&cx, wanted.id, Act::Unlock, &wanted.reason).await
}

/// `POST /v1/admin/users/{id}/reset-2fa`.
pub(crate) async fn post_reset_second(cx: Cx, wanted: ActOnUser) -> Result<Reply> {
    done(&cx, wanted.id, Act::ResetSecond, &wanted.reason).await
}

/// `POST /v1/admin/users/{id}/roles`.
pub(crate) async fn post_roles(cx: Cx, wanted: SetPlatformRoles) -> Result<Reply> {
    done(&cx, wanted.id, Act::Roles(wanted.roles), &wanted.reason).await
}

/// `POST /v1/admin/users/{id}/resend-verification`: to an account without a password, a letter to choose one.
pub(crate) async fn post_resend(cx: Cx, wanted: ActOnUser) -> Result<Reply> {
    let why = reason(&wanted.reason)?;
    let mut system = cx.app.db().system("admin.resend").await?;
    let user = user(&mut system, wanted.id).await?;
    reset::write(&mut system, cx.app.db(), &Origin::own(&cx), &user.email).await?;
    let change = Change { reason: Some(why), ..Change::of("account.letter", "account", wanted.id, &json!({ "kind": "reset" })) };
    system.log(&cx.op, PLATFORM, &change).await?;
    system.commit().await?;
    account::Accepted::reply()
}
