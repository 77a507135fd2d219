//! What a business is called.

use db::Tx;
use kernel::{Change, Error, Permission, Result, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{session, site};

/// The business.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub slug: String,
    /// Its currency's three letters.
    pub currency: String,
    /// Its IANA zone.
    pub time_zone: String,
    /// Grows with each change.
    pub version: i32,
}

/// Renames the business.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveSettings {
    /// Its new name.
    pub name: String,
    /// The version that was read.
    pub version: i32,
}

/// The transaction's business.
pub(crate) async fn settings(tx: &mut Tx) -> Result<Settings> {
    let tenant = tx.tenant();
    let row = sqlx::query!("SELECT name, slug, currency, time_zone, version FROM db.tenant WHERE id = $1", tenant.uuid())
        .fetch_optional(tx.conn())
        .await?
        .ok_or(Error::NotFound)?;
    Ok(Settings { id: tenant, name: row.name, slug: row.slug, currency: row.currency, time_zone: row.time_zone, version: row.version })
}

impl db::Command for SaveSettings {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Settings;
    async fn run(self, tx: &mut Tx) -> Result<Settings> {
        let name = site::name("name", &self.name)?;
        let before = settings(tx).await?;
        let changed = sqlx::query!(
            "UPDATE db.tenant SET name = $2, version = version + 1 WHERE id = $1 AND version = $3",
            before.id.uuid(),
            name,
            self.version
        )
        .execute(tx.conn())
        .await?;
        if changed.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        let after = Settings { name, version: self.version + 1, ..before.clone() };
        tx.log(Change::of("tenant.renamed", "tenant", after.id, &after).from(&before));
        if let kernel::Actor::Account(account) = tx.op().actor {
            session::forget(account);
        }
        Ok(after)
    }
}
