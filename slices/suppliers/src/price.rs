//! What a supplier asks for an item, from a day on, as the supplier writes it: so much for a 25 kg bag.

use db::{
    Command, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{Change, Currency, Day, Error, ItemId, Money, Permission, Quantity, Ratio, Result, SupplierId, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Routes;

/// Notes a supplier's price of an item from a day on. The price before it stays for what was bought then.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetSupplierPrice {
    /// Whose price.
    pub id: SupplierId,
    /// Of what.
    pub item_id: ItemId,
    /// For so many; 1 unless given.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Of this unit: one of the item's own or a common one.
    pub unit: String,
    /// The price.
    pub amount: Money,
    /// From this day on; today unless given.
    #[serde(default)]
    pub from_day: Option<Day>,
}

/// A supplier's price of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SupplierPrice {
    /// Of what.
    pub item_id: ItemId,
    /// Its name.
    pub item: String,
    /// From this day on.
    pub from_day: Day,
    /// For so many.
    pub quantity: Quantity,
    /// Of this unit.
    pub unit: String,
    /// So much.
    pub amount: Money,
}

impl Command for SetSupplierPrice {
    const NEEDS: Permission = Permission::SupplierWrite;
    type Out = SupplierPrice;

    async fn run(self, tx: &mut Tx) -> Result<SupplierPrice> {
        let quantity = self.quantity.unwrap_or(Quantity::ONE);
        if quantity <= Quantity::ZERO {
            return Err(Error::field("quantity", "number.positive"));
        }
        if self.amount.minor < 0 {
            return Err(Error::field("amount", "number.not_negative"));
        }
        let bought = bought(tx, self.id, self.item_id, &self.unit).await?;
        if self.amount.currency != bought.currency {
            return Err(Error::field("amount", "money.currency"));
        }
        // What can't be weighed exactly can't be compared either.
        quantity.by(bought.ratio).map_err(|e| e.at("quantity"))?;
        let from_day = self.from_day.unwrap_or(bought.today);
        if !from_day.is_sane() {
            return Err(Error::field("fromDay", "day.out_of_range"));
        }
        let (tenant, id) = (tx.tenant().uuid(), tx.op().source.uuid());
        sqlx::query!(
            "INSERT INTO suppliers.price (tenant_id, id, supplier_id, item_id, from_day, quantity, unit, numerator, denominator, amount, currency)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (tenant_id, supplier_id, item_id, from_day)
            DO UPDATE SET quantity = excluded.quantity, unit = excluded.unit, numerator = excluded.numerator, denominator = excluded.denominator,
                amount = excluded.amount, currency = excluded.currency",
            tenant,
            id,
            self.id.uuid(),
            self.item_id.uuid(),
            from_day as Day,
            quantity.micros(),
            self.unit,
            bought.ratio.numerator(),
            bought.ratio.denominator(),
            self.amount.minor,
            self.amount.currency.code()
        )
        .execute(tx.conn())
        .await?;
        let price = SupplierPrice { item_id: self.item_id, item: bought.item, from_day, quantity, unit: self.unit, amount: self.amount };
        tx.log(Change::of("supplier.priced", "supplier", self.id, &price));
        Ok(price)
    }
}

/// What must be known of an item to buy it.
struct Bought {
    item: String,
    ratio: Ratio,
    currency: Currency,
    today: Day,
}

async fn bought(tx: &mut Tx, supplier: SupplierId, item: ItemId, unit: &str) -> Result<Bought> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let row = sqlx::query!(
        r#"SELECT t.currency, ($5::timestamptz AT TIME ZONE t.time_zone)::date AS "today!",
            EXISTS (SELECT 1 FROM suppliers.supplier s WHERE s.tenant_id = $1 AND s.id = $2) AS "supplier!",
            i.name AS "item?", i.base_unit AS "base_unit?", u.numerator AS "numerator?", u.denominator AS "denominator?"
        FROM db.tenant t
        LEFT JOIN catalog.item i ON i.tenant_id = t.id AND i.id = $3
        LEFT JOIN catalog.item_unit u ON u.tenant_id = t.id AND u.item_id = i.id AND u.code = $4
        WHERE t.id = $1"#,
        tenant,
        supplier.uuid(),
        item.uuid(),
        unit,
        now as kernel::At
    )
    .fetch_one(tx.conn())
    .await?;
    if !row.supplier {
        return Err(Error::NotFound);
    }
    let (Some(name), Some(base)) = (row.item, row.base_unit) else { return Err(Error::field("itemId", "item.unknown")) };
    let ratio = match (row.numerator, row.denominator) {
        (Some(numerator), Some(denominator)) => Ratio::new(numerator, denominator),
        _ => Unit::find(unit).and_then(|u| u.ratio_to(Unit::find(&base)?)),
    };
    Ok(Bought {
        item: name,
        ratio: ratio.map_err(|e| e.at("unit"))?,
        currency: row.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?,
        today: row.today,
    })
}

/// A supplier's newest price of each item, items by name.
pub(crate) async fn of_supplier(tx: &mut Tx, supplier: SupplierId) -> Result<Vec<SupplierPrice>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT p.item_id, p.item, p.from_day, p.quantity, p.unit, p.amount, p.currency FROM (
            SELECT DISTINCT ON (f.item_id) f.item_id, i.name AS item, f.from_day, f.quantity, f.unit, f.amount, f.currency
            FROM suppliers.price f JOIN catalog.item i ON i.tenant_id = f.tenant_id AND i.id = f.item_id
            WHERE f.tenant_id = $1 AND f.supplier_id = $2 ORDER BY f.item_id, f.from_day DESC) p
        ORDER BY p.item LIMIT 500",
        tenant,
        supplier.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            let currency: Currency = r.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?;
            Ok(SupplierPrice {
                item_id: ItemId::new(r.item_id),
                item: r.item,
                from_day: r.from_day,
                quantity: Quantity::from_micros(r.quantity),
                unit: r.unit,
                amount: Money::new(r.amount, currency),
            })
        })
        .collect()
}

/// Every price of every supplier: who asks what for an item.
static PRICES: List = List {
    name: "supplier-prices",
    sql: "SELECT p.id, p.supplier_id, s.name AS supplier, p.item_id, i.name AS item, p.from_day, p.quantity, p.unit, p.amount, p.currency
        FROM suppliers.price p
        JOIN suppliers.supplier s ON s.tenant_id = p.tenant_id AND s.id = p.supplier_id
        JOIN catalog.item i ON i.tenant_id = p.tenant_id AND i.id = p.item_id
        WHERE p.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::hidden("supplier_id", Kind::Id),
        Column::shown("supplier", Kind::Text, "supplier-name"),
        Column::hidden("item_id", Kind::Id),
        Column::shown("item", Kind::Text, "supplier-item"),
        Column::shown("from_day", Kind::Day, "supplier-from"),
        Column::shown("quantity", Kind::Quantity, "supplier-quantity"),
        Column::shown("unit", Kind::Text, "supplier-unit"),
        Column::shown("amount", Kind::Money, "supplier-price"),
        Column::hidden("currency", Kind::Text),
    ],
    filters: &[
        Filter { name: "supplier", sql: "supplier_id = {}", kind: Kind::Id },
        Filter { name: "item", sql: "item_id = {}", kind: Kind::Id },
    ],
    sorts: &[Sort { name: "from", column: "from_day", kind: Kind::Day }],
    newest_first: true,
    key: "id",
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.command::<SetSupplierPrice>("POST /v1/suppliers/{id}/prices");
    routes.list("GET /v1/supplier-prices", Permission::SupplierRead, &PRICES);
}
