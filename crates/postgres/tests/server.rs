//! The private PostgreSQL through the days of its life: first start, second start, kills, foreign data, strange places.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Access, Error, Server, Settings, join_or_start, running, start};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

const NOBODY: u32 = 65534;

fn settings(dir: &Path) -> Settings {
    Settings { durable: false, ..durable(dir) }
}

/// For what must be there after a kill.
fn durable(dir: &Path) -> Settings {
    Settings { max_connections: 10, ..Settings::new(dir) }
}

/// A directory that the server's user may pass through, as `/var/lib/hearth` would be.
fn place() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

fn psql(socket_dir: &Path, role: &str, sql: &str) -> Result<String, String> {
    let mut command = Command::new("psql");
    command.arg("-h").arg(socket_dir).args(["-U", role, "-d", "postgres", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]);
    let out = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if out.status.success() { Ok(text(out.stdout)) } else { Err(text(out.stderr)) }
}

fn query(server: &Server, sql: &str) -> String {
    psql(server.socket_dir(), server.superuser(), sql).unwrap()
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Gone, or a zombie that nobody waits for.
fn is_gone(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty()
}

/// Another program that runs the server: this test binary again.
struct Holder {
    program: Child,
    said: Lines<BufReader<ChildStdout>>,
    server: u32,
    socket_dir: PathBuf,
}

impl Holder {
    fn command(program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["--exact", "hold", "--ignored", "--nocapture"]).env("HOLD", dir).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn start(mut command: Command) -> Self {
        let mut program = command.spawn().unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
        let ready = said.by_ref().map_while(Result::ok).find(|line| line.starts_with("ready ")).expect("it starts");
        let mut words = ready.split(' ').skip(1);
        let server = words.next().unwrap().parse().unwrap();
        Self { program, said, server, socket_dir: words.next().unwrap().into() }
    }

    fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

#[test]
#[ignore = "the other program of other tests"]
fn hold() {
    let Some(dir) = std::env::var_os("HOLD") else { return };
    let server = start(durable(Path::new(&dir))).unwrap();
    println!("\nready {} {}", server.pid(), server.socket_dir().display());
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_cold_start_answers_and_a_later_one_keeps_the_data() {
    let place = place();
    let data_dir = place.path().join("hearth");
    let server = start(settings(&data_dir)).unwrap();
    assert!(query(&server, "show server_version").starts_with(server.version()));
    assert_eq!(query(&server, "show timezone"), "UTC");
    assert_eq!(query(&server, "show listen_addresses"), "");
    assert_eq!(query(&server, "show data_checksums"), "on");
    query(&server, "create role hearth_app login; create role stranger login; create table bread (name text)");
    query(&server, "insert into bread values ('rye')");
    assert_eq!(psql(server.socket_dir(), "hearth_app", "select current_user").unwrap(), "hearth_app");
    let refused = psql(server.socket_dir(), "stranger", "select 1").unwrap_err();
    assert!(refused.contains("Peer authentication failed"), "{refused}");
    let pid = server.pid();
    server.stop();
    assert!(is_gone(pid));

    let server = start(settings(&data_dir)).unwrap();
    assert_eq!(query(&server, "select name from bread"), "rye");
    assert!(!data_dir.join("postgres/data.new").exists());
}

#[test]
fn durable_is_what_one_gets_unless_told_otherwise() {
    let place = place();
    let server = start(Settings::new(place.path())).unwrap();
    for name in ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"] {
        assert_eq!(query(&server, &format!("show {name}")), "on", "{name}");
    }
}

#[test]
fn a_second_start_is_refused_and_may_join() {
    let place = place();
    assert_eq!(running(place.path()), None);
    let server = start(settings(place.path())).unwrap();
    let refused = start(settings(place.path())).unwrap_err();
    assert!(matches!(refused, Error::AlreadyRunning { pid } if pid == std::process::id()), "{refused}");
    let joined = running(place.path()).unwrap();
    assert_eq!((joined.pid, joined.socket_dir.as_path()), (std::process::id(), server.socket_dir()));
    let access = join_or_start(settings(place.path()), Duration::ZERO).unwrap();
    assert!(matches!(access, Access::Joined(_)));
    assert_eq!(psql(access.socket_dir(), postgres::SUPERUSER, "select 1").unwrap(), "1");
    server.stop();
    assert_eq!(running(place.path()), None);
    assert!(matches!(join_or_start(settings(place.path()), Duration::ZERO).unwrap(), Access::Own(_)));
}

#[test]
fn many_starts_at_once_make_one_server() {
    let place = place();
    let patience = Duration::from_secs(60);
    let all = std::thread::scope(|scope| {
        let one = || join_or_start(settings(place.path()), patience).unwrap();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(all.iter().filter(|access| matches!(access, Access::Own(_))).count(), 1);
}

#[test]
fn a_server_that_was_killed_is_revived_and_keeps_what_it_answered() {
    let place = place();
    let mut server = start(durable(place.path())).unwrap();
    query(&server, "create table bread as select 'rye' as name");
    assert!(!server.revive().unwrap());
    kill(server.pid(), Signal::KILL);
    eventually("the end is seen", || server.ended().is_some());
    assert!(server.revive().unwrap());
    assert_eq!(query(&server, "select name from bread"), "rye");

    kill(server.pid(), Signal::KILL);
    drop(server);
    let server = start(durable(place.path())).unwrap();
    assert_eq!(query(&server, "select name from bread"), "rye");
}

#[test]
fn the_server_ends_with_a_killed_program_and_starts_again_under_the_next() {
    let place = place();
    let mut holder = Holder::start(Holder::command(&std::env::current_exe().unwrap(), place.path()));
    assert_eq!(running(place.path()).unwrap().pid, holder.program.id());
    psql(&holder.socket_dir, postgres::SUPERUSER, "create table bread as select 'rye' as name").unwrap();
    holder.kill();
    assert_eq!(running(place.path()), None);
    let server = start(settings(place.path())).unwrap();
    assert!(is_gone(holder.server));
    assert_eq!(query(&server, "select name from bread"), "rye");
}

#[test]
fn a_server_left_behind_is_ended_before_the_next() {
    let place = place();
    let server = start(settings(place.path())).unwrap();
    let program = fs::read_link(format!("/proc/{}/exe", server.pid())).unwrap();
    let (data, socket_dir) = (place.path().join("postgres/data"), server.socket_dir().to_owned());
    server.stop();
    let mut orphan = Command::new(program);
    orphan.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-c"]);
    orphan.arg(format!("unix_socket_directories={}", socket_dir.display())).current_dir("/");
    let owner = fs::metadata(&data).unwrap();
    if geteuid().is_root() {
        orphan.uid(owner.uid()).gid(owner.gid());
    }
    let mut orphan = orphan.stderr(Stdio::null()).spawn().unwrap();
    let pid_file = data.join("postmaster.pid");
    eventually("the orphan runs", || fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready")));
    let server = start(settings(place.path())).unwrap();
    assert!(orphan.try_wait().unwrap().is_some_and(|status| status.success()), "it ended in good order");
    assert_eq!(query(&server, "select 1"), "1");
}

#[test]
fn a_stale_pid_file_with_a_number_in_use_is_no_obstacle() {
    let place = place();
    start(settings(place.path())).unwrap().stop();
    let data = place.path().join("postgres/data");
    let owner = fs::metadata(&data).unwrap();
    let mut bystander = Command::new("cat");
    if geteuid().is_root() {
        bystander.uid(owner.uid()).gid(owner.gid());
    }
    let mut bystander = bystander.stdin(Stdio::piped()).current_dir("/").spawn().unwrap();
    let stale = format!("{}\n{}\n1\n5432\n/nowhere\n\n1 1\nready\n", bystander.id(), data.display());
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    let server = start(settings(place.path())).unwrap();
    assert_eq!(query(&server, "select 1"), "1");
    assert!(bystander.try_wait().unwrap().is_none(), "nobody else is touched");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn a_first_start_that_was_killed_leaves_no_half() {
    let place = place();
    let new = place.path().join("postgres/data.new");
    let mut killed = Holder::command(&std::env::current_exe().unwrap(), place.path()).spawn().unwrap();
    eventually("the first start is under way", || new.join("global").exists());
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!place.path().join("postgres/data").exists());
    let server = start(settings(place.path())).unwrap();
    assert_eq!(query(&server, "select 1"), "1");
    assert!(!new.exists());
}

/// Every file below, with what would change if somebody touched it.
fn everything(dir: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let is = entry.metadata().unwrap();
            if is.is_dir() {
                open.push(entry.path());
            }
            all.push((entry.path(), is.len(), is.ctime(), is.ctime_nsec()));
        }
    }
    all.sort();
    all
}

#[test]
fn data_of_another_version_is_refused_and_untouched() {
    let place = place();
    start(settings(place.path())).unwrap().stop();
    let data = place.path().join("postgres/data");
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let before = everything(&data);
    let refused = start(settings(place.path())).unwrap_err();
    assert!(matches!(refused, Error::OtherMajor { needs: 9, .. }), "{refused}");
    assert!(refused.to_string().contains("apt-get install postgresql-9"), "{refused}");
    assert_eq!(everything(&data), before);

    fs::remove_file(data.join("PG_VERSION")).unwrap();
    assert!(matches!(start(settings(place.path())).unwrap_err(), Error::NotACluster { .. }));
}

#[test]
fn a_long_path_gets_a_short_socket_and_no_strangers() {
    let place = place();
    let long = place.path().join("a-very-long-name-of-a-bakery".repeat(4)).join("x".repeat(100));
    fs::create_dir_all(&long).unwrap();
    let server = start(settings(&long)).unwrap();
    let socket_dir = server.socket_dir().to_owned();
    assert!(!socket_dir.starts_with(&long));
    let is = fs::metadata(&socket_dir).unwrap();
    assert_eq!(is.mode() & 0o777, 0o700);
    assert_eq!(is.uid(), fs::metadata(long.join("postgres/data")).unwrap().uid());
    assert_eq!(query(&server, "select 1"), "1");
    assert_eq!(running(&long).unwrap().socket_dir, socket_dir);
    server.stop();
    assert!(!socket_dir.exists());

    fs::create_dir(&socket_dir).unwrap();
    fs::set_permissions(&socket_dir, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(start(settings(&long)).unwrap_err(), Error::SocketDir { .. }));
    fs::remove_dir(&socket_dir).unwrap();
    assert_eq!(start(settings(&long)).unwrap().socket_dir(), socket_dir, "the same at every start");
}

#[test]
fn strange_names_are_only_names() {
    let place = place();
    let server = start(settings(&place.path().join("Müller, \"Sohn\" & 'Co'"))).unwrap();
    assert_eq!(query(&server, "select 1"), "1");
}

#[test]
fn what_fails_says_why_and_leaves_the_lock() {
    let place = place();
    let nowhere = Settings { binaries: Some(place.path().into()), ..settings(place.path()) };
    let refused = start(nowhere).unwrap_err();
    assert!(matches!(refused, Error::NotInstalled { .. }), "{refused}");
    let wrong = Settings { extra: vec![("work_mem".into(), "much".into())], ..settings(place.path()) };
    let refused = start(wrong).unwrap_err();
    assert!(matches!(refused, Error::StartFailed { .. }), "{refused}");
    assert!(refused.to_string().contains("work_mem"), "{refused}");
    let more = Settings { extra: vec![("work_mem".into(), "7MB".into())], ..settings(place.path()) };
    assert_eq!(query(&start(more).unwrap(), "show work_mem"), "7MB");
}

#[test]
fn statements_and_values_stay_out_of_the_log() {
    let place = place();
    let server = start(settings(place.path())).unwrap();
    query(&server, "create table person (email text primary key); insert into person values ('a@b.example')");
    let twice = "insert into person values ('a@b.example')";
    assert!(psql(server.socket_dir(), server.superuser(), twice).is_err());
    server.stop();
    let log = fs::read_to_string(place.path().join("postgres/log")).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("a@b.example"), "{log}");
}

#[test]
fn root_hands_the_server_to_another_user() {
    if !geteuid().is_root() {
        return;
    }
    let place = place();
    let server = start(settings(place.path())).unwrap();
    assert_ne!(fs::metadata(format!("/proc/{}", server.pid())).unwrap().uid(), 0);
    assert_eq!(fs::metadata(place.path().join("postgres")).unwrap().uid(), 0);
    assert_eq!(query(&server, "select 1"), "1");

    let closed = TempDir::new().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let refused = start(settings(&closed.path().join("hearth"))).unwrap_err();
    let named = |path: &Path| path == closed.path().canonicalize().unwrap();
    assert!(matches!(&refused, Error::NotReachable { path, .. } if named(path)), "{refused}");
}

#[test]
fn an_ordinary_user_runs_it_alone() {
    let place = place();
    let data_dir = place.path().join("baker");
    fs::create_dir(&data_dir).unwrap();
    let program = place.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Holder::command(&program, &data_dir);
    if geteuid().is_root() {
        std::os::unix::fs::chown(&data_dir, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut holder = Holder::start(command);
    let owner = fs::metadata(&data_dir).unwrap().uid();
    assert_eq!(fs::metadata(format!("/proc/{}", holder.server)).unwrap().uid(), owner);
    assert_eq!(fs::metadata(data_dir.join("postgres")).unwrap().mode() & 0o777, 0o700);
    let who = psql(&holder.socket_dir, postgres::SUPERUSER, "select session_user").unwrap();
    assert_eq!(who, postgres::SUPERUSER, "root, too, and the user itself");
    holder.program.stdin.take().unwrap().write_all(b"\n").unwrap();
    while holder.said.next().is_some() {}
    assert!(holder.program.wait().unwrap().success());
    assert!(is_gone(holder.server));
    if geteuid().is_root() {
        let refused = start(settings(&data_dir)).unwrap_err();
        assert!(matches!(refused, Error::OtherOwner { .. }), "{refused}");
    }
}
