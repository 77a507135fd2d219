//! The business's rules of sign-in.

use kernel::{Error, OwnRoleId, Permission, Result, Role};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Choice, Crumb, Field, Form, Kind, Tone, Toolbar, banner, form},
};

use super::{Typed, leave};
use crate::{
    policy::{self, SaveSecurity, SecondFactor, Security},
    role::{self, OwnRole},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::SettingsWrite;
    routes.raw("GET /settings/security", SettingsWrite, Answers::Page, &["done"], async |cx: Cx| {
        Ok(Reply::page(page(&cx, &Typed::default()).await?))
    });
    routes.form("POST /settings/security", SettingsWrite, save);
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let (now, own) = (policy::security(&mut tx).await?, role::own(&mut tx).await?);
    drop(tx);
    let choices = SecondFactor::ALL.iter().map(|one| Choice::new(one.code(), t(&format!("policy-second-{}", one.code())))).collect();
    let hours = Kind::Quantity { unit: t("policy-hours") };
    let fields = vec![
        Field::hidden("version", now.version.to_string()),
        typed.field(
            Field::new("idleMinutes", t("policy-idle"), Kind::Quantity { unit: t("policy-minutes") })
                .help(t("policy-idle-help"))
                .value(now.idle_minutes.to_string()),
        ),
        typed.field(Field::new("reauthHours", t("policy-again"), hours).help(t("policy-again-help")).value(now.reauth_hours.to_string())),
        typed.field(
            Field::new("secondFactor", t("policy-second"), Kind::Select(choices))
                .help(t("policy-second-help"))
                .value(now.second_factor.code()),
        ),
    ];
    let more = roles(&now, &own, typed);
    let form_of =
        Form { more, cancel: leave("policy-leave", "/settings"), ..Form::new("/settings/security", cx.guard(), fields, t("policy-save")) };
    let body = html! {
        @if cx.param("done").is_some() { (banner(Tone::Done, &t("policy-done"), None)) }
        (typed.banner())
        (form(&form_of))
    };
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: t("policy-title"), ..Default::default() }, body))
}

/// A box for each role, for where it is demanded of roles.
fn roles(now: &Security, own: &[OwnRole], typed: &Typed<'_>) -> Markup {
    let ticked =
        |role: Role| typed.fields.map_or(now.second_roles.contains(&role), |fields| !fields.get(&format!("role.{role}")).is_empty());
    let fixed = Role::ALL.iter().map(|role| {
        let value = if ticked(*role) { "true" } else { "" };
        Field::new(format!("role.{role}"), t(&format!("role-{role}")), Kind::Checkbox).optional().value(value)
    });
    let boxes: Vec<Field> = fixed.collect();
    let named = typed.fields.map_or_else(|| now.second_own_roles.clone(), own_typed);
    let wrong = |refused: &Refused| refused.of("secondRoles").or_else(|| refused.of("secondOwnRoles"));
    html! {
        @if let Some(error) = typed.refused.and_then(wrong) { (banner(Tone::Wrong, &error, None)) }
        (ui::field_set(&t("policy-roles"), Some(&t("policy-roles-help")), &boxes))
        @if !own.is_empty() { (own_boxes(own, &named)) }
    }
}

/// The same for the business's own roles. Each box sends the role's id.
fn own_boxes(own: &[OwnRole], named: &[OwnRoleId]) -> Markup {
    html! {
        fieldset.field-set {
            legend { (t("member-own-roles")) }
            @for role in own {
                @let id = format!("f-own-{}", role.id);
                div.field.check {
                    label.check-label for=(id) {
                        input id=(id) name="own" type="checkbox" value=(role.id) checked[named.contains(&role.id)];
                        span { (role.name) }
                    }
                }
            }
        }
    }
}

fn own_typed(fields: &Fields) -> Vec<OwnRoleId> {
    fields.every("own").filter_map(|id| id.parse().ok()).collect()
}

/// What was typed, in types; numbers that can't be read are refused as those out of bounds.
fn wanted(fields: &Fields) -> Result<SaveSecurity> {
    let number = |name: &str| fields.get(name).trim().parse::<i32>().unwrap_or(-1);
    let second = SecondFactor::ALL.iter().copied().find(|one| one.code() == fields.get("secondFactor"));
    Ok(SaveSecurity {
        idle_minutes: number("idleMinutes"),
        reauth_hours: number("reauthHours"),
        second_factor: second.ok_or_else(|| Error::field("secondFactor", "choice.unknown"))?,
        second_roles: Role::ALL.iter().copied().filter(|role| !fields.get(&format!("role.{role}")).is_empty()).collect(),
        second_own_roles: own_typed(fields),
        version: fields.get("version").parse().map_err(|_| Error::Stale)?,
    })
}

async fn save(cx: Cx, fields: Fields) -> Result<Reply> {
    match cx.submit(&fields, wanted(&fields)).await? {
        Ok(_) => Ok(Reply::see("/settings/security?done=1")),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}
