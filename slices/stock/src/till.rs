//! What a till needs before it can post a sale, in one round trip.

use std::collections::HashMap;

use catalog::{Sellable, SellableRow, TaxOfItem};
use db::Tx;
use kernel::{Day, Error, ItemId, LocationId, Result, SiteId};
use sqlx::types::Json;
use uuid::Uuid;

/// From where a site sells, and what.
#[derive(Clone, Debug)]
pub struct TillView {
    /// The location that the site's till sells from.
    pub location: LocationId,
    /// Whether the site keeps the business's currency, in which standard costs are.
    pub own_currency: bool,
    /// The items that exist, by id.
    pub sellables: HashMap<ItemId, Sellable>,
}

/// The site's selling location and the items as they may be sold on `day`. A site without such a location is refused
/// (`location.unknown`). The same reading as [`catalog::sellables`], joined so that a sale costs no second round trip.
pub async fn till_view(tx: &mut Tx, site: SiteId, items: &[ItemId], day: Day) -> Result<TillView> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = items.iter().map(|item| item.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.id AS location_id, (SELECT t.currency = z.currency FROM db.tenant t JOIN identity.site z ON z.tenant_id = t.id
                WHERE t.id = $1 AND z.id = $2) AS "own_currency!", i.id AS "id?", i.name AS "name?", i.kind AS "kind?", i.base_unit AS "base_unit?",
            i.stock_rule AS "stock_rule?", i.standard_cost AS "standard_cost?", i.standard_quantity AS "standard_quantity?",
            i.active AS "active?", l.id AS "list_id!", l.currency AS "currency!", l.includes_tax AS "includes_tax!",
            (SELECT json_agg(json_build_array(u.code, u.numerator, u.denominator) ORDER BY u.n) FROM catalog.item_unit u
                WHERE u.tenant_id = $1 AND u.item_id = i.id) AS "units: Json<Vec<(String, i64, i64)>>",
            (SELECT json_agg(json_build_array(b.from_day, b.min_quantity, b.unit_price)) FROM (
                SELECT DISTINCT ON (p.min_quantity) p.from_day, p.min_quantity, p.unit_price FROM catalog.price p
                WHERE p.tenant_id = $1 AND p.item_id = i.id AND p.list_id = l.id AND p.from_day <= $4
                ORDER BY p.min_quantity, p.from_day DESC) b) AS "prices: Json<Vec<(Day, i64, i64)>>",
            (SELECT json_agg(json_build_array(x.id, x.name, x.rate_ppm, x.compound) ORDER BY x.position, x.id) FROM catalog.tax x
                WHERE x.tenant_id = $1 AND x.category_id = i.tax_category_id AND x.from_day <= $4
                AND (x.until_day IS NULL OR x.until_day >= $4)) AS "taxes: Json<Vec<TaxOfItem>>"
        FROM (SELECT o.id FROM stock.location o WHERE o.tenant_id = $1 AND o.site_id = $2 AND o.sells ORDER BY o.id LIMIT 1) s
        JOIN catalog.usual_list l ON l.tenant_id = $1
        LEFT JOIN catalog.item i ON i.tenant_id = $1 AND i.id = ANY($3)"#,
        tenant,
        site.uuid(),
        &ids,
        day as Day
    )
    .fetch_all(tx.conn())
    .await?;
    let (location, own_currency) =
        rows.first().map(|row| (LocationId::new(row.location_id), row.own_currency)).ok_or_else(|| Error::rule("location.unknown"))?;
    let sellables = rows.into_iter().filter_map(|row| {
        let row = SellableRow {
            id: row.id?,
            name: row.name?,
            kind: row.kind?,
            base_unit: row.base_unit?,
            stock_rule: row.stock_rule?,
            standard_cost: row.standard_cost?,
            standard_quantity: row.standard_quantity?,
            active: row.active?,
            list_id: row.list_id,
            currency: row.currency,
            includes_tax: row.includes_tax,
            units: row.units,
            prices: row.prices,
            taxes: row.taxes,
        };
        let id = ItemId::new(row.id);
        Some(Sellable::try_from(row).map(|sellable| (id, sellable)))
    });
    Ok(TillView { location, own_currency, sellables: sellables.collect::<Result<_>>()? })
}

/// From which location a site's till sells.
pub async fn selling_location(tx: &mut Tx, site: SiteId) -> Result<LocationId> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query_scalar!(
        "SELECT id FROM stock.location WHERE tenant_id = $1 AND site_id = $2 AND sells ORDER BY id LIMIT 1",
        tenant,
        site.uuid()
    )
    .fetch_optional(tx.conn())
    .await?;
    found.map(LocationId::new).ok_or_else(|| Error::rule("location.unknown"))
}
