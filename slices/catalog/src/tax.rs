//! Tax categories and their rates from a day on.

use db::{Command, System, Tx};
use futures::future::BoxFuture;
use kernel::{Change, Day, Error, Permission, Quantity, Result, TaxId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Opening};

/// The usual rate of value added tax where a currency tells the country; elsewhere a person enters it.
fn usual_rate(currency: &str) -> Option<i64> {
    match currency {
        "GBP" => Some(200_000),
        "KES" => Some(160_000),
        _ => None,
    }
}

/// Lays down two tax categories, of which the one without a tax is usual, and the retail price list.
pub(crate) fn opened<'a>(system: &'a mut System, opening: &'a Opening) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let [zero, standard, tax, list] = std::array::from_fn(|_| system.source().uuid());
        sqlx::query!(
            r#"WITH categories AS (
                INSERT INTO catalog.tax_category (tenant_id, id, name, usual)
                SELECT t.id, u.id, u.name, u.usual
                FROM db.tenant t, unnest(ARRAY[$2, $3]::uuid[], ARRAY['Zero-rated', 'Standard rate'], ARRAY[true, false]) AS u (id, name, usual)
                WHERE t.id = $1
            ), rated AS (
                INSERT INTO catalog.tax (tenant_id, id, category_id, name, rate_ppm, from_day)
                SELECT t.id, $4, $3, 'VAT', $5::bigint, '1970-01-01' FROM db.tenant t WHERE t.id = $1 AND $5::bigint IS NOT NULL
            )
            INSERT INTO catalog.price_list (tenant_id, id, name, currency, includes_tax, position)
            SELECT t.id, $6, 'Retail', $7, true, 100 FROM db.tenant t WHERE t.id = $1"#,
            opening.tenant.uuid(),
            zero,
            standard,
            tax,
            usual_rate(opening.currency.code()),
            list,
            opening.currency.code()
        )
        .execute(system.conn())
        .await?;
        Ok(())
    })
}

/// One tax of a category over some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// The tax of these days.
    pub id: TaxId,
    /// What the receipt calls it.
    pub name: String,
    /// The rate in percent: `"20"`, `"17.5"`.
    pub percent: Quantity,
    /// Whether the taxes before it are taxed, too.
    pub compound: bool,
    /// The first day.
    pub from_day: Day,
    /// The last day, if it is known.
    pub until_day: Option<Day>,
}

/// A tax category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaxCategory {
    /// The id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether items get it unless told otherwise.
    pub usual: bool,
    /// Its rates, the newest first; none means no tax.
    pub rates: Vec<Rate>,
}

/// All tax categories.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaxCategories {
    /// By name.
    pub rows: Vec<TaxCategory>,
}

/// A rate as the statement's JSON has it.
type RateRow = (TaxId, String, i64, bool, Day, Option<Day>);

/// All tax categories with their rates.
pub(crate) async fn categories(tx: &mut Tx) -> Result<Vec<TaxCategory>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT c.id, c.name, c.usual, (SELECT json_agg(json_build_array(x.id, x.name, x.rate_ppm, x.compound, x.from_day, x.until_day)
                ORDER BY x.from_day DESC, x.position) FROM catalog.tax x
            WHERE x.tenant_id = $1 AND x.category_id = c.id) AS "rates: Json<Vec<RateRow>>"
        FROM catalog.tax_category c WHERE c.tenant_id = $1 ORDER BY c.name LIMIT 200"#,
        tenant
    )
    .fetch_all(tx.conn())
    .await?;
    let rate = |(id, name, ppm, compound, from_day, until_day): RateRow| Rate {
        id,
        name,
        percent: Quantity::from_micros(ppm * 100),
        compound,
        from_day,
        until_day,
    };
    Ok(rows
        .into_iter()
        .map(|row| TaxCategory {
            id: row.id,
            name: row.name,
            usual: row.usual,
            rates: row.rates.map_or_else(Vec::new, |json| json.0).into_iter().map(rate).collect(),
        })
        .collect())
}

/// `GET /v1/taxes`.
pub(crate) async fn answer(cx: Cx) -> Result<TaxCategories> {
    Ok(TaxCategories { rows: categories(&mut cx.tx().await?).await? })
}

async fn category(tx: &mut Tx, id: Uuid) -> Result<TaxCategory> {
    categories(tx).await?.into_iter().find(|category| category.id == id).ok_or(Error::NotFound)
}

/// Trimmed text of 1 to 100 characters.
fn name_of(text: &str) -> Result<String> {
    match text.trim() {
        "" => Err(Error::field("name", "text.needed")),
        name if name.chars().count() > 100 => Err(Error::field("name", "text.too_long")),
        name => Ok(name.to_owned()),
    }
}

/// Makes a tax category.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTaxCategory {
    /// An id of the client's own choice, so that one made twice is one.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
}

impl Command for CreateTaxCategory {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = TaxCategory;

    fn intent_id(&self) -> Option<Uuid> {
        self.id
    }

    async fn run(self, tx: &mut Tx) -> Result<TaxCategory> {
        let name = name_of(&self.name)?;
        let id = self.id.unwrap_or_else(|| tx.op().source.uuid());
        let tenant = tx.tenant().uuid();
        sqlx::query!(
            "INSERT INTO catalog.tax_category (tenant_id, id, name) SELECT t.id, $2, $3 FROM db.tenant t WHERE t.id = $1",
            tenant,
            id,
            name
        )
        .execute(tx.conn())
        .await
        .map_err(|error| match Error::from(error) {
            error if error.code() == "tax.category_taken" => error.at("name"),
            error => error,
        })?;
        let made = TaxCategory { id, name, usual: false, rates: Vec::new() };
        tx.log(Change::of("tax.created", "tax", TaxId::new(id), &made));
        Ok(made)
    }
}

/// Sets a tax of a category from a day on. The rate of the same name before it ends the day before.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetRate {
    /// The category.
    pub id: Uuid,
    /// What the receipt calls it: `VAT`.
    pub name: String,
    /// The rate in percent, at most 1000 with four decimals.
    pub percent: Quantity,
    /// The first day on which it holds.
    pub from_day: Day,
    /// Whether the taxes before it on the line are taxed, too.
    #[serde(default)]
    pub compound: bool,
}

impl SetRate {
    /// Parts per million.
    fn rate(&self) -> Result<i64> {
        match self.percent.micros() {
            micros if micros < 0 => Err(Error::field("percent", "number.not_negative")),
            micros if micros > 1_000_000_000 => Err(Error::field("percent", "number.too_large")),
            micros if micros % 100 != 0 => Err(Error::field("percent", "quantity.format")),
            micros => Ok(micros / 100),
        }
    }
}

impl Command for SetRate {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = TaxCategory;

    async fn run(self, tx: &mut Tx) -> Result<TaxCategory> {
        let (name, rate) = (name_of(&self.name)?, self.rate()?);
        if !self.from_day.is_sane() {
            return Err(Error::rule("day.out_of_range").at("fromDay"));
        }
        let (tenant, tax_id) = (tx.tenant().uuid(), tx.op().source.uuid());
        // The category's row is the lock under which its rates follow one another.
        sqlx::query_scalar!("SELECT id FROM catalog.tax_category WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE", tenant, self.id)
            .fetch_optional(tx.conn())
            .await?
            .ok_or(Error::NotFound)?;
        let before = category(tx, self.id).await?;
        if before.rates.iter().any(|known| known.name == name && known.from_day >= self.from_day) {
            return Err(Error::rule("tax.backwards").at("fromDay"));
        }
        sqlx::query!(
            r#"WITH ended AS (
                UPDATE catalog.tax SET until_day = $6::date - 1 WHERE tenant_id = $1 AND category_id = $3 AND name = $4 AND until_day IS NULL
            )
            INSERT INTO catalog.tax (tenant_id, id, category_id, name, rate_ppm, from_day, compound, position)
            SELECT t.id, $2, $3, $4, $5, $6, $7,
                coalesce((SELECT min(x.position) FROM catalog.tax x WHERE x.tenant_id = $1 AND x.category_id = $3 AND x.name = $4),
                    (SELECT coalesce(max(x.position), 0) + 1 FROM catalog.tax x WHERE x.tenant_id = $1 AND x.category_id = $3))
            FROM db.tenant t WHERE t.id = $1"#,
            tenant,
            tax_id,
            self.id,
            name,
            rate,
            self.from_day as Day,
            self.compound
        )
        .execute(tx.conn())
        .await?;
        let after = category(tx, self.id).await?;
        tx.log(Change::of("tax.changed", "tax", TaxId::new(self.id), &after).from(&before));
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_percent_with_four_decimals() {
        let rate = |percent: &str| SetRate {
            id: Uuid::nil(),
            name: "VAT".into(),
            percent: percent.parse().unwrap(),
            from_day: "2026-01-01".parse().unwrap(),
            compound: false,
        };
        assert_eq!(rate("20").rate().unwrap(), 200_000);
        assert_eq!(rate("17.5").rate().unwrap(), 175_000);
        assert_eq!(rate("0.0001").rate().unwrap(), 1);
        assert!(rate("0.00001").rate().is_err());
        assert!(rate("-1").rate().is_err());
        assert!(rate("1000.0001").rate().is_err());
    }
}
