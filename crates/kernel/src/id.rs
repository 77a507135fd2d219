//! Typed ids. `Id<Item>` can't be given where `Id<Site>` is asked for; both are UUIDs on the wire and in the database.

use std::{cmp::Ordering, fmt, hash::Hash, hash::Hasher, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The id of a `T`, a UUID (version 7 where Hearth makes it). The time inside a client's id is never trusted.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// Takes a UUID as the id of a `T`.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID itself.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> FromStr for Id<T> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::new)
    }
}
impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self::new(uuid)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(feature = "sqlx")]
mod stored {
    use super::{Id, Uuid};
    use sqlx::{
        Decode, Encode, Postgres, Type,
        encode::IsNull,
        error::BoxDynError,
        postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    };

    impl<T> Type<Postgres> for Id<T> {
        fn type_info() -> PgTypeInfo {
            <Uuid as Type<Postgres>>::type_info()
        }
    }
    impl<T> PgHasArrayType for Id<T> {
        fn array_type_info() -> PgTypeInfo {
            <Uuid as PgHasArrayType>::array_type_info()
        }
    }
    impl<'q, T> Encode<'q, Postgres> for Id<T> {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <Uuid as Encode<'q, Postgres>>::encode_by_ref(&self.0, buffer)
        }
    }
    impl<'r, T> Decode<'r, Postgres> for Id<T> {
        fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
            <Uuid as Decode<'r, Postgres>>::decode(value).map(Self::new)
        }
    }
}

#[cfg(feature = "utoipa")]
mod described {
    use super::Id;
    use utoipa::openapi::{
        KnownFormat, ObjectBuilder, RefOr, SchemaFormat,
        schema::{Schema, Type},
    };

    impl<T> utoipa::PartialSchema for Id<T> {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).into()
        }
    }
    impl<T> utoipa::ToSchema for Id<T> {
        fn name() -> std::borrow::Cow<'static, str> {
            "Id".into()
        }
    }
}

/// What an id may point at. These are names only; no value of them exists.
pub mod of {
    #![expect(missing_docs, reason = "each is the product's word of the same name")]
    pub enum Tenant {}
    pub enum Account {}
    pub enum Session {}
    pub enum Site {}
    pub enum Item {}
    pub enum PriceList {}
    pub enum Tax {}
    pub enum Location {}
    pub enum Lot {}
    pub enum Movement {}
    pub enum Receipt {}
    pub enum Customer {}
    pub enum Supplier {}
    pub enum Order {}
    pub enum Payment {}
    pub enum Transfer {}
    pub enum Book {}
    pub enum Import {}
    pub enum Document {}
    pub enum Device {}
    pub enum Key {}
    pub enum Consent {}
    pub enum Assistance {}
    pub enum Invitation {}
    pub enum OwnRole {}
    pub enum Passkey {}
    pub enum Request {}
    pub enum Intent {}
    pub enum Job {}
}

/// One business.
pub type TenantId = Id<of::Tenant>;
/// The installation itself: its log and its mails are those of the account plane (sign-ins, locks, what operators do).
pub const PLATFORM: TenantId = TenantId::new(Uuid::from_u128(0x7000_8000_0000_0000_0001));
/// One person who can sign in.
pub type AccountId = Id<of::Account>;
/// One browser's sign-in.
pub type SessionId = Id<of::Session>;
/// A key for programs.
pub type KeyId = Id<of::Key>;
/// A role that a business made for itself.
pub type OwnRoleId = Id<of::OwnRole>;
/// An invitation to a business.
pub type InvitationId = Id<of::Invitation>;
/// A passkey of an account.
pub type PasskeyId = Id<of::Passkey>;
/// A place of the business.
pub type SiteId = Id<of::Site>;
/// Anything counted.
pub type ItemId = Id<of::Item>;
/// A list of prices.
pub type PriceListId = Id<of::PriceList>;
/// A tax rate of a jurisdiction.
pub type TaxId = Id<of::Tax>;
/// Where stock lies inside a site.
pub type LocationId = Id<of::Location>;
/// A quantity of one item with a common origin.
pub type LotId = Id<of::Lot>;
/// One line of the stock ledger.
pub type MovementId = Id<of::Movement>;
/// A delivery received from a supplier.
pub type ReceiptId = Id<of::Receipt>;
/// Who buys.
pub type CustomerId = Id<of::Customer>;
/// Who sells to us.
pub type SupplierId = Id<of::Supplier>;
/// What a customer asks for.
pub type OrderId = Id<of::Order>;
/// Money received or paid back.
pub type PaymentId = Id<of::Payment>;
/// One booking of money.
pub type TransferId = Id<of::Transfer>;
/// An account of the chart of accounts.
pub type BookId = Id<of::Book>;
/// One import of a past.
pub type ImportId = Id<of::Import>;
/// Any document that a person can open.
pub type DocumentId = Id<of::Document>;
/// A registered till, tablet or phone.
pub type DeviceId = Id<of::Device>;
/// An owner's consent that support looks in.
pub type ConsentId = Id<of::Consent>;
/// Support at work in a business with consent.
pub type AssistanceId = Id<of::Assistance>;
/// One request to the program.
pub type RequestId = Id<of::Request>;
/// What was asked to be done, once.
pub type IntentId = Id<of::Intent>;
