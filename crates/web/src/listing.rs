//! Lists as answers and pages, and a document's history.

use axum::{body::Body, http::header};
use bytes::Bytes;
use db::{
    Activity, Tx, activity,
    list::{Asked, Column, Kind, List, Page, camel},
};
use futures::stream;
use kernel::{At, Currency, Day, Error, Money, Quantity, Result};
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use tokio::{io::AsyncReadExt, sync::mpsc};
use uuid::Uuid;

use crate::{
    Clock, Cx, Reply,
    files::{self, Book},
    say, t, tf,
    ui::{self, ColumnKind, Event, Order, Pager, Row, Table, Tone},
};

/// How long a file waits for its reader.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// Bytes of a workbook that are sent at once.
const PIECE: usize = 64 * 1024;
/// The parameter of a page that says what was just done.
const DONE: &str = "done";
/// How many rows a file reads at once.
const CHUNK: u32 = 2_000;

/// A list as JSON, CSV or XLSX, as asked.
pub(crate) async fn answer(cx: Cx, list: &'static List) -> Result<Reply> {
    let asked = cx.asked(&[])?;
    list_reply(cx, list, asked).await
}

/// The same for a list that is part of a document: the handler says what is asked.
pub async fn list_reply(cx: Cx, list: &'static List, asked: Asked) -> Result<Reply> {
    let accepts = cx.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match cx.param("format") {
        Some("csv") => csv(&cx, list, asked).await,
        Some("xlsx") => xlsx(&cx, list, asked).await,
        None | Some("json") if accepts.starts_with("text/csv") => csv(&cx, list, asked).await,
        None | Some("json") => {
            let page = list.page(&mut cx.tx().await?, &asked).await?;
            Reply::json(&json!({ "rows": page.rows, "next": page.next }))
        }
        Some(_) => Err(Error::field("format", "choice.unknown")),
    }
}

fn attachment(reply: Reply, name: &str) -> Reply {
    reply.header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
}

/// Notes that a list leaves the program as a file.
fn note_export(cx: &Cx, list: &'static List, format: &str) {
    let detail = json!({ "list": list.name, "format": format });
    cx.app.db().note(Activity::of(&cx.op, activity::LIST_EXPORTED, "list").detail(detail));
}

/// Hands a piece of a file on. False when its reader is gone, or has not read for half a minute: the connection that the file
/// holds is given back.
pub async fn sent_in_time(send: &mpsc::Sender<Result<Bytes>>, piece: Bytes) -> bool {
    matches!(tokio::time::timeout(PATIENCE, send.send(Ok(piece))).await, Ok(Ok(())))
}

/// Streams a list of any length; memory holds one chunk.
async fn csv(cx: &Cx, list: &'static List, asked: Asked) -> Result<Reply> {
    // Checks filters and sort before the first byte is sent.
    list.explained(&asked, cx.op.permissions)?;
    let places = cx.app.bounds().file(&cx.op)?;
    note_export(cx, list, "csv");
    let mut tx = cx.snapshot().await?;
    let columns = files::shown(list, cx.op.permissions);
    let (send, receive) = mpsc::channel::<Result<Bytes>>(2);
    tokio::spawn(async move {
        // Given back when the file is read, or its reader gone.
        let _places = places;
        let result: Result<()> = async {
            let mut asked = asked;
            let mut text = files::heading(&columns)?;
            loop {
                let page = list.rows(&mut tx, &asked, CHUNK).await?;
                for row in &page.rows {
                    text.extend(files::line(columns.iter().map(|c| files::cell(c, row)))?);
                }
                if !sent_in_time(&send, Bytes::from(std::mem::take(&mut text))).await || page.next.is_none() {
                    return Ok(());
                }
                asked.cursor = page.next;
            }
        }
        .await;
        if let Err(error) = result {
            let _ = send.send(Err(error)).await;
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receive));
    Ok(attachment(Reply::bytes("text/csv; charset=utf-8", body), &format!("{}.csv", list.name)))
}

async fn xlsx(cx: &Cx, list: &'static List, mut asked: Asked) -> Result<Reply> {
    list.explained(&asked, cx.op.permissions)?;
    let places = cx.app.bounds().file(&cx.op)?;
    note_export(cx, list, "xlsx");
    let mut tx = cx.snapshot().await?;
    let mut book = Book::begin(files::shown(list, cx.op.permissions))?;
    loop {
        let page = list.rows(&mut tx, &asked, CHUNK).await?;
        if !book.add(&page.rows)? || page.next.is_none() {
            break;
        }
        asked.cursor = page.next;
    }
    drop(tx);
    let file = tokio::task::spawn_blocking(move || book.end()).await.map_err(|e| Error::Internal(e.to_string()))??;
    let pieces = stream::try_unfold((tokio::fs::File::from_std(file), places), async |(mut file, places)| {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), (file, places))))
    });
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok(attachment(Reply::bytes(kind, Body::from_stream(pieces)), &format!("{}.xlsx", list.name)))
}

/// What a page says of its list beside the list itself.
pub struct ListPage<'a> {
    /// The list.
    pub list: &'static List,
    /// Where the page is: `/items`.
    pub here: &'a str,
    /// Where its JSON, CSV and XLSX are: `/v1/items`.
    pub api: &'a str,
    /// The column that names a row for a screen reader.
    pub name: &'static str,
    /// Where a row opens.
    pub open: fn(&Map<String, Value>) -> Option<String>,
    /// What to say when there is nothing.
    pub empty: ui::Empty,
    /// The clock by which times are said.
    pub clock: Clock,
    /// Columns of codes, each with the beginning of the texts that say them: `("state", "order-state")`.
    pub codes: &'static [(&'static str, &'static str)],
    /// Columns that the page says in another one's cell, where they are not nothing: the other, the one, and the text that says
    /// both (`$this`, `$more`): `("state", "owed", "order-state-with-owed")`.
    pub within: &'static [(&'static str, &'static str, &'static str)],
    /// Columns that files have and the page leaves out.
    pub files_only: &'static [&'static str],
}

impl ListPage<'_> {
    /// The table with its pager and links to files.
    pub async fn show(&self, cx: &Cx, tx: &mut Tx) -> Result<Markup> {
        self.show_with(cx, tx, None).await
    }

    /// The same where rows can be picked, for what may be done with several of them at once.
    pub async fn show_with(&self, cx: &Cx, tx: &mut Tx, bulk: Option<ui::Bulk>) -> Result<Markup> {
        let asked = cx.asked(&[DONE])?;
        let page = self.list.page(tx, &asked).await?;
        Ok(html! {
            (ui::table(&Table { bulk, ..self.table(cx, &asked, &page) }))
            (ui::pager(&self.pager(cx, &page)))
            @if !page.rows.is_empty() {
                p class="files" {
                    a href=(cx.link(self.api, &[("format", Some("csv")), ("cursor", None)])) { (t("list-csv")) }
                    " · "
                    a href=(cx.link(self.api, &[("format", Some("xlsx")), ("cursor", None)])) { (t("list-xlsx")) }
                }
            }
        })
    }

    /// The table with its pager, of a page that was read already; without files.
    pub fn show_rows(&self, cx: &Cx, asked: &Asked, page: &Page) -> Markup {
        html! {
            (ui::table(&self.table(cx, asked, page)))
            (ui::pager(&self.pager(cx, page)))
        }
    }

    /// The columns of the page. An amount says its currency and a quantity its unit; a business of one site need not name it.
    fn shown(&self, cx: &Cx) -> Vec<&'static Column> {
        let all = files::shown(self.list, cx.op.permissions);
        let has = |kind: Kind| all.iter().any(|c| c.kind == kind);
        let (money, quantity) = (has(Kind::Money), has(Kind::Quantity));
        let one_site = cx.viewer.as_ref().is_some_and(|viewer| viewer.sites.len() < 2);
        let said = |name: &str| match name {
            "currency" => money,
            "unit" => quantity,
            "site" => one_site,
            _ => false,
        };
        let within = |name: &str| self.within.iter().any(|(_, more, _)| *more == name);
        all.iter().copied().filter(|c| !said(c.name) && !within(c.name) && !self.files_only.contains(&c.name)).collect()
    }

    fn cell(&self, column: &Column, row: &Map<String, Value>) -> Markup {
        match (self.with_more(column, row), self.in_words(column.name, row)) {
            (Some(both), _) => html! { span.number[column.kind == Kind::Money] { (both) } },
            (None, Some(words)) => html! { (words) },
            (None, None) => shown_cell(column, row, &self.clock),
        }
    }

    /// A code in words.
    fn in_words(&self, column: &str, row: &Map<String, Value>) -> Option<String> {
        let (_, prefix) = self.codes.iter().find(|(name, _)| *name == column)?;
        let codes = row.get(&camel(column))?.as_str()?;
        Some(codes.split(", ").map(|code| said(prefix, code)).collect::<Vec<_>>().join(", "))
    }

    /// A cell that says another column's too; none where that one is nothing.
    fn with_more(&self, column: &Column, row: &Map<String, Value>) -> Option<String> {
        let (_, more, text) = self.within.iter().find(|(this, ..)| *this == column.name)?;
        let written = |name: &str| match row.get(&camel(name))? {
            Value::Number(minor) => amount(minor.as_i64()?, row).map(|amount| amount.to_string()),
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        if row.get(&camel(more)).is_some_and(|more| more.as_i64() == Some(0)) {
            return None;
        }
        let this = self.in_words(column.name, row).or_else(|| written(column.name))?;
        Some(tf(text, &[("this", &this), ("more", &written(more)?)]))
    }

    fn table(&self, cx: &Cx, asked: &Asked, page: &Page) -> Table {
        let shown = self.shown(cx);
        let columns = shown.iter().map(|c| self.heading(cx, asked, c)).collect();
        let rows = page.rows.iter().map(|row| {
            let text = |name: &str| row.get(&camel(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
            Row {
                id: text(self.list.key),
                name: text(self.name),
                href: (self.open)(row),
                cells: shown.iter().map(|c| self.cell(c, row)).collect(),
            }
        });
        Table {
            caption: self.list.name.to_owned(),
            columns,
            rows: rows.collect(),
            total: None,
            bulk: None,
            empty: Some(self.empty.clone()),
        }
    }

    fn heading(&self, cx: &Cx, asked: &Asked, column: &Column) -> ui::Column {
        let kind = match column.kind {
            Kind::Whole | Kind::Money | Kind::Quantity => ColumnKind::Number,
            Kind::Day | Kind::Time => ColumnKind::Date,
            _ => ColumnKind::Text,
        };
        let heading = ui::Column::new(t(column.label), kind);
        let Some(sort) = self.list.sorts.iter().find(|s| s.column == column.name) else { return heading };
        let usual = self.list.sorts.first().map(|s| s.name);
        let (now, down) = match asked.sort.as_deref() {
            None | Some("") => (usual, self.list.newest_first),
            Some(name) => (Some(name.trim_start_matches('-')), name.starts_with('-')),
        };
        let order = (now == Some(sort.name)).then_some(if down { Order::Falling } else { Order::Rising });
        let next = if order == Some(Order::Rising) { format!("-{}", sort.name) } else { sort.name.to_owned() };
        heading.sort(cx.link(self.here, &[("sort", Some(&next)), ("cursor", None)]), order)
    }

    fn pager(&self, cx: &Cx, page: &Page) -> Pager {
        let deep = cx.param("cursor").is_some();
        Pager {
            previous: deep.then(|| cx.link(self.here, &[("cursor", None)])),
            next: page.next.as_ref().map(|next| cx.link(self.here, &[("cursor", Some(next))])),
            here: None,
        }
    }
}

impl Cx {
    /// An address with this page's query, some parameters changed or left out. What was just done is said once.
    pub fn link(&self, path: &str, change: &[(&str, Option<&str>)]) -> String {
        let kept = self.query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let kept = kept.filter(|(n, _)| *n != DONE && change.iter().all(|(c, _)| c != n));
        let query: Vec<(&str, &str)> = kept.chain(change.iter().filter_map(|(n, v)| Some((*n, (*v)?)))).collect();
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// A code in words. Texts are named with hyphens; a few keep the code as it is.
fn said(prefix: &str, code: &str) -> String {
    let key = format!("{prefix}-{}", code.replace('.', "-"));
    let text = t(&key);
    if text == key { t(&key.replace('_', "-")) } else { text }
}

/// Whether it reads like the number of a document, which stays in one line.
fn is_number(text: &str) -> bool {
    text.len() <= 24 && text.contains(|c: char| c.is_ascii_digit()) && !text.contains(' ')
}

/// An amount of a row's; none where the row does not say in which currency.
fn amount(minor: i64, row: &Map<String, Value>) -> Option<Money> {
    let currency = row.get("currency")?.as_str()?.parse::<Currency>().ok()?;
    Some(Money::new(minor, currency))
}

/// A cell as people read it.
fn shown_cell(column: &Column, row: &Map<String, Value>, clock: &Clock) -> Markup {
    let value = row.get(&camel(column.name)).unwrap_or(&Value::Null);
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    match (column.kind, value) {
        (_, Value::Null) => html! {},
        (Kind::Money, Value::Number(minor)) => match minor.as_i64().and_then(|minor| amount(minor, row)) {
            Some(amount) => html! { (amount) },
            None => html! { (minor) },
        },
        (Kind::Quantity, Value::String(quantity)) => {
            let unit = text("unit").unwrap_or_default();
            quantity.parse::<Quantity>().map_or_else(|_| ui::quantity(quantity, unit), |quantity| say::quantity(quantity, unit))
        }
        (Kind::Time, Value::String(at)) => match at.parse::<At>() {
            Ok(at) => clock.moment(at),
            Err(_) => html! { (at) },
        },
        (Kind::Day, Value::String(day)) => match day.parse::<Day>() {
            Ok(day) => clock.day(day),
            Err(_) => html! { (day) },
        },
        (Kind::Flag, Value::Bool(is)) => html! { (t(if *is { "yes" } else { "no" })) },
        (_, Value::String(text)) if is_number(text) => html! { span.number { (text) } },
        (_, Value::String(text)) => html! { (text) },
        (_, other) => html! { (other.to_string()) },
    }
}

/// A document's history: its entries of the trail, newest first, said by the text `log-<action>`.
pub async fn history(tx: &mut Tx, document: Uuid, clock: &Clock) -> Result<Vec<Event>> {
    let entries = db::history(tx, document).await?;
    Ok(entries
        .into_iter()
        .map(|entry| Event {
            what: t(&format!("log-{}", entry.action.replace('.', "-"))),
            who: entry.who,
            when: clock.moment_text(entry.at),
            exact: entry.at.to_string(),
            tone: Tone::Plain,
            detail: entry.reason.map(|reason| html! { (reason) }),
        })
        .collect())
}
