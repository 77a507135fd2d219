//! Selling: customers, orders (the document), payments, refunds, and the import of a past.

mod customer;
pub mod import;
mod list;
mod order;
mod pages;
mod refund;
mod sale;
mod till;

use kernel::Permission;
use web::{Place, Routes, Slice};

pub use order::{Order, OrderLine, OrderPayment, OrderRefund, OrderTax};
pub use refund::{RefundLine, RefundOrder};
pub use sale::{Off, RingSale, Rung, SaleLine, SalePayment};

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: PLACES,
        later: import::LATER,
        checks: list::CHECKS,
        search: Some(customer::search),
        ..Slice::new(
            "sales",
            || sqlx::migrate!(),
            routes,
            concat!(include_str!("../texts/en.ftl"), "\n", include_str!("../texts/import.en.ftl")),
        )
    }
}

const PLACES: &[Place] = &[
    Place { label: "place-orders", href: "/orders", icon: "order", needs: Permission::OrderRead, rank: 10 },
    Place { label: "place-customers", href: "/customers", icon: "card", needs: Permission::CustomerRead, rank: 50 },
    Place { label: "place-import", href: "/import", icon: "file", needs: Permission::ImportRun, rank: 70 },
];

fn routes(routes: &mut Routes) {
    routes.command::<RingSale>("POST /v1/sales");
    routes.command::<RefundOrder>("POST /v1/orders/{id}/refund");
    list::routes(routes);
    customer::routes(routes);
    pages::routes(routes);
    import::routes(routes);
}
