use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::Binaries;
use crate::files::{Home, PORT, listed, read_some};
use crate::user::User;
use crate::{Error, Result, Settings};

/// How often something awaited is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// How long a start may take: after a crash the server first replays what it had not yet written into its tables.
const START: Duration = Duration::from_secs(600);

/// How long an orderly stop may take before the server is stopped at once (the next start then replays).
const STOP: Duration = Duration::from_secs(60);

/// The server's process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Keeps the thread that started the server: the kernel ends the server with that thread.
    _thread: mpsc::Sender<()>,
}

/// Starts the server and waits until it takes connections.
pub(crate) fn launch(binaries: &Binaries, home: &Home, user: &User, socket_dir: &Path, settings: &Settings) -> Result<Process> {
    let program = binaries.program("postgres");
    let log = home.new_log()?;
    let mut command = user.command(&program);
    command.arg("-D").arg(home.data());
    for (name, value) in defaults(settings).iter().chain(&settings.extra) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // After the rest: neither who may connect nor where is anybody's choice.
    command.arg("-c").arg(listed("unix_socket_directories", socket_dir));
    for (name, file) in [("hba_file", "hba.conf"), ("ident_file", "ident.conf")] {
        let mut setting = std::ffi::OsString::from(format!("{name}="));
        setting.push(home.path(file));
        command.arg("-c").arg(setting);
    }
    command.stdout(log.try_clone().map_err(Error::io("could not open", &home.path("log")))?).stderr(log);
    die_with_parent(&mut command, Signal::INT);
    let mut process = Process::spawn(command).map_err(Error::io("could not run", &program))?;
    process.await_ready(home)?;
    Ok(process)
}

/// For a small machine that does other things too, and for data that is a person's: statements and values stay out of
/// the log.
fn defaults(settings: &Settings) -> Vec<(String, String)> {
    let durable = if settings.durable { "on" } else { "off" };
    let (connections, port) = (settings.max_connections.to_string(), PORT.to_string());
    [
        ("max_connections", connections.as_str()),
        ("port", &port),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("fsync", durable),
        ("synchronous_commit", durable),
        ("full_page_writes", durable),
        ("shared_buffers", "128MB"),
        ("wal_compression", "on"),
        ("max_wal_size", "1GB"),
        ("jit", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        // Above ERROR: a refused statement is Hearth's to log, and its text and values may be personal.
        ("log_min_messages", "log"),
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_checkpoints", "off"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

impl Process {
    fn spawn(mut command: Command) -> std::io::Result<Self> {
        let (thread, until_dropped) = mpsc::channel::<()>();
        let (started, child) = mpsc::channel();
        std::thread::Builder::new().name("postgres".into()).spawn(move || {
            let child = command.spawn();
            // Closes our copies of the log.
            drop(command);
            if started.send(child).is_ok() {
                let _ = until_dropped.recv();
            }
        })?;
        let child = child.recv().map_err(std::io::Error::other)??;
        Ok(Self { child, _thread: thread })
    }

    /// The server says `ready` in the eighth line of its `postmaster.pid`.
    fn await_ready(&mut self, home: &Home) -> Result<()> {
        let (pid_file, pid) = (home.data().join("postmaster.pid"), self.pid().to_string());
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if self.ended().is_some() {
                return Err(Error::StartFailed { log: home.log_tail() });
            }
            let text = read_some(&pid_file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            if lines.first() == Some(&pid.as_str()) && lines.get(7) == Some(&"ready") {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        self.stop();
        Err(Error::StartFailed { log: format!("not ready after {} s; {}", START.as_secs(), home.log_tail()) })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        // A child that can't be waited for is none of ours any more.
        self.child.try_wait().unwrap_or_else(|_| Some(ExitStatus::from_raw(0)))
    }

    /// Fast shutdown, at once when that takes too long. Returns when the server is gone.
    pub fn stop(&mut self) {
        for (signal, patience) in [(Signal::INT, STOP), (Signal::QUIT, STOP), (Signal::KILL, STOP)] {
            if self.ended().is_some() {
                return;
            }
            // The number is the child's until it has been waited for, so no other process can be meant.
            let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) else { return };
            let _ = kill_process(pid, signal);
            let deadline = Instant::now() + patience;
            while self.ended().is_none() && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes the kernel send the child a signal when the thread that starts it ends, and with it, when this program does.
#[expect(unsafe_code, reason = "only the child itself can ask for this, between fork and exec")]
pub(crate) fn die_with_parent(command: &mut Command, signal: Signal) {
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec only async-signal-safe work is allowed; these are two bare system calls and a
    // comparison, nothing allocates or locks.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(signal))?;
            // It may have ended before the request; then nobody would ever send the signal.
            if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
        });
    }
}
