//! One person of the team: who they are, what they may do, what happened; and the form that changes it.

use axum::http::header;
use kernel::{AccountId, Error, Money, Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Clock, Cx, Fields, Reply, Routes, Upload, t,
    ui::{self, Act, Button, Crumb, Document, Event, Fact, Field, Form, Head, Kind, Tone, Toolbar, Weight, banner, form},
};

use super::{Ticked, Typed, crumbs, leave, role_boxes, said};
use crate::{
    join::{Approve, Refuse, RemoveMember},
    member::{ChangeRoles, Member, State},
    pin::{self, RemovePin},
    profile::{self, Basis, Emergency, NationalId, Pay, PayMethod, Profile, Save, SaveProfile, Sight, photo},
    role::{self, OwnRole},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::TeamWrite;
    // One's own page is one's own; whose else it is, the page finds out.
    routes.page("GET /team/{accountId}", photo::NEEDS, async |cx: Cx| show(&cx, &Typed::default()).await);
    routes.page("GET /team/{accountId}/edit", photo::NEEDS, async |cx: Cx| edit(&cx, &Typed::default()).await);
    routes.form("POST /team/{accountId}/edit", photo::NEEDS, save);
    routes.upload("POST /team/{accountId}/photo", photo::NEEDS, take_photo);
    routes.raw("GET /team/photo/{accountId}", photo::NEEDS, Answers::Page, &["v"], async |cx: Cx| {
        let jpeg = photo::jpeg(&cx, cx.id("accountId")?).await?;
        Ok(Reply::bytes("image/jpeg", jpeg).header(header::CACHE_CONTROL, "private, max-age=300"))
    });
    routes.form("POST /team/{accountId}/roles", TeamWrite, change);
    routes.form("POST /team/{accountId}/approve", TeamWrite, approve);
    routes.form("POST /team/{accountId}/refuse", TeamWrite, refuse);
    routes.form("POST /team/{accountId}/remove", TeamWrite, remove);
    routes.form("POST /team/{accountId}/pin/remove", TeamWrite, remove_pin);
}

/// Everything that the page of one person shows.
struct Shown {
    member: Member,
    profile: Profile,
    own: Vec<OwnRole>,
    history: Vec<Event>,
    sight: Sight,
    has_pin: bool,
}

async fn load(cx: &Cx, account: AccountId) -> Result<Shown> {
    let sight = Sight::of(&cx.op, account);
    let mut tx = cx.tx().await?;
    let member = sight.find(&mut tx, account).await?;
    let profile = profile::profile(&mut tx, cx.app.db().vault(), account).await?;
    let own = role::own(&mut tx).await?;
    let has_pin = pin::expiry(&mut tx, account).await?.is_some();
    let clock = cx.clock();
    let told = profile::history(&mut tx, account, sight).await?;
    let history = told.into_iter().map(|entry| event(entry, &clock)).collect();
    Ok(Shown { member, profile, own, history, sight, has_pin })
}

/// An entry of the history, with the fields that changed.
fn event(entry: profile::Told, clock: &Clock) -> Event {
    let line = |(field, was, is): &(String, String, String)| {
        let said = |text: &str| if text.is_empty() { t("profile-empty") } else { text.to_owned() };
        html! { li { (t(&format!("profile-{}", kebab(field)))) ": " del { (said(was)) } " " ins { (said(is)) } } }
    };
    let detail = html! {
        @if let Some(reason) = &entry.reason { p { (reason) } }
        @if !entry.changed.is_empty() { ul { @for changed in &entry.changed { (line(changed)) } } }
    };
    let has = entry.reason.is_some() || !entry.changed.is_empty();
    Event {
        what: t(&format!("log-{}", entry.action.replace('.', "-"))),
        who: entry.who,
        when: clock.moment_text(entry.at),
        exact: entry.at.to_string(),
        tone: Tone::Plain,
        detail: has.then_some(detail),
    }
}

/// `firstName` as texts are named: `first-name`.
fn kebab(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_ascii_uppercase() { vec!['-', c.to_ascii_lowercase()] } else { vec![c] }).collect()
}

async fn show(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let shown = load(cx, cx.id("accountId")?).await?;
    let (member, sight) = (&shown.member, shown.sight);
    let in_reach = sight.manages && cx.op.permissions.includes(member.permissions());
    let path = format!("/team/{}", member.account_id);
    let state = match member.state {
        State::Active => said(&member.roles, &shown.own, &member.own_roles),
        other => t(&format!("member-state-{}", other.code())),
    };
    let head = Head {
        crumbs: if sight.reads { crumbs() } else { Vec::new() },
        kind: t("kind-member"),
        number: member.name.clone(),
        tone: if member.state == State::Asked { Tone::Waiting } else { Tone::Plain },
        state,
        about: None,
        facts: vec![Fact::new(t("member-email"), html! { (member.email) })],
    };
    let lines = html! {
        @if let Some(photo) = &shown.profile.photo { p { img src=(photo) alt=(web::tf("profile-photo-of", &[("name", &member.name)])) width="128" height="128"; } }
        (ui::facts(&facts(&shown.profile)))
        @if in_reach || (sight.manages && member.state != State::Active) { (roles_form(cx, &shown, typed)) }
    };
    let mut acts = Vec::new();
    if in_reach && shown.has_pin {
        let question = web::tf("member-pin-remove-ask", &[("name", &member.name)]);
        acts.push(Act::new(t("member-pin-remove"), format!("{path}/pin/remove"), cx.guard()).confirm(question));
    }
    if in_reach && member.state == State::Active {
        let question = web::tf("member-remove-sure", &[("name", &member.name)]);
        acts.push(Act::new(t("member-remove"), format!("{path}/remove"), cx.guard()).weight(Weight::Danger).confirm(question));
    }
    if sight.manages && member.state == State::Asked {
        acts.push(Act::new(t("member-refuse"), format!("{path}/refuse"), cx.guard()).weight(Weight::Danger));
    }
    let links = if sight.edits().is_ok() { vec![Button::link(t("profile-edit"), format!("{path}/edit"))] } else { Vec::new() };
    let document = Document { head, lines, money: None, acts, links, history: shown.history };
    Ok(cx.bare_page(&member.name, html! { (typed.banner()) (ui::document(&document)) }))
}

/// What is written down of a person; what is empty is left out.
fn facts(profile: &Profile) -> Vec<Fact> {
    let names =
        [&profile.first_name, &profile.middle_name, &profile.last_name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let id = profile.national_id.as_ref().map(|id| format!("{} {}", id.country, id.number));
    let call = profile
        .emergency
        .as_ref()
        .map(|e| [Some(e.name.clone()), e.relation.clone(), Some(e.phone.clone())].into_iter().flatten().collect::<Vec<_>>().join(", "));
    let all = [
        ("profile-name", Some(names)),
        ("profile-phones", Some(profile.phones.join(", "))),
        ("profile-job-title", profile.job_title.clone()),
        ("profile-employed-since", profile.employed_since.map(web::day_text)),
        ("profile-national-id", id),
        ("profile-pay", profile.pay.as_ref().map(profile::shown_pay)),
        ("profile-emergency", call),
    ];
    let fact = |(label, text): (&str, Option<String>)| Some(Fact::new(t(label), html! { (text.filter(|text| !text.is_empty())?) }));
    all.into_iter().filter_map(fact).collect()
}

/// The roles of a member; of one who asks to join or had left, the roles with which they come in.
fn roles_form(cx: &Cx, shown: &Shown, typed: &Typed<'_>) -> Markup {
    let member = &shown.member;
    let more = role_boxes(cx, &shown.own, &Ticked::or(typed, &member.roles, &member.own_roles), typed);
    let (act, label) = match member.state {
        State::Active => ("roles", "member-save"),
        State::Asked => ("approve", "member-approve"),
        State::Left => ("approve", "member-return"),
    };
    let fields = vec![Field::hidden("version", member.version.to_string())];
    form(&Form { more, ..Form::new(format!("/team/{}/{act}", member.account_id), cx.guard(), fields, t(label)) })
}

async fn change(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    let Ticked { roles, own } = Ticked::of(&fields);
    let version = fields.get("version").parse().map_err(|_| Error::Stale);
    let command = version.map(|version| ChangeRoles { account_id, roles, own_roles: Some(own), version });
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see(format!("/team/{account_id}"))),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn approve(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    let Ticked { roles, own } = Ticked::of(&fields);
    match cx.submit(&fields, Ok(Approve { account_id, roles, own_roles: own })).await? {
        Ok(_) => Ok(Reply::see(format!("/team/{account_id}"))),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn refuse(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    match cx.submit(&fields, Ok(Refuse { account_id })).await? {
        Ok(_) => Ok(Reply::see("/team")),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}

async fn remove(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    match cx.submit(&fields, Ok(RemoveMember { account_id, reason: None })).await? {
        Ok(_) => Ok(Reply::see("/team")),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}

async fn remove_pin(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    match cx.submit(&fields, Ok(RemovePin { account_id })).await? {
        Ok(_) => Ok(Reply::see(format!("/team/{account_id}"))),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}

/// The form, in sets: what is the person's own, what is the business's, pay for those who see it; and the photo.
async fn edit(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let Shown { member, profile, sight, .. } = load(cx, cx.id("accountId")?).await?;
    sight.edits()?;
    let currency = profile::currency(&mut cx.tx().await?).await?;
    let path = format!("/team/{}", member.account_id);
    let sets =
        [own_fields(&profile, typed), call_fields(&profile, typed), if sight.manages { work_fields(&profile, typed) } else { Vec::new() }];
    let pay = if sight.manages && sight.pay { pay_fields(&profile, currency, typed) } else { Vec::new() };
    let all: Vec<Field> = sets.iter().flatten().chain(&pay).cloned().collect();
    let [own, call, work] = &sets;
    let more = html! {
        (ui::mend(&all))
        (ui::field_set(&t("profile-person"), None, own))
        (ui::field_set(&t("profile-emergency"), None, call))
        @if !work.is_empty() { (ui::field_set(&t("profile-work"), None, work)) }
        @if !pay.is_empty() { (ui::field_set(&t("profile-pay"), Some(&t("profile-pay-help")), &pay)) }
    };
    let hidden = vec![Field::hidden("version", profile.version.to_string())];
    let form_of =
        Form { more, cancel: leave("profile-leave", &path), ..Form::new(format!("{path}/edit"), cx.guard(), hidden, t("profile-save")) };
    let crumbs = vec![Crumb { label: member.name.clone(), href: path.clone() }];
    let body = html! { (typed.banner()) (form(&form_of)) h2 { (t("profile-photo")) } (photo_form(cx, &path, typed)) };
    Ok(cx.page_with(Toolbar { crumbs, title: t("profile-edit"), ..Default::default() }, body))
}

fn own_fields(profile: &Profile, typed: &Typed<'_>) -> Vec<Field> {
    let text = |name: &str, label: &str, value: &Option<String>| {
        typed.field(Field::text(name, t(label)).value(value.clone().unwrap_or_default()).optional())
    };
    let mut all = vec![
        text("firstName", "profile-first-name", &profile.first_name),
        text("middleName", "profile-middle-name", &profile.middle_name),
        text("lastName", "profile-last-name", &profile.last_name),
    ];
    all.extend((0..3).map(|n| {
        let label = web::tf("profile-phone", &[("n", &(n + 1).to_string())]);
        let field = Field::text(format!("phones.{n}"), label).value(profile.phones.get(n).cloned().unwrap_or_default()).optional();
        typed.field(if n == 0 { field.help(t("profile-phone-help")) } else { field })
    }));
    all
}

fn call_fields(profile: &Profile, typed: &Typed<'_>) -> Vec<Field> {
    let known = profile.emergency.as_ref();
    let text = |name: &str, label: &str, value: Option<String>| {
        typed.field(Field::text(name, t(label)).value(value.unwrap_or_default()).optional())
    };
    vec![
        text("emergency.name", "profile-emergency-name", known.map(|e| e.name.clone())),
        text("emergency.phone", "profile-emergency-phone", known.map(|e| e.phone.clone())),
        text("emergency.relation", "profile-emergency-relation", known.and_then(|e| e.relation.clone())),
    ]
}

fn work_fields(profile: &Profile, typed: &Typed<'_>) -> Vec<Field> {
    let id = profile.national_id.as_ref();
    let shown = id.map_or_else(String::new, |id| web::tf("profile-id-known", &[("id", &format!("{} {}", id.country, id.number))]));
    let mut all = vec![
        typed.field(Field::text("jobTitle", t("profile-job-title")).value(profile.job_title.clone().unwrap_or_default()).optional()),
        typed.field(
            Field::new("employedSince", t("profile-employed-since"), Kind::Date)
                .value(profile.employed_since.map(|d| d.to_string()).unwrap_or_default())
                .optional(),
        ),
        typed.field(
            Field::text("nationalId.country", t("profile-id-country"))
                .value(id.map(|id| id.country.clone()).unwrap_or_default())
                .optional(),
        ),
        typed
            .field(Field::text("nationalId.number", t("profile-national-id")).help(format!("{} {shown}", t("profile-id-help"))).optional()),
    ];
    if id.is_some() {
        all.push(typed.field(Field::new("nationalId.gone", t("profile-id-gone"), Kind::Checkbox).optional()));
    }
    all
}

fn pay_fields(profile: &Profile, currency: kernel::Currency, typed: &Typed<'_>) -> Vec<Field> {
    let known = profile.pay.as_ref();
    let choices = |codes: Vec<&'static str>| codes.into_iter().map(|code| ui::Choice::new(code, t(&format!("pay-{code}")))).collect();
    let bases = Kind::Select(choices(Basis::ALL.iter().map(|b| b.code()).collect()));
    let methods = Kind::Select(choices(PayMethod::ALL.iter().map(|m| m.code()).collect()));
    let amount = Kind::Money { currency: currency.sign().to_owned() };
    vec![
        typed.field(
            Field::new("pay.amount", t("profile-pay-amount"), amount)
                .value(known.map(|p| p.amount.digits()).unwrap_or_default())
                .optional(),
        ),
        typed.field(Field::new("pay.basis", t("profile-pay-basis"), bases).value(known.map_or("", |p| p.basis.code())).optional()),
        typed.field(Field::new("pay.method", t("profile-pay-method"), methods).value(known.map_or("", |p| p.method.code())).optional()),
    ]
}

/// The file, and the point of it that stays in view.
fn photo_form(cx: &Cx, path: &str, typed: &Typed<'_>) -> Markup {
    let error = typed.refused.and_then(|refused| ["photo", "focusX", "focusY"].iter().find_map(|field| refused.of(field)));
    let focus = [
        Field::new("focusX", t("profile-focus-x"), Kind::Number).value("50").optional(),
        Field::new("focusY", t("profile-focus-y"), Kind::Number).value("50").help(t("profile-focus-help")).optional(),
    ];
    html! {
        @if let Some(error) = error { (banner(Tone::Wrong, &error, None)) }
        form.form method="post" action={ (path) "/photo" } enctype="multipart/form-data" {
            (ui::guard(&cx.guard()))
            (ui::field_line(&focus))
            div.field {
                label for="photo" { (t("profile-photo")) }
                input id="photo" type="file" name="photo" accept="image/jpeg,image/png,image/webp" required aria-describedby="photo-help";
                p.help id="photo-help" { (t("profile-photo-help")) }
            }
            div.form-acts { (ui::button(&Button::submit(t("profile-photo-send")).weight(Weight::Quiet))) }
        }
    }
}

async fn take_photo(cx: Cx, upload: Upload) -> Result<Reply> {
    let account = cx.id("accountId")?;
    match Cx::refusable(photo::take(&cx, account, upload).await)? {
        Ok(()) => Ok(Reply::see(format!("/team/{account}"))),
        Err(refused) => Ok(Reply::refused(edit(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}

/// What the form asks for; fields that it did not show stay as they are.
async fn wanted(cx: &Cx, fields: &Fields, account: AccountId) -> Result<SaveProfile> {
    let sight = Sight::of(&cx.op, account);
    let text = |name: &str| Some(fields.get(name).to_owned());
    let phones = (0..3).map(|n| fields.get(&format!("phones.{n}")).to_owned()).collect();
    let (name, phone, relation) = (fields.get("emergency.name"), fields.get("emergency.phone"), fields.get("emergency.relation"));
    let call = Emergency { name: name.to_owned(), phone: phone.to_owned(), relation: Some(relation.to_owned()) };
    let filled = [name, phone, relation].iter().any(|text| !text.trim().is_empty());
    let id = NationalId { country: fields.get("nationalId.country").to_owned(), number: fields.get("nationalId.number").to_owned() };
    let national_id = match (fields.get("nationalId.gone").is_empty(), id.number.trim().is_empty()) {
        (true, true) => None,
        (true, false) => Some(Some(id)),
        (false, _) => Some(None),
    };
    let pay = if sight.manages && sight.pay { Some(pay(cx, fields).await?) } else { None };
    Ok(SaveProfile {
        account_id: Some(account),
        version: fields.get("version").parse().map_err(|_| Error::Stale)?,
        first_name: text("firstName"),
        middle_name: text("middleName"),
        last_name: text("lastName"),
        phones: Some(phones),
        emergency: Some(filled.then_some(call)),
        job_title: text("jobTitle").filter(|_| sight.manages),
        employed_since: text("employedSince").filter(|_| sight.manages),
        national_id: national_id.filter(|_| sight.manages),
        pay,
    })
}

/// A pay as it was typed; none when the amount is empty.
async fn pay(cx: &Cx, fields: &Fields) -> Result<Option<Pay>> {
    let typed = fields.get("pay.amount").trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let currency = profile::currency(&mut cx.tx().await?).await?;
    let amount = Money::parse(typed, currency).map_err(|error| Error::field("pay.amount", error.code()))?;
    let chosen = |name: &str| Error::field(name, "choice.unknown");
    let basis = Basis::ALL.iter().copied().find(|b| b.code() == fields.get("pay.basis")).ok_or_else(|| chosen("pay.basis"))?;
    let method = PayMethod::ALL.iter().copied().find(|m| m.code() == fields.get("pay.method")).ok_or_else(|| chosen("pay.method"))?;
    Ok(Some(Pay { basis, amount, method }))
}

async fn save(cx: Cx, fields: Fields) -> Result<Reply> {
    let account = cx.id("accountId")?;
    // One who is not there, or not to be seen, is so whatever was typed.
    Sight::of(&cx.op, account).find(&mut cx.tx().await?, account).await?;
    let command = match wanted(&cx, &fields, account).await {
        Ok(wanted) => Save::of(&cx, wanted),
        Err(error) => Err(error),
    };
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see(format!("/team/{account}"))),
        Err(refused) => Ok(Reply::refused(edit(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}
