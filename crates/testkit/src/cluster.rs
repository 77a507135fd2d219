//! The PostgreSQL that all tests of this machine share, without fsync.
//!
//! The server ends with the process that started it, and a runner may give each test a process of its own. So the first
//! test to need it starts a keeper: this same test binary again, which starts the server instead of running the test and
//! ends when no test has been there for a minute. Two locked files in its directory say who is there:
//!
//! - `users`: every process of tests holds it shared as long as it lives; the keeper ends only when it gets it alone.
//! - `door`: held while one looks whether the server runs, and starts it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;

/// Says to this binary that it is a keeper, and of which directory.
const KEEPER: &str = "TESTKIT_KEEPER";
/// How long the keeper stays without tests.
const IDLE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(5);
/// How long a first start may take on a busy machine.
const START: Duration = Duration::from_secs(120);

/// The shared cluster, and this process's place among its users.
pub(crate) struct Cluster {
    socket_dir: PathBuf,
    _user: File,
}

impl Cluster {
    /// How to connect to one of its databases as a role.
    pub fn connect(&self, role: &str, database: &str) -> PgConnectOptions {
        hearth::open::as_role(&self.socket_dir, role).database(database)
    }

    /// The cluster, joined once by each process.
    pub fn shared() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Self::join)
    }

    fn join() -> Self {
        let dir = directory();
        let user = lock_file(&dir, "users");
        user.lock_shared().unwrap();
        let door = lock_file(&dir, "door");
        door.lock().unwrap();
        let running = postgres::running(&dir).unwrap_or_else(|| {
            let running = start_keeper(&dir);
            crate::databases::clear(&running.socket_dir);
            running
        });
        Self { socket_dir: running.socket_dir, _user: user }
    }
}

/// One for each user of the machine, where the server's user can reach it; databases carry the digest of what made them.
fn directory() -> PathBuf {
    let uid = rustix::process::geteuid();
    let dir = std::env::temp_dir().join(format!("hearth-test-{}", uid.as_raw()));
    let mode = if uid.is_root() { 0o711 } else { 0o700 };
    DirBuilder::new().recursive(true).mode(mode).create(&dir).unwrap();
    dir
}

/// Where uploads of all stories lie; nobody but this user may look.
pub(crate) fn spool() -> PathBuf {
    let dir = directory().join("spool");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).unwrap();
    dir
}

fn lock_file(dir: &Path, name: &str) -> File {
    File::options().read(true).write(true).create(true).truncate(false).open(dir.join(name)).unwrap()
}

#[expect(clippy::zombie_processes, reason = "the keeper outlives the test; its parent is then the system")]
fn start_keeper(dir: &Path) -> postgres::Running {
    let mut keeper = spawn_keeper(dir);
    let deadline = Instant::now() + START;
    loop {
        if let Some(running) = postgres::running(dir) {
            return running;
        }
        if let Some(status) = keeper.try_wait().unwrap() {
            let said = fs::read_to_string(dir.join("keeper.log")).unwrap_or_default();
            panic!("the test PostgreSQL did not start ({status}): {said}");
        }
        assert!(Instant::now() < deadline, "the test PostgreSQL takes too long to start; see {}", dir.display());
        std::thread::sleep(POLL);
    }
}

/// This test again, as the keeper. Apart from the test's own process group, so that Ctrl-C does not end it in the middle
/// of other tests.
fn spawn_keeper(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if let Some(name) = test_name() {
        command.args(["--exact", &name]);
    }
    let log = File::create(dir.join("keeper.log")).unwrap();
    command.arg("--nocapture").env(KEEPER, dir).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// The runner of one test names it in the arguments; that of many gives each a thread of its name. Without a name the
/// keeper is the first test of the binary that comes here.
fn test_name() -> Option<String> {
    let mut arguments = std::env::args();
    let exact = arguments.by_ref().any(|argument| argument == "--exact");
    let named = exact.then(|| std::env::args().skip(1).find(|argument| !argument.starts_with('-'))).flatten();
    named.or_else(|| std::thread::current().name().filter(|name| *name != "main").map(str::to_owned))
}

/// Keeps the server when this process was started to do so; then it never returns.
pub(crate) fn keep_if_asked() {
    if let Some(dir) = std::env::var_os(KEEPER) {
        keep(Path::new(&dir));
    }
}

fn keep(dir: &Path) -> ! {
    let users = lock_file(dir, "users");
    let mut server = postgres::start(settings(dir)).unwrap();
    let mut last_used = Instant::now();
    loop {
        std::thread::sleep(GLANCE);
        server.revive().unwrap();
        let alone = users.try_lock().is_ok();
        if !alone {
            last_used = Instant::now();
        } else if last_used.elapsed() > IDLE || !dir.exists() {
            // With the lock still held: whoever comes now waits, and then starts a keeper of its own.
            server.stop();
            std::process::exit(0);
        } else {
            users.unlock().unwrap();
        }
    }
}

fn settings(dir: &Path) -> postgres::Settings {
    postgres::Settings {
        durable: false,
        max_connections: 300,
        // A story that a deadlock stops should not wait a second for it to be seen.
        extra: vec![("deadlock_timeout".into(), "100ms".into()), ("autovacuum".into(), "on".into())],
        ..postgres::Settings::new(dir)
    }
}
