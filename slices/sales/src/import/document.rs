//! The import as a document: its rows, what the API gives of it, its lists.

use db::{
    Tx,
    list::{Asked, Column, Filter, Kind, List, Sort},
};
use kernel::{At, Currency, Day, Error, ImportId, Money, Permission, Result, SiteId};
use pricing::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tables::Mapping;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Routes};

use super::{Alike, ImportAsk, ImportReport, REFUSED, RefusedLine, place::Place, understand::Reading};

/// Where an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Read to its end; it could be done. Nothing was kept.
    Tried,
    /// Lines were refused, or there was nothing to take. Nothing was kept.
    Refused,
    /// All of it was imported before. Nothing was kept.
    Already,
    /// It is in the books.
    Done,
}

impl Outcome {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::Refused => "refused",
            Self::Already => "already",
            Self::Done => "done",
        }
    }
}

/// An import.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its id.
    pub id: ImportId,
    /// Its number, once it is done.
    pub number: Option<String>,
    /// The names of its files.
    pub name: String,
    /// `ready`, `running`, `tried`, `refused`, `already`, `done`, `failed`.
    pub state: String,
    /// Where it was sold.
    pub site_id: SiteId,
    /// Which till or program the files come from.
    pub source: String,
    /// What the files are taken for.
    #[schema(value_type = Object)]
    pub mapping: Mapping,
    /// What was found in the files.
    #[schema(value_type = Vec<Object>)]
    pub profiles: Value,
    /// Why they are taken so.
    #[schema(value_type = Vec<Object>)]
    pub decisions: Value,
    /// What is missing before anything can be read.
    #[schema(value_type = Vec<Object>)]
    pub problems: Value,
    /// In which its amounts are: its site's.
    #[schema(value_type = String, example = "GBP")]
    pub currency: Currency,
    /// The first lines as they were read.
    #[schema(value_type = Vec<Object>)]
    pub sample: Value,
    /// Standard cost of items that it makes, in percent of the price.
    pub cost_percent: i32,
    /// How orders were paid whose lines do not say so.
    #[schema(value_type = String)]
    pub method: Method,
    /// The last run was a try.
    pub dry_run: bool,
    /// The other lines are imported although some are refused.
    pub skip_refused: bool,
    /// A person said that they are another till's, although most of their numbers are here already on the same days.
    pub another_till: bool,
    /// Of its first orders, those that stand here already by number and day, whichever till brought them; what came of a run tells it of all.
    pub alike: Option<Alike>,
    /// Lines read so far by the run that goes on.
    pub progress: i64,
    /// Lines in all files.
    pub progress_of: i64,
    /// What came of the last run.
    pub report: Option<ImportReport>,
    /// Why it failed.
    pub error: Option<String>,
    /// When the files were given.
    pub created_at: At,
    /// When the last run ended.
    pub finished_at: Option<At>,
}

/// The imports.
pub(super) static IMPORTS: List = List {
    name: "imports",
    sql: "SELECT i.id, n.number, i.name, i.state, i.lines, i.accepted, i.refused, i.documents, i.total, i.currency, i.created_at, i.finished_at
        FROM sales.import i LEFT JOIN db.number n ON n.tenant_id = i.tenant_id AND n.document_id = i.id WHERE i.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("created_at", Kind::Time, "import-when"),
        Column::shown("number", Kind::Text, "import-number"),
        Column::shown("name", Kind::Text, "import-files"),
        Column::shown("state", Kind::Text, "import-state"),
        Column::hidden("lines", Kind::Whole),
        Column::shown("refused", Kind::Whole, "import-refused"),
        Column::shown("documents", Kind::Whole, "import-documents"),
        Column::shown("total", Kind::Money, "import-total"),
        Column::hidden("accepted", Kind::Whole),
        Column::hidden("currency", Kind::Text),
        Column::hidden("finished_at", Kind::Time),
    ],
    filters: &[Filter { name: "state", sql: "state = {}", kind: Kind::Text }],
    sorts: &[Sort { name: "created", column: "created_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

/// The lines that an import refused, in the order of the files.
pub(super) static REFUSALS: List = List {
    name: "refused-lines",
    sql: "SELECT r.id, r.import_id, r.n, r.file, r.line_no AS line, r.code, r.reason, r.raw FROM sales.import_refused r WHERE r.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::hidden("import_id", Kind::Id),
        Column::hidden("n", Kind::Whole),
        Column::shown("file", Kind::Text, "import-file"),
        Column::shown("line", Kind::Whole, "import-line"),
        Column::shown("code", Kind::Text, "import-code"),
        Column::shown("reason", Kind::Text, "import-reason"),
        Column::shown("raw", Kind::Text, "import-raw"),
    ],
    filters: &[
        Filter { name: "import", sql: "import_id = {}", kind: Kind::Id },
        Filter { name: "code", sql: "code = {}", kind: Kind::Text },
    ],
    sorts: &[Sort { name: "n", column: "n", kind: Kind::Whole }],
    newest_first: false,
    key: "id",
};

pub(super) fn routes(routes: &mut Routes) {
    routes.list("GET /v1/imports", Permission::ImportRun, &IMPORTS);
    routes.json::<Document, _, _>("GET /v1/imports/{id}", Permission::ImportRun, "Import", &[], async |cx: Cx| {
        let id: ImportId = cx.id("id")?;
        load(&mut cx.tx().await?, id).await
    });
    routes.json_or_file::<Vec<RefusedLine>, _, _>(
        "GET /v1/imports/{id}/refused",
        Permission::ImportRun,
        "refused-lines",
        &["code", "sort", "cursor", "limit", "format"],
        async |cx: Cx| {
            let id: ImportId = cx.id("id")?;
            exists(&mut cx.tx().await?, id).await?;
            let asked = asked_of(&cx, id)?;
            web::list_reply(cx, &REFUSALS, asked).await
        },
    );
}

/// What was asked of the refused lines, of this import alone.
fn asked_of(cx: &Cx, id: ImportId) -> Result<Asked> {
    let mut asked = cx.asked(&["import"])?;
    asked.filters.push(("import".to_owned(), id.to_string()));
    Ok(asked)
}

async fn exists(tx: &mut Tx, id: ImportId) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let there = sqlx::query_scalar!(r#"SELECT 1 AS "one!" FROM sales.import WHERE tenant_id = $1 AND id = $2"#, tenant, id.uuid());
    there.fetch_optional(tx.conn()).await?.map(|_| ()).ok_or(Error::NotFound)
}

/// Reads an import whole.
pub(super) async fn load(tx: &mut Tx, id: ImportId) -> Result<Document> {
    let tenant = tx.tenant().uuid();
    let r = sqlx::query!(
        r#"SELECT i.name, i.state, i.site_id, i.source, i.mapping, i.profiles, i.decisions, i.problems, i.sample, i.cost_percent, i.method, i.dry_run,
            i.skip_refused, i.progress, i.progress_of, i.lines, i.accepted, i.skipped, i.refused, i.left_out, i.rounded, i.documents, i.items_made,
            i.total, i.currency, i.first_day, i.last_day, i.already, i.error, i.created_at, i.finished_at, n.number AS "number?",
            i.another_till, i.alike, i.alike_among, a.id AS "alike_import?", a.source AS "alike_source?", b.number AS "alike_number?"
        FROM sales.import i LEFT JOIN db.number n ON n.tenant_id = i.tenant_id AND n.document_id = i.id
            LEFT JOIN sales.import a ON a.tenant_id = i.tenant_id AND a.id = i.alike_import
            LEFT JOIN db.number b ON b.tenant_id = i.tenant_id AND b.document_id = i.alike_import
        WHERE i.tenant_id = $1 AND i.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let currency: Currency = r.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?;
    let outcome = [Outcome::Tried, Outcome::Refused, Outcome::Already, Outcome::Done].into_iter().find(|o| o.code() == r.state);
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let alike = alike((r.alike, r.alike_among), r.alike_import, r.alike_source, r.alike_number);
    let report = match outcome {
        None => None,
        Some(outcome) => Some(ImportReport {
            import_id: Some(id),
            outcome,
            lines: count(r.lines),
            accepted: count(r.accepted),
            skipped: count(r.skipped),
            refused: first_refused(tx, id).await?,
            refused_count: count(r.refused),
            left_out: count(r.left_out),
            rounded: count(r.rounded),
            documents: count(r.documents),
            items_made: count(r.items_made),
            total: Money::new(r.total, currency),
            days: r.first_day.zip(r.last_day),
            already_imported: r.already.map(ImportId::new),
            alike: alike.clone(),
            sample: Vec::new(),
        }),
    };
    Ok(Document {
        id,
        number: r.number,
        name: r.name,
        state: r.state,
        site_id: SiteId::new(r.site_id),
        source: r.source,
        mapping: serde_json::from_value(r.mapping).map_err(|e| Error::Internal(e.to_string()))?,
        profiles: r.profiles,
        decisions: r.decisions,
        problems: r.problems,
        currency,
        sample: r.sample,
        cost_percent: r.cost_percent,
        method: r.method.parse()?,
        dry_run: r.dry_run,
        skip_refused: r.skip_refused,
        another_till: r.another_till,
        alike: alike.filter(|_| outcome.is_none()),
        progress: r.progress,
        progress_of: r.progress_of,
        report,
        error: r.error,
        created_at: r.created_at,
        finished_at: r.finished_at,
    })
}

async fn first_refused(tx: &mut Tx, id: ImportId) -> Result<Vec<RefusedLine>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT file, line_no, code, reason FROM sales.import_refused WHERE tenant_id = $1 AND import_id = $2 ORDER BY n, id LIMIT $3",
        tenant,
        id.uuid(),
        i64::try_from(REFUSED).unwrap_or(0)
    )
    .fetch_all(tx.conn())
    .await?;
    let line = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(rows.into_iter().map(|r| RefusedLine { file: r.file, line: line(r.line_no), code: r.code, reason: r.reason }).collect())
}

/// A file of an import.
pub(super) struct NewFile {
    pub name: String,
    pub digest: [u8; 32],
    pub bytes: u64,
    /// Where it lies.
    pub path: Option<String>,
}

/// An import that begins.
pub(super) struct New {
    pub id: ImportId,
    pub state: &'static str,
    /// The import that took its files before.
    pub already: Option<ImportId>,
    /// Of its first orders, those that stand here already.
    pub alike: Option<Alike>,
    pub site: SiteId,
    pub currency: Currency,
    pub source: String,
    pub mapping: Mapping,
    pub profiles: Value,
    pub decisions: Value,
    pub problems: Value,
    pub sample: Value,
    pub cost_percent: i32,
    pub method: Method,
    pub skip_refused: bool,
    pub another_till: bool,
    pub files: Vec<NewFile>,
}

impl New {
    /// The import of a command line: it was confirmed before it came here.
    pub fn of_run(id: ImportId, ask: &ImportAsk, reading: &Reading, place: &Place, source: &str) -> Self {
        let file = |p: &tables::FileProfile| NewFile { name: p.name.clone(), digest: p.digest, bytes: p.bytes, path: None };
        Self {
            id,
            state: "running",
            already: None,
            alike: None,
            site: place.site,
            currency: place.currency,
            source: source.to_owned(),
            mapping: (*reading.mapping).clone(),
            profiles: Value::Array(Vec::new()),
            decisions: Value::Array(Vec::new()),
            problems: Value::Array(Vec::new()),
            sample: Value::Array(Vec::new()),
            cost_percent: ask.options.cost_percent,
            method: ask.options.method.unwrap_or(Method::Cash),
            skip_refused: ask.skip_refused,
            another_till: ask.another_till,
            files: reading.profiles.iter().map(file).collect(),
        }
    }

    fn name(&self) -> String {
        let names: Vec<&str> = self.files.iter().map(|f| f.name.as_str()).collect();
        names.join(", ").chars().filter(|c| !c.is_control()).take(500).collect()
    }
}

/// Writes an import that begins, with its files.
pub(super) async fn insert(tx: &mut Tx, new: &New) -> Result<()> {
    let (tenant, now, by) = (tx.tenant().uuid(), tx.now(), tx.op().account().ok().map(|a| a.uuid()));
    let mapping = serde_json::to_value(&new.mapping).map_err(|e| Error::Internal(e.to_string()))?;
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (orders, among, import) = counted(new.alike.as_ref());
    let name = |f: &NewFile| f.name.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    sqlx::query!(
        "WITH made AS (
            INSERT INTO sales.import (tenant_id, id, name, state, site_id, source, mapping, profiles, decisions, problems, sample, cost_percent, method,
                skip_refused, currency, created_by, created_at, another_till, already, alike, alike_among, alike_import)
            SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $22, $23, $24, $25, $26 FROM db.tenant t WHERE t.id = $1
        )
        INSERT INTO sales.import_file (tenant_id, import_id, n, name, digest, bytes, path)
        SELECT t.id, $2, u.n, u.name, u.digest, u.bytes, u.path
        FROM db.tenant t, unnest($18::text[], $19::bytea[], $20::bigint[], $21::text[]) WITH ORDINALITY AS u (name, digest, bytes, path, n) WHERE t.id = $1",
        tenant,
        new.id.uuid(),
        new.name(),
        new.state,
        new.site.uuid(),
        new.source,
        mapping,
        new.profiles,
        new.decisions,
        new.problems,
        new.sample,
        new.cost_percent,
        new.method.code(),
        new.skip_refused,
        new.currency.code(),
        by,
        now as At,
        &new.files.iter().map(name).collect::<Vec<_>>(),
        &new.files.iter().map(|f| f.digest.to_vec()).collect::<Vec<_>>(),
        &new.files.iter().map(|f| whole(f.bytes)).collect::<Vec<_>>(),
        &new.files.iter().map(|f| f.path.clone()).collect::<Vec<_>>() as &[Option<String>],
        new.another_till,
        new.already.map(ImportId::uuid),
        orders,
        among,
        import,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Orders that stand here already, as the row tells them.
fn alike(count: (i64, i64), import: Option<Uuid>, source: Option<String>, number: Option<String>) -> Option<Alike> {
    let whole = |n: i64| u64::try_from(n).unwrap_or(0);
    let (orders, among) = (whole(count.0), whole(count.1));
    Some(Alike { orders, among, import_id: ImportId::new(import?), number, source: source? })
}

/// Orders that stand here already, as the row keeps them.
fn counted(alike: Option<&Alike>) -> (i64, i64, Option<Uuid>) {
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    alike.map_or((0, 0, None), |a| (whole(a.orders), whole(a.among), Some(a.import_id.uuid())))
}

/// Writes down what came of a run.
pub(super) async fn record(tx: &mut Tx, id: ImportId, report: &ImportReport) -> Result<()> {
    let (tenant, now) = (tx.tenant().uuid(), tx.op().source.now());
    let (orders, among, import) = counted(report.alike.as_ref());
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query!(
        "UPDATE sales.import SET state = $3, lines = $4, accepted = $5, skipped = $6, refused = $7, left_out = $8, rounded = $9, documents = $10,
            items_made = $11, total = $12, currency = $13, already = $14, progress = $4, progress_of = $4, error = NULL, finished_at = $15, first_day = $16, last_day = $17,
            sample = CASE WHEN jsonb_array_length($18) > 0 THEN $18 ELSE sample END, alike = $19, alike_among = $20, alike_import = $21
        WHERE tenant_id = $1 AND id = $2",
        tenant,
        id.uuid(),
        report.outcome.code(),
        whole(report.lines),
        whole(report.accepted),
        whole(report.skipped),
        whole(report.refused_count),
        whole(report.left_out),
        whole(report.rounded),
        whole(report.documents),
        whole(report.items_made),
        report.total.minor,
        report.total.currency.code(),
        report.already_imported.map(ImportId::uuid),
        now as At,
        report.days.map(|d| d.0) as Option<Day>,
        report.days.map(|d| d.1) as Option<Day>,
        serde_json::to_value(&report.sample).map_err(|e| Error::Internal(e.to_string()))?,
        orders,
        among,
        import
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
