//! The databases of the shared cluster: a template, migrated once; a copy that stories share; copies of their own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::Cluster;

/// The advisory locks of the cluster, under which shared databases are made and a shared log is numbered.
const MAKING: i64 = 0x7465_7374;

/// Runs on a thread of its own, where there may be no runtime yet.
pub(crate) fn clear(socket_dir: &Path) {
    let options = hearth::open::as_role(socket_dir, postgres::SUPERUSER).database("postgres");
    let cleared = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut superuser = options.connect().await.unwrap();
            db::bootstrap(&mut superuser).await.unwrap();
            let keep = format!("template_{}", digest());
            let old: Vec<String> =
                sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1', $1)")
                    .bind(keep)
                    .fetch_all(&mut superuser)
                    .await
                    .unwrap();
            for name in old {
                drop_database(&mut superuser, &name).await;
            }
        });
    });
    cleared.join().unwrap();
}

/// What tells the databases of one program from those of another: its migrations.
fn digest() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in hearth::migrations().iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The database that stories share; made from the template by the first.
pub(crate) async fn shared(cluster: &Cluster) -> String {
    let name = format!("shared_{}", digest());
    let mut superuser = superuser(cluster).await;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MAKING).execute(&mut superuser).await.unwrap();
    if !exists(&mut superuser, &name).await {
        let template = template(cluster, &mut superuser).await;
        copy(&mut superuser, &template, &name).await;
    }
    // The lock goes with the connection.
    name
}

/// A database of a story's own.
pub(crate) async fn own(cluster: &Cluster) -> String {
    let name = format!("own_{}", uuid::Uuid::from_u128(u128::from_le_bytes(kernel::Source::real().bytes())).simple());
    let mut superuser = superuser(cluster).await;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MAKING).execute(&mut superuser).await.unwrap();
    let template = template(cluster, &mut superuser).await;
    copy(&mut superuser, &template, &name).await;
    name
}

/// Drops a story's own database, whoever is still connected.
pub(crate) async fn drop_own(cluster: &Cluster, name: &str) {
    drop_database(&mut superuser(cluster).await, name).await;
}

async fn superuser(cluster: &Cluster) -> PgConnection {
    cluster.connect(postgres::SUPERUSER, "postgres").connect().await.unwrap()
}

async fn exists(superuser: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)").bind(name).fetch_one(superuser).await.unwrap()
}

/// Migrated under another name, so that a killed test leaves no half one.
async fn template(cluster: &Cluster, superuser: &mut PgConnection) -> String {
    let name = format!("template_{}", digest());
    if exists(superuser, &name).await {
        return name;
    }
    let building = format!("building_{}", digest());
    drop_database(superuser, &building).await;
    hearth::open::make_database(superuser, &building).await.unwrap();
    let mut owner = cluster.connect("hearth_owner", &building).connect().await.unwrap();
    db::migrate(&mut owner, &hearth::migrations()).await.unwrap();
    sqlx::Connection::close(owner).await.unwrap();
    run(superuser, format!("ALTER DATABASE {building} RENAME TO {name}")).await;
    name
}

async fn copy(superuser: &mut PgConnection, template: &str, name: &str) {
    run(superuser, format!("CREATE DATABASE {name} TEMPLATE {template} OWNER hearth_owner")).await;
    run(superuser, format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).await;
    run(superuser, format!("GRANT CONNECT ON DATABASE {name} TO hearth_app, hearth_system")).await;
}

async fn drop_database(superuser: &mut PgConnection, name: &str) {
    run(superuser, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

async fn run(superuser: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(superuser).await.unwrap();
}
