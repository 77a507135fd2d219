//! Price lists, and which price applies.

use kernel::{Day, ItemId, PriceListId, Quantity};
use serde::{Deserialize, Serialize};

/// One line of a price list: from a day on, an item costs so much in quantities of at least so many.
/// A list holds one price per item, day and quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of what.
    pub item: ItemId,
    /// On which list.
    pub list: PriceListId,
    /// The first business day on which it applies.
    pub from: Day,
    /// The least quantity for which it applies, in base units.
    pub min_quantity: Quantity,
    /// Minor units per base unit.
    pub unit_price_minor: i64,
}

/// The price of an item on a business day for a quantity, or none.
///
/// `lists` are tried in their order (the customer's, the site's, the default): the first one with any price that
/// applies decides. Within a list the latest start up to `day` wins, then the largest minimum up to `quantity`.
/// A quantity paid back (negative) costs what it cost to buy.
pub fn choose<'a>(prices: &'a [Price], lists: &[PriceListId], item: ItemId, day: Day, quantity: Quantity) -> Option<&'a Price> {
    let enough = |price: &Price| i128::from(price.min_quantity.micros()) <= i128::from(quantity.micros()).abs();
    let on = |list: PriceListId| {
        prices
            .iter()
            .filter(move |price| price.list == list && price.item == item && price.from <= day && enough(price))
            .max_by_key(|price| (price.from, price.min_quantity))
    };
    lists.iter().find_map(|list| on(*list))
}
