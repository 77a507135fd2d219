//! The program as its operator meets it: started, asked, killed, started again.

mod program {
    mod demo;
    mod importing;
    mod mail;
    mod nodes;
    mod operator;
    mod selling;
    mod trail;
}

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Far more than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A key as `hearth keys new` prints one.
const KEYS: &str = "tests QSByaW5nIGZvciBzdG9yaWVzLCBhbmQgbm90aGluZyE=";

/// A data directory that the server's user may pass through.
fn place() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    dir
}

fn hearth(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARTH_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("HEARTH_DATA_DIR", data).current_dir(data);
    command
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The status of a command, with what it said.
fn ended(command: &mut Command) -> (i32, String) {
    let out = output(command);
    (out.status.code().unwrap(), text(&out.stdout) + &text(&out.stderr))
}

/// A `hearth serve` of a test; killed if the test ends first.
struct Serving {
    program: Child,
    address: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Serving {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        // Freed again at once: nobody else on the machine is given it so soon.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = hearth(data, &["serve"]);
        command.env("HEARTH_LISTEN", address.to_string()).envs(settings.iter().copied());
        let program = command.stdout(Stdio::null()).spawn().unwrap();
        let mut serving = Self { program, address };
        serving.await_ready();
        serving
    }

    fn await_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.get("/readyz").is_none_or(|(status, _)| status != 200) {
            assert!(self.program.try_wait().unwrap().is_none(), "hearth serve ended");
            assert!(Instant::now() < deadline, "hearth serve is not ready");
            std::thread::yield_now();
        }
    }

    /// Status and body; none when nobody answers.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid(self.program.id()), signal).unwrap();
    }

    fn end(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.program.wait().unwrap().code()
    }
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

/// The process of the private server.
fn postgres_pid(data: &Path) -> u32 {
    let file = std::fs::read_to_string(data.join("postgres/data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

fn is_gone(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn serve_starts_answers_and_ends_in_good_order() {
    let dir = place();
    let serving = Serving::start(dir.path());
    assert_eq!(serving.get("/healthz").unwrap().0, 200);
    assert_eq!(serving.get("/health").unwrap().0, 200);
    let version: Value = serde_json::from_str(&serving.get("/version").unwrap().1).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(serving.get("/no/such/page").unwrap().0, 404);
    let server = postgres_pid(dir.path());
    assert_eq!(serving.end(), Some(0));
    assert!(is_gone(server), "the private server ends with the program");
}

#[test]
fn a_second_serve_on_the_same_data_is_refused_and_a_command_joins() {
    let dir = place();
    let serving = Serving::start(dir.path());
    let (code, said) = ended(hearth(dir.path(), &["serve"]).env("HEARTH_LISTEN", "127.0.0.1:0"));
    assert_eq!(code, 1);
    assert!(said.contains("already runs on this data directory"), "{said}");
    let (code, said) = ended(&mut hearth(dir.path(), &["check", "--json"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["ok"], true);
    assert_eq!(serving.get("/readyz").unwrap().0, 200, "the command leaves the server as it was");
}

#[test]
fn an_address_that_is_taken_is_said_before_anything_is_started() {
    let dir = place();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, said) = ended(hearth(dir.path(), &["serve"]).env("HEARTH_LISTEN", taken.local_addr().unwrap().to_string()));
    assert_eq!(code, 1);
    assert!(said.contains("can't listen on") && said.contains("HEARTH_LISTEN"), "{said}");
    assert!(!dir.path().join("postgres").exists());
}

#[test]
fn a_killed_program_takes_its_server_along_and_starts_again() {
    let dir = place();
    let mut serving = Serving::start(dir.path());
    let server = postgres_pid(dir.path());
    serving.signal(Signal::KILL);
    serving.program.wait().unwrap();
    eventually("the server ends with its killed program", || is_gone(server));
    let again = Serving::start(dir.path());
    assert_eq!(again.end(), Some(0));
}

#[test]
fn a_killed_server_is_started_again() {
    let dir = place();
    let mut serving = Serving::start(dir.path());
    let server = postgres_pid(dir.path());
    kill_process(pid(server), Signal::KILL).unwrap();
    eventually("another server runs", || {
        std::fs::read_to_string(dir.path().join("postgres/data/postmaster.pid")).is_ok_and(|file| !file.starts_with(&format!("{server}\n")))
    });
    serving.await_ready();
    assert_eq!(serving.end(), Some(0));
}

#[test]
fn migrations_are_looked_at_and_run() {
    let dir = place();
    let (code, said) = ended(&mut hearth(dir.path(), &["migrate", "--check", "--json"]));
    let pending: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, 1, "pending migrations are a finding");
    assert!(!pending["pending"].as_array().unwrap().is_empty());
    let (code, said) = ended(&mut hearth(dir.path(), &["migrate", "--json"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["ran"], pending["pending"]);
    let (code, said) = ended(&mut hearth(dir.path(), &["migrate", "--check"]));
    assert_eq!((code, said.trim()), (0, "The database is up to date."));
}

#[test]
fn wrong_settings_end_with_one_line_each_and_its_mend() {
    let dir = place();
    let mut command = hearth(dir.path(), &["serve"]);
    let (code, said) = ended(command.env("HEARTH_MODE", "production").env("HEARTH_LISTEN", "0.0.0.0:0").env("HEARTH_NODES", "2"));
    assert_eq!(code, 1);
    assert_eq!(said.lines().filter(|line| line.starts_with("hearth: ")).count(), 4, "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("        ")).count(), 4, "{said}");
    let (code, said) = ended(hearth(dir.path(), &["config", "check", "--json", "--print"]).env("HEARTH_LISEN", "x"));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["ok"]), (1, &Value::Bool(false)));
    assert_eq!(said["problems"][0]["setting"], "HEARTH_LISEN");
    assert!(said["settings"].as_array().unwrap().iter().any(|shown| shown["key"] == "listen"));
    assert!(!dir.path().join("postgres").exists(), "nothing was started");
}

#[test]
fn the_command_line_teaches() {
    let dir = place();
    for (arguments, expected) in
        [(&["--help"][..], 0), (&["serve", "--help"], 0), (&["version"], 0), (&["no-such-command"], 2), (&["check", "--no-such-flag"], 2)]
    {
        let (code, said) = ended(&mut hearth(dir.path(), arguments));
        assert_eq!(code, expected, "{arguments:?}: {said}");
    }
    for command in ["serve", "migrate", "check", "openapi"] {
        let (_, said) = ended(&mut hearth(dir.path(), &[command, "--help"]));
        assert!(said.contains("Example"), "{said}");
    }
    let (code, said) = ended(&mut hearth(dir.path(), &["check", "--tenant", "nobody"]));
    assert_eq!(code, 1);
    assert!(said.contains("there is no business called nobody"), "{said}");
}

#[test]
fn the_api_is_described_without_a_database() {
    let dir = place();
    let (code, said) = ended(&mut hearth(dir.path(), &["openapi"]));
    assert_eq!(code, 0, "{said}");
    let api: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    assert!(api["paths"]["/readyz"]["get"].is_object());
    assert!(!dir.path().join("postgres").exists());
}

#[test]
fn texts_made_from_the_table_are_those_in_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (file, made) in [(".env.example", hearth::config::env_example()), ("docs/configuration.md", hearth::config::reference())] {
        let kept = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(kept == made, "{file} is not what the table of settings makes: run `cargo run -p xtask -- write`");
    }
}

#[test]
fn production_looks_at_the_roles_of_its_database() {
    testkit::own_database(async |story| {
        let dir = place();
        let check = |app: &str, system: &str| {
            let mut command = hearth(dir.path(), &["config", "check"]);
            command.env("HEARTH_MODE", "production").env("HEARTH_PUBLIC_URL", "https://bakery.example");
            command.env("HEARTH_DATABASE_URL", story.database_url(app)).env("HEARTH_DATABASE_SYSTEM_URL", story.database_url(system));
            command.env("HEARTH_ENCRYPTION_KEYS", KEYS);
            ended(&mut command)
        };
        let (code, said) = check("hearth_app", "hearth_system");
        assert!(code == 0 && said.contains("The settings are in order.\n"), "{said}");
        for (app, system, said) in [
            ("postgres", "hearth_system", "HEARTH_DATABASE_URL connects as postgres, which is a superuser"),
            ("hearth_owner", "hearth_system", "HEARTH_DATABASE_URL connects as hearth_owner, which owns tables"),
            ("hearth_app", "hearth_app", "HEARTH_DATABASE_SYSTEM_URL connects as hearth_app, which has not the rights"),
            ("hearth_app", "nobody_known", "HEARTH_DATABASE_SYSTEM_URL does not answer"),
        ] {
            let (code, all) = check(app, system);
            assert!(code == 1 && all.contains(said), "{all} should say {said}");
        }
    });
}

#[test]
fn production_neither_migrates_nor_works_on_what_it_does_not_know() {
    testkit::own_database(async |story| {
        let dir = place();
        let run = |arguments: &[&str], owner: bool| {
            let mut command = hearth(dir.path(), arguments);
            command.env("HEARTH_MODE", "production").env("HEARTH_PUBLIC_URL", "https://bakery.example").env("HEARTH_LISTEN", "127.0.0.1:0");
            command.env("HEARTH_DATABASE_URL", story.database_url("hearth_app"));
            command.env("HEARTH_DATABASE_SYSTEM_URL", story.database_url("hearth_system")).env("HEARTH_ENCRYPTION_KEYS", KEYS);
            if owner {
                command.env("HEARTH_DATABASE_OWNER_URL", story.database_url("hearth_owner"));
            }
            ended(&mut command)
        };
        let owner = |sql: &'static str| story.as_role("hearth_owner", sql);
        owner("INSERT INTO public._sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99991231000000, 'later', true, '', 0)").await;
        let (code, said) = run(&["serve"], false);
        assert!(code == 1 && said.contains("99991231000000") && said.contains("newer Hearth"), "{said}");
        owner("DELETE FROM public._sqlx_migrations WHERE version = 99991231000000").await;
        owner("CREATE TABLE public.kept AS TABLE public._sqlx_migrations").await;
        owner("DELETE FROM public._sqlx_migrations").await;
        let (code, said) = run(&["serve"], false);
        assert!(code == 1 && said.contains("lacks") && said.contains("Run `hearth migrate` first."), "{said}");
        let (code, said) = run(&["migrate"], false);
        assert!(code == 1 && said.contains("HEARTH_DATABASE_OWNER_URL"), "{said}");
        owner("INSERT INTO public._sqlx_migrations TABLE public.kept").await;
        assert_eq!(run(&["migrate", "--check"], true).0, 0);
    });
}

#[test]
fn what_is_in_flight_is_finished_before_the_program_ends() {
    let dir = place();
    let mut serving = Serving::start(dir.path());
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/auth/login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        serving.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The program asks for the body, so the request is in its hands.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(text(&asked), "HTTP/1.1 100 Continue\r\n\r\n");
    serving.signal(Signal::TERM);
    eventually("nobody new is let in", || TcpStream::connect(serving.address).is_err());
    stream.write_all(b"{}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
    assert_eq!(serving.program.wait().unwrap().code(), Some(0));
}

/// The businesses are listed, and a member without a password is given another link.
fn links_are_made_again(data: &Path, serving: &Serving, first: &str) {
    let (code, said) = ended(&mut hearth(data, &["tenant", "list"]));
    assert_eq!(code, 0, "{said}");
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["slug", "name", "currency", "time", "zone", "members", "opened"]);
    assert_eq!(lines[1][..6], ["hill-bakery", "Hill", "Bakery", "GBP", "Europe/London", "1"]);
    let listed: Value = serde_json::from_str(&ended(&mut hearth(data, &["tenant", "list", "--json"])).1).unwrap();
    assert_eq!((&listed["rows"][0]["slug"], &listed["rows"][0]["members"]), (&"hill-bakery".into(), &1.into()));

    let link = |tenant: &str, owner: &str| ended(&mut hearth(data, &["tenant", "link", "--tenant", tenant, "--owner", owner, "--json"]));
    let (code, said) = link("hill-bakery", "Ada@example.com");
    assert_eq!(code, 0, "{said}");
    let second: Value = serde_json::from_str(&said).unwrap();
    let path = |link: &str| link.split_at(link.find("/reset-password").unwrap()).1.to_owned();
    assert_eq!(serving.get(&path(second["passwordLink"].as_str().unwrap())).unwrap().0, 200);
    assert_eq!(serving.get(&path(first)).unwrap().0, 422, "the first link has ended");
    let (code, said) = link("hill-bakery", "bob@example.com");
    assert!(code == 1 && said.contains("nobody in hill-bakery signs in with bob@example.com"), "{said}");
    let (code, said) = link("vale", "ada@example.com");
    assert!(code == 1 && said.contains("there is no business called vale"), "{said}");
}

#[test]
fn a_business_is_opened_and_its_report_is_read() {
    let dir = place();
    let serving = Serving::start(dir.path());
    let create = |slug: &str| {
        let arguments = [
            "tenant",
            "create",
            "--json",
            "--name",
            "Hill Bakery",
            "--slug",
            slug,
            "--currency",
            "GBP",
            "--time-zone",
            "Europe/London",
            "--owner",
            "Ada@example.com",
        ];
        ended(&mut hearth(dir.path(), &arguments))
    };
    let (code, said) = create("hill-bakery");
    assert_eq!(code, 0, "{said}");
    let created: Value = serde_json::from_str(&said).unwrap();
    assert!(created["passwordLink"].as_str().unwrap().contains("/reset-password?token="));
    let (code, said) = create("hill-bakery");
    assert!(code == 1 && said.contains("This short name is taken."), "{said}");
    let first = created["passwordLink"].as_str().unwrap().to_owned();
    links_are_made_again(dir.path(), &serving, &first);
    let (code, said) = create("Not A Slug");
    assert!(code == 1 && said.contains("(slug)"), "{said}");
    let report = |arguments: &[&str]| {
        let all = [&["report", "sales", "--tenant", "hill-bakery", "--from", "2017-01-01"], arguments].concat();
        ended(&mut hearth(dir.path(), &all))
    };
    let (code, said) = report(&["--to", "2017-01-31", "--json"]);
    assert_eq!(code, 0, "{said}");
    let empty: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&empty["rows"], &empty["total"]["total"], &empty["currency"]), (&serde_json::json!([]), &0.into(), &"GBP".into()));
    assert!(report(&["--to", "2017-01-31", "--by", "item"]).1.contains("£0.00"));
    assert_eq!(report(&["--to", "2016-01-31"]).0, 1, "a period that ends before it begins");
    assert_eq!(report(&["--to", "2017-01-31", "--by", "moon"]).0, 2);
    let (code, said) = ended(&mut hearth(dir.path(), &["check", "--tenant", "hill-bakery", "--json"]));
    assert_eq!((code, &serde_json::from_str::<Value>(&said).unwrap()["businesses"]), (0, &1.into()));
    assert_eq!(serving.end(), Some(0));
}

#[test]
fn a_past_is_tried_imported_once_reported_and_checked_by_command() {
    let place = place();
    let data = place.path();
    let opened = [
        "tenant",
        "create",
        "--name",
        "Hill",
        "--slug",
        "hill",
        "--currency",
        "GBP",
        "--time-zone",
        "Europe/London",
        "--owner",
        "ada@example.com",
    ];
    assert_eq!(ended(&mut hearth(data, &opened)).0, 0);
    let till = data.join("till.csv");
    std::fs::write(&till, "date,time,ticket,item,price\n2017-03-01,09:00:00,1,Bread,3.20\n2017-03-01,09:00:00,1,Bread,3.20\n2017-03-02,01:21:00,2,Tea,1.80\n2017-03-02,08:00:00,3,NONE,\n").unwrap();
    let till = till.to_str().unwrap();
    let json = |arguments: &[&str]| -> (i32, Value) {
        let out = output(&mut hearth(data, arguments));
        let said =
            serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}{}", text(&out.stdout), text(&out.stderr)));
        (out.status.code().unwrap(), said)
    };
    let import = ["import", "sales", till, "--tenant", "hill", "--json"];
    let (status, tried) = json(&[&import[..], &["--dry-run"]].concat());
    assert_eq!((status, &tried["lines"], &tried["accepted"], &tried["documents"]), (0, &4.into(), &3.into(), &2.into()));
    assert_eq!(tried["refused"][0]["code"], "line.no_item");
    let (status, done) = json(&import);
    assert_eq!((status, &done["total"]["minor"], &done["total"]["currency"]), (0, &820.into(), &"GBP".into()));
    let (status, again) = json(&import);
    assert_eq!((status, &again["outcome"], &again["documents"]), (0, &"already".into(), &0.into()));
    let report = ["report", "sales", "--tenant", "hill", "--from", "2017-03-01", "--to", "2017-03-02", "--json"];
    let (status, report) = json(&report);
    // The sale after midnight belongs to the day before.
    assert_eq!((status, report["rows"].as_array().unwrap().len(), &report["total"]["total"]), (0, 1, &820.into()));
    let (status, check) = json(&["check", "--tenant", "hill", "--json"]);
    assert_eq!((status, &check["ok"]), (0, &true.into()));
    let good: String = (10..30).map(|day| format!("2017-03-{day},09:00:00,{day},Bread,3.20\n")).collect();
    std::fs::write(till, format!("date,time,ticket,item,price\n{good}2017-02-31,09:00:00,99,Bread,3.20\n")).unwrap();
    let (status, refused) = json(&import);
    assert_eq!((status, &refused["outcome"], &refused["refused"][0]["line"]), (1, &"refused".into(), &22.into()));
    let (status, skipped) = json(&[&import[..], &["--yes"]].concat());
    assert_eq!((status, &skipped["documents"]), (0, &20.into()));
    assert_eq!(ended(&mut hearth(data, &["import", "sales", till, "--tenant", "nobody"])).0, 1);
    assert_eq!(ended(&mut hearth(data, &["import", "sales"])).0, 2);
}
