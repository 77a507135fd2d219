//! The trail as a file of any size: CSV for people, JSON Lines for programs. Whole, the lines are the chain itself with its
//! checkpoints, and `hearth trail verify --export FILE` proves them without the database; a selection says that it is one.

use axum::{body::Body, http::header};
use bytes::Bytes;
use db::{
    Activity, System, Tx, activity,
    list::{Asked, Column, Kind, List, Page},
    trail,
};
use kernel::{Error, Op, PLATFORM, Permission, Permissions, Result, TenantId};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;
use web::{Answers, Cx, Reply, Routes, csv_safe, t};

use crate::{lists, shown};

/// How many rows are read at once.
const CHUNK: u32 = 1_000;

/// The trail with what was before and after.
static WHOLE: List = List { columns: WHOLE_COLUMNS, ..lists::TRAIL };
/// The same of all businesses.
static ALL_WHOLE: List = List { columns: WHOLE_COLUMNS_OF_ALL, ..lists::ALL_TRAIL };

const WHOLE_COLUMNS: &[Column] = &[
    Column::shown("n", Kind::Whole, "trail-n"),
    Column::shown("at", Kind::Time, "trail-at"),
    Column::shown("action", Kind::Text, "trail-action"),
    Column::shown("kind", Kind::Text, "trail-kind"),
    Column::shown("target", Kind::Text, "trail-target"),
    Column::shown("target_id", Kind::Id, "trail-target-id"),
    Column::shown("who", Kind::Text, "trail-who"),
    Column::shown("actor_kind", Kind::Text, "trail-actor-kind"),
    Column::shown("actor_id", Kind::Id, "trail-actor-id"),
    Column::shown("reason", Kind::Text, "trail-reason"),
    Column::shown("address", Kind::Text, "trail-address"),
    Column::shown("request_id", Kind::Id, "trail-request"),
    Column::shown("before", Kind::Text, "trail-before"),
    Column::shown("after", Kind::Text, "trail-after"),
    Column::shown("id", Kind::Id, "trail-id"),
];

const WHOLE_COLUMNS_OF_ALL: &[Column] = &[
    Column::shown("business", Kind::Text, "trail-business"),
    Column::shown("tenant_id", Kind::Id, "trail-business-id"),
    Column::shown("n", Kind::Whole, "trail-n"),
    Column::shown("at", Kind::Time, "trail-at"),
    Column::shown("action", Kind::Text, "trail-action"),
    Column::shown("kind", Kind::Text, "trail-kind"),
    Column::shown("target", Kind::Text, "trail-target"),
    Column::shown("target_id", Kind::Id, "trail-target-id"),
    Column::shown("who", Kind::Text, "trail-who"),
    Column::shown("actor_kind", Kind::Text, "trail-actor-kind"),
    Column::shown("actor_id", Kind::Id, "trail-actor-id"),
    Column::shown("reason", Kind::Text, "trail-reason"),
    Column::shown("address", Kind::Text, "trail-address"),
    Column::shown("request_id", Kind::Id, "trail-request"),
    Column::shown("before", Kind::Text, "trail-before"),
    Column::shown("after", Kind::Text, "trail-after"),
    Column::shown("id", Kind::Id, "trail-id"),
];

pub(crate) fn routes(routes: &mut Routes) {
    const OWN: &[&str] = &["format", "action", "kind", "actor", "target", "q", "address", "from", "to"];
    const ACROSS: &[&str] = &["format", "business", "action", "kind", "actor", "target", "q", "address", "from", "to"];
    routes.raw("GET /v1/trail/export", Permission::TrailRead, Answers::Json, OWN, async |cx: Cx| export(cx, &WHOLE).await);
    routes.raw("GET /v1/admin/audit-logs/export", Permission::PlatformRead, Answers::Json, ACROSS, async |cx: Cx| {
        export(cx, &ALL_WHOLE).await
    });
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Lines,
}

/// Whence rows are read: a business's own transaction, or the operator's across all.
enum From {
    Own(Box<Tx>),
    All(System, Box<Op>),
}

impl From {
    async fn open(cx: &Cx, across: bool) -> Result<Self> {
        if !across {
            return Ok(Self::Own(Box::new(cx.snapshot().await?)));
        }
        let mut system = cx.app.db().system("trail.export").await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(system.conn()).await?;
        Ok(Self::All(system, Box::new(cx.op.clone())))
    }

    async fn rows(&mut self, list: &List, asked: &Asked) -> Result<Page> {
        match self {
            Self::Own(tx) => list.rows(tx, asked, CHUNK).await,
            Self::All(system, op) => list.rows_across(system, op, asked, CHUNK).await,
        }
    }

    fn conn(&mut self) -> &mut PgConnection {
        match self {
            Self::Own(tx) => tx.conn(),
            Self::All(system, _) => system.conn(),
        }
    }

    fn permissions(&self) -> Permissions {
        match self {
            Self::Own(tx) => tx.op().permissions,
            Self::All(_, op) => op.permissions,
        }
    }

    /// Whose chains make a whole export.
    async fn tenants(&mut self) -> Result<Vec<TenantId>> {
        match self {
            Self::Own(tx) => Ok(vec![tx.tenant()]),
            Self::All(system, _) => {
                let rows = sqlx::query_scalar!("SELECT id FROM db.tenant ORDER BY id").fetch_all(system.conn()).await?;
                Ok(rows.into_iter().map(TenantId::new).collect())
            }
        }
    }
}

async fn export(cx: Cx, list: &'static List) -> Result<Reply> {
    let format = match cx.param("format") {
        None | Some("csv") => Format::Csv,
        Some("jsonl") => Format::Lines,
        Some(_) => return Err(Error::field("format", "choice.unknown")),
    };
    let asked = cx.asked(&[])?;
    // Checks filters and sort before the first byte is sent.
    list.explained(&asked, cx.op.permissions)?;
    let across = std::ptr::eq(list, &ALL_WHOLE);
    let selected = asked.filters.iter().any(|(_, value)| !value.trim().is_empty()) || asked.cursor.is_some() || asked.limit.is_some();
    let chained = matches!(format, Format::Lines) && !selected;
    if chained {
        may_see_all(&cx.op, across)?;
    }
    let places = cx.app.bounds().file(&cx.op)?;
    let from = From::open(&cx, across).await?;
    note(&cx, across, &asked);
    let (send, receive) = mpsc::channel::<Result<Bytes>>(2);
    tokio::spawn(async move {
        let _places = places;
        let written = if chained { chains(from, &send).await } else { selection(from, list, format, asked, &send).await };
        if let Err(error) = written {
            let _ = send.send(Err(error)).await;
        }
    });
    let (kind, end) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Lines => ("application/jsonl", "jsonl"),
    };
    let name = format!("attachment; filename=\"{}.{end}\"", list.name);
    Ok(Reply::bytes(kind, Body::from_stream(ReceiverStream::new(receive))).header(header::CONTENT_DISPOSITION, name))
}

/// Nothing can be masked in a chain: it is for those from whom nothing is.
pub(crate) fn may_see_all(op: &Op, across: bool) -> Result<()> {
    if across {
        return op.needs(Permission::PlatformAdmin);
    }
    shown::MASKED.iter().try_for_each(|(_, needed)| op.needs(*needed))
}

/// Every export is noted, with what was chosen.
fn note(cx: &Cx, across: bool, asked: &Asked) {
    let filters: Map<String, Value> = asked.filters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let noted = Activity::of(&cx.op, activity::TRAIL_EXPORTED, "trail")
        .detail(json!({ "filters": filters, "format": cx.param("format").unwrap_or("csv") }));
    cx.app.db().note(if across { Activity { tenant: PLATFORM, ..noted } } else { noted });
}

type Send = mpsc::Sender<Result<Bytes>>;

/// The whole log of each tenant as it is chained.
async fn chains(mut from: From, send: &Send) -> Result<()> {
    for tenant in from.tenants().await? {
        let (mut text, _) = trail::head_line(from.conn(), tenant).await?;
        let mut after = 0;
        loop {
            let more = trail::lines(from.conn(), tenant, after).await?;
            let done = more.is_none();
            if let Some((lines, through)) = more {
                text.extend(lines);
                after = through;
            }
            if !web::sent_in_time(send, Bytes::from(std::mem::take(&mut text))).await {
                return Ok(());
            }
            if done {
                break;
            }
        }
    }
    Ok(())
}

/// The rows that were asked for.
async fn selection(mut from: From, list: &List, format: Format, mut asked: Asked, send: &Send) -> Result<()> {
    let mut text = match format {
        Format::Csv => csv(list.columns.iter().map(|c| t(c.label)))?,
        Format::Lines => line(&json!({ "selection": asked.filters.iter().map(|(n, v)| (n.clone(), json!(v))).collect::<Map<_, _>>() })),
    };
    loop {
        let mut page = from.rows(list, &asked).await?;
        tell(&mut from, &mut page.rows).await?;
        for row in &page.rows {
            match format {
                Format::Csv => text.extend(csv(list.columns.iter().map(|c| cell(row.get(&db::list::camel(c.name)))))?),
                Format::Lines => text.extend(line(&json!({ "row": row }))),
            }
        }
        if !web::sent_in_time(send, Bytes::from(std::mem::take(&mut text))).await || page.next.is_none() {
            return Ok(());
        }
        asked.cursor = page.next;
    }
}

/// Reads `before` and `after` as JSON, with what is personal put back and what is others' masked.
async fn tell(from: &mut From, rows: &mut [Map<String, Value>]) -> Result<()> {
    let permissions = from.permissions();
    let own = match from {
        From::Own(tx) => Some(tx.tenant()),
        From::All(..) => None,
    };
    let mut tenants: Vec<TenantId> = Vec::new();
    for row in rows.iter_mut() {
        for side in ["before", "after"] {
            if let Some(value) = row.get_mut(side)
                && let Some(text) = value.as_str()
            {
                *value = serde_json::from_str(text).unwrap_or_default();
            }
        }
        tenants.push(own.unwrap_or_else(|| tenant_of(row)));
    }
    let mut each: Vec<TenantId> = tenants.clone();
    each.sort_unstable();
    each.dedup();
    for tenant in each {
        let of_tenant = rows.iter_mut().zip(&tenants).filter(|(_, owner)| **owner == tenant).map(|(row, _)| row);
        let mut values: Vec<&mut Value> = of_tenant
            .flat_map(|row| row.iter_mut().filter(|(name, _)| ["before", "after"].contains(&name.as_str())).map(|(_, value)| value))
            .collect();
        trail::resolve(from.conn(), tenant, &mut values).await?;
        values.into_iter().for_each(|value| shown::mask(value, permissions));
    }
    Ok(())
}

fn tenant_of(row: &Map<String, Value>) -> TenantId {
    let id = row.get("tenantId").and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
    id.map_or(PLATFORM, TenantId::new)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// One line of CSV, no cell of which a spreadsheet runs.
fn csv(cells: impl Iterator<Item = String>) -> Result<Vec<u8>> {
    let fail = |e: String| Error::Internal(e);
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(|c| csv_safe(&c))).map_err(|e| fail(e.to_string()))?;
    writer.into_inner().map_err(|e| fail(e.to_string()))
}
