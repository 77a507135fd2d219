//! What a person decides about an import that was uploaded: what the columns mean, and to try it or to do it.

use db::{Command, Tx};
use kernel::{At, Change, Error, ImportId, Job, Permission, Result, SiteId};
use pricing::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tables::Mapping;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Routes, t, tf};

use super::{
    Options, check,
    document::{self, New},
    place::Place,
};

/// Says what the files mean. What is not said stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decided {
    /// What each file and column is.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub mapping: Option<Mapping>,
    /// Where it was sold.
    #[serde(default)]
    pub site_id: Option<SiteId>,
    /// Which till or program the files come from.
    #[serde(default)]
    pub source: Option<String>,
    /// Standard cost of items that are made, in percent of the price: 0 to 100.
    #[serde(default)]
    pub cost_percent: Option<i32>,
    /// How orders were paid whose lines do not say so: `cash`, `card`, `mobile`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub method: Option<Method>,
}

impl Decided {
    fn options(&self) -> Options {
        Options { site: self.site_id, source: self.source.clone(), cost_percent: self.cost_percent.unwrap_or(0), method: self.method }
    }

    /// Keeps what was decided; the import waits for a run again.
    async fn keep(self, tx: &mut Tx, id: ImportId) -> Result<()> {
        check(&self.options())?;
        if self.source.as_ref().is_some_and(|s| s.trim().is_empty()) {
            return Err(Error::field("source", "text.needed"));
        }
        let place = Place::read(tx, self.site_id).await?;
        let tenant = tx.tenant().uuid();
        let mapping = self.mapping.as_ref().map(serde_json::to_value).transpose().map_err(|e| Error::Internal(e.to_string()))?;
        let kept = sqlx::query!(
            "UPDATE sales.import SET mapping = coalesce($3, mapping), site_id = CASE WHEN $4 THEN $5 ELSE site_id END,
                currency = CASE WHEN $4 THEN $6 ELSE currency END, source = coalesce($7, source), cost_percent = coalesce($8, cost_percent),
                method = coalesce($9, method), state = 'ready', error = NULL
            WHERE tenant_id = $1 AND id = $2 AND state NOT IN ('running', 'done')",
            tenant,
            id.uuid(),
            mapping,
            self.site_id.is_some(),
            place.site.uuid(),
            place.currency.code(),
            self.source.as_deref().map(str::trim),
            self.cost_percent,
            self.method.map(Method::code)
        )
        .execute(tx.conn())
        .await?;
        if kept.rows_affected() == 1 { Ok(()) } else { Err(refuse(tx, id).await?) }
    }
}

/// Why an import was not found in a state that allows it.
async fn refuse(tx: &mut Tx, id: ImportId) -> Result<Error> {
    let tenant = tx.tenant().uuid();
    let state = sqlx::query_scalar!("SELECT state FROM sales.import WHERE tenant_id = $1 AND id = $2", tenant, id.uuid())
        .fetch_optional(tx.conn())
        .await?;
    let said = |state: String| tf("import-why-state", &[("state", &t(&format!("import-state-{state}")))]);
    Ok(state.map_or(Error::NotFound, |state| Error::rule("import.state").because(said(state))))
}

/// Decides what the files of an import mean. What is not said stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MapImport {
    /// Which.
    pub id: ImportId,
    /// What each file and column is.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub mapping: Option<Mapping>,
    /// Where it was sold.
    #[serde(default)]
    pub site_id: Option<SiteId>,
    /// Which till or program the files come from.
    #[serde(default)]
    pub source: Option<String>,
    /// Standard cost of items that are made, in percent of the price: 0 to 100.
    #[serde(default)]
    pub cost_percent: Option<i32>,
    /// How orders were paid whose lines do not say so: `cash`, `card`, `mobile`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub method: Option<Method>,
}

/// Where an import stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportState {
    /// Which.
    pub id: ImportId,
    /// `ready`, `running`, ….
    pub state: String,
}

impl Command for MapImport {
    const NEEDS: Permission = Permission::ImportRun;
    type Out = ImportState;

    async fn run(self, tx: &mut Tx) -> Result<ImportState> {
        let Self { id, mapping, site_id, source, cost_percent, method } = self;
        Decided { mapping, site_id, source, cost_percent, method }.keep(tx, id).await?;
        Ok(ImportState { id, state: "ready".into() })
    }
}

/// Runs an import: the work is a job, its progress and its report are read from the import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunImport {
    /// Which.
    pub id: ImportId,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Import the other lines although some are refused.
    #[serde(default)]
    pub skip_refused: bool,
    /// They are another till's, although most of their numbers are here already on the same days.
    #[serde(default)]
    pub another_till: bool,
    /// Decided in the same step.
    #[serde(default)]
    pub decided: Option<Decided>,
}

impl Command for RunImport {
    const NEEDS: Permission = Permission::ImportRun;
    type Out = ImportState;

    async fn run(self, tx: &mut Tx) -> Result<ImportState> {
        if let Some(decided) = self.decided {
            decided.keep(tx, self.id).await?;
        }
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let begun = sqlx::query!(
            "UPDATE sales.import SET state = 'running', dry_run = $3, skip_refused = $4, another_till = $5, progress = 0, error = NULL, finished_at = NULL
            WHERE tenant_id = $1 AND id = $2 AND state NOT IN ('running', 'done')",
            tenant,
            self.id.uuid(),
            self.dry_run,
            self.skip_refused,
            self.another_till
        )
        .execute(tx.conn())
        .await?;
        if begun.rows_affected() != 1 {
            return Err(refuse(tx, self.id).await?);
        }
        tx.queue(Job { name: "sales.import", payload: json!({ "id": self.id }), run_at: now as At });
        if !self.dry_run {
            tx.log(Change::of(
                "import.begun",
                "import",
                self.id,
                &json!({ "skipRefused": self.skip_refused, "anotherTill": self.another_till }),
            ));
        }
        Ok(ImportState { id: self.id, state: "running".into() })
    }
}

/// Makes an import of uploaded files; the upload calls it, no one else.
#[derive(Clone)]
pub(super) struct MakeImport(pub std::sync::Arc<New>);

impl Command for MakeImport {
    const NEEDS: Permission = Permission::ImportRun;
    type Out = Value;

    fn intent_id(&self) -> Option<Uuid> {
        Some(self.0.id.uuid())
    }

    async fn run(self, tx: &mut Tx) -> Result<Value> {
        document::insert(tx, &self.0).await?;
        let files: Vec<&str> = self.0.files.iter().map(|f| f.name.as_str()).collect();
        tx.log(Change::of("import.uploaded", "import", self.0.id, &json!({ "files": files })));
        Ok(json!({ "id": self.0.id }))
    }
}

pub(super) fn routes(routes: &mut Routes) {
    routes.command::<MapImport>("POST /v1/imports/{id}/mapping");
    routes.command::<RunImport>("POST /v1/imports/{id}/run");
}
