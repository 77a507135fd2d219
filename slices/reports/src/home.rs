//! The owner's day: its figures against the day before and the week before, its hours, the fortnight, what sold most.
//! The figures are a live region: a sale anywhere draws them anew.

use kernel::{Currency, Day, Error, Permission, Result, SiteId};
use maud::{Markup, html};
use web::{
    Cx, Site, t, tf,
    ui::{self, Bar, BarChart, Button, ColumnKind, Direction, Empty, Field, Figure, FilterBar, Point, Row, Tab, Table, Toolbar},
};

use crate::{
    Figures,
    ask::named,
    figures::{self, Apart, Past, Slot, Sold, Span},
    say::{self, Before},
};

/// Days in the fortnight's chart.
const FORTNIGHT: i32 = 14;
/// Items in the table of what sold most.
const MOST_SOLD: i64 = 10;

/// Which day of which site is shown, and what else there is.
struct Shown {
    day: Day,
    today: Day,
    /// The latest day with sales, and where the log stood.
    past: Past,
    /// Whether the address named the day.
    picked: bool,
    site: Option<SiteId>,
}

impl Shown {
    /// The day of the address; else today, or the latest day with sales where nothing was sold today yet.
    async fn of(cx: &Cx, tx: &mut db::Tx) -> Result<Self> {
        let site = chosen_site(cx)?;
        let clock = cx.site()?;
        let today = clock.zone.business_day(cx.op.at, clock.day_start);
        let past = figures::past(tx, site).await?;
        let picked = cx.param("day").filter(|day| !day.is_empty()).map(picked_day).transpose()?;
        let latest = past.days.map_or(today, |(_, last)| last.min(today));
        Ok(Self { day: picked.unwrap_or(latest), today, past, picked: picked.is_some(), site })
    }

    /// An address of this program with the chosen site.
    fn link(&self, path: &str, query: &str) -> String {
        match self.site {
            Some(site) => format!("{path}?{query}&site={site}"),
            None => format!("{path}?{query}"),
        }
    }

    /// The shown day as a period of another page.
    fn period(&self, path: &str, more: &str) -> String {
        self.link(path, &format!("from={0}&to={0}{more}", self.day))
    }

    /// The heading: the day, and what day it is.
    fn heading(&self) -> String {
        let name = say::day(self.day);
        match self.past.days {
            _ if self.day == self.today => tf("home-today", &[("day", &name)]),
            Some((_, last)) if !self.picked && self.day == last => tf("home-latest", &[("day", &name)]),
            _ => tf("home-title", &[("day", &name)]),
        }
    }

    /// The day before and the same weekday of the week before, as sentences name them. A day that still runs is compared
    /// with whole days, and says so.
    fn compared(&self) -> (String, String) {
        let name = |day: Day| day.date().strftime("%A %-d %B").to_string();
        let (yesterday, week_ago) = (name(self.day.plus(-1)), name(self.day.plus(-7)));
        if self.day == self.today { (t("home-all-yesterday"), tf("home-all-of", &[("day", &week_ago)])) } else { (yesterday, week_ago) }
    }
}

fn picked_day(text: &str) -> Result<Day> {
    let day: Day = text.parse().map_err(|_| Error::field("day", "day.format"))?;
    if day.is_sane() { Ok(day) } else { Err(Error::field("day", "day.out_of_range")) }
}

/// The site of the address; else all of them, or the first where they keep different currencies.
fn chosen_site(cx: &Cx) -> Result<Option<SiteId>> {
    let sites = &cx.viewer()?.sites;
    let mixed = sites.windows(2).any(|two| two[0].currency != two[1].currency);
    match cx.param("site") {
        Some(id) => sites.iter().find(|s| s.id.to_string() == id).map(|s| Some(s.id)).ok_or_else(|| Error::field("site", "site.unknown")),
        None => Ok(sites.first().filter(|_| mixed).map(|s| s.id)),
    }
}

/// `GET /`.
pub(crate) async fn page(cx: Cx) -> Result<Markup> {
    if !cx.op.permissions.has(Permission::ReportRead) {
        return Ok(cx.page(t("place-home"), places(&cx)));
    }
    let mut tx = cx.snapshot().await?;
    let shown = Shown::of(&cx, &mut tx).await?;
    let body = html! {
        (sites(&cx.viewer()?.sites, &shown))
        (any_day(&shown))
        (live(&shown, matter(&cx, &mut tx, &shown).await?))
    };
    let ring = cx.op.permissions.has(Permission::OrderSell).then(|| Button::link(t("home-ring"), "/orders/new").icon("plus").main());
    let buttons = whole_past(&shown).into_iter().chain(ring).collect();
    Ok(cx.page_with(Toolbar { title: t("home-day"), buttons, ..Toolbar::default() }, body))
}

/// `GET /home/figures`: what stands in the live region.
pub(crate) async fn fragment(cx: Cx) -> Result<Markup> {
    let mut tx = cx.snapshot().await?;
    let shown = Shown::of(&cx, &mut tx).await?;
    matter(&cx, &mut tx, &shown).await
}

/// The region that is drawn anew when a sale or refund happens anywhere, from where the log stood when it was drawn.
fn live(shown: &Shown, inside: Markup) -> Markup {
    let day = if shown.picked { format!("day={}", shown.day) } else { String::new() };
    html! {
        div.stack id="figures" data-live={ "/v1/live?after=" (shown.past.head) } data-live-on="order.paid order.refunded import.done"
            data-live-src=(shown.link("/home/figures", &day)) { (inside) }
    }
}

/// The report of all days with sales, as far back as a report goes.
fn whole_past(shown: &Shown) -> Option<Button> {
    let (first, last) = shown.past.days?;
    let [.., past] = named(first, last);
    Some(Button::link(t(past.label), shown.link("/reports", &format!("from={}&to={}&by=day", past.from, past.to))).icon("chart"))
}

/// Any day by its date. It stands outside of the live region, so that what is typed there is not swept away by a sale.
fn any_day(shown: &Shown) -> Markup {
    if shown.past.days.is_none() {
        return html! {};
    }
    ui::filter_bar(&FilterBar {
        action: "/".to_owned(),
        fields: vec![Field::new("day", t("home-any-day"), ui::Kind::Date).value(shown.day.to_string())],
        keep: shown.site.map(|site| ("site".to_owned(), site.to_string())).into_iter().collect(),
        clear: None,
        found: None,
    })
}

/// The last day with sales before the shown one, where that is not simply the day before. Mostly it stands in the fortnight that is read
/// anyway; only after a longer rest it is looked for.
async fn earlier(tx: &mut db::Tx, shown: &Shown, course: &[(Day, Figures)]) -> Result<Option<Day>> {
    let before_that = shown.day.plus(-FORTNIGHT - 1);
    let near = course.iter().rev().skip(1).find(|(_, figures)| figures.lines > 0).map(|(day, _)| *day);
    let found = match (near, shown.past.days) {
        (None, Some((first, _))) if first <= before_that => {
            let past = Span::of(tx, first, before_that, shown.site).await?;
            figures::last_with_sales(tx, &past).await?
        }
        _ => near,
    };
    Ok(found.filter(|day| *day != shown.day.plus(-1)))
}

/// Links to the days around; to the latest one with sales, where another one is shown, and to the one before after a rest.
fn days(shown: &Shown, earlier: Option<Day>) -> Markup {
    let to = |day: Day| shown.link("/", &format!("day={day}"));
    let last = shown.past.days.map(|(_, last)| last).filter(|last| *last != shown.day);
    html! {
        nav.row aria-label=(t("home-days")) {
            (ui::button(&Button::link(t("home-previous-day"), to(shown.day.plus(-1))).icon("left")))
            @if shown.day < shown.today { (ui::button(&Button::link(t("home-next-day"), to(shown.day.plus(1))).icon("right"))) }
            @if let Some(last) = last { (ui::button(&Button::link(t("home-latest-link"), to(last)))) }
            @if let Some(day) = earlier.filter(|day| Some(*day) != last) {
                (ui::button(&Button::link(tf("home-earlier-link", &[("day", &web::day_text(day))]), to(day))))
            }
        }
    }
}

fn sites(sites: &[Site], shown: &Shown) -> Markup {
    if sites.len() < 2 {
        return html! {};
    }
    let day = if shown.picked { format!("&day={}", shown.day) } else { String::new() };
    let one = |site: &Site| Tab {
        label: site.name.clone(),
        href: format!("/?site={}{day}", site.id),
        current: shown.site == Some(site.id),
        count: None,
    };
    let mixed = sites.windows(2).any(|two| two[0].currency != two[1].currency);
    let all =
        Tab { label: t("home-all-sites"), href: format!("/?{}", day.trim_start_matches('&')), current: shown.site.is_none(), count: None };
    let tabs: Vec<Tab> = Some(all).filter(|_| !mixed).into_iter().chain(sites.iter().map(one)).collect();
    ui::tabs(&t("home-sites"), &tabs)
}

/// A page for those who see no figures: where their role works.
fn places(cx: &Cx) -> Markup {
    let (daily, others) = cx.places();
    let places: Vec<_> = daily.into_iter().chain(others).filter(|place| !place.current).collect();
    if places.is_empty() {
        return html! { p { (t("home-places-none")) } };
    }
    html! { section.stack { h2 { (t("home-places")) } (ui::place_list(&places)) } }
}

/// What a new business sees.
fn nothing(cx: &Cx) -> Markup {
    let first = cx.op.permissions.has(Permission::ImportRun).then(|| Button::link(t("home-load"), "/import"));
    html! { (ui::empty(&Empty { icon: "chart", title: t("home-none-title"), text: t("home-none-text"), first })) }
}

/// Everything of the day, its heading too: the first sale of a morning changes which day is shown.
async fn matter(cx: &Cx, tx: &mut db::Tx, shown: &Shown) -> Result<Markup> {
    if shown.past.days.is_none() {
        return Ok(nothing(cx));
    }
    let fortnight = Span::of(tx, shown.day.plus(-FORTNIGHT), shown.day, shown.site).await?;
    let slots = figures::slots(tx, &fortnight, Apart { day: true, hour: true, site: false }).await?;
    let sold = figures::items(tx, &fortnight.last_day(), Some(MOST_SOLD)).await?;
    let currency = fortnight.currency()?;
    let course = course(&slots, shown.day)?;
    let earlier = earlier(tx, shown, &course).await?;
    let note = if !shown.picked && shown.day != shown.today {
        Some(tf("home-latest-note", &[("day", &say::day(shown.today))]))
    } else if course.last().is_none_or(|(_, figures)| figures.lines == 0) {
        Some(tf("home-empty-day", &[("day", &say::day(shown.day))]))
    } else {
        None
    };
    Ok(html! {
        div.toolbar { h2 { (shown.heading()) } (days(shown, earlier)) }
        @if let Some(note) = note { (ui::banner(ui::Tone::Plain, &note, None)) }
        (headline(shown, &course, currency))
        div.two {
            div.stack {
                (hours(shown, &slots, currency))
                p { a href=(shown.period("/reports", "&by=hour")) { (t("home-hours-open")) } }
            }
            div.stack {
                (fortnight_chart(shown, &course, currency))
                p { a href=(shown.link("/reports", &format!("from={}&to={}&by=day", shown.day.plus(1 - FORTNIGHT), shown.day))) { (t("home-fortnight-open")) } }
            }
        }
        @if !sold.is_empty() { (most_sold(shown, &sold, currency)) }
    })
}

/// The figures of each of the fifteen days that end with `last`, days without sales among them.
fn course(slots: &[Slot], last: Day) -> Result<Vec<(Day, Figures)>> {
    let of =
        |day: Day| Figures::sum(std::iter::once(&Figures::NONE).chain(slots.iter().filter(|s| s.day == Some(day)).map(|s| &s.figures)));
    (-FORTNIGHT..=0).map(|back| last.plus(back)).map(|day| Ok((day, of(day)?))).collect()
}

/// Minor units per order, rounded to the nearest; nothing where there were no orders.
fn average(figures: &Figures) -> i64 {
    match figures.orders {
        Some(orders) if orders > 0 => (figures.total + orders / 2).div_euclid(orders),
        _ => 0,
    }
}

/// The five figures of the day.
fn headline(shown: &Shown, course: &[(Day, Figures)], currency: Currency) -> Markup {
    let (yesterday, week_ago) = shown.compared();
    let orders = |f: &Figures| f.orders.unwrap_or_default();
    let one = |label: &str, value: fn(&Figures) -> i64, shown_as: &dyn Fn(i64) -> Markup, good: Option<bool>, href: String| {
        let at = |back: usize| course.iter().rev().nth(back).map_or(0, |(_, figures)| value(figures));
        Figure {
            label: t(label),
            value: shown_as(at(0)),
            against: say::against(at(0), &Before { name: &yesterday, value: at(1) }, &Before { name: &week_ago, value: at(7) }, good),
            course: course.iter().skip(1).map(|(_, figures)| value(figures) as f64).collect(),
            href: Some(href),
        }
    };
    let money = |minor: i64| say::money(minor, currency);
    let count = |n: i64| html! { span.number { (n) } };
    ui::figures(&[
        one("home-sales", |f| f.total, &money, Some(true), shown.period("/orders", "")),
        one("home-tickets", orders, &count, Some(true), shown.period("/orders", "")),
        one("home-average", average, &money, Some(true), shown.period("/reports", "&by=hour")),
        one("home-cost", |f| f.cost, &money, None, shown.period("/reports", "&by=item")),
        one("home-margin", |f| f.margin, &money, Some(true), shown.period("/reports", "&by=item")),
    ])
}

fn hours(shown: &Shown, slots: &[Slot], currency: Currency) -> Markup {
    let of_day: Vec<(i16, i64)> =
        slots.iter().filter(|s| s.day == Some(shown.day)).filter_map(|s| Some((s.hour?, s.figures.total))).collect();
    let (Some(first), Some(last)) = (of_day.iter().map(|h| h.0).min(), of_day.iter().map(|h| h.0).max()) else { return html! {} };
    let bar = |hour: i16| {
        let total = of_day.iter().find(|h| h.0 == hour).map_or(0, |h| h.1);
        Bar { point: point(say::hour(hour), total, currency), strong: false }
    };
    ui::bar_chart(&BarChart { title: t("home-hours"), direction: Direction::Up, bars: (first..=last).map(bar).collect() })
}

fn fortnight_chart(shown: &Shown, course: &[(Day, Figures)], currency: Currency) -> Markup {
    let bar =
        |(day, figures): &(Day, Figures)| Bar { point: point(say::short_day(*day), figures.total, currency), strong: *day == shown.day };
    ui::bar_chart(&BarChart { title: t("home-fortnight"), direction: Direction::Up, bars: course.iter().skip(1).map(bar).collect() })
}

/// A point of a chart from an amount.
pub(crate) fn point(label: String, minor: i64, currency: Currency) -> Point {
    Point::new(label, minor as f64, kernel::Money::new(minor, currency).to_string())
}

fn most_sold(shown: &Shown, sold: &[Sold], currency: Currency) -> Markup {
    let amount = |minor: i64| say::money(minor, currency);
    let row = |one: &Sold| Row {
        id: one.item.to_string(),
        name: one.name.clone(),
        href: Some(shown.period("/orders", &format!("&item={}", one.item))),
        cells: vec![
            html! { (one.name) },
            ui::quantity(&one.figures.quantity.unwrap_or_default().to_string(), &one.unit),
            amount(one.figures.total),
            amount(one.figures.margin),
        ],
    };
    let head = [
        ("reports-column-item", ColumnKind::Text),
        ("reports-column-quantity", ColumnKind::Number),
        ("reports-column-total", ColumnKind::Number),
        ("reports-column-margin", ColumnKind::Number),
    ];
    let title = t("home-items");
    html! {
        div.stack {
            h2 { (title) }
            (ui::table(&Table {
                caption: title.clone(),
                columns: head.map(|(label, kind)| ui::Column::new(t(label), kind)).to_vec(),
                rows: sold.iter().map(row).collect(),
                total: None,
                bulk: None,
                empty: None,
            }))
            p { a href=(shown.period("/reports", "&by=item")) { (t("home-items-open")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(orders: i64, total: i64) -> Figures {
        Figures { orders: Some(orders), total, net: total, margin: total, lines: 1, ..Figures::NONE }
    }

    #[test]
    fn the_average_ticket_is_rounded_and_needs_an_order() {
        assert_eq!(average(&figures(3, 1000)), 333);
        assert_eq!(average(&figures(2, 1001)), 501);
        assert_eq!(average(&figures(0, -500)), 0);
    }

    #[test]
    fn a_course_has_every_day_and_sums_hours() {
        let last: Day = "2017-04-09".parse().unwrap();
        let slot = |day: Day, hour, total| Slot {
            day: Some(day),
            hour: Some(hour),
            site: None,
            site_name: None,
            currency: None,
            figures: figures(1, total),
        };
        let course = course(&[slot(last.plus(-7), 9, 5), slot(last, 8, 100), slot(last, 9, 50)], last).unwrap();
        assert_eq!(course.len(), 15);
        assert_eq!(course[14].1.total, 150);
        assert_eq!(course[14].1.orders, Some(2));
        assert_eq!((course[7].0, course[7].1.total), (last.plus(-7), 5));
        assert_eq!(course[13].1, Figures::NONE);
    }
}
