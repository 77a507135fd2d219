//! What is counted and what it costs: items, units, taxes, price lists.

mod change;
mod form;
mod item;
mod many;
mod pages;
mod past;
mod price;
mod price_list;
mod price_list_page;
mod sellable;
mod site_list;
mod site_page;
mod tax;
mod tax_page;
mod words;

use kernel::Permission;
use web::{Place, Routes, Slice};

pub use change::{ChangeItem, CreateItem};
pub use item::{Item, ItemPrice, ItemUnit, StandardCost, item};
pub use many::{ItemsUsed, UseItems};
pub use past::{PastItem, match_or_make};
pub use price::SetPrice;
pub use price_list::{ChangePriceList, CreatePriceList, PriceList, price_lists};
pub use price_list_page::price_list_choice;
pub use sellable::{Sellable, SellableRow, TaxOfItem, sellables, standard_value, unit_ratio};
pub use site_list::{ChoosePriceList, SitePrices};
pub use tax::{CreateTaxCategory, Rate, SetRate, TaxCategories, TaxCategory};
pub use words::{ItemKind, StockRule};

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: &[Place { label: "place-items", href: "/items", icon: "oven", needs: Permission::ItemRead, rank: 30 }],
        opened: Some(tax::opened),
        site_added: Some(site_list::site_added),
        search: Some(item::search),
        ..Slice::new("catalog", migrations, routes, include_str!("../texts/en.ftl"))
    }
}

fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate!()
}

fn routes(routes: &mut Routes) {
    of_items(routes);
    of_taxes(routes);
    of_price_lists(routes);
}

fn of_items(routes: &mut Routes) {
    routes.list("GET /v1/items", Permission::ItemRead, &item::ITEMS);
    routes.json("GET /v1/items/{id}", Permission::ItemRead, "item", &[], item::answer);
    routes.command::<CreateItem>("POST /v1/items");
    routes.command::<ChangeItem>("POST /v1/items/{id}");
    routes.command::<UseItems>("POST /v1/items/use");
    routes.command::<SetPrice>("POST /v1/items/{id}/price");
    routes.page("GET /items", Permission::ItemRead, pages::list);
    routes.page("GET /items/new", Permission::ItemWrite, pages::new);
    routes.form("POST /items/new", Permission::ItemWrite, pages::create);
    routes.form("POST /items/use", Permission::ItemWrite, many::picked);
    routes.page("GET /items/{id}", Permission::ItemRead, pages::show);
    routes.page("GET /items/{id}/change", Permission::ItemWrite, pages::edit);
    routes.form("POST /items/{id}/change", Permission::ItemWrite, pages::change);
    routes.form("POST /items/{id}/price", Permission::ItemWrite, pages::price);
}

fn of_taxes(routes: &mut Routes) {
    routes.json("GET /v1/taxes", Permission::ItemRead, "taxes", &[], tax::answer);
    routes.command::<CreateTaxCategory>("POST /v1/taxes");
    routes.command::<SetRate>("POST /v1/taxes/{id}/rates");
    routes.page("GET /settings/taxes", Permission::ItemRead, tax_page::show);
    routes.form("POST /settings/taxes/rates", Permission::SettingsWrite, tax_page::rate);
    routes.form("POST /settings/taxes", Permission::SettingsWrite, tax_page::create);
}

fn of_price_lists(routes: &mut Routes) {
    routes.list("GET /v1/price-lists", Permission::ItemRead, &price_list::PRICE_LISTS);
    routes.json("GET /v1/price-lists/{id}", Permission::ItemRead, "priceList", &[], price_list::answer);
    routes.command::<CreatePriceList>("POST /v1/price-lists");
    routes.command::<ChangePriceList>("POST /v1/price-lists/{id}");
    routes.json("GET /v1/sites/{id}/price-list", Permission::ItemRead, "sitePrices", &[], site_list::answer);
    routes.command::<ChoosePriceList>("POST /v1/sites/{id}/price-list");
    routes.page("GET /settings/price-lists", Permission::ItemRead, price_list_page::list);
    routes.page("GET /settings/price-lists/new", Permission::SettingsWrite, price_list_page::new);
    routes.form("POST /settings/price-lists/new", Permission::SettingsWrite, price_list_page::create);
    routes.page("GET /settings/price-lists/{id}", Permission::ItemRead, price_list_page::show);
    routes.form("POST /settings/price-lists/{id}", Permission::SettingsWrite, price_list_page::change);
    routes.page("GET /settings/sites/{id}", Permission::ItemRead, site_page::show);
    routes.form("POST /settings/sites/{id}", Permission::SettingsWrite, site_page::choose);
}
