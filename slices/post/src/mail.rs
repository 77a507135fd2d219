//! How a letter leaves: by a mail server, or into a folder where nobody set one.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use kernel::{At, Error, Result, Source};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::address::{Address, Sender};
use crate::letter::{Brand, Content, LetterId, Written};

/// What became of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken over; what was said.
    Sent(String),
    /// Not now; why. It is tried again.
    Later(String),
    /// Never; why.
    Refused(String),
}

/// Takes letters away.
pub trait Mail: Send + Sync {
    /// Where letters go, for people; it holds no password.
    fn place(&self) -> String;

    /// Tries once to send a letter, and gives up by itself within a minute.
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Outcome>;
}

/// A letter on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its id, the same at every attempt: servers and mail programs recognise a second copy by it.
    pub id: LetterId,
    /// Its kind.
    pub kind: String,
    /// To whom.
    pub to: Address,
    /// When it was written.
    pub at: At,
    /// What it says.
    pub written: Written,
}

impl Parcel {
    /// A letter that was never in the queue.
    pub fn new(source: &Source, to: Address, brand: &Brand, content: &Content) -> Result<Self> {
        Ok(Self { id: source.id(), kind: content.kind.to_owned(), to, at: source.now(), written: Written::of(brand, content)? })
    }

    /// The message as servers take it.
    pub(crate) fn message(&self, from: &Sender) -> Result<lettre::Message> {
        let Written { from: name, reply_to, subject, html, text } = &self.written;
        let sender: Mailbox = from.mailbox(name.as_deref());
        // Said, not read back from the headers: their reader takes fewer addresses than there are.
        let envelope = Envelope::new(Some(sender.email.clone()), vec![self.to.mailbox().email])
            .map_err(|e| Error::Internal(format!("letter {}: {e}", self.id)))?;
        let since = Duration::from_micros(u64::try_from(self.at.micros()).unwrap_or(0));
        let answers = reply_to.as_deref().map(Address::new).transpose()?;
        let message = lettre::Message::builder();
        answers
            .into_iter()
            .fold(message, |message, address| message.reply_to(address.mailbox()))
            .envelope(envelope)
            .from(sender)
            .to(self.to.mailbox())
            .subject(subject.as_str())
            .message_id(Some(format!("<{}@{}>", self.id, from.domain())))
            .date(SystemTime::UNIX_EPOCH + since)
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(text.clone(), html.clone()))
            .map_err(|e| Error::Internal(format!("letter {}: {e}", self.id)))
    }
}

/// Writes letters as files, for who builds or tries the program.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
    from: Sender,
}

impl Folder {
    /// Letters in this directory, which is made when the first one comes.
    pub fn new(dir: PathBuf, from: Sender) -> Self {
        Self { dir, from }
    }

    fn write(&self, parcel: &Parcel) -> std::result::Result<PathBuf, String> {
        let message = parcel.message(&self.from).map_err(|e| e.to_string())?;
        let when = parcel.at.timestamp().strftime("%Y-%m-%dT%H-%M-%S");
        let path = self.dir.join(format!("{when}-{}-{}.eml", parcel.kind, parcel.id));
        let draft = path.with_extension("part");
        let written = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).and_then(|()| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&message.formatted())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        });
        written.map(|()| path).map_err(|e| format!("{}: {e}", self.dir.display()))
    }
}

impl Mail for Folder {
    fn place(&self) -> String {
        self.dir.display().to_string()
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Outcome> {
        let folder = self.clone();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || folder.write(&parcel)).await {
                Ok(Ok(path)) => Outcome::Sent(format!("written to {}", path.display())),
                Ok(Err(why)) => Outcome::Later(why),
                Err(broken) => Outcome::Later(broken.to_string()),
            }
        })
    }
}
