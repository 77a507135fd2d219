//! Transfers as a list: what a balance opens to.

use db::list::{Column, Filter, Kind, List, Sort};
use serde_json::{Map, Value};

/// All transfers, newest day first.
pub(crate) const TRANSFERS: List = List {
    name: "transfers",
    sql: "SELECT f.id, f.day, f.effective_at, coalesce(n.number, f.document_kind) AS document, f.debit_id, d.code || ' ' || d.name AS debit, \
          f.credit_id, c.code || ' ' || c.name AS credit, f.amount, f.currency, f.document_kind, f.document_id \
          FROM ledger.transfer f \
          JOIN ledger.book d ON d.tenant_id = f.tenant_id AND d.id = f.debit_id \
          JOIN ledger.book c ON c.tenant_id = f.tenant_id AND c.id = f.credit_id \
          LEFT JOIN db.number n ON n.tenant_id = f.tenant_id AND n.document_id = f.document_id \
          WHERE f.tenant_id = $1",
    columns: &[
        Column::shown("document", Kind::Text, "transfer-document"),
        Column::shown("day", Kind::Day, "transfer-day"),
        Column::shown("debit", Kind::Text, "transfer-debit"),
        Column::shown("credit", Kind::Text, "transfer-credit"),
        Column::shown("amount", Kind::Money, "transfer-amount"),
        Column::shown("currency", Kind::Text, "transfer-currency"),
        Column::hidden("id", Kind::Id),
        Column::hidden("effective_at", Kind::Time),
        Column::hidden("debit_id", Kind::Id),
        Column::hidden("credit_id", Kind::Id),
        Column::hidden("document_kind", Kind::Text),
        Column::hidden("document_id", Kind::Id),
    ],
    filters: &[
        Filter { name: "from", sql: "day >= {}", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {}", kind: Kind::Day },
        Filter { name: "book", sql: "(debit_id = {} OR credit_id = {})", kind: Kind::Id },
        Filter { name: "document", sql: "document_id = {}", kind: Kind::Id },
    ],
    sorts: &[Sort { name: "day", column: "day", kind: Kind::Day }],
    newest_first: true,
    key: "id",
};

/// Where the page of a document behind a posting is.
pub fn document_href(kind: &str, id: &str) -> String {
    format!("/{kind}s/{id}")
}

/// Where a row of a list of postings opens: the document that its `documentKind` and `documentId` name.
pub(crate) fn open(row: &Map<String, Value>) -> Option<String> {
    Some(document_href(row.get("documentKind")?.as_str()?, row.get("documentId")?.as_str()?))
}
