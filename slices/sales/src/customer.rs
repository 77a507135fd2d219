//! Who buys: enough of a customer to sell on account. What they owe is in `account.rs`.

use db::{
    Command, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{Change, CustomerId, Error, Permission, Result};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Cx, Fields, Found, ListPage, Reply, Routes, Typed, t,
    ui::{self, Button, Field, Form, Toolbar},
};

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
}

/// A customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
}

impl Command for AddCustomer {
    const NEEDS: Permission = Permission::CustomerWrite;
    type Out = Customer;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(CustomerId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Customer> {
        let trimmed = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let customer = Customer {
            id: self.id.unwrap_or_else(|| tx.op().id()),
            name: self.name.trim().to_owned(),
            email: trimmed(self.email),
            phone: trimmed(self.phone),
        };
        check(&customer)?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        sqlx::query!(
            "INSERT INTO sales.customer (tenant_id, id, name, email, phone, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            tenant,
            customer.id.uuid(),
            customer.name,
            customer.email,
            customer.phone,
            now as kernel::At
        )
        .execute(tx.conn())
        .await?;
        tx.log(Change::of("customer.added", "customer", customer.id, &customer));
        Ok(customer)
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
    sql: "SELECT c.id, c.name, c.email, c.phone, c.created_at, t.currency,
            (SELECT coalesce(sum(o.owed), 0)::bigint FROM sales.orders o
                WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.id AND o.owed > 0 AND o.currency = t.currency) AS owed
        FROM sales.customer c JOIN db.tenant t ON t.id = c.tenant_id WHERE c.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "customer-name"),
        Column::shown("email", Kind::Text, "customer-email"),
        Column::shown("phone", Kind::Text, "customer-phone"),
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
    routes.list("GET /v1/customers", Permission::CustomerRead, &CUSTOMERS);
    routes.page("GET /customers", Permission::CustomerRead, page);
    routes.page("GET /customers/new", Permission::CustomerWrite, async |cx: Cx| Ok(form(&cx, Typed::default())));
    routes.form("POST /customers/new", Permission::CustomerWrite, add);
}

async fn page(cx: Cx) -> Result<Markup> {
    let list = ListPage {
        list: &CUSTOMERS,
        here: "/customers",
        api: "/v1/customers",
        name: "name",
        open: |row| Some(format!("/customers/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "person", title: t("customers-empty-title"), text: t("customers-empty-text"), first: Some(new_button()) },
        zone: cx.site()?.zone.clone(),
        codes: &[],
        files_only: &[],
    };
    let body = list.show(&cx, &mut cx.tx().await?).await?;
    Ok(cx.page_with(Toolbar { crumbs: Vec::new(), title: t("customers"), now: None, buttons: vec![new_button()] }, body))
}

fn new_button() -> Button {
    Button::link(t("customer-new"), "/customers/new").main()
}

fn form(cx: &Cx, typed: Typed<'_>) -> Markup {
    let field = |name: &str, label: &str, kind: ui::Kind| typed.field(Field::new(name, t(label), kind));
    let list = vec![
        field("name", "customer-name", ui::Kind::Text).focus(),
        field("email", "customer-email", ui::Kind::Email).optional(),
        field("phone", "customer-phone", ui::Kind::Text).optional(),
    ];
    let cancel = Some(Button::link(t("customer-leave"), "/customers"));
    let form = Form { cancel, ..Form::new("/customers/new", cx.guard(), list, t("customer-save")) };
    let crumbs = vec![ui::Crumb { label: t("customers"), href: "/customers".into() }];
    cx.page_with(Toolbar { crumbs, title: t("customer-new"), ..Toolbar::default() }, html! { (typed.banner()) (ui::form(&form)) })
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let mut read = fields.reader();
    let (name, email, phone) = (read.text("name", 200), read.optional_text("email", 320), read.optional_text("phone", 40));
    let command = read.done(|| Some(AddCustomer { id: None, name, email, phone }));
    Ok(match cx.submit(&fields, command).await? {
        Ok(answer) => Reply::see(format!("/customers/{}", answer.body["id"].as_str().unwrap_or_default())),
        Err(refused) => Reply::refused(form(&cx, Typed::again(&fields, &refused))),
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
