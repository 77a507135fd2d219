//! What every node must stop believing within a second.
//!
//! Tokens are believed by their signature, without asking the database. So what ends them is written down beside the change
//! and looked for at least once a second by every node that serves tokens. Rows are found by the transaction that wrote them:
//! one that commits late is found late, but never missed, whatever the clock said when it began.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use db::{Db, System, Tx};
use kernel::{AccountId, At, KeyId, PLATFORM, Result, SessionId, TenantId};
use uuid::Uuid;

/// Looks in the background after this long.
const SOON: Duration = Duration::from_millis(300);
/// Waits for a look after this long: what is older than a second is not believed.
const STALE: Duration = Duration::from_millis(900);
/// Rows are kept so long: no access token lives longer.
const KEPT: i64 = 1800;

/// Raised by each revocation of this process, so that its own next request looks before it believes.
static HERE: AtomicU64 = AtomicU64::new(0);

/// Whose tokens or rights end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// One session.
    Session(SessionId),
    /// Every token of an account that was made before.
    Account(AccountId),
    /// What is known of an account's rights; its tokens stand.
    Rights(AccountId),
}

/// Writes down an end, in the transaction that ends it.
pub(crate) async fn of_platform(system: &mut System, ended: Ended) -> Result<()> {
    let (account, session) = match ended {
        Ended::Session(session) => (None, Some(session.uuid())),
        Ended::Account(account) | Ended::Rights(account) => (Some(account.uuid()), None),
    };
    let (id, now) = (system.source().uuid(), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.revocation (tenant_id, id, account_id, session_id, at, rights) VALUES ($1, $2, $3, $4, $5, $6)",
        PLATFORM.uuid(),
        id,
        account,
        session,
        now,
        matches!(ended, Ended::Rights(_))
    )
    .execute(system.conn())
    .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Ends every session of an account but one, and says so; returns how many.
pub(crate) async fn end_sessions(system: &mut System, account: AccountId, but: Option<SessionId>, why: &str) -> Result<u64> {
    let now = system.source().now();
    let ended = sqlx::query!(
        "WITH ended AS (
            UPDATE identity.session SET ended_at = $2, ended_why = $4 WHERE account_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3
            RETURNING id, device_id),
        left_devices AS (UPDATE identity.device d SET account_id = NULL FROM ended e WHERE d.id = e.device_id AND d.account_id = $1)
        INSERT INTO identity.revocation (tenant_id, id, session_id, at) SELECT $5, gen_random_uuid(), e.id, $2 FROM ended e",
        account.uuid(),
        now,
        but.map(SessionId::uuid),
        why,
        PLATFORM.uuid()
    )
    .execute(system.conn())
    .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(ended.rows_affected())
}

/// Ends every session of everybody, and says so of those whose tokens are believed without being asked for; returns how many.
pub(crate) async fn end_all(system: &mut System, why: &str) -> Result<i64> {
    let now = system.source().now();
    let ended = sqlx::query_scalar!(
        r#"WITH ended AS (
            UPDATE identity.session SET ended_at = $1, ended_why = $2 WHERE ended_at IS NULL RETURNING id, kind
        ), told AS (
            INSERT INTO identity.revocation (tenant_id, id, session_id, at) SELECT $3, gen_random_uuid(), e.id, $1 FROM ended e WHERE e.kind = 'tokens'
        )
        SELECT count(*) AS "count!" FROM ended"#,
        now,
        why,
        PLATFORM.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(ended)
}

/// Says that a member's rights in the transaction's business changed, or everybody's there.
pub(crate) async fn of_member(tx: &mut Tx, account: Option<AccountId>) -> Result<()> {
    let (tenant, id, now) = (tx.tenant().uuid(), tx.op().source.uuid(), tx.now());
    sqlx::query!(
        "INSERT INTO identity.revocation (tenant_id, id, account_id, at) VALUES ($1, $2, $3, $4)",
        tenant,
        id,
        account.map(AccountId::uuid),
        now
    )
    .execute(tx.conn())
    .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// The same across businesses.
pub(crate) async fn of_member_in(system: &mut System, tenant: TenantId, account: AccountId) -> Result<()> {
    let (id, now) = (system.source().uuid(), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.revocation (tenant_id, id, account_id, at) VALUES ($1, $2, $3, $4)",
        tenant.uuid(),
        id,
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Says that a key for programs ended.
pub(crate) async fn of_key(tx: &mut Tx, key: KeyId) -> Result<()> {
    let (tenant, id, now) = (tx.tenant().uuid(), tx.op().source.uuid(), tx.now());
    sqlx::query!("INSERT INTO identity.revocation (tenant_id, id, key_id, at) VALUES ($1, $2, $3, $4)", tenant, id, key.uuid(), now)
        .execute(tx.conn())
        .await?;
    HERE.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Deletes what no living token can be about.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-KEPT);
    sqlx::query!("DELETE FROM identity.revocation WHERE at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// A row as it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub tenant: TenantId,
    pub account: Option<AccountId>,
    pub session: Option<SessionId>,
    pub key: Option<KeyId>,
    /// Whether it is about rights alone, and ends no token.
    pub rights: bool,
    pub at: At,
}

/// What a node knows of ends.
#[derive(Default)]
pub(crate) struct Feed {
    known: Mutex<Known>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// Transactions before this one were all seen.
    mark: Option<String>,
    /// When rows were last read, on the program's own clock: what was kept from before rows are deleted can't be relied on.
    read_at: Option<At>,
    looked: Option<Instant>,
    here: u64,
    sessions: HashMap<SessionId, At>,
    accounts: HashMap<AccountId, At>,
}

/// How much of a look is needed now.
enum Need {
    None,
    Soon,
    Now,
}

impl Feed {
    fn known<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a token of this session and account, made at `made`, has ended.
    pub fn ended(&self, session: SessionId, account: AccountId, made: At) -> bool {
        self.known(|k| k.sessions.contains_key(&session) || k.accounts.get(&account).is_some_and(|at| made <= *at))
    }

    fn need(&self) -> Need {
        self.known(|k| match k.looked.map(|at| at.elapsed()) {
            Some(age) if age < STALE && k.here == HERE.load(Ordering::Relaxed) => {
                if age < SOON {
                    Need::None
                } else {
                    Need::Soon
                }
            }
            _ => Need::Now,
        })
    }

    /// Makes sure that what is known is younger than a second; hands new rows to `apply`, and whether so
    /// long was not looked that rows may have come and gone. In a busy program nobody waits: the
    /// next look is taken in the background before the last one is too old.
    pub async fn fresh(self: &std::sync::Arc<Self>, db: &Db, apply: impl Fn(&[Row], bool) + Send + Sync + 'static) -> Result<()> {
        match self.need() {
            Need::None => Ok(()),
            Need::Soon => {
                let (feed, db) = (self.clone(), db.clone());
                tokio::spawn(async move {
                    if let Ok(_alone) = feed.looking.try_lock()
                        && let Err(error) = feed.look(&db, &apply).await
                    {
                        tracing::warn!(%error, "revocations can't be read");
                    }
                });
                Ok(())
            }
            Need::Now => {
                let _alone = self.looking.lock().await;
                if matches!(self.need(), Need::Now) { self.look(db, &apply).await } else { Ok(()) }
            }
        }
    }

    async fn look(&self, db: &Db, apply: &(impl Fn(&[Row], bool) + Send)) -> Result<()> {
        let (mark, here, begun) = (self.known(|k| k.mark.clone()), HERE.load(Ordering::Relaxed), Instant::now());
        let mut system = db.system("identity.revocations").await?;
        let rows = sqlx::query!(
            r#"SELECT m.mark AS "mark!", r.tenant_id AS "tenant_id?", r.account_id, r.session_id, r.key_id, r.rights AS "rights?", r.at AS "at?"
            FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark) m
                LEFT JOIN identity.revocation r ON r.written_by >= coalesce($1::text, '0')::xid8"#,
            mark
        )
        .fetch_all(system.conn())
        .await?;
        let new_mark = rows.first().map(|row| row.mark.clone());
        let rows: Vec<Row> = rows
            .into_iter()
            .filter_map(|row| {
                let id = |uuid: Option<Uuid>| uuid;
                Some(Row {
                    tenant: TenantId::new(row.tenant_id?),
                    account: id(row.account_id).map(AccountId::new),
                    session: id(row.session_id).map(SessionId::new),
                    key: id(row.key_id).map(KeyId::new),
                    rights: row.rights.unwrap_or_default(),
                    at: row.at?,
                })
            })
            .collect();
        let now = db.source().now();
        let forget = now.plus_seconds(-KEPT);
        let gap = self.known(|k| k.read_at.is_none_or(|at| at < now.plus_seconds(-KEPT / 2)));
        self.known(|k| {
            for row in rows.iter().filter(|row| row.tenant == PLATFORM && !row.rights) {
                if let Some(session) = row.session {
                    k.sessions.insert(session, row.at);
                }
                if let Some(account) = row.account {
                    let at = k.accounts.entry(account).or_insert(row.at);
                    *at = (*at).max(row.at);
                }
            }
            k.sessions.retain(|_, at| *at > forget);
            k.accounts.retain(|_, at| *at > forget);
            k.mark = new_mark;
            k.read_at = Some(now);
            k.looked = Some(begun);
            k.here = here;
        });
        apply(&rows, gap);
        Ok(())
    }
}
