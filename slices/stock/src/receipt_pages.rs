//! Receiving by page, and a receipt as a document.

use kernel::{Currency, Error, LocationId, Money, Permission, Result, SiteId, Unit};
use maud::{Markup, html};
use web::{
    Clock, Cx, Fields, Reader, Refused, Reply, t, tf,
    ui::{self, Button, Choice, Column, ColumnKind, Crumb, Document, Fact, Field, Form, Head, Kind, Row, Table, Tone, Toolbar},
};

use crate::{
    LotInput, Receipt, ReceiptKind, ReceiveLine, ReceiveStock,
    pages::{items, locations},
    receipt::receipt,
};

/// Rows that a new form offers, and how many are spare beside those that are filled.
const ROWS: usize = 5;
const SPARE: usize = 2;

/// The fields of a row of the form that make it count as filled.
const PARTS: &[&str] = &["itemId", "quantity", "unit", "amount", "lot.code", "lot.bestBefore"];

/// `GET /receipts/new`.
pub(crate) async fn new(cx: Cx) -> Result<Markup> {
    let typed = Fields::of(vec![("kind".into(), ReceiptKind::Delivery.code().into())])?;
    page(&cx, &typed, None).await
}

/// The numbers of the rows in which something was typed: only those become lines.
fn filled(typed: &Fields) -> Vec<usize> {
    let any = |n: &usize| PARTS.iter().any(|part| !typed.get(&format!("lines.{n}.{part}")).trim().is_empty());
    (0..typed.rows("lines")).filter(any).collect()
}

fn line(reader: &mut Reader<'_>, typed: &Fields, n: usize, currency: Currency) -> Option<ReceiveLine> {
    let name = |part: &str| format!("lines.{n}.{part}");
    let item_id = reader.parse(&name("itemId"), "item.unknown");
    let quantity = reader.quantity(&name("quantity"));
    let unit = reader.optional_text(&name("unit"), 20);
    let amount: Option<Money> = if typed.get(&name("amount")).trim().is_empty() { None } else { reader.money(&name("amount"), currency) };
    let code = reader.optional_text(&name("lot.code"), 100);
    let best_before = reader.optional(&name("lot.bestBefore"), "day.format");
    // A date without a code is a lot called by its date.
    let code = code.or_else(|| best_before.map(|day: kernel::Day| day.to_string()));
    let lot = code.map(|code| LotInput { code, best_before });
    Some(ReceiveLine { item_id: item_id?, quantity: quantity?, unit, amount, lot })
}

fn read(typed: &Fields, currency: Currency) -> Result<ReceiveStock> {
    let mut reader = typed.reader();
    let kind = reader.parse("kind", "choice.unknown");
    let location_id = reader.optional("locationId", "location.unknown");
    let supplier = reader.optional_text("supplier", 200);
    let reference = reader.optional_text("reference", 100);
    let day = reader.optional("day", "day.format");
    let lines: Vec<Option<ReceiveLine>> = filled(typed).into_iter().map(|n| line(&mut reader, typed, n, currency)).collect();
    reader.done(|| {
        let lines = lines.into_iter().collect::<Option<Vec<_>>>()?;
        Some(ReceiveStock { id: None, kind: kind?, site_id: None, location_id, supplier, reference, effective_at: None, day, lines })
    })
}

/// `POST /receipts/new`.
pub(crate) async fn create(cx: Cx, typed: Fields) -> Result<Reply> {
    let command = match place(&cx, &typed).await {
        Ok((site_id, currency)) => read(&typed, currency).map(|command| ReceiveStock { site_id, ..command }),
        Err(error) => Err(error),
    };
    match cx.submit(&typed, command).await? {
        Ok(answer) => Ok(Reply::see(format!("/receipts/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => Ok(Reply::refused(page(&cx, &typed, Some(&refused)).await?)),
    }
}

/// The form asks for a location only; the site is the location's, and amounts are in the site's currency.
async fn place(cx: &Cx, typed: &Fields) -> Result<(Option<SiteId>, Currency)> {
    let usual = cx.site()?.currency;
    let Ok(location) = typed.get("locationId").trim().parse::<LocationId>() else { return Ok((None, usual)) };
    let mut tx = cx.tx().await?;
    let tenant = tx.tenant().uuid();
    let site = sqlx::query_scalar!("SELECT site_id FROM stock.location WHERE tenant_id = $1 AND id = $2", tenant, location.uuid())
        .fetch_optional(tx.conn())
        .await?
        .ok_or_else(|| Error::rule("location.unknown").at("locationId"))?;
    let site = SiteId::new(site);
    let known = cx.viewer()?.sites.iter().find(|known| known.id == site);
    Ok((Some(site), known.map_or(usual, |known| known.currency)))
}

/// What was said of a field; of lines the command counts only those that are filled.
fn error(refused: &Refused, name: &str, rows: &[usize]) -> Option<String> {
    // What the reader refuses it names as the form does; what the command refuses, by the line.
    let Some((row, part)) = name.strip_prefix("lines.").and_then(|rest| rest.split_once('.')) else { return refused.of(name) };
    let n = rows.iter().position(|filled| filled.to_string() == row)?;
    refused.of(&format!("lines.{n}.{part}"))
}

async fn page(cx: &Cx, typed: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    // Where sites keep different currencies, the amounts are in that of the location's site.
    let (usual, sites) = (cx.site()?.currency, &cx.viewer()?.sites);
    let one = sites.iter().all(|site| site.currency == usual).then_some(usual);
    let (items, locations) = (items(&mut tx).await?, locations(&mut tx).await?);
    let kinds = ReceiptKind::ALL.iter().map(|kind| Choice::new(kind.code(), t(&format!("receipt-of-{}", kind.code())))).collect();
    let mut fields = [
        Field::new("kind", t("receipt-kind"), Kind::Select(kinds)),
        Field::text("supplier", t("receipt-supplier")).optional(),
        Field::text("reference", t("receipt-reference")).optional(),
        Field::new("locationId", t("stock-location"), Kind::Select(locations)).optional().help(t("receive-location-help")),
        Field::new("day", t("stock-day"), Kind::Date).optional().help(t("receive-day-help")),
    ];
    let rows = if renumbered(refused, typed) { filled(typed) } else { (0..typed.rows("lines")).collect() };
    let shown = (filled(typed).last().map_or(0, |last| last + 1) + SPARE).max(ROWS);
    let mut lines: Vec<Vec<Field>> = (0..shown).map(|n| row(n, &items, one)).collect();
    for one in fields.iter_mut().chain(lines.iter_mut().flatten()) {
        one.value = typed.get(&one.name).to_owned();
        one.error = refused.and_then(|refused| error(refused, &one.name, &rows));
    }
    let form = Form {
        more: html! {
            (ui::mend(fields.iter().chain(lines.iter().flatten())))
            (ui::field_line(&fields[..2]))
            (ui::field_line(&fields[2..]))
            @if let Some(error) = refused.and_then(|refused| refused.of("lines")) { (ui::banner(Tone::Wrong, &error, None)) }
            (ui::line_set(&t("receive-lines"), Some(&t("receive-lines-help")), &lines))
        },
        cancel: Some(Button::link(t("receive-cancel"), "/stock")),
        enter_moves: true,
        ..Form::new("/receipts/new", cx.guard(), Vec::new(), t("receive-save"))
    };
    let crumbs = vec![Crumb { label: t("stock-title"), href: "/stock".into() }];
    let toolbar = Toolbar { crumbs, title: t("receive-title"), now: None, buttons: Vec::new() };
    Ok(cx.page_with(toolbar, html! { @if let Some(refused) = refused { (refused.general()) } (ui::form(&form)) }))
}

/// Whether the complaints are the command's, which counts only filled rows; the reader's name rows as the form does.
fn renumbered(refused: Option<&Refused>, typed: &Fields) -> bool {
    refused.is_some() && read(typed, Currency::GBP).is_ok()
}

fn row(n: usize, items: &[Choice], currency: Option<Currency>) -> Vec<Field> {
    let name = |part: &str| format!("lines.{n}.{part}");
    let amount = currency.map_or(Kind::Number, |currency| Kind::Money { currency: currency.sign().into() });
    let units = Unit::ALL.iter().map(|unit| Choice::new(unit.code, unit.code)).collect();
    vec![
        Field::new(name("itemId"), tf("receive-line", &[("n", &(n + 1).to_string())]), Kind::Select(items.to_vec())).optional(),
        Field::new(name("quantity"), t("stock-quantity"), Kind::Number).optional(),
        Field::new(name("unit"), t("stock-unit"), Kind::Search { choices: units, source: None }).optional(),
        Field::new(name("amount"), t("receipt-amount"), amount).optional(),
        Field::text(name("lot.code"), t("stock-lot")).optional(),
        Field::new(name("lot.bestBefore"), t("stock-best-before"), Kind::Date).optional(),
    ]
}

/// `GET /receipts/{id}`.
pub(crate) async fn show(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let receipt = receipt(&mut tx, cx.id("id")?).await?.seen_with(cx.op.permissions);
    let clock = cx.clock();
    let number = receipt.number.clone().unwrap_or_default();
    let mut links = vec![Button::link(t("receipt-movements"), format!("/stock/movements?document={}", receipt.id)).icon("box")];
    if cx.op.permissions.has(Permission::LedgerRead) {
        links.push(Button::link(t("receipt-transfers"), format!("/ledger/transfers?document={}", receipt.id)).icon("book"));
    }
    let document = Document {
        head: Head {
            crumbs: vec![Crumb { label: t("receipts-title"), href: "/receipts".into() }],
            kind: t(&format!("receipt-of-{}", receipt.kind.code())),
            number: number.clone(),
            tone: Tone::Done,
            state: t("receipt-received"),
            about: receipt.supplier.clone(),
            facts: facts(&receipt, &clock),
        },
        lines: ui::table(&lines(&receipt)),
        money: receipt.total.map(|total| ui::facts(&[Fact::new(t("receipt-total"), html! { span class="number" { (total) } })])),
        acts: Vec::new(),
        links,
        history: web::history(&mut tx, receipt.id.uuid(), &clock).await?,
    };
    Ok(cx.bare_page(number, ui::document(&document)))
}

fn facts(receipt: &Receipt, clock: &Clock) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new(t("stock-when"), clock.moment(receipt.effective_at)),
        Fact::new(t("stock-day"), clock.day(receipt.day)),
        Fact::new(t("stock-location"), html! { (receipt.location) }),
    ];
    if let Some(reference) = &receipt.reference {
        facts.push(Fact::new(t("receipt-reference"), html! { (reference) }));
    }
    facts
}

fn lines(receipt: &Receipt) -> Table {
    let row = |line: &crate::ReceiptLine| {
        Row {
        id: line.n.to_string(),
        name: line.item.clone(),
        href: Some(format!("/items/{}", line.item_id)),
        cells: [
            html! { (line.item) },
            ui::quantity(&line.entered.to_string(), &line.unit),
            web::quantity(line.quantity, &line.base_unit),
            html! { @if let Some(lot) = &line.lot { (lot) } @if let Some(day) = line.best_before { " (" (tf("stock-best-before-day", &[("day", &web::day_text(day))])) ")" } },
        ]
        .into_iter()
        .chain(line.amount.map(|amount| html! { span class="number" { (amount) } }))
        .collect(),
    }
    };
    let mut columns = vec![
        Column::new(t("stock-item"), ColumnKind::Text),
        Column::new(t("receipt-entered"), ColumnKind::Number),
        Column::new(t("receipt-counted"), ColumnKind::Number),
        Column::new(t("stock-lot"), ColumnKind::Text),
    ];
    columns.extend(receipt.total.map(|_| Column::new(t("receipt-amount"), ColumnKind::Number)));
    Table { caption: t("receipt-lines"), columns, rows: receipt.lines.iter().map(row).collect(), total: None, bulk: None, empty: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_rows_are_no_lines() {
        let item = "01890000-0000-7000-8000-000000000001";
        let pairs = [
            ("kind", "delivery"),
            ("lines.0.itemId", ""),
            ("lines.2.itemId", item),
            ("lines.2.quantity", "2"),
            ("lines.2.unit", "bag"),
            ("lines.2.amount", "36.00"),
        ];
        let typed = Fields::of(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()).unwrap();
        assert_eq!(filled(&typed), [2]);
        let read = read(&typed, Currency::GBP).unwrap();
        assert_eq!(read.lines.len(), 1);
        assert_eq!(read.lines[0].unit.as_deref(), Some("bag"));
        assert_eq!(read.lines[0].amount, Some(Money::new(3_600, Currency::GBP)));
    }

    #[test]
    fn all_complaints_come_together() {
        let pairs = [("kind", "gift"), ("lines.1.quantity", "two"), ("lines.1.amount", "1.234")];
        let typed = Fields::of(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()).unwrap();
        let Err(Error::Invalid(wrong)) = read(&typed, Currency::GBP) else { panic!("taken") };
        let fields: Vec<_> = wrong.iter().map(|w| w.field.as_str()).collect();
        assert_eq!(fields, ["kind", "lines.1.itemId", "lines.1.quantity", "lines.1.amount"]);
    }
}
