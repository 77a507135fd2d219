//! The pages of accounts, members and settings.

mod account;
mod admin;
mod branding;
mod businesses;
mod data;
mod device;
mod devices;
mod keys;
mod mailed;
mod passkeys;
mod pin;
mod providers;
mod reauth;
mod security;
mod settings;
mod sign_in;
mod support;
mod team;
mod tenants;
mod whose;

use maud::{Markup, html};
use web::{
    Fields, Refused, Routes, t,
    ui::{self, Button, Field},
};

pub(crate) fn routes(routes: &mut Routes) {
    sign_in::routes(routes);
    mailed::routes(routes);
    reauth::routes(routes);
    businesses::routes(routes);
    account::routes(routes);
    passkeys::routes(routes);
    pin::routes(routes);
    device::routes(routes);
    devices::routes(routes);
    providers::routes(routes);
    admin::routes(routes);
    team::routes(routes);
    settings::routes(routes);
    keys::routes(routes);
    security::routes(routes);
    branding::routes(routes);
    data::routes(routes);
    support::routes(routes);
    tenants::routes(routes);
}

/// A form as it is shown: empty, or as it was typed with what is wrong.
#[derive(Default)]
struct Typed<'a> {
    fields: Option<&'a Fields>,
    refused: Option<&'a Refused>,
}

impl<'a> Typed<'a> {
    /// A form that was refused.
    fn again(fields: &'a Fields, refused: &'a Refused) -> Self {
        Self { fields: Some(fields), refused: Some(refused) }
    }

    /// A field with what was typed in it; before anything was typed it keeps the value that it has.
    fn field(&self, field: Field) -> Field {
        let error = self.refused.and_then(|refused| refused.of(&field.name));
        let value = self.fields.map_or_else(|| field.value.clone(), |fields| fields.get(&field.name).to_owned());
        Field { error, value, ..field }
    }

    /// The sentence above the form; complaints about fields say it themselves.
    fn banner(&self) -> Markup {
        self.refused.map_or_else(|| html! {}, Refused::general)
    }
}

/// A line of text that leads elsewhere.
fn aside(text: &str, link: &str, href: &str) -> Markup {
    html! { p { (t(text)) " " a href=(href) { (t(link)) } } }
}

/// A button that leads elsewhere.
fn leave(text: &str, href: &str) -> Option<Button> {
    Some(Button::link(t(text), href))
}

/// A password field. What was typed never comes back; how good a new one is, is said while it is typed.
fn password(name: &str, label: &str, autocomplete: &'static str) -> Field {
    let field = Field::new(name, t(label), ui::Kind::Password).autocomplete(autocomplete);
    if autocomplete == "new-password" { field.meter("/password/strength") } else { field }
}
