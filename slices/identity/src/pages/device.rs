//! The pages of a registered device: becoming one, who is there, the PIN. They need script: only it can hold a key that nobody can
//! copy. Everything else on them is forms, which `device.js` fills with what the device signed.

use axum::http::{StatusCode, header};
use kernel::{AccountId, DeviceId, Error, Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Refused, Reply, Routes, t, tf,
    ui::{self, Button, Field, Kind, Tone, banner},
};

use super::{Typed, aside, sign_in::after};
use crate::{
    account::Secret,
    device::{
        self,
        enter::{self, PersonHere},
        key::{self, Shown},
    },
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::Open;
    routes.raw("GET /device", Open, Answers::Page, &["next"], async |cx: Cx| {
        let next = cx.param("next").unwrap_or_default().to_owned();
        Ok(Reply::page(begin(&cx, &next)))
    });
    routes.raw("GET /device/register", Open, Answers::Page, &["code"], register_page);
    routes.form("POST /device/people", Open, people);
    routes.form("POST /device/pin", Open, pin);
    routes.form("POST /device/login", Open, login);
}

/// What every form of a device carries. `device.js` fills in what is signed.
fn carried(cx: &Cx, challenge: &str, next: &str) -> Markup {
    html! {
        input type="hidden" name="csrf" value=(cx.guard().csrf);
        input type="hidden" name="deviceId" value="";
        input type="hidden" name="challenge" value=(challenge);
        input type="hidden" name="signature" value="";
        input type="hidden" name="next" value=(next);
    }
}

/// What the script says when it can't go on, and what there is to say without it.
fn frame(inside: &Markup) -> Markup {
    html! {
        div role="alert" { p.banner.bad data-device-failed hidden { (t("device-failed")) } }
        noscript { (banner(Tone::Wrong, &t("device-script"), None)) }
        (inside)
        (ui::device_script(None))
    }
}

/// Where to go after the PIN; nothing where nobody said.
fn next_of<'a>(cx: &Cx, next: &'a str) -> &'a str {
    if next.is_empty() { "" } else { after(cx, next) }
}

/// The script finds the device's key and goes on; where it finds none, this is how it gets one.
fn begin(cx: &Cx, next: &str) -> Markup {
    let on = cx.op.device.is_some().then_some("1");
    let inside = html! {
        form method="post" action="/device/people" data-device="begin" data-on=[on] hidden { (carried(cx, "", next_of(cx, next))) }
        div.stack data-device-none hidden {
            p { (t("device-none")) }
            form.form method="get" action="/device/register" {
                (ui::fields(&[Field::text("code", t("device-code")).help(t("device-code-help"))]))
                div.form-acts { (ui::button(&Button::submit(t("device-go-on")))) }
            }
        }
        (aside("device-own", "device-password", "/login"))
    };
    cx.page_alone(t("device-title"), frame(&inside))
}

/// The page that a code opens. Looking spends nothing: the button does, by the script.
async fn register_page(cx: Cx) -> Result<Reply> {
    let code = cx.param("code").unwrap_or_default().trim().to_owned();
    match Cx::refusable(device::standing(&cx, &code).await)? {
        Ok(standing) => {
            let inside = html! {
                p { (tf("device-register-text", &[("business", &standing.business)])) }
                form.form data-device="register" data-code=(code) hidden {
                    input type="hidden" name="csrf" value=(cx.guard().csrf);
                    div.form-acts { (ui::button(&Button::submit(t("device-register")))) }
                }
            };
            Ok(Reply::page(cx.page_alone(standing.name, frame(&inside))))
        }
        Err(refused) => Ok(Reply::refused(
            cx.page_alone(t("device-title"), html! { (refused.banner()) (aside("device-again", "device-begin", "/device")) }),
        )),
    }
}

/// What the device signed, as the form brought it.
struct Sent {
    device: DeviceId,
    challenge: Secret,
    signature: String,
}

impl Sent {
    fn of(fields: &Fields) -> Result<Self> {
        Ok(Self {
            device: fields.get("deviceId").parse().map_err(|_| Error::rule("device.unknown"))?,
            challenge: Secret(fields.get("challenge").to_owned()),
            signature: fields.get("signature").to_owned(),
        })
    }

    fn shown(&self) -> Shown<'_> {
        Shown { device: self.device, challenge: &self.challenge, signature: &self.signature }
    }
}

/// What refuses a device. One that is none any more forgets that it was; what took too long begins anew.
fn turned_away(cx: &Cx, refused: &Refused, next: &str) -> Reply {
    let again = serde_urlencoded::to_string([("next", next_of(cx, next))]).unwrap_or_default();
    let inside = html! { (refused.banner()) (aside("device-again", "device-begin", &format!("/device?{again}"))) (aside("device-own", "device-password", "/login")) };
    let reply = Reply::page(cx.page_alone(t("device-title"), inside)).status(StatusCode::UNAUTHORIZED);
    if refused.error.code() == "device.unknown" { reply.header(header::SET_COOKIE, enter::no_device()) } else { reply }
}

async fn people(cx: Cx, fields: Fields) -> Result<Reply> {
    let next = fields.get("next");
    let found = async {
        let sent = Sent::of(&fields)?;
        let (known, people) = enter::people(&cx, &sent.shown()).await?;
        let challenge = key::ask(cx.app.db(), known.id).await?.challenge;
        Ok((known, people, challenge))
    };
    match Cx::refusable(found.await)? {
        Ok((known, people, challenge)) => Ok(Reply::page(people_page(&cx, &known.name, &known.business, &people, &challenge, next))
            .header(header::SET_COOKIE, enter::at_device())),
        Err(refused) => Ok(turned_away(&cx, &refused, next)),
    }
}

/// The names of those who have a PIN. Each is a button of one form.
fn people_page(cx: &Cx, device: &str, business: &str, people: &[PersonHere], challenge: &str, next: &str) -> Markup {
    let inside = html! {
        p { (device) ", " (business) }
        @if people.is_empty() {
            (banner(Tone::Waiting, &t("device-no-pins"), None))
        } @else {
            form method="post" action="/device/pin" data-device="people" {
                (carried(cx, challenge, next_of(cx, next)))
                div.boxes {
                    @for person in people {
                        button.key type="submit" name="accountId" value=(person.account_id) disabled { (person.name) }
                    }
                }
            }
        }
        (aside("device-own", "device-password", "/login"))
    };
    cx.page_alone(t("device-who"), frame(&inside))
}

/// From the name to the PIN: the device shows its key once more, so that names are told to devices alone.
async fn pin(cx: Cx, fields: Fields) -> Result<Reply> {
    let next = fields.get("next");
    let found = async {
        let sent = Sent::of(&fields)?;
        let (known, people) = enter::people(&cx, &sent.shown()).await?;
        let account: AccountId = fields.get("accountId").parse().map_err(|_| Error::rule("device.over"))?;
        let person = people.into_iter().find(|one| one.account_id == account).ok_or_else(|| Error::rule("device.over"))?;
        let challenge = key::ask(cx.app.db(), known.id).await?.challenge;
        Ok((person, challenge))
    };
    match Cx::refusable(found.await)? {
        Ok((person, challenge)) => Ok(Reply::page(pin_page(&cx, &person, &challenge, next, &Typed::default()))),
        Err(refused) => Ok(turned_away(&cx, &refused, next)),
    }
}

fn pin_page(cx: &Cx, person: &PersonHere, challenge: &str, next: &str, typed: &Typed<'_>) -> Markup {
    let again = serde_urlencoded::to_string([("next", next_of(cx, next))]).unwrap_or_default();
    // What is wrong stands above: the page is as narrow as a hand.
    let field = Field::new("pin", t("pin-label"), Kind::Pin).focus();
    let inside = html! {
        (typed.banner())
        form.form method="post" action="/device/login" data-device="login" {
            (carried(cx, challenge, next_of(cx, next)))
            input type="hidden" name="accountId" value=(person.account_id);
            input type="hidden" name="name" value=(person.name);
            (ui::field(&field))
            (ui::pin_pad("f-pin"))
            div.form-acts {
                button.button.main type="submit" disabled { span { (t("device-enter")) } }
                (ui::button(&Button::link(t("device-other"), format!("/device?{again}"))))
            }
        }
    };
    cx.page_alone(person.name.clone(), frame(&inside))
}

/// Where the PIN leads: back to the work, if it was the same person's.
async fn lead_on(cx: &Cx, account: AccountId, next: &str) -> Result<String> {
    let same = enter::here(cx).await?.is_none_or(|(before, _)| before == account);
    Ok(if same { after(cx, next).to_owned() } else { "/".to_owned() })
}

async fn login(cx: Cx, fields: Fields) -> Result<Reply> {
    let next = fields.get("next");
    let done = async {
        let sent = Sent::of(&fields)?;
        let account: AccountId = fields.get("accountId").parse().map_err(|_| Error::rule("device.over"))?;
        let to = lead_on(&cx, account, next).await?;
        let (_, begun) = enter::login(&cx, &sent.shown(), account, &Secret(fields.get("pin").to_owned())).await?;
        Ok((to, begun))
    };
    match Cx::refusable(done.await)? {
        Ok((to, begun)) => Ok(Reply::see(to).header(header::SET_COOKIE, begun.set_cookie()).header(header::SET_COOKIE, enter::at_device())),
        Err(refused) if refused.error.code().starts_with("device.") => Ok(turned_away(&cx, &refused, next)),
        Err(refused) => {
            // The signature was right, or the PIN would not have been looked at.
            let sent = Sent::of(&fields)?;
            let challenge = key::ask(cx.app.db(), sent.device).await?.challenge;
            let account_id = fields.get("accountId").parse().map_err(|_| Error::rule("device.over"))?;
            let person = PersonHere { account_id, name: fields.get("name").chars().take(200).collect() };
            let page = pin_page(&cx, &person, &challenge, next, &Typed::again(&fields, &refused));
            Ok(Reply::refused(page).status(StatusCode::UNAUTHORIZED))
        }
    }
}
