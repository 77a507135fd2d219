//! Money, quantities, units and ratios.

use kernel::{Currency, Dimension, Entered, Money, Quantity, Ratio, Unit, split};
use proptest::{prelude::*, sample::select};

/// Currencies with 0, 2 and 3 decimals, with a sign of their own and without.
const CURRENCIES: [(&str, u32); 7] = [("JPY", 0), ("UGX", 0), ("GBP", 2), ("EUR", 2), ("KES", 2), ("KWD", 3), ("TND", 3)];

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn money(text: &str, code: &str) -> Result<i64, &'static str> {
    Money::parse(text, currency(code)).map(|money| money.minor).map_err(|error| error.code())
}

fn quantity(text: &str) -> Result<i64, &'static str> {
    text.parse::<Quantity>().map(Quantity::micros).map_err(|error| error.code())
}

fn json(text: &str) -> Option<i64> {
    serde_json::from_str::<Quantity>(text).ok().map(Quantity::micros)
}

#[test]
fn currencies_know_their_decimals_and_are_three_letters_on_the_wire() {
    for (code, decimals) in CURRENCIES {
        assert_eq!((currency(code).decimals(), currency(code).to_string()), (decimals, code.to_owned()));
    }
    assert_eq!((Currency::GBP.sign(), Currency::USD.sign(), currency("KES").sign()), ("£", "$", "KES"));
    assert_eq!((currency("EUR").sign(), currency("JPY").sign()), ("€", "¥"));
    assert!("XX".parse::<Currency>().is_err() && serde_json::from_str::<Currency>("\"gbp?\"").is_err());
    let five = Money::new(5_00, Currency::GBP);
    let text = serde_json::to_string(&five).unwrap();
    assert_eq!(text, r#"{"minor":500,"currency":"GBP"}"#);
    assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), five);
    for wrong in [r#"{"minor":5.5,"currency":"GBP"}"#, r#"{"minor":5,"currency":"GBP","major":1}"#, r#"{"minor":5}"#] {
        assert!(serde_json::from_str::<Money>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn money_is_read_as_people_type_it() {
    assert_eq!(
        [money("3.20", "GBP"), money(" 3 ", "GBP"), money("£1,234.5", "GBP"), money("-3.20", "GBP")],
        [Ok(320), Ok(300), Ok(123_450), Ok(-320)]
    );
    assert_eq!(
        [money("\u{2212}0.01", "GBP"), money("-£3.00", "GBP"), money("£-3.00", "GBP"), money("KES 1,200", "KES")],
        [Ok(-1), Ok(-300), Ok(-300), Ok(120_000)]
    );
    assert_eq!([money("¥1 200", "JPY"), money("1.234", "KWD"), money("5.", "GBP")], [Ok(1200), Ok(1234), Ok(500)]);
    for wrong in ["", "-", "£", ".5", "3.205", "3,20.1.0", "1e3", "+3", "--3", "NaN", "٣", "1234567890123456", "3.2 0"] {
        assert_eq!(money(wrong, "GBP"), Err("money.format"), "{wrong}");
    }
    assert_eq!(money("3.5", "JPY"), Err("money.format"));
}

#[test]
fn money_is_shown_with_its_sign_and_groups() {
    let shown = |minor, code| Money::new(minor, currency(code)).to_string();
    assert_eq!(shown(123_450, "GBP"), "£1,234.50");
    assert_eq!(shown(-300, "GBP"), "\u{2212}£3.00");
    assert_eq!(shown(120_000, "KES"), "KES\u{a0}1,200.00");
    assert_eq!((shown(5, "KWD"), shown(0, "JPY"), shown(1_000_000, "JPY")), ("KWD\u{a0}0.005".into(), "¥0".into(), "¥1,000,000".into()));
    assert_eq!(shown(i64::MIN, "JPY"), "\u{2212}¥9,223,372,036,854,775,807");
    assert_eq!(Money::new(-5, Currency::GBP).digits(), "-0.05");
    assert_eq!(Money::new(i64::MIN, currency("JPY")).digits(), "-9223372036854775808");
}

#[test]
fn money_adds_only_its_own_kind() {
    let pounds = |minor| Money::new(minor, Currency::GBP);
    assert_eq!(pounds(1).plus(pounds(2)).unwrap(), pounds(3));
    assert_eq!(pounds(1).plus(Money::new(2, Currency::USD)).unwrap_err().code(), "money.currency");
    assert_eq!(pounds(i64::MAX).plus(pounds(1)).unwrap_err().code(), "number.too_large");
}

#[test]
fn splits_that_can_be_checked_on_paper() {
    assert_eq!(split(10_00, &[1, 1, 1]), [334, 333, 333]);
    assert_eq!(split(-10_00, &[1, 1, 1]), [-334, -333, -333]);
    // A menu for 9.00 of sandwich 5 and drink 2 at one rate, pastry 3 at another.
    assert_eq!(split(9_00, &[7_00, 3_00]), [6_30, 2_70]);
    assert_eq!(split(5, &[0, 0]), [5, 0]);
    assert_eq!(split(5, &[-1, 2, 0]), [0, 5, 0]);
    assert_eq!(split(5, &[]), Vec::<i64>::new());
    assert_eq!(split(i64::MAX, &[i64::MAX, i64::MAX]), [i64::MAX / 2 + 1, i64::MAX / 2]);
    assert_eq!(split(i64::MIN, &[1]), [i64::MIN]);
}

#[test]
fn quantities_are_read_as_people_type_them() {
    assert_eq!(
        [quantity("2"), quantity("2.5"), quantity(" -0.25 "), quantity("\u{2212}1")],
        [Ok(2_000_000), Ok(2_500_000), Ok(-250_000), Ok(-1_000_000)]
    );
    assert_eq!([quantity("0.000001"), quantity("1000000000"), quantity("-0")], [Ok(1), Ok(Quantity::MOST), Ok(0)]);
    for wrong in ["", "-", ".5", "0.0000001", "1,5", "1e3", "+1", "NaN", "inf", "1 2"] {
        assert_eq!(quantity(wrong), Err("quantity.format"), "{wrong}");
    }
    for above in ["1000000000.000001", "9999999999", "10000000000000", "-99999999999999999999"] {
        assert_eq!(quantity(above), Err("quantity.too_large"), "{above}");
    }
    assert_eq!(quantity("000000000002.5"), Ok(2_500_000));
    assert_eq!((Quantity::from_micros(i64::MIN).to_string(), Quantity::default()), ("-9223372036854.775808".into(), Quantity::ZERO));
}

#[test]
fn json_numbers_mean_what_was_written() {
    assert_eq!(
        (json("0.1"), json("\"0.1\""), json("2"), json("-3"), json("2.0"), json("1234567890123")),
        (Some(100_000), Some(100_000), Some(2_000_000), Some(-3_000_000), Some(2_000_000), None)
    );
    assert_eq!((json("0.000001"), json("999999999.123456"), json("-0.0")), (Some(1), Some(999_999_999_123_456), Some(0)));
    for wrong in [
        "1e30",
        "-1e30",
        "1e-7",
        "NaN",
        "\"NaN\"",
        "Infinity",
        "18446744073709551615",
        "null",
        "true",
        "[1]",
        "{}",
        "\"\"",
        "0.30000000000000004",
    ] {
        assert_eq!(json(wrong), None, "{wrong}");
    }
    use serde::{
        Deserialize,
        de::{
            IntoDeserializer,
            value::{Error, F64Deserializer},
        },
    };
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        let number: F64Deserializer<Error> = wrong.into_deserializer();
        assert!(Quantity::deserialize(number).is_err(), "{wrong}");
    }
    assert_eq!(serde_json::to_string(&Quantity::from_micros(2_500_000)).unwrap(), "\"2.5\"");
}

#[test]
fn units_convert_exactly_or_not_at_all() {
    let find = |code| Unit::find(code).unwrap();
    let convert = |text: &str, from, to| {
        text.parse::<Quantity>().unwrap().by(find(from).ratio_to(find(to)).unwrap()).map(|q| q.to_string()).map_err(|e| e.code())
    };
    assert_eq!(
        (convert("2.5", "kg", "g"), convert("1.5", "dozen", "pc"), convert("33", "cl", "l")),
        (Ok("2500".into()), Ok("18".into()), Ok("0.33".into()))
    );
    assert_eq!((convert("1", "pc", "dozen"), convert("6", "pc", "dozen")), (Err("quantity.not_exact"), Ok("0.5".into())));
    assert_eq!((convert("0.000001", "g", "kg"), convert("1000000000", "kg", "g")), (Err("quantity.not_exact"), Err("quantity.too_large")));
    assert_eq!(Quantity::from_micros(i64::MAX).by(Ratio::new(1_000, 1).unwrap()).unwrap_err().code(), "quantity.too_large");
    assert_eq!(find("kg").ratio_to(find("l")).unwrap_err().code(), "unit.dimension");
    assert_eq!(Unit::find("stone").unwrap_err().code(), "unit.unknown");
    for (i, unit) in Unit::ALL.iter().enumerate() {
        assert!(unit.base > 0 && !Unit::ALL[..i].iter().any(|other| other.code == unit.code));
    }
    for dimension in [Dimension::Mass, Dimension::Volume, Dimension::Count] {
        assert_eq!(Unit::ALL.iter().filter(|unit| unit.dimension == dimension && unit.base == 1).count(), 1);
    }
}

#[test]
fn what_was_typed_is_kept_beside_what_it_means() {
    let bags = Entered { quantity: Quantity::whole(2), unit: "bag".into(), ratio: Ratio::new(50_000, 1).unwrap() };
    assert_eq!(bags.base().unwrap(), Quantity::whole(100_000));
    let text = serde_json::to_string(&bags).unwrap();
    assert_eq!(text, r#"{"quantity":"2","unit":"bag","ratio":[50000,1]}"#);
    assert_eq!(serde_json::from_str::<Entered>(&text).unwrap(), bags);
    for (over, under) in [(0, 1), (1, 0), (-1, 1), (1_000_000_000_001, 1)] {
        assert_eq!(Ratio::new(over, under).unwrap_err().code(), "unit.ratio");
        assert!(serde_json::from_str::<Ratio>(&format!("[{over},{under}]")).is_err());
    }
    assert_eq!((Ratio::ONE.numerator(), Ratio::ONE.denominator()), (1, 1));
}

#[test]
fn a_price_times_a_quantity_rounds_half_away_from_zero() {
    let times = |text: &str, price| text.parse::<Quantity>().unwrap().times_price(price).map_err(|error| error.code());
    assert_eq!(
        [times("0.5", 1), times("-0.5", 1), times("0.5", -1), times("0.499999", 1), times("2.5", 3_33)],
        [Ok(1), Ok(-1), Ok(-1), Ok(0), Ok(833)]
    );
    assert_eq!(times("1000000000", i64::MAX), Err("number.too_large"));
    assert_eq!(Quantity::from_micros(i64::MAX).plus(Quantity::ONE).unwrap_err().code(), "number.too_large");
    assert_eq!(Quantity::ONE.plus(Quantity::ONE.negated()).unwrap(), Quantity::ZERO);
}

proptest! {
    #[test]
    fn money_reads_what_it_shows(minor in -999_999_999_999_i64..=999_999_999_999, code in select(CURRENCIES.map(|c| c.0).to_vec())) {
        let money = Money::new(minor, currency(code));
        prop_assert_eq!(Money::parse(&money.to_string(), money.currency).unwrap(), money);
        prop_assert_eq!(Money::parse(&money.digits(), money.currency).unwrap(), money);
    }

    #[test]
    fn reading_never_breaks(text in "\\PC{0,24}", code in select(CURRENCIES.map(|c| c.0).to_vec())) {
        let _ = Money::parse(&text, currency(code));
        let _ = text.parse::<Quantity>();
    }

    #[test]
    fn parts_sum_and_are_fair(total in any::<i64>(), weights in proptest::collection::vec(prop_oneof![-3..10_i64, any::<i64>()], 1..20)) {
        let parts = split(total, &weights);
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
        let sum: i128 = weights.iter().map(|weight| i128::from((*weight).max(0))).sum();
        for (part, weight) in parts.iter().zip(&weights).filter(|_| sum > 0) {
            prop_assert!(part.signum() * total.signum() >= 0);
            // Within one of the exact share: |part × sum − total × weight| < sum.
            let weight = i128::from((*weight).max(0));
            let exact = i128::from(total).unsigned_abs() * weight.unsigned_abs();
            prop_assert!(i128::from(*part).unsigned_abs().abs_diff(exact / sum.unsigned_abs()) <= 1);
            prop_assert!(weight != 0 || *part == 0);
        }
        for (a, b) in parts.iter().zip(&weights).zip(parts.iter().zip(&weights).skip(1)) {
            prop_assert!(a.1.max(&0) != b.1.max(&0) || sum == 0 || a.0.abs_diff(*b.0) <= 1);
        }
        if total != i64::MIN {
            prop_assert_eq!(split(-total, &weights), parts.into_iter().map(|part| -part).collect::<Vec<_>>());
        }
    }

    #[test]
    fn quantities_read_what_they_show(micros in -Quantity::MOST..=Quantity::MOST) {
        let quantity = Quantity::from_micros(micros);
        prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
        let text = serde_json::to_string(&quantity).unwrap();
        prop_assert_eq!(serde_json::from_str::<Quantity>(&text).unwrap(), quantity);
        // A double holds 15 digits: what the sender wrote as a number is read digit for digit.
        let short = Quantity::from_micros(micros / 10);
        prop_assert_eq!(serde_json::from_str::<Quantity>(&short.to_string()).unwrap(), short);
    }

    #[test]
    fn a_ratio_is_exact_or_refused(micros in -Quantity::MOST..=Quantity::MOST, over in 1..100_000_i64, under in prop_oneof![1..20_i64, 1..100_000_i64]) {
        let (quantity, ratio) = (Quantity::from_micros(micros), Ratio::new(over, under).unwrap());
        match quantity.by(ratio) {
            Ok(there) => {
                prop_assert_eq!(i128::from(there.micros()) * i128::from(under), i128::from(micros) * i128::from(over));
                prop_assert_eq!(there.by(ratio.inverted()).unwrap(), quantity);
            }
            Err(error) if error.code() == "quantity.not_exact" => prop_assert_ne!(i128::from(micros) * i128::from(over) % i128::from(under), 0),
            Err(error) => {
                prop_assert_eq!(error.code(), "quantity.too_large");
                prop_assert!(i128::from(micros).abs() * i128::from(over) / i128::from(under) > i128::from(Quantity::MOST));
            }
        }
    }
}
