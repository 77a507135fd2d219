//! Prices: from a day on, by list and quantity break.

use db::{Command, Tx};
use kernel::{Change, Currency, Day, Error, ItemId, Money, Permission, PriceListId, Quantity, Result};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Item, change::per_base, item::item};

/// Sets an item's price from a day on. The price of the same day, list and quantity break is replaced; those before stay.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPrice {
    /// Of which item.
    pub id: ItemId,
    /// The price, in the list's currency.
    pub price: Money,
    /// The unit that the price is for; the base unit unless given.
    pub price_unit: Option<String>,
    /// From this business day on; today unless given.
    pub from_day: Option<Day>,
    /// On this list; the usual one unless given.
    pub list_id: Option<PriceListId>,
    /// From so many base units on; any quantity unless given.
    pub min_quantity: Option<Quantity>,
}

/// A price list: the one asked for, or the usual one. Its currency stays as it is until the price stands on it.
async fn list(tx: &mut Tx, wanted: Option<PriceListId>) -> Result<(PriceListId, Currency)> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "SELECT id, currency FROM catalog.price_list WHERE tenant_id = $1
            AND id = coalesce($2, (SELECT u.id FROM catalog.usual_list u WHERE u.tenant_id = $1)) FOR KEY SHARE",
        tenant,
        wanted.map(PriceListId::uuid)
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or_else(|| Error::rule("price_list.unknown").at("listId"))?;
    Ok((PriceListId::new(row.id), row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?))
}

/// The business day that runs now: after midnight and before the day's start that is still the one before. Where sites are in
/// different days, the earliest: a price from then on counts at every till at once.
pub(crate) async fn today(tx: &mut Tx) -> Result<Day> {
    let now = tx.now();
    let days = identity::sites(tx).await?.into_iter().map(|site| site.zone.business_day(now, site.day_start));
    // A business has a site from its opening on.
    days.min().ok_or(Error::NotFound)
}

impl Command for SetPrice {
    const NEEDS: Permission = Permission::ItemWrite;
    type Out = Item;

    async fn run(self, tx: &mut Tx) -> Result<Item> {
        let before = item(tx, self.id).await?;
        let (list, currency) = list(tx, self.list_id).await?;
        if self.price.currency != currency {
            return Err(Error::field("price", "money.currency"));
        }
        let least = self.min_quantity.unwrap_or_default();
        if least < Quantity::ZERO {
            return Err(Error::field("minQuantity", "number.not_negative"));
        }
        let from = match self.from_day {
            Some(day) if !day.is_sane() => return Err(Error::rule("day.out_of_range").at("fromDay")),
            Some(day) => day,
            None => today(tx).await?,
        };
        let unit_price = per_base(self.price, &before.base_unit, &before.ratios()?, self.price_unit.as_deref())?;
        let (tenant, price_id) = (tx.tenant().uuid(), tx.op().source.uuid());
        sqlx::query!(
            "INSERT INTO catalog.price (tenant_id, id, list_id, item_id, from_day, min_quantity, unit_price)
            SELECT t.id, $2, $3, $4, $5, $6, $7 FROM db.tenant t WHERE t.id = $1
            ON CONFLICT (tenant_id, item_id, list_id, from_day, min_quantity) DO UPDATE SET unit_price = excluded.unit_price",
            tenant,
            price_id,
            list.uuid(),
            self.id.uuid(),
            from as Day,
            least.micros(),
            unit_price
        )
        .execute(tx.conn())
        .await?;
        let after = item(tx, self.id).await?;
        tx.log(Change::of("item.priced", "item", self.id, &after.prices).from(&before.prices));
        Ok(after.seen_with(tx.op().permissions))
    }
}
