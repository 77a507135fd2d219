//! Stock as lists: on hand, worth, movements, receipts.

use db::list::{Column, Filter, Kind, List, Sort};
use kernel::Permission;
use serde_json::{Map, Value};

/// What lies where, by item, location and lot.
pub(crate) const ON_HAND: List = List {
    name: "stock",
    // A row has no id of its own; one made of its key makes every order total.
    sql: "SELECT md5(h.location_id::text || h.item_id::text || h.lot_id::text)::uuid AS id, h.item_id, i.name AS item, i.sort_name, i.kind, \
          i.category, h.location_id, l.name AS location, l.site_id, s.name AS site, o.code AS lot, o.best_before, h.quantity, i.base_unit AS unit \
          FROM stock.on_hand h JOIN catalog.item i ON i.tenant_id = h.tenant_id AND i.id = h.item_id \
          JOIN stock.location l ON l.tenant_id = h.tenant_id AND l.id = h.location_id \
          JOIN identity.site s ON s.tenant_id = h.tenant_id AND s.id = l.site_id \
          LEFT JOIN stock.lot o ON o.tenant_id = h.tenant_id AND o.id = h.lot_id WHERE h.tenant_id = $1 AND h.quantity <> 0",
    columns: &[
        Column::shown("item", Kind::Text, "stock-item"),
        Column::shown("location", Kind::Text, "stock-location"),
        Column::shown("site", Kind::Text, "stock-site"),
        Column::shown("lot", Kind::Text, "stock-lot"),
        Column::shown("best_before", Kind::Day, "stock-best-before"),
        Column::shown("quantity", Kind::Quantity, "stock-quantity"),
        Column::shown("unit", Kind::Text, "stock-unit"),
        Column::hidden("id", Kind::Id),
        Column::hidden("item_id", Kind::Id),
        Column::hidden("location_id", Kind::Id),
        Column::hidden("site_id", Kind::Id),
        Column::hidden("sort_name", Kind::Text),
    ],
    filters: &[
        Filter { name: "item", sql: "item_id = {}", kind: Kind::Id },
        Filter { name: "location", sql: "location_id = {}", kind: Kind::Id },
        Filter { name: "site", sql: "site_id = {}", kind: Kind::Id },
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        Filter { name: "category", sql: "category = {}", kind: Kind::Text },
        Filter { name: "q", sql: "sort_name >= lower({}) AND sort_name < lower({}) || U&'\\+10FFFF'", kind: Kind::Text },
    ],
    sorts: &[Sort { name: "item", column: "sort_name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

/// What it is worth, by item and site. The cost of a unit (of a thousand grams or millilitres) is derived, never stored.
pub(crate) const WORTH: List = List {
    name: "worth",
    sql: "SELECT md5(w.site_id::text || w.item_id::text)::uuid AS id, w.item_id, i.name AS item, i.sort_name, i.kind, i.category, w.site_id, \
          s.name AS site, w.quantity, i.base_unit AS unit, w.value, w.currency, \
          round(w.value::numeric * u.size / w.quantity)::bigint AS unit_cost, u.per \
          FROM stock.worth w JOIN catalog.item i ON i.tenant_id = w.tenant_id AND i.id = w.item_id \
          JOIN identity.site s ON s.tenant_id = w.tenant_id AND s.id = w.site_id \
          JOIN (VALUES ('pc', 'pc', 1000000::bigint), ('g', 'kg', 1000000000), ('ml', 'l', 1000000000)) AS u (base, per, size) ON u.base = i.base_unit \
          WHERE w.tenant_id = $1 AND w.quantity <> 0",
    columns: &[
        Column::shown("item", Kind::Text, "stock-item"),
        Column::shown("site", Kind::Text, "stock-site"),
        Column::shown("quantity", Kind::Quantity, "stock-quantity"),
        Column::shown("unit", Kind::Text, "stock-unit"),
        Column::shown("value", Kind::Money, "stock-value").needing(Permission::CostRead),
        Column::shown("unit_cost", Kind::Money, "stock-unit-cost").needing(Permission::CostRead),
        Column::shown("per", Kind::Text, "stock-per").needing(Permission::CostRead),
        Column::shown("currency", Kind::Text, "stock-currency").needing(Permission::CostRead),
        Column::hidden("id", Kind::Id),
        Column::hidden("item_id", Kind::Id),
        Column::hidden("site_id", Kind::Id),
        Column::hidden("sort_name", Kind::Text),
    ],
    filters: &[
        Filter { name: "item", sql: "item_id = {}", kind: Kind::Id },
        Filter { name: "site", sql: "site_id = {}", kind: Kind::Id },
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        Filter { name: "category", sql: "category = {}", kind: Kind::Text },
        Filter { name: "q", sql: "sort_name >= lower({}) AND sort_name < lower({}) || U&'\\+10FFFF'", kind: Kind::Text },
    ],
    sorts: &[Sort { name: "item", column: "sort_name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

/// The stock ledger, newest first. A business day lies within two days of its moments, which lets the order's index serve it.
pub(crate) const MOVEMENTS: List = List {
    name: "movements",
    sql: "SELECT m.id, coalesce(n.number, m.document_kind) AS document, m.effective_at, m.day, m.item_id, i.name AS item, m.location_id, \
          l.name AS location, o.code AS lot, m.cause, m.quantity, i.base_unit AS unit, m.value, m.currency, m.document_kind, m.document_id, \
          m.document_line::bigint AS document_line, m.corrects \
          FROM stock.movement m JOIN catalog.item i ON i.tenant_id = m.tenant_id AND i.id = m.item_id \
          JOIN stock.location l ON l.tenant_id = m.tenant_id AND l.id = m.location_id \
          LEFT JOIN stock.lot o ON o.tenant_id = m.tenant_id AND o.id = m.lot_id \
          LEFT JOIN db.number n ON n.tenant_id = m.tenant_id AND n.document_id = m.document_id WHERE m.tenant_id = $1",
    columns: &[
        Column::shown("document", Kind::Text, "stock-document"),
        Column::shown("effective_at", Kind::Time, "stock-when"),
        Column::shown("day", Kind::Day, "stock-day"),
        Column::shown("item", Kind::Text, "stock-item"),
        Column::shown("location", Kind::Text, "stock-location"),
        Column::shown("lot", Kind::Text, "stock-lot"),
        Column::shown("cause", Kind::Text, "stock-cause"),
        Column::shown("quantity", Kind::Quantity, "stock-quantity"),
        Column::shown("unit", Kind::Text, "stock-unit"),
        Column::shown("value", Kind::Money, "stock-value").needing(Permission::CostRead),
        Column::shown("currency", Kind::Text, "stock-currency").needing(Permission::CostRead),
        Column::hidden("id", Kind::Id),
        Column::hidden("item_id", Kind::Id),
        Column::hidden("location_id", Kind::Id),
        Column::hidden("document_kind", Kind::Text),
        Column::hidden("document_id", Kind::Id),
        Column::hidden("document_line", Kind::Whole),
        Column::hidden("corrects", Kind::Id),
    ],
    filters: &[
        Filter { name: "item", sql: "item_id = {}", kind: Kind::Id },
        Filter { name: "location", sql: "location_id = {}", kind: Kind::Id },
        Filter { name: "cause", sql: "cause = {}", kind: Kind::Text },
        Filter { name: "document", sql: "document_id = {}", kind: Kind::Id },
        Filter { name: "from", sql: "day >= {} AND effective_at >= ({}::date - 2)::timestamptz", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {} AND effective_at <= ({}::date + 3)::timestamptz", kind: Kind::Day },
    ],
    sorts: &[Sort { name: "when", column: "effective_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

/// Receipts, newest first.
pub(crate) const RECEIPTS: List = List {
    name: "receipts",
    sql: "SELECT r.id, coalesce(n.number, '') AS number, r.kind, r.effective_at, r.day, r.supplier, r.reference, r.site_id, r.location_id, \
          l.name AS location, r.total, r.currency FROM stock.receipt r \
          JOIN stock.location l ON l.tenant_id = r.tenant_id AND l.id = r.location_id \
          LEFT JOIN db.number n ON n.tenant_id = r.tenant_id AND n.document_id = r.id WHERE r.tenant_id = $1",
    columns: &[
        Column::shown("number", Kind::Text, "receipt-number"),
        Column::shown("effective_at", Kind::Time, "stock-when"),
        Column::shown("day", Kind::Day, "stock-day"),
        Column::shown("kind", Kind::Text, "receipt-kind"),
        Column::shown("supplier", Kind::Text, "receipt-supplier"),
        Column::shown("reference", Kind::Text, "receipt-reference"),
        Column::shown("location", Kind::Text, "stock-location"),
        Column::shown("total", Kind::Money, "receipt-total").needing(Permission::CostRead),
        Column::shown("currency", Kind::Text, "stock-currency").needing(Permission::CostRead),
        Column::hidden("id", Kind::Id),
        Column::hidden("site_id", Kind::Id),
        Column::hidden("location_id", Kind::Id),
    ],
    filters: &[
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        Filter { name: "supplier", sql: "supplier = {}", kind: Kind::Text },
        Filter { name: "from", sql: "day >= {}", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {}", kind: Kind::Day },
    ],
    sorts: &[Sort { name: "when", column: "effective_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

/// A row's text.
fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    row.get(name)?.as_str()
}

/// A row of stock opens the movements of its item.
pub(crate) fn open_item(row: &Map<String, Value>) -> Option<String> {
    Some(format!("/stock/movements?item={}", text(row, "itemId")?))
}

/// A movement opens its document.
pub(crate) fn open_document(row: &Map<String, Value>) -> Option<String> {
    Some(ledger::document_href(text(row, "documentKind")?, text(row, "documentId")?))
}

/// A receipt opens.
pub(crate) fn open_receipt(row: &Map<String, Value>) -> Option<String> {
    Some(ledger::document_href("receipt", text(row, "id")?))
}
