//! Lists: a table whose rows open documents, and the links between its pages.

use super::control::{Guard, Weight, guard, icon};
use super::notice::{Empty, empty};
use super::words;
use maud::{Markup, html};

/// What a column holds; numbers stand at the right in figures of one width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    #[default]
    Text,
    /// A number, an amount or a quantity.
    Number,
    /// A day or time.
    Date,
    /// A badge.
    State,
}

impl ColumnKind {
    fn class(self) -> &'static str {
        match self {
            Self::Text => "c-text",
            Self::Number => "c-number",
            Self::Date => "c-date",
            Self::State => "c-state",
        }
    }
}

/// Order of a sorted column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Least first.
    Rising,
    /// Most first.
    Falling,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Address of the list sorted by it, or the other way round.
    pub sort: Option<String>,
    /// Its order, when the list is sorted by it.
    pub order: Option<Order>,
}

impl Column {
    /// A column that can't be sorted by.
    pub fn new(label: impl Into<String>, kind: ColumnKind) -> Self {
        Self { label: label.into(), kind, sort: None, order: None }
    }

    /// The same with the address that sorts by it, and the order it has now.
    pub fn sort(self, href: impl Into<String>, order: Option<Order>) -> Self {
        Self { sort: Some(href.into()), order, ..self }
    }
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Value of its box, when rows can be picked.
    pub id: String,
    /// What it is, for the label of its box: "Order 1042".
    pub name: String,
    /// The document that it opens.
    pub href: Option<String>,
    /// One cell for each column.
    pub cells: Vec<Markup>,
}

/// What may be done with several rows at once.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Where the form is posted, with `id` once for each picked row.
    pub action: String,
    /// Token and intent.
    pub guard: Guard,
    /// Value of `act`, name of the act, its weight.
    pub acts: Vec<(String, String, Weight)>,
}

/// A list as a table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Says what is listed; for screen readers, as the title of the page says it too.
    pub caption: String,
    /// The columns; the first one carries the link of the row.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Totals, one cell for each column.
    pub total: Option<Vec<Markup>>,
    /// What may be done with picked rows.
    pub bulk: Option<Bulk>,
    /// What is shown without rows.
    pub empty: Option<Empty>,
}

fn heading(column: &Column) -> Markup {
    let (sorted, sign) = match column.order {
        Some(Order::Rising) => (Some("ascending"), Some(("up", words::RISING))),
        Some(Order::Falling) => (Some("descending"), Some(("down", words::FALLING))),
        None => (None, None),
    };
    html! {
        th class=(column.kind.class()) scope="col" aria-sort=[sorted] {
            @match &column.sort {
                Some(href) => {
                    a href=(href) { (column.label) @if let Some((sign, word)) = sign { (icon(sign)) span.hidden { " (" (word) ")" } } }
                }
                None => { (column.label) }
            }
        }
    }
}

fn body_row(table: &Table, row: &Row) -> Markup {
    html! {
        tr.opens[row.href.is_some()] {
            @if table.bulk.is_some() {
                td.c-pick {
                    label.pick { input id={ "pick-" (row.id) } type="checkbox" name="id" value=(row.id) data-pick; span.hidden { (row.name) } }
                }
            }
            @for (index, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
                td class=(column.kind.class()) data-label=(column.label) {
                    @match (&row.href, index) {
                        (Some(href), 0) => { a.cover href=(href) { (cell) } }
                        _ => { (cell) }
                    }
                }
            }
        }
    }
}

fn grid(table: &Table) -> Markup {
    html! {
        div.table-room {
            table.table.wide {
                caption.hidden { (table.caption) }
                thead {
                    tr {
                        @if table.bulk.is_some() {
                            th.c-pick scope="col" {
                                label.pick.js-only { input type="checkbox" data-pick-all; span.hidden { (words::PICK_ALL) } }
                            }
                        }
                        @for column in &table.columns { (heading(column)) }
                    }
                }
                tbody { @for row in &table.rows { (body_row(table, row)) } }
                @if let Some(total) = &table.total {
                    tfoot {
                        tr {
                            @if table.bulk.is_some() { td.c-pick {} }
                            @for (column, cell) in table.columns.iter().zip(total) { td class=(column.kind.class()) data-label=(column.label) { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// A table. On a phone each row becomes a block, so that nothing scrolls sideways.
pub fn table(table: &Table) -> Markup {
    if let (true, Some(state)) = (table.rows.is_empty(), &table.empty) {
        return empty(state);
    }
    match &table.bulk {
        None => grid(table),
        Some(bulk) => html! {
            form.bulk method="post" action=(bulk.action) data-bulk {
                (guard(&bulk.guard))
                (grid(table))
                div.bulk-bar {
                    output.picked data-picked=(words::PICKED) {}
                    @for (value, label, weight) in &bulk.acts {
                        button class=(weight.class()) type="submit" name="act" value=(value) { (label) }
                    }
                }
            }
        },
    }
}

/// Links to the neighbouring pages of a list.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// Address of the page before, if any.
    pub previous: Option<String>,
    /// Address of the page after, if any.
    pub next: Option<String>,
    /// Where we are, where that is known: "51–100".
    pub here: Option<String>,
}

/// The links of a pager; nothing where there is one page only.
pub fn pager(pager: &Pager) -> Markup {
    if pager.previous.is_none() && pager.next.is_none() {
        return html! {};
    }
    html! {
        nav.pager aria-label=(words::PAGES) {
            @match &pager.previous {
                Some(href) => { a.button.quiet href=(href) rel="prev" { (icon("left")) span { (words::PREVIOUS) } } }
                None => { span {} }
            }
            @if let Some(here) = &pager.here { span.number { (here) } }
            @match &pager.next {
                Some(href) => { a.button.quiet href=(href) rel="next" { span { (words::NEXT) } (icon("right")) } }
                None => { span {} }
            }
        }
    }
}
