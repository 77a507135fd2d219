//! What the walks over all routes send: the smallest body that each command takes, by its name.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Story, pounds};
use uuid::Uuid;
use web::Route;

/// A body that the command of this name would take, were the thing there.
pub fn body(name: &str) -> Value {
    match name {
        "RefundOrder" => json!({ "reason": "stale" }),
        "ChangeItem" => json!({ "version": 1, "name": "Other" }),
        "ChangePriceList" => json!({ "version": 1, "name": "Other" }),
        "ChangeCustomer" => json!({ "version": 1, "name": "Other" }),
        "SetPrice" => json!({ "price": pounds(100), "fromDay": "2026-11-21" }),
        "SetRate" => json!({ "name": "VAT", "percent": "20", "fromDay": "2026-11-21" }),
        "ChangeRoles" => json!({ "version": 1, "roles": ["seller"] }),
        "SetSupplierPrice" => json!({ "itemId": Uuid::nil(), "unit": "kg", "amount": pounds(80) }),
        "Approve" => json!({ "roles": ["seller"] }),
        "ChangeRole" => json!({ "version": 1, "name": "Other", "permissions": ["item:read"] }),
        "SaveProfile" => json!({ "version": 0 }),
        "ChangeDevice" => json!({ "version": 1, "name": "Till", "siteId": Uuid::nil(), "pauseMinutes": 15 }),
        "SaveSecurity" => json!({ "version": 0, "idleMinutes": 60, "reauthHours": 24, "secondFactor": "offered" }),
        "SaveBranding" => json!({ "version": 0 }),
        _ => json!({}),
    }
}

/// The path of a route with the ids of `fixtures` (by the word before each) in their places.
pub fn address(route: &Route, fixtures: &BTreeMap<&'static str, String>) -> String {
    let mut word = "";
    let mut filled = Vec::new();
    for part in route.path.split('/') {
        let id = || fixtures.get(word).unwrap_or_else(|| panic!("{} names a thing by id, and no fixture makes one", route.path));
        filled.push(if part.starts_with('{') { id().as_str() } else { part });
        word = part;
    }
    filled.join("/")
}

/// A body that the command of this name takes, with as many fields filled as go together; `n` makes names that nobody has yet.
/// `address` is where it is sent: what has a version is asked for it.
#[expect(clippy::too_many_lines, reason = "a table: one line for each command")]
pub async fn whole(story: &Story, name: &str, fixtures: &BTreeMap<&'static str, String>, address: &str, n: usize) -> Value {
    let fresh = format!("Thing {n}");
    let email = format!("{}-{n}@example.com", story.slug);
    let (item, site) = (&fixtures["items"], story.site);
    let version = async |path: &str| story.get(path).await.ok().json()["version"].clone();
    match name {
        "AddCustomer" => {
            json!({ "name": fresh, "email": "ada@example.com", "phone": "0131 496 0000", "priceListId": fixtures["price-lists"] })
        }
        "AddSupplier" => json!({ "name": fresh, "email": "ada@example.com", "phone": "0131 496 0000" }),
        "AddMember" => json!({ "name": "Ada", "email": email, "roles": ["seller"] }),
        "AcceptInvitation" => json!({ "token": "made-up", "password": "a sentence of nobody's" }),
        "Approve" => json!({ "roles": ["seller"], "ownRoles": [] }),
        "AskToJoin" => json!({ "slug": "nowhere", "name": "Ada" }),
        "ChangeRole" => {
            let roles = story.get("/v1/team/roles").await.ok().json();
            let known =
                roles["own"].as_array().and_then(|own| own.iter().find(|role| address.ends_with(role["id"].as_str().unwrap_or("-"))));
            json!({ "version": known.map_or(json!(1), |role| role["version"].clone()), "name": fresh, "permissions": ["item:read"] })
        }
        "DeleteRole" | "Refuse" | "RemoveLogo" | "ResendInvitation" | "RevokeInvitation" => json!({}),
        "Invite" => json!({ "name": "Ada", "email": email, "roles": ["seller"], "ownRoles": [] }),
        "MakeRole" => json!({ "name": fresh, "permissions": ["item:read"] }),
        "RemoveMember" => json!({ "reason": "moved away" }),
        "SaveProfile" => {
            json!({ "version": version(address).await, "firstName": "Ada", "middleName": "M.", "lastName": fresh, "phones": ["+44 131 496 0000"],
            "nationalId": { "country": "GB", "number": "AB123456C" }, "jobTitle": "Baker", "employedSince": "2024-03-01",
            "pay": { "basis": "hour", "amount": pounds(1_500), "method": "bank" },
            "emergency": { "name": "Grace", "phone": "+44 131 496 0001", "relation": "sister" } })
        }
        "AddSite" => {
            json!({ "name": fresh, "timeZone": "Europe/London", "dayStart": "04:00", "currency": "GBP", "priceListId": fixtures["price-lists"] })
        }
        "ChangeItem" => json!({ "version": version(address).await, "name": fresh, "category": "Bread", "sku": fresh, "active": true }),
        "ChangeRoles" => json!({ "version": version(address.trim_end_matches("/roles")).await, "roles": ["seller"] }),
        "CloseThrough" => json!({ "day": "2026-11-01" }),
        "CreateItem" => {
            json!({ "name": fresh, "kind": "product", "baseUnit": "pc", "sku": fresh, "category": "Bread", "stockRule": "stocked",
            "price": pounds(300), "standardCost": { "amount": pounds(90), "per": "1", "unit": "pc" }, "taxCategoryId": fixtures["taxes"],
            "units": [{ "code": "tray", "numerator": 12, "denominator": 1 }] })
        }
        "CreateLocation" => json!({ "name": fresh, "kind": "store", "sells": false, "siteId": site }),
        "CreateTaxCategory" => json!({ "name": fresh }),
        "CreatePriceList" => json!({ "name": fresh, "currency": "GBP", "includesTax": false, "position": 120 }),
        "ChangePriceList" => {
            json!({ "version": version(address).await, "name": fresh, "currency": "GBP", "includesTax": false, "position": 130, "active": true })
        }
        "ChoosePriceList" => json!({ "priceListId": fixtures["price-lists"] }),
        "ChangeCustomer" => {
            json!({ "version": version(address).await, "name": fresh, "email": "ada@example.com", "phone": "0131 496 0000",
            "priceListId": fixtures["price-lists"] })
        }
        "ChangeEmail" => json!({ "newEmail": email, "password": "a sentence of nobody's" }),
        "ChangePassword" => json!({ "currentPassword": "a sentence of nobody's", "newPassword": "seven loaves on the window sill" }),
        "CompleteSecond" | "DisableSecond" => json!({ "code": "123456" }),
        "ConfirmEmail" => json!({ "token": "made-up" }),
        "ForgotPassword" | "ResendVerification" => json!({ "email": email }),
        "Login" => json!({ "email": "nobody@example.com", "password": "a sentence of nobody's", "session": "cookie" }),
        "MakeApiKey" => json!({ "name": fresh, "permissions": ["item:read"], "days": 30 }),
        "ReauthVerify" => json!({ "password": "a sentence of nobody's" }),
        "RecoveryLogin" => json!({ "mfaToken": "made-up", "recoveryCode": "abcde-fghjk", "session": "cookie" }),
        "Refresh" => json!({ "refreshToken": "made-up" }),
        "RevokeApiKey" => json!({}),
        "AddPasskey" => json!({ "ceremony": "made-up", "name": fresh, "credential": {} }),
        "PasskeyLogin" => json!({ "ceremony": "made-up", "credential": {}, "session": "cookie" }),
        "AddDevice" => json!({ "name": fresh, "kind": "till", "siteId": site, "pauseMinutes": 15 }),
        "ChangeDevice" => {
            let all = story.get("/v1/devices?sort=created&limit=200").await.ok().json();
            let known =
                all["rows"].as_array().and_then(|rows| rows.iter().find(|row| address.ends_with(row["id"].as_str().unwrap_or("-"))));
            json!({ "version": known.map_or(json!(1), |row| row["version"].clone()), "name": fresh, "siteId": site, "pauseMinutes": 15 })
        }
        "RevokeDevice" | "RemovePin" => json!({}),
        "SetPhone" => json!({ "phone": "+44 131 496 0000" }),
        "ConfirmPhone" => json!({ "code": "123456" }),
        "RegisterDevice" => json!({ "code": "made-up", "publicKey": point(), "signature": "made-up" }),
        "AskChallenge" => json!({ "deviceId": Uuid::nil() }),
        "SeePeople" | "ProveDevice" => json!({ "deviceId": Uuid::nil(), "challenge": "made-up", "signature": "made-up" }),
        "DeviceLogin" => {
            json!({ "deviceId": Uuid::nil(), "challenge": "made-up", "signature": "made-up", "accountId": Uuid::nil(), "pin": "7294" })
        }
        "SetPin" => json!({ "pin": format!("{}", 70_000_000 + (n * 7919) % 19_999_999) }),
        "VerifyEmail" => json!({ "token": "made-up", "password": "a sentence of nobody's" }),
        "VerifySecond" => json!({ "mfaToken": "made-up", "code": "123456", "session": "cookie" }),
        "MapImport" => json!({ "costPercent": 40, "method": "card" }),
        "OpenBusiness" => json!({ "name": "Hill", "slug": format!("{}-{n}", story.slug), "currency": "GBP", "timeZone": "Europe/London",
            "dayStart": "04:00", "siteName": "Shop", "ownerName": "Ada" }),
        "ReceivePayment" => {
            json!({ "customerId": fixtures["customers"], "method": "card", "amount": pounds(1), "reference": fresh, "siteId": site })
        }
        "ReceiveStock" => {
            json!({ "kind": "delivery", "supplier": "Mill", "reference": "A 1", "siteId": site, "effectiveAt": "2026-11-21T08:00:00Z",
            "lines": [{ "itemId": item, "quantity": "1", "unit": "pc", "amount": pounds(90), "lot": { "code": "L1", "bestBefore": "2027-01-01" } }] })
        }
        "RefundOrder" => json!({ "reason": "stale", "method": "cash", "lines": [{ "n": 1, "quantity": "1", "restock": false }] }),
        "Register" => json!({ "email": email, "password": "seven loaves on the window sill" }),
        "ResetPassword" => json!({ "token": "made-up", "newPassword": "seven loaves on the window sill" }),
        "RingSale" => {
            json!({ "lines": [{ "itemId": item, "quantity": "1", "unit": "pc" }], "payments": [{ "method": "cash", "reference": "7" }],
            "channel": "phone", "note": "for Ada", "siteId": site, "placedAt": "2026-11-21T08:30:00Z" })
        }
        "EraseAccount" => json!({ "email": "nobody@example.com", "password": "a sentence of nobody's" }),
        "LetSupportIn" => json!({ "hours": 4, "reason": "look at Friday", "acting": true }),
        "Assist" => json!({ "reason": "ticket 7" }),
        "EndSessions" => json!({ "account": fixtures["users"], "everybody": false, "reason": "phone stolen" }),
        "LockUser" | "UnlockUser" | "ResetSecond" | "ResendToUser" => json!({ "reason": "ticket 7", "evenLastOwner": false }),
        "SetPlatformRoles" => json!({ "roles": ["SUPPORT"], "reason": "ticket 7" }),
        "ResendLetter" | "ResendGivenUp" | "CancelLetter" => json!({}),
        "RunImport" => json!({ "dryRun": true, "skipRefused": true, "decided": { "costPercent": 40 } }),
        "SaveSecurity" => {
            json!({ "version": version(address).await, "idleMinutes": 60, "reauthHours": 24, "secondFactor": "offered", "secondRoles": ["baker"], "secondOwnRoles": [] })
        }
        "SaveBranding" => {
            json!({ "version": version(address).await, "colour": "#8a3b12", "replyTo": "ada@example.com", "signInPage": true })
        }
        "SaveSettings" => json!({ "name": "Hill Bakery", "version": version(address).await }),
        "SetPrice" => {
            json!({ "price": pounds(310), "fromDay": "2026-11-21", "priceUnit": "pc", "minQuantity": "2", "listId": fixtures["price-lists"] })
        }
        "SetRate" => json!({ "name": "VAT", "percent": "20", "compound": false, "fromDay": day_after(n) }),
        "SetSupplierPrice" => json!({ "itemId": item, "unit": "pc", "amount": pounds(80), "quantity": "1", "fromDay": "2026-11-21" }),
        "UseItems" => json!({ "ids": [item], "active": true }),
        "SwitchTenant" => json!({ "tenant": fixtures["businesses"] }),
        _ => panic!("{name} is a new command: say here what it takes"),
    }
}

/// The public key of RFC 7515, appendix A.3.
fn point() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })
}

/// A day of its own for each `n`, later than that of every smaller one.
fn day_after(n: usize) -> String {
    format!("{}-{:02}-{:02}", 2027 + n / 336, n / 28 % 12 + 1, n % 28 + 1)
}
