//! Orders as a list, and one order whole.

use db::list::{Column, Filter, Kind, List, Sort};
use kernel::{OrderId, Permission};
use web::{Cx, Routes};

use crate::order::{self, Order};

/// Orders, newest first. A report's row opens to the orders behind it by these filters.
pub(crate) static ORDERS: List = List {
    name: "orders",
    // What is only shown is looked up for the rows of the page alone, and not for all that a filter finds. A sale of which something is
    // still owed is not called paid.
    sql: "SELECT o.id, (SELECT n.number FROM db.number n WHERE n.tenant_id = o.tenant_id AND n.document_id = o.id) AS number, o.external_number, o.kind,
            CASE WHEN o.state = 'paid' AND o.owed > 0 THEN 'on_account' ELSE o.state END AS state,
            o.placed_at, o.day, o.hour::bigint AS hour, o.site_id, o.channel, o.customer_id,
            (SELECT m.name FROM identity.member m WHERE m.tenant_id = o.tenant_id AND m.account_id = o.seller_id) AS seller,
            (SELECT c.name FROM sales.customer c WHERE c.tenant_id = o.tenant_id AND c.id = o.customer_id) AS customer,
            o.currency, o.net, o.tax, o.total, o.owed, o.import_id, o.tenant_id,
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
        Column::shown("owed", Kind::Money, "order-owed"),
    ],
    filters: &[
        Filter { name: "from", sql: "day >= {}", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {}", kind: Kind::Day },
        Filter { name: "hour", sql: "hour = {}", kind: Kind::Whole },
        Filter { name: "site", sql: "site_id = {}", kind: Kind::Id },
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        // What is on account is among the few of which something is owed, and found there.
        Filter { name: "state", sql: "state = {} AND ({} <> 'on_account' OR owed > 0)", kind: Kind::Text },
        Filter { name: "customer", sql: "customer_id = {}", kind: Kind::Id },
        Filter { name: "owed", sql: "(owed > 0) = {}", kind: Kind::Flag },
        Filter { name: "import", sql: "import_id = {}", kind: Kind::Id },
        Filter {
            name: "item",
            // A business day lies within these bounds in whatever zone, and whenever it begins.
            // Of an order with several lines of it, the first names it.
            sql: "SELECT i.placed_at AS found_at, i.order_id AS found FROM sales.order_line i WHERE i.tenant_id = $1 AND i.item_id = {}
                AND i.placed_at >= ({from} - 1)::timestamp AT TIME ZONE 'UTC' AND i.placed_at < ({to} + 3)::timestamp AT TIME ZONE 'UTC'
                AND i.n = (SELECT min(j.n) FROM sales.order_line j WHERE j.tenant_id = $1 AND j.order_id = i.order_id AND j.item_id = i.item_id)",
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

#[cfg(test)]
mod tests {
    use kernel::{At, DayStart, Zone};

    #[test]
    fn a_business_day_lies_within_the_bounds_of_the_filter_in_every_zone() {
        for zone in ["Etc/GMT+12", "Pacific/Kiritimati", "Europe/London", "America/St_Johns"] {
            let zone: Zone = zone.parse().unwrap();
            for start in [0, 240, 1439].map(|minutes| DayStart::try_from(minutes).unwrap()) {
                for quarter in 0..96 * 3 {
                    let at = "2026-03-28T00:00:00Z".parse::<At>().unwrap().plus_seconds(quarter * 900);
                    let day = zone.business_day(at, start);
                    let midnight = |days: i32| Zone::utc().start_of(day.plus(days), DayStart::try_from(0).unwrap());
                    assert!(midnight(-1) <= at && at < midnight(3), "{day} {at}");
                }
            }
        }
    }
}
