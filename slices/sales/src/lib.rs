//! Selling: customers, orders (the document), payments, refunds, and the import of a past.

mod account;
mod check;
mod customer;
pub mod import;
mod list;
mod order;
mod pages;
mod paying;
mod payment;
mod receive;
mod refund;
mod sale;
mod till;

use db::Tx;
use futures::future::BoxFuture;
use kernel::{Permission, Result};
use web::{Found, Place, Routes, Slice};

pub use account::{CustomerAccount, OpenOrder};
pub use customer::{AddCustomer, Customer};
pub use order::{Order, OrderLine, OrderPayment, OrderRefund, OrderTax};
pub use payment::{PaidOrder, Payment};
pub use receive::{PaysOrder, ReceivePayment, Received, ReceivedFor};
pub use refund::{RefundLine, RefundOrder};
pub use sale::{Off, RingSale, Rung, SaleLine, SalePayment};

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: PLACES,
        later: import::LATER,
        checks: check::CHECKS,
        search: Some(search),
        ..Slice::new(
            "sales",
            || sqlx::migrate!(),
            routes,
            concat!(
                include_str!("../texts/en.ftl"),
                "\n",
                include_str!("../texts/import.en.ftl"),
                "\n",
                include_str!("../texts/tables.en.ftl")
            ),
        )
    }
}

const PLACES: &[Place] = &[
    Place { label: "place-orders", href: "/orders", icon: "order", needs: Permission::OrderRead, rank: 10 },
    Place { label: "place-payments", href: "/payments", icon: "card", needs: Permission::OrderRead, rank: 12 },
    Place { label: "place-customers", href: "/customers", icon: "person", needs: Permission::CustomerRead, rank: 50 },
    Place { label: "place-import", href: "/import", icon: "file", needs: Permission::ImportRun, rank: 70 },
];

fn routes(routes: &mut Routes) {
    routes.command::<RingSale>("POST /v1/sales");
    routes.command::<RefundOrder>("POST /v1/orders/{id}/refund");
    routes.command::<ReceivePayment>("POST /v1/payments");
    list::routes(routes);
    payment::routes(routes);
    customer::routes(routes);
    account::routes(routes);
    paying::routes(routes);
    pages::routes(routes);
    import::routes(routes);
}

/// Customers by name, payments by the number of their sale, and orders of a past by the number that their till gave them.
fn search<'a>(tx: &'a mut Tx, wanted: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        let mut found = customer::search(tx, wanted).await?;
        found.extend(payment::search(tx, wanted).await?);
        found.extend(order::search(tx, wanted).await?);
        Ok(found)
    })
}
