//! PINs: by them members sign in on registered devices of a business, and nowhere else. Each sets their own, by a session of their
//! own that was proved lately; it lasts 90 days. Others can take it away, and never see or set it.

use std::{collections::HashSet, sync::OnceLock};

use db::{Db, System, Tx};
use kernel::{AccountId, At, Change, Error, Permission, Result, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Reply};

use crate::{
    account::Secret,
    member,
    password::{Password, Verdict, hasher},
    session, token,
};

/// Seconds for which a PIN lasts: 90 days.
const LASTS: i64 = 90 * 24 * 3600;
/// What others try first, beside runs, repetitions, mirrors, years and the most common ones of four digits: ways over the keypad, words,
/// famous numbers.
const FIRST: &[&str] = &[
    "0852",
    "1397",
    "1470",
    "1593",
    "1793",
    "3691",
    "7412",
    "8675",
    "9630",
    "9631",
    "13579",
    "24680",
    "31415",
    "14789",
    "15973",
    "25800",
    "42069",
    "90210",
    "147258",
    "147896",
    "147852",
    "159753",
    "159357",
    "246810",
    "258012",
    "314159",
    "321654",
    "369258",
    "456123",
    "696969",
    "741852",
    "753159",
    "789456",
    "963852",
    "1472580",
    "8675309",
    "14725836",
    "147258369",
    "31415926",
    "25802580",
];

/// The most common PINs of four digits.
fn common() -> &'static HashSet<&'static str> {
    static COMMON: OnceLock<HashSet<&'static str>> = OnceLock::new();
    COMMON.get_or_init(|| include_str!("../data/500-most-common-pins.csv").lines().filter_map(|line| line.split(',').next()).collect())
}

/// Sets one's own PIN.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPin {
    /// 4 to 8 digits.
    pub pin: Secret,
}

/// Takes a member's PIN away.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovePin {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
}

/// Whose PIN was taken away.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovedPin {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
}

/// Whether one has a PIN in the active business.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnPin {
    /// Whether there is one.
    pub set: bool,
    /// Until when it signs in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<At>,
}

/// Whether every digit follows from the one before by the same step, up or down: 1234, 8642; 1111.
fn is_run(digits: &[u8]) -> bool {
    let steps: Vec<i16> = digits.windows(2).map(|two| i16::from(two[1]) - i16::from(two[0])).collect();
    steps.windows(2).all(|two| two[0] == two[1]) && steps.first().is_some_and(|step| step.abs() <= 2)
}

/// Whether it is a shorter part again and again: 1212, 123123.
fn repeats(digits: &[u8]) -> bool {
    (1..=digits.len() / 2).any(|part| digits.len().is_multiple_of(part) && digits.chunks(part).all(|chunk| chunk == &digits[..part]))
}

/// Whether each digit comes twice and what is left of it is a run: 1122, 112233.
fn doubles(digits: &[u8]) -> bool {
    let halves: Vec<u8> = digits.chunks(2).map(|two| two[0]).collect();
    digits.len().is_multiple_of(2) && digits.chunks(2).all(|two| two[0] == two[1]) && (halves.len() == 2 || is_run(&halves))
}

/// A PIN, if it may be one: refused by its code.
fn chosen(typed: &str) -> std::result::Result<Password, &'static str> {
    let text = typed.trim();
    let digits = text.as_bytes();
    if !(4..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err("pin.format");
    }
    let mirrored = digits.iter().eq(digits.iter().rev());
    let year = digits.len() == 4 && (text.starts_with("19") || text.starts_with("20"));
    if is_run(digits) || repeats(digits) || doubles(digits) || mirrored || year || FIRST.contains(&text) || common().contains(text) {
        return Err("pin.easy");
    }
    Ok(Password::new(text))
}

fn sealed_for(tenant: TenantId, account: AccountId) -> Vec<u8> {
    format!("pin:{tenant}:{account}").into_bytes()
}

/// A stored PIN.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    phc: String,
    pub set_at: At,
    pub expires_at: At,
}

impl Stored {
    /// Opens what a row holds.
    pub fn open(db: &Db, tenant: TenantId, account: AccountId, sealed: &[u8], set_at: At, expires_at: At) -> Result<Self> {
        let phc = db.vault().open(&sealed_for(tenant, account), sealed)?;
        let phc = std::str::from_utf8(&phc).map_err(|e| Error::Internal(e.to_string()))?.to_owned();
        Ok(Self { phc, set_at, expires_at })
    }

    /// What is held against a guess.
    pub fn phc(&self) -> &str {
        &self.phc
    }
}

async fn stored(cx: &Cx, tenant: TenantId, account: AccountId) -> Result<Option<Stored>> {
    let db = cx.app.db();
    let mut system = db.system("identity.pin").await?;
    let row = sqlx::query!(
        "SELECT sealed, set_at, expires_at FROM identity.pin WHERE tenant_id = $1 AND account_id = $2",
        tenant.uuid(),
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    row.map(|row| Stored::open(db, tenant, account, &row.sealed, row.set_at, row.expires_at)).transpose()
}

/// Sets one's own PIN in the active business; sessions on devices that the former one began end.
pub(crate) async fn set(cx: &Cx, typed: &Secret) -> Result<OwnPin> {
    let (db, account, tenant) = (cx.app.db(), cx.op.account()?, cx.op.tenant()?);
    token::recently_proved(cx).await?;
    let pin = chosen(&typed.0).map_err(|code| Error::field("pin", code))?;
    if let Some(former) = stored(cx, tenant, account).await?
        && hasher().verify(pin.clone(), Some(former.phc())).await? != Verdict::Wrong
    {
        return Err(Error::field("pin", "pin.same"));
    }
    let phc = hasher().hash(db.source(), pin).await?;
    let sealed = db.vault().seal(&sealed_for(tenant, account), phc.as_bytes())?;
    let mut system = db.system("identity.pin").await?;
    let now = system.source().now();
    let expires_at = now.plus_seconds(LASTS);
    sqlx::query!(
        "INSERT INTO identity.pin (tenant_id, account_id, sealed, set_at, expires_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET sealed = $3, set_at = $4, expires_at = $5",
        tenant.uuid(),
        account.uuid(),
        sealed,
        now,
        expires_at
    )
    .execute(system.conn())
    .await?;
    off_devices(&mut system, tenant, account).await?;
    system.log(&cx.op, tenant, &Change::of("pin.set", "member", account, &json!({ "pin": true, "expiresAt": expires_at }))).await?;
    system.commit().await?;
    session::forget(account);
    Ok(OwnPin { set: true, expires_at: Some(expires_at) })
}

async fn off_devices(system: &mut System, tenant: TenantId, account: AccountId) -> Result<()> {
    sqlx::query!("UPDATE identity.device SET account_id = NULL WHERE tenant_id = $1 AND account_id = $2", tenant.uuid(), account.uuid())
        .execute(system.conn())
        .await?;
    Ok(())
}

/// Takes one's own PIN away.
pub(crate) async fn remove_own(cx: &Cx) -> Result<()> {
    let account = cx.op.account()?;
    let mut tx = cx.tx().await?;
    take_away(&mut tx, account).await?.then_some(()).ok_or(Error::NotFound)?;
    tx.log(Change::of("pin.removed", "member", account, &json!({ "pin": false })));
    tx.commit().await?;
    session::forget(account);
    Ok(())
}

/// Takes a PIN away, if there is one; who signed in by it is signed out.
pub(crate) async fn take_away(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let tenant = tx.tenant().uuid();
    let gone = sqlx::query!("DELETE FROM identity.pin WHERE tenant_id = $1 AND account_id = $2", tenant, account.uuid())
        .execute(tx.conn())
        .await?;
    sqlx::query!("UPDATE identity.device SET account_id = NULL WHERE tenant_id = $1 AND account_id = $2", tenant, account.uuid())
        .execute(tx.conn())
        .await?;
    Ok(gone.rows_affected() == 1)
}

impl db::Command for RemovePin {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = RemovedPin;
    async fn run(self, tx: &mut Tx) -> Result<RemovedPin> {
        let held = member::lock(tx, self.account_id).await?;
        held.in_reach(tx, "accountId")?;
        if !take_away(tx, self.account_id).await? {
            return Err(Error::NotFound);
        }
        tx.log(Change::of("pin.removed", "member", self.account_id, &json!({ "pin": false })));
        session::forget(self.account_id);
        Ok(RemovedPin { account_id: self.account_id })
    }
}

/// Until when a member's PIN signs in; none where they have none.
pub(crate) async fn expiry(tx: &mut Tx, account: AccountId) -> Result<Option<At>> {
    let tenant = tx.tenant().uuid();
    let at = sqlx::query_scalar!("SELECT expires_at FROM identity.pin WHERE tenant_id = $1 AND account_id = $2", tenant, account.uuid())
        .fetch_optional(tx.conn())
        .await?;
    Ok(at)
}

/// One's own.
pub(crate) async fn own(cx: &Cx) -> Result<OwnPin> {
    let account = cx.op.account()?;
    let expires_at = expiry(&mut cx.tx().await?, account).await?;
    Ok(OwnPin { set: expires_at.is_some(), expires_at })
}

/// Seals every PIN's hash anew with the ring's last key; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    let rows = sqlx::query!("SELECT tenant_id, account_id, sealed FROM identity.pin FOR UPDATE").fetch_all(system.conn()).await?;
    let (mut tenants, mut accounts, mut sealed): (Vec<Uuid>, Vec<Uuid>, Vec<Vec<u8>>) = Default::default();
    for row in rows {
        let about = sealed_for(TenantId::new(row.tenant_id), AccountId::new(row.account_id));
        sealed.push(db.vault().seal(&about, &db.vault().open(&about, &row.sealed)?)?);
        tenants.push(row.tenant_id);
        accounts.push(row.account_id);
    }
    let done = sqlx::query!(
        "UPDATE identity.pin p SET sealed = u.sealed FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS u (tenant, account, sealed)
        WHERE p.tenant_id = u.tenant AND p.account_id = u.account",
        &tenants,
        &accounts,
        &sealed
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected())
}

/// `POST /v1/auth/pin`.
pub(crate) async fn post_set(cx: Cx, wanted: SetPin) -> Result<Reply> {
    Reply::json(&set(&cx, &wanted.pin).await?)
}

/// `DELETE /v1/auth/pin`.
pub(crate) async fn delete_own(cx: Cx) -> Result<Reply> {
    remove_own(&cx).await?;
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn what_others_try_first_is_no_pin() {
        for fine in ["7294", "40917", "830164", "59274018", " 7294 "] {
            assert!(chosen(fine).is_ok(), "{fine}");
        }
        for easy in [
            "1234", "4321", "0000", "7777", "1212", "123123", "1122", "112233", "1221", "123321", "2468", "8642", "1990", "2026", "2580",
            "147258", "12345678",
        ] {
            assert_eq!(chosen(easy).err(), Some("pin.easy"), "{easy}");
        }
        // As others chose most often, and nothing else here would refuse.
        for common in ["1230", "0987", "1000", "1004", "0102"] {
            assert_eq!(chosen(common).err(), Some("pin.easy"), "{common}");
        }
        assert_eq!(super::common().len(), 500);
        for no_pin in ["", "123", "123456789", "12a4", "١٢٣٤", "12 34", "-123"] {
            assert_eq!(chosen(no_pin).err(), Some("pin.format"), "{no_pin}");
        }
    }
}
