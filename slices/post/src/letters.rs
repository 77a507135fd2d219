//! One function for each kind of letter: what it says, from the text catalogue and what is particular to it.
//!
//! Addresses of buttons are made by the caller from the configured public address, never from a request.

use kernel::{At, Zone};
use web::{t, tf};

use crate::address::one_line;
use crate::letter::Content;

/// What was done to an account, for its owner to recognise.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// "Firefox on Linux"; empty where nobody knows.
    pub device: &'a str,
    /// Where from: a town, or the network address; empty where nobody knows.
    pub place: &'a str,
    /// When.
    pub at: At,
}

impl Happened<'_> {
    fn paragraph(&self) -> String {
        let known = |text: &str| Some(one_line(text, 100)).filter(|text| !text.is_empty()).unwrap_or_else(|| t("letter-unknown"));
        tf("letter-happened", &[("device", &known(self.device)), ("place", &known(self.place)), ("when", &moment(self.at))])
    }
}

/// A moment for a reader in any zone.
fn moment(at: At) -> String {
    format!("{} UTC", Zone::utc().local(at).strftime("%-d %b %Y %H:%M"))
}

/// Subject, heading and first paragraph of a kind, with the same places filled in all three.
fn plain(kind: &'static str, places: &[(&str, &str)]) -> Content {
    let say = |part: &str| tf(&format!("letter-{kind}-{part}"), places);
    Content {
        kind,
        subject: say("subject"),
        heading: say("heading"),
        paragraphs: vec![say("text")],
        button: None,
        code: None,
        footnote: None,
    }
}

impl Content {
    fn button(self, url: &str) -> Self {
        let label = t(&format!("letter-{}-button", self.kind));
        Self { button: Some((label, url.to_owned())), ..self }
    }

    fn footnote(self) -> Self {
        let footnote = t(&format!("letter-{}-footnote", self.kind));
        Self { footnote: Some(footnote), ..self }
    }

    fn code(self, code: &str) -> Self {
        Self { code: Some(one_line(code, 40)), ..self }
    }

    fn and(mut self, paragraph: String) -> Self {
        self.paragraphs.push(paragraph);
        self
    }

    /// About something that was done to the account: when, from where, and what to do if it was somebody else.
    fn happened(self, happened: &Happened<'_>, url: &str) -> Self {
        self.and(happened.paragraph()).and(t("letter-not-you")).button(url)
    }
}

/// Confirms an address after registration. `url` holds the token; it is good for 24 hours.
pub fn verify(url: &str) -> Content {
    plain("verify", &[]).button(url).footnote()
}

/// Answers a registration with an address that has an account already. `url` leads to the sign-in.
pub fn known(url: &str) -> Content {
    plain("known", &[]).button(url).footnote()
}

/// Resets a password by link or code; both are good for 15 minutes.
/// Without a code it went to a telephone.
pub fn reset(url: &str, code: Option<&str>) -> Content {
    let content = plain("reset", &[]).button(url).footnote();
    match code {
        Some(code) => content.code(code),
        None => content.and(t("letter-reset-texted")),
    }
}

/// Tells that sign-in is locked until `until` after too many failures. `url` leads to the reset of the password.
pub fn locked(until: At, happened: &Happened<'_>, url: &str) -> Content {
    plain("locked", &[("until", &moment(until))]).happened(happened, url)
}

/// Tells of a sign-in from a device that was not seen before. `url` leads to the account's sessions.
pub fn new_device(happened: &Happened<'_>, url: &str) -> Content {
    plain("new-device", &[]).happened(happened, url)
}

/// Tells that a sign-in was ended because its token was used twice. `url` leads to the account's sessions.
pub fn signed_out(happened: &Happened<'_>, url: &str) -> Content {
    plain("signed-out", &[]).happened(happened, url)
}

/// Invites somebody to a business. `url` holds the token; it is good for 7 days.
pub fn invitation(inviter: &str, business: &str, url: &str) -> Content {
    plain("invitation", &[("inviter", &one_line(inviter, 80)), ("business", &one_line(business, 80))]).button(url).footnote()
}

/// Lets somebody whose account was made by another choose their first password. `url` holds the token; it is good for 7 days.
pub fn first_password(business: &str, url: &str) -> Content {
    plain("first-password", &[("business", &one_line(business, 80))]).button(url).footnote()
}

/// The code that proves a person again; it is good for 10 minutes.
pub fn again(code: &str) -> Content {
    plain("again", &[]).code(code).footnote()
}

/// Tells that the second factor was turned on. `url` leads to the account's security.
pub fn second_factor_on(happened: &Happened<'_>, url: &str) -> Content {
    plain("second-factor-on", &[]).happened(happened, url)
}

/// Tells that the second factor was turned off. `url` leads to the account's security.
pub fn second_factor_off(happened: &Happened<'_>, url: &str) -> Content {
    plain("second-factor-off", &[]).happened(happened, url)
}

/// Tells that whoever runs the installation took second factor and passkeys away. `url` leads to the account's security.
pub fn second_factor_reset(url: &str) -> Content {
    plain("second-factor-reset", &[]).and(t("letter-not-asked")).button(url)
}

/// Tells that a passkey was added. `url` leads to the account's security.
pub fn passkey_added(name: &str, happened: &Happened<'_>, url: &str) -> Content {
    plain("passkey-added", &[("name", &one_line(name, 100))]).happened(happened, url)
}

/// Tells that a passkey was removed. `url` leads to the account's security.
pub fn passkey_removed(name: &str, happened: &Happened<'_>, url: &str) -> Content {
    plain("passkey-removed", &[("name", &one_line(name, 100))]).happened(happened, url)
}

/// Tells that a passkey signs nobody in any more, for it may have been copied. `url` leads to the account's security.
pub fn passkey_doubted(name: &str, happened: &Happened<'_>, url: &str) -> Content {
    plain("passkey-doubted", &[("name", &one_line(name, 100))]).happened(happened, url)
}

/// Tells that an identity provider signs in from now on. `url` leads to the account's security.
pub fn identity_linked(provider: &str, happened: &Happened<'_>, url: &str) -> Content {
    plain("identity-linked", &[("provider", &one_line(provider, 200))]).happened(happened, url)
}

/// Tells that the password was changed. `url` leads to the reset of the password.
pub fn password_changed(happened: &Happened<'_>, url: &str) -> Content {
    plain("password-changed", &[]).happened(happened, url)
}

/// Tells that codes go to a telephone from now on, whose number ends so; or to none any more. `url` leads to the account's security.
pub fn phone_changed(ending: Option<&str>, happened: &Happened<'_>, url: &str) -> Content {
    match ending {
        Some(ending) => plain("phone-set", &[("ending", &one_line(ending, 3))]),
        None => plain("phone-removed", &[]),
    }
    .happened(happened, url)
}

/// Confirms a new address of an account, sent to the new one. `url` holds the token; it is good for 24 hours.
pub fn new_email(url: &str) -> Content {
    plain("new-email", &[]).button(url).footnote()
}

/// Tells the old address that the account has a new one. `url` leads to the reset of the password.
pub fn email_changed(new: &str, happened: &Happened<'_>, url: &str) -> Content {
    plain("email-changed", &[("new", &one_line(new, 320))]).happened(happened, url)
}

/// Tells that everything kept of the person was taken as a file. `url` leads to the account's security.
pub fn data_exported(happened: &Happened<'_>, url: &str) -> Content {
    plain("data-exported", &[]).happened(happened, url)
}

/// Tells that the account is to be deleted at `at`, unless somebody signs in. `url` leads to the sign-in.
pub fn erase_asked(at: At, happened: &Happened<'_>, url: &str) -> Content {
    plain("erase-asked", &[("at", &moment(at))]).happened(happened, url)
}

/// Tells that the account stays, for somebody signed in. `url` leads to the account's security.
pub fn erase_stopped(happened: &Happened<'_>, url: &str) -> Content {
    plain("erase-stopped", &[]).happened(happened, url)
}

/// Tells that the account can't be deleted, and why.
pub fn erase_impossible(why: &str) -> Content {
    plain("erase-impossible", &[]).and(one_line(why, 300))
}

/// The last letter before an account is deleted.
pub fn erasing() -> Content {
    plain("erasing", &[])
}

/// Tells owners that one of them lets support look in. `url` leads to where it is ended.
pub fn support_let_in(owner: &str, business: &str, until: At, acting: bool, url: &str) -> Content {
    let kind = if acting { "support-act" } else { "support-look" };
    plain(kind, &[("owner", &one_line(owner, 80)), ("business", &one_line(business, 80)), ("until", &moment(until))]).button(url)
}

/// Tells owners that support may look in no more. `url` leads to where it was.
pub fn support_shut_out(owner: &str, business: &str, url: &str) -> Content {
    plain("support-shut-out", &[("owner", &one_line(owner, 80)), ("business", &one_line(business, 80))]).button(url)
}

/// Tells the owner who let support in that somebody of it is at work now. `url` leads to where it is ended.
pub fn support_begun(who: &str, business: &str, why: &str, url: &str) -> Content {
    plain("support-begun", &[("who", &one_line(who, 320)), ("business", &one_line(business, 80)), ("why", &one_line(why, 500))]).button(url)
}

/// Shows that letters arrive.
pub fn test() -> Content {
    plain("test", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Content> {
        let at: At = "2026-11-21T09:00:00Z".parse().unwrap();
        let happened = Happened { device: "Firefox on Linux", place: "203.0.113.7", at };
        let url = "https://hearth.example/x?token=abc";
        vec![
            verify(url),
            known(url),
            reset(url, Some("012345")),
            phone_changed(Some("123"), &happened, url),
            phone_changed(None, &happened, url),
            locked(at, &happened, url),
            new_device(&happened, url),
            signed_out(&happened, url),
            invitation("Ada", "Hill Bakery", url),
            first_password("Hill Bakery", url),
            again("012345"),
            second_factor_on(&happened, url),
            second_factor_off(&happened, url),
            second_factor_reset(url),
            passkey_added("My phone", &happened, url),
            passkey_removed("My phone", &happened, url),
            passkey_doubted("My phone", &happened, url),
            identity_linked("https://login.example", &happened, url),
            password_changed(&happened, url),
            new_email(url),
            email_changed("new@example.com", &happened, url),
            data_exported(&happened, url),
            erase_asked(at, &happened, url),
            erase_stopped(&happened, url),
            erase_impossible("A business would have no owner."),
            erasing(),
            support_let_in("Ada", "Hill Bakery", at, false, url),
            support_let_in("Ada", "Hill Bakery", at, true, url),
            support_shut_out("Ada", "Hill Bakery", url),
            support_begun("grace@hearth.example", "Hill Bakery", "the day's totals", url),
            test(),
        ]
    }

    #[test]
    fn every_letter_has_its_words_and_its_places_filled() {
        web::text::install(std::iter::once(include_str!("../texts/en.ftl")));
        let mut kinds = Vec::new();
        for content in all() {
            kinds.push(content.kind);
            let shown = format!("{content:?}");
            assert!(!shown.contains("\"letter-") && !shown.contains('{') || shown.starts_with("Content {"), "{shown}");
            let label = content.button.iter().map(|(label, _)| label);
            for text in [&content.subject, &content.heading].into_iter().chain(&content.paragraphs).chain(label).chain(&content.footnote) {
                assert!(!text.is_empty() && !text.starts_with("letter-") && !text.contains(['{', '$']), "{}: {text}", content.kind);
            }
            assert!(!t(&format!("letter-kind-{}", content.kind)).starts_with("letter-"), "{} is not named", content.kind);
        }
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), 31, "no two letters share a kind");
    }

    #[test]
    fn a_code_keeps_its_zeros_and_a_moment_its_zone() {
        web::text::install(std::iter::once(include_str!("../texts/en.ftl")));
        assert_eq!(again("012345").code.as_deref(), Some("012345"));
        let letter = all().swap_remove(4);
        assert!(letter.paragraphs.iter().any(|p| p.contains("21 Nov 2026 09:00 UTC") && p.contains("Firefox on Linux")), "{letter:?}");
    }
}
