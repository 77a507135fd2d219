//! Letters by SMTP.

use std::error::Error as _;
use std::fmt;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::address::Sender;
use crate::mail::{Mail, Outcome, Parcel};
use crate::worker::AT_ONCE;

/// How long a server may take for one letter; shorter than a worker holds it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long connections that are given up may take to end in good order.
const GOOD_BYE: Duration = Duration::from_secs(1);
/// Answers of a server that refuses us, not the letter: the password is wrong, or none was given.
const SIGN_IN: [&str; 4] = ["530", "534", "535", "538"];

/// A mail server as it is configured: `smtp://user:password@host:587?tls=required`.
#[derive(Clone)]
pub struct Server {
    builder: AsyncSmtpTransportBuilder,
    shown: String,
    loopback: bool,
    password: bool,
    encrypted: bool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.shown)
    }
}

impl Server {
    /// Reads an address: `smtps://` (TLS from the start), `smtp://…?tls=required` (STARTTLS, or nothing is sent) or `smtp://` (no TLS).
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A server that any listener could talk out of TLS is no better than none: that choice is not offered.
        let encrypted = match (scheme, query) {
            ("smtps", "") | ("smtp", "tls=required") => true,
            ("smtp", "") => false,
            _ => return None,
        };
        let authority = rest.split('/').next().filter(|a| !a.is_empty())?;
        let (who, host) = authority.rsplit_once('@').map_or((None, authority), |(who, host)| (Some(who), host));
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).ok()?;
        let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
        Some(Self {
            builder,
            shown: format!("{scheme}://{host}"),
            loopback: matches!(name, "localhost" | "127.0.0.1" | "[::1]"),
            password: who.is_some(),
            encrypted,
        })
    }

    /// Whether a password would cross a network in the clear.
    pub fn tells_its_password(&self) -> bool {
        self.password && !self.encrypted && !self.loopback
    }

    /// Scheme, host and port.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

/// Sends by a mail server, over a few connections that are kept.
pub struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    transport: Mutex<AsyncSmtpTransport<Tokio1Executor>>,
    patience: Duration,
    shown: String,
    from: Sender,
}

impl Smtp {
    /// Connects when the first letter comes.
    pub fn new(server: &Server, from: Sender) -> Self {
        Self::with_patience(server, from, PATIENCE)
    }

    /// The same with another patience for one letter.
    pub fn with_patience(server: &Server, from: Sender, patience: Duration) -> Self {
        let pool = PoolConfig::new().max_size(AT_ONCE).idle_timeout(Duration::from_secs(30));
        let builder = server.builder.clone().timeout(Some(patience)).pool_config(pool);
        Self { transport: Mutex::new(builder.clone().build()), builder, patience, shown: server.shown.clone(), from }
    }

    /// The connections of now.
    fn transport(&self) -> MutexGuard<'_, AsyncSmtpTransport<Tokio1Executor>> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn try_once(&self, parcel: &Parcel) -> Outcome {
        let message = match parcel.message(&self.from) {
            Ok(message) => message,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let transport = self.transport().clone();
        let mut sending = pin!(transport.send(message));
        match tokio::time::timeout(self.patience, &mut sending).await {
            Ok(Ok(response)) => Outcome::Sent(format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))),
            Ok(Err(error)) => judge(&error),
            Err(_) => {
                // A connection that is left in the middle of a letter goes back to its pool, and the next letter would take the late answer
                // for its own. So the pool is closed before the letter is let go of, and a new one opened.
                *self.transport() = self.builder.clone().build();
                // Nothing goes back to it from its first moment on; what follows is a good-bye that a silent server may never answer.
                let _ = tokio::time::timeout(GOOD_BYE, transport.shutdown()).await;
                Outcome::Later(format!("no answer within {:?}", self.patience))
            }
        }
    }
}

impl Mail for Smtp {
    fn place(&self) -> String {
        self.shown.clone()
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.try_once(&parcel).await })
    }
}

/// A refusal of the letter is final; anything about the connection, the server's state or our sign-in is not.
fn judge(error: &Error) -> Outcome {
    let code = error.status().map(|code| code.to_string());
    let said = said(error, code.as_deref());
    if error.is_permanent() && !code.is_some_and(|code| SIGN_IN.contains(&code.as_str())) {
        return Outcome::Refused(said);
    }
    // The server takes no such address, and will not learn it within a day.
    if error.is_client() && said.contains("non-ascii") {
        return Outcome::Refused(said);
    }
    Outcome::Later(said)
}

/// The server's own words where it said any; else the error with its causes.
fn said(error: &Error, code: Option<&str>) -> String {
    if let (Some(code), Some(words)) = (code, error.source()) {
        return format!("{code} {words}");
    }
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = inner.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::Server;

    #[test]
    fn servers_are_read_and_never_tell_their_password() {
        for (url, shown, tells) in [
            ("smtp://mail.example", "smtp://mail.example", false),
            ("smtp://ada:s3cret@mail.example:587?tls=required", "smtp://mail.example:587", false),
            ("smtps://ada:s3cret@mail.example", "smtps://mail.example", false),
            ("smtp://ada:s3cret@127.0.0.1:1025", "smtp://127.0.0.1:1025", false),
            ("smtp://ada:s3cret@[::1]:1025", "smtp://[::1]:1025", false),
            ("smtp://ada:s3cret@mail.example:25", "smtp://mail.example:25", true),
        ] {
            let server = Server::parse(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!((server.shown(), server.tells_its_password()), (shown, tells), "{url}");
            assert!(!format!("{server:?}").contains("s3cret"));
        }
        for wrong in
            ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example?tls=opportunistic", "smtp://mail.example?tls=no"]
        {
            assert!(Server::parse(wrong).is_none(), "{wrong}");
        }
    }
}
