//! A log as lines of JSON that can be proved without the database: a head, then every entry as it was hashed, each
//! checkpoint before the entry that it signs. What is personal stays a digest.

use kernel::{At, Error, Result, TenantId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    chain::{Chained, hex},
    checkpoint::{Checkpoint, unhex},
    verify::{checkpoints, entries},
};

/// The first line of a tenant's log in an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// How the lines are to be read: 1.
    pub version: u32,
    /// Whose log.
    pub tenant: Uuid,
    /// Its short name.
    pub slug: String,
    /// The last number when the export began.
    pub n: i64,
    /// The hash of that entry.
    pub hash: Option<String>,
    /// Where the chain begins.
    pub chained_after: i64,
}

impl Head {
    /// The end of the log as it was when the export began.
    pub fn end(&self) -> (i64, Option<Vec<u8>>) {
        (self.n, self.hash.as_deref().and_then(unhex))
    }
}

/// An entry as a line. `before` and `after` keep PostgreSQL's own spelling, for the hash is over that.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    n: i64,
    id: Uuid,
    at: At,
    actor_kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor_name: Option<String>,
    request_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    action: String,
    kind: String,
    target_id: Uuid,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    before: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    after: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

/// A field that is there, though it may be `null`: that is a value of jsonb, another than none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Read<'a> {
    trail: Option<Head>,
    #[serde(borrow)]
    entry: Option<Entry<'a>>,
    checkpoint: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Written<'a> {
    entry: Entry<'a>,
}

/// What a line of an export holds.
pub enum Line {
    /// A tenant's log begins.
    Head(Head),
    /// An entry of that log.
    Entry(Box<Chained>),
    /// A checkpoint of that log.
    Checkpoint(Box<Checkpoint>),
}

fn raw(text: &Option<String>) -> Result<Option<&RawValue>> {
    text.as_deref().map(serde_json::from_str).transpose().map_err(|e| Error::Internal(format!("the log holds what is no JSON: {e}")))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(|e| Error::Internal(e.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

fn written(entry: &Chained) -> Result<Vec<u8>> {
    json(&Written {
        entry: Entry {
            n: entry.n,
            id: entry.id,
            at: entry.at,
            actor_kind: entry.actor_kind.clone(),
            actor_id: entry.actor_id,
            actor_name: entry.actor_name.clone(),
            request_id: entry.request_id,
            address: entry.address.clone(),
            action: entry.action.clone(),
            kind: entry.kind.clone(),
            target_id: entry.target_id,
            before: raw(&entry.before)?,
            after: raw(&entry.after)?,
            reason: entry.reason.clone(),
            hash: entry.hash.as_deref().map(hex),
        },
    })
}

/// The head line of a tenant's log, and the head itself.
pub async fn head_line(conn: &mut PgConnection, tenant: TenantId) -> Result<(Vec<u8>, Head)> {
    let row = sqlx::query!(
        r#"SELECT t.slug, coalesce(h.n, 0) AS "n!", h.hash AS "hash?", coalesce(h.chained_after, 0) AS "chained_after!"
        FROM db.tenant t LEFT JOIN db.log_head h ON h.tenant_id = t.id WHERE t.id = $1"#,
        tenant.uuid()
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound)?;
    let head = Head {
        version: 1,
        tenant: tenant.uuid(),
        slug: row.slug,
        n: row.n,
        hash: row.hash.as_deref().map(hex),
        chained_after: row.chained_after,
    };
    Ok((json(&serde_json::json!({ "trail": head }))?, head))
}

/// The lines of the next entries after a number, and the last number among them; none when there are no more.
pub async fn lines(conn: &mut PgConnection, tenant: TenantId, after: i64) -> Result<Option<(Vec<u8>, i64)>> {
    let chunk = entries(&mut *conn, tenant.uuid(), after).await?;
    let Some(through) = chunk.last().map(|entry| entry.n) else { return Ok(None) };
    let mut signed = checkpoints(conn, tenant.uuid(), after, through).await?.into_iter().peekable();
    let mut text = Vec::new();
    for entry in &chunk {
        while let Some(checkpoint) = signed.next_if(|checkpoint| checkpoint.n <= entry.n) {
            text.extend(json(&serde_json::json!({ "checkpoint": checkpoint.json() }))?);
        }
        text.extend(written(entry)?);
    }
    Ok(Some((text, through)))
}

/// Reads a line; the tenant is the one of the head before it. The error says what is wrong with the line.
pub fn parse(line: &str, tenant: Option<Uuid>) -> std::result::Result<Line, String> {
    let read: Read<'_> = serde_json::from_str(line).map_err(|e| e.to_string())?;
    match read {
        Read { trail: Some(head), .. } if head.version != 1 => Err(format!("lines of version {} are not known", head.version)),
        Read { trail: Some(head), .. } => Ok(Line::Head(head)),
        Read { entry: Some(entry), .. } => {
            let tenant = tenant.ok_or("an entry stands before any head")?;
            chained(entry, tenant).map(|entry| Line::Entry(Box::new(entry)))
        }
        Read { checkpoint: Some(checkpoint), .. } => {
            let checkpoint = Checkpoint::from_json(&checkpoint).ok_or("a checkpoint can't be read")?;
            Ok(Line::Checkpoint(Box::new(checkpoint)))
        }
        Read { .. } => Err("it is neither head, entry nor checkpoint".into()),
    }
}

fn chained(entry: Entry<'_>, tenant_id: Uuid) -> std::result::Result<Chained, String> {
    let hash = match entry.hash {
        Some(hash) => Some(unhex(&hash).ok_or("a hash can't be read")?),
        None => None,
    };
    Ok(Chained {
        tenant_id,
        n: entry.n,
        id: entry.id,
        at: entry.at,
        actor_kind: entry.actor_kind,
        actor_id: entry.actor_id,
        actor_name: entry.actor_name,
        request_id: entry.request_id,
        address: entry.address,
        action: entry.action,
        kind: entry.kind,
        target_id: entry.target_id,
        before: entry.before.map(|text| text.get().to_owned()),
        after: entry.after.map(|text| text.get().to_owned()),
        reason: entry.reason,
        hash,
    })
}
