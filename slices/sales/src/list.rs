//! Orders as a list, one order whole, and what `hearth check` recomputes of them.

use db::{
    Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{OrderId, Permission, Result, account};
use web::{CheckFn, Cx, Finding, Routes};

use crate::order::{self, Order};

/// Orders, newest first. A report's row opens to the orders behind it by these filters.
pub(crate) static ORDERS: List = List {
    name: "orders",
    // What is only shown is looked up for the rows of the page alone, and not for all that a filter finds.
    sql: "SELECT o.id, (SELECT n.number FROM db.number n WHERE n.tenant_id = o.tenant_id AND n.document_id = o.id) AS number, o.external_number, o.kind, o.state,
            o.placed_at, o.day, o.hour::bigint AS hour, o.site_id, o.channel, o.customer_id,
            (SELECT m.name FROM identity.member m WHERE m.tenant_id = o.tenant_id AND m.account_id = o.seller_id) AS seller,
            (SELECT c.name FROM sales.customer c WHERE c.tenant_id = o.tenant_id AND c.id = o.customer_id) AS customer,
            o.currency, o.net, o.tax, o.total, o.import_id, o.tenant_id,
            coalesce((SELECT n.number FROM db.number n WHERE n.tenant_id = o.tenant_id AND n.document_id = o.id), o.external_number) AS called
        FROM sales.orders o
        WHERE o.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::hidden("number", Kind::Text),
        Column::hidden("external_number", Kind::Text),
        Column::shown("called", Kind::Text, "order-number"),
        Column::shown("kind", Kind::Text, "order-kind"),
        Column::shown("state", Kind::Text, "order-state"),
        Column::shown("placed_at", Kind::Time, "order-when"),
        Column::shown("day", Kind::Day, "order-day"),
        Column::hidden("hour", Kind::Whole),
        Column::hidden("site_id", Kind::Id),
        Column::hidden("channel", Kind::Text),
        Column::shown("seller", Kind::Text, "order-seller"),
        Column::shown("customer", Kind::Text, "order-customer"),
        Column::hidden("currency", Kind::Text),
        Column::shown("net", Kind::Money, "order-net"),
        Column::shown("tax", Kind::Money, "order-tax"),
        Column::shown("total", Kind::Money, "order-total"),
    ],
    filters: &[
        Filter { name: "from", sql: "day >= {}", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {}", kind: Kind::Day },
        Filter { name: "hour", sql: "hour = {}", kind: Kind::Whole },
        Filter { name: "site", sql: "site_id = {}", kind: Kind::Id },
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        Filter { name: "state", sql: "state = {}", kind: Kind::Text },
        Filter { name: "customer", sql: "customer_id = {}", kind: Kind::Id },
        Filter { name: "import", sql: "import_id = {}", kind: Kind::Id },
        Filter {
            name: "item",
            sql: "EXISTS (SELECT 1 FROM sales.order_line i WHERE i.tenant_id = l.tenant_id AND i.order_id = l.id AND i.item_id = {} AND i.day BETWEEN {from} AND {to})",
            kind: Kind::Id,
        },
    ],
    sorts: &[Sort { name: "placed", column: "placed_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.list("GET /v1/orders", Permission::OrderRead, &ORDERS);
    routes.json::<Order, _, _>("GET /v1/orders/{id}", Permission::OrderRead, "Order", &[], async |cx: Cx| {
        let id: OrderId = cx.id("id")?;
        order::load(&mut cx.tx().await?, id).await
    });
}

/// What is recomputed from raw lines.
pub(crate) const CHECKS: &[CheckFn] = &[orders_equal_lines, payments_equal_allocations, payments_equal_orders];

/// An order's figures are the sums of its lines, and a line's tax the sum of its rows.
fn orders_equal_lines(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT o.id, o.lines, o.net, o.tax, o.total, coalesce(l.lines, 0)::int AS "lines_count!", coalesce(l.net, 0)::bigint AS "lines_net!", coalesce(l.tax, 0)::bigint AS "lines_tax!", coalesce(l.total, 0)::bigint AS "lines_total!",
                coalesce(x.tax, 0)::bigint AS "rows_tax!"
            FROM sales.orders o
            LEFT JOIN (SELECT order_id, count(*) AS lines, sum(net) AS net, sum(tax) AS tax, sum(total) AS total FROM sales.order_line WHERE tenant_id = $1 GROUP BY order_id) l ON l.order_id = o.id
            LEFT JOIN (SELECT order_id, sum(amount) AS tax FROM sales.line_tax WHERE tenant_id = $1 GROUP BY order_id) x ON x.order_id = o.id
            WHERE o.tenant_id = $1 AND (o.lines, o.net, o.tax, o.total, o.tax) IS DISTINCT FROM
                (coalesce(l.lines, 0)::int, coalesce(l.net, 0)::bigint, coalesce(l.tax, 0)::bigint, coalesce(l.total, 0)::bigint, coalesce(x.tax, 0)::bigint)
            ORDER BY o.id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "sales.order_lines",
                kind: "order".into(),
                id: r.id,
                text: format!(
                    "The order says {} lines, net {}, tax {}, total {}; its {} lines come to net {}, tax {}, total {}, and its tax rows to {} (minor units).",
                    r.lines, r.net, r.tax, r.total, r.lines_count, r.lines_net, r.lines_tax, r.lines_total, r.rows_tax
                ),
            })
            .collect())
    })
}

/// A payment is what is allocated of it. Named is the first order that it pays, or the payment itself where it pays none.
fn payments_equal_allocations(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT p.id, p.amount, coalesce(a.amount, 0)::bigint AS "allocated!",
                (SELECT x.order_id FROM sales.allocation x WHERE x.tenant_id = $1 AND x.payment_id = p.id ORDER BY x.n LIMIT 1) AS order_id
            FROM sales.payment p
            LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM sales.allocation WHERE tenant_id = $1 GROUP BY payment_id) a ON a.payment_id = p.id
            WHERE p.tenant_id = $1 AND p.amount IS DISTINCT FROM coalesce(a.amount, 0)::bigint ORDER BY p.id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "sales.payment",
                kind: if r.order_id.is_some() { "order" } else { "payment" }.into(),
                id: r.order_id.unwrap_or(r.id),
                text: format!("The payment {} is {}; allocated of it is {} (minor units).", r.id, r.amount, r.allocated),
            })
            .collect())
    })
}

/// What is allocated to a paid order is its total with rounding; and the ledger holds what the order says: sales, tax, what
/// was paid by each method, and what is still owed.
fn payments_equal_orders(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT o.id, (o.total + o.rounding) AS "due!", o.net, o.tax, coalesce(a.amount, 0)::bigint AS "paid!", coalesce(f.sales, 0)::bigint AS "sales!", coalesce(f.tax, 0)::bigint AS "booked_tax!",
                ARRAY[coalesce(a.cash, 0), coalesce(a.card, 0), coalesce(a.mobile, 0), coalesce(a.owed, 0)]::bigint[] AS "by_method!",
                ARRAY[coalesce(f.cash, 0), coalesce(f.card, 0), coalesce(f.mobile, 0), coalesce(f.owed, 0)]::bigint[] AS "booked!"
            FROM sales.orders o
            LEFT JOIN (
                SELECT l.order_id, sum(l.amount) AS amount, sum(l.amount) FILTER (WHERE p.method = 'cash') AS cash, sum(l.amount) FILTER (WHERE p.method = 'card') AS card,
                    sum(l.amount) FILTER (WHERE p.method = 'mobile') AS mobile, sum(l.amount) FILTER (WHERE p.method = 'on_account') AS owed
                FROM sales.allocation l JOIN sales.payment p ON p.tenant_id = l.tenant_id AND p.id = l.payment_id WHERE l.tenant_id = $1 GROUP BY l.order_id
            ) a ON a.order_id = o.id
            LEFT JOIN (
                SELECT document_id, sum(CASE WHEN credit_id = $2 THEN amount WHEN debit_id = $2 THEN -amount END) AS sales,
                    sum(CASE WHEN credit_id = $3 THEN amount WHEN debit_id = $3 THEN -amount END) AS tax,
                    sum(CASE WHEN debit_id = $4 THEN amount WHEN credit_id = $4 THEN -amount END) AS cash,
                    sum(CASE WHEN debit_id = $5 THEN amount WHEN credit_id = $5 THEN -amount END) AS card,
                    sum(CASE WHEN debit_id = $6 THEN amount WHEN credit_id = $6 THEN -amount END) AS mobile,
                    sum(CASE WHEN debit_id = $7 THEN amount WHEN credit_id = $7 THEN -amount END) AS owed
                FROM ledger.transfer WHERE tenant_id = $1 AND document_kind = 'order' GROUP BY document_id
            ) f ON f.document_id = o.id
            WHERE o.tenant_id = $1 AND o.state <> 'open' AND o.state <> 'voided'
                AND (o.total + o.rounding, o.net, o.tax, coalesce(a.cash, 0), coalesce(a.card, 0), coalesce(a.mobile, 0), coalesce(a.owed, 0)) IS DISTINCT FROM
                    (coalesce(a.amount, 0)::bigint, coalesce(f.sales, 0)::bigint, coalesce(f.tax, 0)::bigint, coalesce(f.cash, 0), coalesce(f.card, 0), coalesce(f.mobile, 0), coalesce(f.owed, 0))
            ORDER BY o.id LIMIT 100"#,
            tenant,
            account::SALES.uuid(),
            account::TAX.uuid(),
            account::CASH.uuid(),
            account::CARD.uuid(),
            account::MOBILE.uuid(),
            account::RECEIVABLE.uuid()
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "sales.order_money",
                kind: "order".into(),
                id: r.id,
                text: format!(
                    "The order asks for {}, net {}, tax {}; paid {}, booked sales {}, booked tax {}. By cash, card, mobile money and on account it was paid {:?}, and booked {:?} (minor units).",
                    r.due, r.net, r.tax, r.paid, r.sales, r.booked_tax, r.by_method, r.booked
                ),
            })
            .collect())
    })
}
