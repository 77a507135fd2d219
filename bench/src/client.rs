//! A small HTTP client: one kept connection, a session's cookie, its token. It does as little as can be, for it runs on the
//! same cores as what it measures.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Result;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session's cookie, as the header has it.
    pub cookie: String,
    /// The token of requests that change something.
    pub csrf: String,
}

/// One kept connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    head: String,
    request: Vec<u8>,
    line: String,
}

/// What was answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The server's own time, and its round trips to the database.
    pub took: Duration,
    /// Round trips to the database.
    pub trips: u32,
    /// Seconds after which to come again, where the answer says so.
    pub again: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Refuses all but success.
    pub fn ok(self, asked: &str) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let said: String = String::from_utf8_lossy(&self.body).chars().take(400).collect();
        Err(format!("{asked}: {} {said}", self.status).into())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Client {
    /// Connects.
    pub async fn connect(to: SocketAddr, session: Option<&Session>) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let mut head = format!("Host: {to}\r\n");
        if let Some(session) = session {
            head.push_str(&format!("Cookie: {}\r\nX-CSRF-Token: {}\r\n", session.cookie, session.csrf));
        }
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), head, request: Vec::new(), line: String::new() })
    }

    /// Connects as a program does, with an access token.
    pub async fn bearing(to: SocketAddr, token: &str) -> Result<Self> {
        let mut client = Self::connect(to, None).await?;
        client.head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        Ok(client)
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "").await
    }

    /// POST of JSON.
    pub async fn post(&mut self, path: &str, body: &str) -> Result<Answer> {
        self.ask("POST", path, body).await
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        self.send(method, path, body).await?;
        let (mut answer, length) = self.read_head().await?;
        match length {
            Some(length) => {
                answer.body.resize(length, 0);
                self.stream.read_exact(&mut answer.body).await?;
            }
            None => self.read_chunks(&mut answer.body).await?,
        }
        Ok(answer)
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        use std::io::Write;
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\n{}", self.head)?;
        if method != "GET" {
            write!(self.request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())?;
        }
        write!(self.request, "\r\n{body}")?;
        Ok(self.stream.write_all(&self.request).await?)
    }

    /// The status and headers; the length of the body, none when it comes in chunks.
    async fn read_head(&mut self) -> Result<(Answer, Option<usize>)> {
        let mut answer = Answer { status: 0, took: Duration::ZERO, trips: 0, again: None, body: Vec::new() };
        let mut length = Some(0);
        loop {
            self.line.clear();
            if self.stream.read_line(&mut self.line).await? == 0 {
                return Err("the server closed the connection".into());
            }
            let line = self.line.trim_end();
            if line.is_empty() {
                return Ok((answer, length));
            }
            if answer.status == 0 {
                answer.status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| format!("no status: {line}"))?;
            } else if let Some((name, value)) = line.split_once(": ") {
                match name {
                    "content-length" => length = Some(value.parse()?),
                    "transfer-encoding" => length = None,
                    "retry-after" => answer.again = Some(value.parse()?),
                    "server-timing" => (answer.took, answer.trips) = timing(value).ok_or_else(|| format!("no timing: {value}"))?,
                    _ => {}
                }
            }
        }
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> Result<()> {
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).await?;
            let size = usize::from_str_radix(self.line.trim(), 16)?;
            let from = body.len();
            // Each chunk ends with an empty line.
            body.resize(from + size + 2, 0);
            self.stream.read_exact(&mut body[from..]).await?;
            body.truncate(from + size);
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Opens a stream of events.
    pub async fn listen(&mut self, path: &str) -> Result<()> {
        self.send("GET", path, "").await?;
        let (answer, _) = self.read_head().await?;
        answer.ok(path).map(|_| ())
    }

    /// The next event's data.
    pub async fn event(&mut self) -> Result<String> {
        loop {
            self.line.clear();
            if self.stream.read_line(&mut self.line).await? == 0 {
                return Err("the stream ended".into());
            }
            if let Some(data) = self.line.strip_prefix("data: ") {
                return Ok(data.trim_end().to_owned());
            }
        }
    }
}

/// `total;dur=4.21, trips;desc=6`.
fn timing(value: &str) -> Option<(Duration, u32)> {
    let (total, trips) = value.split_once(", ")?;
    let millis: f64 = total.strip_prefix("total;dur=")?.parse().ok()?;
    Some((Duration::from_secs_f64(millis / 1000.0), trips.strip_prefix("trips;desc=")?.parse().ok()?))
}
