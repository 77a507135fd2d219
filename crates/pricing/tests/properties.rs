//! What holds for every order, however odd.

use kernel::{Currency, Id, Permissions, Quantity};
use pricing::{Act, Discount, MOVES, Mode, Quote, QuoteLine, Quoted, QuotedLine, Rounding, State, TaxRate, acts, after, quote, refund};
use proptest::{prelude::*, sample::select};

fn id<T>(n: u32) -> Id<T> {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

fn taxes() -> impl Strategy<Value = Vec<TaxRate>> {
    let tax = |n: u32, parts_per_million, compound| TaxRate { id: id(n), name: format!("tax {n}"), parts_per_million, compound };
    let (vat, reduced, levy, compound, state) =
        (tax(1, 200_000, false), tax(1, 55_000, false), tax(2, 20_000, false), tax(3, 95_000, true), tax(4, 88_750, false));
    select(vec![
        vec![],
        vec![vat.clone()],
        vec![reduced],
        vec![vat.clone(), levy.clone()],
        vec![levy, compound.clone()],
        vec![vat, compound],
        vec![state],
    ])
}

fn discount() -> impl Strategy<Value = Option<Discount>> {
    prop_oneof![Just(None), (0..=1_000_000_i64).prop_map(|parts| Some(Discount::PartsPerMillion(parts)))]
}

fn line(quantities: std::ops::Range<i64>) -> impl Strategy<Value = QuoteLine> {
    // Small prices meet halves and ties most often.
    let price = prop_oneof![0..20_i64, 0..100_000_i64];
    let quantity = prop_oneof![quantities.clone().prop_map(|n| n / 1_000_000 * 1_000_000), quantities];
    (quantity, price, taxes(), discount()).prop_map(|(quantity, unit_price_minor, taxes, discount)| QuoteLine {
        item: id(1),
        parent: None,
        quantity: Quantity::from_micros(quantity),
        unit_price_minor,
        taxes,
        discount,
    })
}

fn any_quote(quantities: std::ops::Range<i64>) -> impl Strategy<Value = Quote> {
    let how = (any::<bool>(), select(Rounding::ALL), select(Mode::ALL), discount(), select(vec![None, Some(5), Some(100)]));
    (proptest::collection::vec(line(quantities), 0..9), how).prop_map(
        |(lines, (prices_include_tax, rounding, mode, order_discount, cash_rounding))| Quote {
            lines,
            prices_include_tax,
            currency: Currency::GBP,
            rounding,
            mode,
            order_discount,
            cash_rounding,
        },
    )
}

const SALES: std::ops::Range<i64> = 0..50_000_000;
const BOTH: std::ops::Range<i64> = -50_000_000..50_000_000;

fn sum(lines: &[QuotedLine], of: impl Fn(&QuotedLine) -> i64) -> i64 {
    lines.iter().map(of).sum()
}

fn negative(mut line: QuotedLine) -> QuotedLine {
    for row in &mut line.taxes {
        (row.base, row.amount) = (-row.base, -row.amount);
    }
    QuotedLine { gross: -line.gross, discount: -line.discount, net: -line.net, total: -line.total, taxes: line.taxes }
}

/// What a line's taxes come to without any rounding.
fn exact_taxes(amount: i64, taxes: &[TaxRate], included: bool) -> Vec<f64> {
    let mut with_tax = 1.0;
    let mut shares = Vec::new();
    for tax in taxes {
        let share = tax.parts_per_million as f64 / 1e6 * if tax.compound { with_tax } else { 1.0 };
        with_tax += share;
        shares.push(share);
    }
    let on = if included { amount as f64 / with_tax } else { amount as f64 };
    shares.into_iter().map(|share| share * on).collect()
}

fn check_line(asked: &Quote, line: &QuoteLine, got: &QuotedLine) {
    let tax = got.tax().unwrap();
    assert_eq!(got.net + tax, got.total);
    assert_eq!(got.gross - got.discount, if asked.prices_include_tax { got.total } else { got.net });
    assert!(got.discount.abs() <= got.gross.abs() && got.discount.signum() * got.gross.signum() >= 0);
    assert_eq!(got.gross, line.quantity.times_price(line.unit_price_minor).unwrap());
    let most = match (asked.rounding, asked.mode) {
        (Rounding::PerLine, Mode::HalfAway | Mode::HalfEven) => 0.5 + 1e-6,
        _ => 1.0 + 1e-6,
    };
    let mut base = got.net;
    for ((row, tax), exact) in
        got.taxes.iter().zip(&line.taxes).zip(exact_taxes(got.gross - got.discount, &line.taxes, asked.prices_include_tax))
    {
        assert_eq!((row.tax, row.base), (tax.id, if tax.compound { base } else { got.net }));
        assert!((row.amount as f64 - exact).abs() <= most, "{row:?} {exact}");
        base += row.amount;
    }
}

fn check(asked: &Quote, got: &Quoted) {
    assert_eq!(got.lines.len(), asked.lines.len());
    for (line, got) in asked.lines.iter().zip(&got.lines) {
        check_line(asked, line, got);
    }
    let totals = got.totals;
    assert_eq!(totals.gross, sum(&got.lines, |line| line.gross));
    assert_eq!(totals.discount, sum(&got.lines, |line| line.discount));
    assert_eq!(totals.net, sum(&got.lines, |line| line.net));
    assert_eq!(totals.tax, sum(&got.lines, |line| line.tax().unwrap()));
    assert_eq!(totals.total, sum(&got.lines, |line| line.total));
    assert_eq!(totals.net + totals.tax, totals.total);
    assert_eq!(totals.gross - totals.discount, if asked.prices_include_tax { totals.total } else { totals.net });
    assert_eq!(totals.to_pay, totals.total + totals.rounding_difference);
    let coin = asked.cash_rounding.unwrap_or(1);
    assert!(totals.to_pay % coin == 0 && totals.rounding_difference.abs() * 2 <= coin);
}

proptest! {
    #[test]
    fn every_order_adds_up(asked in any_quote(BOTH)) {
        check(&asked, &quote(&asked).unwrap());
    }

    #[test]
    fn an_order_discount_in_money_is_taken_off_to_the_last_unit(asked in any_quote(SALES), part in 0.0..=1.0_f64) {
        let plain = quote(&Quote { order_discount: None, ..asked.clone() }).unwrap();
        let left = plain.totals.gross - plain.totals.discount;
        let off = ((left as f64 * part) as i64).min(left);
        let asked = Quote { order_discount: Some(Discount::Amount(off)), ..asked };
        let got = quote(&asked).unwrap();
        check(&asked, &got);
        prop_assert_eq!(got.totals.discount, plain.totals.discount + off);
        let more = Quote { order_discount: Some(Discount::Amount(left + 1)), ..asked };
        prop_assert_eq!(quote(&more).unwrap_err().code(), "order.discount");
    }

    #[test]
    fn a_full_refund_is_exactly_the_negative(asked in any_quote(BOTH)) {
        let sold = quote(&asked).unwrap();
        let mut back = asked;
        for line in &mut back.lines {
            line.quantity = line.quantity.negated();
        }
        let back = quote(&back).unwrap();
        prop_assert_eq!(&back.lines, &sold.lines.into_iter().map(negative).collect::<Vec<_>>());
        prop_assert_eq!((back.totals.to_pay, back.totals.rounding_difference), (-sold.totals.to_pay, -sold.totals.rounding_difference));
    }

    #[test]
    fn the_order_of_lines_changes_no_total(asked in any_quote(BOTH), seed in any::<u64>()) {
        let totals = quote(&asked).unwrap().totals;
        let mut moved = asked;
        let mut keyed: Vec<_> = moved.lines.into_iter().enumerate().collect();
        keyed.sort_by_key(|(i, _)| (seed ^ *i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        moved.lines = keyed.into_iter().map(|(_, line)| line).collect();
        prop_assert_eq!(quote(&moved).unwrap().totals, totals);
    }

    #[test]
    fn per_document_rounds_each_tax_once(asked in any_quote(BOTH)) {
        let asked = Quote { rounding: Rounding::PerDocument, mode: Mode::HalfAway, ..asked };
        let got = quote(&asked).unwrap();
        let mut taxes = std::collections::BTreeMap::<_, (f64, i64)>::new();
        for (line, got) in asked.lines.iter().zip(&got.lines) {
            let exact = exact_taxes(got.gross - got.discount, &line.taxes, asked.prices_include_tax);
            for ((tax, row), exact) in line.taxes.iter().zip(&got.taxes).zip(exact) {
                let sums = taxes.entry((tax.id, tax.parts_per_million)).or_default();
                *sums = (sums.0 + exact, sums.1 + row.amount);
            }
        }
        for (exact, rows) in taxes.into_values() {
            prop_assert!((exact - rows as f64).abs() <= 0.5 + 1e-4, "{} {}", exact, rows);
        }
    }

    #[test]
    fn refunds_in_steps_sum_to_the_sale(asked in any_quote(1..50_000_000), steps in proptest::collection::vec(1..20_000_000_i64, 0..12)) {
        for (asked, sold) in asked.lines.iter().zip(quote(&asked).unwrap().lines) {
            let mut already = Quantity::ZERO;
            let mut left = sold.clone();
            for step in steps.iter().copied().chain([i64::MAX]) {
                let rest = asked.quantity.micros() - already.micros();
                if rest == 0 {
                    break;
                }
                let step = Quantity::from_micros(step.min(rest));
                let part = refund(&sold, asked.quantity, already, step).unwrap();
                check_part(&sold, &part);
                already = already.plus(step).unwrap();
                left = minus(left, &part);
            }
            prop_assert_eq!(already, asked.quantity);
            prop_assert_eq!(left, minus(sold.clone(), &sold));
        }
    }

    #[test]
    fn an_order_only_goes_where_the_table_lets_it(walk in proptest::collection::vec(select(Act::ALL), 0..20)) {
        let mut state = State::Open;
        let mut paid = false;
        for act in walk {
            let offered = acts(state, Permissions::ALL);
            match after(state, act) {
                Ok(next) => {
                    prop_assert!(offered.contains(&act));
                    paid |= act == Act::Pay;
                    state = next;
                }
                Err(error) => {
                    prop_assert!(!offered.contains(&act));
                    prop_assert_eq!(error.code(), "order.state");
                }
            }
            prop_assert_eq!(paid, !matches!(state, State::Open | State::Voided));
            prop_assert_eq!(acts(state, Permissions::ALL).is_empty(), matches!(state, State::Refunded | State::Voided));
        }
    }
}

fn check_part(sold: &QuotedLine, part: &QuotedLine) {
    assert_eq!(part.net + part.tax().unwrap(), part.total);
    let included = sold.gross - sold.discount == sold.total;
    assert_eq!(part.gross - part.discount, if included { part.total } else { part.net });
    assert!([part.gross, part.discount, part.net, part.total].iter().all(|amount| *amount >= 0), "{part:?}");
    assert!(part.taxes.iter().all(|row| row.amount >= 0), "{part:?}");
}

fn minus(mut left: QuotedLine, part: &QuotedLine) -> QuotedLine {
    for (row, part) in left.taxes.iter_mut().zip(&part.taxes) {
        (row.base, row.amount) = (row.base - part.base, row.amount - part.amount);
    }
    QuotedLine {
        gross: left.gross - part.gross,
        discount: left.discount - part.discount,
        net: left.net - part.net,
        total: left.total - part.total,
        taxes: left.taxes,
    }
}

#[test]
fn no_more_than_was_sold_is_paid_back() {
    let line = QuotedLine { gross: 10_00, net: 10_00, total: 10_00, ..QuotedLine::default() };
    let back = |sold, already, quantity| refund(&line, Quantity::whole(sold), Quantity::whole(already), Quantity::whole(quantity));
    let code = |result: kernel::Result<QuotedLine>| result.unwrap_err().code();
    assert_eq!([back(3, 0, 1), back(3, 1, 1), back(3, 2, 1)].map(|part| part.unwrap().total), [3_33, 3_34, 3_33]);
    assert_eq!(code(back(3, 2, 2)), "order.refund_more");
    assert_eq!(code(back(3, 3, 1)), "order.refund_more");
    assert_eq!(code(back(-3, 0, 1)), "order.refund_more");
    assert_eq!(
        (code(back(3, 0, 0)), code(back(3, 0, -1)), code(back(3, -1, 1))),
        ("number.positive", "number.positive", "number.not_negative")
    );
    let huge = Quantity::from_micros(i64::MAX);
    assert_eq!(code(refund(&line, huge, huge, Quantity::ONE)), "number.too_large");
    // A line that came to nothing pays nothing back.
    let free = QuotedLine { gross: 1_00, discount: 1_00, ..QuotedLine::default() };
    let part = refund(&free, Quantity::whole(2), Quantity::ZERO, Quantity::ONE).unwrap();
    assert_eq!((part.gross, part.discount, part.total), (50, 50, 0));
}

#[test]
fn the_table_is_sound_and_asks_for_permissions() {
    for (i, (from, act, to, needs)) in MOVES.iter().enumerate() {
        assert!(!MOVES[..i].iter().any(|(other, with, ..)| other == from && with == act), "{from} {act} twice");
        assert_eq!(after(*from, *act).unwrap(), *to);
        assert!(acts(*from, Permissions::NONE.with(*needs)).contains(act));
        assert!(acts(*from, Permissions::NONE).is_empty());
    }
    let reached = |state: &State| *state == State::Open || MOVES.iter().any(|(_, _, to, _)| to == state);
    assert!(State::ALL.iter().all(reached));
    assert!(Act::ALL.iter().all(|act| MOVES.iter().any(|(_, with, ..)| with == act)));
    let seller = Permissions::of_roles(&[kernel::Role::Seller]);
    assert_eq!(acts(State::Open, seller), [Act::Pay, Act::Void]);
    assert_eq!(acts(State::Paid, seller), []);
}
