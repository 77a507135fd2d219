//! How letters leave: the settings `smtp_url` and `mail_from`, which belong together.

use post::{Gateway, Sender, Server};

use super::{Config, Mode, Reader};

/// Who writes the letters of an installation that is only tried.
const TRIED: &str = "Hearth <hearth@hearth.example>";

/// How letters leave.
#[derive(Clone, Debug)]
pub enum Mail {
    /// By a mail server, in this sender's name.
    Server(Box<Server>, Sender),
    /// As files in the data directory: development without a mail server.
    Folder(Sender),
    /// Not at all: they stay in the queue.
    Nowhere,
}

impl Reader<'_> {
    pub(super) fn mail(&mut self, mode: Mode) -> Option<Mail> {
        match (self.text("smtp_url").is_some(), self.text("mail_from").is_some()) {
            (false, false) if mode == Mode::Production => Some(Mail::Nowhere),
            (false, false) => Some(Sender::parse(TRIED).map_or(Mail::Nowhere, Mail::Folder)),
            (true, false) => {
                let mend = "Set it to the address that letters come from, such as Hill Bakery <post@bakery.example>.";
                self.problem("mail_from", "is not set, but HEARTH_SMTP_URL is", mend);
                None
            }
            (false, true) => {
                let mend = "Set it to the mail server's address, such as smtp://user:password@mail.example:587?tls=required.";
                self.problem("smtp_url", "is not set, but HEARTH_MAIL_FROM is", mend);
                None
            }
            (true, true) => {
                let (server, from) = (self.server(mode), self.sender());
                Some(Mail::Server(Box::new(server?), from?))
            }
        }
    }

    /// Never shows the text: a slip may put the password anywhere.
    fn server(&mut self, mode: Mode) -> Option<Server> {
        let Some(server) = self.text("smtp_url").and_then(Server::parse) else {
            let mend = "Write it like smtp://user:password@host:587?tls=required (STARTTLS), smtps://… (TLS), or smtp://… (none). \
                        Signs such as @ and / in a password are written %40 and %2F.";
            self.problem("smtp_url", "is no address of a mail server", mend);
            return None;
        };
        if mode == Mode::Production && server.tells_its_password() {
            let mend = "Add ?tls=required, or write smtps://.";
            self.problem("smtp_url", "would send its password readable by everybody on the way", mend);
        }
        Some(server)
    }

    /// Never shows address or headers: both may hold a secret.
    pub(super) fn sms(&mut self, mode: Mode) -> Option<Gateway> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (url, body) = (owned(self.text("sms_url")), owned(self.text("sms_body")));
        let (url, body) = match (url, body) {
            (None, None) => return None,
            (Some(url), Some(body)) => (url, body),
            (None, Some(_)) => {
                self.problem("sms_url", "is not set, but HEARTH_SMS_BODY is", "Set it to the gateway's address, or remove the body.");
                return None;
            }
            (Some(_), None) => {
                let mend = "Set it to what the gateway is sent, such as To={to}&Body={text}.";
                self.problem("sms_body", "is not set, but HEARTH_SMS_URL is", mend);
                return None;
            }
        };
        let headers = owned(self.text("sms_headers")).unwrap_or_default();
        match Gateway::parse(&url, &body, &headers) {
            Ok(gateway) => {
                if mode == Mode::Production && gateway.is_readable() {
                    self.problem("sms_url", "would send codes readable by everybody on the way", "Write https://.");
                }
                Some(gateway)
            }
            Err("url") => {
                self.problem("sms_url", "is no address", "Write it like https://api.sms.example/v1/messages.");
                None
            }
            Err("headers") => {
                self.problem("sms_headers", "can't be read", "Write a line for each header: `name: value`.");
                None
            }
            Err(_) => {
                let mend = "Write a form such as To={to}&Body={text}, or JSON with \"{to}\" and \"{text}\" in it.";
                self.problem("sms_body", "is neither a form nor JSON with {to} and {text} in it", mend);
                None
            }
        }
    }

    fn sender(&mut self) -> Option<Sender> {
        let mend = "Write it like post@bakery.example or Hill Bakery <post@bakery.example>.";
        self.parsed("mail_from", "", Sender::parse, "is no address", mend)
    }
}

impl Config {
    /// What an operator should know of the settings although nothing is wrong with them.
    pub fn notes(&self) -> Vec<String> {
        match &self.mail {
            Mail::Server(..) => Vec::new(),
            Mail::Folder(_) => vec![format!("Letters are written to {}.", self.mail_dir().display())],
            Mail::Nowhere => {
                vec!["Letters stay in the queue: no mail server is set. Set HEARTH_SMTP_URL and HEARTH_MAIL_FROM.".to_owned()]
            }
        }
    }

    /// Where letters are written when no mail server is set.
    pub fn mail_dir(&self) -> std::path::PathBuf {
        self.data_dir.join("mail")
    }
}
