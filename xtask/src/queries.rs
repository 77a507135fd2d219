//! `.sqlx`: what PostgreSQL says of every checked query, so that building needs no database. Made against a fresh private
//! PostgreSQL with all migrations.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use sqlx::{AssertSqlSafe, ConnectOptions, Executor, postgres::PgConnectOptions};

use crate::{Complaints, files, root};

pub fn check() -> Complaints {
    let fresh = match prepared() {
        Ok(fresh) => fresh,
        Err(error) => return vec![error],
    };
    let kept = kept(&root().join(".sqlx"));
    let stale = kept.iter().filter(|(name, text)| fresh.get(*name) != Some(text)).count();
    let missing = fresh.keys().filter(|name| !kept.contains_key(*name)).count();
    if stale + missing == 0 {
        Vec::new()
    } else {
        vec![format!(".sqlx: {missing} queries missing, {stale} stale; run `cargo run -p xtask -- write`")]
    }
}

pub fn write() -> Complaints {
    let fresh = match prepared() {
        Ok(fresh) => fresh,
        Err(error) => return vec![error],
    };
    let folder = root().join(".sqlx");
    let result: std::io::Result<()> = (|| {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        fresh.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    })();
    result.err().map(|e| format!(".sqlx: {e}")).into_iter().collect()
}

fn kept(folder: &Path) -> BTreeMap<String, String> {
    let read = |path: PathBuf| Some((path.file_name()?.to_string_lossy().into_owned(), std::fs::read_to_string(&path).ok()?));
    std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|e| read(e.path())).collect()
}

/// Compiles the crates with queries against a fresh database and gathers what the macros wrote down.
fn prepared() -> Result<BTreeMap<String, String>, String> {
    let said = |e: std::io::Error| e.to_string();
    let place = tempfile::tempdir().map_err(said)?;
    // PostgreSQL's own user must be able to reach it.
    #[cfg(unix)]
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).map_err(said)?;
    let mut settings = postgres::Settings::new(place.path().join("cluster"));
    settings.durable = false;
    let server = postgres::start(settings).map_err(|e| e.to_string())?;
    let url = migrated(server.socket_dir())?;
    let folder = place.path().join("queries");
    std::fs::create_dir_all(&folder).map_err(said)?;
    for crate_folder in with_queries() {
        // The macros run only when the crate is compiled anew.
        let lib = crate_folder.join("src/lib.rs");
        std::fs::File::options().append(true).open(&lib).and_then(|f| f.set_modified(now())).map_err(said)?;
    }
    let done = Command::new(env!("CARGO"))
        .args(["check", "--workspace", "--quiet"])
        .current_dir(root())
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &folder)
        .status()
        .map_err(said)?;
    if !done.success() {
        return Err("the queries do not compile against the migrations".into());
    }
    Ok(kept(&folder))
}

#[expect(clippy::disallowed_methods, reason = "a file's time, not the business's")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

fn with_queries() -> Vec<PathBuf> {
    let root = root();
    let slices = std::fs::read_dir(root.join("slices")).into_iter().flatten().flatten().map(|e| e.path());
    std::iter::once(root.join("crates/db")).chain(slices).filter(|p| p.join("src/lib.rs").exists()).collect()
}

/// Makes roles and database and runs every migration in the order of time; gives the address for the macros.
fn migrated(socket: &Path) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let mut migrations: Vec<PathBuf> = ["crates", "slices"].iter().flat_map(|f| files(&root().join(f), &[".sql"])).collect();
    migrations.retain(|p| p.parent().is_some_and(|p| p.ends_with("migrations")));
    migrations.sort_by_key(|p| p.file_name().map(std::ffi::OsStr::to_owned));
    runtime
        .block_on(async {
            let to = |role: &str, database: &str| {
                PgConnectOptions::new_without_pgpass().host(&socket.to_string_lossy()).username(role).database(database)
            };
            let mut superuser = to(postgres::SUPERUSER, "postgres").connect().await?;
            for role in ["hearth_owner", "hearth_app", "hearth_system"] {
                superuser.execute(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN"))).await?;
            }
            superuser.execute("CREATE DATABASE hearth OWNER hearth_owner").await?;
            let mut owner = to("hearth_owner", "hearth").connect().await?;
            for migration in migrations {
                let text = std::fs::read_to_string(&migration).map_err(sqlx::Error::Io)?;
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut owner).await?;
            }
            Ok::<_, sqlx::Error>(())
        })
        .map_err(|e| format!("migrations: {e}"))?;
    Ok(format!("postgres://hearth_owner@localhost/hearth?host={}", socket.display()))
}
