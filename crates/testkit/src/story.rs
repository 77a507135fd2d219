//! One story: the whole program, a business of its own, a clock that is set, and the people in it.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use db::{Db, Jobs};
use futures::FutureExt;
use kernel::{At, Op, Role, SiteId, Source, TenantId};
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;
use vault::Keyring;
use web::{App, Settings};

use crate::people::{self, Business};
use crate::{Answer, Cluster, Person, cluster, databases};

/// The host that people of a story ask.
pub const HOST: &str = "hearth.test";
/// The lock of whoever numbers a log; the same as the program's, so that stories and served programs take turns.
const SEQUENCER: i64 = 0x4845_4152_5448;

/// The whole program around one business. Dropping it ends what it runs.
pub struct Story {
    /// The program.
    pub app: App,
    /// The database.
    pub db: Db,
    /// The clock: `story.clock.set(…)`. It stands still between requests.
    pub clock: Source,
    /// The business.
    pub tenant: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its first site.
    pub site: SiteId,
    /// Its owner, signed in.
    pub owner: Person,
    router: Router,
    jobs: Jobs,
    connect: PgConnectOptions,
}

/// Another node of a story's installation.
pub struct Node {
    /// The program.
    pub app: App,
    router: Router,
    clock: Source,
}

impl Node {
    /// Somebody who is not signed in and asks this node.
    pub fn stranger(&self) -> Person {
        Person::stranger(self.router.clone(), self.clock.clone())
    }
}

/// Tells a story in a fresh business of the shared database.
pub fn run<F, T>(told: F)
where
    F: FnOnce(Story) -> T,
    T: Future<Output = ()>,
{
    crate::cluster::keep_if_asked();
    runtime().block_on(async {
        let cluster = Cluster::shared();
        let name = databases::shared(cluster).await;
        let story = Story::begin(&config(cluster, &name)).await;
        let db = story.db.clone();
        told(story).await;
        db.close().await;
    });
}

/// Tells a story of the whole installation, in a database of its own that is dropped afterwards.
pub fn own_database<F, T>(told: F)
where
    F: FnOnce(Story) -> T,
    T: Future<Output = ()>,
{
    crate::cluster::keep_if_asked();
    runtime().block_on(async {
        let cluster = Cluster::shared();
        let name = databases::own(cluster).await;
        let end = AssertUnwindSafe(async { told(Story::begin(&config(cluster, &name)).await).await }).catch_unwind().await;
        databases::drop_own(cluster, &name).await;
        if let Err(failed) = end {
            std::panic::resume_unwind(failed);
        }
    });
}

/// Two threads, so that what a story serves goes on while it waits for a browser.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn config(cluster: &Cluster, name: &str) -> db::Config {
    config_of(cluster.connect("hearth_app", name), cluster.connect("hearth_system", name))
}

pub(crate) fn config_of(app: PgConnectOptions, system: PgConnectOptions) -> db::Config {
    db::Config { app, system, connections: 8, vault: vault() }
}

/// One ring of keys for all stories, in whichever process: they share a database, as nodes of an installation do.
pub(crate) fn vault() -> Arc<Keyring> {
    Arc::new(Keyring::parse("stories QSByaW5nIGZvciBzdG9yaWVzLCBhbmQgbm90aGluZyE=").unwrap())
}

/// The settings of stories: limits are far, for a story's minute holds more than a minute of a person's. Stories about limits set
/// them as they are, by [`Story::node`].
fn settings() -> Settings {
    Settings { public_url: format!("http://{HOST}"), spool: cluster::spool(), limit_factor: 1_000_000, ..Settings::default() }
}

/// When stories begin: a Saturday morning in November 2026, no day on which a clock changes.
pub fn start() -> At {
    "2026-11-21T09:00:00Z".parse::<At>().unwrap()
}

impl Story {
    pub(crate) async fn begin(config: &db::Config) -> Self {
        let clock = Source::at(start());
        let db = Db::open(config, clock.clone());
        let settings = settings();
        let app = App::new(db.clone(), hearth::slices(), settings);
        let (router, jobs) = (app.router(), app.jobs());
        let owner = Person::stranger(router.clone(), clock.clone());
        let Business { tenant, slug, site, owner } = people::open_business(&app, owner).await;
        Self { app, db, clock, tenant, slug, site, owner, router, jobs, connect: config.app.clone() }
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Person {
        Person::stranger(self.router.clone(), self.clock.clone())
    }

    /// Another node on the same database and clock, with limits as they are and counts of its own; `change` sets what else it is told.
    pub fn node(&self, change: impl FnOnce(&mut Settings)) -> Node {
        let mut settings = Settings { limit_factor: 1, ..settings() };
        change(&mut settings);
        let app = App::new(self.db.clone(), hearth::slices(), settings);
        Node { router: app.router(), app, clock: self.clock.clone() }
    }

    /// Serves another node on a port of this machine under the name `localhost`, which browsers take passkeys for; `change` sets
    /// what else it is told. Its public address is known to it.
    pub async fn serve_named(&self, change: impl FnOnce(&mut Settings, &str)) -> Served {
        let listener = hearth::serve::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = settings();
        settings.public_url = format!("http://localhost:{}", address.port());
        let url = settings.public_url.clone();
        change(&mut settings, &url);
        let app = App::new(self.db.clone(), hearth::slices(), settings);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = hearth::serve::work_beside(&app, &stopped);
        tasks.spawn(hearth::http::serve(listener, app.router(), stopped));
        Served { address, stop, tasks }
    }

    /// Signs the owner in anew, after hours of the story's clock.
    pub async fn owner_comes_back(&self) {
        people::sign_in_again(&self.app, &self.owner, self.tenant).await;
    }

    /// A new member of the business with these roles, signed in.
    pub async fn member(&self, roles: &[Role]) -> Person {
        people::add_member(&self.app, &self.owner, self.stranger(), self.tenant, roles).await
    }

    /// The owner of another, fresh business of the same installation.
    pub async fn neighbour(&self) -> (TenantId, Person) {
        let other = people::open_business(&self.app, self.stranger()).await;
        (other.tenant, other.owner)
    }

    /// GET, as the owner.
    pub async fn get(&self, path: &str) -> Answer {
        self.owner.get(path).await
    }

    /// POST of JSON, as the owner.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.owner.post(path, body).await
    }

    /// A form, as the owner.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.owner.form(path, fields).await
    }

    /// The address of the story's database as a role, for the program's command line.
    pub fn database_url(&self, role: &str) -> String {
        let socket = self.connect.get_socket().unwrap().to_str().unwrap().replace('/', "%2F");
        format!("postgres://{role}@{socket}/{}", self.connect.get_database().unwrap())
    }

    /// Runs SQL as a role, past the program: to spoil what `hearth check` is to find, for instance.
    pub async fn as_role(&self, role: &str, sql: &'static str) {
        let mut connection = self.connect.clone().username(role).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    /// An op of the program itself in the business, for commands and queries that are called directly.
    pub fn op(&self) -> Op {
        Op::program(&self.clock, "story", Some(self.tenant))
    }

    /// Lets time go by.
    pub fn later(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.clock.set(At::from_micros(self.clock.now().micros() + micros));
    }

    /// Works this business's jobs until none is due; how many.
    pub async fn jobs(&self) -> u32 {
        self.jobs.work_all(self.tenant).await.unwrap()
    }

    /// Works what the account plane queued (letters that strangers asked for), of whichever story.
    pub async fn platform_jobs(&self) {
        self.jobs.work_all(kernel::PLATFORM).await.unwrap();
    }

    /// Seals this business's days through `through`.
    pub async fn seal(&self, through: kernel::Day) {
        self.seal_as_far_as(db::Reach::days(through)).await;
    }

    /// Seals of this business what `reach` says.
    pub async fn seal_as_far_as(&self, reach: db::Reach) {
        self.jobs.seal(self.tenant, reach).await.unwrap();
    }

    /// Seals what is over of every business.
    pub async fn seal_all(&self) {
        self.jobs.seal_all().await.unwrap();
    }

    /// Numbers the log. In the shared database one story at a time; where another one's served program leads, it does it,
    /// and this waits until it has.
    pub async fn sequence(&self) {
        for _ in 0..6_000 {
            let mut system = self.db.system("story.sequence").await.unwrap();
            let mine: bool =
                sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(SEQUENCER).fetch_one(system.conn()).await.unwrap();
            if mine {
                self.db.sequence().await.unwrap();
                return;
            }
            let waiting: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM db.log_inbox WHERE tenant_id = $1)")
                .bind(self.tenant.uuid())
                .fetch_one(system.conn())
                .await
                .unwrap();
            if !waiting {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody numbers the log");
    }

    /// What `hearth check` finds in this business.
    pub async fn check(&self) -> Vec<hearth::check::Checked> {
        let business = hearth::check::Business { id: self.tenant, slug: self.slug.clone() };
        hearth::check::check(&self.db, self.app.slices(), &[business]).await.unwrap()
    }

    /// Serves the program on a port of this machine, with the sequencer and the jobs beside it, for browsers and streams.
    pub async fn serve(&self) -> Served {
        let listener = hearth::serve::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = hearth::serve::work_beside(&self.app, &stopped);
        tasks.spawn(hearth::http::serve(listener, self.router.clone(), stopped));
        Served { address, stop, tasks }
    }
}

/// A program that listens; it ends when this is dropped.
pub struct Served {
    /// Where.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Served {
    /// The address of a path, as a browser takes it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it as SIGTERM would: what is in flight is finished.
    pub async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
