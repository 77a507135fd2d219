//! The closed words of an item: its kind and how stock follows its sales.

use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of thing an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// Goes into what is made.
    Ingredient,
    /// What things are packed in.
    Packaging,
    /// Made here, goes into something else.
    SemiFinished,
    /// Sold.
    Product,
    /// Comes back: crates, trays, bottles.
    Returnable,
    /// Nothing that could be counted.
    Service,
}

impl ItemKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Ingredient, Self::Packaging, Self::SemiFinished, Self::Product, Self::Returnable, Self::Service];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ingredient => "ingredient",
            Self::Packaging => "packaging",
            Self::SemiFinished => "semi-finished",
            Self::Product => "product",
            Self::Returnable => "returnable",
            Self::Service => "service",
        }
    }

    /// How stock follows sales unless a person says otherwise: products are made as they are sold.
    pub const fn usual_rule(self) -> StockRule {
        match self {
            Self::Product => StockRule::MadeToOrder,
            Self::Service => StockRule::None,
            _ => StockRule::Stocked,
        }
    }
}

impl std::str::FromStr for ItemKind {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|kind| kind.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}

/// How stock follows a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockRule {
    /// What is sold must be there.
    Stocked,
    /// Made as it is sold, at its standard cost.
    MadeToOrder,
    /// Nothing to count.
    None,
}

impl StockRule {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Stocked, Self::MadeToOrder, Self::None];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stocked => "stocked",
            Self::MadeToOrder => "made_to_order",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for StockRule {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|rule| rule.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
