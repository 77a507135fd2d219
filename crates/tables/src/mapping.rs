//! What a person confirms or changes before anything is read: which file has the lines, which column is what.

use serde::{Deserialize, Serialize};

use crate::{DateOrder, Dialect, Encoding, FileProfile, Mark, Said, TableError};

/// What a column is in a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The number of the ticket, order, receipt.
    Ticket,
    /// The source's own id of the line, unique in the file.
    LineId,
    /// The day.
    Date,
    /// The time of day.
    Time,
    /// Day and time in one.
    Datetime,
    /// The item's name.
    Item,
    /// What is put behind the item's name, such as the size.
    ItemPart,
    /// The item's code.
    ItemId,
    /// The item's category.
    Category,
    /// How many; one where no column says so.
    Quantity,
    /// The price of one.
    UnitPrice,
    /// The price of the line.
    LineTotal,
    /// What was taken off the line.
    Discount,
    /// The tax of the line.
    Tax,
    /// The customer.
    Customer,
    /// Who sold.
    Seller,
    /// Where.
    Site,
    /// How it was ordered: counter, delivery, eat in.
    Channel,
    /// How it was paid.
    PaymentMethod,
}

impl Role {
    /// Every role, in the order in which a person reads them.
    pub const ALL: [Self; 19] = [
        Self::Ticket,
        Self::LineId,
        Self::Date,
        Self::Time,
        Self::Datetime,
        Self::Item,
        Self::ItemPart,
        Self::ItemId,
        Self::Category,
        Self::Quantity,
        Self::UnitPrice,
        Self::LineTotal,
        Self::Discount,
        Self::Tax,
        Self::Customer,
        Self::Seller,
        Self::Site,
        Self::Channel,
        Self::PaymentMethod,
    ];

    /// The role's name, as it stands in a mapping.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::LineId => "line_id",
            Self::Date => "date",
            Self::Time => "time",
            Self::Datetime => "datetime",
            Self::Item => "item",
            Self::ItemPart => "item_part",
            Self::ItemId => "item_id",
            Self::Category => "category",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit_price",
            Self::LineTotal => "line_total",
            Self::Discount => "discount",
            Self::Tax => "tax",
            Self::Customer => "customer",
            Self::Seller => "seller",
            Self::Site => "site",
            Self::Channel => "channel",
            Self::PaymentMethod => "payment_method",
        }
    }

    /// What a person calls it.
    pub(crate) fn said(self) -> Box<Said> {
        Box::new(match self {
            Self::Ticket => Said::RoleTicket,
            Self::LineId => Said::RoleLineId,
            Self::Date => Said::RoleDate,
            Self::Time => Said::RoleTime,
            Self::Datetime => Said::RoleDatetime,
            Self::Item => Said::RoleItem,
            Self::ItemPart => Said::RoleItemPart,
            Self::ItemId => Said::RoleItemId,
            Self::Category => Said::RoleCategory,
            Self::Quantity => Said::RoleQuantity,
            Self::UnitPrice => Said::RoleUnitPrice,
            Self::LineTotal => Said::RoleLineTotal,
            Self::Discount => Said::RoleDiscount,
            Self::Tax => Said::RoleTax,
            Self::Customer => Said::RoleCustomer,
            Self::Seller => Said::RoleSeller,
            Self::Site => Said::RoleSite,
            Self::Channel => Said::RoleChannel,
            Self::PaymentMethod => Said::RolePaymentMethod,
        })
    }
}

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Format {
    /// As they stand.
    Text,
    /// As days.
    Date {
        /// Day, month and year in this order.
        order: DateOrder,
    },
    /// As times of day; both clocks are read.
    Time,
    /// As days with times.
    Datetime {
        /// Day, month and year in this order.
        order: DateOrder,
    },
    /// As numbers.
    Number {
        /// The decimal mark.
        mark: Mark,
    },
}

/// A column by its name, or by its number from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ColumnRef {
    /// By its number, from 1.
    Number(usize),
    /// By its name; case does not matter.
    Name(String),
}

impl ColumnRef {
    /// Finds the column in a file.
    ///
    /// # Errors
    /// `mapping.unknown_column` when the file does not have it.
    pub fn find(&self, file: &FileProfile) -> Result<usize, TableError> {
        let found = match self {
            Self::Number(n) => n.checked_sub(1).filter(|index| *index < file.columns.len()),
            Self::Name(name) => {
                let exact = file.columns.iter().position(|column| column.name == *name);
                exact.or_else(|| file.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name.trim())))
            }
        };
        found.ok_or_else(|| TableError::new(&file.name, "mapping.unknown_column", Said::UnknownColumn { column: self.to_string() }))
    }
}

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// Its rows are the sale lines. Several files with the same columns are read one after the other.
    Lines,
    /// Its rows are looked up: the row whose `key` equals the cell in `column` of `file`.
    Lookup {
        /// The column here whose content never comes twice.
        key: ColumnRef,
        /// The file that points here: that of the lines, or another one that is looked up in.
        file: String,
        /// The column there.
        column: ColumnRef,
    },
    /// It takes part in nothing.
    Unused,
}

/// One file in a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// Its name, as it was given.
    pub name: String,
    /// What it is for.
    #[serde(flatten)]
    pub part: Part,
    /// How it writes its letters.
    pub encoding: Encoding,
    /// How it parts its cells.
    pub dialect: Dialect,
}

/// One column in a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assigned {
    /// What it is.
    pub role: Role,
    /// The file it stands in; for several files with lines, the first one.
    pub file: String,
    /// The column.
    pub column: ColumnRef,
    /// How its cells are read.
    pub format: Format,
    /// Words that stand for nothing in this column; case does not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_words: Vec<String>,
}

/// Everything that has to be known to read sale lines from files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Every file that was given.
    pub files: Vec<FilePart>,
    /// The columns that are used.
    pub columns: Vec<Assigned>,
}

impl Mapping {
    /// The column that has a role; the first one, since only [`Role::ItemPart`] may have several.
    pub fn column(&self, role: Role) -> Option<&Assigned> {
        self.columns.iter().find(|assigned| assigned.role == role)
    }

    /// Gives a role to a column, instead of the one that had it; [`Role::ItemPart`] adds one.
    pub fn assign(&mut self, assigned: Assigned) {
        let same = |other: &Assigned| other.file == assigned.file && other.column == assigned.column;
        self.columns.retain(|other| !same(other) && (other.role != assigned.role || assigned.role == Role::ItemPart));
        self.columns.push(assigned);
    }

    /// Takes a role away.
    pub fn unassign(&mut self, role: Role) {
        self.columns.retain(|assigned| assigned.role != role);
    }
}
