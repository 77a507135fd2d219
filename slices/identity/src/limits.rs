//! How often the calls of the account plane may be asked for. They are counted before anything is hashed or looked up, for
//! known and unknown addresses alike; the call and the form of one act share their counts.

use kernel::Actor;
use web::{By, Cx, Routes, Rule};

use crate::{email::Email, known_device};

/// Sign-ins from one client.
const SIGN_IN: Rule = Rule { name: "login.address", by: By::Address, most: 10, seconds: 60 };
/// Sign-ins to one address. From a device that may be known to the account they are counted once that is known
/// ([`SIGN_IN_TO`]): a stranger's guesses so never use up the sign-ins of a known device.
const SIGN_IN_TYPED: Rule = Rule { name: "login.account", by: By::Key(unless_device), most: 5, seconds: 60 };
/// The same where the handler knows who is meant.
pub(crate) const SIGN_IN_TO: Rule = SIGN_IN_TYPED;
/// Registrations from one client.
const REGISTER: Rule = Rule { name: "register", by: By::Address, most: 5, seconds: 3600 };
/// Letters by which a password is chosen anew, to one address.
const FORGOT: Rule = Rule { name: "forgot", by: By::Key(typed_address), most: 3, seconds: 3600 };
/// Letters that confirm an address again.
const RESEND: Rule = Rule { name: "resend", by: By::Key(typed_address), most: 3, seconds: 3600 };
/// The same, asked for by the operator.
const RESEND_TO: Rule = Rule { name: "resend.user", by: By::Key(named), most: 3, seconds: 3600 };
/// Mailed codes of one account.
const REAUTH: Rule = Rule { name: "reauth", by: By::Key(account), most: 3, seconds: 3600 };
/// Codes to telephones that one account asks for.
const PHONE: Rule = Rule { name: "phone", by: By::Key(account), most: 3, seconds: 3600 };
/// Letters of one invitation.
const INVITE_AGAIN: Rule = Rule { name: "invite", by: By::Key(invitation), most: 3, seconds: 3600 };
/// Letters from one client, whomever they go to.
const LETTERS: Rule = Rule { name: "letters.address", by: By::Address, most: 30, seconds: 3600 };
/// Codes of a second step, from one client; what guards an account is its own count of wrong ones.
const SECOND: Rule = Rule { name: "second.address", by: By::Address, most: 10, seconds: 60 };
/// Links and codes of letters that one client may try.
const LINKS: Rule = Rule { name: "links.address", by: By::Address, most: 30, seconds: 60 };
/// Refreshes from one client: many tills may stand behind one address.
const REFRESHES: Rule = Rule { name: "refresh.address", by: By::Address, most: 600, seconds: 60 };
/// Refreshes of one session; counted where the session is known.
pub(crate) const REFRESH: Rule = Rule { name: "refresh.session", by: By::Key(|_| None), most: 30, seconds: 60 };
/// Sign-outs, and stops of support, from one client.
const SIGN_OUT: Rule = Rule { name: "logout.address", by: By::Address, most: 60, seconds: 60 };
/// Passkeys begun or shown by one client: each beginning is kept for some minutes.
const PASSKEYS: Rule = Rule { name: "passkeys.address", by: By::Address, most: 30, seconds: 60 };
/// Passwords that one client has judged while they are typed.
const STRENGTH: Rule = Rule { name: "strength.address", by: By::Address, most: 240, seconds: 60 };
/// Files of everything that is kept of one account: each reads every log.
const EXPORTS: Rule = Rule { name: "export", by: By::Key(account), most: 10, seconds: 3600 };
/// Sign-ins through identity providers, begun or come back, from one client.
const PROVIDERS: Rule = Rule { name: "providers.address", by: By::Address, most: 30, seconds: 60 };

/// What devices of one client ask to sign and show: many tills may stand behind one address.
const DEVICES: Rule = Rule { name: "devices.address", by: By::Address, most: 600, seconds: 60 };
/// Sign-ins on one device, counted where it has shown its key; wrong PINs are counted apart.
pub(crate) const ON_DEVICE: Rule = Rule { name: "devices.device", by: By::Key(|_| None), most: 60, seconds: 60 };

const TABLE: &[(&[&str], &[Rule])] = &[
    (&["POST /v1/auth/login", "POST /login"], &[SIGN_IN, SIGN_IN_TYPED]),
    (&["POST /v1/auth/register", "POST /register"], &[REGISTER]),
    (&["POST /password/strength"], &[STRENGTH]),
    (&["POST /v1/auth/forgot-password", "POST /forgot-password"], &[FORGOT, LETTERS]),
    (&["POST /v1/auth/resend-verification", "POST /resend-verification"], &[RESEND, LETTERS]),
    (&["POST /v1/auth/reauth/send", "POST /reauth/send", "POST /account/data/code"], &[REAUTH]),
    (&["POST /v1/auth/phone", "POST /account/phone"], &[PHONE]),
    (&["POST /v1/auth/2fa/verify", "POST /v1/auth/recovery-login", "POST /2fa/verify"], &[SECOND]),
    (&["POST /v1/auth/verify-email", "POST /verify-email"], &[LINKS]),
    (&["POST /v1/auth/reset-password", "POST /reset-password"], &[LINKS]),
    (&["POST /v1/auth/change-email/confirm", "POST /account/email/confirm"], &[LINKS]),
    (&["POST /v1/auth/passkeys/login/begin", "POST /v1/auth/passkeys/login/finish", "POST /v1/auth/passkeys/register/begin"], &[PASSKEYS]),
    (&["GET /v1/auth/oidc/{provider}/start", "GET /v1/auth/oidc/{provider}/callback"], &[PROVIDERS]),
    (&["POST /v1/auth/invitations/accept", "POST /invitation"], &[LINKS]),
    (&["POST /v1/team/invitations/{id}/resend", "POST /team/invitations/{id}/resend"], &[INVITE_AGAIN]),
    (&["POST /v1/admin/users/{id}/resend-verification"], &[RESEND_TO]),
    (&["GET /v1/auth/export", "GET /account/data/file"], &[EXPORTS]),
    (&["POST /v1/auth/refresh"], &[REFRESHES]),
    (&["POST /v1/auth/logout", "POST /logout", "POST /v1/assist/stop", "POST /assist/stop"], &[SIGN_OUT]),
    (&["POST /v1/devices/register", "GET /device/register"], &[LINKS]),
    (&["POST /v1/auth/device/challenge", "POST /v1/auth/device/prove", "POST /v1/auth/device/lock"], &[DEVICES]),
    (&["POST /v1/auth/device/people", "POST /device/people", "POST /device/pin"], &[DEVICES]),
    (&["POST /v1/auth/device/login", "POST /device/login"], &[DEVICES]),
];

pub(crate) fn routes(routes: &mut Routes) {
    for (names, rules) in TABLE {
        names.iter().for_each(|name| routes.limited(name, rules));
    }
}

/// What was typed as an address, as it is counted: what is no address is counted as it stands.
pub(crate) fn typed(text: &str) -> String {
    text.parse::<Email>().map_or_else(|_| text.chars().take(320).collect(), |email| email.to_string())
}

fn typed_address(cx: &Cx) -> Option<String> {
    cx.sent("email").map(|text| typed(&text))
}

fn unless_device(cx: &Cx) -> Option<String> {
    if known_device::of(&cx.headers).is_some() { None } else { typed_address(cx) }
}

fn account(cx: &Cx) -> Option<String> {
    match cx.op.actor {
        Actor::Account(account) => Some(account.to_string()),
        _ => None,
    }
}

/// What the path names.
fn named(cx: &Cx) -> Option<String> {
    cx.path.iter().find(|(name, _)| name == "id").map(|(_, id)| id.to_lowercase())
}

/// The same within a business: nobody uses up what another one's may.
fn invitation(cx: &Cx) -> Option<String> {
    Some(format!("{} {}", cx.op.tenant?, named(cx)?))
}
