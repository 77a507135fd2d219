//! Reading the trail and the activity: of a business for its owner and manager, of all for the operator; files of any size;
//! and the work beside requests that signs checkpoints and lets old activity go.

mod admin;
mod entry;
mod export;
mod lists;
mod pages;
mod shown;
mod words;

use std::time::Duration;

use db::{Periodic, list::List};
use kernel::{Permission, Result};
use web::{Place, Slice};

pub use entry::TrailEntry;
pub use words::read_words;

/// What the capability brings to the program.
pub fn slice() -> Slice {
    Slice { places: PLACES, periodic: PERIODIC, ..Slice::new("trail", || sqlx::migrate!(), routes, include_str!("../texts/en.ftl")) }
}

const PLACES: &[Place] = &[
    Place { label: "place-activity", href: "/activity", icon: "clock", needs: Permission::TrailRead, rank: 80 },
    Place { label: "place-audit-logs", href: "/admin/audit-logs", icon: "clock", needs: Permission::PlatformRead, rank: 96 },
];

const HOUR: Duration = Duration::from_secs(3600);

const PERIODIC: &[Periodic] = &[
    Periodic { name: "trail.checkpoint", every: HOUR, run: |db| Box::pin(async move { checkpoint(&db).await }) },
    Periodic { name: "trail.expire", every: HOUR, run: |db| Box::pin(async move { db.expire_activity().await.map(|_| ()) }) },
    Periodic { name: "trail.words", every: Duration::from_secs(5), run: |db| Box::pin(async move { read_words(&db).await }) },
];

/// Signs where each log ends that went on, and takes the signed words off this machine where the configuration says so.
async fn checkpoint(db: &db::Db) -> Result<()> {
    db.checkpoint(None).await?;
    db.deliver_checkpoints().await.map(|_| ())
}

/// The operator's lists, which no route of a business names.
pub fn lists_across() -> [&'static List; 2] {
    [&lists::ALL_TRAIL, &lists::ALL_ACTIVITY]
}

fn routes(routes: &mut web::Routes) {
    entry::routes(routes);
    lists::routes(routes);
    export::routes(routes);
    pages::routes(routes);
    admin::routes(routes);
}
