# What each code says. The table of codes names them; a key is `code-` and the code with hyphens.
code-invalid = Some fields can't be taken as they are.
code-internal = Hearth failed. Nothing was changed; the fault was logged.

# How Hearth is spoken to
code-auth-required = Sign in first.
code-auth-again = Sign in again to go on.
code-auth-forbidden = Your role does not include this.
code-auth-csrf = This form is too old or came from elsewhere. Load the page again.
code-not-found = There is no such thing here.
code-method = This address does not take that method.
code-stale = Somebody changed it meanwhile. Load it again.
code-too-many = Too many requests. Wait a moment.
code-limit-streams = Too many live views are open at once. Close some of them, or try again in a moment.
code-limit-files = Too many files are being taken out at once. Wait until one is done, then try again.
code-limit-uploads = This business sends as many files as it can at once. Wait until one has come in.
code-upload-quota = What waits for its import takes up all the room. Import it, or wait 30 days.
code-plan-required = The plan does not include this.
code-unavailable = Hearth can't answer now. Try again in a moment.
code-body-too-large = This is larger than Hearth takes here.
code-body-type = Send this as application/json.
code-body-json = This is not readable JSON.
code-body-unknown-field = There is no such field.
code-body-missing-field = This field is needed.
code-body-path-differs = The address names another one.
code-body-wrong-type = This field has another type.
code-intent-other-content = This id was used before for something else.
code-conflict = Somebody did this at the same time. Try again.
code-exists = This exists already.
code-page-cursor = This page mark can't be read. Start at the first page.
code-filter-unknown = There is no such filter.
code-sort-unknown = This list can't be sorted by that.
code-period = Give a period from a day to the same or a later day, at most ten years.

# Words and numbers
code-text-needed = Fill this in.
code-text-too-long = This is too long.
code-text-control = This holds signs that can't be written.
code-choice-unknown = Choose one of those offered.
code-day-format = Write the day as YYYY-MM-DD.
code-time-format = Write the time as RFC 3339, such as 2026-01-31T08:30:00Z.
code-zone-unknown = Name a time zone such as Europe/London.
code-currency-unknown = Name a currency by its three letters, such as GBP.
code-slug-format = Use 2 to 40 small letters, digits and hyphens, beginning with a letter.
code-number-whole = Write a whole number.
code-number-too-large = This number is too large.
code-number-positive = This must be more than zero.
code-number-not-negative = This can't be less than zero.
code-money-currency = These amounts are of different currencies.
code-money-format = Write an amount such as 3.20.
code-quantity-format = Write a quantity such as 2 or 2.5, with at most six decimals.
code-quantity-too-large = A quantity is at most a billion of the item's base unit.
code-quantity-whole = This is counted in whole pieces.
code-quantity-not-exact = This does not come out even in the item's base unit.
code-unit-unknown = The item has no such unit.
code-unit-dimension = This unit measures something else.
code-unit-ratio = Give the ratio as two whole numbers above zero.
code-lines-needed = Add at least one line.
code-lines-too-many = This is more lines than one document takes.

# Identity
code-email-format = Write an e-mail address such as ada@example.com.
code-password-short = Use at least 15 characters. A sentence works well.
code-password-long = Use at most 128 characters.
code-password-common = This password is on lists that others try first.
code-password-breached = This password was stolen somewhere before, and is tried by thieves.
code-password-personal = This password holds your address or the business's name.
code-password-weak = This password is easily guessed. Add a few unrelated words.
code-login-wrong = The address or the password is wrong.
code-tenant-none = Open a business first.
code-tenant-slug-taken = This short name is taken.
code-member-exists = This person is a member already.
code-member-unknown = There is no such member.
code-member-last-owner = A business needs an owner. Make somebody else an owner first.
code-role-needed = Choose at least one role.
code-role-beyond-own = You can't give, take or change what your own roles do not include.
code-password-link = This link was used or is too old. Ask for a new one.
code-password-current = This is not the password until now.
code-permission-unknown = There is no such permission.
code-key-days = A key stands for 1 to 1095 days.
code-account-unconfirmed = Confirm your address first: ask for a new password by mail.
code-admin-self = Nobody does this to themselves. Ask another administrator.
code-admin-last = This is the last administrator. Make somebody else one first.
code-account-last-owner = A business would have no owner who can sign in.
code-email-taken = This address belongs to another account.
code-proxy-address = The proxy in front of Hearth names no address that can be read.
code-login-shut = Too many wrong guesses. Wait, or choose a new password by mail.
code-login-disabled = This password was guessed at too often and is switched off. Choose a new one by mail.
code-account-locked = This account is locked. Ask whoever runs this installation.
code-token-wrong = This token is not valid, or not any more.
code-second-wrong = This code is not the right one, or was used before.
code-second-shut = Too many wrong codes. Wait some minutes.
code-second-disabled = This second factor was guessed at too often and is switched off. Use a passkey, or have it taken away.
code-second-over = This took too long. Sign in again.
code-second-on = A second factor is set up already. Switch it off first.
code-second-off = No second factor is set up.
code-second-needed = A second factor is asked for here. Set one up, then go on.
code-verify-link = This link was used or is too old. Register again, or ask for a new mail.
code-reset-code = This code is not the right one, or is too old. Ask for a new mail.
code-reauth-mail = With a second factor a mailed code is not enough. Use the second factor.
code-reauth-second = A password is not enough here. Use your second factor or your passkey.
code-policy-idle = Give 5 to 720 minutes.
code-policy-again = Give 1 to 168 hours.
code-colour-format = Write a colour as # and six digits, such as #8a3b12.
code-colour-contrast = Neither dark nor white letters can be read on this colour. Take a darker or a lighter one.
code-logo-kind = Send a logo as JPEG, PNG or WebP.
code-logo-large = A logo has at most 1 MB and 50 million pixels.
code-session-unknown = There is no such session.
code-session-browser = This takes the session of a browser. Sign in with "session": "cookie".
code-invitation-over = This invitation was used, was taken back, or is too old.
code-invitation-other = This invitation is for another address. Sign in with that one.
code-keys-configured = The keys come from the configuration. Add the new one there, on every node.
code-day-start-format = Write the time at which the day begins as HH:MM.
code-role-unknown = There is no such role.
code-site-unknown = There is no such site.
code-account-erased = This account was deleted.
code-erase-address = This is not the address of this account.
code-sessions-whose = Name one account, or say that everybody is meant.
code-support-hours = Support is let in for 1 to 72 hours.
code-support-no-consent = The business's owner has not let support in, or not any more.

# Passkeys and identity providers
code-passkey-off = Passkeys need a public address with a name, such as https://bakery.example.
code-passkey-over = This took too long, or was used before. Begin again.
code-passkey-wrong = This passkey is not known here, or its answer is not right.
code-passkey-doubted = This passkey may have been copied, and does not sign in any more. Sign in another way, and remove it.
code-passkey-many = An account has at most 20 passkeys. Remove one first.
code-passkey-exists = This passkey was added before.
code-oidc-over = This sign-in took too long, was used before, or was begun in another browser. Sign in again.
code-oidc-refused = The identity provider did not sign you in.
code-oidc-wrong = The identity provider's answer can't be trusted. Nobody was signed in.
code-oidc-unverified = The identity provider has not confirmed your address. Confirm it there, or sign in here by password.
code-oidc-unconfirmed = This address has an account here, but was never confirmed. Confirm it first, by the link in its mail.
code-oidc-other = This account is known to the identity provider as somebody else.

# Team
code-invitation-sign-in = This address has an account. Sign in with it, then accept.
code-invitation-exists = This address is invited already. Send that invitation again, or take it back.
code-member-state = This person is not in a state that allows this.
code-role-name-taken = There is a role of this name.
code-role-held = Somebody still has this role. Take it from them first.
code-role-too-many = A business has at most 50 roles of its own.
code-permission-needed = Choose at least one permission.
code-country-unknown = Name a country by its two letters, such as GB.
code-national-id-format = This is not an id of that country. Look for a mistyped sign.
code-phone-format = Write the number with its country, such as +44 131 496 0000.
code-phone-off = No gateway for text messages is set up here. Codes come by mail.
code-phone-too-many = At most three numbers are kept.
code-photo-kind = Send a photo as JPEG, PNG or WebP.
code-photo-large = A photo has at most 5 MB and 50 million pixels.
code-photo-focus = Give the point as two numbers from 0 to 100.

# Registered devices
code-pin-format = A PIN has 4 to 8 digits.
code-pin-easy = This PIN is among those that others try first. Avoid runs, repetitions and years.
code-pin-same = This is the PIN until now. Choose another one.
code-pin-wrong = The PIN is wrong.
code-pin-shut = Too many wrong PINs. Wait some minutes, or sign in by password.
code-pin-disabled = Too many wrong PINs were typed on this device. Choose a new PIN, or have the device registered anew.
code-pin-expired = This PIN is too old. Sign in by password on a device of your own, and choose a new one under Security.
code-device-unknown = This device is not registered here, or not any more.
code-device-over = This took too long, or was used before. Begin again.
code-device-code = This code was used, or is older than 15 minutes. Make a new one.
code-device-key = This is no key of P-256, or its proof is not right.
code-device-pause = Give a pause of 5 to 60 minutes.
code-device-many = A business has at most 500 devices. Take one away first.
code-device-state = This device was taken away already.

# Guards
code-captcha-needed = Show that you are a person, then try again.
code-captcha-unavailable = Nobody can register now: whether you are a person can't be found out. Try again in some minutes.

# Mail
code-letter-state = The letter is not in a state that allows this. One that was sent, or is being sent, stays as it is.

# Catalog
code-item-unknown = There is no such item.
code-item-inactive = This item is no longer sold.
code-item-sku-taken = Another item has this SKU.
code-item-name-taken = Another item has this name.
code-item-kind = This kind of item can't be used here.
code-item-base-unit = The base unit can't change once there are movements.
code-price-missing = This item has no price.
code-price-list-unknown = There is no such price list.
code-price-list-name-taken = There is a price list of this name.
code-price-list-priced = Prices stand on this list, so this stays as it is. Make another list.
code-price-list-sold-by = A site sells by this list. Let it sell by another one first.
code-price-list-currency = This list is in another currency than the site.
code-price-list-retired = This list is out of use.
code-price-list-none = No price list is in the currency of this site. Make one, and set prices on it.
code-time-later = This lies in the future.
code-tax-unknown = There is no such tax.
code-price-not-whole = For one of the units that the item is counted in, this price is no whole number of the smallest coin. Count the item in the unit of its price (kg instead of g), or give another price.
code-unit-exists = The item has this unit already.
code-tax-category-taken = There is a tax category of this name.
code-tax-backwards = A rate from this day or a later one is known already.
code-supplier-name-taken = Another supplier has this name.

# Stock
code-stock-short = There is not enough of it.
code-stock-not-stocked = This item is not kept in stock.
code-location-unknown = There is no such location.
code-location-name-taken = The site has a location of this name.
code-lot-past = This lot is past its date.
code-day-not-of-time = This is not the business day of the time given.
code-day-future = This day has not begun.
code-day-closed-later = The books are closed through this day or a later one already.
code-day-closed = This day is closed. Book it on an open day.
code-day-out-of-range = Give a day between 1970 and 2199.

# Sales
code-order-unknown = There is no such order.
code-order-state = The order is not in a state that allows this.
code-order-paid-amount = The payments must equal the total.
code-order-discount = A discount can't be more than the line.
code-order-refund-more = More than was sold can't be refunded.
code-order-refund-owed = More than is still owed of an order can't be taken off the account. Pay the rest back as money.
code-order-customer-needed = A sale on account needs a customer.
code-customer-unknown = There is no such customer.
code-sale-exists = A sale with this id exists with other content.
code-payment-more-than-owed = This is more than is owed.
code-payment-orders = Say of each order once how much of it is paid; together they must equal the payment.
code-payment-before-order = An order can't be paid on a day before its own.
code-payment-exists = A payment with this id exists with other content.

# Import of a past
code-import-unknown = There is no such import.
code-import-state = The import is not in a state that allows this.
code-import-refused = Some lines were refused, so nothing was imported.
code-import-file = This file can't be read as a table.
code-import-mapping = This does not say what these files and their columns are.
code-import-percent = Give a share from 0 to 100 percent.
code-import-too-many-items = These files name more than 20,000 different items; another column may be the item.
code-import-files-gone = The files of this import are no longer kept. Give them again.
