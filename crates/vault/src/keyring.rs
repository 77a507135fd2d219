//! The ring of keys that seal secrets in the database (second factors, private keys, letters).
//!
//! Written down as lines `ID KEY`: an id of small letters and digits, and 32 bytes in base64. The last line seals; every
//! line opens. A sealed value begins with the id of its key, so that keys can be changed one record at a time, and is bound
//! to its record by associated data: moved to another record, it does not open.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Error, Result, Source};
use zeroize::Zeroizing;

/// The first byte of what is sealed: how the rest is laid out.
const LAYOUT: u8 = 1;
/// Bytes of a nonce.
const NONCE: usize = 12;
/// Bytes of a key.
const KEY: usize = 32;
/// The longest id of a key.
const ID: usize = 32;

/// One key with its id.
#[derive(Clone)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY]>,
}

/// The keys, oldest first. Where they come from a file, it is read again when it changed: another node, or a command, may have
/// added one.
pub struct Keyring {
    keys: RwLock<Arc<Vec<Key>>>,
    file: Option<PathBuf>,
    /// When the file was last looked at, and how old it was then.
    looked: Mutex<Option<(Instant, SystemTime)>>,
}

/// How often the file is looked at before something is sealed: a key that another program added seals here soon after.
const GLANCE: Duration = Duration::from_secs(1);
/// After so long every program that shares the file seals with a key that was added to it.
pub const SPREAD: Duration = Duration::from_secs(3);

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({})", self.ids().join(" "))
    }
}

/// Why keys can't be used, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKeys(pub String);

impl std::fmt::Display for BadKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadKeys {}

fn read(text: &str) -> Result<Vec<Key>, BadKeys> {
    let mut keys: Vec<Key> = Vec::new();
    for (n, line) in (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let wrong = |what: &str| BadKeys(format!("line {n}: {what}"));
        let (id, key) = line.split_once(char::is_whitespace).ok_or_else(|| wrong("write an id, a space, and the key in base64"))?;
        if id.len() > ID || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err(wrong("an id is made of small letters and digits, 32 at most"));
        }
        if keys.iter().any(|known| known.id == id) {
            return Err(wrong("this id stands above already"));
        }
        let decoded = Zeroizing::new(STANDARD.decode(key.trim()).map_err(|_| wrong("the key is not base64"))?);
        let bytes = <[u8; KEY]>::try_from(decoded.as_slice()).map_err(|_| wrong("a key is 32 bytes long"))?;
        keys.push(Key { id: id.to_owned(), bytes: Zeroizing::new(bytes) });
    }
    if keys.is_empty() { Err(BadKeys("there is no key".into())) } else { Ok(keys) }
}

/// A line with a new key; its id tells when it was made.
pub fn new_line(source: &Source) -> String {
    let bytes: Zeroizing<[u8; KEY]> = Zeroizing::new(source.bytes());
    let tail = u16::from_be_bytes(source.bytes());
    format!("k{}x{tail:04x} {}\n", source.now().micros() / 1_000_000, STANDARD.encode(*bytes))
}

impl Keyring {
    /// Keys as they are written down.
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        Ok(Self { keys: RwLock::new(Arc::new(read(text)?)), file: None, looked: Mutex::default() })
    }

    /// A ring with one new key, kept nowhere: for stories.
    pub fn fresh(source: &Source) -> Self {
        let keys = read(&new_line(source)).unwrap_or_default();
        Self { keys: RwLock::new(Arc::new(keys)), file: None, looked: Mutex::default() }
    }

    /// The keys of a file.
    pub fn from_file(path: &Path) -> Result<Self, BadKeys> {
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| BadKeys(format!("{}: {e}", path.display())))?);
        let keys = read(&text).map_err(|e| BadKeys(format!("{}, {e}", path.display())))?;
        Ok(Self { keys: RwLock::new(Arc::new(keys)), file: Some(path.to_owned()), looked: Mutex::default() })
    }

    /// The keys of a file that is made with one new key where there is none; only its owner may read it.
    pub fn in_file(path: &Path, source: &Source) -> Result<Self, BadKeys> {
        let failed = |e: std::io::Error| BadKeys(format!("{}: {e}", path.display()));
        // Linked into place when it is whole: a second program that comes at the same moment finds one file or none.
        let draft = path.with_extension(format!("new{:08x}", u32::from_be_bytes(source.bytes())));
        if !path.exists() {
            write_private(&draft, &new_line(source)).map_err(failed)?;
            let linked = fs::hard_link(&draft, path);
            let _ = fs::remove_file(&draft);
            match linked {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
                _ => {}
            }
        }
        Self::from_file(path)
    }

    /// Whether the ring can be given a new key here; else whoever configures it does.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Adds a new key, which seals from now on; returns its id. Nodes that share the file learn of it when they meet it.
    pub fn add(&self, source: &Source) -> Result<String> {
        let path = self.file.as_ref().ok_or_else(|| Error::rule("keys.configured"))?;
        let failed = |e: std::io::Error| Error::Internal(format!("{}: {e}", path.display()));
        let mut text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&new_line(source));
        let draft = path.with_extension("new");
        write_private(&draft, &text).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)?;
        self.reload()?;
        Ok(self.sealing())
    }

    /// Takes away every key but the last, once nothing is sealed by them any more.
    pub fn forget_old(&self) -> Result<()> {
        let path = self.file.as_ref().ok_or_else(|| Error::rule("keys.configured"))?;
        let failed = |e: std::io::Error| Error::Internal(format!("{}: {e}", path.display()));
        let line = match self.keys().last() {
            Some(key) => format!("{} {}\n", key.id, STANDARD.encode(*key.bytes)),
            None => return Err(Error::Internal("an empty ring of keys".into())),
        };
        let draft = path.with_extension("new");
        write_private(&draft, &line).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)?;
        self.reload()
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again, where there is one.
    pub fn reload(&self) -> Result<()> {
        if let Some(path) = &self.file {
            let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| Error::Internal(format!("{}: {e}", path.display())))?);
            let keys = read(&text).map_err(|e| Error::Internal(format!("{}, {e}", path.display())))?;
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Ok(())
    }

    /// Reads the file again when it changed; looks at it once in a while.
    fn glance(&self) -> Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|(at, _)| at.elapsed() < GLANCE) {
            return Ok(());
        }
        let changed = fs::metadata(path).and_then(|m| m.modified()).map_err(|e| Error::Internal(format!("{}: {e}", path.display())))?;
        let newer = looked.is_none_or(|(_, then)| then != changed);
        *looked = Some((Instant::now(), changed));
        drop(looked);
        if newer { self.reload() } else { Ok(()) }
    }

    /// The ids of all keys, oldest first.
    pub fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| key.id.clone()).collect()
    }

    /// The id of the key that seals.
    pub fn sealing(&self) -> String {
        self.keys().last().map(|key| key.id.clone()).unwrap_or_default()
    }

    /// The id of the key that a sealed value needs.
    pub fn key_of(sealed: &[u8]) -> Option<&str> {
        let (&[layout, length], rest) = sealed.split_first_chunk::<2>()?;
        let id = rest.get(..usize::from(length))?;
        (layout == LAYOUT).then(|| std::str::from_utf8(id).ok()).flatten()
    }

    /// Seals `plain` for the record that `about` names (`totp:` and the record's id).
    pub fn seal(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        self.glance()?;
        let keys = self.keys();
        let key = keys.last().ok_or_else(|| Error::Internal("an empty ring of keys".into()))?;
        let mut sealed = Vec::with_capacity(2 + key.id.len() + NONCE + plain.len() + AES_256_GCM.tag_len());
        sealed.push(LAYOUT);
        sealed.push(u8::try_from(key.id.len()).unwrap_or(u8::MAX));
        sealed.extend_from_slice(key.id.as_bytes());
        let mut body = plain.to_vec();
        let failed = |_| Error::Internal("sealing failed".into());
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.bytes.as_slice()).map_err(failed)?;
        let nonce = cipher.seal_in_place_append_tag(Aad::from(bound(&sealed, about)), &mut body).map_err(failed)?;
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made for the same record. What was altered, or belongs to another record, does not open.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let failed = || Error::Internal("a sealed value does not open: it was altered, or its key is missing".into());
        let id = Self::key_of(sealed).ok_or_else(failed)?;
        let find = || self.keys().iter().find(|key| key.id == id).cloned();
        let key = match find() {
            Some(key) => key,
            None => {
                self.reload()?;
                find().ok_or_else(failed)?
            }
        };
        let (head, rest) = sealed.split_at(2 + id.len());
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or_else(failed)?;
        let mut body = Zeroizing::new(body.to_vec());
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.bytes.as_slice()).map_err(|_| failed())?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = cipher.open_in_place(nonce, Aad::from(bound(head, about)), &mut body).map_err(|_| failed())?.len();
        body.truncate(plain);
        Ok(body)
    }
}

/// What a value is bound to: its own head and its record.
fn bound(head: &[u8], about: &[u8]) -> Vec<u8> {
    [head, about].concat()
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "old AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn what_is_sealed_opens_for_its_record_alone() {
        let ring = Keyring::fresh(&Source::real());
        let sealed = ring.seal(b"totp:1", b"secret").unwrap();
        assert_eq!(ring.open(b"totp:1", &sealed).unwrap().as_slice(), b"secret");
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert!(ring.open(b"totp:2", &sealed).is_err(), "moved to another record");
        assert_ne!(ring.seal(b"totp:1", b"secret").unwrap(), sealed, "no two are alike");
        for i in 0..sealed.len() {
            let mut spoiled = sealed.clone();
            spoiled[i] ^= 1;
            assert!(ring.open(b"totp:1", &spoiled).is_err(), "byte {i} was changed");
        }
        for end in 0..sealed.len() {
            assert!(ring.open(b"totp:1", &sealed[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_file_of_keys_is_private_and_grows_while_others_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let source = Source::real();
        let ring = Keyring::in_file(&path, &source).unwrap();
        let other = Keyring::in_file(&path, &source).unwrap();
        assert_eq!(ring.ids(), other.ids());
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let before = ring.seal(b"r", b"1").unwrap();
        let new = ring.add(&source).unwrap();
        let after = ring.seal(b"r", b"2").unwrap();
        assert_eq!(Keyring::key_of(&after), Some(new.as_str()));
        assert_eq!(other.open(b"r", &after).unwrap().as_slice(), b"2", "it reads the file again");
        assert_eq!(ring.open(b"r", &before).unwrap().as_slice(), b"1");
        ring.forget_old().unwrap();
        assert_eq!(ring.ids(), [new]);
        assert!(ring.open(b"r", &before).is_err());
    }

    #[test]
    fn keys_that_cannot_be_used_are_named_by_their_line() {
        for (text, wrong) in [
            ("", "there is no key"),
            ("old", "line 1: write an id, a space, and the key in base64"),
            ("Old AAAA", "line 1: an id is made of small letters and digits, 32 at most"),
            ("old AAAA", "line 1: a key is 32 bytes long"),
            ("old A*", "line 1: the key is not base64"),
        ] {
            assert_eq!(read(text).err().map(|e| e.0).as_deref(), Some(wrong));
        }
        assert_eq!(read(&format!("# mine\n{ONE}\n\n{ONE}")).err().map(|e| e.0).as_deref(), Some("line 4: this id stands above already"));
        assert!(Keyring::parse(ONE).is_ok());
        assert_eq!(Keyring::parse(ONE).unwrap().add(&Source::real()).unwrap_err().code(), "keys.configured");
    }
}
