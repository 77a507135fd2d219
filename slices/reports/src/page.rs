//! The page of the sales report: period, dimension and site in the address; a chart, a table whose rows open down to the
//! orders, and a file of the same rows.

use kernel::{Currency, Day, Result, SiteId};
use maud::{Markup, html};
use web::{
    Cx, Site, t, tf,
    ui::{self, Bar, BarChart, Button, ColumnKind, Direction, Empty, Line, LineChart, Period, Preset, Tab, Table, Toolbar},
};

use crate::{
    Ask, By, Figures, Report,
    ask::named,
    figures,
    home::point,
    report::{self, sales},
    say,
};

/// Rows on the page; files have all.
const MOST_ROWS: usize = 500;
/// Days that still stand as bars; more are a line.
const MOST_BARS: usize = 62;

/// `GET /reports`.
pub(crate) async fn page(cx: Cx) -> Result<Markup> {
    let sites = &cx.viewer()?.sites;
    let clock = cx.site()?;
    let today = clock.zone.business_day(cx.op.at, clock.day_start);
    let mut tx = cx.snapshot().await?;
    let mixed = sites.windows(2).any(|two| two[0].currency != two[1].currency);
    // Sites of different currencies stand side by side, and are never summed: otherwise one of them is shown.
    let usual_site = sites.first().filter(|_| mixed && cx.param("site").is_none()).map(|s| s.id);
    let past = figures::past(&mut tx, usual_site).await?;
    let (first, last) = past.days.unwrap_or((today, today));
    let usual = Ask { from: last.plus(-27), to: last, by: By::Day, site: usual_site };
    // An address that can't be read shows the usual period and says what is wrong with the other.
    let (ask, wrong) = match Cx::refusable(asked(&cx, &usual))? {
        Ok(ask) => (ask, None),
        Err(refused) => (usual, Some(refused.banner())),
    };
    let (ask, report, wrong) = match Cx::refusable(sales(&mut tx, &ask).await)? {
        Ok(report) => (ask, report, wrong),
        Err(refused) => (usual, sales(&mut tx, &usual).await?, Some(refused.banner())),
    };
    let body = html! {
        @if let Some(wrong) = wrong { (wrong) }
        (picker(&ask, first, last))
        (by_tabs(&ask, sites.len() > 1))
        (site_tabs(&ask, sites, mixed))
        @if report.rows.is_empty() {
            (ui::empty(&Empty { icon: "chart", title: t("reports-none-title"), text: t("reports-none-text"), first: None }))
        } @else {
            (chart(&ask, &report))
            (table(&ask, &report))
        }
    };
    let now = tf("reports-now", &[("from", &say::day(ask.from)), ("to", &say::day(ask.to))]);
    let file = Button::link(t("reports-csv"), format!("/v1{}&format=csv", address("/reports/sales", &ask, ask.by))).icon("file");
    Ok(cx.page_with(Toolbar { title: t("reports-title"), now: Some(html! { (now) }), buttons: vec![file], ..Toolbar::default() }, body))
}

/// The question of the address; what it leaves open is as usual.
fn asked(cx: &Cx, usual: &Ask) -> Result<Ask> {
    if cx.param("from").is_some() || cx.param("to").is_some() {
        return Ok(at_usual_site(report::asked(cx)?, usual));
    }
    let (from, to) = (usual.from.to_string(), usual.to.to_string());
    Ok(at_usual_site(Ask::read(Some(&from), Some(&to), cx.param("by"), cx.param("site"))?, usual))
}

/// By site, all of them are told, each in its own currency.
fn at_usual_site(ask: Ask, usual: &Ask) -> Ask {
    Ask { site: ask.site.or(usual.site.filter(|_| ask.by != By::Site)), ..ask }
}

/// An address with the question in it.
fn address(path: &str, ask: &Ask, by: By) -> String {
    let site = ask.site.map(|site| format!("&site={site}")).unwrap_or_default();
    format!("{path}?from={}&to={}&by={}{site}", ask.from, ask.to, by.code())
}

fn picker(ask: &Ask, first: Day, last: Day) -> Markup {
    let preset = |one: crate::ask::Named| Preset {
        label: t(one.label),
        href: address("/reports", &Ask { from: one.from, to: one.to, ..*ask }, ask.by),
        current: (one.from, one.to) == (ask.from, ask.to),
    };
    let keep =
        std::iter::once(("by".to_owned(), ask.by.code().to_owned())).chain(ask.site.map(|site| ("site".to_owned(), site.to_string())));
    ui::period_picker(&Period {
        action: "/reports".to_owned(),
        from: ask.from.to_string(),
        to: ask.to.to_string(),
        presets: named(first, last).map(preset).to_vec(),
        keep: keep.collect(),
    })
}

fn by_tabs(ask: &Ask, several_sites: bool) -> Markup {
    let offered = By::ALL.iter().filter(|by| several_sites || **by != By::Site || ask.by == By::Site);
    let tab = |by: &By| Tab {
        label: t(&format!("reports-by-{}", by.code())),
        // By site they are told side by side.
        href: address("/reports", &Ask { site: ask.site.filter(|_| *by != By::Site), ..*ask }, *by),
        current: ask.by == *by,
        count: None,
    };
    ui::tabs(&t("reports-by"), &offered.map(tab).collect::<Vec<_>>())
}

fn site_tabs(ask: &Ask, sites: &[Site], mixed: bool) -> Markup {
    if sites.len() < 2 {
        return html! {};
    }
    let tab = |label: String, site: Option<SiteId>| {
        let asked = Ask { site, ..*ask };
        Tab { label, href: address("/reports", &asked, ask.by), current: ask.site == site, count: None }
    };
    let all = Some(tab(t("reports-all-sites"), None)).filter(|_| !mixed || ask.by == By::Site);
    let tabs: Vec<Tab> = all.into_iter().chain(sites.iter().map(|s| tab(s.name.clone(), Some(s.id)))).collect();
    ui::tabs(&t("reports-sites"), &tabs)
}

fn chart(ask: &Ask, report: &Report) -> Markup {
    // Amounts of different currencies have no common measure.
    let Some(currency) = report.currency else { return html! {} };
    let title = t(&format!("reports-chart-{}", ask.by.code()));
    let total = |key: &str| report.rows.iter().find(|row| row.key == key).map_or(0, |row| row.figures.total);
    let bars = |points: Vec<ui::Point>, direction| {
        let bars = points.into_iter().map(|point| Bar { point, strong: false }).collect();
        ui::bar_chart(&BarChart { title: title.clone(), direction, bars })
    };
    let named = |most: usize| report.rows.iter().take(most).map(|row| point(row.label.clone(), row.figures.total, currency)).collect();
    match ask.by {
        By::Day => {
            let points = day_points(ask, report, currency);
            if points.len() <= MOST_BARS {
                return bars(points, Direction::Up);
            }
            ui::line_chart(&LineChart { title, lines: vec![Line { name: t("reports-column-total"), points }] })
        }
        By::Hour => {
            let hours: Vec<i16> = report.rows.iter().filter_map(|row| row.key.parse().ok()).collect();
            let (first, last) = (hours.iter().min().copied().unwrap_or(0), hours.iter().max().copied().unwrap_or(0));
            bars((first..=last).map(|hour| point(say::hour(hour), total(&hour.to_string()), currency)).collect(), Direction::Up)
        }
        By::Item => bars(named(10), Direction::Across),
        By::Site => bars(named(50), Direction::Across),
    }
}

/// A point for every day of the period; days without sales are zero.
fn day_points(ask: &Ask, report: &Report, currency: Currency) -> Vec<ui::Point> {
    let mut rows = report.rows.iter().peekable();
    let of = |day: Day| {
        let key = day.to_string();
        let total = rows.next_if(|row| row.key == key).map_or(0, |row| row.figures.total);
        point(say::short_day(day), total, currency)
    };
    ask.days().map(of).collect()
}

/// Where a row opens: the orders that it sums up.
fn opens(ask: &Ask, key: &str) -> String {
    let site = ask.site.map(|site| format!("&site={site}")).unwrap_or_default();
    let (from, to) = (ask.from, ask.to);
    match ask.by {
        By::Day => format!("/orders?from={key}&to={key}{site}"),
        By::Hour => format!("/orders?from={from}&to={to}&hour={key}{site}"),
        By::Item => format!("/orders?from={from}&to={to}&item={key}{site}"),
        By::Site => format!("/orders?from={from}&to={to}&site={key}"),
    }
}

fn cells(label: Markup, figures: &Figures, unit: Option<&str>, by: By, currency: Currency) -> Vec<Markup> {
    let amount = |minor: i64| say::money(minor, currency);
    let count = |n: Option<i64>| html! { @if let Some(n) = n { span.number { (n) } } };
    let counts = match (by, figures.quantity) {
        (By::Item, Some(quantity)) => vec![ui::quantity(&quantity.to_string(), unit.unwrap_or_default())],
        (By::Item, None) => vec![html! {}],
        _ => vec![count(figures.orders), count(figures.refunds)],
    };
    let amounts = [figures.net, figures.tax, figures.total, figures.cost, figures.margin].map(amount);
    std::iter::once(label).chain(counts).chain(amounts).collect()
}

fn table(ask: &Ask, report: &Report) -> Markup {
    let counts: &[&str] = if ask.by == By::Item { &["quantity"] } else { &["orders", "refunds"] };
    let numbers = counts.iter().chain(&["net", "tax", "total", "cost", "margin"]);
    let first = ui::Column::new(
        t(&format!("reports-column-{}", ask.by.code())),
        if ask.by == By::Day { ColumnKind::Date } else { ColumnKind::Text },
    );
    let columns =
        std::iter::once(first).chain(numbers.map(|name| ui::Column::new(t(&format!("reports-column-{name}")), ColumnKind::Number)));
    let row = |row: &report::Row| ui::Row {
        id: row.key.clone(),
        name: row.label.clone(),
        href: Some(opens(ask, &row.key)),
        cells: cells(html! { (row.label) }, &row.figures, row.unit.as_deref(), ask.by, row.currency),
    };
    // The newest day stands first; everything else as it came.
    let rows: Vec<ui::Row> = match ask.by {
        By::Day => report.rows.iter().rev().take(MOST_ROWS).map(row).collect(),
        _ => report.rows.iter().take(MOST_ROWS).map(row).collect(),
    };
    let (shown, all) = (rows.len(), report.rows.len());
    html! {
        (ui::table(&Table {
            caption: t(&format!("reports-by-{}", ask.by.code())),
            columns: columns.collect(),
            rows,
            total: report.total.zip(report.currency).map(|(total, currency)| cells(html! { (t("reports-total")) }, &total, None, ask.by, currency)),
            bulk: None,
            empty: None,
        }))
        @if shown < all { p.help { (tf("reports-first", &[("shown", &shown.to_string()), ("all", &all.to_string())])) } }
    }
}
