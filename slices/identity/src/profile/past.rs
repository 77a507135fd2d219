//! What a profile was: national ids sealed and kept apart, and the history of a member with the values that the reader may see.

use db::{Db, System, Tx};
use kernel::{AccountId, At, Error, Result, TenantId};
use serde_json::Value;
use uuid::Uuid;
use vault::Keyring;

use super::Sight;

/// What a national id is sealed for: it opens for this member of this business alone.
fn about(tenant: TenantId, account: AccountId) -> Vec<u8> {
    [b"national id\n".as_slice(), tenant.uuid().as_bytes(), account.uuid().as_bytes()].concat()
}

/// Seals an id.
pub(super) fn seal(vault: &Keyring, tenant: TenantId, account: AccountId, id: &str) -> Result<Vec<u8>> {
    vault.seal(&about(tenant, account), id.as_bytes())
}

/// Opens one.
pub(crate) fn open(vault: &Keyring, tenant: TenantId, account: AccountId, sealed: &[u8]) -> Result<String> {
    let plain = vault.open(&about(tenant, account), sealed)?;
    String::from_utf8(plain.to_vec()).map_err(|_| Error::Internal("a national id can't be read".into()))
}

/// Keeps an id as it was and as it became; an entry of the log names the rows.
pub(super) async fn keep(tx: &mut Tx, account: AccountId, was: Option<&[u8]>, is: Option<&[u8]>) -> Result<(Option<Uuid>, Option<Uuid>)> {
    let source = tx.op().source.clone();
    let id = |sealed: Option<&[u8]>| sealed.map(|sealed| (source.uuid(), sealed.to_vec()));
    let (was, is) = (id(was), id(is));
    let (ids, sealed): (Vec<Uuid>, Vec<Vec<u8>>) = was.iter().chain(&is).cloned().unzip();
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "INSERT INTO identity.profile_past (tenant_id, id, account_id, sealed)
        SELECT t.id, u.id, $2, u.sealed FROM db.tenant t, unnest($3::uuid[], $4::bytea[]) AS u (id, sealed) WHERE t.id = $1",
        tenant,
        account.uuid(),
        &ids,
        &sealed
    )
    .execute(tx.conn())
    .await?;
    Ok((was.map(|(id, _)| id), is.map(|(id, _)| id)))
}

/// Sealed values of a table as they are and as they become, column by column.
#[derive(Default)]
struct Anew {
    tenants: Vec<Uuid>,
    ids: Vec<Uuid>,
    old: Vec<Vec<u8>>,
    new: Vec<Vec<u8>>,
}

/// Seals every national id anew with the ring's last key, those of the past too; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    let rows = sqlx::query!(
        r#"SELECT 'now' AS "kept!", p.tenant_id AS "tenant_id!", p.account_id AS "id!", p.account_id AS "account_id!", p.id_sealed AS "sealed!"
        FROM identity.profile p WHERE p.id_sealed IS NOT NULL
        UNION ALL SELECT 'past', h.tenant_id, h.id, h.account_id, h.sealed FROM identity.profile_past h"#
    )
    .fetch_all(system.conn())
    .await?;
    let (mut now, mut past) = (Anew::default(), Anew::default());
    for row in rows {
        let about = about(TenantId::new(row.tenant_id), AccountId::new(row.account_id));
        let table = if row.kept == "past" { &mut past } else { &mut now };
        table.new.push(db.vault().seal(&about, &db.vault().open(&about, &row.sealed)?)?);
        table.tenants.push(row.tenant_id);
        table.ids.push(row.id);
        table.old.push(row.sealed);
    }
    // One that was changed meanwhile was sealed by the last key already.
    let done = sqlx::query!(
        "UPDATE identity.profile p SET id_sealed = u.new
        FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) AS u (tenant_id, id, old, new)
        WHERE p.tenant_id = u.tenant_id AND p.account_id = u.id AND p.id_sealed = u.old",
        &now.tenants,
        &now.ids,
        &now.old,
        &now.new
    )
    .execute(system.conn())
    .await?;
    let before = sqlx::query!(
        "UPDATE identity.profile_past p SET sealed = u.new
        FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) AS u (tenant_id, id, old, new)
        WHERE p.tenant_id = u.tenant_id AND p.id = u.id AND p.sealed = u.old",
        &past.tenants,
        &past.ids,
        &past.old,
        &past.new
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected() + before.rows_affected())
}

/// One entry of a member's history.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// `profile.changed`.
    pub action: String,
    /// When.
    pub at: At,
    /// Who did it.
    pub who: String,
    /// Why, if said.
    pub reason: Option<String>,
    /// Fields of the profile that changed, each as it was and as it is.
    pub changed: Vec<(String, String, String)>,
}

/// The last hundred entries about a member, newest first; pay is told to those alone who may see it.
pub(crate) async fn history(tx: &mut Tx, account: AccountId, sight: Sight) -> Result<Vec<Told>> {
    let tenant = tx.tenant();
    let mut rows = sqlx::query!(
        r#"SELECT t.action AS "action!", t.at AS "at!", t.reason, coalesce(b.who, m.name, t.actor_name, '') AS "who!",
            coalesce(t.before, 'null') AS "before!", coalesce(t.after, 'null') AS "after!"
        FROM db.trail t LEFT JOIN identity.member m ON m.tenant_id = t.tenant_id AND m.account_id = t.actor_id
            LEFT JOIN identity.on_behalf b ON b.tenant_id = t.tenant_id AND b.id = CASE WHEN t.actor_kind = 'support' THEN t.actor_name::uuid END
        WHERE t.tenant_id = $1 AND t.target_id = $2 ORDER BY t.at DESC, t.id DESC LIMIT 100"#,
        tenant.uuid(),
        account.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    {
        let mut values: Vec<&mut Value> = rows.iter_mut().flat_map(|row| [&mut row.before, &mut row.after]).collect();
        db::trail::resolve(tx.conn(), tenant, &mut values).await?;
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let changed = if row.action == "profile.changed" { changed(&row.before, &row.after, sight) } else { Vec::new() };
            Told { action: row.action, at: row.at, who: row.who, reason: row.reason, changed }
        })
        .collect())
}

fn changed(before: &Value, after: &Value, sight: Sight) -> Vec<(String, String, String)> {
    let names = after.as_object().into_iter().flat_map(|fields| fields.keys());
    let seen = |name: &&String| match name.as_str() {
        "pay" => sight.pay,
        "nationalId" => sight.id(),
        _ => true,
    };
    names.filter(seen).map(|name| (name.clone(), said(&before[name]), said(&after[name]))).collect()
}

/// A value in words.
fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.contains_key("erased") => web::t("profile-erased"),
        Value::Object(fields) => match serde_json::from_value::<super::Pay>(value.clone()) {
            Ok(pay) => shown_pay(&pay),
            Err(_) => fields
                .iter()
                .filter(|(name, _)| *name != "past")
                .map(|(_, value)| said(value))
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
        },
        other => other.to_string(),
    }
}

/// A pay in words.
pub(crate) fn shown_pay(pay: &super::Pay) -> String {
    let (basis, method) = (web::t(&format!("pay-{}", pay.basis.code())), web::t(&format!("pay-{}", pay.method.code())));
    format!("{} {basis}, {method}", pay.amount)
}
