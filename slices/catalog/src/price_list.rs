//! Price lists: each in one currency, with the tax in its prices or without it.

use db::{
    Command, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{Change, Currency, Error, Permission, PriceListId, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::Cx;

/// Where a list stands among the others unless told otherwise, and the last place there is.
const USUAL_PLACE: i32 = 100;
const LAST_PLACE: i32 = 10_000;
/// So many lists are offered where one is chosen.
const OFFERED: i64 = 200;

/// A price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceList {
    /// The id.
    pub id: PriceListId,
    /// Its name; no two lists share one.
    pub name: String,
    /// The currency of its prices.
    #[schema(value_type = String, example = "GBP")]
    pub currency: Currency,
    /// Whether the taxes are in its prices; else they come on top.
    pub includes_tax: bool,
    /// Where it stands among the others: of a currency's lists the first one is used by whoever has chosen none.
    pub position: i32,
    /// Whether it is still used.
    pub active: bool,
    /// Whether prices stand on it: then its currency stays, and whether they include the taxes.
    pub priced: bool,
    /// Goes up with every change; send it with the next one.
    pub version: i32,
}

/// All price lists, in their order.
pub(crate) const PRICE_LISTS: List = List {
    name: "price-lists",
    sql: "SELECT l.id, l.name, l.currency, l.includes_tax, l.position::bigint AS position, l.active, l.version::bigint AS version, \
          (SELECT string_agg(s.name, ', ' ORDER BY s.name) FROM catalog.list_of_site u \
            JOIN identity.site s ON s.tenant_id = u.tenant_id AND s.id = u.site_id WHERE u.tenant_id = l.tenant_id AND u.list_id = l.id) AS sites \
          FROM catalog.price_list l WHERE l.tenant_id = $1",
    columns: &[
        Column::shown("name", Kind::Text, "price-list-name"),
        Column::shown("currency", Kind::Text, "item-currency"),
        Column::shown("includes_tax", Kind::Flag, "price-list-with-tax"),
        Column::shown("sites", Kind::Text, "price-list-sites"),
        Column::shown("active", Kind::Flag, "item-active"),
        Column::hidden("position", Kind::Whole),
        Column::hidden("id", Kind::Id),
        Column::hidden("version", Kind::Whole),
    ],
    filters: &[
        Filter { name: "currency", sql: "currency = {}", kind: Kind::Text },
        Filter { name: "active", sql: "active = {}", kind: Kind::Flag },
    ],
    sorts: &[Sort { name: "position", column: "position", kind: Kind::Whole }, Sort { name: "name", column: "name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

/// The lists in their order, at most 200; those out of use as well where `all` are wanted.
pub async fn price_lists(tx: &mut Tx, all: bool) -> Result<Vec<PriceList>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT l.id, l.name, l.currency, l.includes_tax, l.position, l.active, l.version,
            EXISTS (SELECT 1 FROM catalog.price p WHERE p.tenant_id = l.tenant_id AND p.list_id = l.id) AS "priced!"
        FROM catalog.price_list l WHERE l.tenant_id = $1 AND (l.active OR $2) ORDER BY l.position, l.id LIMIT $3"#,
        tenant,
        all,
        OFFERED
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PriceList {
                id: PriceListId::new(row.id),
                name: row.name,
                currency: row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?,
                includes_tax: row.includes_tax,
                position: row.position,
                active: row.active,
                priced: row.priced,
                version: row.version,
            })
        })
        .collect()
}

/// One list.
pub(crate) async fn price_list(tx: &mut Tx, id: PriceListId) -> Result<PriceList> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT l.name, l.currency, l.includes_tax, l.position, l.active, l.version,
            EXISTS (SELECT 1 FROM catalog.price p WHERE p.tenant_id = l.tenant_id AND p.list_id = l.id) AS "priced!"
        FROM catalog.price_list l WHERE l.tenant_id = $1 AND l.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    Ok(PriceList {
        id,
        name: row.name,
        currency: row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?,
        includes_tax: row.includes_tax,
        position: row.position,
        active: row.active,
        priced: row.priced,
        version: row.version,
    })
}

/// `GET /v1/price-lists/{id}`.
pub(crate) async fn answer(cx: Cx) -> Result<PriceList> {
    price_list(&mut cx.tx().await?, cx.id("id")?).await
}

/// Trimmed text of 1 to 100 characters.
fn name_of(text: &str) -> Result<String> {
    match text.trim() {
        "" => Err(Error::field("name", "text.needed")),
        name if name.chars().count() > 100 => Err(Error::field("name", "text.too_long")),
        name if name.chars().any(char::is_control) => Err(Error::field("name", "text.control")),
        name => Ok(name.to_owned()),
    }
}

fn currency_of(text: &str) -> Result<Currency> {
    text.trim().to_uppercase().parse().map_err(|_| Error::field("currency", "currency.unknown"))
}

fn place_of(position: i32) -> Result<i32> {
    match position {
        ..0 => Err(Error::field("position", "number.not_negative")),
        0..=LAST_PLACE => Ok(position),
        _ => Err(Error::field("position", "number.too_large")),
    }
}

/// Blames the name where another list has it.
fn taken(error: Error) -> Error {
    if error.code() == "price_list.name_taken" { error.at("name") } else { error }
}

/// Makes a price list.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePriceList {
    /// An id of the client's own choice, so that one made twice is one.
    pub id: Option<PriceListId>,
    /// Its name, at most 100 characters.
    pub name: String,
    /// The currency of its prices, by its three letters; the business's unless given.
    pub currency: Option<String>,
    /// Whether the taxes are in its prices; else they come on top.
    pub includes_tax: bool,
    /// Where it stands among the others, 0 to 10,000; 100 unless given.
    pub position: Option<i32>,
}

impl Command for CreatePriceList {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = PriceList;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(PriceListId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<PriceList> {
        let (name, position) = (name_of(&self.name)?, place_of(self.position.unwrap_or(USUAL_PLACE))?);
        let currency = self.currency.as_deref().filter(|text| !text.trim().is_empty()).map(currency_of).transpose()?;
        let id = self.id.unwrap_or_else(|| tx.op().id());
        let tenant = tx.tenant().uuid();
        sqlx::query!(
            "INSERT INTO catalog.price_list (tenant_id, id, name, currency, includes_tax, position)
            SELECT t.id, $2, $3, coalesce($4, t.currency), $5, $6 FROM db.tenant t WHERE t.id = $1",
            tenant,
            id.uuid(),
            name,
            currency.map(|currency| currency.code()),
            self.includes_tax,
            position
        )
        .execute(tx.conn())
        .await
        .map_err(|error| taken(error.into()))?;
        let made = price_list(tx, id).await?;
        tx.log(Change::of("price_list.created", "price-list", id, &made));
        Ok(made)
    }
}

/// Changes a price list: its name, its place among the others, whether it is used; its currency and whether its prices
/// include the taxes as long as no price stands on it. What is not sent stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePriceList {
    /// Which.
    pub id: PriceListId,
    /// The version that was read.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// Its currency.
    pub currency: Option<String>,
    /// Whether the taxes are in its prices.
    pub includes_tax: Option<bool>,
    /// Where it stands among the others.
    pub position: Option<i32>,
    /// Whether it is used. A list by which a site sells stays in use.
    pub active: Option<bool>,
}

impl ChangePriceList {
    /// The list as it is to be, or what speaks against it.
    fn applied(&self, before: &PriceList, sells: bool) -> Result<PriceList> {
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name = name_of(name)?;
        }
        if let Some(currency) = &self.currency {
            after.currency = currency_of(currency)?;
        }
        after.includes_tax = self.includes_tax.unwrap_or(before.includes_tax);
        after.position = self.position.map_or(Ok(before.position), place_of)?;
        after.active = self.active.unwrap_or(before.active);
        after.version += 1;
        if before.priced && after.currency != before.currency {
            return Err(Error::rule("price_list.priced").at("currency"));
        }
        if before.priced && after.includes_tax != before.includes_tax {
            return Err(Error::rule("price_list.priced").at("includesTax"));
        }
        if sells && after.currency != before.currency {
            return Err(Error::rule("price_list.sold_by").at("currency"));
        }
        if sells && !after.active {
            return Err(Error::rule("price_list.sold_by").at("active"));
        }
        Ok(after)
    }
}

impl Command for ChangePriceList {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = PriceList;

    async fn run(self, tx: &mut Tx) -> Result<PriceList> {
        let tenant = tx.tenant().uuid();
        // All lists, not this one alone: of two that are taken out of use at once the later one sees what the earlier left. And
        // for update, which waits for whoever lays down a price on the list at this moment.
        sqlx::query_scalar!("SELECT id FROM catalog.price_list WHERE tenant_id = $1 ORDER BY id FOR UPDATE", tenant)
            .fetch_all(tx.conn())
            .await?;
        let before = price_list(tx, self.id).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        let sells = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM catalog.list_of_site u WHERE u.tenant_id = $1 AND u.list_id = $2) AS "sells!""#,
            tenant,
            self.id.uuid()
        )
        .fetch_one(tx.conn())
        .await?;
        let after = self.applied(&before, sells)?;
        let updated = sqlx::query!(
            "UPDATE catalog.price_list SET name = $4, currency = $5, includes_tax = $6, position = $7, active = $8, version = version + 1
            WHERE tenant_id = $1 AND id = $2 AND version = $3",
            tenant,
            self.id.uuid(),
            self.version,
            after.name,
            after.currency.code(),
            after.includes_tax,
            after.position,
            after.active
        )
        .execute(tx.conn())
        .await
        .map_err(|error| taken(error.into()))?;
        if updated.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        tx.log(Change::of("price_list.changed", "price-list", self.id, &after).from(&before));
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_is_refused_where_it_was_sent() {
        let list = PriceList {
            id: PriceListId::new(Uuid::nil()),
            name: "Retail".into(),
            currency: Currency::GBP,
            includes_tax: true,
            position: 100,
            active: true,
            priced: true,
            version: 1,
        };
        let wish = ChangePriceList {
            id: list.id,
            version: 1,
            name: Some(" Counter ".into()),
            currency: Some("gbp".into()),
            includes_tax: Some(true),
            position: Some(0),
            active: None,
        };
        let after = wish.applied(&list, true).unwrap();
        assert_eq!((after.name.as_str(), after.position, after.version), ("Counter", 0, 2), "what stays the same is no change");
        let code = |wish: &ChangePriceList, list: &PriceList, sells| wish.applied(list, sells).unwrap_err().code();
        let euro = ChangePriceList { currency: Some("EUR".into()), ..wish.clone() };
        let empty = PriceList { priced: false, ..list.clone() };
        assert_eq!((code(&euro, &list, false), code(&euro, &empty, true)), ("price_list.priced", "price_list.sold_by"));
        assert_eq!(euro.applied(&empty, false).unwrap().currency.code(), "EUR");
        assert_eq!(code(&ChangePriceList { includes_tax: Some(false), ..wish.clone() }, &list, false), "price_list.priced");
        assert_eq!(code(&ChangePriceList { active: Some(false), ..wish.clone() }, &empty, true), "price_list.sold_by");
        assert!(ChangePriceList { position: Some(-1), ..wish.clone() }.applied(&list, false).is_err());
        assert!(ChangePriceList { position: Some(10_001), ..wish }.applied(&list, false).is_err());
    }
}
