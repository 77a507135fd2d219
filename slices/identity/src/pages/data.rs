//! What belongs to oneself: the file of everything that is kept, and the deletion of the account.

use kernel::{Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Reply, Routes, t,
    ui::{self, Act, Button, Field, Form, Kind, Toolbar, Weight, form},
};

use super::{Typed, password};
use crate::{
    account::Secret,
    data::{self, EraseAccount},
    reauth, second, session,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::OwnAccount;
    routes.raw("GET /account/data", OwnAccount, Answers::Page, &["sent"], async |cx: Cx| {
        Ok(Reply::page(page(&cx, &Typed::default()).await?))
    });
    routes.raw("GET /account/data/file", OwnAccount, Answers::Page, &[], data::get_export);
    routes.form("POST /account/data/code", OwnAccount, send_code);
    routes.form("POST /account/data/erase", OwnAccount, erase);
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let mut system = cx.app.db().system("identity.data").await?;
    let second = second::is_on(&mut system, cx.op.account()?).await?;
    drop(system);
    // Without a second factor a code comes by mail, for accounts without a password.
    let sent = cx.param("sent").is_some() || typed.fields.is_some_and(|fields| !fields.get("code").is_empty());
    let mut fields =
        vec![typed.field(Field::new("email", t("data-erase-email"), Kind::Email).help(t("data-erase-email-help")).autocomplete("off"))];
    if !sent {
        let known = password("password", "account-password", "current-password");
        fields.push(typed.field(if second { known.optional() } else { known }));
    }
    if second || sent {
        let help = t(if second { "second-code-help" } else { "reauth-code-help" });
        let code = Field::text("code", t("second-code")).help(help).autocomplete("one-time-code");
        fields.push(typed.field(if second { code.optional() } else { code }));
    }
    let erase = Form { weight: Weight::Danger, ..Form::new("/account/data/erase", cx.guard(), fields, t("data-erase")) };
    let body = html! {
        section.stack {
            h2 { (t("data-file")) }
            p { (t("data-file-text")) }
            div.row { (ui::button(&Button::link(t("data-file-take"), "/account/data/file"))) }
        }
        section.stack {
            h2 { (t("data-erase-title")) }
            p { (t("data-erase-text")) }
            p { (t("data-erase-kept")) }
            (typed.banner())
            (form(&erase))
            @if !second && !sent { (ui::act(&Act::new(t("reauth-send"), "/account/data/code", cx.guard()))) }
        }
    };
    let buttons = vec![Button::link(t("security-title"), "/account/security")];
    Ok(cx.page_with(Toolbar { title: t("frame-data"), buttons, ..Toolbar::default() }, body))
}

async fn send_code(cx: Cx, _: Fields) -> Result<Reply> {
    reauth::send(&cx).await?;
    Ok(Reply::see("/account/data?sent=1"))
}

async fn erase(cx: Cx, fields: Fields) -> Result<Reply> {
    let given = |name: &str| Some(fields.get(name).to_owned()).filter(|text| !text.is_empty()).map(Secret);
    let code = given("code");
    let wanted = EraseAccount { email: fields.get("email").to_owned(), password: given("password").filter(|_| code.is_none()), code };
    match Cx::refusable(data::ask(&cx, &wanted).await)? {
        Ok(_) => Ok(session::signed_out(&cx, Reply::see("/login?done=erasing"))),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}
