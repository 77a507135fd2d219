//! Forms of pages, sent empty and sent with anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use testkit::{Answer, Story, own_database};
use web::{Answers, Route};

use super::{Senders, fixtures, make, refused_well, routes};

/// A form as it stands on a page.
#[derive(Debug)]
struct Found {
    action: String,
    /// Names of its fields, and whether each is a line or an area of text that is shown again.
    fields: BTreeMap<String, bool>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\""))
}

/// The forms of a page that change something.
fn forms(page: &str) -> Vec<Found> {
    let posting = page.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or_default());
    let posting = posting.filter(|form| form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\"")));
    let found = posting.map(|form| {
        let action = attribute(form.split('>').next().unwrap_or_default(), "action").unwrap_or_default();
        let tags = form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("select") || tag.starts_with("textarea"));
        let named = tags.filter_map(|tag| {
            let kind = attribute(tag, "type").unwrap_or_default();
            let typed = tag.starts_with("textarea") || ["text", "email", "date", "time"].contains(&kind.as_str());
            Some((attribute(tag.split('>').next().unwrap_or_default(), "name")?, typed))
        });
        Found { action, fields: named.filter(|(name, _)| name != "csrf" && name != "intent").collect() }
    });
    found.collect()
}

/// Whether a path is one of the route's.
fn is_of(route: &Route, path: &str) -> bool {
    let (path, pattern): (Vec<&str>, Vec<&str>) =
        (path.split('?').next().unwrap_or_default().split('/').collect(), route.path.split('/').collect());
    path.len() == pattern.len() && path.iter().zip(&pattern).all(|(a, b)| b.starts_with('{') || a == b)
}

/// Every form of every page, by the route that takes it.
async fn all_forms(story: &Story, senders: &Senders) -> BTreeMap<String, (Arc<Route>, Found)> {
    let fixtures = fixtures(story).await;
    let ours = || story.app.routes().iter().filter(|r| r.answers == Answers::Page);
    // What is said of a password while it is typed has no form of its own; its story holds it against nonsense.
    let posts: Vec<_> = ours().filter(|r| r.method == Method::POST && r.path != "/password/strength").collect();
    let mut found = BTreeMap::new();
    for route in ours().filter(|r| r.method == Method::GET && !r.path.starts_with("/assets") && r.path != "/ui") {
        let path = make::address(route, &fixtures);
        for person in [senders.to(route), &story.stranger()] {
            for form in forms(&person.get(&path).await.text()) {
                let takes = posts
                    .iter()
                    .find(|r| is_of(r, &form.action))
                    .unwrap_or_else(|| panic!("{path} has a form that nothing takes: {form:?}"));
                if !takes.slow {
                    found.entry(routes::name(takes)).or_insert(((*takes).clone(), form));
                }
            }
        }
    }
    for route in posts.into_iter().filter(|r| !r.slow) {
        // Some stand on a page that a link opens, some only where there is more than one thing to choose from.
        let hidden = match route.path {
            "/reset-password" => Some(vec!["token", "newPassword"]),
            "/verify-email" | "/account/email/confirm" => Some(vec!["token"]),
            "/invitation" => Some(vec!["token", "password"]),
            "/team/{accountId}/approve" | "/team/{accountId}/refuse" => Some(Vec::new()),
            "/2fa/verify" => Some(vec!["mfaToken", "code", "next"]),
            "/device/pin" => Some(vec!["deviceId", "challenge", "signature", "accountId", "next"]),
            "/device/login" => Some(vec!["deviceId", "challenge", "signature", "accountId", "pin", "next"]),
            "/account/phone" => Some(vec!["phone"]),
            "/account/phone/confirm" => Some(vec!["code"]),
            "/account/phone/remove" | "/account/pin/remove" | "/team/{accountId}/pin/remove" => Some(Vec::new()),
            "/2fa/codes" | "/account/sessions/end" | "/account/sessions/{id}/end" => Some(Vec::new()),
            "/admin/users/{id}/unlock" | "/admin/users/{id}/reset-2fa" | "/admin/tenants/{id}/assist" => Some(vec!["reason"]),
            "/admin/mail/resend" | "/admin/mail/{id}/resend" | "/admin/mail/{id}/cancel" => Some(Vec::new()),
            "/businesses/{tenant}" | "/settings/support/end" | "/assist/stop" => Some(Vec::new()),
            _ => None,
        };
        if let Some(names) = hidden {
            let fields = names.into_iter().map(|name| (name.to_owned(), false)).collect();
            found.entry(routes::name(route)).or_insert((route.clone(), Found { action: make::address(route, &fixtures), fields }));
        }
        assert!(found.contains_key(&routes::name(route)), "no page has the form of {}", routes::name(route));
    }
    found
}

/// Holds an answer to a form; the fields that lost what was typed come back.
fn lost(answer: &Answer, found: &Found, typed: &str) -> Vec<String> {
    let status = answer.status.as_u16();
    assert!(status < 500, "{} of {:?} with {typed:.40}: {}", answer.asked, found.fields, answer.text());
    if answer.status.is_redirection() {
        return Vec::new();
    }
    refused_well(answer, Answers::Page);
    let mine = forms(&answer.text()).into_iter().find(|form| form.action == found.action && status == 422);
    let shown = mine.into_iter().flat_map(|form| form.fields).filter(|(name, shown)| *shown && found.fields.get(name) == Some(&true));
    let lost = shown.filter(|(name, _)| answer.input(name).trim_start_matches('\n') != typed);
    lost.map(|(name, _)| format!("{} {name}: {typed:.30} became {:.60}", answer.asked, answer.input(&name))).collect()
}

/// Sends every form with every text in all of its fields; how many came back with fields to mend.
async fn send_all(story: &Story, typed: &[&str]) -> usize {
    let (mut shown_again, mut all_lost) = (0, Vec::new());
    // Signing out, ending sessions and changing to another business end the session; so does what the operator does for everybody.
    let ends = |action: &str| {
        ["/logout", "/admin/sessions/end"].contains(&action)
            || ["/businesses/", "/account/sessions/"].iter().any(|start| action.starts_with(start))
    };
    let senders = Senders::of(story).await;
    for (route, found) in all_forms(story, &senders).await.values().filter(|(_, f)| !ends(&f.action)) {
        let sender = senders.to(route);
        for typed in typed {
            let fields: Vec<(&str, &str)> = found.fields.keys().map(|name| (name.as_str(), *typed)).collect();
            let answer = sender.form(&found.action, &fields).await;
            all_lost.extend(lost(&answer, found, typed));
            shown_again += usize::from(answer.status == 422 && found.fields.values().any(|shown| *shown));
        }
        refused_or_done(&sender.form(&found.action, &[]).await);
    }
    assert!(all_lost.is_empty(), "what was typed is lost:\n{}", all_lost.join("\n"));
    assert!(story.check().await.is_empty());
    shown_again
}

/// A form without any field.
fn refused_or_done(answer: &Answer) {
    if !answer.status.is_redirection() {
        refused_well(answer, Answers::Page);
    }
}

#[test]
fn an_empty_form_is_shown_again() {
    own_database(async |story| {
        let shown = send_all(&story, &["", "   "]).await;
        assert!(shown > 8, "only {shown} forms were refused and shown again");
    });
}

#[test]
fn a_form_full_of_nonsense_is_shown_again_as_it_was_typed() {
    own_database(async |story| {
        let long = "x".repeat(10_000);
        let typed = [
            "<script>alert(1)</script>",
            "\" onfocus=\"alert(1)",
            "🥐",
            "\u{202e}שלום",
            "-1",
            "1e30",
            "99999999999999999999",
            "2026-02-30",
            "[]",
            &long,
        ];
        let shown = send_all(&story, &typed).await;
        assert!(shown > 40, "only {shown} forms were refused and shown again");
    });
}

#[test]
fn a_nul_in_a_form_is_refused() {
    own_database(async |story| {
        let senders = Senders::of(&story).await;
        for (route, found) in all_forms(&story, &senders).await.values() {
            let answer = senders.to(route).form(&found.action, &[("name", "a\u{0}b")]).await;
            assert_eq!(answer.status, 422, "{}: {:.300}", answer.asked, answer.text());
        }
    });
}
