//! One entry of the trail, whole.

use db::{System, Tx, trail};
use kernel::{At, Error, Permission, Permissions, Result, TenantId};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Routes};

use crate::shown;

/// An entry of the trail: who did what to which thing, and what it looked like before and after.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrailEntry {
    /// Its id.
    pub id: Uuid,
    /// Its number in the log; none for the moment until it is numbered.
    pub n: Option<i64>,
    /// When.
    #[schema(value_type = String)]
    pub at: At,
    /// `account`, `key`, `program`, `support` or `nobody`.
    pub actor_kind: String,
    /// Which account or key.
    pub actor_id: Option<Uuid>,
    /// The member's name, the part of the program, or who of support on whose behalf.
    pub who: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    /// The request.
    pub request_id: Uuid,
    /// `order.paid`.
    pub action: String,
    /// `order`.
    pub kind: String,
    /// Which one.
    pub target_id: Uuid,
    /// Its number, if it has one.
    pub target: Option<String>,
    /// What changed, as it was. Personal values that were erased read `{"erased": true}`.
    #[schema(value_type = Object)]
    pub before: Option<Value>,
    /// What changed, as it is.
    #[schema(value_type = Object)]
    pub after: Option<Value>,
    /// Why, where a reason was asked for.
    pub reason: Option<String>,
    /// The hash that chains it to the entry before, in hexadecimal.
    pub hash: Option<String>,
}

pub(crate) fn routes(routes: &mut Routes) {
    routes.json::<TrailEntry, _, _>("GET /v1/trail/{id}", Permission::TrailRead, "TrailEntry", &[], async |cx: Cx| {
        let id = cx.id("id")?;
        load(&mut cx.tx().await?, id).await
    });
}

/// Reads an entry of the business.
pub(crate) async fn load(tx: &mut Tx, id: Uuid) -> Result<TrailEntry> {
    let (tenant, permissions) = (tx.tenant(), tx.op().permissions);
    read(tx.conn(), tenant, id, permissions).await
}

/// Reads an entry of any business, for the operator.
pub(crate) async fn load_across(system: &mut System, tenant: TenantId, id: Uuid, permissions: Permissions) -> Result<TrailEntry> {
    read(system.conn(), tenant, id, permissions).await
}

async fn read(conn: &mut PgConnection, tenant: TenantId, id: Uuid, permissions: Permissions) -> Result<TrailEntry> {
    let row = sqlx::query!(
        r#"SELECT l.n, l.at AS "at!", l.actor_kind AS "actor_kind!", l.actor_id, coalesce(b.who, m.name, l.actor_name) AS who, l.address, l.request_id AS "request_id!",
            l.action AS "action!", l.kind AS "kind!", l.target_id AS "target_id!", d.number AS "target?", l.before, l.after, l.reason, h.hash AS "hash?"
        FROM db.trail l
        LEFT JOIN db.log h ON h.tenant_id = l.tenant_id AND h.n = l.n
        LEFT JOIN identity.member m ON m.tenant_id = l.tenant_id AND m.account_id = l.actor_id
        LEFT JOIN identity.on_behalf b ON b.tenant_id = l.tenant_id AND b.id = CASE WHEN l.actor_kind = 'support' THEN l.actor_name::uuid END
        LEFT JOIN db.number d ON d.tenant_id = l.tenant_id AND d.document_id = l.target_id
        WHERE l.tenant_id = $1 AND l.id = $2"#,
        tenant.uuid(),
        id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound)?;
    let (mut before, mut after) = (row.before.unwrap_or_default(), row.after.unwrap_or_default());
    trail::resolve(conn, tenant, &mut [&mut before, &mut after]).await?;
    shown::mask(&mut before, permissions);
    shown::mask(&mut after, permissions);
    Ok(TrailEntry {
        id,
        n: row.n,
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        who: row.who,
        address: row.address,
        request_id: row.request_id,
        action: row.action,
        kind: row.kind,
        target_id: row.target_id,
        target: row.target,
        before: Some(before).filter(|value| !value.is_null()),
        after: Some(after).filter(|value| !value.is_null()),
        reason: row.reason,
        hash: row.hash.map(|hash| trail::hex(&hash)),
    })
}
