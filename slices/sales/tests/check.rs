//! `hearth check` finds each kind of spoiled order and names it.

use testkit::{own_database, text};

#[test]
fn each_spoiled_row_is_found_and_named() {
    own_database(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let bread = story.stocked("Bread", 320).await;
        story.bring_in(&bread, "10", 1000).await;
        story.sell(&coffee, "2").await;
        let order = text(&story.sell(&bread, "1").await["id"]);
        assert!(story.check().await.is_empty());
        for (spoil, mend, check) in [
            (
                "UPDATE sales.orders SET net = net + 1, total = total + 1 WHERE gross = 320",
                "UPDATE sales.orders SET net = net - 1, total = total - 1 WHERE gross = 320",
                "sales.order_lines",
            ),
            (
                "UPDATE sales.order_line SET net = net - 1, tax = tax + 1 WHERE gross = 320",
                "UPDATE sales.order_line SET net = net + 1, tax = tax - 1 WHERE gross = 320",
                "sales.order_lines",
            ),
            (
                "UPDATE sales.allocation SET amount = amount + 1 WHERE amount = 320",
                "UPDATE sales.allocation SET amount = amount - 1 WHERE amount = 321",
                "sales.order_money",
            ),
            (
                "UPDATE ledger.transfer SET amount = amount + 5 WHERE amount = 320 AND credit_id = '00000000-0000-7000-8000-000000000fa0'",
                "UPDATE ledger.transfer SET amount = amount - 5 WHERE amount = 325",
                "sales.order_money",
            ),
        ] {
            story.as_role("postgres", spoil).await;
            let found = story.check().await;
            assert!(found.iter().any(|f| f.finding.check == check && f.finding.id.to_string() == order), "{spoil}: {found:?}");
            story.as_role("postgres", mend).await;
            assert!(story.check().await.is_empty(), "{mend}");
        }
    });
}
