//! Takes due letters and texts out of the queue and hands them to the mail server or the gateway. At least once: a letter whose outcome is not known is
//! tried again under the same Message-ID.

use std::sync::Arc;
use std::time::Duration;

use db::Db;
use db::activity::{Activity, MAIL_DEAD, MAIL_FAILED, MAIL_SENT};
use kernel::{At, Error, Id, Op, Result, Source, TenantId};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::address::{Address, one_line};
use crate::letter::{LetterId, Written};
use crate::mail::{Mail, Outcome, Parcel};
use crate::text::{Phone, Texts};

/// So many letters are on their way at once.
pub(crate) const AT_ONCE: u32 = 8;
/// A letter whose worker said nothing for so many seconds is taken up by another; longer than any attempt.
const HOLD: i64 = 180;
/// How often the queue is looked at.
const GLANCE: Duration = Duration::from_millis(500);
/// How long to wait when nothing could be sent: the server is away.
const AWAY: Duration = Duration::from_secs(5);
/// After so many attempts (about a day, see [`wait`]) a letter is laid aside for a person.
pub(crate) const ATTEMPTS: i32 = 29;
/// The longest answer of a server that is kept, in characters.
const ANSWER: usize = 500;

/// What came of one look at the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Taken by the server.
    pub sent: u32,
    /// To be tried again.
    pub later: u32,
    /// Given up.
    pub dead: u32,
}

/// Sends what is queued.
#[derive(Clone)]
pub struct Postman {
    db: Db,
    mail: Option<Arc<dyn Mail>>,
    texts: Option<Arc<dyn Texts>>,
}

/// A letter as it was taken.
struct Taken {
    tenant: Uuid,
    id: LetterId,
    kind: String,
    way: String,
    recipient: String,
    body: Option<Vec<u8>>,
    attempts: i32,
    created_at: At,
}

impl Postman {
    /// Over a database and the ways out; what has none waits.
    pub fn new(db: Db, mail: Option<Arc<dyn Mail>>, texts: Option<Arc<dyn Texts>>) -> Self {
        Self { db, mail, texts }
    }

    /// The ways that are open.
    fn ways(&self) -> Vec<String> {
        let open = [("mail", self.mail.is_some()), ("text", self.texts.is_some())];
        open.into_iter().filter(|(_, is)| *is).map(|(way, _)| way.to_owned()).collect()
    }

    /// Tries once to send what was taken.
    async fn attempt(&self, taken: &Taken) -> Outcome {
        let vault = self.db.vault();
        // A key may be missing on this machine alone; a person mends that, not the letter.
        let failed = |error: Error| Outcome::Later(error.to_string());
        match (taken.way.as_str(), &self.mail, &self.texts) {
            ("mail", Some(mail), _) => match taken.parcel(vault) {
                Ok(parcel) => mail.send(parcel).await,
                Err(error) => failed(error),
            },
            ("text", _, Some(texts)) => match taken.text(vault) {
                Ok((to, words)) => texts.send(to, words).await,
                Err(error) => failed(error),
            },
            (way, ..) => Outcome::Later(format!("nothing sends by {way}")),
        }
    }

    /// Sends until told to stop; what is on its way is finished first.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let wait = match self.round(None).await {
                Ok(Round { sent: 0, later: 0, dead: 0 }) => GLANCE,
                Ok(Round { sent: 0, later: 1.., .. }) => AWAY,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the queue of letters can't be worked");
                    AWAY
                }
            };
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(wait) => {} }
        }
    }

    /// Takes a few due letters (of one tenant) and tries to send each once.
    pub async fn round(&self, only: Option<TenantId>) -> Result<Round> {
        let mut under_way = JoinSet::new();
        for taken in self.take(only).await? {
            let postman = self.clone();
            // In a task of its own, so that a fault in one letter is not the end of the others.
            under_way.spawn(async move {
                let outcome = postman.attempt(&taken).await;
                (taken, outcome)
            });
        }
        let mut round = Round::default();
        let mut settled = Ok(());
        // One after the other: the system role has few connections, and sign-in needs them. What is under way is waited for,
        // whatever becomes of the others.
        while let Some(done) = under_way.join_next().await {
            match done {
                Ok((taken, outcome)) => settled = self.settle(&taken, outcome, &mut round).await.and(settled),
                Err(broken) => tracing::error!(%broken, "sending a letter broke off; it is tried again"),
            }
        }
        settled.map(|()| round)
    }

    async fn take(&self, only: Option<TenantId>) -> Result<Vec<Taken>> {
        let now = self.db.now();
        let mut system = self.db.system("post.take").await?;
        let taken = sqlx::query_as!(
            Taken,
            r#"WITH due AS (
                SELECT tenant_id, id FROM post.letter
                WHERE state IN ('queued', 'sending') AND run_at <= $1 AND (tenant_id = $4 OR $4 IS NULL) AND way = ANY ($5)
                ORDER BY run_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            UPDATE post.letter l SET state = 'sending', attempts = l.attempts + 1, run_at = $2
            FROM due WHERE l.tenant_id = due.tenant_id AND l.id = due.id
            RETURNING l.tenant_id AS tenant, l.id AS "id: LetterId", l.kind, l.way, l.recipient, l.body, l.attempts, l.created_at"#,
            now as At,
            now.plus_seconds(HOLD) as At,
            i64::from(AT_ONCE),
            only.map(TenantId::uuid),
            &self.ways()
        )
        .fetch_all(system.conn())
        .await?;
        system.commit().await?;
        Ok(taken)
    }

    /// Writes down what came of an attempt, unless another worker has taken the letter up meanwhile.
    async fn settle(&self, taken: &Taken, outcome: Outcome, round: &mut Round) -> Result<()> {
        let now = self.db.now();
        let (state, run_at, answer) = match outcome {
            Outcome::Sent(said) => ("sent", now, said),
            Outcome::Later(said) if taken.attempts < ATTEMPTS => ("queued", now.plus_seconds(wait(taken.attempts, self.db.source())), said),
            Outcome::Later(said) | Outcome::Refused(said) => ("dead", now, said),
        };
        let answer = one_line(&answer, ANSWER);
        self.tell(taken, state, &answer, round);
        let mut system = self.db.system("post.settle").await?;
        let settled = sqlx::query!(
            "UPDATE post.letter SET state = $4, run_at = $5, answer = $6,
                body = CASE WHEN $4 = 'sent' THEN NULL ELSE body END, sent_at = CASE WHEN $4 = 'sent' THEN $7::timestamptz END
            WHERE tenant_id = $1 AND id = $2 AND state = 'sending' AND attempts = $3",
            taken.tenant,
            taken.id.uuid(),
            taken.attempts,
            state,
            run_at as At,
            answer,
            now as At
        )
        .execute(system.conn())
        .await?
        .rows_affected();
        system.commit().await?;
        if settled == 0 {
            tracing::warn!(id = %taken.id, "a letter took so long that another worker took it up; it may come twice, under one Message-ID");
        }
        Ok(())
    }

    /// Counts, logs and notes what came of an attempt.
    fn tell(&self, taken: &Taken, state: &str, answer: &str, round: &mut Round) {
        let (id, kind, attempts) = (taken.id, &taken.kind, taken.attempts);
        let action = match state {
            "sent" => {
                tracing::info!(%id, kind, attempts, answer, "a letter was sent");
                round.sent += 1;
                MAIL_SENT
            }
            "queued" => {
                tracing::info!(%id, kind, attempts, answer, "a letter could not be sent; it is tried again");
                round.later += 1;
                MAIL_FAILED
            }
            _ => {
                tracing::warn!(%id, kind, attempts, answer, "a letter was given up");
                round.dead += 1;
                MAIL_DEAD
            }
        };
        let op = Op::program(self.db.source(), "post", Some(TenantId::new(taken.tenant)));
        self.db.note(Activity::of(&op, action, "mail").target(id).detail(json!({ "letter": kind, "attempts": attempts })));
    }
}

impl Taken {
    fn written(&self, vault: &vault::Keyring) -> Result<Written> {
        let sealed = self.body.as_deref().ok_or_else(|| Error::Internal(format!("letter {} has no body", self.id)))?;
        Written::open(vault, self.id, sealed)
    }

    fn text(&self, vault: &vault::Keyring) -> Result<(Phone, String)> {
        Ok((Phone::new(&self.recipient)?, self.written(vault)?.text))
    }

    fn parcel(&self, vault: &vault::Keyring) -> Result<Parcel> {
        Ok(Parcel {
            id: self.id,
            kind: self.kind.clone(),
            to: Address::new(&self.recipient)?,
            at: self.created_at,
            written: self.written(vault)?,
        })
    }
}

/// Seconds until the next attempt: a minute, two, four, … an hour, and up to a fifth more, so that letters of one bad hour do not
/// come back all at once. 29 attempts take about a day.
fn wait(attempts: i32, source: &Source) -> i64 {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(6);
    let seconds = (60_i64 << doublings).min(3600);
    seconds + i64::from(u16::from_be_bytes(source.bytes())) * (seconds / 5) / i64::from(u16::MAX)
}

/// So many letters are tidied away at once.
const TIDIED: i64 = 1000;
/// Letters that nobody needs any more are forgotten after so many days.
const KEPT: i64 = 30;

/// Forgets sent and cancelled letters, and gives up dead ones, some time after they were written.
pub(crate) async fn tidy(db: &Db) -> Result<()> {
    loop {
        let mut system = db.system("post.tidy").await?;
        let gone = sqlx::query!(
            "DELETE FROM post.letter l USING (
                SELECT tenant_id, id FROM post.letter WHERE state IN ('sent', 'cancelled', 'dead') AND id < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) old
            WHERE l.tenant_id = old.tenant_id AND l.id = old.id",
            oldest_kept(db.now()).uuid(),
            TIDIED
        )
        .execute(system.conn())
        .await?
        .rows_affected();
        system.commit().await?;
        if gone < TIDIED.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Ids are made in the order of time: all letters of before have a smaller one.
fn oldest_kept(now: At) -> LetterId {
    let then = now.plus_seconds(-KEPT * 86_400);
    let millis = u64::try_from(then.micros() / 1000).unwrap_or(0);
    Id::new(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_and_last_about_a_day() {
        let source = Source::real();
        let mut shortest = 0;
        for attempt in 1..ATTEMPTS {
            let whole = [60, 120, 240, 480, 960, 1920].get(usize::try_from(attempt).unwrap() - 1).copied().unwrap_or(3600);
            for _ in 0..50 {
                let waited = wait(attempt, &source);
                assert!((whole..=whole + whole / 5).contains(&waited), "attempt {attempt}: {waited}");
            }
            shortest += whole;
        }
        assert!((22 * 3600..=24 * 3600).contains(&shortest), "{shortest}");
    }
}
