//! The page of taxes: categories, their rates, a new rate from a day on.

use kernel::{Day, Permission, Result};
use maud::{Markup, html};
use web::{
    Clock, Cx, Fields, Refused, Reply, t,
    ui::{self, Choice, Column, ColumnKind, Crumb, Field, Form, Kind, Row, Table, Toolbar},
};

use crate::{
    CreateTaxCategory, SetRate,
    tax::{self, TaxCategory},
};

/// From when the rates count that a new business begins with.
const FIRST_DAY: &str = "1970-01-01";

/// `GET /settings/taxes`.
pub(crate) async fn show(cx: Cx) -> Result<Markup> {
    page(&cx, &Fields::default(), None).await
}

/// `POST /settings/taxes/rates`.
pub(crate) async fn rate(cx: Cx, typed: Fields) -> Result<Reply> {
    let mut reader = typed.reader();
    let id = reader.parse("category", "tax.unknown");
    let name = reader.text("name", 100);
    let percent = reader.quantity("percent");
    let from_day = reader.day("fromDay");
    let compound = reader.flag("compound");
    let command = reader.done(|| Some(SetRate { id: id?, name, percent: percent?, from_day: from_day?, compound }));
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see("/settings/taxes")),
        Err(refused) => Ok(Reply::refused(page(&cx, &typed, Some(&refused)).await?)),
    }
}

/// `POST /settings/taxes`.
pub(crate) async fn create(cx: Cx, typed: Fields) -> Result<Reply> {
    let mut reader = typed.reader();
    let name = reader.text("categoryName", 100);
    let command = reader.done(|| Some(CreateTaxCategory { id: None, name }));
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see("/settings/taxes")),
        Err(refused) => Ok(Reply::refused(page(&cx, &typed, Some(&refused)).await?)),
    }
}

async fn page(cx: &Cx, typed: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let categories = tax::categories(&mut cx.tx().await?).await?;
    let crumbs = vec![Crumb { label: t("items-title"), href: "/items".into() }];
    let body = html! {
        (ui::table(&table(&categories, &cx.clock())))
        @if cx.op.permissions.has(Permission::SettingsWrite) {
            @if let Some(refused) = refused { (refused.general()) }
            section class="stack" {
                h2 { (t("taxes-rate-title")) }
                (ui::form(&rate_form(cx, &categories, typed, refused)))
            }
            section class="stack" {
                h2 { (t("taxes-category-title")) }
                (ui::form(&category_form(cx, typed, refused)))
            }
        }
    };
    Ok(cx.page_with(Toolbar { crumbs, title: t("taxes-title"), now: None, buttons: Vec::new() }, body))
}

/// A rate from the first day of all counts has none before it.
fn from(day: Day, clock: &Clock) -> Markup {
    html! { @if day.to_string() == FIRST_DAY { (t("taxes-always")) } @else { (clock.day(day)) } }
}

fn table(categories: &[TaxCategory], clock: &Clock) -> Table {
    let blank = || html! {};
    let row = |category: &TaxCategory, rate: Option<&tax::Rate>| Row {
        id: category.id.to_string(),
        name: category.name.clone(),
        href: None,
        cells: match rate {
            None => vec![html! { (category.name) }, html! { (t("taxes-none")) }, ui::quantity("0", "%"), blank(), blank()],
            Some(rate) => vec![
                html! { (category.name) },
                html! { (rate.name) },
                ui::quantity(&rate.percent.to_string(), "%"),
                from(rate.from_day, clock),
                html! { @if let Some(day) = rate.until_day { (clock.day(day)) } },
            ],
        },
    };
    let rows = categories.iter().flat_map(|category| {
        let none = category.rates.is_empty().then(|| row(category, None));
        none.into_iter().chain(category.rates.iter().map(|rate| row(category, Some(rate))))
    });
    Table {
        caption: t("taxes-title"),
        columns: vec![
            Column::new(t("taxes-category"), ColumnKind::Text),
            Column::new(t("taxes-name"), ColumnKind::Text),
            Column::new(t("taxes-percent"), ColumnKind::Number),
            Column::new(t("taxes-from"), ColumnKind::Date),
            Column::new(t("taxes-until"), ColumnKind::Date),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: None,
    }
}

fn field(typed: &Fields, refused: Option<&Refused>, name: &str, blamed: &str, label: &str, kind: Kind) -> Field {
    let mut field = Field::new(name, t(label), kind).value(typed.get(name));
    field.error = refused.and_then(|refused| refused.of(name).or_else(|| refused.of(blamed)));
    field
}

fn rate_form(cx: &Cx, categories: &[TaxCategory], typed: &Fields, refused: Option<&Refused>) -> Form {
    // A refusal belongs to the form that was sent.
    let refused = refused.filter(|_| typed.get("categoryName").is_empty());
    let choices = categories.iter().map(|category| Choice::new(category.id.to_string(), category.name.as_str())).collect();
    let fields = vec![
        field(typed, refused, "category", "id", "taxes-category", Kind::Select(choices)),
        field(typed, refused, "name", "name", "taxes-name", Kind::Text),
        field(typed, refused, "percent", "percent", "taxes-percent", Kind::Quantity { unit: "%".into() }),
        field(typed, refused, "fromDay", "fromDay", "taxes-from", Kind::Date).help(t("taxes-from-help")),
        field(typed, refused, "compound", "compound", "taxes-compound", Kind::Checkbox).optional(),
    ];
    let more = html! { (ui::mend(&fields)) (ui::field_line(&fields[..2])) (ui::field_line(&fields[2..4])) (ui::fields(&fields[4..])) };
    Form { more, ..Form::new("/settings/taxes/rates", cx.guard(), Vec::new(), t("taxes-set")) }
}

fn category_form(cx: &Cx, typed: &Fields, refused: Option<&Refused>) -> Form {
    let refused = refused.filter(|_| typed.get("category").is_empty() && typed.get("percent").is_empty());
    let fields = vec![field(typed, refused, "categoryName", "name", "taxes-category-name", Kind::Text)];
    Form::new("/settings/taxes", cx.guard(), fields, t("taxes-create"))
}
