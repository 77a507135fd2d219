//! Activity: what happened and changed no business data. Noting never waits and never fails: notes go into a bounded queue
//! that one writer empties in batches; what does not fit is dropped and counted.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kernel::{AccountId, Actor, At, Error, Id, Op, PLATFORM, RequestId, Result, TenantId};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::{Mutex, mpsc, watch};
use uuid::Uuid;

use crate::{Db, System};

/// How many notes wait at most.
pub const QUEUE: usize = 10_000;
/// How many are written at once.
const BATCH: usize = 500;
/// How long notes gather.
const GATHER: Duration = Duration::from_millis(250);
/// How long the writer rests when the database does not take them.
const REST: Duration = Duration::from_secs(1);
/// Months that are kept unless the configuration says otherwise.
pub const MONTHS: u32 = 13;

/// Somebody signed in.
pub const SIGNED_IN: &str = "auth.signed_in";
/// A sign-in that was refused.
pub const SIGN_IN_FAILED: &str = "auth.failed";
/// Somebody signed out.
pub const SIGNED_OUT: &str = "auth.signed_out";
/// Too many failures: an account or address must wait.
pub const LOCKED_OUT: &str = "auth.locked_out";
/// A second factor that was refused.
pub const SECOND_FACTOR_FAILED: &str = "auth.second_factor_failed";
/// Somebody signed in could not show who they are: a wrong password.
pub const PROOF_FAILED: &str = "auth.proof_failed";
/// A wrong code in place of one that was mailed or texted.
pub const CODE_FAILED: &str = "auth.code_failed";
/// A wrong PIN on a registered device.
pub const PIN_FAILED: &str = "auth.pin_failed";
/// A link for a new password was asked for.
pub const RESET_ASKED: &str = "auth.reset_asked";
/// A program took tokens.
pub const TOKENS_GIVEN: &str = "auth.tokens_given";
/// A refresh token came a second time.
pub const TOKEN_REUSED: &str = "auth.token_reused";
/// A mail was given to the mail server.
pub const MAIL_SENT: &str = "mail.sent";
/// A mail was not taken and is tried again.
pub const MAIL_FAILED: &str = "mail.failed";
/// A mail is not tried any more.
pub const MAIL_DEAD: &str = "mail.dead";
/// A list was taken out as a file.
pub const LIST_EXPORTED: &str = "list.exported";
/// The trail or the activity was taken out as a file.
pub const TRAIL_EXPORTED: &str = "trail.exported";
/// An operator looked at a business's trail.
pub const TRAIL_READ: &str = "trail.read";

/// Somebody asked for what their role does not include.
pub const REFUSED: &str = "request.refused";
/// Asked by another site's page, as it seems.
pub const FORGED: &str = "request.forged";
/// Asked too often; noted once for each limit's window.
pub const LIMITED: &str = "request.limited";

/// All that can be noted. The text `activity-…` of the same name says it to people.
pub const ACTIONS: &[&str] = &[
    SIGNED_IN,
    SIGN_IN_FAILED,
    SIGNED_OUT,
    LOCKED_OUT,
    SECOND_FACTOR_FAILED,
    PROOF_FAILED,
    CODE_FAILED,
    PIN_FAILED,
    RESET_ASKED,
    TOKENS_GIVEN,
    TOKEN_REUSED,
    MAIL_SENT,
    MAIL_FAILED,
    MAIL_DEAD,
    LIST_EXPORTED,
    TRAIL_EXPORTED,
    TRAIL_READ,
    REFUSED,
    FORGED,
    LIMITED,
];

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Activity {
    /// In which business; the platform's where it is nobody's.
    pub tenant: TenantId,
    /// Who.
    pub actor: Actor,
    /// One of [`ACTIONS`].
    pub action: &'static str,
    /// The kind of thing it is about: `account`, `mail`, `list`.
    pub kind: &'static str,
    /// Which one.
    pub target: Option<Uuid>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// Under which request.
    pub request: Option<RequestId>,
    /// What more there is to say; nothing secret.
    pub detail: Option<Value>,
}

impl Activity {
    /// Something that happened in an op.
    pub fn of(op: &Op, action: &'static str, kind: &'static str) -> Self {
        let tenant = op.tenant.unwrap_or(PLATFORM);
        Self { tenant, actor: op.actor, action, kind, target: None, address: op.address, request: Some(op.request), detail: None }
    }

    /// About which thing.
    #[must_use]
    pub fn target<T>(self, target: Id<T>) -> Self {
        Self { target: Some(target.uuid()), ..self }
    }

    /// With more to say.
    #[must_use]
    pub fn detail(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

struct Note {
    id: Uuid,
    at: At,
    activity: Activity,
}

/// What waits to be written.
pub(crate) struct Notes {
    send: mpsc::Sender<Note>,
    receive: Mutex<mpsc::Receiver<Note>>,
    dropped: AtomicU64,
}

impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notes({} dropped)", self.dropped.load(Ordering::Relaxed))
    }
}

impl Default for Notes {
    fn default() -> Self {
        let (send, receive) = mpsc::channel(QUEUE);
        Self { send, receive: Mutex::new(receive), dropped: AtomicU64::new(0) }
    }
}

impl Notes {
    fn drop_some(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// PostgreSQL takes no NUL in a text.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(all) => all.iter_mut().for_each(without_nul),
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains('\0'));
            fields.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

impl Db {
    /// Notes what happened; never waits.
    pub fn note(&self, mut activity: Activity) {
        debug_assert!(ACTIONS.contains(&activity.action), "{} is not among the actions that can be noted", activity.action);
        if let Some(detail) = &mut activity.detail {
            without_nul(detail);
        }
        let note = Note { id: self.source.uuid(), at: self.source.now(), activity };
        if self.notes.send.try_send(note).is_err() {
            self.notes.drop_some(1);
        }
    }

    /// How many notes this node had to drop since it started.
    pub fn activity_dropped(&self) -> u64 {
        self.notes.dropped.load(Ordering::Relaxed)
    }

    /// How many notes wait to be written.
    pub fn activity_waiting(&self) -> usize {
        QUEUE - self.notes.send.capacity()
    }

    /// Writes notes until told to stop, then what is still queued.
    pub async fn write_activity(&self, mut stop: watch::Receiver<bool>) {
        let mut receive = self.notes.receive.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => break,
                got = receive.recv_many(&mut batch, BATCH) => if got == 0 { break },
            }
            if batch.len() < BATCH {
                tokio::select! { _ = stop.changed() => {}, () = tokio::time::sleep(GATHER) => {} }
                while batch.len() < BATCH
                    && let Ok(note) = receive.try_recv()
                {
                    batch.push(note);
                }
            }
            while let Err(error) = self.write_notes(&mut batch).await {
                tracing::warn!(%error, "activity can't be written now");
                if *stop.borrow() {
                    break;
                }
                tokio::select! { _ = stop.changed() => {}, () = tokio::time::sleep(REST) => {} }
            }
        }
        self.drain(&mut receive, batch).await;
    }

    /// Writes all that is queued now. For stories, and at the end.
    pub async fn flush_activity(&self) {
        let mut receive = self.notes.receive.lock().await;
        self.drain(&mut receive, Vec::new()).await;
    }

    async fn drain(&self, receive: &mut mpsc::Receiver<Note>, mut batch: Vec<Note>) {
        loop {
            while batch.len() < BATCH
                && let Ok(note) = receive.try_recv()
            {
                batch.push(note);
            }
            if batch.is_empty() {
                return;
            }
            if let Err(error) = self.write_notes(&mut batch).await {
                tracing::warn!(%error, lost = batch.len(), "activity could not be written");
                self.notes.drop_some(batch.len());
                batch.clear();
            }
        }
    }

    /// Writes a batch and empties it. What the database does not take for what it says is dropped; when the database is away,
    /// the batch stays and the error comes back.
    async fn write_notes(&self, batch: &mut Vec<Note>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let lost = match self.insert_notes(batch).await {
            Ok(written) => batch.len().saturating_sub(usize::try_from(written).unwrap_or(0)),
            Err(error @ (Error::Unavailable(..) | Error::Conflict(_))) => return Err(error),
            Err(error) => {
                tracing::error!(%error, lost = batch.len(), "activity was refused");
                batch.len()
            }
        };
        self.notes.drop_some(lost);
        batch.clear();
        Ok(())
    }

    async fn insert_notes(&self, batch: &[Note]) -> Result<u64> {
        let actor = |note: &Note| note.activity.actor.stored();
        let mut system = self.system("activity.write").await?;
        let written = sqlx::query!(
            "INSERT INTO db.activity (tenant_id, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, detail)
            SELECT t.id, u.id, u.at, u.actor_kind, u.actor_id, u.actor_name, u.request_id, u.address, u.action, u.kind, u.target_id, u.detail
            FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::jsonb[])
                AS u (tenant_id, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, detail)
            JOIN db.tenant t ON t.id = u.tenant_id",
            &batch.iter().map(|n| n.activity.tenant.uuid()).collect::<Vec<_>>(),
            &batch.iter().map(|n| n.id).collect::<Vec<_>>(),
            &batch.iter().map(|n| n.at).collect::<Vec<_>>() as &[At],
            &batch.iter().map(|n| actor(n).0.to_owned()).collect::<Vec<_>>(),
            &batch.iter().map(|n| actor(n).1).collect::<Vec<_>>() as &[Option<Uuid>],
            &batch.iter().map(|n| actor(n).2).collect::<Vec<_>>() as &[Option<String>],
            &batch.iter().map(|n| n.activity.request.map(RequestId::uuid)).collect::<Vec<_>>() as &[Option<Uuid>],
            &batch.iter().map(|n| n.activity.address.map(|a| a.to_string())).collect::<Vec<_>>() as &[Option<String>],
            &batch.iter().map(|n| n.activity.action.to_owned()).collect::<Vec<_>>(),
            &batch.iter().map(|n| n.activity.kind.to_owned()).collect::<Vec<_>>(),
            &batch.iter().map(|n| n.activity.target).collect::<Vec<_>>() as &[Option<Uuid>],
            &batch.iter().map(|n| n.activity.detail.clone()).collect::<Vec<_>>() as &[Option<Value>]
        )
        .execute(system.conn())
        .await?
        .rows_affected();
        system.commit_unannounced().await?;
        Ok(written)
    }

    /// Forgets what the activity of these businesses says of a person: from where they came, and what more there was to say. That
    /// something happened stays. Returns how many notes.
    pub async fn forget_activity(&self, system: &mut System, person: AccountId, tenants: &[TenantId]) -> Result<u64> {
        let tenants: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
        let forgotten = sqlx::query!(
            "UPDATE db.activity SET address = NULL, detail = NULL
            WHERE tenant_id = ANY ($1) AND (actor_id = $2 OR target_id = $2) AND (address IS NOT NULL OR detail IS NOT NULL)",
            &tenants,
            person.uuid()
        );
        Ok(forgotten.execute(system.conn()).await?.rows_affected())
    }

    /// Empties the months that are no longer kept; how many. The owner drops them when it next comes by.
    pub async fn expire_activity(&self) -> Result<u64> {
        let before = oldest_kept(self.source.now(), self.trail.activity_months);
        let mut system = self.system("activity.expire").await?;
        sqlx::query!("DELETE FROM db.activity_rest WHERE at < $1::date AT TIME ZONE 'UTC'", before as kernel::Day)
            .execute(system.conn())
            .await?;
        let expired: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'db.activity'::regclass AND c.relname ~ '^activity_[0-9]{4}_[0-9]{2}$'
                AND c.relname < 'activity_' || to_char($1::date, 'YYYY_MM') AND pg_relation_size(c.oid) > 0",
        )
        .bind(before)
        .fetch_all(system.conn())
        .await?;
        if !expired.is_empty() {
            // Names of the catalog that match the pattern above.
            let tables: Vec<String> = expired.iter().map(|name| format!("db.{name}")).collect();
            sqlx::raw_sql(AssertSqlSafe(format!("TRUNCATE {}", tables.join(", ")))).execute(system.conn()).await?;
        }
        system.commit_unannounced().await?;
        Ok(expired.len() as u64)
    }
}

/// The first day of the oldest month that is kept.
fn oldest_kept(now: At, months: u32) -> kernel::Day {
    let today = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let months = i64::from(months.saturating_sub(1));
    kernel::Day::from(today.first_of_month().saturating_sub(jiff::Span::new().try_months(months).unwrap_or_default()))
}

/// Makes the months ahead and drops those that are no longer kept, as the owner of the tables.
pub async fn keep_months(owner: &mut PgConnection, now: At, months: u32) -> Result<()> {
    sqlx::raw_sql("SET lock_timeout = '10s'").execute(&mut *owner).await?;
    sqlx::query("SELECT db.activity_months()").execute(&mut *owner).await?;
    sqlx::query("SELECT db.activity_forget($1)").bind(oldest_kept(now, months)).execute(owner).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_months_are_kept_with_the_present_one() {
        let now: At = "2026-11-21T09:00:00Z".parse().unwrap();
        assert_eq!(oldest_kept(now, 1).to_string(), "2026-11-01");
        assert_eq!(oldest_kept(now, 13).to_string(), "2025-11-01");
        assert_eq!(oldest_kept(now, 0).to_string(), "2026-11-01");
    }

    #[test]
    fn nuls_are_taken_out_of_what_is_noted() {
        let mut value = serde_json::json!({ "a": "x\0y", "b\0": 1, "c": ["\0"] });
        without_nul(&mut value);
        assert_eq!(value, serde_json::json!({ "a": "xy", "c": [""] }));
    }
}
