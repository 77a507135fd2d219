//! The way letters leave, and `hearth mail test`.

use std::sync::Arc;

use clap::Args;
use kernel::Source;
use post::{Address, Brand, Folder, HttpTexts, Outcome, Parcel, Phone, Smtp, letters, text};
use serde_json::{Value, json};

use crate::Trouble;
use crate::config::{Config, Mail};

/// The way that the settings give letters; none keeps them in the queue.
pub fn carrier(config: &Config) -> Option<Arc<dyn post::Mail>> {
    match &config.mail {
        Mail::Server(server, from) => Some(Arc::new(Smtp::new(server, from.clone()))),
        Mail::Folder(from) => Some(Arc::new(Folder::new(config.mail_dir(), from.clone()))),
        Mail::Nowhere => None,
    }
}

/// The way that the settings give text messages; none keeps them in the queue.
pub fn texts(config: &Config) -> Option<Arc<dyn post::Texts>> {
    config.sms.clone().map(|gateway| Arc::new(HttpTexts::new(gateway)) as Arc<dyn post::Texts>)
}

/// Where letters go, in words.
pub fn place(config: &Config) -> Option<String> {
    match &config.mail {
        Mail::Server(server, _) => Some(server.shown().to_owned()),
        Mail::Folder(_) => Some(config.mail_dir().display().to_string()),
        Mail::Nowhere => None,
    }
}

/// A letter to try the mail server with.
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// Where to send it.
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// What the mail server said to the test letter.
pub struct Tested {
    to: String,
    place: String,
    answer: String,
}

/// Sends one letter now, past the queue and without the database.
pub async fn test(config: &Config, test: &Test) -> Result<Tested, Trouble> {
    web::text::install(crate::slices().iter().map(|slice| slice.texts));
    let to = Address::new(&test.address)
        .map_err(|_| Trouble::usage(format!("{} is no e-mail address", test.address), "Write it like ada@example.com."))?;
    let Some(mail) = carrier(config) else {
        return Err(Trouble::new("no mail server is set", "Set HEARTH_SMTP_URL and HEARTH_MAIL_FROM; docs/operate.md says more."));
    };
    let parcel = Parcel::new(&Source::real(), to, &Brand::hearth(), &letters::test())?;
    let place = mail.place();
    match mail.send(parcel).await {
        Outcome::Sent(answer) => Ok(Tested { to: test.address.clone(), place, answer }),
        Outcome::Later(why) => Err(Trouble::new(format!("{place} did not take the letter: {why}"), mend(&why))),
        Outcome::Refused(why) => Err(Trouble::new(
            format!("{place} refused the letter: {why}"),
            "See whether the server may send from HEARTH_MAIL_FROM to that address.",
        )),
    }
}

/// A text message to try the gateway with.
#[derive(Args, Clone, Debug)]
pub struct TestText {
    /// Where to send it, with its country: +441314960000.
    #[arg(value_name = "NUMBER")]
    pub number: String,
}

/// Sends one text message now, past the queue and without the database.
pub async fn test_text(config: &Config, test: &TestText) -> Result<Tested, Trouble> {
    web::text::install(crate::slices().iter().map(|slice| slice.texts));
    let to = Phone::new(&test.number)
        .map_err(|_| Trouble::usage(format!("{} is no telephone's number", test.number), "Write it like +441314960000."))?;
    let Some(texts) = texts(config) else {
        return Err(Trouble::new(
            "no gateway for text messages is set",
            "Set HEARTH_SMS_URL and HEARTH_SMS_BODY; docs/operate.md says more.",
        ));
    };
    let place = texts.place();
    match texts.send(to, text::code(&Brand::hearth(), "000000", &config.public_url.to_string())).await {
        Outcome::Sent(answer) => Ok(Tested { to: test.number.clone(), place, answer }),
        Outcome::Later(why) => {
            Err(Trouble::new(format!("{place} did not take the message: {why}"), "See that the gateway can be reached from here."))
        }
        Outcome::Refused(why) => Err(Trouble::new(
            format!("{place} refused the message: {why}"),
            "See what the gateway wants in HEARTH_SMS_BODY and HEARTH_SMS_HEADERS.",
        )),
    }
}

/// What most often helps.
fn mend(why: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if says(&["530", "534", "535", "538", "authentication"]) {
        "See that user and password in HEARTH_SMTP_URL are right; @ and / in a password are written %40 and %2F."
    } else if says(&["STARTTLS", "tls", "certificate", "InvalidCertificate"]) {
        "See that the server speaks TLS at that port: ?tls=required for STARTTLS (587), smtps:// for TLS from the start (465), \
         and that its certificate is of a known authority (SSL_CERT_FILE names your own)."
    } else if says(&["450", "451", "452", "421"]) {
        "The server asks to come again later; in service, letters are tried again by themselves."
    } else {
        "See that the server runs there, that name and port in HEARTH_SMTP_URL are right, and that no firewall stands between."
    }
}

impl Tested {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({ "to": self.to, "place": self.place, "answer": self.answer })
    }

    /// For people.
    pub fn text(&self) -> String {
        format!("The test to {} went to {}: {}", self.to, self.place, self.answer)
    }
}
