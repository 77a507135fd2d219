//! Changing a profile: each field is read, held against what was, and logged with both.

use std::sync::Arc;

use db::Tx;
use kernel::{AccountId, Change, Currency, Day, Error, Permission, Result};
use serde::Serialize;
use serde_json::{Value, json};
use vault::Keyring;
use web::Cx;

use super::{Emergency, NationalId, Pay, SaveProfile, Saved, Sight, Stored, checks, past, stored};
use crate::{member, site};

/// The command: what was sent, and the keys that seal the national id.
#[derive(Clone, Debug)]
pub(crate) struct Save {
    wanted: SaveProfile,
    account: AccountId,
    vault: Arc<Keyring>,
}

impl Save {
    /// What a request asks for.
    pub fn of(cx: &Cx, wanted: SaveProfile) -> Result<Self> {
        let account = wanted.account_id.map_or_else(|| cx.id("accountId"), Ok)?;
        Ok(Self { wanted, account, vault: cx.app.db().vault().clone() })
    }
}

impl db::Command for Save {
    /// It may be one's own; whose fields one may change, `run` looks at.
    const NEEDS: Permission = Permission::Member;
    type Out = Saved;
    async fn run(self, tx: &mut Tx) -> Result<Saved> {
        let (account, wanted) = (self.account, &self.wanted);
        let sight = Sight::of(tx.op(), account);
        sight.find(tx, account).await?;
        allowed(sight, wanted)?;
        // One change of a member after the other.
        member::lock(tx, account).await?;
        let before = stored(tx, account).await?;
        if before.version != wanted.version {
            return Err(Error::Stale);
        }
        let currency = if wanted.pay.is_some() { Some(currency(tx).await?) } else { None };
        let mut after = before.clone();
        apply(&mut after, wanted, currency)?;
        let mut change = Change::of("profile.changed", "member", account, &json!({})).from(&json!({}));
        let mut said = Said { change, account, fields: 0 };
        said.all(&before, &after)?;
        if let Some(national_id) = &wanted.national_id {
            self.national_id(tx, &before, &mut after, national_id.as_ref(), &mut said).await?;
        }
        if said.fields == 0 {
            return Ok(Saved { account_id: account, version: before.version });
        }
        change = said.change;
        keep(tx, account, &after).await?;
        tx.log(change);
        Ok(Saved { account_id: account, version: before.version + 1 })
    }
}

impl Save {
    /// Checks, seals and logs a national id; the log holds no more of it than a page shows.
    async fn national_id(
        &self,
        tx: &mut Tx,
        before: &Stored,
        after: &mut Stored,
        wanted: Option<&NationalId>,
        said: &mut Said,
    ) -> Result<()> {
        let was = before.national_id(tx, &self.vault, self.account)?;
        let is = wanted
            .map(|id| {
                let country = checks::country("nationalId.country", &id.country)?;
                let number = checks::national_id("nationalId.number", &country, &id.number)?;
                Ok::<_, Error>(NationalId { country, number })
            })
            .transpose()?;
        if was == is {
            return Ok(());
        }
        let tenant = tx.tenant();
        let sealed = is.as_ref().map(|id| past::seal(&self.vault, tenant, self.account, &id.number)).transpose()?;
        let (kept_was, kept_is) = past::keep(tx, self.account, before.id_sealed.as_deref(), sealed.as_deref()).await?;
        let shown = |id: &Option<NationalId>, kept: Option<uuid::Uuid>| {
            id.as_ref().map(|id| json!({ "country": id.country, "number": checks::masked(&id.number), "past": kept }))
        };
        said.one("nationalId", &shown(&was, kept_was), &shown(&is, kept_is));
        after.id_country = is.map(|id| id.country);
        after.id_sealed = sealed;
        Ok(())
    }
}

/// Refuses fields that are not the op's to change.
fn allowed(sight: Sight, wanted: &SaveProfile) -> Result<()> {
    sight.edits()?;
    let managed = wanted.job_title.is_some() || wanted.employed_since.is_some() || wanted.national_id.is_some() || wanted.pay.is_some();
    if managed && !sight.manages {
        return Err(Error::Forbidden(Permission::TeamWrite.code()));
    }
    if wanted.pay.is_some() && !sight.pay {
        return Err(Error::Forbidden(Permission::PayRead.code()));
    }
    Ok(())
}

/// The currency of the business.
pub(crate) async fn currency(tx: &mut Tx) -> Result<Currency> {
    let tenant = tx.tenant().uuid();
    let code = sqlx::query_scalar!("SELECT currency FROM db.tenant WHERE id = $1", tenant).fetch_one(tx.conn()).await?;
    code.parse().map_err(|_| Error::Internal("a currency can't be read".into()))
}

/// A text of at most 100 characters; none when it is empty.
fn text(field: &str, typed: &str) -> Result<Option<String>> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let text = site::name(field, typed)?;
    if text.chars().count() > 100 { Err(Error::field(field, "text.too_long")) } else { Ok(Some(text)) }
}

/// Takes a value, or keeps its complaint and goes on.
fn gather<T>(result: Result<T>, into: &mut T, wrong: &mut Vec<kernel::FieldError>) -> Result<()> {
    match result {
        Ok(value) => *into = value,
        Err(Error::Invalid(mut fields)) => wrong.append(&mut fields),
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Reads every field that was given; all complaints come out together.
fn apply(row: &mut Stored, wanted: &SaveProfile, currency: Option<Currency>) -> Result<()> {
    let wrong = &mut Vec::new();
    let texts = [
        ("firstName", &wanted.first_name, &mut row.first_name),
        ("middleName", &wanted.middle_name, &mut row.middle_name),
        ("lastName", &wanted.last_name, &mut row.last_name),
        ("jobTitle", &wanted.job_title, &mut row.job_title),
    ];
    for (field, typed, into) in texts {
        if let Some(typed) = typed {
            gather(text(field, typed), into, wrong)?;
        }
    }
    if let Some(phones) = &wanted.phones {
        gather(numbers(phones), &mut row.phones, wrong)?;
    }
    if let Some(day) = &wanted.employed_since {
        let read = if day.trim().is_empty() { Ok(None) } else { employed(day).map(Some) };
        gather(read, &mut row.employed_since, wrong)?;
    }
    if let Some(emergency) = &wanted.emergency {
        let mut read = None;
        gather(emergency.as_ref().map(call).transpose(), &mut read, wrong)?;
        row.emergency_name = read.as_ref().map(|e| e.name.clone());
        row.emergency_phone = read.as_ref().map(|e| e.phone.clone());
        row.emergency_relation = read.and_then(|e| e.relation);
    }
    if let (Some(pay), Some(currency)) = (&wanted.pay, currency) {
        let mut read = None;
        gather(pay.as_ref().map(|pay| paid(pay, currency)).transpose(), &mut read, wrong)?;
        row.pay_basis = read.as_ref().map(|p| p.basis.code().to_owned());
        row.pay_minor = read.as_ref().map(|p| p.amount.minor);
        row.pay_currency = read.as_ref().map(|p| p.amount.currency.code().to_owned());
        row.pay_method = read.map(|p| p.method.code().to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(std::mem::take(wrong))) }
}

fn numbers(typed: &[String]) -> Result<Vec<String>> {
    let filled = typed.iter().enumerate().filter(|(_, phone)| !phone.trim().is_empty());
    let mut all = filled.map(|(n, phone)| checks::phone(&format!("phones.{n}"), phone)).collect::<Result<Vec<_>>>()?;
    let mut seen = std::collections::HashSet::new();
    all.retain(|phone| seen.insert(phone.clone()));
    if all.len() > 3 { Err(Error::field("phones", "phone.too_many")) } else { Ok(all) }
}

fn employed(typed: &str) -> Result<Day> {
    let day: Day = typed.trim().parse().map_err(|_| Error::field("employedSince", "day.format"))?;
    if day.is_sane() { Ok(day) } else { Err(Error::field("employedSince", "day.out_of_range")) }
}

fn call(wanted: &Emergency) -> Result<Emergency> {
    Ok(Emergency {
        name: site::name("emergency.name", &wanted.name)?,
        phone: checks::phone("emergency.phone", &wanted.phone)?,
        relation: text("emergency.relation", wanted.relation.as_deref().unwrap_or_default())?,
    })
}

fn paid(wanted: &Pay, currency: Currency) -> Result<Pay> {
    if wanted.amount.currency != currency {
        return Err(Error::field("pay.amount", "money.currency"));
    }
    if wanted.amount.minor < 0 {
        return Err(Error::field("pay.amount", "number.not_negative"));
    }
    Ok(wanted.clone())
}

/// Gathers the fields that differ.
struct Said {
    change: Change,
    account: AccountId,
    fields: u32,
}

impl Said {
    fn one(&mut self, field: &'static str, was: &(impl Serialize + PartialEq), is: &impl Serialize) {
        let change = std::mem::replace(&mut self.change, Change::of("profile.changed", "member", self.account, &Value::Null));
        self.change = change.personal_from(self.account, field, was).personal(self.account, field, is);
        self.fields += 1;
    }

    fn differ<T: Serialize + PartialEq>(&mut self, field: &'static str, was: &T, is: &T) {
        if was != is {
            self.one(field, was, is);
        }
    }

    fn all(&mut self, was: &Stored, is: &Stored) -> Result<()> {
        self.differ("firstName", &was.first_name, &is.first_name);
        self.differ("middleName", &was.middle_name, &is.middle_name);
        self.differ("lastName", &was.last_name, &is.last_name);
        self.differ("phones", &was.phones, &is.phones);
        self.differ("jobTitle", &was.job_title, &is.job_title);
        self.differ("employedSince", &was.employed_since, &is.employed_since);
        self.differ("emergency", &was.emergency(), &is.emergency());
        self.differ("pay", &was.pay()?, &is.pay()?);
        Ok(())
    }
}

/// Writes the row.
async fn keep(tx: &mut Tx, account: AccountId, row: &Stored) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let kept = sqlx::query!(
        "INSERT INTO identity.profile AS p (tenant_id, account_id, first_name, middle_name, last_name, id_country, id_sealed, phones, job_title, employed_since,
            pay_basis, pay_minor, pay_currency, pay_method, emergency_name, emergency_phone, emergency_relation)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET first_name = $3, middle_name = $4, last_name = $5, id_country = $6, id_sealed = $7, phones = $8,
            job_title = $9, employed_since = $10, pay_basis = $11, pay_minor = $12, pay_currency = $13, pay_method = $14, emergency_name = $15,
            emergency_phone = $16, emergency_relation = $17, version = p.version + 1 WHERE p.version = $18",
        tenant,
        account.uuid(),
        row.first_name,
        row.middle_name,
        row.last_name,
        row.id_country,
        row.id_sealed,
        &row.phones,
        row.job_title,
        row.employed_since as Option<Day>,
        row.pay_basis,
        row.pay_minor,
        row.pay_currency,
        row.pay_method,
        row.emergency_name,
        row.emergency_phone,
        row.emergency_relation,
        row.version
    )
    .execute(tx.conn())
    .await?;
    if kept.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
}
