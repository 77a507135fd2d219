//! Files on their way in: streamed to the spool, looked at once, never held in memory.

use std::{path::PathBuf, sync::Arc};

use axum::extract::multipart::Field;
use db::{Intent, Tx};
use kernel::{At, Error, ImportId, Permission, Result};
use pricing::Method;
use tables::{FileProfile, Source};
use tokio::io::AsyncWriteExt;
use web::{Cx, Held, Reply, Routes, Upload, t};

use super::{
    commands::MakeImport,
    document::{self, New, NewFile, Outcome},
    job::{self, remove},
    known, look,
    place::Place,
    understand::{Reading, Understood, blocking, understand},
    words::worded,
};

/// The most bytes of one upload.
const MOST_BYTES: u64 = 2 << 30;
/// The most bytes that the files of one business take up, while they wait for their import and while they come.
const QUOTA: u64 = 2 << 30;
/// The most files of one upload.
const MOST_FILES: usize = 20;
/// Files that nobody imported are kept for so many seconds: 30 days.
const KEPT: i64 = 30 * 24 * 3600;

/// A file in the spool.
struct Spooled {
    name: String,
    path: PathBuf,
}

pub(super) fn routes(routes: &mut Routes) {
    routes.upload("POST /v1/imports", Permission::ImportRun, async |cx: Cx, upload: Upload| {
        let id = receive(&cx, upload).await?;
        Reply::json(&document::load(&mut cx.tx().await?, id).await?)
    });
    routes.upload("POST /import", Permission::ImportRun, async |cx: Cx, upload: Upload| match Cx::refusable(receive(&cx, upload).await)? {
        Ok(id) => Ok(Reply::see(format!("/import/{id}"))),
        Err(refused) => Ok(Reply::refused(super::pages::start(&cx, Some(&refused)).await?)),
    });
}

/// Takes the files of an upload and makes an import of them. What was refused leaves no file behind.
async fn receive(cx: &Cx, upload: Upload) -> Result<ImportId> {
    sweep(cx).await?;
    let mut room = Room::of(cx).await?;
    let mut spooled = Vec::new();
    let result = match spool(cx, upload, &mut spooled, &mut room).await {
        Ok(key) => make(cx, &spooled, key).await,
        Err(error) => Err(error),
    };
    if !matches!(result, Ok((_, false))) {
        remove(spooled.into_iter().map(|f| f.path).collect()).await?;
    }
    result.map(|(id, _)| id)
}

/// The room of a business for what comes in; what comes at the same time counts, too.
struct Room {
    coming: Held,
    /// Bytes that may come beside what lies there already.
    free: u64,
    /// Bytes that may still come in this upload.
    left: u64,
}

impl Room {
    async fn of(cx: &Cx) -> Result<Self> {
        let mut tx = cx.tx().await?;
        let tenant = tx.tenant();
        let kept = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(bytes), 0)::bigint AS "kept!" FROM sales.import_file WHERE tenant_id = $1 AND path IS NOT NULL"#,
            tenant.uuid()
        )
        .fetch_one(tx.conn())
        .await?;
        let free = QUOTA.saturating_sub(u64::try_from(kept).unwrap_or(0));
        Ok(Self { coming: cx.app.bounds().room(tenant), free, left: MOST_BYTES })
    }

    fn take(&mut self, bytes: u64) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| Error::rule("body.too_large"))?;
        if self.coming.grow(bytes, self.free) { Ok(()) } else { Err(Error::rule("upload.quota")) }
    }
}

/// Writes the files down; answers the form's intent, so that two clicks make one import.
async fn spool(cx: &Cx, mut upload: Upload, spooled: &mut Vec<Spooled>, room: &mut Room) -> Result<Option<String>> {
    let dir = cx.app.settings().spool.clone();
    let away = |e: std::io::Error| Error::Unavailable(30, format!("the spool {}: {e}", dir.display()));
    tokio::fs::create_dir_all(&dir).await.map_err(away)?;
    let upload_id = cx.uuid();
    let mut key = None;
    while let Some(part) = upload.parts.next_field().await.map_err(|e| broken(&e))? {
        if part.name() == Some("intent") && part.file_name().is_none() {
            key = short(part).await?;
            continue;
        }
        let Some(name) = part.file_name().map(file_name).filter(|n| !n.is_empty()) else { continue };
        if spooled.len() == MOST_FILES {
            return Err(Error::field("files", "lines.too_many"));
        }
        let path = dir.join(format!("import-{upload_id}-{}", spooled.len()));
        let name = unlike(spooled, name);
        spooled.push(Spooled { name, path: path.clone() });
        let mut file = tokio::fs::File::create(&path).await.map_err(away)?;
        copy(part, &mut file, room).await?;
        file.flush().await.map_err(away)?;
    }
    if spooled.is_empty() { Err(Error::field("files", "import.file")) } else { Ok(key) }
}

/// A short field; nothing when it is empty or longer than an intent.
async fn short(mut part: Field<'_>) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    while let Some(more) = part.chunk().await.map_err(|e| broken(&e))? {
        bytes.extend_from_slice(&more);
        if bytes.len() > 255 {
            return Ok(None);
        }
    }
    Ok(String::from_utf8(bytes).ok().filter(|key| !key.is_empty()))
}

fn broken(_: &axum::extract::multipart::MultipartError) -> Error {
    Error::rule("import.file").because(t("import-why-cut-short"))
}

async fn copy(mut part: Field<'_>, file: &mut tokio::fs::File, room: &mut Room) -> Result<()> {
    while let Some(bytes) = part.chunk().await.map_err(|e| broken(&e))? {
        room.take(bytes.len() as u64)?;
        file.write_all(&bytes).await.map_err(|e| Error::Unavailable(30, format!("the spool: {e}")))?;
    }
    Ok(())
}

/// The last part of what a browser calls a file, without signs that can't be written.
fn file_name(said: &str) -> String {
    let last = said.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(150).collect::<String>().trim().to_owned()
}

/// Files of one name get a number, so that a mapping can tell them apart.
fn unlike(spooled: &[Spooled], name: String) -> String {
    let taken = |name: &str| spooled.iter().any(|f| f.name == name);
    if !taken(&name) {
        return name;
    }
    (2..).map(|n| format!("{n} {name}")).find(|n| !taken(n)).unwrap_or(name)
}

/// Makes the import; true when the same upload had made one before.
async fn make(cx: &Cx, spooled: &[Spooled], key: Option<String>) -> Result<(ImportId, bool)> {
    let sources: Vec<Source> = spooled.iter().map(|f| job::source(&f.name, f.path.clone())).collect();
    let understood = understand(sources).await?;
    let place = Place::read(&mut cx.tx().await?, None).await?;
    let new = new_import(cx, &place, understood, spooled).await?;
    let content: Vec<u8> = new.files.iter().flat_map(|f| f.name.bytes().chain(f.digest)).collect();
    let intent = key.map(|key| Intent::of(&key, &cx.op, "POST /import", &content));
    let answer = cx.app.db().run(cx.op.clone(), intent, MakeImport(Arc::new(new))).await?;
    let id = answer.body.get("id").and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    Ok((id.ok_or_else(|| Error::Internal("an import without an id".into()))?, answer.again))
}

async fn new_import(cx: &Cx, place: &Place, understood: Understood, spooled: &[Spooled]) -> Result<New> {
    let (guess, ready) = (understood.guess.clone(), understood.guess.problems.is_empty());
    let profiles = json(&understood.profiles)?;
    let path = |p: &FileProfile| spooled.iter().find(|f| f.name == p.name).map(|f| f.path.display().to_string());
    let file = |p: &FileProfile| NewFile { name: p.name.clone(), digest: p.digest, bytes: p.bytes, path: path(p) };
    let files = understood.profiles.iter().map(file).collect();
    let mut reading = Reading::of(understood, Some(guess.mapping.clone()))?;
    let (id, source) = (cx.op.id(), reading.usual_source());
    let already = known::pass_over_files(&mut cx.tx().await?, &mut reading).await?;
    let first = if ready { blocking(move || look::first_lines(&reading)).await? } else { Vec::new() };
    let mut sample = Vec::new();
    look::add(&mut sample, &first);
    let alike = if already.is_none() { known::first_orders(&mut cx.tx().await?, place, id, &first).await? } else { None };
    Ok(New {
        id,
        state: if already.is_some() { Outcome::Already.code() } else { "ready" },
        already,
        alike,
        site: place.site,
        currency: place.currency,
        source,
        profiles,
        decisions: json(&guess.decisions)?,
        problems: json(&guess.problems)?,
        mapping: guess.mapping,
        sample: json(&sample)?,
        cost_percent: 0,
        method: Method::Cash,
        skip_refused: false,
        another_till: false,
        files,
    })
}

/// What the database keeps as JSON, in words; it can't keep a zero byte, and a table has none.
fn json(of: &impl serde::Serialize) -> Result<serde_json::Value> {
    let value = worded(serde_json::to_value(of).map_err(|e| Error::Internal(e.to_string()))?);
    if value.to_string().contains("\\u0000") { Err(Error::rule("import.file").because(t("import-why-zero-byte"))) } else { Ok(value) }
}

/// Removes the files of this business that were uploaded long ago and never imported.
async fn sweep(cx: &Cx) -> Result<()> {
    let mut tx = cx.tx().await?;
    let old = forgotten(&mut tx, cx.op.at.plus_seconds(-KEPT)).await?;
    if old.is_empty() {
        return Ok(());
    }
    tx.commit().await?;
    remove(old).await
}

async fn forgotten(tx: &mut Tx, before: At) -> Result<Vec<PathBuf>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"WITH old AS (
            SELECT f.import_id, f.n, f.path FROM sales.import i JOIN sales.import_file f ON f.tenant_id = i.tenant_id AND f.import_id = i.id
            WHERE i.tenant_id = $1 AND i.created_at < $2 AND i.state <> 'running' AND f.path IS NOT NULL ORDER BY i.created_at LIMIT 100
        ), gone AS (
            UPDATE sales.import_file f SET path = NULL FROM old o WHERE f.tenant_id = $1 AND f.import_id = o.import_id AND f.n = o.n
        )
        SELECT path AS "path!" FROM old"#,
        tenant,
        before as At
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| PathBuf::from(r.path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_its_last_part_and_nobodys_twin() {
        assert_eq!(file_name("C:\\till\\jan\u{7}.csv"), "jan.csv");
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name(".."), "..");
        let spooled =
            vec![Spooled { name: "a.csv".into(), path: PathBuf::new() }, Spooled { name: "2 a.csv".into(), path: PathBuf::new() }];
        assert_eq!(unlike(&spooled, "a.csv".into()), "3 a.csv");
        assert_eq!(unlike(&spooled, "b.csv".into()), "b.csv");
    }
}
