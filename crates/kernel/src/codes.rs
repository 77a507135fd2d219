//! The one table of codes: problem documents, the docs page and the mapping from database constraints read it. What a code says
//! stands in the catalogue's own file beside it.

use std::{collections::HashMap, sync::LazyLock};

/// What each code says, in English, as the catalogue reads it.
pub const TEXTS: &str = include_str!("../texts/codes.en.ftl");

/// The same by key.
static ENGLISH: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| TEXTS.lines().filter_map(|line| line.split_once(" = ")).collect());

/// One refusal that callers may rely on.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable name.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The database constraint that says the same, where there is one.
    pub constraint: Option<&'static str>,
}

impl Code {
    /// The key of its text in the catalogue.
    pub fn key(&self) -> String {
        format!("code-{}", self.code.replace(['.', '_'], "-"))
    }

    /// What happened and what to do, in English: for logs, and where no catalogue is at hand.
    pub fn text(&self) -> &'static str {
        ENGLISH.get(self.key().as_str()).copied().unwrap_or(self.code)
    }
}

const fn row(code: &'static str, status: u16) -> Code {
    Code { code, status, constraint: None }
}

const fn held(code: &'static str, status: u16, constraint: &'static str) -> Code {
    Code { code, status, constraint: Some(constraint) }
}

/// A refused field without a code of its own.
pub static INVALID: Code = row("invalid", 422);
/// A fault of the program.
pub static INTERNAL: Code = row("internal", 500);

/// Every code, by part of the product.
pub static TABLE: &[Code] = &[
    // How Hearth is spoken to
    row("auth.required", 401),
    row("auth.again", 401),
    row("auth.forbidden", 403),
    row("auth.csrf", 403),
    row("not_found", 404),
    row("method", 405),
    row("stale", 409),
    row("too_many", 429),
    row("limit.streams", 429),
    row("limit.files", 429),
    row("limit.uploads", 429),
    row("upload.quota", 413),
    row("plan.required", 402),
    row("unavailable", 503),
    row("body.too_large", 413),
    row("body.type", 415),
    row("body.json", 400),
    row("body.unknown_field", 422),
    row("body.missing_field", 422),
    row("body.path_differs", 422),
    row("body.wrong_type", 422),
    row("intent.other_content", 409),
    row("conflict", 409),
    row("exists", 409),
    row("page.cursor", 422),
    row("filter.unknown", 422),
    row("sort.unknown", 422),
    row("period", 422),
    // Words and numbers
    row("text.needed", 422),
    row("text.too_long", 422),
    row("text.control", 422),
    row("choice.unknown", 422),
    row("day.format", 422),
    row("time.format", 422),
    row("zone.unknown", 422),
    row("currency.unknown", 422),
    row("slug.format", 422),
    row("number.whole", 422),
    row("number.too_large", 422),
    row("number.positive", 422),
    row("number.not_negative", 422),
    row("money.currency", 422),
    row("money.format", 422),
    row("quantity.format", 422),
    row("quantity.too_large", 422),
    row("quantity.whole", 422),
    row("quantity.not_exact", 422),
    row("unit.unknown", 422),
    row("unit.dimension", 422),
    row("unit.ratio", 422),
    row("lines.needed", 422),
    row("lines.too_many", 422),
    // Identity
    row("email.format", 422),
    row("password.short", 422),
    row("password.long", 422),
    row("password.common", 422),
    row("password.breached", 422),
    row("password.personal", 422),
    row("password.weak", 422),
    row("login.wrong", 401),
    row("tenant.none", 409),
    held("tenant.slug_taken", 409, "tenant_slug_key"),
    row("member.exists", 409),
    row("member.unknown", 422),
    row("member.last_owner", 409),
    row("role.needed", 422),
    row("role.beyond_own", 403),
    row("password.link", 422),
    row("password.current", 422),
    row("permission.unknown", 422),
    row("key.days", 422),
    row("account.unconfirmed", 403),
    row("admin.self", 409),
    row("admin.last", 409),
    row("account.last_owner", 409),
    row("email.taken", 409),
    row("proxy.address", 400),
    row("login.shut", 429),
    row("login.disabled", 403),
    row("account.locked", 403),
    row("token.wrong", 401),
    row("second.wrong", 401),
    row("second.shut", 429),
    row("second.disabled", 403),
    row("second.over", 401),
    row("second.on", 409),
    row("second.off", 409),
    row("second.needed", 403),
    row("verify.link", 422),
    row("reset.code", 422),
    row("reauth.mail", 409),
    row("reauth.second", 409),
    row("policy.idle", 422),
    row("policy.again", 422),
    row("colour.format", 422),
    row("colour.contrast", 422),
    row("logo.kind", 422),
    row("logo.large", 422),
    row("session.unknown", 404),
    row("session.browser", 403),
    row("invitation.over", 422),
    row("invitation.other", 403),
    row("keys.configured", 409),
    row("day_start.format", 422),
    row("role.unknown", 422),
    row("site.unknown", 422),
    row("account.erased", 409),
    row("erase.address", 422),
    row("sessions.whose", 422),
    row("support.hours", 422),
    row("support.no_consent", 403),
    // Passkeys and identity providers
    row("passkey.off", 409),
    row("passkey.over", 401),
    row("passkey.wrong", 401),
    row("passkey.doubted", 403),
    row("passkey.many", 409),
    held("passkey.exists", 409, "passkey_credential_key"),
    row("oidc.over", 401),
    row("oidc.refused", 401),
    row("oidc.wrong", 401),
    row("oidc.unverified", 403),
    row("oidc.unconfirmed", 409),
    held("oidc.other", 409, "identity_account_key"),
    // Team
    row("invitation.sign_in", 401),
    held("invitation.exists", 409, "invitation_open"),
    row("member.state", 409),
    held("role.name_taken", 409, "role_name_key"),
    row("role.held", 409),
    row("role.too_many", 409),
    row("permission.needed", 422),
    row("country.unknown", 422),
    row("national_id.format", 422),
    row("phone.format", 422),
    row("phone.off", 409),
    row("phone.too_many", 422),
    row("photo.kind", 422),
    row("photo.large", 422),
    row("photo.focus", 422),
    // Registered devices
    row("pin.format", 422),
    row("pin.easy", 422),
    row("pin.same", 422),
    row("pin.wrong", 401),
    row("pin.shut", 429),
    row("pin.disabled", 403),
    row("pin.expired", 403),
    row("device.unknown", 401),
    row("device.over", 401),
    row("device.code", 422),
    row("device.key", 422),
    row("device.pause", 422),
    row("device.many", 409),
    row("device.state", 409),
    // Guards
    row("captcha.needed", 401),
    row("captcha.unavailable", 503),
    // Mail
    row("letter.state", 409),
    // Catalog
    row("item.unknown", 422),
    row("item.inactive", 422),
    held("item.sku_taken", 409, "item_sku_key"),
    held("item.name_taken", 409, "item_name_key"),
    row("item.kind", 422),
    row("item.base_unit", 409),
    row("price.missing", 422),
    held("price_list.unknown", 422, "customer_price_list_fkey"),
    held("price_list.name_taken", 409, "price_list_name_key"),
    row("price_list.priced", 409),
    row("price_list.sold_by", 409),
    row("price_list.currency", 422),
    row("price_list.retired", 422),
    row("price_list.none", 422),
    row("time.later", 422),
    row("tax.unknown", 422),
    row("price.not_whole", 422),
    row("unit.exists", 422),
    held("tax.category_taken", 409, "tax_category_name_key"),
    row("tax.backwards", 409),
    held("supplier.name_taken", 409, "supplier_name_key"),
    // Stock
    held("stock.short", 409, "stock_short"),
    row("stock.not_stocked", 422),
    row("location.unknown", 422),
    held("location.name_taken", 409, "location_name_key"),
    row("lot.past", 422),
    row("day.not_of_time", 422),
    row("day.future", 422),
    row("day.closed_later", 409),
    row("day.closed", 409),
    row("day.out_of_range", 422),
    // Sales
    row("order.unknown", 422),
    row("order.state", 409),
    row("order.paid_amount", 422),
    row("order.discount", 422),
    row("order.refund_more", 409),
    row("order.refund_owed", 409),
    row("order.customer_needed", 422),
    held("customer.unknown", 422, "orders_tenant_id_customer_id_fkey"),
    held("sale.exists", 409, "orders_pkey"),
    row("payment.more_than_owed", 409),
    row("payment.orders", 422),
    row("payment.before_order", 422),
    held("payment.exists", 409, "payment_pkey"),
    // Import of a past
    row("import.unknown", 422),
    row("import.state", 409),
    row("import.refused", 422),
    row("import.file", 422),
    row("import.mapping", 422),
    row("import.percent", 422),
    row("import.too_many_items", 422),
    row("import.files_gone", 409),
];

/// The row of a code.
pub fn find(code: &str) -> Option<&'static Code> {
    TABLE.iter().chain([&INVALID, &INTERNAL]).find(|row| row.code == code)
}

/// The code that says the same as a database constraint.
pub fn by_constraint(constraint: &str) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.constraint == Some(constraint))
}
