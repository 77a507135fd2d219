//! A receipt as it is read.

use db::Tx;
use kernel::{At, Currency, Day, Error, ItemId, LocationId, LotId, Money, Permission, Permissions, Quantity, ReceiptId, Result, SiteId};
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;
use web::Cx;

use crate::ReceiptKind;

/// One line of a receipt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptLine {
    /// From 1.
    pub n: i32,
    /// Of what.
    pub item_id: ItemId,
    /// Its name.
    pub item: String,
    /// As it was entered.
    pub entered: Quantity,
    /// Of which unit, as it was entered.
    pub unit: String,
    /// In base units.
    pub quantity: Quantity,
    /// The item's base unit.
    pub base_unit: String,
    /// What the whole line cost; missing for those who may not see what things cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Its lot.
    pub lot_id: Option<LotId>,
    /// The lot's code.
    pub lot: Option<String>,
    /// Best before this day.
    pub best_before: Option<Day>,
}

/// Something that came in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The id.
    pub id: ReceiptId,
    /// Its number: `R-2026-000001`.
    pub number: Option<String>,
    /// Where it came from.
    pub kind: ReceiptKind,
    /// At which site.
    pub site_id: SiteId,
    /// Into which location.
    pub location_id: LocationId,
    /// Its name.
    pub location: String,
    /// Who delivered.
    pub supplier: Option<String>,
    /// The note's number.
    pub reference: Option<String>,
    /// What all lines cost together; missing for those who may not see what things cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// When it came.
    pub effective_at: At,
    /// The business day it belongs to.
    pub day: Day,
    /// What came.
    pub lines: Vec<ReceiptLine>,
}

impl Receipt {
    /// The receipt as somebody may see it.
    #[must_use]
    pub fn seen_with(mut self, permissions: Permissions) -> Self {
        if !permissions.has(Permission::CostRead) {
            self.total = None;
            for line in &mut self.lines {
                line.amount = None;
            }
        }
        self
    }
}

/// A line as the statement's JSON has it.
#[derive(Debug, serde::Deserialize)]
struct LineRow {
    n: i32,
    item_id: ItemId,
    name: String,
    entered_quantity: i64,
    unit: String,
    quantity: i64,
    base_unit: String,
    amount: i64,
    lot_id: Option<LotId>,
    code: Option<String>,
    best_before: Option<Day>,
}

/// One receipt with its lines and what they cost; [`Receipt::seen_with`] leaves out what somebody may not see.
pub async fn receipt(tx: &mut Tx, id: ReceiptId) -> Result<Receipt> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT r.kind, r.site_id, r.location_id, l.name AS location, r.supplier, r.reference, r.currency, r.total, r.effective_at, r.day,
            n.number AS "number?",
            (SELECT json_agg(x ORDER BY x.n) FROM (
                SELECT x.n, x.item_id, i.name, x.entered_quantity, x.unit, x.quantity, i.base_unit, x.amount, x.lot_id, o.code, o.best_before
                FROM stock.receipt_line x JOIN catalog.item i ON i.tenant_id = x.tenant_id AND i.id = x.item_id
                LEFT JOIN stock.lot o ON o.tenant_id = x.tenant_id AND o.id = x.lot_id
                WHERE x.tenant_id = $1 AND x.receipt_id = r.id) x) AS "lines: Json<Vec<LineRow>>"
        FROM stock.receipt r JOIN stock.location l ON l.tenant_id = r.tenant_id AND l.id = r.location_id
        LEFT JOIN db.number n ON n.tenant_id = r.tenant_id AND n.document_id = r.id
        WHERE r.tenant_id = $1 AND r.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let currency: Currency = row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?;
    let line = |line: LineRow| ReceiptLine {
        n: line.n,
        item_id: line.item_id,
        item: line.name,
        entered: Quantity::from_micros(line.entered_quantity),
        unit: line.unit,
        quantity: Quantity::from_micros(line.quantity),
        base_unit: line.base_unit,
        amount: Some(Money::new(line.amount, currency)),
        lot_id: line.lot_id,
        lot: line.code,
        best_before: line.best_before,
    };
    Ok(Receipt {
        id,
        number: row.number,
        kind: row.kind.parse()?,
        site_id: SiteId::new(row.site_id),
        location_id: LocationId::new(row.location_id),
        location: row.location,
        supplier: row.supplier,
        reference: row.reference,
        total: Some(Money::new(row.total, currency)),
        effective_at: row.effective_at,
        day: row.day,
        lines: row.lines.map_or_else(Vec::new, |json| json.0).into_iter().map(line).collect(),
    })
}

/// `GET /v1/receipts/{id}`.
pub(crate) async fn answer(cx: Cx) -> Result<Receipt> {
    Ok(receipt(&mut cx.tx().await?, cx.id("id")?).await?.seen_with(cx.op.permissions))
}
