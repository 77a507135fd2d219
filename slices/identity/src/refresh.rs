//! Refresh tokens: each is used once and changed into the next. A spent one that comes again was stolen, or the one who has
//! the next one is a thief: its whole family ends.

use db::{Activity, Db, System, activity};
use kernel::{AccountId, Change, Error, PLATFORM, Result, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{App, Cx, Reply};

use crate::{
    account::Secret,
    letter, limits,
    revocation::{self, Ended},
    secret::Token,
    standing::Standing,
    token::{self, LIFE},
};

/// Seconds for which a refresh token stands unused: 30 days.
const SLIDING: i64 = 30 * 24 * 3600;
/// Seconds for which a family stands: 90 days.
const ABSOLUTE: i64 = 90 * 24 * 3600;
/// Seconds within which the immediate successor is answered again: a lost answer signs nobody out.
const AGAIN: i64 = 10;

/// Changes a refresh token into the next one, with a new access token.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token.
    pub refresh_token: Secret,
}

/// Tokens of a program's session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenPair {
    /// Goes into `Authorization: Bearer …`; 15 minutes.
    pub access_token: String,
    /// Changes into the next pair, once; 30 days.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds for which the access token stands.
    pub expires_in: i64,
    /// The session.
    #[schema(value_type = Uuid)]
    pub session: SessionId,
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The active business, if there is one.
    #[schema(value_type = Option<Uuid>)]
    pub tenant: Option<TenantId>,
}

/// The first pair of a session.
pub(crate) async fn first(app: &App, system: &mut System, standing: &Standing, session: SessionId, given: bool) -> Result<TokenPair> {
    let refresh = add(system, session).await?;
    pair(app, standing, session, given, refresh.text()).await
}

async fn pair(app: &App, standing: &Standing, session: SessionId, given: bool, refresh: String) -> Result<TokenPair> {
    Ok(TokenPair {
        access_token: token::issue(app, standing, session, given).await?,
        refresh_token: refresh,
        token_type: "Bearer",
        expires_in: LIFE,
        session,
        account: standing.account,
        tenant: standing.tenant,
    })
}

async fn add(system: &mut System, session: SessionId) -> Result<Token> {
    let (token, now) = (Token::new(system.source()), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.refresh (token_hash, session_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        &token.hash(),
        session.uuid(),
        now,
        now.plus_seconds(SLIDING)
    )
    .execute(system.conn())
    .await?;
    Ok(token)
}

/// What became of a token that was given.
enum Given {
    /// It was changed into this one, now or some seconds ago.
    Next(SessionId, Token),
    /// It was spent before: the family is ended.
    Stolen,
}

fn sealed_for(hash: &[u8]) -> Vec<u8> {
    [b"refresh:", hash].concat()
}

/// Spends a token. Whether it may be spent is decided by one statement: of several at once, one wins.
async fn spend(cx: &Cx, system: &mut System, given: &Token) -> Result<Given> {
    let db = cx.app.db();
    let wrong = || Error::rule("token.wrong");
    let (hash, now) = (given.hash(), system.source().now());
    let next = Token::new(system.source());
    let sealed = db.vault().seal(&sealed_for(&hash), next.text().as_bytes())?;
    let spent = sqlx::query!(
        "UPDATE identity.refresh r SET used_at = $2, successor = $3 FROM identity.session s
        WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > $2 AND s.id = r.session_id AND s.ended_at IS NULL AND s.created_at > $4
        RETURNING s.id",
        &hash,
        now,
        sealed,
        now.plus_seconds(-ABSOLUTE)
    )
    .fetch_optional(system.conn())
    .await?;
    if let Some(spent) = spent {
        sqlx::query!(
            "INSERT INTO identity.refresh (token_hash, session_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            &next.hash(),
            spent.id,
            now,
            now.plus_seconds(SLIDING)
        )
        .execute(system.conn())
        .await?;
        sqlx::query!("UPDATE identity.session SET seen_at = $2 WHERE id = $1", spent.id, now).execute(system.conn()).await?;
        return Ok(Given::Next(SessionId::new(spent.id), next));
    }
    let before = sqlx::query!(
        r#"SELECT r.session_id, r.used_at, r.successor, s.account_id, s.ended_at, n.used_at AS "next_used_at?"
        FROM identity.refresh r JOIN identity.session s ON s.id = r.session_id
            LEFT JOIN LATERAL (SELECT min(u.used_at) AS used_at FROM identity.refresh u WHERE u.session_id = r.session_id AND u.created_at >= r.used_at AND u.token_hash <> r.token_hash) n ON true
        WHERE r.token_hash = $1 FOR UPDATE OF s"#,
        &hash
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(wrong)?;
    let (Some(used_at), Some(successor), None) = (before.used_at, before.successor, before.ended_at) else { return Err(wrong()) };
    let session = SessionId::new(before.session_id);
    if now <= used_at.plus_seconds(AGAIN) && before.next_used_at.is_none() {
        let text = db.vault().open(&sealed_for(&hash), &successor)?;
        let next = std::str::from_utf8(&text).ok().and_then(Token::read).ok_or_else(wrong)?;
        return Ok(Given::Next(session, next));
    }
    end_family(cx, system, session, AccountId::new(before.account_id)).await?;
    Ok(Given::Stolen)
}

async fn end_family(cx: &Cx, system: &mut System, session: SessionId, account: AccountId) -> Result<()> {
    let now = system.source().now();
    sqlx::query!(
        "UPDATE identity.session SET ended_at = $2, ended_why = 'a spent refresh token came again' WHERE id = $1 AND ended_at IS NULL",
        session.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    revocation::of_platform(system, Ended::Session(session)).await?;
    cx.app.db().note(Activity::of(&cx.op, activity::TOKEN_REUSED, "session").target(session));
    let after = serde_json::json!({ "account": account });
    system.log(&cx.op, PLATFORM, &Change::of("session.stolen", "session", session, &after)).await?;
    letter::tell(cx, system, account, |happened, base| post::letters::signed_out(happened, &format!("{base}/account/security"))).await
}

/// `POST /v1/auth/refresh`.
pub(crate) async fn post(cx: Cx, wanted: Refresh) -> Result<Reply> {
    let wrong = || Error::rule("token.wrong");
    let (app, db) = (&cx.app, cx.app.db());
    let given = Token::read(&wanted.refresh_token.0).ok_or_else(wrong)?;
    let mut system = db.system("identity.refresh").await?;
    let done = spend(&cx, &mut system, &given).await?;
    if let Given::Next(session, _) = &done {
        // Refused before it is committed: the token stays good.
        cx.limit(&limits::REFRESH, session.to_string()).await?;
    }
    system.commit().await?;
    let Given::Next(session, next) = done else { return Err(wrong()) };
    let mut system = db.system("identity.refresh").await?;
    let row = sqlx::query!("SELECT account_id, tenant_id, second FROM identity.session WHERE id = $1", session.uuid())
        .fetch_one(system.conn())
        .await?;
    drop(system);
    let standing = token::load(db, AccountId::new(row.account_id), row.tenant_id.map(TenantId::new)).await?.ok_or_else(wrong)?;
    Reply::json(&pair(app, &standing, session, row.second, next.text()).await?)
}

/// Forgets successors that are answered no more, and seals the others anew; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    let now = system.source().now();
    sqlx::query!("UPDATE identity.refresh SET successor = NULL WHERE successor IS NOT NULL AND used_at < $1", now.plus_seconds(-AGAIN))
        .execute(system.conn())
        .await?;
    let rows = sqlx::query!(r#"SELECT token_hash, successor AS "successor!" FROM identity.refresh WHERE successor IS NOT NULL FOR UPDATE"#)
        .fetch_all(system.conn())
        .await?;
    let (mut hashes, mut sealed) = (Vec::new(), Vec::new());
    for row in rows {
        let about = sealed_for(&row.token_hash);
        sealed.push(db.vault().seal(&about, &db.vault().open(&about, &row.successor)?)?);
        hashes.push(row.token_hash);
    }
    let done = sqlx::query!(
        "UPDATE identity.refresh r SET successor = u.sealed FROM unnest($1::bytea[], $2::bytea[]) AS u (hash, sealed) WHERE r.token_hash = u.hash",
        &hashes,
        &sealed
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected())
}
