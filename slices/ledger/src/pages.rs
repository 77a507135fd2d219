//! The trial balance and the transfers behind it.

use std::collections::BTreeMap;

use kernel::{Money, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, ListPage, Refused, Reply, t, tf,
    ui::{self, Column, ColumnKind, Empty, Fact, Field, FilterBar, Kind, Row, Table, Toolbar},
};

use crate::{
    balance::{self, Balances},
    close::{CloseThrough, Closed, closed_through},
    transfer::{self, TRANSFERS},
};

/// `GET /ledger`.
pub(crate) async fn trial_balance(cx: Cx) -> Result<Markup> {
    page(&cx, &Fields::default(), None).await
}

/// `POST /ledger/close`: asks first, and closes when the answer names the same day.
pub(crate) async fn close(cx: Cx, fields: Fields) -> Result<Reply> {
    let mut reader = fields.reader();
    let day = reader.day("day");
    let command = reader.done(|| Some(CloseThrough { day: day? }));
    if let Ok(command) = &command
        && fields.get("sure") != command.day.to_string()
    {
        return match Cx::refusable(command.check(&mut cx.tx().await?).await)? {
            Ok(before) => Ok(Reply::page(sure(&cx, command, &before))),
            Err(refused) => Ok(Reply::refused(page(&cx, &fields, Some(&refused)).await?)),
        };
    }
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see("/ledger")),
        Err(refused) => Ok(Reply::refused(page(&cx, &fields, Some(&refused)).await?)),
    }
}

/// What closing would do, and the button that does it.
fn sure(cx: &Cx, command: &CloseThrough, before: &Closed) -> Markup {
    let day = web::day_text(command.day);
    let said = command.day.to_string();
    let body = html! {
        section class="stack" {
            p { (tf("ledger-close-will", &[("day", &day)])) }
            p { (now(before)) }
            (ui::form(&ui::Form {
                cancel: Some(ui::Button::link(t("ledger-close-leave"), "/ledger")),
                ..ui::Form::new(
                    "/ledger/close",
                    cx.guard(),
                    vec![Field::hidden("day", &said), Field::hidden("sure", &said)],
                    tf("ledger-close-through", &[("day", &day)]),
                )
            }))
        }
    };
    let crumbs = vec![ui::Crumb { label: t("ledger-title"), href: "/ledger".into() }];
    let title = tf("ledger-close-sure", &[("day", &day)]);
    cx.page_with(Toolbar { crumbs, title, now: None, buttons: Vec::new() }, body)
}

async fn page(cx: &Cx, fields: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let day = balance::as_of(cx, &mut tx).await?;
    let balances = balance::balances(&mut tx, day).await?;
    let closed = closed_through(&mut tx).await?;
    let bar = FilterBar {
        action: "/ledger".into(),
        fields: vec![Field::new("asOf", t("ledger-as-of"), Kind::Date).value(day.to_string())],
        keep: Vec::new(),
        clear: None,
        found: None,
    };
    let toolbar = Toolbar { crumbs: Vec::new(), title: t("ledger-title"), now: Some(now(&closed)), buttons: Vec::new() };
    let body = html! {
        (ui::filter_bar(&bar))
        (ui::table(&table(&balances)))
        (differences(&balances))
        p { a href="/ledger/transfers" { (t("ledger-all-transfers")) } }
        @if cx.op.permissions.has(kernel::Permission::LedgerClose) { (closing(cx, fields, refused)) }
    };
    Ok(cx.page_with(toolbar, body))
}

fn now(closed: &Closed) -> Markup {
    match closed.closed_through {
        Some(day) => html! { (tf("ledger-closed-through", &[("day", &web::day_text(day))])) },
        None => html! { (t("ledger-nothing-closed")) },
    }
}

fn closing(cx: &Cx, fields: &Fields, refused: Option<&Refused>) -> Markup {
    let mut day = Field::new("day", t("ledger-close-day"), Kind::Date).value(fields.get("day")).help(t("ledger-close-help"));
    day.error = refused.and_then(|r| r.of("day"));
    html! {
        section class="stack" {
            h2 { (t("ledger-close-title")) }
            @if let Some(refused) = refused { (refused.general()) }
            (ui::form(&ui::Form::new("/ledger/close", cx.guard(), vec![day], t("ledger-close"))))
        }
    }
}

fn amount(money: Money) -> Markup {
    html! { span class="number" { (money) } }
}

fn table(balances: &Balances) -> Table {
    let side = |money: Money| {
        if money.minor > 0 {
            amount(money)
        } else {
            html! {}
        }
    };
    let turned = |money: Money| Money { minor: -money.minor, ..money };
    let rows = balances.rows.iter().map(|b| Row {
        id: b.book_id.to_string(),
        name: b.name.clone(),
        href: Some(format!("/ledger/transfers?book={}&to={}", b.book_id, balances.as_of)),
        cells: vec![html! { (b.code) " " (b.name) }, html! { (t(&format!("book-{}", b.kind))) }, side(b.balance), side(turned(b.balance))],
    });
    let total = match sums(balances).as_slice() {
        [(debit, credit)] => Some(vec![html! { (t("ledger-total")) }, html! {}, amount(*debit), amount(*credit)]),
        _ => None,
    };
    Table {
        caption: t("ledger-title"),
        columns: vec![
            Column::new(t("ledger-book"), ColumnKind::Text),
            Column::new(t("ledger-kind"), ColumnKind::Text),
            Column::new(t("transfer-debit"), ColumnKind::Number),
            Column::new(t("transfer-credit"), ColumnKind::Number),
        ],
        rows: rows.collect(),
        total,
        bulk: None,
        empty: Some(Empty { icon: "book", title: t("ledger-empty-title"), text: t("ledger-empty-text"), first: None }),
    }
}

/// Both sides of each currency.
fn sums(balances: &Balances) -> Vec<(Money, Money)> {
    let mut sums: BTreeMap<&str, (Money, Money)> = BTreeMap::new();
    for b in &balances.rows {
        let none = Money::new(0, b.balance.currency);
        let sum = sums.entry(b.balance.currency.code()).or_insert((none, none));
        sum.0.minor += b.balance.minor.max(0);
        sum.1.minor -= b.balance.minor.min(0);
    }
    sums.into_values().collect()
}

/// Both sides per currency, and what they differ by: nothing. Those of a single currency stand under the table.
fn differences(balances: &Balances) -> Markup {
    let sums = sums(balances);
    let single = sums.len() < 2;
    html! {
        @for (debit, credit) in sums.into_iter().filter(|(debit, credit)| !single || debit != credit) {
            (ui::facts(&[
                Fact::new(t("transfer-debit"), amount(debit)),
                Fact::new(t("transfer-credit"), amount(credit)),
                Fact::new(t("ledger-difference"), amount(Money { minor: debit.minor - credit.minor, ..debit })),
            ]))
        }
    }
}

/// `GET /ledger/transfers`.
pub(crate) async fn transfers(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let tenant = tx.tenant().uuid();
    let books = sqlx::query!("SELECT id, code, name FROM ledger.book WHERE tenant_id = $1 ORDER BY code LIMIT 500", tenant)
        .fetch_all(tx.conn())
        .await?;
    let given = |name: &str| cx.param(name).unwrap_or_default().to_owned();
    let choices = std::iter::once(ui::Choice::new("", t("ledger-all-books")))
        .chain(books.into_iter().map(|b| ui::Choice::new(b.id.to_string(), format!("{} {}", b.code, b.name))));
    let bar = FilterBar {
        action: "/ledger/transfers".into(),
        fields: vec![
            Field::new("from", t("ledger-from"), Kind::Date).value(given("from")),
            Field::new("to", t("ledger-to"), Kind::Date).value(given("to")),
            Field::new("book", t("ledger-book"), Kind::Select(choices.collect())).value(given("book")),
        ],
        keep: Vec::new(),
        clear: (!cx.query.is_empty()).then(|| "/ledger/transfers".to_owned()),
        found: None,
    };
    let list = ListPage {
        list: &TRANSFERS,
        here: "/ledger/transfers",
        api: "/v1/ledger/transfers",
        name: "document",
        open: transfer::open,
        empty: Empty { icon: "book", title: t("ledger-empty-title"), text: t("ledger-empty-text"), first: None },
        clock: cx.clock(),
        codes: &[],
        within: &[],
        files_only: &[],
    };
    let shown = list.show(&cx, &mut tx).await?;
    let crumbs = vec![ui::Crumb { label: t("ledger-title"), href: "/ledger".into() }];
    Ok(cx.page_with(
        Toolbar { crumbs, title: t("ledger-transfers"), now: None, buttons: Vec::new() },
        html! { (ui::filter_bar(&bar)) (shown) },
    ))
}
