//! Wrong guesses are counted before they are checked, in one statement: parallel guesses can't beat the count, and a crash
//! between the count and the check favours nobody.
//!
//! Five wrong ones shut what is guessed for five minutes, the next five for ten, and so on up to an hour. What is guessed is
//! named by a digest: a password of an address, whether or not there is such an account; one from a device that signed in
//! to it before; a second factor; a PIN on a device. A stranger's guesses so never shut out a known device.

use db::{Activity, System, activity};
use kernel::{AccountId, At, Error, Result};
use web::{Cx, tf};

use crate::secret::Digested;

/// Wrong guesses after which there is a pause.
pub(crate) const PAUSE_AFTER: i32 = 5;
/// Seconds of the first pause; each next one is twice as long.
const PAUSE: i64 = 300;
/// Seconds of the longest pause.
const LONGEST: i64 = 3600;
/// Wrong guesses in a row after which what is guessed is switched off until there is another one: a password that was reset, a
/// second factor or a PIN that was set up anew (NIST SP 800-63B-4 §3.2.2).
pub(crate) const MOST: i32 = 100;

/// A guess as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Guesses in a row, this one included.
    pub failures: i32,
    /// Whether it may be checked.
    pub allowed: bool,
    /// Until when nothing is checked.
    pub shut_until: Option<At>,
}

impl Counted {
    /// The refusal of a guess that may not be checked.
    pub fn refused(self, now: At, code: &'static str) -> Result<()> {
        if self.allowed {
            return Ok(());
        }
        if self.failures >= MOST {
            return Err(Error::rule(match code {
                "login.shut" => "login.disabled",
                "second.shut" => "second.disabled",
                "pin.shut" => "pin.disabled",
                other => other,
            }));
        }
        let seconds = self.shut_until.map_or(PAUSE, |until| (until.micros() - now.micros()) / 1_000_000 + 1);
        Err(Error::rule(code).because(tf("guess-why-minutes", &[("minutes", &((seconds + 59) / 60).to_string())])))
    }

    /// Whether so many were wrong that the next one needs proof that a person guesses.
    pub fn doubtful(self) -> bool {
        self.failures >= PAUSE_AFTER
    }

    /// Whether a wrong guess just shut it.
    pub fn shuts(self) -> bool {
        self.allowed && self.failures % PAUSE_AFTER == 0
    }

    /// Notes that the guess was wrong, as `action` says, or that it just shut what was guessed: whose it is, and `how` it was guessed.
    pub fn note_wrong(self, cx: &Cx, action: &'static str, account: Option<AccountId>, how: &str) {
        let action = if self.shuts() { activity::LOCKED_OUT } else { action };
        let wrong = Activity::of(&cx.op, action, "account").detail(serde_json::json!({ "how": how }));
        cx.app.db().note(account.into_iter().fold(wrong, Activity::target));
    }
}

/// How it stands with what is guessed; nothing is counted.
pub(crate) async fn look(system: &mut System, key: &Digested) -> Result<Counted> {
    let now = system.source().now();
    let row = sqlx::query!("SELECT failures, shut_until FROM identity.guess WHERE key = $1", key).fetch_optional(system.conn()).await?;
    let (failures, shut_until) = row.map_or((0, None), |row| (row.failures, row.shut_until));
    Ok(Counted { failures, allowed: failures < MOST && shut_until.is_none_or(|until| until <= now), shut_until })
}

/// Counts a guess.
pub(crate) async fn count(system: &mut System, key: &Digested) -> Result<Counted> {
    count_of(system, key, PAUSE_AFTER).await
}

/// The same where there is a pause after another number of wrong ones.
pub(crate) async fn count_of(system: &mut System, key: &Digested, pause_after: i32) -> Result<Counted> {
    let now = system.source().now();
    let row = sqlx::query!(
        "INSERT INTO identity.guess AS g (key, failures, shut_until, allowed, at) VALUES ($1, 1, NULL, true, $2)
        ON CONFLICT (key) DO UPDATE SET
            failures = CASE WHEN g.shut_until > $2 OR g.failures >= $3 THEN g.failures ELSE g.failures + 1 END,
            allowed = NOT (coalesce(g.shut_until > $2, false) OR g.failures >= $3),
            shut_until = CASE
                WHEN g.shut_until > $2 THEN g.shut_until
                WHEN (g.failures + 1) % $4 = 0
                THEN $2 + least($5 * power(2, least((g.failures + 1) / $4 - 1, 20)), $6) * interval '1 second' END,
            at = $2
        RETURNING failures, allowed, shut_until",
        key,
        now,
        MOST,
        pause_after,
        PAUSE as f64,
        LONGEST as f64
    )
    .fetch_one(system.conn())
    .await?;
    Ok(Counted { failures: row.failures, allowed: row.allowed, shut_until: row.shut_until })
}

/// Forgets the guesses: the right one was made, or another way proved who it is.
pub(crate) async fn clear(system: &mut System, keys: &[Digested]) -> Result<()> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    sqlx::query!("DELETE FROM identity.guess WHERE key = ANY ($1)", &keys).execute(system.conn()).await?;
    Ok(())
}

/// Forgets guesses that shut something for a while. What so many switched off stays off: that ends with what was guessed at.
pub(crate) async fn open(system: &mut System, keys: &[Digested]) -> Result<()> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    sqlx::query!("DELETE FROM identity.guess WHERE key = ANY ($1) AND failures < $2", &keys, MOST).execute(system.conn()).await?;
    Ok(())
}

/// Takes guesses back that were somebody's own slips; what others guessed wrong stays counted.
pub(crate) async fn forgive(system: &mut System, key: &Digested, guesses: i32) -> Result<()> {
    sqlx::query!("UPDATE identity.guess SET failures = greatest(failures - $2, 0), shut_until = NULL WHERE key = $1", key, guesses)
        .execute(system.conn())
        .await?;
    Ok(())
}

/// Forgets guesses that are long past, but for what they switched off: no time brings that back.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-30 * 24 * 3600);
    sqlx::query!("DELETE FROM identity.guess WHERE at < $1 AND failures < $2", before, MOST).execute(system.conn()).await?;
    Ok(())
}
