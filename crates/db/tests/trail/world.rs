//! A database with two businesses and nothing above `db`.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use db::{
    Db,
    trail::{Checkpoint, Line, Trust, Verdict, Verifier, head_line, lines, parse},
};
use kernel::{At, Change, Id, Op, Source, TenantId, of};
use postgres::{SUPERUSER, Server, Settings};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;
use vault::Keyring;

pub struct World {
    pub db: Db,
    pub clock: Source,
    pub bakery: TenantId,
    pub mill: TenantId,
    server: Server,
    vault: Arc<Keyring>,
    _dir: TempDir,
}

pub fn run<F, T>(told: F)
where
    F: FnOnce(World) -> T,
    T: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { told(World::begin().await).await });
}

impl World {
    async fn begin() -> Self {
        let dir = TempDir::with_prefix("hearth-trail-").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let server = postgres::start(Settings { durable: false, ..Settings::new(dir.path()) }).unwrap();
        let connect = |role: &str, database: &str| as_role(&server, role, database);
        let mut superuser = connect(SUPERUSER, "postgres").connect().await.unwrap();
        db::bootstrap(&mut superuser).await.unwrap();
        sqlx::raw_sql("CREATE DATABASE hearth OWNER hearth_owner").execute(&mut superuser).await.unwrap();
        let mut owner = connect("hearth_owner", "hearth").connect().await.unwrap();
        db::migrate(&mut owner, &db::migrations()).await.unwrap();
        owner.close().await.unwrap();
        let clock = Source::at("2026-11-21T09:00:00Z".parse().unwrap());
        let vault = Arc::new(Keyring::fresh(&clock));
        let db = open(&server, &clock, &vault);
        let (bakery, mill) = (tenant(&db, "bakery").await, tenant(&db, "mill").await);
        Self { db, clock, bakery, mill, server, vault, _dir: dir }
    }

    /// Another node of the installation.
    pub fn node(&self) -> Db {
        open(&self.server, &self.clock, &self.vault)
    }

    pub fn op(&self, tenant: TenantId) -> Op {
        Op::program(&self.clock, "story", Some(tenant))
    }

    pub fn later(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }

    /// Writes so many entries, each in a transaction of its own.
    pub async fn write(&self, tenant: TenantId, count: usize) {
        for i in 0..count {
            self.later(1);
            let mut tx = self.db.begin(self.op(tenant)).await.unwrap();
            let id: Id<of::Item> = self.clock.id();
            let before = serde_json::json!({ "name": "Bread", "price": 300 + i, "b": null });
            let after = serde_json::json!({ "price": 310 + i, "name": "Brötchen \u{2028} \"x\"", "a": [1.50, { "z": 1, "y": "\\u0041" }] });
            let change = Change::of("item.changed", "item", id, &after).from(&before);
            tx.log(Change { reason: (i % 2 == 0).then(|| "dearer flour".to_owned()), ..change });
            tx.commit().await.unwrap();
        }
        self.db.sequence().await.unwrap();
    }

    pub async fn connect(&self, role: &str) -> PgConnection {
        as_role(&self.server, role, "hearth").connect().await.unwrap()
    }

    /// As the superuser, whom nothing stops.
    pub async fn spoil(&self, sql: &str) {
        let mut superuser = self.connect(SUPERUSER).await;
        sqlx::raw_sql(AssertSqlSafe(sql.replace("BAKERY", &self.bakery.to_string()))).execute(&mut superuser).await.unwrap();
        superuser.close().await.unwrap();
    }

    /// Remembers the log as it is, so that each spoiling begins with a whole one.
    pub async fn keep(&self) {
        self.spoil("CREATE TABLE log AS SELECT * FROM db.log; CREATE TABLE head AS SELECT * FROM db.log_head; CREATE TABLE checkpoint AS SELECT * FROM db.checkpoint").await;
    }

    pub async fn mend(&self) {
        self.spoil(
            "DELETE FROM db.log; INSERT INTO db.log SELECT * FROM public.log;
            DELETE FROM db.log_head; INSERT INTO db.log_head SELECT * FROM public.head;
            DELETE FROM db.checkpoint; INSERT INTO db.checkpoint SELECT * FROM public.checkpoint",
        )
        .await;
    }

    pub async fn verify(&self, tenant: TenantId) -> Verdict {
        self.db.verify_trail(tenant, "bakery", &[], None).await.unwrap()
    }

    pub async fn export(&self, tenant: TenantId) -> String {
        let mut tx = self.db.snapshot(self.op(tenant)).await.unwrap();
        let (mut text, _) = head_line(tx.conn(), tenant).await.unwrap();
        let mut after = 0;
        while let Some((more, through)) = lines(tx.conn(), tenant, after).await.unwrap() {
            text.extend(more);
            after = through;
        }
        String::from_utf8(text).unwrap()
    }
}

/// Proves an export without any database.
pub fn verify_export(text: &str) -> Verdict {
    let mut verifier: Option<(Verifier, db::trail::Head)> = None;
    for line in text.lines() {
        let tenant = verifier.as_ref().map(|(_, head)| head.tenant);
        match (parse(line, tenant).unwrap(), &mut verifier) {
            (Line::Head(head), _) => verifier = Some((Verifier::new(head.tenant, &head.slug, head.chained_after, Trust(None)), head)),
            (Line::Entry(entry), Some((verifier, _))) => verifier.entry(&entry),
            (Line::Checkpoint(checkpoint), Some((verifier, _))) => verifier.checkpoint(*checkpoint, true),
            _ => panic!("a line before the head"),
        }
    }
    let (verifier, head) = verifier.unwrap();
    verifier.finish(Some(head.end()))
}

/// The checkpoints of an export.
pub fn checkpoints(text: &str) -> Vec<Checkpoint> {
    let read = |line: &str| match parse(line, Some(Uuid::nil())) {
        Ok(Line::Checkpoint(checkpoint)) => Some(*checkpoint),
        _ => None,
    };
    text.lines().filter_map(read).collect()
}

fn as_role(server: &Server, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(server.socket_dir()).port(5432).username(role).database(database)
}

fn open(server: &Server, clock: &Source, vault: &Arc<Keyring>) -> Db {
    let (app, system) = (as_role(server, "hearth_app", "hearth"), as_role(server, "hearth_system", "hearth"));
    Db::open(&db::Config { app, system, connections: 8, vault: vault.clone() }, clock.clone())
}

async fn tenant(db: &Db, slug: &str) -> TenantId {
    let mut system = db.system("story.tenant").await.unwrap();
    let id: TenantId = db.source().id();
    sqlx::query("INSERT INTO db.tenant (id, name, slug, currency, time_zone, created_at) VALUES ($1, $2, $2, 'GBP', 'Europe/London', $3)")
        .bind(id)
        .bind(slug)
        .bind(At::from_micros(0))
        .execute(system.conn())
        .await
        .unwrap();
    system.commit().await.unwrap();
    id
}
