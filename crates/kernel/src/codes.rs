//! The one table of codes: problem documents, the docs page and the mapping from database constraints read it.

/// One refusal that callers may rely on.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable name.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do, for people.
    pub text: &'static str,
    /// The database constraint that says the same, where there is one.
    pub constraint: Option<&'static str>,
}

const fn row(code: &'static str, status: u16, text: &'static str) -> Code {
    Code { code, status, text, constraint: None }
}

const fn held(code: &'static str, status: u16, text: &'static str, constraint: &'static str) -> Code {
    Code { code, status, text, constraint: Some(constraint) }
}

/// A refused field without a code of its own.
pub static INVALID: Code = row("invalid", 422, "Some fields can't be taken as they are.");
/// A fault of the program.
pub static INTERNAL: Code = row("internal", 500, "Hearth failed. Nothing was changed; the fault was logged.");

/// Every code, by part of the product.
pub static TABLE: &[Code] = &[
    // How Hearth is spoken to
    row("auth.required", 401, "Sign in first."),
    row("auth.again", 401, "Sign in again to go on."),
    row("auth.forbidden", 403, "Your role does not include this."),
    row("auth.csrf", 403, "This form is too old or came from elsewhere. Load the page again."),
    row("not_found", 404, "There is no such thing here."),
    row("method", 405, "This address does not take that method."),
    row("stale", 409, "Somebody changed it meanwhile. Load it again."),
    row("too_many", 429, "Too many requests. Wait a moment."),
    row("limit.streams", 429, "Too many live views are open at once. Close some of them, or try again in a moment."),
    row("limit.files", 429, "Too many files are being taken out at once. Wait until one is done, then try again."),
    row("limit.uploads", 429, "This business sends as many files as it can at once. Wait until one has come in."),
    row("upload.quota", 413, "What waits for its import takes up all the room. Import it, or wait 30 days."),
    row("plan.required", 402, "The plan does not include this."),
    row("unavailable", 503, "Hearth can't answer now. Try again in a moment."),
    row("body.too_large", 413, "This is larger than Hearth takes here."),
    row("body.type", 415, "Send this as application/json."),
    row("body.json", 400, "This is not readable JSON."),
    row("body.unknown_field", 422, "There is no such field."),
    row("body.missing_field", 422, "This field is needed."),
    row("body.path_differs", 422, "The address names another one."),
    row("body.wrong_type", 422, "This field has another type."),
    row("intent.other_content", 409, "This id was used before for something else."),
    row("conflict", 409, "Somebody did this at the same time. Try again."),
    row("exists", 409, "This exists already."),
    row("page.cursor", 422, "This page mark can't be read. Start at the first page."),
    row("filter.unknown", 422, "There is no such filter."),
    row("sort.unknown", 422, "This list can't be sorted by that."),
    row("period", 422, "Give a period from a day to the same or a later day, at most ten years."),
    // Words and numbers
    row("text.needed", 422, "Fill this in."),
    row("text.too_long", 422, "This is too long."),
    row("text.control", 422, "This holds signs that can't be written."),
    row("choice.unknown", 422, "Choose one of those offered."),
    row("day.format", 422, "Write the day as YYYY-MM-DD."),
    row("time.format", 422, "Write the time as RFC 3339, such as 2026-01-31T08:30:00Z."),
    row("zone.unknown", 422, "Name a time zone such as Europe/London."),
    row("currency.unknown", 422, "Name a currency by its three letters, such as GBP."),
    row("slug.format", 422, "Use 2 to 40 small letters, digits and hyphens, beginning with a letter."),
    row("number.too_large", 422, "This number is too large."),
    row("number.positive", 422, "This must be more than zero."),
    row("number.not_negative", 422, "This can't be less than zero."),
    row("money.currency", 422, "These amounts are of different currencies."),
    row("money.format", 422, "Write an amount such as 3.20."),
    row("quantity.format", 422, "Write a quantity such as 2 or 2.5, with at most six decimals."),
    row("quantity.too_large", 422, "A quantity is at most a billion of the item's base unit."),
    row("quantity.whole", 422, "This is counted in whole pieces."),
    row("quantity.not_exact", 422, "This does not come out even in the item's base unit."),
    row("unit.unknown", 422, "The item has no such unit."),
    row("unit.dimension", 422, "This unit measures something else."),
    row("unit.ratio", 422, "Give the ratio as two whole numbers above zero."),
    row("lines.needed", 422, "Add at least one line."),
    row("lines.too_many", 422, "This is more lines than one document takes."),
    // Identity
    row("email.format", 422, "Write an e-mail address such as ada@example.com."),
    row("password.short", 422, "Use at least 15 characters. A sentence works well."),
    row("password.long", 422, "Use at most 128 characters."),
    row("password.common", 422, "This password is on lists that others try first."),
    row("password.breached", 422, "This password was stolen somewhere before, and is tried by thieves."),
    row("password.personal", 422, "This password holds your address or the business's name."),
    row("password.weak", 422, "This password is easily guessed. Add a few unrelated words."),
    row("login.wrong", 401, "The address or the password is wrong."),
    row("tenant.none", 409, "Open a business first."),
    held("tenant.slug_taken", 409, "This short name is taken.", "tenant_slug_key"),
    row("member.exists", 409, "This person is a member already."),
    row("member.unknown", 422, "There is no such member."),
    row("member.last_owner", 409, "A business needs an owner. Make somebody else an owner first."),
    row("role.needed", 422, "Choose at least one role."),
    row("role.beyond_own", 403, "You can't give, take or change what your own roles do not include."),
    row("password.link", 422, "This link was used or is too old. Ask for a new one."),
    row("password.current", 422, "This is not the password until now."),
    row("permission.unknown", 422, "There is no such permission."),
    row("key.days", 422, "A key stands for 1 to 1095 days."),
    row("account.unconfirmed", 403, "Confirm your address first: ask for a new password by mail."),
    row("admin.self", 409, "Nobody does this to themselves. Ask another administrator."),
    row("admin.last", 409, "This is the last administrator. Make somebody else one first."),
    row("account.last_owner", 409, "A business would have no owner who can sign in."),
    row("email.taken", 409, "This address belongs to another account."),
    row("proxy.address", 400, "The proxy in front of Hearth names no address that can be read."),
    row("login.shut", 429, "Too many wrong guesses. Wait, or choose a new password by mail."),
    row("login.disabled", 403, "This password was guessed at too often and is switched off. Choose a new one by mail."),
    row("account.locked", 403, "This account is locked. Ask whoever runs this installation."),
    row("token.wrong", 401, "This token is not valid, or not any more."),
    row("second.wrong", 401, "This code is not the right one, or was used before."),
    row("second.shut", 429, "Too many wrong codes. Wait some minutes."),
    row("second.disabled", 403, "This second factor was guessed at too often and is switched off. Use a passkey, or have it taken away."),
    row("second.over", 401, "This took too long. Sign in again."),
    row("second.on", 409, "A second factor is set up already. Switch it off first."),
    row("second.off", 409, "No second factor is set up."),
    row("second.needed", 403, "A second factor is asked for here. Set one up, then go on."),
    row("verify.link", 422, "This link was used or is too old. Register again, or ask for a new mail."),
    row("reset.code", 422, "This code is not the right one, or is too old. Ask for a new mail."),
    row("reauth.mail", 409, "With a second factor a mailed code is not enough. Use the second factor."),
    row("reauth.second", 409, "A password is not enough here. Use your second factor or your passkey."),
    row("policy.idle", 422, "Give 5 to 720 minutes."),
    row("policy.again", 422, "Give 1 to 168 hours."),
    row("colour.format", 422, "Write a colour as # and six digits, such as #8a3b12."),
    row("colour.contrast", 422, "Neither dark nor white letters can be read on this colour. Take a darker or a lighter one."),
    row("logo.kind", 422, "Send a logo as JPEG, PNG or WebP."),
    row("logo.large", 422, "A logo has at most 1 MB and 50 million pixels."),
    row("session.unknown", 404, "There is no such session."),
    row("invitation.over", 422, "This invitation was used, was taken back, or is too old."),
    row("invitation.other", 403, "This invitation is for another address. Sign in with that one."),
    row("keys.configured", 409, "The keys come from the configuration. Add the new one there, on every node."),
    row("day_start.format", 422, "Write the time at which the day begins as HH:MM."),
    row("role.unknown", 422, "There is no such role."),
    row("site.unknown", 422, "There is no such site."),
    row("account.erased", 409, "This account was deleted."),
    row("erase.address", 422, "This is not the address of this account."),
    row("sessions.whose", 422, "Name one account, or say that everybody is meant."),
    row("support.hours", 422, "Support is let in for 1 to 72 hours."),
    row("support.no_consent", 403, "The business's owner has not let support in, or not any more."),
    // Passkeys and identity providers
    row("passkey.off", 409, "Passkeys need a public address with a name, such as https://bakery.example."),
    row("passkey.over", 401, "This took too long, or was used before. Begin again."),
    row("passkey.wrong", 401, "This passkey is not known here, or its answer is not right."),
    row("passkey.doubted", 403, "This passkey may have been copied, and does not sign in any more. Sign in another way, and remove it."),
    row("passkey.many", 409, "An account has at most 20 passkeys. Remove one first."),
    held("passkey.exists", 409, "This passkey was added before.", "passkey_credential_key"),
    row("oidc.over", 401, "This sign-in took too long, was used before, or was begun in another browser. Sign in again."),
    row("oidc.refused", 401, "The identity provider did not sign you in."),
    row("oidc.wrong", 401, "The identity provider's answer can't be trusted. Nobody was signed in."),
    row("oidc.unverified", 403, "The identity provider has not confirmed your address. Confirm it there, or sign in here by password."),
    row("oidc.unconfirmed", 409, "This address has an account here, but was never confirmed. Confirm it first, by the link in its mail."),
    held("oidc.other", 409, "This account is known to the identity provider as somebody else.", "identity_account_key"),
    // Team
    row("invitation.sign_in", 401, "This address has an account. Sign in with it, then accept."),
    held("invitation.exists", 409, "This address is invited already. Send that invitation again, or take it back.", "invitation_open"),
    row("member.state", 409, "This person is not in a state that allows this."),
    held("role.name_taken", 409, "There is a role of this name.", "role_name_key"),
    row("role.held", 409, "Somebody still has this role. Take it from them first."),
    row("role.too_many", 409, "A business has at most 50 roles of its own."),
    row("permission.needed", 422, "Choose at least one permission."),
    row("country.unknown", 422, "Name a country by its two letters, such as GB."),
    row("national_id.format", 422, "This is not an id of that country. Look for a mistyped sign."),
    row("phone.format", 422, "Write the number with its country, such as +44 131 496 0000."),
    row("phone.off", 409, "No gateway for text messages is set up here. Codes come by mail."),
    row("phone.too_many", 422, "At most three numbers are kept."),
    row("photo.kind", 422, "Send a photo as JPEG, PNG or WebP."),
    row("photo.large", 422, "A photo has at most 5 MB and 50 million pixels."),
    row("photo.focus", 422, "Give the point as two numbers from 0 to 100."),
    // Registered devices
    row("pin.format", 422, "A PIN has 4 to 8 digits."),
    row("pin.easy", 422, "This PIN is among those that others try first. Avoid runs, repetitions and years."),
    row("pin.same", 422, "This is the PIN until now. Choose another one."),
    row("pin.wrong", 401, "The PIN is wrong."),
    row("pin.shut", 429, "Too many wrong PINs. Wait some minutes, or sign in by password."),
    row("pin.disabled", 403, "Too many wrong PINs were typed on this device. Choose a new PIN, or have the device registered anew."),
    row("pin.expired", 403, "This PIN is too old. Sign in by password on a device of your own, and choose a new one under Security."),
    row("device.unknown", 401, "This device is not registered here, or not any more."),
    row("device.over", 401, "This took too long, or was used before. Begin again."),
    row("device.code", 422, "This code was used, or is older than 15 minutes. Make a new one."),
    row("device.key", 422, "This is no key of P-256, or its proof is not right."),
    row("device.pause", 422, "Give a pause of 5 to 60 minutes."),
    row("device.many", 409, "A business has at most 500 devices. Take one away first."),
    row("device.state", 409, "This device was taken away already."),
    // Guards
    row("captcha.needed", 401, "Show that you are a person, then try again."),
    row("captcha.unavailable", 503, "Nobody can register now: whether you are a person can't be found out. Try again in some minutes."),
    // Mail
    row("letter.state", 409, "The letter is not in a state that allows this. One that was sent, or is being sent, stays as it is."),
    // Catalog
    row("item.unknown", 422, "There is no such item."),
    row("item.inactive", 422, "This item is no longer sold."),
    held("item.sku_taken", 409, "Another item has this SKU.", "item_sku_key"),
    held("item.name_taken", 409, "Another item has this name.", "item_name_key"),
    row("item.kind", 422, "This kind of item can't be used here."),
    row("item.base_unit", 409, "The base unit can't change once there are movements."),
    row("price.missing", 422, "This item has no price."),
    row("price.mixed", 422, "Some of these prices hold the tax and some do not; ring them apart."),
    row("time.later", 422, "This lies in the future."),
    row("tax.unknown", 422, "There is no such tax."),
    row("price.not_whole", 422, "This price does not come out even per base unit. Give it for a smaller unit."),
    row("unit.exists", 422, "The item has this unit already."),
    held("tax.category_taken", 409, "There is a tax category of this name.", "tax_category_name_key"),
    row("tax.backwards", 409, "A rate from this day or a later one is known already."),
    held("supplier.name_taken", 409, "Another supplier has this name.", "supplier_name_key"),
    // Stock
    held("stock.short", 409, "There is not enough of it.", "stock_short"),
    row("stock.not_stocked", 422, "This item is not kept in stock."),
    row("location.unknown", 422, "There is no such location."),
    held("location.name_taken", 409, "The site has a location of this name.", "location_name_key"),
    row("lot.past", 422, "This lot is past its date."),
    row("day.not_of_time", 422, "This is not the business day of the time given."),
    row("day.future", 422, "This day has not begun."),
    row("day.closed_later", 409, "The books are closed through this day or a later one already."),
    row("day.closed", 409, "This day is closed. Book it on an open day."),
    row("day.out_of_range", 422, "Give a day between 1970 and 2199."),
    // Sales
    row("order.unknown", 422, "There is no such order."),
    row("order.state", 409, "The order is not in a state that allows this."),
    row("order.paid_amount", 422, "The payments must equal the total."),
    row("order.discount", 422, "A discount can't be more than the line."),
    row("order.refund_more", 409, "More than was sold can't be refunded."),
    row("order.customer_needed", 422, "A sale on account needs a customer."),
    held("customer.unknown", 422, "There is no such customer.", "orders_tenant_id_customer_id_fkey"),
    held("sale.exists", 409, "A sale with this id exists with other content.", "orders_pkey"),
    // Import of a past
    row("import.unknown", 422, "There is no such import."),
    row("import.state", 409, "The import is not in a state that allows this."),
    row("import.refused", 422, "Some lines were refused, so nothing was imported."),
    row("import.file", 422, "This file can't be read as a table."),
    row("import.mapping", 422, "This does not say what these files and their columns are."),
    row("import.percent", 422, "Give a share from 0 to 100 percent."),
    row("import.too_many_items", 422, "These files name more than 20,000 different items; another column may be the item."),
    row("import.files_gone", 409, "The files of this import are no longer kept. Give them again."),
];

/// The row of a code.
pub fn find(code: &str) -> Option<&'static Code> {
    TABLE.iter().chain([&INVALID, &INTERNAL]).find(|row| row.code == code)
}

/// The code that says the same as a database constraint.
pub fn by_constraint(constraint: &str) -> Option<&'static Code> {
    TABLE.iter().find(|row| row.constraint == Some(constraint))
}
