//! The page of a site: by which list it sells.

use kernel::{Permission, Result, SiteId};
use maud::{Markup, html};
use web::{
    Cx, Fields, Reply, Typed, t, tf,
    ui::{self, Button, Choice, Crumb, Fact, Field, Form, Kind, Tone, Toolbar},
};

use crate::{
    ChoosePriceList, PriceList,
    price_list::price_lists,
    price_list_page::{price_list_choice, with_tax},
    site_list::{SitePrices, site_prices},
};

/// `GET /settings/sites/{id}`.
pub(crate) async fn show(cx: Cx) -> Result<Markup> {
    let id = cx.id("id")?;
    page(&cx, id, &Typed::default()).await
}

/// `POST /settings/sites/{id}`.
pub(crate) async fn choose(cx: Cx, typed: Fields) -> Result<Reply> {
    let id: SiteId = cx.id("id")?;
    let mut reader = typed.reader();
    let price_list_id = reader.optional("priceListId", "price_list.unknown");
    let command = reader.done(|| Some(ChoosePriceList { id, price_list_id }));
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see(format!("/settings/sites/{id}"))),
        Err(refused) => Ok(Reply::refused(page(&cx, id, &Typed::again(&typed, &refused)).await?)),
    }
}

async fn page(cx: &Cx, id: SiteId, typed: &Typed<'_>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let site = site_prices(&mut tx, id).await?;
    let lists: Vec<PriceList> = price_lists(&mut tx, false).await?.into_iter().filter(|list| list.currency == site.currency).collect();
    let may = cx.op.permissions.has(Permission::SettingsWrite);
    let body = html! {
        (typed.banner())
        (ui::facts(&facts(&site)))
        @if site.price_list_id.is_none() {
            @let way_out = may.then(|| Button::link(t("price-list-new"), "/settings/price-lists/new").main());
            (ui::banner(Tone::Waiting, &tf("site-no-list", &[("currency", site.currency.code())]), way_out.as_ref()))
        } @else if may {
            (ui::form(&form(cx, &site, &lists, typed)))
        }
    };
    let crumbs = if may { vec![Crumb { label: t("site-settings"), href: "/settings".into() }] } else { Vec::new() };
    Ok(cx.page_with(Toolbar { crumbs, title: site.site.clone(), ..Toolbar::default() }, body))
}

fn facts(site: &SitePrices) -> Vec<Fact> {
    let mut facts = vec![Fact::new(t("item-currency"), html! { (site.currency) })];
    if let (Some(id), Some(name), Some(includes)) = (site.price_list_id, &site.price_list, site.includes_tax) {
        facts.push(Fact::new(t("site-sells-by"), html! { a href={ "/settings/price-lists/" (id) } { (name) } }));
        facts.push(Fact::new(t("price-list-tax"), html! { (with_tax(includes)) }));
    }
    facts
}

fn form(cx: &Cx, site: &SitePrices, lists: &[PriceList], typed: &Typed<'_>) -> Form {
    let choices = std::iter::once(Choice::new("", t("site-list-first"))).chain(lists.iter().map(price_list_choice)).collect();
    let chosen = site.price_list_id.filter(|_| site.chosen).map(|id| id.to_string()).unwrap_or_default();
    let field = Field::new("priceListId", t("site-price-list"), Kind::Select(choices)).value(chosen).help(t("site-price-list-help"));
    let fields = vec![typed.field(field.optional())];
    Form::new(format!("/settings/sites/{}", site.site_id), cx.guard(), fields, t("site-list-choose"))
}
