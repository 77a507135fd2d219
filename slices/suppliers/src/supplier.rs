//! A supplier: added, listed, found.

use db::{
    Command, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{Change, Error, Permission, Result, SupplierId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Found, Routes};

use crate::price::{self, SupplierPrice};

/// Adds a supplier.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddSupplier {
    /// Made by the client, so that one added twice is one.
    #[serde(default)]
    pub id: Option<SupplierId>,
    /// 1 to 200 signs; no two suppliers share one.
    pub name: String,
    /// Where orders go.
    #[serde(default)]
    pub email: Option<String>,
    /// At most 40 signs.
    #[serde(default)]
    pub phone: Option<String>,
}

/// A supplier with the prices that are valid today or later.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Supplier {
    /// The id.
    pub id: SupplierId,
    /// The name.
    pub name: String,
    /// Where orders go.
    pub email: Option<String>,
    /// The telephone.
    pub phone: Option<String>,
    /// Its price list, the newest price of each item first, at most 500.
    pub prices: Vec<SupplierPrice>,
}

impl Command for AddSupplier {
    const NEEDS: Permission = Permission::SupplierWrite;
    type Out = Supplier;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(SupplierId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Supplier> {
        let trimmed = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let supplier = Supplier {
            id: self.id.unwrap_or_else(|| tx.op().id()),
            name: self.name.trim().to_owned(),
            email: trimmed(self.email),
            phone: trimmed(self.phone),
            prices: Vec::new(),
        };
        check(&supplier)?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        sqlx::query!(
            "INSERT INTO suppliers.supplier (tenant_id, id, name, email, phone, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            tenant,
            supplier.id.uuid(),
            supplier.name,
            supplier.email,
            supplier.phone,
            now as kernel::At
        )
        .execute(tx.conn())
        .await
        .map_err(|e| Error::from(e).at("name"))?;
        tx.log(Change::of("supplier.added", "supplier", supplier.id, &supplier));
        Ok(supplier)
    }
}

fn check(supplier: &Supplier) -> Result<()> {
    if supplier.name.is_empty() {
        return Err(Error::field("name", "text.needed"));
    }
    if supplier.name.chars().count() > 200 {
        return Err(Error::field("name", "text.too_long"));
    }
    if supplier.email.as_ref().is_some_and(|e| !(3..=320).contains(&e.chars().count()) || !e.contains('@')) {
        return Err(Error::field("email", "email.format"));
    }
    if supplier.phone.as_ref().is_some_and(|p| p.chars().count() > 40) {
        return Err(Error::field("phone", "text.too_long"));
    }
    Ok(())
}

/// Reads a supplier with its price list.
pub(crate) async fn load(tx: &mut Tx, id: SupplierId) -> Result<Supplier> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!("SELECT name, email, phone FROM suppliers.supplier WHERE tenant_id = $1 AND id = $2", tenant, id.uuid())
        .fetch_optional(tx.conn())
        .await?
        .ok_or(Error::NotFound)?;
    Ok(Supplier { id, name: row.name, email: row.email, phone: row.phone, prices: price::of_supplier(tx, id).await? })
}

/// Suppliers by name.
pub(crate) static SUPPLIERS: List = List {
    name: "suppliers",
    sql: "SELECT s.id, s.name, s.email, s.phone, s.created_at FROM suppliers.supplier s WHERE s.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "supplier-name"),
        Column::shown("email", Kind::Text, "supplier-email"),
        Column::shown("phone", Kind::Text, "supplier-phone"),
        Column::hidden("created_at", Kind::Time),
    ],
    filters: &[Filter { name: "from", sql: "name >= {}", kind: Kind::Text }],
    sorts: &[Sort { name: "name", column: "name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.command::<AddSupplier>("POST /v1/suppliers");
    routes.list("GET /v1/suppliers", Permission::SupplierRead, &SUPPLIERS);
    routes.json::<Supplier, _, _>("GET /v1/suppliers/{id}", Permission::SupplierRead, "Supplier", &[], async |cx: Cx| {
        let id = cx.id("id")?;
        load(&mut cx.tx().await?, id).await
    });
}

/// Suppliers whose name begins with the words.
pub(crate) fn search<'a>(tx: &'a mut Tx, wanted: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        if !tx.op().permissions.has(Permission::SupplierRead) {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            "SELECT id, name FROM suppliers.supplier WHERE tenant_id = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT 10",
            tenant,
            wanted,
            format!("{wanted}\u{10ffff}")
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().map(|r| Found { label: r.name, kind: "supplier", href: format!("/suppliers/{}", r.id) }).collect())
    })
}
