//! Whether a chosen password stands in a corpus of breaches, where the operator named one (ASVS 5.0 6.2.12). It is asked by the first five
//! digits of the password's SHA-1 and answers with all that begin so, and with padding; it learns neither the password nor
//! whether it was found: the range interface of Have I Been Pwned, version 3.

use std::time::Duration;

use axum::http::StatusCode;
use sha1::{Digest, Sha1};
use web::App;

use crate::outside::{self, Outside, is_safe};

/// How long a chosen password waits for the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Digits that are sent.
const SENT: usize = 5;

/// Whether the corpus holds a password. One that does not answer refuses nothing: the other rules stand.
pub(crate) async fn hold(app: &App, password: &str) -> bool {
    let Some(corpus) = &app.settings().breaches else { return false };
    match ask(app, corpus, password).await {
        Ok(found) => found,
        Err(why) => {
            tracing::warn!(why, "the corpus of breached passwords does not answer: a password was taken without it");
            false
        }
    }
}

async fn ask(app: &App, corpus: &str, password: &str) -> Result<bool, String> {
    let digest: String = Sha1::digest(password.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
    let (sent, kept) = digest.split_at(SENT);
    let address = format!("{}/{sent}", corpus.trim_end_matches('/'));
    if !is_safe(app, &address) {
        return Err("its address is not https".into());
    }
    let outside = app.part::<Outside>();
    let client = outside.client().await.map_err(|error| error.to_string())?;
    let request = client.get(address).header("add-padding", "true").timeout(PATIENCE);
    match outside::answer(request).await? {
        (StatusCode::OK, read) => Ok(holds(&String::from_utf8_lossy(&read), kept)),
        (status, _) => Err(format!("it answers {status}")),
    }
}

/// Whether an answer's lines, `REST:COUNT`, hold a digest. Padding has the count 0.
fn holds(lines: &str, kept: &str) -> bool {
    lines.lines().filter_map(|line| line.trim().split_once(':')).any(|(rest, count)| rest.eq_ignore_ascii_case(kept) && count.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn padding_is_not_found() {
        let lines =
            "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\n011053FD0102E94D6AE2F8B83D76FAF94F6:0\r\n";
        assert!(holds(lines, "00D4F6E8FA6EECAD2A3AA415EEC418D38EC") && holds(lines, "0018a45c4d1def81644b54ab7f969b88d65"));
        assert!(
            !holds(lines, "011053FD0102E94D6AE2F8B83D76FAF94F6")
                && !holds(lines, "FF1053FD0102E94D6AE2F8B83D76FAF94F6")
                && !holds("", "00")
        );
    }
}
