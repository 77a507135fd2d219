//! A real Redis (or Valkey) on this machine, which a story stops, starts again and lets hang.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// A running server; it ends when this is dropped.
pub struct RedisServer {
    port: u16,
    child: Option<Child>,
    dir: TempDir,
}

impl RedisServer {
    /// A server on a port of this machine, which keeps nothing.
    pub fn start() -> Self {
        // Freed again at once: nobody else on the machine is given it so soon.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { port, child: None, dir: tempfile::tempdir().unwrap() };
        server.start_again();
        server
    }

    /// Its address as a setting.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, and all that it held.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it where it was.
    pub fn start_again(&mut self) {
        let child = ["redis-server", "valkey-server"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.arg("--dir").arg(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        self.child = Some(child.expect("redis-server or valkey-server is installed by `make test`"));
        let deadline = Instant::now() + START;
        while !self.answers() {
            assert!(Instant::now() < deadline, "redis-server does not start");
            std::thread::sleep(POLL);
        }
    }

    /// Lets it hang: it takes connections and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends that.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(START))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok(&answer == b"+PONG")
        };
        ask().unwrap_or(false)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
