//! Ends what an earlier program left running on a cluster. Only called with the lock held: whatever still works on
//! the cluster then belongs to nobody.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::POLL;
use crate::user::User;
use crate::{Error, Result};

/// How long an old server may take to end in good order, and then at once.
const PATIENCE: [(Signal, Duration); 2] = [(Signal::INT, Duration::from_secs(30)), (Signal::QUIT, Duration::from_secs(10))];

/// What works on a cluster.
#[derive(Default)]
struct Found {
    /// The server itself.
    server: Option<Pid>,
    /// Its parts: they outlive a server that was killed by a little.
    parts: Vec<Pid>,
    /// Whether there are processes of the server's user that could not be looked at.
    blind: bool,
}

/// Ends a server left behind, and removes a stale `postmaster.pid`.
///
/// PostgreSQL itself refuses to start when the number in that file is in use by any process of the same user; in a
/// container that is restarted, numbers repeat, and that would be for ever.
pub(crate) fn end(data: &Path, user: &User) -> Result<()> {
    for (signal, patience) in PATIENCE {
        let deadline = Instant::now() + patience;
        let mut told = Vec::new();
        loop {
            let found = look(data, user);
            let Some(targets) = found.targets() else {
                return if found.blind { Ok(()) } else { remove_stale(&data.join("postmaster.pid")) };
            };
            for &pid in targets.iter().filter(|pid| !told.contains(*pid)).collect::<Vec<_>>() {
                tracing::warn!(pid = pid.as_raw_nonzero(), "ending a PostgreSQL that was left behind");
                // A part without its server knows no good order: it ends at once, and the next start recovers.
                let signal = if found.server.is_some() { signal } else { Signal::QUIT };
                // It may have ended since; the next look tells.
                let _ = kill_process(pid, signal);
                told.push(pid);
            }
            if Instant::now() > deadline {
                break;
            }
            std::thread::sleep(POLL);
        }
    }
    match look(data, user).targets().as_deref() {
        Some([pid, ..]) => Err(Error::LeftBehind { pid: pid.as_raw_nonzero().get().unsigned_abs(), path: data.to_owned() }),
        _ => Ok(()),
    }
}

impl Found {
    /// Whom to signal: the server, which takes its parts along; without one, the parts.
    fn targets(&self) -> Option<Vec<Pid>> {
        match (self.server, &self.parts[..]) {
            (Some(server), _) => Some(vec![server]),
            (None, []) => None,
            (None, parts) => Some(parts.to_vec()),
        }
    }
}

/// Finds the processes whose working directory is the cluster, and the server by its command line, which may be read
/// even where the working directory may not.
fn look(data: &Path, user: &User) -> Found {
    let mut found = Found::default();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        let of_user = process.metadata().is_ok_and(|process| process.uid() == user.uid);
        if !of_user {
            continue;
        }
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if is_server(&command, data) {
            found.server = Some(pid);
            continue;
        }
        match fs::read_link(process.path().join("cwd")) {
            Ok(cwd) if cwd == data && command.starts_with(b"postgres:") => found.parts.push(pid),
            Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => found.blind = true,
            _ => {}
        }
    }
    found
}

/// Whether a command line is `…/postgres -D <data> …`, as this crate writes it.
fn is_server(command: &[u8], data: &Path) -> bool {
    let mut words = command.split(|&byte| byte == 0);
    words.next().is_some_and(|program| program.ends_with(b"/postgres"))
        && words.next() == Some(b"-D")
        && words.next() == Some(data.as_os_str().as_bytes())
}

fn remove_stale(pid_file: &Path) -> Result<()> {
    match fs::remove_file(pid_file) {
        Err(refused) if refused.kind() != io::ErrorKind::NotFound => Err(Error::io("could not remove", pid_file)(refused)),
        _ => Ok(()),
    }
}
