//! What stock is worth when it leaves, bookings, and entries of the log.

use kernel::{At, Cause, Change, Currency, DocumentRef, Id, Movement, Quantity, Transfer, account};
use proptest::prelude::*;

fn issue(quantity: i64, on_hand: i64, value: i64) -> Result<i64, &'static str> {
    Movement::issue_value(Quantity::from_micros(quantity), Quantity::from_micros(on_hand), value).map_err(|error| error.code())
}

#[test]
fn an_issue_takes_its_part_and_the_last_one_all() {
    assert_eq!([issue(1, 3, 10_00), issue(1, 2, 6_67), issue(1, 1, 3_34)], [Ok(3_33), Ok(3_34), Ok(3_34)]);
    assert_eq!(issue(4, 3, 10_00), Err("stock.short"));
    assert_eq!(
        (issue(Quantity::MOST, Quantity::MOST, i64::MAX), issue(Quantity::MOST - 1, Quantity::MOST, i64::MAX).is_ok()),
        (Ok(i64::MAX), true)
    );
}

proptest! {
    /// Against the plainest model there is: the exact share as a fraction, rounded by comparing.
    #[test]
    fn no_value_remains_without_stock(history in proptest::collection::vec((any::<bool>(), 1..5_000_000_i64, 0..100_000_i64), 1..60)) {
        let (mut on_hand, mut value) = (0_i64, 0_i64);
        let (mut received, mut issued) = (0_i64, 0_i64);
        let mut steps = history;
        steps.push((false, i64::MAX, 0));
        for (receipt, quantity, cost) in steps {
            if receipt {
                (on_hand, value, received) = (on_hand + quantity, value + cost, received + cost);
                continue;
            }
            if quantity < i64::MAX && quantity > on_hand {
                prop_assert_eq!(issue(quantity, on_hand, value), Err("stock.short"));
                continue;
            }
            // The last step, and nothing else, takes whatever is there.
            let quantity = quantity.min(on_hand);
            let taken = issue(quantity, on_hand, value).unwrap();
            let off = (i128::from(taken) * i128::from(on_hand) - i128::from(value) * i128::from(quantity)).abs();
            prop_assert!(off * 2 <= i128::from(on_hand), "{taken} is more than half a unit off");
            (on_hand, value, issued) = (on_hand - quantity, value - taken, issued + taken);
            prop_assert!(value >= 0 && (on_hand > 0 || value == 0), "{value} left on {on_hand}");
            prop_assert_eq!(received, issued + value);
        }
        prop_assert_eq!((on_hand, value), (0, 0));
    }
}

#[test]
fn a_booking_is_turned_round_or_left_out() {
    let at: At = "2026-01-31T08:30:00Z".parse().unwrap();
    let document = DocumentRef { kind: "order", id: account::CASH.uuid(), line: 0 };
    let of = |amount| Transfer {
        debit: account::CASH,
        credit: account::SALES,
        amount,
        currency: Currency::GBP,
        document,
        effective_at: at,
        day: "2026-01-31".parse().unwrap(),
    };
    assert_eq!((of(5).signed(), of(0).signed()), (Some(of(5)), None));
    assert_eq!(of(-5).signed(), Some(Transfer { debit: account::SALES, credit: account::CASH, ..of(5) }));
}

#[test]
fn accounts_and_causes_are_distinct() {
    use account::{
        CARD, CASH, COST_OF_SALES, EXPENSES, INVENTORY, MADE, MOBILE, OPENING, PAYABLE, RECEIVABLE, ROUNDING, SALES, STOCK_DIFFERENCE, TAX,
    };
    let mut books = vec![
        CARD,
        CASH,
        COST_OF_SALES,
        EXPENSES,
        INVENTORY,
        MADE,
        MOBILE,
        OPENING,
        PAYABLE,
        RECEIVABLE,
        ROUNDING,
        SALES,
        STOCK_DIFFERENCE,
        TAX,
    ];
    books.sort();
    books.dedup();
    assert_eq!(books.len(), 14);
    let causes = [Cause::Received, Cause::Made, Cause::Sold, Cause::Returned, Cause::Corrected].map(Cause::code);
    assert_eq!(causes, ["received", "made", "sold", "returned", "corrected"]);
}

#[test]
fn a_change_keeps_what_was_and_what_is() {
    let id: Id<kernel::of::Item> = Id::new(account::TAX.uuid());
    let change = Change::of("item.changed", "item", id, &"new").from(&"old");
    assert_eq!((change.before, change.after, change.id), (Some("old".into()), Some("new".into()), id.uuid()));
}
