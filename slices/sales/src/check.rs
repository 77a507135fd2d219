//! What `hearth check` recomputes of orders and payments.

use db::Tx;
use futures::future::BoxFuture;
use kernel::{At, Result, account};
use web::{CheckFn, Finding};

/// What is recomputed from raw lines.
pub(crate) const CHECKS: &[CheckFn] = &[
    orders_equal_lines,
    payments_equal_allocations,
    payments_equal_orders,
    payments_have_numbers,
    received_is_booked,
    owed_is_what_is_left,
    customers_owe_their_orders,
];

/// An order's figures are the sums of its lines, a line's tax the sum of its rows, and lines bear the moment of their order.
fn orders_equal_lines(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT o.id, o.lines, o.net, o.tax, o.total, coalesce(l.lines, 0)::int AS "lines_count!", coalesce(l.net, 0)::bigint AS "lines_net!", coalesce(l.tax, 0)::bigint AS "lines_tax!", coalesce(l.total, 0)::bigint AS "lines_total!",
                coalesce(x.tax, 0)::bigint AS "rows_tax!",
                o.placed_at AS "placed_at: At", coalesce(l.first <> o.placed_at OR l.last <> o.placed_at, false) AS "elsewhen!"
            FROM sales.orders o
            LEFT JOIN (SELECT order_id, count(*) AS lines, sum(net) AS net, sum(tax) AS tax, sum(total) AS total, min(placed_at) AS first, max(placed_at) AS last FROM sales.order_line WHERE tenant_id = $1 GROUP BY order_id) l ON l.order_id = o.id
            LEFT JOIN (SELECT order_id, sum(amount) AS tax FROM sales.line_tax WHERE tenant_id = $1 GROUP BY order_id) x ON x.order_id = o.id
            WHERE o.tenant_id = $1 AND ((o.lines, o.net, o.tax, o.total, o.tax) IS DISTINCT FROM
                (coalesce(l.lines, 0)::int, coalesce(l.net, 0)::bigint, coalesce(l.tax, 0)::bigint, coalesce(l.total, 0)::bigint, coalesce(x.tax, 0)::bigint)
                OR l.first <> o.placed_at OR l.last <> o.placed_at)
            ORDER BY o.id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| {
                let moment = if r.elsewhen { format!(" It was placed at {}; its lines say another moment.", r.placed_at) } else { String::new() };
                let text = format!(
                    "The order says {} lines, net {}, tax {}, total {}; its {} lines come to net {}, tax {}, total {}, and its tax rows to {} (minor units).{moment}",
                    r.lines, r.net, r.tax, r.total, r.lines_count, r.lines_net, r.lines_tax, r.lines_total, r.rows_tax
                );
                Finding { check: "sales.order_lines", kind: "order".into(), id: r.id, text }
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

/// What is allocated to a paid order when it is placed is its total with rounding; and the ledger holds what the order says: sales, tax, what
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
                FROM sales.allocation l JOIN sales.payment p ON p.tenant_id = l.tenant_id AND p.id = l.payment_id
                WHERE l.tenant_id = $1 AND p.document_id IS NOT NULL GROUP BY l.order_id
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

/// Every payment has a number: one of its own, or that of its order (of a past, of its import).
fn payments_have_numbers(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT p.id, p.document_id, p.n FROM sales.payment p
            LEFT JOIN db.number d ON d.tenant_id = $1 AND d.document_id = coalesce(p.document_id, p.id)
            LEFT JOIN sales.allocation a ON a.tenant_id = $1 AND a.payment_id = p.id AND a.n = 1
            WHERE p.tenant_id = $1 AND CASE WHEN p.document_id IS NULL THEN d.kind IS DISTINCT FROM 'payment' WHEN p.n < 1 THEN true
                WHEN p.document_id = a.order_id THEN d.number IS NULL AND NOT EXISTS (
                    SELECT 1 FROM sales.orders o WHERE o.tenant_id = $1 AND o.id = p.document_id AND o.external_number IS NOT NULL)
                ELSE d.number IS NULL OR NOT EXISTS (
                    SELECT 1 FROM sales.orders o WHERE o.tenant_id = $1 AND o.id = a.order_id AND o.import_id = p.document_id) END
            ORDER BY p.id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        let text = |document: Option<uuid::Uuid>, n: Option<i32>| match document.zip(n) {
            Some((document, n)) => format!("The payment is to be number {n} of {document}, which is not its order, or has no number."),
            None => "The payment was received later and has no number of its own.".to_owned(),
        };
        let finding = |id, text| Finding { check: "sales.payment_number", kind: "payment".into(), id, text };
        Ok(rows.into_iter().map(|r| finding(r.id, text(r.document_id, r.n))).collect())
    })
}

/// The ledger holds what was received later: it came in by its method, and the customer owes so much less.
fn received_is_booked(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT coalesce(p.id, f.document_id) AS "id!", coalesce(p.method, '') AS "method!", coalesce(p.amount, 0) AS "amount!",
                ARRAY[coalesce(f.cash, 0), coalesce(f.card, 0), coalesce(f.mobile, 0), coalesce(f.owed, 0)]::bigint[] AS "booked!"
            FROM (SELECT id, method, amount FROM sales.payment WHERE tenant_id = $1 AND document_id IS NULL) p
            FULL JOIN (
                SELECT document_id, sum(CASE WHEN debit_id = $2 THEN amount WHEN credit_id = $2 THEN -amount END) AS cash,
                    sum(CASE WHEN debit_id = $3 THEN amount WHEN credit_id = $3 THEN -amount END) AS card,
                    sum(CASE WHEN debit_id = $4 THEN amount WHEN credit_id = $4 THEN -amount END) AS mobile,
                    sum(CASE WHEN credit_id = $5 THEN amount WHEN debit_id = $5 THEN -amount END) AS owed
                FROM ledger.transfer WHERE tenant_id = $1 AND document_kind = 'payment' GROUP BY document_id
            ) f ON f.document_id = p.id
            WHERE (CASE WHEN p.method = 'cash' THEN p.amount ELSE 0 END, CASE WHEN p.method = 'card' THEN p.amount ELSE 0 END,
                    CASE WHEN p.method = 'mobile' THEN p.amount ELSE 0 END, coalesce(p.amount, 0))
                IS DISTINCT FROM (coalesce(f.cash, 0)::bigint, coalesce(f.card, 0)::bigint, coalesce(f.mobile, 0)::bigint, coalesce(f.owed, 0)::bigint)
            ORDER BY 1 LIMIT 100"#,
            tenant,
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
                check: "sales.payment_money",
                kind: "payment".into(),
                id: r.id,
                text: format!(
                    "The payment is {} by {}; by cash, card, mobile money and off what is owed, {:?} is booked (minor units).",
                    r.amount, r.method, r.booked
                ),
            })
            .collect())
    })
}

/// What an order says is still owed of it is what was put on account, less what refunds took off and what was received since.
fn owed_is_what_is_left(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT o.id, o.owed, coalesce(w.owed, 0)::bigint AS "left!" FROM sales.orders o
            LEFT JOIN (
                SELECT coalesce(b.refund_of, b.id) AS order_id, sum(CASE WHEN p.document_id IS NULL THEN -a.amount ELSE a.amount END) AS owed
                FROM sales.payment p
                JOIN sales.allocation a ON a.tenant_id = $1 AND a.payment_id = p.id
                JOIN sales.orders b ON b.tenant_id = $1 AND b.id = a.order_id
                WHERE p.tenant_id = $1 AND (p.method = 'on_account' OR p.document_id IS NULL) GROUP BY 1
            ) w ON w.order_id = o.id
            WHERE o.tenant_id = $1 AND o.owed IS DISTINCT FROM coalesce(w.owed, 0)::bigint ORDER BY o.id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "sales.order_owed",
                kind: "order".into(),
                id: r.id,
                text: format!("The order says that {} is still owed; its account comes to {} (minor units).", r.owed, r.left),
            })
            .collect())
    })
}

/// What a customer's orders say is owed is what they put on account, less what was taken off and what was received of them.
fn customers_owe_their_orders(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT coalesce(o.customer_id, p.customer_id) AS "id?", coalesce(o.currency, p.currency) AS "currency!",
                coalesce(o.owed, 0)::bigint AS "owed!", coalesce(p.owed, 0)::bigint AS "left!"
            FROM (SELECT customer_id, currency, sum(owed) AS owed FROM sales.orders WHERE tenant_id = $1 AND owed > 0 GROUP BY 1, 2) o
            FULL JOIN (
                SELECT customer_id, currency, sum(CASE WHEN document_id IS NULL THEN -amount ELSE amount END) AS owed
                FROM sales.payment WHERE tenant_id = $1 AND (method = 'on_account' OR document_id IS NULL) GROUP BY 1, 2
            ) p ON p.customer_id = o.customer_id AND p.currency = o.currency
            WHERE coalesce(o.owed, 0) <> coalesce(p.owed, 0) ORDER BY 1 LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "sales.customer_owed",
                kind: "customer".into(),
                id: r.id.unwrap_or_default(),
                text: format!(
                    "By their orders the customer owes {} {}; what was put on account less what was received is {} (minor units).",
                    r.owed, r.currency, r.left
                ),
            })
            .collect())
    })
}
