//! The one way to the database: `Db` opens a `Tx` for an `Op`; a `Tx` collects what a business transaction leaves behind
//! and commits it in a few statements. Slices write SQL on `tx.conn()` for their own schema and nothing else.

pub mod activity;
mod close;
mod commit;
mod database;
mod intent;
mod jobs;
pub mod list;
mod live;
mod reading;
mod seal;
mod sequencer;
mod setup;
pub mod trail;
mod tx;

pub use activity::Activity;
pub use close::close_days;
pub use commit::Committed;
pub use database::{Config, Db, Keeping, PLANNING, System};
pub use intent::{Answer, Command, Intent, forget_intents_with, kept_answer};
pub use jobs::{DeadJob, Died, Jobs, Later, Periodic, Run};
pub use live::{Entry, Live};
pub use reading::{Numbered, Told, documents_by_number, history};
pub use seal::{Reach, SealFn, Sealing, sealed};
pub use setup::{Pending, bootstrap, migrate, migrations, pending};
pub use tx::Tx;
