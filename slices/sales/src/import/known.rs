//! What of an import stands here already: files by the digest of what they hold, orders by number and day.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use db::Tx;
use kernel::{At, Day, ImportId, Result};
use serde::{Deserialize, Serialize};
use tables::{FileProfile, SaleLine};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{lines::own_id, place::Place, understand::Reading};

/// Orders whose numbers another import's orders of the same day have, though not as the same till's at the same moment: most
/// likely the same sales.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alike {
    /// How many.
    pub orders: u64,
    /// Of how many that were looked at.
    pub among: u64,
    /// The import that brought the most of them.
    pub import_id: ImportId,
    /// Its number.
    pub number: Option<String>,
    /// Its till or program.
    pub source: String,
}

impl Alike {
    /// They are most of what was looked at: it would stand in the books twice.
    pub fn most(&self) -> bool {
        self.orders > self.among / 2
    }
}

/// Notes which files were imported before, and which are given twice; all of them: the import that did it.
pub(super) async fn pass_over_files(tx: &mut Tx, reading: &mut Reading) -> Result<Option<ImportId>> {
    let tenant = tx.tenant().uuid();
    let files = reading.line_files();
    // What was imported before contents had digests is known by its bytes as they came.
    let digests: Vec<Vec<u8>> = files.iter().flat_map(|file| [file.content.to_vec(), file.digest.to_vec()]).collect();
    let rows =
        sqlx::query!("SELECT digest, import_id FROM sales.imported_file WHERE tenant_id = $1 AND digest = ANY($2)", tenant, &digests)
            .fetch_all(tx.conn())
            .await?;
    let by = |file: &FileProfile| {
        let row = rows.iter().find(|row| row.digest == file.content || row.digest == file.digest);
        row.map(|row| ImportId::new(row.import_id))
    };
    if let Some(first) = files.first().and_then(|file| by(file)).filter(|_| files.iter().all(|file| by(file).is_some())) {
        return Ok(Some(first));
    }
    let mut given = HashSet::new();
    let known = files.iter().filter(|file| by(file).is_some() || !given.insert(file.content)).map(|file| file.name.clone());
    reading.known = Arc::new(known.collect());
    Ok(None)
}

/// The files with lines are known from now on.
pub(super) async fn keep_files(tx: &mut Tx, import: ImportId, reading: &Reading) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let mut digests: Vec<Vec<u8>> = reading.line_files().into_iter().map(|file| file.content.to_vec()).collect();
    digests.sort_unstable();
    digests.dedup();
    sqlx::query!(
        "INSERT INTO sales.imported_file (tenant_id, digest, import_id)
        SELECT t.id, u.digest, $2 FROM db.tenant t, unnest($3::bytea[]) AS u (digest) WHERE t.id = $1 ON CONFLICT (tenant_id, digest) DO NOTHING",
        tenant,
        import.uuid(),
        &digests
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An order here that bears the number of one that comes, on its day.
pub(super) struct Here {
    pub at: At,
    pub import: Uuid,
}

/// What other imports brought of each of these orders, told by number and business day.
pub(super) async fn orders(tx: &mut Tx, place: &Place, import: ImportId, heads: &[Option<(&str, Day)>]) -> Result<Vec<Vec<Here>>> {
    let mut here: Vec<Vec<Here>> = heads.iter().map(|_| Vec::new()).collect();
    let asked: Vec<(usize, &str, Day)> = heads.iter().enumerate().filter_map(|(n, head)| head.map(|(id, day)| (n, id, day))).collect();
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT u.n AS "n!", o.placed_at, o.import_id AS "import_id!"
        FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS u (number, from_at, to_at, n)
        JOIN sales.orders o ON o.tenant_id = $1 AND o.external_number = u.number AND o.placed_at >= u.from_at AND o.placed_at < u.to_at
        WHERE o.import_id IS NOT NULL AND o.import_id <> $5"#,
        tenant,
        &asked.iter().map(|(_, id, _)| (*id).to_owned()).collect::<Vec<_>>(),
        &asked.iter().map(|(.., day)| place.start_of(*day)).collect::<Vec<_>>() as &[At],
        &asked.iter().map(|(.., day)| place.start_of(day.plus(1))).collect::<Vec<_>>() as &[At],
        import.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    for row in rows {
        let asked = usize::try_from(row.n - 1).ok().and_then(|n| asked.get(n));
        if let Some(one) = asked.and_then(|(n, ..)| here.get_mut(*n)) {
            one.push(Here { at: row.placed_at, import: row.import_id });
        }
    }
    Ok(here)
}

/// Counts orders that stand here already, by the import that brought them.
#[derive(Default)]
pub(super) struct Count(HashMap<Uuid, u64>);

impl Count {
    pub fn add(&mut self, here: &[Here], orders: u64) {
        if let Some(first) = here.first() {
            *self.0.entry(first.import).or_default() += orders;
        }
    }

    /// What was counted, and where most of it came from.
    pub async fn told(self, tx: &mut Tx, among: u64) -> Result<Option<Alike>> {
        let tenant = tx.tenant().uuid();
        let orders = self.0.values().sum();
        let Some((import, _)) = self.0.into_iter().max_by_key(|(import, count)| (*count, *import)) else { return Ok(None) };
        let row = sqlx::query!(
            r#"SELECT i.source, n.number AS "number?" FROM sales.import i
            LEFT JOIN db.number n ON n.tenant_id = i.tenant_id AND n.document_id = i.id WHERE i.tenant_id = $1 AND i.id = $2"#,
            tenant,
            import
        )
        .fetch_one(tx.conn())
        .await?;
        Ok(Some(Alike { orders, among, import_id: ImportId::new(import), number: row.number, source: row.source }))
    }
}

/// What of the first lines stands here already, whichever till brought it: a person sees it before anything is tried.
pub(super) async fn first_orders(tx: &mut Tx, place: &Place, import: ImportId, lines: &[SaleLine]) -> Result<Option<Alike>> {
    let mut heads: Vec<Option<(&str, Day)>> = Vec::new();
    for line in lines {
        let head = own_id(line).zip(place.moment(line).ok().map(|(_, day, _)| day));
        if head.is_some() && heads.last() != Some(&head) {
            heads.push(head);
        }
    }
    let mut count = Count::default();
    for here in orders(tx, place, import, &heads).await? {
        count.add(&here, 1);
    }
    count.told(tx, heads.len() as u64).await
}
