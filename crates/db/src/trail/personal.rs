//! What is personal does not enter the log in clear: the entry holds a salted digest, the value lies beside it and can be
//! erased. The chain covers the digest, so it stays whole; without the salt nobody can try values against it.

use std::collections::HashMap;

use kernel::{Change, Id, Result, Source, TenantId, of};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::chain::hex;
use crate::{System, Tx};

/// Digests of values begin with their purpose.
const VALUE: &[u8] = b"hearth personal value 1\n";
/// Bytes of salt.
const SALT: usize = 16;

fn digest(salt: &[u8], value: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(VALUE);
    hash.update(salt);
    hash.update(value.to_string().as_bytes());
    hex(&hash.finalize())
}

/// The columns of rows of `db.personal`.
#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    subjects: Vec<Uuid>,
    salts: Vec<Vec<u8>>,
    values: Vec<Value>,
}

/// Lays the personal values of changes apart, in the transaction that writes the entries, and leaves their digests.
pub(crate) async fn enter(conn: &mut PgConnection, source: &Source, tenant: TenantId, changes: &mut [Change]) -> Result<()> {
    let mut rows = Rows::default();
    for change in changes {
        for personal in std::mem::take(&mut change.personal) {
            let (id, salt) = (source.uuid(), source.bytes::<SALT>());
            let side = if personal.was { &mut change.before } else { &mut change.after };
            if !matches!(side, Some(Value::Object(_))) {
                *side = Some(Value::Object(Map::new()));
            }
            if let Some(Value::Object(fields)) = side {
                fields.insert(personal.field.to_owned(), json!({ "digest": digest(&salt, &personal.value), "ref": id }));
            }
            rows.ids.push(id);
            rows.subjects.push(personal.subject);
            rows.salts.push(salt.to_vec());
            rows.values.push(personal.value);
        }
    }
    if rows.ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO db.personal (tenant_id, id, subject_id, salt, value)
        SELECT t.id, u.id, u.subject_id, u.salt, u.value FROM db.tenant t, unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::jsonb[]) AS u (id, subject_id, salt, value)
        WHERE t.id = $1",
        tenant.uuid(),
        &rows.ids,
        &rows.subjects,
        &rows.salts,
        &rows.values
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The id of the value that a field of an entry stands for.
fn reference(field: &Value) -> Option<Uuid> {
    let fields = field.as_object().filter(|fields| fields.len() == 2 && fields.contains_key("digest"))?;
    fields.get("ref")?.as_str()?.parse().ok()
}

fn references<'a>(values: &'a mut [&mut Value]) -> impl Iterator<Item = &'a mut Value> {
    values.iter_mut().filter_map(|value| value.as_object_mut()).flat_map(Map::values_mut).filter(|field| reference(field).is_some())
}

/// Puts the personal values back into what entries say: `{"erased": true}` where they are gone, and `{"altered": true}` where
/// what lies there is not what the entry was written with.
pub async fn resolve(conn: &mut PgConnection, tenant: TenantId, values: &mut [&mut Value]) -> Result<()> {
    let wanted: Vec<Uuid> = references(values).filter_map(|field| reference(field)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!("SELECT id, salt, value FROM db.personal WHERE tenant_id = $1 AND id = ANY ($2)", tenant.uuid(), &wanted)
        .fetch_all(conn)
        .await?;
    let kept: HashMap<Uuid, (Vec<u8>, Value)> = rows.into_iter().map(|r| (r.id, (r.salt, r.value))).collect();
    for field in references(values) {
        let said = field["digest"].as_str().unwrap_or_default();
        let there = reference(field).and_then(|id| kept.get(&id));
        *field = match there {
            None => json!({ "erased": true }),
            Some((salt, value)) if digest(salt, value) == said => value.clone(),
            Some(_) => json!({ "altered": true }),
        };
    }
    Ok(())
}

/// Forgets all that the log of this business says of a person; returns how many values went.
pub async fn erase(tx: &mut Tx, subject: Id<of::Account>) -> Result<u64> {
    let tenant = tx.tenant().uuid();
    let gone = sqlx::query!("DELETE FROM db.personal WHERE tenant_id = $1 AND subject_id = $2", tenant, subject.uuid());
    Ok(gone.execute(tx.conn()).await?.rows_affected())
}

/// Forgets all that any log says of a person, that of the account plane too; returns how many values went.
pub async fn erase_everywhere(system: &mut System, subject: Id<of::Account>) -> Result<u64> {
    let gone = sqlx::query!("DELETE FROM db.personal WHERE subject_id = $1", subject.uuid());
    Ok(gone.execute(system.conn()).await?.rows_affected())
}
