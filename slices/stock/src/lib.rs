//! Where things lie, how they moved, what they are worth.

mod check;
mod lists;
mod location;
mod pages;
mod receipt;
mod receipt_pages;
mod receive;
mod till;

use kernel::Permission;
use web::{Place, Routes, Slice};

pub use location::{CreateLocation, Location, LocationKind};
pub use receipt::{Receipt, ReceiptLine, receipt};
pub use receive::{LotInput, ReceiptKind, ReceiveLine, ReceiveStock};
pub use till::{TillView, selling_location, till_view};

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: &[Place { label: "place-stock", href: "/stock", icon: "box", needs: Permission::StockRead, rank: 40 }],
        opened: Some(location::opened),
        site_added: Some(location::site_added),
        checks: &[check::on_hand, check::worth, check::inventory, check::documents, check::receipts],
        ..Slice::new("stock", migrations, routes, include_str!("../texts/en.ftl"))
    }
}

fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate!()
}

fn routes(routes: &mut Routes) {
    routes.list("GET /v1/stock", Permission::StockRead, &lists::ON_HAND);
    routes.list("GET /v1/stock/worth", Permission::StockRead, &lists::WORTH);
    routes.list("GET /v1/movements", Permission::StockRead, &lists::MOVEMENTS);
    routes.list("GET /v1/locations", Permission::StockRead, &location::LOCATIONS);
    routes.command::<CreateLocation>("POST /v1/locations");
    routes.list("GET /v1/receipts", Permission::StockRead, &lists::RECEIPTS);
    routes.json("GET /v1/receipts/{id}", Permission::StockRead, "receipt", &[], receipt::answer);
    routes.command::<ReceiveStock>("POST /v1/receipts");
    routes.page("GET /stock", Permission::StockRead, pages::worth);
    routes.page("GET /stock/places", Permission::StockRead, pages::places);
    routes.page("GET /stock/movements", Permission::StockRead, pages::movements);
    routes.page("GET /receipts", Permission::StockRead, pages::receipts);
    routes.page("GET /receipts/new", Permission::StockReceive, receipt_pages::new);
    routes.form("POST /receipts/new", Permission::StockReceive, receipt_pages::create);
    routes.page("GET /receipts/{id}", Permission::StockRead, receipt_pages::show);
}
