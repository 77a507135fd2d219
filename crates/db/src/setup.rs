//! Roles and migrations.

use std::collections::HashSet;

use kernel::{Error, Result};
use sqlx::{PgConnection, migrate::Migrator};

/// Makes the three roles, if missing, as a superuser or a role that may make roles. None of them is a superuser.
pub async fn bootstrap(superuser: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql(
        "DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hearth_owner') THEN CREATE ROLE hearth_owner LOGIN; END IF;
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hearth_app') THEN CREATE ROLE hearth_app LOGIN; END IF;
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hearth_system') THEN CREATE ROLE hearth_system LOGIN; END IF;
        END $$",
    )
    .execute(superuser)
    .await?;
    Ok(())
}

/// This crate's migrations; the program merges them with the slices' into one history by time.
pub fn migrations() -> Migrator {
    sqlx::migrate!()
}

/// How the database stands to the program's migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Known to the program, not yet run.
    pub pending: Vec<String>,
    /// Run on the database, unknown to the program: the database is newer.
    pub unknown: Vec<String>,
}

/// Compares the database with the program's migrations; reads only.
pub async fn pending(conn: &mut PgConnection, migrator: &Migrator) -> Result<Pending> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL").fetch_one(&mut *conn).await?;
    let run: Vec<i64> = if exists {
        sqlx::query_scalar("SELECT version FROM public._sqlx_migrations WHERE success ORDER BY version").fetch_all(&mut *conn).await?
    } else {
        Vec::new()
    };
    let run_set: HashSet<i64> = run.iter().copied().collect();
    let known: HashSet<i64> = migrator.iter().map(|m| m.version).collect();
    Ok(Pending {
        pending: migrator.iter().filter(|m| !run_set.contains(&m.version)).map(|m| format!("{} {}", m.version, m.description)).collect(),
        unknown: run.iter().filter(|v| !known.contains(v)).map(ToString::to_string).collect(),
    })
}

/// Runs what is pending, as the owner.
pub async fn migrate(owner: &mut PgConnection, migrator: &Migrator) -> Result<()> {
    sqlx::raw_sql("SET lock_timeout = '10s'").execute(&mut *owner).await?;
    migrator.run(owner).await.map_err(|e| Error::Internal(format!("migration: {e}")))
}
