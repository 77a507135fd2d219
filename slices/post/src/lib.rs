//! Letters that the program writes: a durable queue, filled in the transaction that asks for a letter, and emptied beside requests by
//! a mail server. What a letter says is sealed as long as it waits and wiped when it was sent.
//!
//! ```ignore
//! let content = post::letters::reset(&url, Some(&code));
//! let letter = post::Letter { tenant: kernel::PLATFORM, account: Some(id), to: post::Address::new(email)?, brand: post::Brand::hearth(), content };
//! post::queue(system.conn(), db.vault(), db.source(), &letter).await?;
//! ```

mod address;
mod admin;
mod letter;
pub mod letters;
mod mail;
mod render;
mod smtp;
pub mod text;
mod worker;

use std::time::Duration;

use db::Periodic;
use kernel::Permission;
use web::{Place, Slice};

pub use address::{Address, Sender};
pub use letter::{Brand, Content, Letter, LetterId, Written, forget, queue, reseal};
pub use mail::{Folder, Mail, Outcome, Parcel};
pub use smtp::{Server, Smtp};
pub use text::{Gateway, HttpTexts, Phone, Texts};
pub use worker::{Postman, Round};

/// This capability.
pub fn slice() -> Slice {
    Slice { places: PLACES, periodic: PERIODIC, ..Slice::new("post", || sqlx::migrate!(), admin::routes, include_str!("../texts/en.ftl")) }
}

const PLACES: &[Place] = &[Place { label: "place-mail", href: "/admin/mail", icon: "file", needs: Permission::PlatformRead, rank: 95 }];

const PERIODIC: &[Periodic] =
    &[Periodic { name: "post.tidy", every: Duration::from_secs(3600), run: |db| Box::pin(async move { worker::tidy(&db).await }) }];
