//! What a business keeps of each person who works in it. People see and change what is theirs: names, phones, whom to call, photo.
//! The work itself is the managers' to write down, and pay is seen by those alone who have `team.pay:read`. Every change is kept
//! with what was and what is, where it can be forgotten when the person asks.

pub(crate) mod checks;
mod past;
pub(crate) mod photo;
mod save;

use db::Tx;
use kernel::{AccountId, Actor, Day, Error, Money, Op, Permission, Result};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use vault::Keyring;
use web::{Cx, Reply};

use crate::member::{self, Member};

pub(crate) use past::{Told, history, open as opened, reseal, shown_pay};
pub(crate) use save::{Save, currency};

/// A member's profile, as far as the reader may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// First name.
    pub first_name: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// National id, its last three signs alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub national_id: Option<NationalId>,
    /// Up to three, E.164.
    pub phones: Vec<String>,
    /// What they work as.
    pub job_title: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = Date)]
    pub employed_since: Option<Day>,
    /// What they are paid; there for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay: Option<Pay>,
    /// Whom to call.
    pub emergency: Option<Emergency>,
    /// Where the photo is, if there is one.
    pub photo: Option<String>,
    /// Grows with each change; 0 before the first.
    pub version: i32,
}

/// A national id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NationalId {
    /// The country's two letters.
    pub country: String,
    /// The id.
    pub number: String,
}

/// What pay is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// An hour.
    Hour,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Basis {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Hour, Self::Month, Self::Year];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// How pay reaches a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PayMethod {
    /// To a bank account.
    Bank,
    /// In cash.
    Cash,
    /// By mobile money.
    Mobile,
    /// By cheque.
    Cheque,
}

impl PayMethod {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Bank, Self::Cash, Self::Mobile, Self::Cheque];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Cash => "cash",
            Self::Mobile => "mobile",
            Self::Cheque => "cheque",
        }
    }
}

/// What somebody is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pay {
    /// For an hour, a month or a year.
    pub basis: Basis,
    /// In the business's currency.
    pub amount: Money,
    /// How it is paid.
    pub method: PayMethod,
}

/// Whom to call when something happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emergency {
    /// Their name.
    pub name: String,
    /// Their number.
    pub phone: String,
    /// What they are to the member: sister, friend.
    #[serde(default)]
    pub relation: Option<String>,
}

/// Changes a profile. What is not given stays as it is; an empty text and `null` take away what was there.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveProfile {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: Option<AccountId>,
    /// The version that was read.
    pub version: i32,
    /// First name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Middle name.
    #[serde(default)]
    pub middle_name: Option<String>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// National id; for those who manage the team.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<NationalId>)]
    pub national_id: Option<Option<NationalId>>,
    /// Up to three numbers.
    #[serde(default)]
    pub phones: Option<Vec<String>>,
    /// What they work as; for those who manage the team.
    #[serde(default)]
    pub job_title: Option<String>,
    /// Since when, `YYYY-MM-DD`; for those who manage the team.
    #[serde(default)]
    pub employed_since: Option<String>,
    /// What they are paid; for those who manage the team and see pay.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Pay>)]
    pub pay: Option<Option<Pay>>,
    /// Whom to call.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Emergency>)]
    pub emergency: Option<Option<Emergency>>,
}

/// A field that was given, if only as `null`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A profile as it was saved.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// The version now.
    pub version: i32,
}

/// How much of a member somebody may see and change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// It is oneself.
    pub own: bool,
    /// One sees the team.
    pub reads: bool,
    /// One manages the team.
    pub manages: bool,
    /// One sees pay.
    pub pay: bool,
}

impl Sight {
    /// What this op may do with this member.
    pub fn of(op: &Op, account: AccountId) -> Self {
        let has = |permission| op.permissions.has(permission);
        let own = matches!(op.actor, Actor::Account(who) if who == account);
        Self { own, reads: has(Permission::TeamRead), manages: has(Permission::TeamWrite), pay: has(Permission::PayRead) }
    }

    /// The member, if they are there and may be seen. What is not there is not found, whoever asks.
    pub async fn find(self, tx: &mut Tx, account: AccountId) -> Result<Member> {
        let member = member::member(tx, account).await?;
        if self.own || self.reads { Ok(member) } else { Err(Error::Forbidden(Permission::TeamRead.code())) }
    }

    /// Refuses who may change nothing of it.
    pub fn edits(self) -> Result<()> {
        if self.own || self.manages { Ok(()) } else { Err(Error::Forbidden(Permission::TeamWrite.code())) }
    }

    /// Whether the end of the national id is shown.
    pub fn id(self) -> bool {
        self.own || self.manages || self.pay
    }
}

/// A row of `identity.profile`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    id_country: Option<String>,
    id_sealed: Option<Vec<u8>>,
    phones: Vec<String>,
    job_title: Option<String>,
    employed_since: Option<Day>,
    pay_basis: Option<String>,
    pay_minor: Option<i64>,
    pay_currency: Option<String>,
    pay_method: Option<String>,
    emergency_name: Option<String>,
    emergency_phone: Option<String>,
    emergency_relation: Option<String>,
    version: i32,
}

impl Stored {
    fn pay(&self) -> Result<Option<Pay>> {
        let (Some(basis), Some(minor), Some(currency), Some(method)) =
            (&self.pay_basis, self.pay_minor, &self.pay_currency, &self.pay_method)
        else {
            return Ok(None);
        };
        let bad = || Error::Internal("a pay can't be read".into());
        Ok(Some(Pay {
            basis: Basis::ALL.iter().copied().find(|b| b.code() == basis).ok_or_else(bad)?,
            amount: Money::new(minor, currency.parse().map_err(|_| bad())?),
            method: PayMethod::ALL.iter().copied().find(|m| m.code() == method).ok_or_else(bad)?,
        }))
    }

    fn emergency(&self) -> Option<Emergency> {
        let (name, phone) = (self.emergency_name.clone()?, self.emergency_phone.clone()?);
        Some(Emergency { name, phone, relation: self.emergency_relation.clone() })
    }

    fn national_id(&self, tx: &Tx, vault: &Keyring, account: AccountId) -> Result<Option<NationalId>> {
        let (Some(country), Some(sealed)) = (&self.id_country, &self.id_sealed) else { return Ok(None) };
        Ok(Some(NationalId { country: country.clone(), number: past::open(vault, tx.tenant(), account, sealed)? }))
    }
}

/// The stored profile; an empty one of version 0 before the first change.
async fn stored(tx: &mut Tx, account: AccountId) -> Result<Stored> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query_as!(
        Stored,
        r#"SELECT first_name, middle_name, last_name, id_country, id_sealed, phones, job_title, employed_since AS "employed_since: Day", pay_basis, pay_minor,
            pay_currency, pay_method, emergency_name, emergency_phone, emergency_relation, version
        FROM identity.profile WHERE tenant_id = $1 AND account_id = $2"#,
        tenant,
        account.uuid()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.unwrap_or_default())
}

/// The profile of a member, as far as the op may see it.
pub(crate) async fn profile(tx: &mut Tx, vault: &Keyring, account: AccountId) -> Result<Profile> {
    let sight = Sight::of(tx.op(), account);
    sight.find(tx, account).await?;
    let stored = stored(tx, account).await?;
    let photo = photo::changed_at(tx, account).await?.map(|at| format!("/team/photo/{account}?v={}", at.micros()));
    let national_id = if sight.id() { stored.national_id(tx, vault, account)? } else { None };
    Ok(Profile {
        account_id: account,
        national_id: national_id.map(|id| NationalId { number: checks::masked(&id.number), ..id }),
        pay: if sight.pay { stored.pay()? } else { None },
        emergency: stored.emergency(),
        first_name: stored.first_name,
        middle_name: stored.middle_name,
        last_name: stored.last_name,
        phones: stored.phones,
        job_title: stored.job_title,
        employed_since: stored.employed_since,
        photo,
        version: stored.version,
    })
}

/// `GET /v1/team/members/{accountId}/profile`.
pub(crate) async fn get(cx: Cx) -> Result<Profile> {
    profile(&mut cx.tx().await?, cx.app.db().vault(), cx.id("accountId")?).await
}

/// `POST /v1/team/members/{accountId}/profile`.
pub(crate) async fn post(cx: Cx, wanted: SaveProfile) -> Result<Reply> {
    Ok(Reply::answer(cx.run(Save::of(&cx, wanted)?).await?))
}
