//! Stories: the whole program on a real database, in a fresh business, with a clock that is set and people signed in.
//!
//! ```no_run
//! testkit::run(async |story| {
//!     story.get("/v1/auth/me").await.ok();
//! });
//! ```
//!
//! [`run`] shares one database among all stories, each in a business of its own. [`own_database`] is for what concerns the
//! whole installation, [`own_cluster`] for what happens to PostgreSQL itself. Nothing here sleeps until something may
//! have happened: jobs are worked and the log is numbered when the story says so.

mod answer;
mod authenticator;
mod cluster;
mod databases;
mod fault;
mod mail_server;
mod mailbox;
mod operator;
mod peer;
mod people;
mod person;
mod redis_server;
mod second;
mod story;
mod trade;
mod turnstile;
mod work;

pub use answer::Answer;
pub use authenticator::Authenticator;
pub(crate) use cluster::Cluster;
pub use fault::{OwnCluster, own_cluster};
pub use mail_server::{MailServer, Received, sender, smtp};
pub use mailbox::Letter;
pub use peer::Peer;
pub use person::Person;
pub use redis_server::RedisServer;
pub use second::code;
pub use story::{HOST, Node, Served, Story, own_database, run, start};
pub use trade::{pounds, sale, text};
pub use turnstile::{Behaviour, Turnstile};
pub use work::{Work, work};
