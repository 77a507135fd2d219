//! Who buys: enough of a customer to sell on account, by a price list of their own. What they owe is in `account.rs`; limits and
//! statements come with their own capability.

use db::{
    Command, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{Change, CustomerId, Error, Permission, PriceListId, Result};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Cx, Fields, Found, ListPage, Reply, Routes, Typed, t,
    ui::{self, Button, Field, Form, Toolbar},
};

use crate::account;

/// Adds a customer.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddCustomer {
    /// Made by the device, so that one added twice is one.
    #[serde(default)]
    pub id: Option<CustomerId>,
    /// 1 to 200 signs.
    pub name: String,
    /// Where receipts go.
    #[serde(default)]
    pub email: Option<String>,
    /// At most 40 signs.
    #[serde(default)]
    pub phone: Option<String>,
    /// By which list they buy, where its currency is the site's; by the site's list unless given.
    #[serde(default)]
    pub price_list_id: Option<PriceListId>,
}

/// Changes a customer: everything is sent as it is to be, and what is left out is taken away.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeCustomer {
    /// Which.
    pub id: CustomerId,
    /// The version that was read.
    pub version: i32,
    /// 1 to 200 signs.
    pub name: String,
    /// Where receipts go.
    #[serde(default)]
    pub email: Option<String>,
    /// At most 40 signs.
    #[serde(default)]
    pub phone: Option<String>,
    /// By which list they buy, where its currency is the site's; else by the site's.
    #[serde(default)]
    pub price_list_id: Option<PriceListId>,
}

/// A customer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// The id.
    pub id: CustomerId,
    /// The name.
    pub name: String,
    /// Where receipts go.
    pub email: Option<String>,
    /// The telephone.
    pub phone: Option<String>,
    /// By which list they buy; none means the site's.
    pub price_list_id: Option<PriceListId>,
    /// The list's name.
    pub price_list: Option<String>,
    /// Goes up with every change; send it with the next one.
    pub version: i32,
}

fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

/// The name of a list that a customer gets: one that there is, and that is used.
async fn usable(tx: &mut Tx, list: PriceListId) -> Result<String> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!("SELECT name, active FROM catalog.price_list WHERE tenant_id = $1 AND id = $2", tenant, list.uuid())
        .fetch_optional(tx.conn())
        .await?;
    match row {
        None => Err(Error::rule("price_list.unknown").at("priceListId")),
        Some(row) if !row.active => Err(Error::rule("price_list.retired").at("priceListId")),
        Some(row) => Ok(row.name),
    }
}

/// One customer.
pub(crate) async fn customer(tx: &mut Tx, id: CustomerId) -> Result<Customer> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT c.name, c.email, c.phone, c.price_list_id, l.name AS "price_list?", c.version FROM sales.customer c
        LEFT JOIN catalog.price_list l ON l.tenant_id = c.tenant_id AND l.id = c.price_list_id WHERE c.tenant_id = $1 AND c.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Customer {
        id,
        name: row.name,
        email: row.email,
        phone: row.phone,
        price_list_id: row.price_list_id.map(PriceListId::new),
        price_list: row.price_list,
        version: row.version,
    })
}

impl Command for AddCustomer {
    const NEEDS: Permission = Permission::CustomerWrite;
    type Out = Customer;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(CustomerId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Customer> {
        let customer = Customer {
            id: self.id.unwrap_or_else(|| tx.op().id()),
            name: self.name.trim().to_owned(),
            email: trimmed(self.email),
            phone: trimmed(self.phone),
            price_list_id: self.price_list_id,
            price_list: None,
            version: 1,
        };
        check(&customer)?;
        let price_list = match customer.price_list_id {
            Some(list) => Some(usable(tx, list).await?),
            None => None,
        };
        let customer = Customer { price_list, ..customer };
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        sqlx::query!(
            "INSERT INTO sales.customer (tenant_id, id, name, email, phone, created_at, price_list_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            tenant,
            customer.id.uuid(),
            customer.name,
            customer.email,
            customer.phone,
            now as kernel::At,
            customer.price_list_id.map(PriceListId::uuid)
        )
        .execute(tx.conn())
        .await?;
        tx.log(Change::of("customer.added", "customer", customer.id, &customer));
        Ok(customer)
    }
}

impl Command for ChangeCustomer {
    const NEEDS: Permission = Permission::CustomerWrite;
    type Out = Customer;

    async fn run(self, tx: &mut Tx) -> Result<Customer> {
        let before = customer(tx, self.id).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        let mut after = Customer {
            id: self.id,
            name: self.name.trim().to_owned(),
            email: trimmed(self.email),
            phone: trimmed(self.phone),
            price_list_id: self.price_list_id,
            price_list: before.price_list.clone(),
            version: before.version + 1,
        };
        check(&after)?;
        // A list that was taken out of use meanwhile may stay where it is.
        if after.price_list_id != before.price_list_id {
            after.price_list = match after.price_list_id {
                Some(list) => Some(usable(tx, list).await?),
                None => None,
            };
        }
        let tenant = tx.tenant().uuid();
        let done = sqlx::query!(
            "UPDATE sales.customer SET name = $4, email = $5, phone = $6, price_list_id = $7, version = version + 1
            WHERE tenant_id = $1 AND id = $2 AND version = $3",
            tenant,
            self.id.uuid(),
            self.version,
            after.name,
            after.email,
            after.phone,
            after.price_list_id.map(PriceListId::uuid)
        )
        .execute(tx.conn())
        .await?;
        if done.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        tx.log(Change::of("customer.changed", "customer", self.id, &after).from(&before));
        Ok(after)
    }
}

fn check(customer: &Customer) -> Result<()> {
    let long = |text: Option<&str>, most: usize| text.is_some_and(|t| t.chars().count() > most);
    if customer.name.is_empty() {
        return Err(Error::field("name", "text.needed"));
    }
    if long(Some(&customer.name), 200) {
        return Err(Error::field("name", "text.too_long"));
    }
    if customer.email.as_ref().is_some_and(|e| e.chars().count() > 320 || !e.contains('@')) {
        return Err(Error::field("email", "email.format"));
    }
    if long(customer.phone.as_deref(), 40) {
        return Err(Error::field("phone", "text.too_long"));
    }
    Ok(())
}

/// Customers by name.
pub(crate) static CUSTOMERS: List = List {
    name: "customers",
    // What is owed in the business's own currency; of others their pages tell.
    sql: "SELECT c.id, c.name, c.email, c.phone, c.price_list_id, c.created_at, t.currency,
            (SELECT p.name FROM catalog.price_list p WHERE p.tenant_id = c.tenant_id AND p.id = c.price_list_id) AS price_list,
            (SELECT coalesce(sum(o.owed), 0)::bigint FROM sales.orders o
                WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.id AND o.owed > 0 AND o.currency = t.currency) AS owed
        FROM sales.customer c JOIN db.tenant t ON t.id = c.tenant_id WHERE c.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "customer-name"),
        Column::shown("email", Kind::Text, "customer-email"),
        Column::shown("phone", Kind::Text, "customer-phone"),
        Column::shown("price_list", Kind::Text, "customer-price-list"),
        Column::hidden("price_list_id", Kind::Id),
        Column::hidden("created_at", Kind::Time),
        Column::hidden("currency", Kind::Text),
        Column::shown("owed", Kind::Money, "customer-owed").needing(Permission::OrderRead),
    ],
    filters: &[Filter { name: "from", sql: "name >= {}", kind: Kind::Text }],
    sorts: &[Sort { name: "name", column: "name", kind: Kind::Text }, Sort { name: "created", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "id",
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.command::<AddCustomer>("POST /v1/customers");
    routes.command::<ChangeCustomer>("POST /v1/customers/{id}");
    routes.list("GET /v1/customers", Permission::CustomerRead, &CUSTOMERS);
    routes.page("GET /customers", Permission::CustomerRead, page);
    routes.page("GET /customers/new", Permission::CustomerWrite, async |cx: Cx| new_page(&cx, Typed::default()).await);
    routes.form("POST /customers/new", Permission::CustomerWrite, add);
    routes.form("POST /customers/{id}", Permission::CustomerWrite, change);
}

async fn page(cx: Cx) -> Result<Markup> {
    let list = ListPage {
        list: &CUSTOMERS,
        here: "/customers",
        api: "/v1/customers",
        name: "name",
        open: |row| Some(format!("/customers/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "person", title: t("customers-empty-title"), text: t("customers-empty-text"), first: Some(new_button()) },
        clock: cx.clock(),
        codes: &[],
        within: &[],
        files_only: &[],
    };
    let body = list.show(&cx, &mut cx.tx().await?).await?;
    Ok(cx.page_with(Toolbar { crumbs: Vec::new(), title: t("customers"), now: None, buttons: vec![new_button()] }, body))
}

fn new_button() -> Button {
    Button::link(t("customer-new"), "/customers/new").main()
}

pub(crate) fn crumbs() -> Vec<ui::Crumb> {
    vec![ui::Crumb { label: t("customers"), href: "/customers".into() }]
}

/// The fields of a customer, as they were typed or as they are. Of lists, those in use are offered, and the customer's own.
async fn fields_of(tx: &mut Tx, typed: &Typed<'_>, now: Option<&Customer>) -> Result<Vec<Field>> {
    let own = now.and_then(|customer| customer.price_list_id);
    let lists = catalog::price_lists(tx, true).await?;
    let offered = lists.iter().filter(|list| list.active || Some(list.id) == own).map(catalog::price_list_choice);
    let choices = std::iter::once(ui::Choice::new("", t("customer-list-of-site"))).chain(offered).collect();
    let field = |name: &str, label: &str, kind: ui::Kind, value: Option<&str>| {
        typed.field(Field::new(name, t(label), kind).value(value.unwrap_or_default()))
    };
    let name = field("name", "customer-name", ui::Kind::Text, now.map(|c| c.name.as_str()));
    let list = own.map(|list| list.to_string());
    Ok(vec![
        if now.is_none() { name.focus() } else { name },
        field("email", "customer-email", ui::Kind::Email, now.and_then(|c| c.email.as_deref())).optional(),
        field("phone", "customer-phone", ui::Kind::Text, now.and_then(|c| c.phone.as_deref())).optional(),
        field("priceListId", "customer-price-list", ui::Kind::Select(choices), list.as_deref()).optional().help(t("customer-list-help")),
    ])
}

async fn new_page(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let list = fields_of(&mut cx.tx().await?, &typed, None).await?;
    let cancel = Some(Button::link(t("customer-leave"), "/customers"));
    let form = Form { cancel, ..Form::new("/customers/new", cx.guard(), list, t("customer-save")) };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("customer-new"), ..Toolbar::default() };
    Ok(cx.page_with(toolbar, html! { (typed.banner()) (ui::form(&form)) }))
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let mut read = fields.reader();
    let (name, email, phone) = (read.text("name", 200), read.optional_text("email", 320), read.optional_text("phone", 40));
    let price_list_id = read.optional("priceListId", "price_list.unknown");
    let command = read.done(|| Some(AddCustomer { id: None, name, email, phone, price_list_id }));
    Ok(match cx.submit(&fields, command).await? {
        Ok(answer) => Reply::see(format!("/customers/{}", answer.body["id"].as_str().unwrap_or_default())),
        Err(refused) => Reply::refused(new_page(&cx, Typed::again(&fields, &refused)).await?),
    })
}

/// The form that changes a customer, for whoever may.
pub(crate) async fn change_form(cx: &Cx, tx: &mut Tx, customer: &Customer, typed: &Typed<'_>) -> Result<Markup> {
    if !cx.op.permissions.has(Permission::CustomerWrite) {
        return Ok(html! {});
    }
    let mut fields = fields_of(tx, typed, Some(customer)).await?;
    fields.push(Field::hidden("version", customer.version.to_string()));
    let form = Form::new(format!("/customers/{}", customer.id), cx.guard(), fields, t("customer-change"));
    Ok(html! { section class="stack" { h2 { (t("customer-details")) } (typed.banner()) (ui::form(&form)) } })
}

pub(crate) fn facts(customer: &Customer) -> Vec<ui::Fact> {
    let list = customer.price_list.clone().unwrap_or_else(|| t("customer-list-of-site"));
    [("customer-email", customer.email.clone()), ("customer-phone", customer.phone.clone()), ("customer-price-list", Some(list))]
        .into_iter()
        .filter_map(|(label, value)| value.map(|value| ui::Fact::new(t(label), html! { (value) })))
        .collect()
}

async fn change(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: CustomerId = cx.id("id")?;
    let mut read = fields.reader();
    let (name, email, phone) = (read.text("name", 200), read.optional_text("email", 320), read.optional_text("phone", 40));
    let (price_list_id, version) = (read.optional("priceListId", "price_list.unknown"), read.parse("version", "stale"));
    let command = read.done(|| Some(ChangeCustomer { id, version: version?, name, email, phone, price_list_id }));
    Ok(match cx.submit(&fields, command).await? {
        Ok(_) => Reply::see(format!("/customers/{id}")),
        Err(refused) => Reply::refused(account::document(&cx, Typed::again(&fields, &refused)).await?),
    })
}

/// Customers whose name begins with the words.
pub(crate) fn search<'a>(tx: &'a mut Tx, wanted: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        if !tx.op().permissions.has(Permission::CustomerRead) {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            "SELECT id, name FROM sales.customer WHERE tenant_id = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT 10",
            tenant,
            wanted,
            format!("{wanted}\u{10ffff}")
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().map(|r| Found { label: r.name, kind: "customer", href: format!("/customers/{}", r.id) }).collect())
    })
}
