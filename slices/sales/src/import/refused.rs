//! Where refused lines go: the first ones into the report, all of them into the import's list.

use db::{Db, Tx};
use kernel::{ImportId, Op, Result};
use uuid::Uuid;

use super::{REFUSED, RefusedLine, stops, words::words};

/// A line that is not taken, with its reason in words.
pub(super) struct NotTaken {
    pub file: String,
    pub line: u64,
    pub code: &'static str,
    pub reason: String,
    /// The beginning of the line as it was read.
    pub raw: String,
}

impl From<tables::RefusedLine> for NotTaken {
    fn from(line: tables::RefusedLine) -> Self {
        Self { reason: words(&line.reason), file: line.file, line: line.line_no, code: line.code, raw: line.raw }
    }
}

/// Refused lines as they come.
pub(super) struct Sink {
    db: Db,
    op: Op,
    /// The import, when it lies in the database already: then its refused lines are kept even if nothing else is.
    import: Option<ImportId>,
    pub first: Vec<RefusedLine>,
    pub count: u64,
    pub left_out: u64,
    pub stops: bool,
}

impl Sink {
    /// Forgets the refused lines of an earlier run.
    pub async fn open(db: &Db, op: &Op, import: Option<ImportId>) -> Result<Self> {
        if let Some(import) = import {
            let mut tx = db.begin(op.clone()).await?;
            let tenant = tx.tenant().uuid();
            sqlx::query!("DELETE FROM sales.import_refused WHERE tenant_id = $1 AND import_id = $2", tenant, import.uuid())
                .execute(tx.conn())
                .await?;
            tx.commit().await?;
        }
        Ok(Self { db: db.clone(), op: op.clone(), import, first: Vec::new(), count: 0, left_out: 0, stops: false })
    }

    /// Takes refused lines. Those of an import that is made by `tx` itself are written with it.
    pub async fn take(&mut self, lines: &[NotTaken], made_by: Option<(&mut Tx, ImportId)>) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let from = self.count;
        for line in lines {
            self.count += 1;
            self.left_out += u64::from(!stops(line.code));
            self.stops |= stops(line.code);
            if self.first.len() < REFUSED {
                let (code, reason) = (line.code.to_owned(), line.reason.clone());
                self.first.push(RefusedLine { file: line.file.clone(), line: line.line, code, reason });
            }
        }
        match (self.import, made_by) {
            (Some(import), _) => {
                let mut tx = self.db.begin(self.op.clone()).await?;
                write(&mut tx, import, from, lines).await?;
                tx.commit().await.map(|_| ())
            }
            (None, Some((tx, import))) => write(tx, import, from, lines).await,
            (None, None) => Ok(()),
        }
    }
}

async fn write(tx: &mut Tx, import: ImportId, from: u64, lines: &[NotTaken]) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = lines.iter().map(|_| tx.op().source.uuid()).collect();
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query!(
        "INSERT INTO sales.import_refused (tenant_id, id, import_id, n, file, line_no, code, reason, raw)
        SELECT t.id, u.id, $2, u.n, u.file, u.line_no, u.code, u.reason, u.raw
        FROM db.tenant t, unnest($3::uuid[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[])
            AS u (id, n, file, line_no, code, reason, raw) WHERE t.id = $1",
        tenant,
        import.uuid(),
        &ids,
        &(from..).take(lines.len()).map(whole).collect::<Vec<_>>(),
        &lines.iter().map(|l| clean(&l.file)).collect::<Vec<_>>(),
        &lines.iter().map(|l| whole(l.line)).collect::<Vec<_>>(),
        &lines.iter().map(|l| l.code.to_owned()).collect::<Vec<_>>(),
        &lines.iter().map(|l| clean(&l.reason)).collect::<Vec<_>>(),
        &lines.iter().map(|l| clean(&l.raw)).collect::<Vec<_>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
