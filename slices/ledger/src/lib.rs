//! Money: the chart of accounts (books), what the transfers between them sum to, and which days are closed.

mod balance;
mod book;
mod close;
mod pages;
mod transfer;

use db::Tx;
use kernel::{Day, Error, Permission, Result, Zone};
use web::{Place, Routes, Slice};

pub use balance::{Balance, Balances, balances};
pub use close::{CloseThrough, Closed};
pub use transfer::document_href;

/// This capability.
pub fn slice() -> Slice {
    Slice {
        places: &[Place { label: "place-ledger", href: "/ledger", icon: "book", needs: Permission::LedgerRead, rank: 60 }],
        seals: &[balance::seal],
        opened: Some(book::opened),
        checks: &[balance::check_kept, close::check_closed],
        ..Slice::new("ledger", migrations, routes, include_str!("../texts/en.ftl"))
    }
}

fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate!()
}

fn routes(routes: &mut Routes) {
    routes.json("GET /v1/ledger/balances", Permission::LedgerRead, "balances", &["asOf"], balance::answer);
    routes.list("GET /v1/ledger/transfers", Permission::LedgerRead, &transfer::TRANSFERS);
    routes.command::<CloseThrough>("POST /v1/ledger/close");
    routes.page("GET /ledger", Permission::LedgerRead, pages::trial_balance);
    routes.form("POST /ledger/close", Permission::LedgerClose, pages::close);
    routes.page("GET /ledger/transfers", Permission::LedgerRead, pages::transfers);
}

/// The calendar day of now in the business's zone.
pub async fn today(tx: &mut Tx) -> Result<Day> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let zone = sqlx::query_scalar!("SELECT time_zone FROM db.tenant WHERE id = $1", tenant).fetch_one(tx.conn()).await?;
    let zone: Zone = zone.parse().map_err(|_| Error::Internal(format!("the business's zone {zone} is unknown")))?;
    Ok(zone.local(now).date().into())
}
