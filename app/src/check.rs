//! `hearth check`: recomputes kept figures from raw lines, business by business.

use db::Db;
use kernel::{Op, PLATFORM, Result, TenantId};
use serde::Serialize;
use web::{Finding, Slice};

use crate::Trouble;

/// What does not add up in one business.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its short name.
    pub tenant: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A business as the command line names it.
#[derive(Clone, Debug)]
pub struct Business {
    /// Its id.
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
}

/// All businesses, or the one of a short name.
pub async fn businesses(db: &Db, slug: Option<&str>) -> Result<Vec<Business>, Trouble> {
    let found = find(db, slug).await?;
    match slug {
        Some(slug) if found.is_empty() => Err(unknown(slug)),
        _ => Ok(found),
    }
}

/// The business of a short name.
pub async fn business(db: &Db, slug: &str) -> Result<Business, Trouble> {
    find(db, Some(slug)).await?.pop().ok_or_else(|| unknown(slug))
}

fn unknown(slug: &str) -> Trouble {
    Trouble::new(format!("there is no business called {slug}"), "Give the short name that it was opened with.")
}

async fn find(db: &Db, slug: Option<&str>) -> Result<Vec<Business>> {
    let mut system = db.system("cli.businesses").await?;
    let rows =
        sqlx::query!("SELECT id, slug FROM db.tenant WHERE (slug = $1 OR $1 IS NULL) AND id <> $2 ORDER BY slug", slug, PLATFORM.uuid())
            .fetch_all(system.conn())
            .await?;
    Ok(rows.into_iter().map(|row| Business { id: TenantId::new(row.id), slug: row.slug }).collect())
}

/// Runs every slice's checks over the businesses, each in one snapshot.
pub async fn check(db: &Db, slices: &[Slice], businesses: &[Business]) -> Result<Vec<Checked>> {
    let mut found = Vec::new();
    for business in businesses {
        let mut tx = db.snapshot(Op::program(db.source(), "cli:check", Some(business.id))).await?;
        for check in slices.iter().flat_map(|slice| slice.checks) {
            let findings = check(&mut tx).await?;
            found.extend(findings.into_iter().map(|finding| Checked { tenant: business.slug.clone(), finding }));
        }
    }
    Ok(found)
}
