//! By which list a site sells: the one that was chosen for it, else the first in its currency.

use db::{Command, Tx};
use futures::future::BoxFuture;
use kernel::{Change, Currency, Error, Permission, PriceListId, Result, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{AddedSite, Cx};

/// A site and the list by which it sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SitePrices {
    /// The site.
    pub site_id: SiteId,
    /// Its name.
    pub site: String,
    /// Its currency.
    #[schema(value_type = String, example = "GBP")]
    pub currency: Currency,
    /// The list by which it sells; none where no list in use is in its currency: then it can't sell.
    pub price_list_id: Option<PriceListId>,
    /// The list's name.
    pub price_list: Option<String>,
    /// Whether the taxes are in the list's prices.
    pub includes_tax: Option<bool>,
    /// Whether the list was chosen for this site; else it is the first of the currency.
    pub chosen: bool,
}

/// A site as it sells.
pub(crate) async fn site_prices(tx: &mut Tx, id: SiteId) -> Result<SitePrices> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT s.name, s.currency, l.list_id AS "list_id?", l.name AS "list?", l.includes_tax AS "includes_tax?", l.chosen AS "chosen?"
        FROM identity.site s LEFT JOIN catalog.list_of_site l ON l.tenant_id = s.tenant_id AND l.site_id = s.id
        WHERE s.tenant_id = $1 AND s.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    Ok(SitePrices {
        site_id: id,
        site: row.name,
        currency: row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?,
        price_list_id: row.list_id.map(PriceListId::new),
        price_list: row.list,
        includes_tax: row.includes_tax,
        chosen: row.chosen.unwrap_or(false),
    })
}

/// `GET /v1/sites/{id}/price-list`.
pub(crate) async fn answer(cx: Cx) -> Result<SitePrices> {
    site_prices(&mut cx.tx().await?, cx.id("id")?).await
}

/// Lets a site sell by a list of its currency; without one, by the first of its currency.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChoosePriceList {
    /// Which site.
    pub id: SiteId,
    /// Which list; none takes the choice back.
    pub price_list_id: Option<PriceListId>,
}

/// Keeps the choice. Refuses, at `priceListId`, a list that there is not, that is out of use, or of another currency.
async fn choose(tx: &mut Tx, site: SiteId, currency: Currency, list: PriceListId) -> Result<()> {
    let tenant = tx.tenant().uuid();
    // Held until the end: whoever takes the list out of use at this moment waits, and then sees that a site sells by it.
    let found =
        sqlx::query!("SELECT currency, active FROM catalog.price_list WHERE tenant_id = $1 AND id = $2 FOR SHARE", tenant, list.uuid())
            .fetch_optional(tx.conn())
            .await?;
    match found {
        None => return Err(Error::rule("price_list.unknown").at("priceListId")),
        Some(row) if !row.active => return Err(Error::rule("price_list.retired").at("priceListId")),
        Some(row) if row.currency != currency.code() => return Err(Error::rule("price_list.currency").at("priceListId")),
        Some(_) => {}
    }
    sqlx::query!(
        "INSERT INTO catalog.site_price_list (tenant_id, site_id, list_id) SELECT t.id, $2, $3 FROM db.tenant t WHERE t.id = $1
        ON CONFLICT (tenant_id, site_id) DO UPDATE SET list_id = excluded.list_id",
        tenant,
        site.uuid(),
        list.uuid()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl Command for ChoosePriceList {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = SitePrices;

    async fn run(self, tx: &mut Tx) -> Result<SitePrices> {
        let tenant = tx.tenant().uuid();
        let before = site_prices(tx, self.id).await?;
        match self.price_list_id {
            Some(list) => choose(tx, self.id, before.currency, list).await?,
            None => {
                sqlx::query!("DELETE FROM catalog.site_price_list WHERE tenant_id = $1 AND site_id = $2", tenant, self.id.uuid())
                    .execute(tx.conn())
                    .await?;
            }
        }
        let after = site_prices(tx, self.id).await?;
        if after != before {
            tx.log(Change::of("site.priced", "site", self.id, &after).from(&before));
        }
        Ok(after)
    }
}

/// Keeps the list that was chosen with a new site.
pub(crate) fn site_added<'a>(tx: &'a mut Tx, added: &'a AddedSite) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match added.price_list {
            Some(list) => choose(tx, added.site, added.currency, list).await,
            None => Ok(()),
        }
    })
}
