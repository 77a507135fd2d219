//! The letters that a story's program wrote, read out of the queue: stories without a mail server find links and codes here.

use post::{LetterId, Written};
use sqlx::Row;

use crate::Story;

/// A letter that waits to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its kind: `reset`.
    pub kind: String,
    /// The line that lists show.
    pub subject: String,
    /// The body in plain text.
    pub text: String,
    /// The body as a page.
    pub html: String,
    /// The addresses that its buttons lead to.
    pub links: Vec<String>,
    /// The code to type, of 6 digits.
    pub code: Option<String>,
    /// In whose name it is, where not the installation's.
    pub from: Option<String>,
    /// Where answers to it go, where not to the installation.
    pub reply_to: Option<String>,
}

impl Letter {
    fn read(kind: String, written: Written) -> Self {
        let Written { from, reply_to, subject, html, text } = written;
        let links = text.lines().filter(|line| line.starts_with("http")).map(str::to_owned).collect();
        let code = text.lines().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
        Self { kind, subject, text, html, links, code, from, reply_to }
    }

    /// The token of the letter's link: what stands behind `token=`.
    #[track_caller]
    pub fn token(&self) -> String {
        let found = self.links.iter().find_map(|link| link.split_once("token="));
        let (_, rest) = found.unwrap_or_else(|| panic!("no link with a token: {}", self.text));
        rest.split('&').next().unwrap_or_default().to_owned()
    }
}

impl Story {
    /// The letters to an address that wait, oldest first.
    pub async fn letters_to(&self, address: &str) -> Vec<Letter> {
        let mut system = self.db.system("story.letters").await.unwrap();
        let rows = sqlx::query("SELECT id, kind, body FROM post.letter WHERE recipient = $1 AND body IS NOT NULL ORDER BY id")
            .bind(address)
            .fetch_all(system.conn())
            .await
            .unwrap();
        let read = |row: sqlx::postgres::PgRow| {
            let (id, kind, body): (LetterId, String, Vec<u8>) = (row.get("id"), row.get("kind"), row.get("body"));
            // Another process's story has a ring of keys of its own.
            Some(Letter::read(kind, Written::open(self.db.vault(), id, &body).ok()?))
        };
        rows.into_iter().filter_map(read).collect()
    }

    /// Lets every letter that was asked for be written now, whoever had taken it: stories end in the middle of each other's jobs,
    /// and their clocks stand still or run ahead. A letter that was written is not written again.
    async fn wish_again(&self) {
        let mut system = self.db.system("story.wish").await.unwrap();
        let sql = "UPDATE db.job SET state = 'queued', attempts = 0, run_at = $2, held_until = NULL
            WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM db.job WHERE tenant_id = $1 AND name = 'identity.letter' FOR UPDATE SKIP LOCKED)";
        sqlx::query(sql).bind(kernel::PLATFORM.uuid()).bind(self.clock.now()).execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
    }

    /// The newest letter of a kind to an address.
    #[track_caller]
    pub fn letter(&self, address: &str, kind: &str) -> impl Future<Output = Letter> {
        let caller = std::panic::Location::caller();
        async move {
            let mut all = self.letters_to(address).await;
            // What a stranger asked for is written by a job, which another story's process may be at just now.
            for n in 1..=2_000 {
                if all.iter().any(|letter| letter.kind == kind) {
                    break;
                }
                if n % 40 == 0 {
                    self.wish_again().await;
                }
                self.platform_jobs().await;
                all = self.letters_to(address).await;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let kinds: Vec<String> = all.iter().map(|letter| letter.kind.clone()).collect();
            let found = all.into_iter().rev().find(|letter| letter.kind == kind);
            found.unwrap_or_else(|| panic!("{caller}: no letter {kind} to {address}; there are {kinds:?}"))
        }
    }
}
