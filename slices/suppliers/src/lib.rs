//! Who sells to us, and at what price: suppliers and their price lists.

mod pages;
mod price;
mod supplier;

use kernel::Permission;
use web::{Place, Slice};

pub use price::{SetSupplierPrice, SupplierPrice};
pub use supplier::{AddSupplier, Supplier};

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: PLACES,
        search: Some(supplier::search),
        ..Slice::new("suppliers", || sqlx::migrate!(), routes, include_str!("../texts/en.ftl"))
    }
}

const PLACES: &[Place] = &[Place { label: "place-suppliers", href: "/suppliers", icon: "van", needs: Permission::SupplierRead, rank: 55 }];

fn routes(routes: &mut web::Routes) {
    supplier::routes(routes);
    price::routes(routes);
    pages::routes(routes);
}
