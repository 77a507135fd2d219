//! What a load balancer and an operator ask: is it alive, is it ready, which version is it.

use axum::http::StatusCode;
use kernel::{Permission, Result};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use web::{Answers, App, Counting, Cx, Reply, Routes, Slice};

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Health as a slice without tables, so that its routes go the way of all routes.
pub fn slice() -> Slice {
    Slice::new("health", || Migrator::with_migrations(Vec::new()), routes, "")
}

fn routes(routes: &mut Routes) {
    for route in ["GET /healthz", "GET /health"] {
        routes.raw(route, Permission::Open, Answers::Json, &[], async |_| Reply::json(&json!({ "status": "alive" })));
    }
    routes.raw("GET /version", Permission::Open, Answers::Json, &[], async |_| Reply::json(&version()));
    routes.raw("GET /readyz", Permission::Open, Answers::Json, &[], async |cx: Cx| readiness(&cx.app).await);
}

/// Name and version, as JSON.
pub fn version() -> Value {
    json!({ "name": "hearth", "version": VERSION })
}

/// A node that lost the shared Redis goes on by itself and stays ready; that it did is said here.
fn counting(app: &App) -> &'static str {
    match app.limits().counting() {
        Counting::Own => "own",
        Counting::Shared => "shared",
        Counting::Lost => "lost",
    }
}

/// Ready is: the database answers and has just the migrations of this program. What is wrong in detail is for the log.
async fn readiness(app: &App) -> Result<Reply> {
    let (database, migrations) = match migrations(app).await {
        Ok(pending) if pending == db::Pending::default() => ("ok", "ok"),
        Ok(pending) if pending.unknown.is_empty() => ("ok", "pending"),
        Ok(_) => ("ok", "unknown"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            ("unavailable", "unknown")
        }
    };
    let ready = migrations == "ok";
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "status": if ready { "ready" } else { "not ready" }, "database": database, "migrations": migrations, "limits": counting(app) });
    Ok(Reply::json(&body)?.status(status))
}

async fn migrations(app: &App) -> Result<db::Pending> {
    app.db().ping().await?;
    let mut system = app.db().system("health.ready").await?;
    db::pending(system.conn(), &crate::migrations()).await
}
