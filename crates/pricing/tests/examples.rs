//! Cases that somebody can check on paper, those of tax offices first.
#![expect(clippy::inconsistent_digit_grouping, clippy::mistyped_literal_suffixes, reason = "minor units: 19_32 is 19.32")]

use kernel::{Currency, ItemId, PriceListId, Quantity, Result};
use pricing::{Discount, Method, Mode, Price, Quote, QuoteLine, Quoted, Rounding, TaxRate, choose, quote};

/// The id number `n`.
fn id<T>(n: u32) -> kernel::Id<T> {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

fn tax(n: u32, parts_per_million: i64) -> TaxRate {
    TaxRate { id: id(n), name: format!("tax {n}"), parts_per_million, compound: false }
}

fn line(quantity: &str, unit_price_minor: i64, taxes: &[TaxRate]) -> QuoteLine {
    QuoteLine { item: id(1), parent: None, quantity: quantity.parse().unwrap(), unit_price_minor, taxes: taxes.to_vec(), discount: None }
}

fn order(prices_include_tax: bool, rounding: Rounding, lines: Vec<QuoteLine>) -> Quote {
    Quote { lines, prices_include_tax, currency: Currency::GBP, rounding, mode: Mode::HalfAway, order_discount: None, cash_rounding: None }
}

fn code(result: Result<Quoted>) -> (&'static str, Option<String>) {
    match result.unwrap_err() {
        kernel::Error::Rule { code, field, .. } => (code.code, field),
        other => panic!("{other}"),
    }
}

/// The tax of one line at one rate.
fn one_tax(price: i64, rate: i64, included: bool) -> i64 {
    quote(&order(included, Rounding::PerLine, vec![line("1", price, &[tax(1, rate)])])).unwrap().totals.tax
}

#[test]
fn kenya_takes_16_percent_out_of_the_price() {
    let quoted =
        quote(&order(true, Rounding::PerLine, vec![line("1", 116_00, &[tax(1, 160_000)]), line("1", 65_00, &[tax(2, 0)])])).unwrap();
    let (cake, bread) = (&quoted.lines[0], &quoted.lines[1]);
    assert_eq!((cake.net, cake.taxes[0].base, cake.taxes[0].amount, cake.total), (100_00, 100_00, 16_00, 116_00));
    assert_eq!((bread.net, bread.taxes[0].base, bread.taxes[0].amount, bread.total), (65_00, 65_00, 0, 65_00));
}

#[test]
fn the_uk_lets_an_invoice_choose_how_it_rounds() {
    let mut invoice = order(false, Rounding::PerLine, vec![line("1", 1_33, &[tax(1, 200_000)]); 3]);
    assert_eq!(quote(&invoice).unwrap().totals.tax, 81);
    invoice.rounding = Rounding::PerDocument;
    assert_eq!(quote(&invoice).unwrap().totals.tax, 80);
    invoice.mode = Mode::Down;
    let quoted = quote(&invoice).unwrap();
    assert_eq!(quoted.totals.tax, 79);
    assert_eq!(quoted.lines.iter().map(|line| line.taxes[0].amount).collect::<Vec<_>>(), [27, 26, 26]);
}

#[test]
fn france_germany_and_the_states() {
    assert_eq!(one_tax(1_20, 55_000, true), 6);
    assert_eq!((one_tax(6_30, 100_000, true), one_tax(2_70, 55_000, true)), (57, 14));
    assert_eq!((one_tax(11_90, 190_000, true), one_tax(11_90, 70_000, true)), (1_90, 78));
    assert_eq!((one_tax(7_50, 190_000, true), one_tax(17_50, 70_000, true)), (1_20, 1_14));
    for (price, rate) in [(1_09, 70_000), (85, 88_750)] {
        let lines = vec![line("1", price, &[tax(1, rate)]); 3];
        assert_eq!(quote(&order(false, Rounding::PerLine, lines.clone())).unwrap().totals.tax, 24);
        assert_eq!(quote(&order(false, Rounding::PerDocument, lines)).unwrap().totals.tax, 23);
    }
}

#[test]
fn a_compound_tax_taxes_the_tax_before_it() {
    // Québec until 2012: 5 %, and 9.5 % on the price with the 5 %: 9.975.
    let taxes = [tax(1, 50_000), TaxRate { compound: true, ..tax(2, 95_000) }];
    let added = quote(&order(false, Rounding::PerLine, vec![line("1", 100_00, &taxes)])).unwrap();
    assert_eq!(added.lines[0].taxes.iter().map(|row| (row.base, row.amount)).collect::<Vec<_>>(), [(100_00, 5_00), (105_00, 9_98)]);
    assert_eq!(added.totals.total, 114_98);
    let included = quote(&order(true, Rounding::PerLine, vec![line("1", 114_98, &taxes)])).unwrap();
    assert_eq!(included.lines[0].taxes.iter().map(|row| (row.base, row.amount)).collect::<Vec<_>>(), [(100_00, 5_00), (105_00, 9_98)]);
    let first = [TaxRate { compound: true, ..tax(2, 95_000) }];
    assert_eq!(quote(&order(false, Rounding::PerLine, vec![line("1", 100_00, &first)])).unwrap().totals.tax, 9_50);
}

#[test]
fn one_tax_is_rounded_once_over_lines_with_different_other_taxes() {
    let (vat, levy) = (tax(1, 160_000), tax(2, 20_000));
    let lines = vec![line("1", 1_00, std::slice::from_ref(&vat)), line("1", 1_00, &[vat.clone(), levy]), line("1", 1_00, &[])];
    let quoted = quote(&order(true, Rounding::PerDocument, lines)).unwrap();
    // 100 × 16/116 + 100 × 16/118 = 13.793… + 13.559… = 27.35…; and 100 × 2/118 = 1.69….
    assert_eq!(
        quoted.lines.iter().map(|line| line.taxes.iter().map(|row| row.amount).collect()).collect::<Vec<Vec<_>>>(),
        [vec![14], vec![13, 2], vec![]]
    );
    assert_eq!((quoted.totals.net, quoted.totals.tax, quoted.totals.total), (2_71, 29, 3_00));
}

#[test]
fn halves_go_as_they_are_told() {
    // 10 % of 0.05, 0.15 and 0.25: halves every time.
    let with = |mode| {
        [5, 15, 25].map(|price| {
            quote(&Quote { mode, ..order(false, Rounding::PerLine, vec![line("1", price, &[tax(1, 100_000)])]) }).unwrap().totals.tax
        })
    };
    assert_eq!(with(Mode::HalfAway), [1, 2, 3]);
    assert_eq!(with(Mode::HalfEven), [0, 2, 2]);
    assert_eq!(with(Mode::Down), [0, 1, 2]);
}

#[test]
fn cash_is_rounded_to_the_smallest_coin_and_nothing_else_is() {
    let pay = |total: i64, coin| {
        let totals = quote(&Quote { cash_rounding: coin, ..order(true, Rounding::PerLine, vec![line("1", total, &[])]) }).unwrap().totals;
        assert_eq!((totals.total, totals.to_pay - totals.rounding_difference), (total, total));
        totals.to_pay
    };
    let five = Some(5);
    assert_eq!(
        [4_92, 5_97, 5_98, 12_92, 12_97, 12_98, 19_32].map(|total| pay(total, five)),
        [4_90, 5_95, 6_00, 12_90, 12_95, 13_00, 19_30]
    );
    assert_eq!((pay(1_03, five), pay(1_07, five), pay(-4_92, five), pay(4_92, None), pay(150, Some(100))), (1_05, 1_05, -4_90, 4_92, 200));
    // Canada: 1.83 + 2.86 + 5 % = 4.92.
    let canada = order(false, Rounding::PerDocument, vec![line("1", 1_83, &[tax(1, 50_000)]), line("1", 2_86, &[tax(1, 50_000)])]);
    let totals = quote(&Quote { cash_rounding: five, ..canada }).unwrap().totals;
    assert_eq!((totals.tax, totals.total, totals.to_pay, totals.rounding_difference), (23, 4_92, 4_90, -2));
    let wrong = Quote { cash_rounding: Some(0), ..order(true, Rounding::PerLine, vec![]) };
    assert_eq!(code(quote(&wrong)), ("number.positive", Some("cash_rounding".into())));
}

#[test]
fn line_discounts_come_first_then_the_orders_then_tax() {
    let mut lines = vec![line("2", 5_00, &[tax(1, 200_000)]), line("0.5", 8_00, &[tax(2, 0)]), line("1", 2_00, &[])];
    lines[0].discount = Some(Discount::PartsPerMillion(100_000));
    let quoted = quote(&Quote { order_discount: Some(Discount::Amount(1_00)), ..order(false, Rounding::PerLine, lines) }).unwrap();
    // 9.00, 4.00 and 2.00 bear 1.00: 0.60, 0.266…, 0.133….
    let amounts: Vec<_> = quoted.lines.iter().map(|l| (l.gross, l.discount, l.net, l.total)).collect();
    assert_eq!(amounts, [(10_00, 1_60, 8_40, 10_08), (4_00, 27, 3_73, 3_73), (2_00, 13, 1_87, 1_87)]);
    let totals = quoted.totals;
    assert_eq!(
        (totals.gross, totals.discount, totals.net, totals.tax, totals.total, totals.to_pay),
        (16_00, 2_00, 14_00, 1_68, 15_68, 15_68)
    );
}

#[test]
fn an_exchange_lets_the_side_of_its_sum_bear_the_discount() {
    let lines = vec![line("-1", 3_00, &[]), line("1", 5_00, &[]), line("1", 3_00, &[])];
    let quoted =
        quote(&Quote { order_discount: Some(Discount::PartsPerMillion(100_000)), ..order(true, Rounding::PerLine, lines) }).unwrap();
    assert_eq!(quoted.lines.iter().map(|line| line.discount).collect::<Vec<_>>(), [0, 31, 19]);
}

#[test]
fn what_cannot_be_is_refused_and_blamed() {
    let ten = || line("1", 10_00, &[tax(1, 200_000)]);
    let off = |discount| vec![ten(), QuoteLine { discount: Some(discount), ..ten() }];
    let ask = |lines| code(quote(&order(false, Rounding::PerDocument, lines)));
    let at = |field: &str| Some(field.to_owned());
    assert_eq!(ask(off(Discount::Amount(10_01))), ("order.discount", at("lines.1.discount")));
    assert_eq!(ask(off(Discount::Amount(-1))), ("number.not_negative", at("lines.1.discount")));
    assert_eq!(ask(off(Discount::PartsPerMillion(1_001_000))), ("order.discount", at("lines.1.discount")));
    assert_eq!(ask(off(Discount::PartsPerMillion(-1))), ("number.not_negative", at("lines.1.discount")));
    assert_eq!(ask(vec![line("1", 1, &[tax(1, -1)])]), ("number.not_negative", at("lines.0.taxes")));
    assert_eq!(ask(vec![QuoteLine { parent: Some(0), ..ten() }]), ("choice.unknown", at("lines.0.parent")));
    let order_discount = Some(Discount::Amount(20_01));
    let whole = Quote { order_discount, ..order(false, Rounding::PerLine, vec![ten(), ten()]) };
    assert_eq!(code(quote(&whole)), ("order.discount", at("discount")));
    let free = Quote { order_discount: Some(Discount::Amount(20_00)), ..whole };
    assert_eq!(quote(&free).unwrap().totals.total, 0);
    assert!(quote(&order(false, Rounding::PerLine, vec![ten(), QuoteLine { parent: Some(0), ..ten() }])).is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let huge = |quantity, price, rates: &[i64]| {
        let taxes: Vec<_> = rates.iter().map(|rate| TaxRate { compound: true, ..tax(1, *rate) }).collect();
        QuoteLine { quantity: Quantity::from_micros(quantity), ..line("1", price, &taxes) }
    };
    let one = Quantity::ONE.micros();
    let cases = [
        vec![huge(i64::MIN, 1, &[])],
        vec![huge(Quantity::MOST + 1, 0, &[])],
        vec![huge(Quantity::MOST, i64::MAX, &[])],
        vec![huge(one, i64::MIN, &[])],
        vec![huge(one, i64::MAX, &[1])],
        vec![huge(one, i64::MAX, &[]), huge(one, 1, &[])],
        vec![huge(one, i64::MAX, &[i64::MAX; 3])],
        vec![huge(one, i64::MAX, &[999_999; 9])],
    ];
    for lines in cases {
        for rounding in Rounding::ALL {
            let result = quote(&order(false, *rounding, lines.clone()));
            assert_eq!(result.map_err(|error| error.code()), Err("number.too_large"), "{lines:?}");
        }
    }
    let most = quote(&order(true, Rounding::PerDocument, vec![huge(one, i64::MAX, &[200_000]), huge(-one, i64::MAX, &[200_000])])).unwrap();
    assert_eq!((most.totals.total, most.totals.tax, most.lines[0].total), (0, 0, i64::MAX));
    let coin = Quote { cash_rounding: Some(i64::MAX - 1), ..order(true, Rounding::PerLine, vec![huge(one, i64::MAX, &[])]) };
    assert_eq!(quote(&coin).unwrap().totals.to_pay, i64::MAX - 1);
    // One tax beside eight others, so that its exact sum has a denominator beyond all measure.
    let beside = |n| line("1", i64::MAX / 8, &[tax(1, 7), tax(n, 999_983 - 2 * i64::from(n))]);
    let odd = order(true, Rounding::PerDocument, (2..10).map(beside).collect());
    assert_eq!(quote(&odd).map_err(|error| error.code()), Err("number.too_large"));
}

#[test]
fn the_latest_price_of_the_first_list_applies() {
    let [customer, site, default]: [PriceListId; 3] = [id(1), id(2), id(3)];
    let [bread, cake]: [ItemId; 2] = [id(11), id(12)];
    let price = |list, from: &str, min: &str, unit_price_minor| Price {
        item: bread,
        list,
        from: from.parse().unwrap(),
        min_quantity: min.parse().unwrap(),
        unit_price_minor,
    };
    let prices = [
        price(default, "2026-01-01", "0", 300),
        price(default, "2026-01-01", "10", 250),
        price(default, "2026-02-01", "0", 320),
        price(site, "2026-03-01", "0", 290),
        price(customer, "2026-03-01", "100", 200),
    ];
    let at = |day: &str, quantity: &str| {
        let found = choose(&prices, &[customer, site, default], bread, day.parse().unwrap(), quantity.parse().unwrap());
        found.map(|price| price.unit_price_minor)
    };
    assert_eq!(at("2025-12-31", "1"), None);
    assert_eq!((at("2026-01-01", "9.999999"), at("2026-01-31", "10"), at("2026-01-31", "-10")), (Some(300), Some(250), Some(250)));
    assert_eq!((at("2026-02-01", "10"), at("2026-03-01", "1"), at("2026-03-01", "100")), (Some(320), Some(290), Some(200)));
    let day = "2026-03-01".parse().unwrap();
    assert_eq!(choose(&prices, &[customer, site, default], cake, day, Quantity::ONE), None);
    assert_eq!(choose(&prices, &[], bread, day, Quantity::ONE), None);
}

#[test]
fn methods_debit_their_accounts() {
    use kernel::account::{CARD, CASH, MOBILE, RECEIVABLE};
    assert_eq!(Method::ALL.iter().map(|method| method.account()).collect::<Vec<_>>(), [CASH, CARD, MOBILE, RECEIVABLE]);
}

#[test]
fn stored_words_are_read_back_and_are_those_of_json() {
    fn check<T>(all: &[T], code: impl Fn(&T) -> &'static str)
    where
        T: std::str::FromStr<Err = kernel::Error> + std::fmt::Display + std::fmt::Debug + PartialEq + serde::Serialize,
    {
        for value in all {
            assert_eq!(code(value).parse::<T>().unwrap(), *value);
            assert_eq!((value.to_string(), serde_json::to_value(value).unwrap()), (code(value).to_owned(), code(value).into()));
        }
        let mut words: Vec<_> = all.iter().map(code).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all.len());
        assert_eq!("Nothing such".parse::<T>().unwrap_err().code(), "choice.unknown");
    }
    check(Method::ALL, |method| method.code());
    check(pricing::State::ALL, |state| state.code());
    check(pricing::Act::ALL, |act| act.code());
    check(Rounding::ALL, |rounding| rounding.code());
    check(Mode::ALL, |mode| mode.code());
}

#[test]
fn a_quote_travels_as_json() {
    let mut asked = order(true, Rounding::PerDocument, vec![line("2.5", 3_20, &[tax(1, 200_000)])]);
    asked.lines[0].discount = Some(Discount::PartsPerMillion(50_000));
    asked.order_discount = Some(Discount::Amount(10));
    let text = serde_json::to_string(&asked).unwrap();
    assert!(text.contains(r#""quantity":"2.5""#) && text.contains(r#""discount":{"parts_per_million":50000}"#), "{text}");
    let read: Quote = serde_json::from_str(&text).unwrap();
    assert_eq!(read, asked);
    let quoted = quote(&read).unwrap();
    assert_eq!(serde_json::from_str::<Quoted>(&serde_json::to_string(&quoted).unwrap()).unwrap(), quoted);
}
