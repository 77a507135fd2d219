//! The sales report, as JSON and CSV.

use axum::http::header;
use kernel::{Currency, Day, Error, Money, Result, SiteId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Cx, Reply, csv_safe, t};

use crate::{
    Ask, By, Figures,
    figures::{self, Apart, Slot, Sold},
    say,
};
use db::Tx;

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The day (`2017-04-09`), the hour (`8`), the item's id or the site's id.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// The item's base unit; told by item alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The currency of this row's amounts.
    #[schema(value_type = String, example = "GBP")]
    pub currency: Currency,
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Sales of a period. All amounts are whole minor units of `currency`; by site, where the sites keep different currencies, of each
/// row's own, and there is no sum of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// First business day.
    pub from: Day,
    /// Last business day.
    pub to: Day,
    /// What the rows stand for.
    pub by: By,
    /// The site, where one was asked for.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub site: Option<SiteId>,
    /// Three letters of ISO 4217, once for all amounts; missing where the rows have different ones.
    #[schema(value_type = Option<String>, example = "GBP")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Days and hours in their order, items by what they brought, sites by name. What sold nothing has no row.
    pub rows: Vec<Row>,
    /// The sum of the rows; missing where they are of different currencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Figures>,
}

/// Sums up the sales of a period: kept totals for its sealed days, raw lines for the rest.
/// Refuses with `period`, `site.unknown`, and, unless it is asked by site, `money.currency` where the sites asked for keep different
/// currencies.
pub async fn sales(tx: &mut Tx, ask: &Ask) -> Result<Report> {
    let span = ask.span(tx).await?;
    let apart = Apart { day: ask.by == By::Day, hour: ask.by == By::Hour, site: ask.by == By::Site };
    let rows: Vec<Row> = match ask.by {
        By::Item => {
            let currency = span.currency()?;
            figures::items(tx, &span, None).await?.into_iter().map(|sold| of_item(sold, currency)).collect()
        }
        By::Day | By::Hour => {
            let currency = span.currency()?;
            figures::slots(tx, &span, apart).await?.into_iter().map(|slot| of_slot(slot, currency)).collect()
        }
        By::Site => {
            let own = |slot: &Slot| slot.currency.ok_or_else(|| Error::Internal("a site without a currency".into()));
            figures::slots(tx, &span, apart).await?.into_iter().map(|slot| Ok(of_slot(slot.clone(), own(&slot)?))).collect::<Result<_>>()?
        }
    };
    let currency = span.currency().ok();
    let total = currency.map(|_| Figures::sum(rows.iter().map(|row| &row.figures))).transpose()?;
    // Pieces and grams don't add up.
    let total = total.map(|total| Figures { quantity: None, ..total });
    Ok(Report { from: ask.from, to: ask.to, by: ask.by, site: ask.site, currency, rows, total })
}

fn of_item(sold: Sold, currency: Currency) -> Row {
    Row { key: sold.item.to_string(), label: sold.name, unit: Some(sold.unit), currency, figures: sold.figures }
}

fn of_slot(slot: Slot, currency: Currency) -> Row {
    let (key, label) = match (slot.day, slot.hour, slot.site) {
        (Some(day), ..) => (day.to_string(), say::day(day)),
        (_, Some(hour), _) => (hour.to_string(), say::hour(hour)),
        (.., Some(site)) => (site.to_string(), slot.site_name.unwrap_or_default()),
        (None, None, None) => (String::new(), String::new()),
    };
    Row { key, label, unit: None, currency, figures: slot.figures }
}

/// The question in the address of a request.
pub(crate) fn asked(cx: &Cx) -> Result<Ask> {
    Ask::read(cx.param("from"), cx.param("to"), cx.param("by"), cx.param("site"))
}

/// `GET /v1/reports/sales`.
pub(crate) async fn answer(cx: Cx) -> Result<Reply> {
    let ask = asked(&cx)?;
    let accepts = cx.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let as_csv = match cx.param("format") {
        Some("csv") => true,
        Some("json") => false,
        None => accepts.starts_with("text/csv"),
        Some(_) => return Err(Error::field("format", "choice.unknown")),
    };
    let report = sales(&mut cx.snapshot().await?, &ask).await?;
    if !as_csv {
        return Reply::json(&report);
    }
    let name = format!("sales-by-{}-{}-{}.csv", ask.by.code(), ask.from, ask.to);
    Ok(Reply::bytes("text/csv; charset=utf-8", csv(&report)?)
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
}

/// A report as CSV: one line a row, amounts in decimals with their currency beside them. No cell is taken for a formula.
pub(crate) fn csv(report: &Report) -> Result<Vec<u8>> {
    let fail = |e: String| Error::Internal(e);
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let heads = ["key", "label", "orders", "refunds", "lines", "quantity", "unit", "net", "tax", "total", "cost", "margin", "currency"];
    writer.write_record(heads.map(|head| t(&format!("report-csv-{head}")))).map_err(|e| fail(e.to_string()))?;
    for row in &report.rows {
        let f = &row.figures;
        let count = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
        let amount = |minor: i64| Money::new(minor, row.currency).digits();
        let cells = [
            row.key.clone(),
            row.label.clone(),
            count(f.orders),
            count(f.refunds),
            f.lines.to_string(),
            f.quantity.map(|q| q.to_string()).unwrap_or_default(),
            row.unit.clone().unwrap_or_default(),
            amount(f.net),
            amount(f.tax),
            amount(f.total),
            amount(f.cost),
            amount(f.margin),
            row.currency.code().to_owned(),
        ];
        writer.write_record(cells.map(|cell| csv_safe(&cell))).map_err(|e| fail(e.to_string()))?;
    }
    writer.into_inner().map_err(|e| fail(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let figures =
            Figures { lines: 1, quantity: Some(kernel::Quantity::whole(-2)), net: -500, total: -500, margin: -500, ..Figures::default() };
        let row = Row { key: "k".into(), label: "=cmd|' /C calc'!A0".into(), unit: Some("pc".into()), currency: Currency::GBP, figures };
        let day: Day = "2017-04-09".parse().unwrap();
        Report { from: day, to: day, by: By::Item, site: None, currency: Some(Currency::GBP), rows: vec![row], total: Some(figures) }
    }

    #[test]
    fn a_csv_cell_is_never_a_formula_and_amounts_keep_their_sign() {
        let text = String::from_utf8(csv(&report()).unwrap()).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, "k,'=cmd|' /C calc'!A0,,,1,-2,pc,-5.00,0.00,-5.00,0.00,-5.00,GBP");
    }

    #[test]
    fn json_tells_amounts_as_whole_numbers_and_leaves_out_what_has_no_meaning() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["currency"], "GBP");
        assert_eq!(json["by"], "item");
        assert_eq!(json["rows"][0]["net"], -500);
        assert_eq!(json["rows"][0]["quantity"], "-2");
        assert!(json["rows"][0].get("orders").is_none());
    }
}
