use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result, process};

/// How often a locked lock is tried again. [`running`] holds it for a moment to look; two looks in a row would
/// otherwise make a start fail.
const TRIES: u32 = 5;

/// Held by the program that runs the server. The kernel gives it up when the program ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    pub fn take(path: &Path) -> Result<Self> {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("could not open", path))?;
        let mut tries = 1;
        while let Err(refused) = file.try_lock() {
            match refused {
                TryLockError::WouldBlock if tries < TRIES => std::thread::sleep(process::POLL),
                TryLockError::WouldBlock => {
                    return Err(Error::AlreadyRunning { pid: read(&mut file).map_or(0, |(pid, _)| pid) });
                }
                TryLockError::Error(source) => return Err(Error::io("could not lock", path)(source)),
            }
            tries += 1;
        }
        let lock = Self { file, path: path.to_owned() };
        lock.write(b"")?;
        Ok(lock)
    }

    /// Says that the server takes connections, and where.
    pub fn ready(&self, socket_dir: &Path) -> Result<()> {
        self.write(socket_dir.as_os_str().as_bytes())
    }

    /// Says nothing any more, so that nobody joins a server that is gone.
    pub fn clear(&self) {
        // The lock itself goes a moment later; whoever reads the old text finds it free.
        let _ = self.file.set_len(0);
    }

    fn write(&self, socket_dir: &[u8]) -> Result<()> {
        let text = [format!("{}\n", std::process::id()).as_bytes(), socket_dir, b"\n"].concat();
        let mut file = &self.file;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)).map_err(Error::io("could not write", &self.path))
    }
}

/// A private server that another program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The directory of the socket: what a client gives as its host.
    pub socket_dir: PathBuf,
    /// The process of the Hearth that runs it.
    pub pid: u32,
}

/// The private server that another program (or another part of this one) runs on this data directory and that takes
/// connections; `None` also while it is still starting.
pub fn running(data_dir: &Path) -> Option<Running> {
    let mut file = File::open(data_dir.join("postgres/lock")).ok()?;
    // A lock that can be shared is held by nobody: what the file says is left over.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        _ => return None,
    }
    let (pid, socket_dir) = read(&mut file)?;
    Some(Running { socket_dir: socket_dir?, pid })
}

fn read(file: &mut File) -> Option<(u32, Option<PathBuf>)> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.take(8192).read_to_end(&mut text).ok()?;
    let mut parts = text.splitn(2, |&byte| byte == b'\n');
    let pid = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let socket_dir = parts.next()?.strip_suffix(b"\n").filter(|path| !path.is_empty());
    Some((pid, socket_dir.map(|path| PathBuf::from(OsStr::from_bytes(path)))))
}
