//! The figures and where they come from: kept totals of what is sealed, raw lines for the rest.

use kernel::{At, Currency, Day, Error, ItemId, Quantity, Result, SiteId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::t;

use crate::Ask;
use crate::months::Pieces;
use db::{Reach, Tx};

/// Sums over some lines. Amounts are whole minor units of the report's currency; refunds count against sales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Orders that are sales; not told by item, as an order holds several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<i64>,
    /// Refunds, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<i64>,
    /// Lines of orders and refunds.
    pub lines: i64,
    /// In the item's base unit; told by item alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Without tax.
    pub net: i64,
    /// The taxes.
    pub tax: i64,
    /// With tax.
    pub total: i64,
    /// What the stock ledger took for it.
    pub cost: i64,
    /// `net` less `cost`.
    pub margin: i64,
}

impl Figures {
    /// Nothing, where orders are counted.
    pub(crate) const NONE: Self =
        Self { orders: Some(0), refunds: Some(0), lines: 0, quantity: None, net: 0, tax: 0, total: 0, cost: 0, margin: 0 };

    /// The sum of some; counts and quantities that not all of them tell are not told.
    pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut all = all.into_iter().copied();
        let Some(first) = all.next() else { return Ok(Self::default()) };
        all.try_fold(first, Self::plus)
    }

    fn plus(self, other: Self) -> Result<Self> {
        let add = |a: i64, b: i64| a.checked_add(b).ok_or_else(|| Error::rule("number.too_large"));
        let count = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| add(a, b)).transpose();
        Ok(Self {
            orders: count(self.orders, other.orders)?,
            refunds: count(self.refunds, other.refunds)?,
            lines: add(self.lines, other.lines)?,
            quantity: self.quantity.zip(other.quantity).map(|(a, b)| a.plus(b)).transpose()?,
            net: add(self.net, other.net)?,
            tax: add(self.tax, other.tax)?,
            total: add(self.total, other.total)?,
            cost: add(self.cost, other.cost)?,
            margin: add(self.margin, other.margin)?,
        })
    }
}

/// Before every day on which business may be kept.
const BEFORE_ALL: i32 = -20_000;

/// A period with what must be known to read it: how far its totals are kept, and the currency. What was kept of a day that still
/// runs and the lines since fit together within one snapshot of the database alone (see `Cx::snapshot`).
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub from: Day,
    pub to: Day,
    pub site: Option<SiteId>,
    /// Of these days lines are read: those that still run, and the spoiled ones; and one day before all days, for with no day to
    /// look for at all the planner takes any index.
    pub live: Vec<Day>,
    /// The days of which nothing kept is to be used.
    spoiled: Vec<Day>,
    /// Totals of what happened before are kept, on days that are not spoiled.
    until: At,
    /// None where the sites keep different ones: then nothing of two sites adds up.
    currency: Option<Currency>,
}

impl Span {
    /// Refuses an unknown site (`site.unknown`).
    pub async fn of(tx: &mut Tx, from: Day, to: Day, site: Option<SiteId>) -> Result<Self> {
        let tenant = tx.tenant().uuid();
        let row = sqlx::query!(
            r#"SELECT t.sealed_through, t.sealed_until AS "sealed_until: At", t.currency,
                ARRAY(SELECT DISTINCT s.currency FROM identity.site s WHERE s.tenant_id = $1 AND ($4::uuid IS NULL OR s.id = $4)) AS "currencies!",
                ARRAY(SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1 AND d.day BETWEEN $2 AND $3) AS "spoiled!: Vec<Day>"
            FROM db.tenant t WHERE t.id = $1"#,
            tenant,
            from as Day,
            to as Day,
            site.map(SiteId::uuid)
        )
        .fetch_one(tx.conn())
        .await?;
        let currency = match (row.currencies.as_slice(), site) {
            ([one], _) => Some(one),
            ([], Some(_)) => return Err(Error::field("site", "site.unknown")),
            ([], None) => Some(&row.currency),
            _ => None,
        };
        let currency = currency.map(|code| code.parse().map_err(|_| Error::Internal(format!("the currency {code}")))).transpose()?;
        let open = row.sealed_through.map_or(from, |sealed| from.max(sealed.plus(1)));
        let tail = (open.since_2000()..=to.since_2000()).map(Day::from_2000);
        let live = std::iter::once(Day::from_2000(BEFORE_ALL)).chain(tail).chain(row.spoiled.iter().copied()).collect();
        Ok(Self { from, to, site, live, spoiled: row.spoiled, until: row.sealed_until.unwrap_or_else(before_all), currency })
    }

    /// The currency of all figures; refused (`money.currency`) where the sites keep different ones.
    pub fn currency(&self) -> Result<Currency> {
        let mixed = || Error::rule("money.currency").at("site").because(t("reports-why-currencies"));
        self.currency.ok_or_else(mixed)
    }

    /// No line of before is looked for.
    fn since(&self) -> At {
        if self.spoiled.is_empty() { self.until } else { before_all() }
    }

    /// The last day of it alone.
    pub fn last_day(&self) -> Self {
        let live = self.live.iter().copied().filter(|day| *day == self.to || *day < self.from).collect();
        let spoiled = self.spoiled.iter().copied().filter(|day| *day == self.to).collect();
        Self { from: self.to, live, spoiled, ..self.clone() }
    }
}

/// Before every moment at which business may be kept.
fn before_all() -> At {
    Reach::days(Day::from_2000(BEFORE_ALL)).until
}

/// Which of day, hour and site tell one row from another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Apart {
    pub day: bool,
    pub hour: bool,
    pub site: bool,
}

/// Figures of a day, an hour, a site, or a mixture; what does not tell rows apart is none.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub day: Option<Day>,
    pub hour: Option<i16>,
    pub site: Option<SiteId>,
    pub site_name: Option<String>,
    /// The site's.
    pub currency: Option<Currency>,
    pub figures: Figures,
}

/// Sums by day, hour and site as asked, in their order (sites by name).
pub(crate) async fn slots(tx: &mut Tx, span: &Span, apart: Apart) -> Result<Vec<Slot>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT f.day AS "day?", f.hour AS "hour?", f.site_id AS "site_id?", s.name AS "site_name?", s.currency AS "currency?", f.orders AS "orders!", f.refunds AS "refunds!",
            f.lines AS "lines!", f.net AS "net!", f.tax AS "tax!", f.total AS "total!", f.cost AS "cost!"
        FROM (
            SELECT CASE WHEN $9 THEN u.day END AS day, CASE WHEN $10 THEN u.hour END AS hour, CASE WHEN $11 THEN u.site_id END AS site_id,
                sum(u.orders)::bigint AS orders, sum(u.refunds)::bigint AS refunds, sum(u.lines)::bigint AS lines,
                sum(u.net)::bigint AS net, sum(u.tax)::bigint AS tax, sum(u.total)::bigint AS total, sum(u.cost)::bigint AS cost
            FROM (
                SELECT k.day, k.hour, k.site_id, k.orders, k.refunds, k.lines, k.net, k.tax, k.total, k.cost FROM reports.day_hour k
                WHERE k.tenant_id = $1 AND k.day BETWEEN $2 AND $3 AND k.day <> ALL ($5) AND ($8::uuid IS NULL OR k.site_id = $8)
                UNION ALL
                SELECT l.day, l.hour, l.site_id, l.orders, l.refunds, l.lines, l.net, l.tax, l.total, l.cost FROM reports.hour_fact l
                WHERE l.tenant_id = $1 AND l.day = ANY ($4) AND l.placed_at >= $6 AND (l.placed_at >= $7 OR l.day = ANY ($5))
                    AND ($8::uuid IS NULL OR l.site_id = $8)
            ) u GROUP BY 1, 2, 3
        ) f LEFT JOIN identity.site s ON s.tenant_id = $1 AND s.id = f.site_id
        ORDER BY 1, 2, s.name, 3"#,
        tenant,
        span.from as Day,
        span.to as Day,
        &span.live as &[Day],
        &span.spoiled as &[Day],
        span.since() as At,
        span.until as At,
        span.site.map(SiteId::uuid),
        apart.day,
        apart.hour,
        apart.site
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Slot {
            day: r.day,
            hour: r.hour,
            site: r.site_id.map(SiteId::new),
            site_name: r.site_name,
            currency: r.currency.and_then(|code| code.parse().ok()),
            figures: Figures {
                orders: Some(r.orders),
                refunds: Some(r.refunds),
                lines: r.lines,
                quantity: None,
                net: r.net,
                tax: r.tax,
                total: r.total,
                cost: r.cost,
                margin: r.net - r.cost,
            },
        })
        .collect())
}

/// Figures of an item.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    pub item: ItemId,
    pub name: String,
    pub unit: String,
    pub figures: Figures,
}

/// Sums by item, the most sold first; all of them, or the first `most`.
pub(crate) async fn items(tx: &mut Tx, span: &Span, most: Option<i64>) -> Result<Vec<Sold>> {
    let tenant = tx.tenant().uuid();
    let pieces = Pieces::of(span.from, span.to, &span.spoiled);
    let rows = sqlx::query!(
        r#"SELECT f.item_id AS "item_id!: Uuid", i.name, i.base_unit, f.lines AS "lines!", f.quantity AS "quantity!", f.net AS "net!",
            f.tax AS "tax!", f.total AS "total!", f.cost AS "cost!"
        FROM (
            SELECT u.item_id, sum(u.lines)::bigint AS lines, sum(u.quantity)::bigint AS quantity,
                sum(u.net)::bigint AS net, sum(u.tax)::bigint AS tax, sum(u.total)::bigint AS total, sum(u.cost)::bigint AS cost
            FROM (
                SELECT k.item_id, k.lines, k.quantity, k.net, k.tax, k.total, k.cost FROM reports.month_item k
                WHERE k.tenant_id = $1 AND k.month = ANY ($2) AND ($8::uuid IS NULL OR k.site_id = $8)
                UNION ALL
                SELECT k.item_id, d.sign * k.lines, d.sign * k.quantity, d.sign * k.net, d.sign * k.tax, d.sign * k.total, d.sign * k.cost
                FROM unnest($3::date[], $10::bigint[]) d (day, sign) JOIN reports.day_item k ON k.tenant_id = $1 AND k.day = d.day
                WHERE $8::uuid IS NULL OR k.site_id = $8
                UNION ALL
                SELECT l.item_id, l.lines, l.quantity, l.net, l.tax, l.total, l.cost FROM reports.fact l
                WHERE l.tenant_id = $1 AND l.day = ANY ($4) AND l.placed_at >= $6 AND (l.placed_at >= $7 OR l.day = ANY ($5))
                    AND ($8::uuid IS NULL OR l.site_id = $8)
            ) u GROUP BY u.item_id HAVING sum(u.lines) <> 0 OR sum(u.cost) <> 0
        ) f JOIN catalog.item i ON i.tenant_id = $1 AND i.id = f.item_id
        ORDER BY f.total DESC, i.name LIMIT $9"#,
        tenant,
        &pieces.months as &[Day],
        &pieces.days as &[Day],
        &span.live as &[Day],
        &span.spoiled as &[Day],
        span.since() as At,
        span.until as At,
        span.site.map(SiteId::uuid),
        most,
        &pieces.signs
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Sold {
            item: ItemId::new(r.item_id),
            name: r.name,
            unit: r.base_unit,
            figures: Figures {
                orders: None,
                refunds: None,
                lines: r.lines,
                quantity: Some(Quantity::from_micros(r.quantity)),
                net: r.net,
                tax: r.tax,
                total: r.total,
                cost: r.cost,
                margin: r.net - r.cost,
            },
        })
        .collect())
}

/// The past that a business or a site has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    /// First and last day with sales; none before the first sale.
    pub days: Option<(Day, Day)>,
    /// Where the log stood before any figure was read: a live page goes on from here and misses nothing.
    pub head: i64,
}

/// Looks for the first and the last day with sales, among the kept totals and the days that are read live. Where the sealed
/// days end is asked first: as a plain value it bounds the scan of the orders, which a sub-select does not.
pub(crate) async fn past(tx: &mut Tx, site: Option<SiteId>) -> Result<Past> {
    let (tenant, site) = (tx.tenant().uuid(), site.map(SiteId::uuid));
    let stand = sqlx::query!(
        r#"SELECT t.sealed_through, coalesce((SELECT h.n FROM db.log_head h WHERE h.tenant_id = $1), 0) AS "head!",
            ARRAY(SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1) AS "spoiled!: Vec<Day>"
        FROM db.tenant t WHERE t.id = $1"#,
        tenant
    )
    .fetch_one(tx.conn())
    .await?;
    let row = sqlx::query!(
        "SELECT min(e.first) AS first, max(e.last) AS last FROM (
            SELECT min(k.day) AS first, max(k.day) AS last FROM reports.day_hour k
            WHERE k.tenant_id = $1 AND ($2::uuid IS NULL OR k.site_id = $2)
            UNION ALL
            SELECT min(o.day), max(o.day) FROM sales.orders o
            WHERE o.tenant_id = $1 AND o.day > $3 AND o.state IN ('paid', 'partly_refunded', 'refunded') AND ($2::uuid IS NULL OR o.site_id = $2)
            UNION ALL
            SELECT min(d.day), max(d.day) FROM unnest($4::date[]) AS d (day)
            WHERE EXISTS (SELECT FROM sales.orders o WHERE o.tenant_id = $1 AND o.day = d.day
                AND o.state IN ('paid', 'partly_refunded', 'refunded') AND ($2::uuid IS NULL OR o.site_id = $2))
        ) e",
        tenant,
        site,
        stand.sealed_through.unwrap_or(Day::from_2000(BEFORE_ALL)) as Day,
        &stand.spoiled as &[Day]
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Past { days: row.first.zip(row.last), head: stand.head })
}

impl Ask {
    /// The period as it is read.
    pub(crate) async fn span(&self, tx: &mut Tx) -> Result<Span> {
        self.check()?;
        Span::of(tx, self.from, self.to, self.site).await
    }
}

/// The last day with sales of a period; none where nothing was sold in it.
pub(crate) async fn last_with_sales(tx: &mut Tx, span: &Span) -> Result<Option<Day>> {
    let tenant = tx.tenant().uuid();
    let day = sqlx::query_scalar!(
        r#"SELECT max(e.day) AS "day: Day" FROM (
            SELECT max(k.day) AS day FROM reports.day_hour k
            WHERE k.tenant_id = $1 AND k.day BETWEEN $2 AND $3 AND k.day <> ALL ($4) AND ($5::uuid IS NULL OR k.site_id = $5)
            UNION ALL
            SELECT max(d.day) FROM unnest($4::date[]) AS d (day)
            WHERE d.day BETWEEN $2 AND $3 AND EXISTS (SELECT FROM sales.orders o WHERE o.tenant_id = $1 AND o.day = d.day
                AND o.state IN ('paid', 'partly_refunded', 'refunded') AND ($5::uuid IS NULL OR o.site_id = $5))
        ) e"#,
        tenant,
        span.from as Day,
        span.to as Day,
        &span.live as &[Day],
        span.site.map(SiteId::uuid)
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(day)
}
