//! A list is a value: one query with its columns, filters and sorts. From it come the page, JSON, CSV and XLSX, keyset
//! paging and an EXPLAIN test per filter and sort. The only dynamic SQL of the program is here, made of constants.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{At, Day, Error, Op, PLATFORM, Permission, Permissions, Result, TenantId};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{System, Tx};

/// What a column holds, and so how it is read, shown and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Whole number.
    Whole,
    /// bigint of minor units; the currency is in the column named `currency`.
    Money,
    /// bigint of millionths of a base unit, answered as decimal text; the unit is in the column named `unit`, if any.
    Quantity,
    /// date.
    Day,
    /// timestamptz.
    Time,
    /// uuid.
    Id,
    /// boolean.
    Flag,
}

/// One column of a list: a column of its SQL.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The SQL column, and the JSON name in camelCase.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Text key of its heading; empty for columns that pages and files leave out.
    pub label: &'static str,
    /// Who lacks it is not shown the column anywhere, and can't sort or filter by it.
    pub needs: Option<Permission>,
}

impl Column {
    /// A column with a heading.
    pub const fn shown(name: &'static str, kind: Kind, label: &'static str) -> Self {
        Self { name, kind, label, needs: None }
    }

    /// A column that only JSON has.
    pub const fn hidden(name: &'static str, kind: Kind) -> Self {
        Self::shown(name, kind, "")
    }

    /// The same for those alone who have a permission.
    #[must_use]
    pub const fn needing(self, permission: Permission) -> Self {
        Self { needs: Some(permission), ..self }
    }
}

/// A filter: a parameter of the address and the condition it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// The parameter.
    pub name: &'static str,
    /// The condition with `{}` where the value goes: `day >= {}`. Or, beginning with `SELECT`, other rows that name those of the
    /// list, each once: their `found_at` is the column of the list's first sort, their `found` its key. An index that has both in this
    /// order then finds a page of however many. `{from}` and `{to}` stand for the days of the filters of those names, or for the ends of time.
    pub sql: &'static str,
    /// What the value is.
    pub kind: Kind,
}

/// An order of rows: by a column, made total by the list's key.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// The parameter's value; `-name` in the address turns it round.
    pub name: &'static str,
    /// The column.
    pub column: &'static str,
    /// What it holds; never null.
    pub kind: Kind,
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// For file names: `items`.
    pub name: &'static str,
    /// `SELECT … FROM … WHERE x.tenant_id = $1`, every column named. `{list}` stands for the value of the filter `list`, null where
    /// nothing is asked by it: what a row shows may depend on it.
    pub sql: &'static str,
    /// Columns, in the order they are shown.
    pub columns: &'static [Column],
    /// Filters.
    pub filters: &'static [Filter],
    /// Sorts; the first is the usual one.
    pub sorts: &'static [Sort],
    /// Whether the usual sort runs downwards.
    pub newest_first: bool,
    /// The uuid column that makes every order total.
    pub key: &'static str,
}

/// What was asked of a list.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Filters by name.
    pub filters: Vec<(String, String)>,
    /// `name`, `-name` or none.
    pub sort: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Rows wanted.
    pub limit: Option<u32>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Rows as JSON objects with the columns' camelCase names.
    pub rows: Vec<Map<String, Value>>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Rows on a page unless asked otherwise, and at most.
pub const PAGE: u32 = 50;
/// The most rows that one page may have.
pub const MOST: u32 = 200;

enum Bound {
    Text(String),
    Whole(i64),
    Day(Day),
    Time(At),
    Id(Uuid),
    Flag(bool),
}

impl Filter {
    /// Whether it names rows by other rows.
    fn finds(&self) -> bool {
        self.sql.starts_with("SELECT ")
    }
}

impl List {
    /// Reads a page of the list, at most [`MOST`] rows.
    pub async fn page(&self, tx: &mut Tx, asked: &Asked) -> Result<Page> {
        let limit = asked.limit.unwrap_or(PAGE).clamp(1, MOST);
        self.rows(tx, asked, limit).await
    }

    /// Reads up to `limit` rows: files read a list in large pages.
    pub async fn rows(&self, tx: &mut Tx, asked: &Asked, limit: u32) -> Result<Page> {
        let (tenant, permissions) = (tx.tenant(), tx.op().permissions);
        self.read_rows(tx.conn(), tenant, permissions, asked, limit).await
    }

    /// The same across businesses: a list of the operator, whose `$1` is the platform.
    pub async fn rows_across(&self, system: &mut System, op: &Op, asked: &Asked, limit: u32) -> Result<Page> {
        op.needs(Permission::PlatformRead)?;
        self.read_rows(system.conn(), PLATFORM, op.permissions, asked, limit).await
    }

    async fn read_rows(
        &self,
        conn: &mut PgConnection,
        tenant: TenantId,
        permissions: Permissions,
        asked: &Asked,
        limit: u32,
    ) -> Result<Page> {
        let (sql, bounds, sort) = self.statement(asked, limit, permissions)?;
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.uuid());
        for bound in bounds {
            query = bind(query, bound);
        }
        let rows = query.fetch_all(conn).await?;
        let more = rows.len() > limit as usize;
        let rows: Vec<Map<String, Value>> =
            rows.iter().take(limit as usize).map(|row| self.read(row, permissions)).collect::<Result<_>>()?;
        let next = match (more, rows.last()) {
            (true, Some(last)) => Some(self.cursor(last, sort)),
            _ => None,
        };
        Ok(Page { rows, next })
    }

    /// The statement for EXPLAIN tests, or what is wrong with what was asked.
    pub fn explained(&self, asked: &Asked, permissions: Permissions) -> Result<String> {
        self.statement(asked, PAGE, permissions).map(|(sql, ..)| sql)
    }

    /// The columns that somebody may see.
    pub fn seen_with(&self, permissions: Permissions) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(move |c| c.needs.is_none_or(|needed| permissions.has(needed)))
    }

    /// Whether SQL of this list names a column that may not be seen.
    fn tells(&self, sql: &str, permissions: Permissions) -> bool {
        let named = |name: &str| sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
        self.columns.iter().any(|c| c.needs.is_some_and(|needed| !permissions.has(needed)) && named(c.name))
    }

    /// The column of a name.
    fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    fn sort(&self, asked: &Asked, permissions: Permissions) -> Result<(&'static Sort, bool)> {
        let mut sorts = self.sorts.iter().filter(|s| !self.tells(s.column, permissions));
        match asked.sort.as_deref().filter(|s| !s.is_empty()) {
            None => Ok((sorts.next().ok_or(Error::rule("sort.unknown"))?, self.newest_first)),
            Some(name) => {
                let (name, down) = name.strip_prefix('-').map_or((name, false), |n| (n, true));
                let sort = sorts.find(|s| s.name == name).ok_or_else(|| Error::field("sort", "sort.unknown"))?;
                Ok((sort, down))
            }
        }
    }

    fn statement(&self, asked: &Asked, limit: u32, permissions: Permissions) -> Result<(String, Vec<Bound>, &'static Sort)> {
        let (sort, down) = self.sort(asked, permissions)?;
        let columns: Vec<&str> = self.seen_with(permissions).map(|c| c.name).collect();
        let (mut bounds, mut asked_for) = (Vec::new(), Vec::new());
        for (name, value) in asked.filters.iter().filter(|(_, v)| !v.trim().is_empty()) {
            let filter = self.filters.iter().find(|f| f.name == name && !self.tells(f.sql, permissions));
            let filter = filter.ok_or_else(|| Error::field(name.clone(), "filter.unknown"))?;
            let place = match parse(filter.kind, value.trim()).map_err(|code| Error::field(name.clone(), code))? {
                // Said in the statement: an index of the few rows that have it serves no condition that leaves it open.
                Bound::Flag(flag) => flag.to_string(),
                bound => {
                    bounds.push(bound);
                    format!("${}", bounds.len() + 1)
                }
            };
            asked_for.push((filter, place));
        }
        let said = |name: &str, else_: &str| {
            asked_for.iter().find(|(filter, _)| filter.name == name).map_or_else(|| else_.to_owned(), |(_, place)| place.clone())
        };
        let rows = self.sql.replace("{list}", &said("list", "NULL::uuid"));
        let way = if down { "DESC" } else { "ASC" };
        let (mut found, mut conditions) = (String::new(), String::new());
        let (mut at, mut key) = (sort.column.to_owned(), self.key.to_owned());
        for (n, (filter, place)) in asked_for.iter().enumerate() {
            let (from, to) = (said("from", "'-infinity'::date"), said("to", "'infinity'::date"));
            let sql = filter.sql.replace("{}", place).replace("{from}", &from).replace("{to}", &to);
            match self.sorts.first().filter(|_| filter.finds()) {
                None => conditions.push_str(&format!(" AND {sql}")),
                Some(first) => {
                    found.push_str(&format!(" JOIN ({sql}) f{n} ON f{n}.found = l.{}", self.key));
                    if sort.name == first.name {
                        (at, key) = (format!("f{n}.found_at"), format!("f{n}.found"));
                    }
                }
            }
        }
        let mut sql = format!("SELECT {} FROM ({rows}) l{found} WHERE true{conditions}", columns.join(", "));
        if let Some(cursor) = asked.cursor.as_deref().filter(|c| !c.is_empty()) {
            let (value, last) = self.open_cursor(cursor, sort).ok_or_else(|| Error::field("cursor", "page.cursor"))?;
            bounds.push(value);
            bounds.push(last);
            let (n, than) = (bounds.len(), if down { '<' } else { '>' });
            sql.push_str(&format!(" AND ({at}, {key}) {than} (${n}, ${})", n + 1));
        }
        sql.push_str(&format!(" ORDER BY {at} {way}, {key} {way} LIMIT {}", u64::from(limit) + 1));
        Ok((sql, bounds, sort))
    }

    fn read(&self, row: &sqlx::postgres::PgRow, permissions: Permissions) -> Result<Map<String, Value>> {
        self.seen_with(permissions).map(|c| Ok((camel(c.name), value(row, c)?))).collect()
    }

    fn cursor(&self, last: &Map<String, Value>, sort: &Sort) -> String {
        let kind = self.column(sort.column).map_or(sort.kind, |c| c.kind);
        let at = last.get(&camel(sort.column)).cloned().unwrap_or(Value::Null);
        // Money and quantities go back as they are stored.
        let at = match (kind, &at) {
            (Kind::Quantity, Value::String(text)) => text.parse::<kernel::Quantity>().map_or(Value::Null, |q| json!(q.micros())),
            _ => at,
        };
        URL_SAFE_NO_PAD.encode(json!([sort.name, at, last.get(&camel(self.key))]).to_string())
    }

    fn open_cursor(&self, cursor: &str, sort: &Sort) -> Option<(Bound, Bound)> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (name, value, key): (String, Value, Uuid) = serde_json::from_slice(&bytes).ok()?;
        if name != sort.name {
            return None;
        }
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        let kind = if matches!(sort.kind, Kind::Money | Kind::Quantity) { Kind::Whole } else { sort.kind };
        Some((parse(kind, &text).ok()?, Bound::Id(key)))
    }
}

fn bind(query: Query<'_, Postgres, PgArguments>, bound: Bound) -> Query<'_, Postgres, PgArguments> {
    match bound {
        Bound::Text(v) => query.bind(v),
        Bound::Whole(v) => query.bind(v),
        Bound::Day(v) => query.bind(v),
        Bound::Time(v) => query.bind(v),
        Bound::Id(v) => query.bind(v),
        Bound::Flag(v) => query.bind(v),
    }
}

/// Reads a parameter; the error is a code.
fn parse(kind: Kind, text: &str) -> std::result::Result<Bound, &'static str> {
    match kind {
        Kind::Text if text.len() <= 200 && !text.contains('\0') => Ok(Bound::Text(text.to_owned())),
        Kind::Text => Err("text.too_long"),
        Kind::Whole | Kind::Money => text.parse().map(Bound::Whole).map_err(|_| "body.wrong_type"),
        Kind::Quantity => text.parse::<kernel::Quantity>().map(|q| Bound::Whole(q.micros())).map_err(|_| "quantity.format"),
        Kind::Day => text.parse().map(Bound::Day).map_err(|_| "day.format"),
        Kind::Time => text.parse().map(Bound::Time).map_err(|_| "time.format"),
        Kind::Id => text.parse().map(Bound::Id).map_err(|_| "choice.unknown"),
        Kind::Flag => text.parse().map(Bound::Flag).map_err(|_| "choice.unknown"),
    }
}

fn value(row: &sqlx::postgres::PgRow, column: &Column) -> Result<Value> {
    let name = column.name;
    Ok(match column.kind {
        Kind::Text => json!(row.try_get::<Option<String>, _>(name)?),
        Kind::Whole | Kind::Money => json!(row.try_get::<Option<i64>, _>(name)?),
        Kind::Quantity => json!(row.try_get::<Option<i64>, _>(name)?.map(|q| kernel::Quantity::from_micros(q).to_string())),
        Kind::Day => json!(row.try_get::<Option<Day>, _>(name)?),
        Kind::Time => json!(row.try_get::<Option<At>, _>(name)?),
        Kind::Id => json!(row.try_get::<Option<Uuid>, _>(name)?),
        Kind::Flag => json!(row.try_get::<Option<bool>, _>(name)?),
    })
}

/// `placed_at` → `placedAt`.
pub fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        match c {
            '_' => up = true,
            c if up => {
                out.extend(c.to_uppercase());
                up = false;
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELF: List = List {
        name: "shelf",
        sql: "SELECT id, item, value FROM shelf WHERE tenant_id = $1",
        columns: &[
            Column::shown("item", Kind::Text, "item"),
            Column::shown("value", Kind::Money, "value").needing(Permission::CostRead),
            Column::hidden("id", Kind::Id),
        ],
        filters: &[
            Filter { name: "item", sql: "item = {}", kind: Kind::Text },
            Filter { name: "from", sql: "coalesce(value, 0) >= {}", kind: Kind::Whole },
        ],
        sorts: &[Sort { name: "item", column: "item", kind: Kind::Text }, Sort { name: "value", column: "value", kind: Kind::Money }],
        newest_first: false,
        key: "id",
    };

    #[test]
    fn a_column_that_may_not_be_seen_is_not_read_and_neither_sorts_nor_filters() {
        let (seller, buyer) = (Permissions::NONE, Permissions::NONE.with(Permission::CostRead));
        let by = |sort: &str, filter: &str| Asked {
            sort: Some(sort.to_owned()),
            filters: vec![(filter.to_owned(), "1".to_owned())],
            ..Asked::default()
        };
        assert!(SHELF.explained(&by("value", "from"), buyer).unwrap().starts_with("SELECT item, value, id FROM"));
        assert!(SHELF.explained(&by("item", "item"), seller).unwrap().starts_with("SELECT item, id FROM"));
        let refused = |asked: &Asked| match SHELF.explained(asked, seller) {
            Err(Error::Invalid(fields)) => (fields[0].field.clone(), fields[0].code),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&by("-value", "item")), ("sort".to_owned(), "sort.unknown"));
        assert_eq!(refused(&by("item", "from")), ("from".to_owned(), "filter.unknown"));
    }
}
