//! Passwords: which ones are taken, and how they are kept (Argon2id, RFC 9106).
//!
//! A hash needs 64 MiB. So hashes run on blocking threads, at most `max(1, cores / 2)` at once, in buffers that are used
//! again and given back to the system when nobody signed in for [`IDLE`].

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Error, Result, Source};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Memory in KiB, passes, lanes.
const COST: Cost = Cost { memory: 64 * 1024, passes: 3, lanes: 2 };
/// Length of a kept tag in bytes.
const TAG: usize = 32;
/// How long one waits for a free place before the answer is 503.
const WAIT: Duration = Duration::from_secs(5);
/// Buffers unused for so long are freed.
const IDLE: Duration = Duration::from_secs(30);
/// Fewest and most code points of a password that is chosen.
const LENGTH: std::ops::RangeInclusive<usize> = 15..=128;
/// No chosen password is longer than this in bytes, in any form; longer ones are wrong without being hashed as they are.
const BYTES: usize = 4096;

/// A password as it was typed, NFC; wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what was typed.
    pub fn new(typed: &str) -> Self {
        // What is far too long stays too long; there is no need to carry all of it.
        let end = typed.char_indices().map(|(i, _)| i).find(|i| *i >= BYTES).unwrap_or(typed.len());
        Self(Zeroizing::new(typed[..end].nfc().collect()))
    }

    /// The password, NFC.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Refuses a choice by its code: too short or long, common, personal (`personal` holds names and addresses that it
    /// must not contain), or easily guessed.
    pub fn check(&self, personal: &[&str]) -> std::result::Result<(), &'static str> {
        let length = self.0.chars().count();
        if length < *LENGTH.start() {
            return Err("password.short");
        }
        if length > *LENGTH.end() {
            return Err("password.long");
        }
        let folded = Zeroizing::new(self.0.to_lowercase());
        if common().contains(&mark(&folded)) {
            return Err("password.common");
        }
        // A word of three letters is in many good sentences.
        if personal.iter().any(|word| word.chars().count() >= 4 && folded.contains(&word.to_lowercase())) {
            return Err("password.personal");
        }
        if u8::from(zxcvbn::zxcvbn(&self.0, personal).score()) < 3 {
            return Err("password.weak");
        }
        Ok(())
    }
}

/// How good a password is while it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strength {
    /// From 0 to 4; what would be refused is never more than 2.
    pub score: u8,
    /// The code by which it would be refused.
    pub refused: Option<&'static str>,
}

impl Strength {
    /// Judges as [`Password::check`] does.
    pub fn of(password: &Password, personal: &[&str]) -> Self {
        let refused = password.check(personal).err();
        // What is far too long is not looked at further.
        let score = if refused == Some("password.long") { 0 } else { u8::from(zxcvbn::zxcvbn(&password.0, personal).score()) };
        Self { score: if refused.is_some() { score.min(2) } else { score }, refused }
    }
}

/// The marks of all common passwords that are long enough to be chosen.
fn common() -> &'static HashSet<u64> {
    static COMMON: OnceLock<HashSet<u64>> = OnceLock::new();
    let digests = include_str!("../data/long-common.sha256");
    COMMON.get_or_init(|| digests.lines().filter_map(|digest| u64::from_str_radix(digest, 16).ok()).collect())
}

/// The beginning of a password's SHA-256, by which common ones are kept.
fn mark(folded: &str) -> u64 {
    Sha256::digest(folded).iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    fn argon2(self) -> Result<Argon2<'static>> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(TAG)).map_err(|e| Error::Internal(format!("argon2: {e}")))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// A kept hash in parts.
struct Kept {
    cost: Cost,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Kept {
    /// Writes the PHC string.
    fn phc(&self) -> String {
        let Cost { memory, passes, lanes } = self.cost;
        let (salt, tag) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.tag));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${tag}")
    }

    /// Reads a PHC string that Hearth wrote, now or with older costs.
    fn read(phc: &str) -> Option<Self> {
        let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = costs.split(',').zip(["m=", "t=", "p="]).map(|(cost, name)| cost.strip_prefix(name)?.parse::<u32>().ok());
        let cost = Cost { memory: numbers.next()??, passes: numbers.next()??, lanes: numbers.next()?? };
        let kept = Self { cost, salt: STANDARD_NO_PAD.decode(salt).ok()?, tag: STANDARD_NO_PAD.decode(tag).ok()? };
        (parts.next().is_none() && kept.tag.len() == TAG && cost.memory <= 4 * COST.memory).then_some(kept)
    }
}

/// What holding a password against a kept hash found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another password.
    Wrong,
    /// The password.
    Right,
    /// The password, kept at an older cost: hash it anew.
    Outdated,
}

/// Hashes passwords, so many at once. One for the whole program.
pub struct Hasher {
    places: Arc<Semaphore>,
    buffers: Mutex<Vec<(Instant, Vec<Block>)>>,
    wait: Duration,
    idle: Duration,
}

/// The program's hasher.
pub fn hasher() -> &'static Hasher {
    static HASHER: OnceLock<Hasher> = OnceLock::new();
    HASHER.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Hasher::new((cores / 2).max(1), WAIT, IDLE)
    })
}

impl Hasher {
    fn new(places: usize, wait: Duration, idle: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), buffers: Mutex::default(), wait, idle }
    }

    /// The PHC string to keep for a password.
    pub async fn hash(&'static self, source: &Source, password: Password) -> Result<String> {
        let salt = source.bytes::<16>().to_vec();
        let tag = self.tag(password, COST, salt.clone()).await?;
        Ok(Kept { cost: COST, salt, tag }.phc())
    }

    /// Holds a password against a kept hash. Without one (an unknown address) it works as long and finds it wrong.
    pub async fn verify(&'static self, password: Password, kept: Option<&str>) -> Result<Verdict> {
        let Some(phc) = kept else {
            self.tag(password, COST, vec![0; 16]).await?;
            return Ok(Verdict::Wrong);
        };
        let kept = Kept::read(phc).ok_or_else(|| Error::Internal("a kept password hash can't be read".into()))?;
        let tag = self.tag(password, kept.cost, kept.salt).await?;
        Ok(match bool::from(tag.ct_eq(&kept.tag)) {
            false => Verdict::Wrong,
            true if kept.cost == COST => Verdict::Right,
            true => Verdict::Outdated,
        })
    }

    /// Waits for a place and hashes there. The place is held until the thread is done, even if nobody waits any more.
    async fn tag(&'static self, password: Password, cost: Cost, salt: Vec<u8>) -> Result<Vec<u8>> {
        let busy = |_| Error::Unavailable(2, "too many sign-ins at once".into());
        let place = tokio::time::timeout(self.wait, self.places.clone().acquire_owned()).await.map_err(busy)?;
        let place = place.map_err(|_| Error::Internal("the hasher is closed".into()))?;
        tracing::debug!(memory = cost.memory, "hashing a password");
        let work = tokio::task::spawn_blocking(move || self.work(place, &password, cost, &salt));
        let tag = work.await.map_err(|e| Error::Internal(format!("a hash failed: {e}")))?;
        tokio::spawn(async {
            tokio::time::sleep(self.idle).await;
            self.free_idle();
        });
        tag
    }

    fn work(&self, place: OwnedSemaphorePermit, password: &Password, cost: Cost, salt: &[u8]) -> Result<Vec<u8>> {
        let argon2 = cost.argon2()?;
        let needed = argon2.params().block_count();
        let pooled = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().map(|(_, buffer)| buffer);
        let mut buffer = pooled.unwrap_or_default();
        buffer.resize(needed.max(buffer.len()), Block::new());
        let mut tag = vec![0; TAG];
        let done = argon2.hash_password_into_with_memory(password.0.as_bytes(), salt, &mut tag, &mut buffer[..needed]);
        if cost == COST {
            self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), buffer));
        }
        drop(place);
        done.map(|()| tag).map_err(|e| Error::Internal(format!("argon2: {e}")))
    }

    fn free_idle(&self) {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.retain(|(used, _)| used.elapsed() < self.idle);
        buffers.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Source;

    use super::{Cost, Hasher, Kept, Password, Verdict, hasher};

    #[test]
    fn each_refusal_has_its_code() {
        let check = |typed: &str| Password::new(typed).check(&["ada.lovelace", "ada.lovelace@example.com", "Old Mill Bakery"]);
        assert_eq!(check("fourteen chars"), Err("password.short"));
        assert_eq!(check(&"long and winding ".repeat(8)), Err("password.long"));
        assert_eq!(check("ADA.LOVELACE and the engine"), Err("password.personal"));
        assert_eq!(check("at the old mill bakery we bake"), Err("password.personal"));
        assert_eq!(check("aaaaaaaaaaaaaaaaab"), Err("password.weak"));
        assert_eq!(check("xylophone marmalade quietly vanishes"), Ok(()));
        assert_eq!(check("пять тёплых булочек на окне"), Ok(()));
        // As long as it is when composed: combining accents don't count twice.
        assert_eq!(check(&"e\u{301}".repeat(14)), Err("password.short"));
    }

    #[test]
    fn whole_common_passwords_are_refused() {
        for long in ["1qaz2wsx3edc4rfv", "passwordpassword", "qwertyuiop12345", "films+pic+galeries", "123456789qwerty"] {
            assert_eq!(Password::new(long).check(&[]), Err("password.common"), "{long}");
            assert_eq!(Password::new(&long.to_uppercase()).check(&[]), Err("password.common"), "{long}");
            assert_ne!(Password::new(&format!("{long} and more")).check(&[]), Err("password.common"), "as a whole");
        }
        assert_eq!(super::common().len(), 9_729, "each line is a digest of its own");
        for common in include_str!("../data/10k-most-common.txt").lines() {
            assert!(matches!(Password::new(common).check(&[]), Err("password.short" | "password.common")), "one of the list is taken");
        }
    }

    #[tokio::test]
    async fn keeps_and_knows_again() -> kernel::Result<()> {
        let phc = hasher().hash(&Source::real(), Password::new("jos\u{e9} bakes at dawn")).await?;
        assert!(phc.starts_with("$argon2id$v=19$m=65536,t=3,p=2$"), "{phc}");
        assert_eq!(hasher().verify(Password::new("jose\u{301} bakes at dawn"), Some(&phc)).await?, Verdict::Right);
        assert_eq!(hasher().verify(Password::new("jose bakes at dawn"), Some(&phc)).await?, Verdict::Wrong);
        assert_eq!(hasher().verify(Password::new("jose bakes at dawn"), None).await?, Verdict::Wrong);
        Ok(())
    }

    #[tokio::test]
    async fn older_costs_are_known_and_outdated() -> kernel::Result<()> {
        let cost = Cost { memory: 8 * 1024, passes: 1, lanes: 1 };
        let tag = hasher().tag(Password::new("an older password"), cost, vec![7; 16]).await?;
        let phc = Kept { cost, salt: vec![7; 16], tag }.phc();
        assert_eq!(hasher().verify(Password::new("an older password"), Some(&phc)).await?, Verdict::Outdated);
        Ok(())
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_place_is_told_when_to_come_again() {
        let full: &'static Hasher = Box::leak(Box::new(Hasher::new(0, Duration::from_millis(5), Duration::ZERO)));
        let refused = full.verify(Password::new("a password"), None).await;
        assert!(matches!(refused, Err(kernel::Error::Unavailable(2, _))), "{refused:?}");
    }

    #[tokio::test]
    async fn idle_buffers_are_freed_and_used_ones_kept() -> kernel::Result<()> {
        let keeping: &'static Hasher = Box::leak(Box::new(Hasher::new(1, Duration::from_secs(60), Duration::from_secs(60))));
        for _ in 0..2 {
            keeping.verify(Password::new("a password"), None).await?;
            keeping.free_idle();
            assert_eq!(keeping.buffers.lock().map(|b| b.len()).ok(), Some(1));
        }
        let freeing: &'static Hasher = Box::leak(Box::new(Hasher::new(1, Duration::from_secs(60), Duration::ZERO)));
        freeing.verify(Password::new("a password"), None).await?;
        freeing.free_idle();
        assert_eq!(freeing.buffers.lock().map(|b| b.len()).ok(), Some(0));
        Ok(())
    }

    #[test]
    fn spoiled_hashes_are_not_read() {
        for wrong in [
            "",
            "$argon2id$v=19$m=1,t=1$a$b",
            "$argon2i$v=19$m=65536,t=3,p=2$c2FsdA$dGFn",
            "$argon2id$v=19$m=99999999,t=3,p=2$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(Kept::read(wrong).is_none(), "{wrong}");
        }
    }
}
