//! The run of an uploaded import, as a job: it survives a restart, because it begins again and finds nothing half done.

use std::{path::PathBuf, time::Duration};

use db::{Db, Later, Tx};
use futures::future::BoxFuture;
use kernel::{Error, ImportId, Op, Result};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    ImportAsk, Options, Progress,
    document::{self, Document},
    understand::blocking,
    work,
};

pub(crate) const LATER: &[Later] = &[Later { name: "sales.import", run, died: Some(died) }];

/// How often the progress is written down.
const TOLD: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
struct Payload {
    id: ImportId,
}

fn run(db: Db, op: Op, payload: Value) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let Payload { id } = serde_json::from_value(payload).map_err(|e| Error::Internal(e.to_string()))?;
        let mut tx = db.begin(op.clone()).await?;
        begin_again(&mut tx, id).await?;
        let import = document::load(&mut tx, id).await?;
        let files = files(&mut tx, id).await?;
        tx.commit().await?;
        // It came twice, and the first time was enough.
        if import.state != "running" {
            return Ok(());
        }
        match work(&db, &op, &import, &files).await {
            Ok(()) => Ok(()),
            Err(error @ (Error::Conflict(_) | Error::Unavailable(..))) => Err(error),
            Err(error) => failed(&db, op, id, &error).await,
        }
    })
}

/// The job was laid aside: nobody reads on, so the import says why, and can be run again.
fn died(db: Db, op: Op, payload: Value, error: Error) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let Payload { id } = serde_json::from_value(payload).map_err(|e| Error::Internal(e.to_string()))?;
        failed(&db, op, id, &error).await
    })
}

/// Lets an import that failed run once more: an operator tries its dead job again.
async fn begin_again(tx: &mut Tx, id: ImportId) -> Result<()> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "UPDATE sales.import SET state = 'running', progress = 0, error = NULL, finished_at = NULL WHERE tenant_id = $1 AND id = $2 AND state = 'failed'",
        tenant,
        id.uuid()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Names of the files, and where they lie.
async fn files(tx: &mut Tx, id: ImportId) -> Result<Vec<(String, Option<PathBuf>)>> {
    let tenant = tx.tenant().uuid();
    let rows =
        sqlx::query!("SELECT name, path FROM sales.import_file WHERE tenant_id = $1 AND import_id = $2 ORDER BY n", tenant, id.uuid())
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().map(|r| (r.name, r.path.map(PathBuf::from))).collect())
}

/// A file that lies somewhere, under the name that it was given with.
pub(super) fn source(name: &str, path: PathBuf) -> tables::Source {
    tables::Source::opener(name, move || Ok(Box::new(std::fs::File::open(&path)?)))
}

async fn work(db: &Db, op: &Op, import: &Document, files: &[(String, Option<PathBuf>)]) -> Result<()> {
    let mut sources = Vec::new();
    for (name, path) in files {
        let path = path.clone().filter(|p| p.exists()).ok_or_else(|| Error::rule("import.files_gone"))?;
        sources.push(source(name, path));
    }
    let ask = ImportAsk {
        files: sources,
        mapping: Some(import.mapping.clone()),
        options: Options {
            site: Some(import.site_id),
            source: Some(import.source.clone()),
            cost_percent: import.cost_percent,
            method: Some(import.method),
        },
        dry_run: import.dry_run,
        skip_refused: import.skip_refused,
        another_till: import.another_till,
        import: Some(import.id),
    };
    let (tell, told) = watch::channel(Progress::default());
    let report = {
        let on = move |progress| {
            tell.send_replace(progress);
        };
        let running = work::run(db, op.clone(), ask, &on);
        tokio::pin!(running);
        let telling = tell_on(db, op, import.id, told);
        tokio::pin!(telling);
        tokio::select! { report = &mut running => report, () = &mut telling => (&mut running).await }?
    };
    if report.outcome != document::Outcome::Done {
        let mut tx = db.begin(op.clone()).await?;
        document::record(&mut tx, import.id, &report).await?;
        tx.commit().await?;
        return Ok(());
    }
    forget(db, op, import.id, files).await
}

/// Writes the progress down, now and then, until nothing more is told.
async fn tell_on(db: &Db, op: &Op, id: ImportId, mut told: watch::Receiver<Progress>) {
    while told.changed().await.is_ok() {
        let progress = *told.borrow_and_update();
        if let Err(error) = tell(db, op, id, progress).await {
            tracing::debug!(%error, "the progress of an import was not written down");
        }
        tokio::time::sleep(TOLD).await;
    }
}

async fn tell(db: &Db, op: &Op, id: ImportId, progress: Progress) -> Result<()> {
    let mut tx = db.begin(op.clone()).await?;
    let tenant = tx.tenant().uuid();
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query!(
        "UPDATE sales.import SET progress = $3, progress_of = $4 WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
        tenant,
        id.uuid(),
        whole(progress.lines),
        whole(progress.of)
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await.map(|_| ())
}

/// What can't be mended by trying again is said on the import.
async fn failed(db: &Db, op: Op, id: ImportId, error: &Error) -> Result<()> {
    let said = match error {
        Error::Rule { code, detail: Some(detail), .. } => format!("{} {detail}", web::code_text(code)),
        Error::Invalid(fields) => fields.first().map_or_else(String::new, |f| format!("{}: {}", f.field, web::field_text(f))),
        other => web::code_text(other.row()),
    };
    if matches!(error, Error::Internal(_)) {
        tracing::error!(%error, import = %id, "an import failed");
    }
    let mut tx = db.begin(op).await?;
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    sqlx::query!(
        "UPDATE sales.import SET state = 'failed', error = $3, finished_at = $4 WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
        tenant,
        id.uuid(),
        said.replace('\0', "").chars().take(2000).collect::<String>(),
        now as kernel::At
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await.map(|_| ())
}

/// The files were read; they are no longer needed.
async fn forget(db: &Db, op: &Op, id: ImportId, files: &[(String, Option<PathBuf>)]) -> Result<()> {
    let mut tx = db.begin(op.clone()).await?;
    let tenant = tx.tenant().uuid();
    sqlx::query!("UPDATE sales.import_file SET path = NULL WHERE tenant_id = $1 AND import_id = $2", tenant, id.uuid())
        .execute(tx.conn())
        .await?;
    tx.commit().await?;
    remove(files.iter().filter_map(|(_, path)| path.clone()).collect()).await
}

/// Removes spooled files; one that is gone already is no fault.
pub(super) async fn remove(paths: Vec<PathBuf>) -> Result<()> {
    blocking(move || {
        for path in paths {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(%error, path = %path.display(), "a spooled file was not removed");
            }
        }
        Ok(())
    })
    .await
}
