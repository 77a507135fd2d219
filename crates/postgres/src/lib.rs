//! The private PostgreSQL that Hearth runs itself: its own cluster, its own socket, no port on the network.
//!
//! Everything lies in `<data>/postgres/`:
//!
//! | name        | what                                                                                     |
//! |-------------|------------------------------------------------------------------------------------------|
//! | `data`      | the cluster; made as `data.new` and renamed, so that a killed first start leaves no half |
//! | `socket`    | the directory of the socket, which only the server's user may enter                      |
//! | `lock`      | locked while a program runs the server; names its process and the socket                 |
//! | `log`       | what the server said since its last start; `log.old` is the start before                 |
//! | `hba.conf`, `ident.conf` | who may connect, written at every start                                     |
//!
//! PostgreSQL refuses to run as root. Started by root, the server runs as `postgres` (else `nobody`), and root keeps
//! every file that root itself writes out of that user's directories. The server ends with the program, however that
//! ends: the kernel sends it a fast shutdown when its parent dies.

mod binaries;
mod error;
mod files;
mod leftovers;
mod lock;
mod process;
mod user;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use binaries::Binaries;
pub use error::Error;
use files::Home;
use lock::Lock;
pub use lock::{Running, running};
use process::Process;
use user::User;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// The role that may do everything inside the private server. Nothing but setting up the other roles needs it.
pub const SUPERUSER: &str = "postgres";

/// The oldest major version of PostgreSQL that Hearth runs on.
pub const OLDEST_MAJOR: u32 = 15;

/// How the private server is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory of Hearth; the server keeps to `postgres/` inside it. Made when missing. When root starts
    /// the server, the server's user must be able to pass through it.
    pub data_dir: PathBuf,
    /// Where `postgres` and `initdb` lie; `None` looks in `/usr/lib/postgresql/*/bin`, then along `PATH`.
    pub binaries: Option<PathBuf>,
    /// Whether a commit survives a power failure. False only for the cluster of tests.
    pub durable: bool,
    /// How many connections the server takes.
    pub max_connections: u32,
    /// The roles that the user who runs Hearth may connect as, besides [`SUPERUSER`].
    pub roles: Vec<String>,
    /// Further settings of PostgreSQL, name and value; they win over those of this crate.
    pub extra: Vec<(String, String)>,
}

impl Settings {
    /// Durable, 60 connections, the three roles of Hearth.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            binaries: None,
            durable: true,
            max_connections: 60,
            roles: ["hearth_owner", "hearth_app", "hearth_system"].map(String::from).to_vec(),
            extra: Vec::new(),
        }
    }
}

/// A running private server that this program started. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    // Ends before the lock is given up: fields are dropped in order.
    process: Process,
    home: Home,
    user: User,
    socket_dir: PathBuf,
    binaries: Binaries,
    settings: Settings,
    lock: Lock,
}

/// Starts the private server and returns when it takes connections; makes the cluster at the first start.
///
/// What an earlier program left behind (an interrupted first start, a killed server, a server whose program was
/// killed) is cleared away first.
pub fn start(settings: Settings) -> Result<Server> {
    let me = User::current()?;
    let home = Home::open(&settings.data_dir, &me)?;
    let lock = Lock::take(&home.lock())?;
    let user = if me.is_root() { User::for_server(&home)? } else { me.clone() };
    let written_by = home.major()?;
    let binaries = binaries::choose(settings.binaries.as_deref(), written_by, &home.data())?;
    files::check_reachable(&home, &user, &binaries)?;
    leftovers::end(&home.data(), &user)?;
    if written_by.is_none() {
        tracing::info!(version = binaries.version, path = %home.data().display(), "making the database");
        home.init(&binaries, &user, settings.durable)?;
    }
    let socket_dir = files::socket_dir(&home, &user)?;
    home.write_access(&settings.roles, &[&me, &user])?;
    let process = process::launch(&binaries, &home, &user, &socket_dir, &settings)?;
    lock.ready(&socket_dir)?;
    tracing::info!(version = binaries.version, socket = %socket_dir.display(), "the private PostgreSQL runs");
    Ok(Server { process, home, user, socket_dir, binaries, settings, lock })
}

/// Removes everything that the private server keeps in a data directory. What was left running on it is ended first; while
/// another program runs or makes it, this says [`Error::AlreadyRunning`].
pub fn remove(data_dir: &Path) -> Result<()> {
    let me = User::current()?;
    let home = Home::open(data_dir, &me)?;
    let _lock = Lock::take(&home.lock())?;
    let user = if me.is_root() { User::for_server(&home)? } else { me };
    leftovers::end(&home.data(), &user)?;
    home.remove()
}

impl Server {
    /// The directory of the socket: what a client gives as its host.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The role that may do everything, [`SUPERUSER`].
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The version of PostgreSQL, such as `15.13`.
    pub fn version(&self) -> &str {
        &self.binaries.version
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How the server ended if it did so by itself (killed, out of memory); `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Starts the server again if it ended by itself; tells whether it had to. Socket and lock stay as they were.
    pub fn revive(&mut self) -> Result<bool> {
        let Some(status) = self.process.ended() else { return Ok(false) };
        tracing::error!(%status, "the private PostgreSQL ended by itself; starting it again");
        leftovers::end(&self.home.data(), &self.user)?;
        files::socket_dir(&self.home, &self.user)?;
        self.process = process::launch(&self.binaries, &self.home, &self.user, &self.socket_dir, &self.settings)?;
        Ok(true)
    }

    /// Stops the server: open sessions end, everything is written, and it is gone when this returns.
    pub fn stop(mut self) {
        self.process.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.stop();
        files::remove_socket_dir(&self.home, &self.socket_dir);
        self.lock.clear();
    }
}

/// A private server to work with: started here, or that of a Hearth that already runs.
#[derive(Debug)]
pub enum Access {
    /// Started by this program, and stopped with it.
    Own(Box<Server>),
    /// Another program's; it may stop at any time.
    Joined(Running),
}

impl Access {
    /// The directory of the socket: what a client gives as its host.
    pub fn socket_dir(&self) -> &Path {
        match self {
            Self::Own(server) => server.socket_dir(),
            Self::Joined(running) => &running.socket_dir,
        }
    }
}

/// For a command beside a running `hearth serve`: joins the server that runs on this data, or starts one.
///
/// While the other program is still starting its server, this waits for it up to `patience`, then says
/// [`Error::AlreadyRunning`].
pub fn join_or_start(settings: Settings, patience: Duration) -> Result<Access> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(running) = running(&settings.data_dir) {
            return Ok(Access::Joined(running));
        }
        match start(settings.clone()) {
            Err(Error::AlreadyRunning { .. }) if Instant::now() < deadline => std::thread::sleep(process::POLL),
            other => return other.map(|server| Access::Own(Box::new(server))),
        }
    }
}
