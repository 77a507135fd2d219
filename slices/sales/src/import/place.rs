//! Where a past happened, and the items of it as they are known here.

use std::collections::HashMap;

use db::Tx;
use jiff::civil::DateTime;
use kernel::{At, Currency, Day, DayStart, Error, ItemId, LocationId, PriceListId, Quantity, Result, SiteId, TaxId, Zone};
use pricing::{Price, TaxRate};
use serde::Deserialize;
use sqlx::types::Json;
use tables::SaleLine;
use uuid::Uuid;
use web::tf;

use super::measure::Fault;

/// A site as the import sells from it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub site: SiteId,
    pub location: LocationId,
    pub currency: Currency,
    pub zone: Zone,
    pub day_start: DayStart,
    /// The list by which the site sells: prices are taken from it where the files have none, and those of the files stand on it.
    pub list: Option<PriceListId>,
    /// Whether prices hold the tax; so they do where there is no list.
    pub includes_tax: bool,
    /// The site keeps the business's currency, in which standard costs are.
    pub own_currency: bool,
    /// The last day that is closed.
    pub closed: Option<Day>,
    pub now: At,
}

impl Place {
    /// Reads a site, the first one when none is named.
    pub async fn read(tx: &mut Tx, site: Option<SiteId>) -> Result<Self> {
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let row = sqlx::query!(
            r#"SELECT s.id, s.currency, s.time_zone, s.day_start, l.id AS location, p.list_id AS "list?", p.includes_tax AS "includes_tax?",
                s.currency = t.currency AS "own_currency!", t.closed_through
            FROM db.tenant t
            JOIN LATERAL (SELECT i.id, i.currency, i.time_zone, i.day_start FROM identity.site i
                WHERE i.tenant_id = $1 AND ($2::uuid IS NULL OR i.id = $2) ORDER BY i.created_at, i.id LIMIT 1) s ON true
            JOIN LATERAL (SELECT o.id FROM stock.location o WHERE o.tenant_id = $1 AND o.site_id = s.id AND o.sells ORDER BY o.id LIMIT 1) l ON true
            LEFT JOIN catalog.list_of_site p ON p.tenant_id = $1 AND p.site_id = s.id
            WHERE t.id = $1"#,
            tenant,
            site.map(SiteId::uuid)
        )
        .fetch_optional(tx.conn())
        .await?
        .ok_or_else(|| Error::field("siteId", "site.unknown"))?;
        let bad = |what: &str| Error::Internal(format!("site {}: {what} can't be read", row.id));
        Ok(Self {
            site: SiteId::new(row.id),
            location: LocationId::new(row.location),
            currency: row.currency.parse().map_err(|_| bad("currency"))?,
            zone: row.time_zone.parse().map_err(|_| bad("zone"))?,
            day_start: DayStart::try_from(row.day_start).map_err(|_| bad("day start"))?,
            list: row.list.map(PriceListId::new),
            includes_tax: row.includes_tax.unwrap_or(true),
            own_currency: row.own_currency,
            closed: row.closed_through,
            now,
        })
    }

    /// The first moment of a business day.
    pub fn start_of(&self, day: Day) -> At {
        self.zone.start_of(day, self.day_start)
    }

    /// When a line was sold: the moment, the business day, the hour on the wall clock. A line without a time of day belongs
    /// to the day it names, at the day's beginning.
    pub fn moment(&self, line: &SaleLine) -> Result<(At, Day, i16), Fault> {
        let (at, day, hour) = if line.time_known {
            let outside = || ("day.out_of_range", tf("import-why-no-moment", &[("at", &line.at.to_string())]));
            let at = self.at(line).ok_or_else(outside)?;
            let local = self.zone.local(at);
            (at, Zone::business_day_of(local, self.day_start), i16::from(local.hour()))
        } else {
            let day = Day::from(line.at.date());
            (self.start_of(day), day, i16::try_from(i32::from(self.day_start) / 60).unwrap_or(0))
        };
        if !day.is_sane() {
            return Err(("day.out_of_range", tf("import-why-day-far", &[("day", &day.to_string())])));
        }
        if at > self.now {
            return Err(("time.later", tf("import-why-day-later", &[("day", &day.to_string())])));
        }
        if self.closed.is_some_and(|closed| day <= closed) {
            return Err(("day.closed", tf("import-why-day-closed", &[("day", &day.to_string())])));
        }
        Ok((at, day, hour))
    }

    /// The moment: by the distance from UTC where the line gives it, else on the site's clock.
    fn at(&self, line: &SaleLine) -> Option<At> {
        match line.offset {
            Some(offset) => offset.to_timestamp(line.at).ok().map(At::from),
            None => self.zone.moment(whole_seconds(line.at)).map(kernel::LocalTime::at),
        }
    }
}

fn whole_seconds(at: DateTime) -> DateTime {
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}

/// An item that past lines sell.
pub(super) struct Item {
    pub id: ItemId,
    pub base_unit: String,
    /// A service moves no stock.
    pub moves: bool,
    standard_cost: i64,
    standard_quantity: i64,
    prices: Vec<Price>,
    taxes: Vec<(TaxRate, Day, Option<Day>)>,
}

impl Item {
    /// The price of one on a day; the present one where that day has none.
    pub fn price(&self, list: Option<PriceListId>, day: Day, quantity: Quantity) -> Option<i64> {
        let list = list?;
        let on = |day| pricing::choose(&self.prices, &[list], self.id, day, quantity).map(|p| p.unit_price_minor);
        on(day).or_else(|| on(self.prices.iter().map(|p| p.from).max()?))
    }

    /// The taxes of a day.
    pub fn taxes(&self, day: Day) -> Vec<TaxRate> {
        self.taxes
            .iter()
            .filter(|(_, from, until)| *from <= day && until.is_none_or(|until| day <= until))
            .map(|(rate, ..)| rate.clone())
            .collect()
    }

    /// What so many cost by the standard.
    pub fn standard_value(&self, quantity: Quantity) -> Result<i64> {
        catalog::standard_value(self.standard_cost, self.standard_quantity, quantity)
    }
}

#[derive(Deserialize)]
struct PriceRow {
    from: Day,
    min: i64,
    price: i64,
}

#[derive(Deserialize)]
struct TaxRow {
    id: TaxId,
    name: String,
    ppm: i64,
    compound: bool,
    from: Day,
    until: Option<Day>,
}

/// Reads items with all their prices on the site's list and all their taxes, in the order of `ids`. Standard costs are in the
/// business's currency: a site of another one has none.
pub(super) async fn items(tx: &mut Tx, place: &Place, ids: &[ItemId]) -> Result<Vec<Item>> {
    let tenant = tx.tenant().uuid();
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.base_unit, i.stock_rule, CASE WHEN $4 THEN i.standard_cost ELSE 0 END AS "standard_cost!", i.standard_quantity,
            (SELECT json_agg(json_build_object('from', p.from_day, 'min', p.min_quantity, 'price', p.unit_price)) FROM catalog.price p
                WHERE p.tenant_id = $1 AND p.item_id = i.id AND p.list_id = $3) AS "prices: Json<Vec<PriceRow>>",
            (SELECT json_agg(json_build_object('id', x.id, 'name', x.name, 'ppm', x.rate_ppm, 'compound', x.compound, 'from', x.from_day,
                'until', x.until_day) ORDER BY x.position, x.id) FROM catalog.tax x
                WHERE x.tenant_id = $1 AND x.category_id = i.tax_category_id) AS "taxes: Json<Vec<TaxRow>>"
        FROM catalog.item i WHERE i.tenant_id = $1 AND i.id = ANY($2)"#,
        tenant,
        &wanted,
        place.list.map(PriceListId::uuid),
        place.own_currency
    )
    .fetch_all(tx.conn())
    .await?;
    let known: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
    wanted.iter().map(|id| known.get(id).map(|row| item(row, place.list)).ok_or_else(|| Error::rule("item.unknown"))).collect()
}

struct Row {
    id: Uuid,
    base_unit: String,
    stock_rule: String,
    standard_cost: i64,
    standard_quantity: i64,
    prices: Option<Json<Vec<PriceRow>>>,
    taxes: Option<Json<Vec<TaxRow>>>,
}

fn item(row: &Row, list: Option<PriceListId>) -> Item {
    let (id, list) = (ItemId::new(row.id), list.unwrap_or(PriceListId::new(Uuid::nil())));
    let price =
        |p: &PriceRow| Price { item: id, list, from: p.from, min_quantity: Quantity::from_micros(p.min), unit_price_minor: p.price };
    let tax = |t: &TaxRow| (TaxRate { id: t.id, name: t.name.clone(), parts_per_million: t.ppm, compound: t.compound }, t.from, t.until);
    Item {
        id,
        base_unit: row.base_unit.clone(),
        moves: row.stock_rule != "none",
        standard_cost: row.standard_cost,
        standard_quantity: row.standard_quantity,
        prices: row.prices.iter().flat_map(|all| &all.0).map(price).collect(),
        taxes: row.taxes.iter().flat_map(|all| &all.0).map(tax).collect(),
    }
}
