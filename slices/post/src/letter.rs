//! A letter as it is asked for, and how it enters the queue.

use db::Db;
use kernel::{AccountId, At, Error, Id, Result, Source, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;
use vault::Keyring;
use web::colour;

use crate::address::{Address, one_line};
use crate::render;

/// The id of a letter.
pub type LetterId = Id<Letter>;

/// A letter to be sent. Those of the account plane (sign-in, reset, locks) belong to [`kernel::PLATFORM`].
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whose letter it is.
    pub tenant: TenantId,
    /// Whom it is about, where that is an account.
    pub account: Option<AccountId>,
    /// To whom.
    pub to: Address,
    /// In whose name and colours.
    pub brand: Brand,
    /// What it says; [`crate::letters`] has one function for each kind.
    pub content: Content,
}

/// Whose letter it is to the eye: a business's name, logo and colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// None for the installation itself.
    pub(crate) name: Option<String>,
    pub(crate) logo: Option<String>,
    pub(crate) colour: [u8; 3],
    /// Where answers go.
    pub(crate) reply_to: Option<Address>,
}

/// The colour of letters without one.
const COLOUR: [u8; 3] = [0x8a, 0x3b, 0x12];

impl Brand {
    /// The installation itself: letters about an account.
    pub fn hearth() -> Self {
        Self { name: None, logo: None, colour: COLOUR, reply_to: None }
    }

    /// A business: its name, the https address of its logo, and its colour as `#rrggbb`. A logo or colour that can't be read is left
    /// out.
    pub fn of(name: &str, logo: Option<&str>, colour: Option<&str>) -> Self {
        Self {
            name: Some(one_line(name, 80)).filter(|name| !name.is_empty()),
            logo: logo.filter(|url| is_link(url)).map(str::to_owned),
            colour: colour.and_then(colour::parts).unwrap_or(COLOUR),
            reply_to: None,
        }
    }

    /// The same with an address that answers go to. One that can't be read is left out.
    pub fn answered_at(self, address: Option<&str>) -> Self {
        Self { reply_to: address.and_then(|address| Address::new(address).ok()), ..self }
    }
}

/// What a letter says. Nothing in it is markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its kind, in a word: `reset`. The text `letter-kind-<kind>` says it to people.
    pub kind: &'static str,
    /// The line that lists of letters show; becomes one line.
    pub subject: String,
    /// The line on top.
    pub heading: String,
    /// What follows, a paragraph each.
    pub paragraphs: Vec<String>,
    /// What to press, and the https (or, on this machine, http) address where it leads.
    pub button: Option<(String, String)>,
    /// A code to type.
    pub code: Option<String>,
    /// What stands small at the end.
    pub footnote: Option<String>,
}

/// Whether it is an address that a letter may lead to.
fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    url.len() <= 2000
        && rest.is_some_and(|rest| !rest.is_empty())
        && !url.contains(|c: char| c.is_control() || c.is_whitespace() || "\"<>".contains(c))
}

/// A letter as it was written: what is sealed in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// In whose name, where not the installation's.
    pub from: Option<String>,
    /// Where answers go, where not to the installation.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// One line.
    pub subject: String,
    /// The body for most.
    pub html: String,
    /// The body for the others.
    pub text: String,
}

impl Written {
    /// Writes a letter.
    pub fn of(brand: &Brand, content: &Content) -> Result<Self> {
        if let Some((_, url)) = content.button.as_ref().filter(|(_, url)| !is_link(url)) {
            return Err(Error::Internal(format!("a letter can't lead to {url}")));
        }
        Ok(Self {
            from: brand.name.clone(),
            reply_to: brand.reply_to.as_ref().map(|address| address.as_str().to_owned()),
            subject: one_line(&content.subject, 150),
            html: render::html(brand, content).into_string(),
            text: render::text(brand, content),
        })
    }

    /// What the sealed letter is bound to.
    fn about(id: LetterId) -> Vec<u8> {
        [b"post.letter:", id.uuid().as_bytes().as_slice()].concat()
    }

    /// Seals it for its id.
    pub fn seal(&self, vault: &Keyring, id: LetterId) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(self).map_err(|e| Error::Internal(e.to_string()))?;
        vault.seal(&Self::about(id), &plain)
    }

    /// Opens what was sealed for this id.
    pub fn open(vault: &Keyring, id: LetterId, sealed: &[u8]) -> Result<Self> {
        let plain = vault.open(&Self::about(id), sealed)?;
        serde_json::from_slice(&plain).map_err(|e| Error::Internal(format!("letter {id}: {e}")))
    }
}

/// Queues a letter on the connection of an open transaction: it is sent if that commits, soon after.
pub async fn queue(conn: &mut PgConnection, vault: &Keyring, source: &Source, letter: &Letter) -> Result<LetterId> {
    let Letter { tenant, account, content, .. } = letter;
    let to = Recipient { tenant: *tenant, account: *account, kind: content.kind, recipient: letter.to.as_str(), way: "mail" };
    enter(conn, vault, source, &to, &Written::of(&letter.brand, content)?).await
}

/// Whom something in the queue is for.
pub(crate) struct Recipient<'a> {
    pub tenant: TenantId,
    pub account: Option<AccountId>,
    pub kind: &'static str,
    /// The address, or the number.
    pub recipient: &'a str,
    /// `mail` or `text`.
    pub way: &'static str,
}

/// Enters what was written into the queue.
pub(crate) async fn enter(
    conn: &mut PgConnection,
    vault: &Keyring,
    source: &Source,
    to: &Recipient<'_>,
    written: &Written,
) -> Result<LetterId> {
    let (id, now): (LetterId, At) = (source.id(), source.now());
    sqlx::query!(
        "INSERT INTO post.letter (tenant_id, id, account_id, kind, recipient, body, state, run_at, created_at, way)
        VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $7, $8)",
        to.tenant.uuid(),
        id.uuid(),
        to.account.map(AccountId::uuid),
        to.kind,
        to.recipient,
        written.seal(vault, id)?,
        now as At,
        to.way
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Forgets every letter to an account or its address, sent or waiting; how many.
pub async fn forget(conn: &mut PgConnection, account: AccountId, address: &str) -> Result<u64> {
    let gone = sqlx::query!("DELETE FROM post.letter WHERE account_id = $1 OR recipient = $2", account.uuid(), address);
    Ok(gone.execute(conn).await?.rows_affected())
}

/// So many letters are sealed anew at once.
const BATCH: i64 = 500;

/// Seals what waits anew with the ring's last key, a few letters at a time; returns how many. Old keys may go afterwards.
pub async fn reseal(db: &Db) -> Result<u64> {
    let (mut done, mut last) = (0, Uuid::nil());
    loop {
        let mut system = db.system("post.reseal").await?;
        let rows = sqlx::query!(
            r#"SELECT tenant_id, id AS "id: LetterId", body AS "body!" FROM post.letter WHERE body IS NOT NULL AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE"#,
            last,
            BATCH
        )
        .fetch_all(system.conn())
        .await?;
        let Some(end) = rows.last() else { return Ok(done) };
        last = end.id.uuid();
        let sealing = db.vault().sealing();
        let (mut tenants, mut ids, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| Keyring::key_of(&row.body) != Some(sealing.as_str())) {
            bodies.push(Written::open(db.vault(), row.id, &row.body)?.seal(db.vault(), row.id)?);
            tenants.push(row.tenant_id);
            ids.push(row.id.uuid());
        }
        done += sqlx::query!(
            "UPDATE post.letter l SET body = u.body FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS u (tenant_id, id, body)
            WHERE l.tenant_id = u.tenant_id AND l.id = u.id",
            &tenants,
            &ids,
            &bodies
        )
        .execute(system.conn())
        .await?
        .rows_affected();
        system.commit().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brand_takes_what_it_can_read() {
        let brand = Brand::of(" Hill\nBakery ", Some("https://hill.example/logo.png"), Some("#0a64Ff"));
        assert_eq!((brand.name.as_deref(), brand.colour), (Some("Hill Bakery"), [10, 100, 255]));
        assert!(brand.logo.is_some());
        for (logo, colour) in [("javascript:alert(1)", "red"), ("https://x\" onerror=\"y", "#12345g"), ("http:// x", "#€1234")] {
            let brand = Brand::of("x", Some(logo), Some(colour));
            assert_eq!((brand.logo, brand.colour), (None, COLOUR));
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_letter_alone() {
        let source = Source::real();
        let vault = Keyring::fresh(&source);
        let written = Written { from: None, reply_to: None, subject: "s".into(), html: "h".into(), text: "t".into() };
        let (id, other): (LetterId, LetterId) = (source.id(), source.id());
        let sealed = written.seal(&vault, id).unwrap();
        assert_eq!(Written::open(&vault, id, &sealed).unwrap(), written);
        assert!(Written::open(&vault, other, &sealed).is_err());
    }
}
