//! `hearth tenant`: opens a business from the command line, lists those there are, gives an owner another link.

use clap::Args;
use db::Db;
use identity::OpenBusiness;
use kernel::{AccountId, At, PLATFORM, Result, TenantId};
use serde::Serialize;
use serde_json::{Value, json};
use web::App;

use crate::{Trouble, check};

/// What opening a business takes.
#[derive(Args, Clone, Debug)]
pub struct Create {
    /// Its name.
    #[arg(long)]
    pub name: String,
    /// Its short name for addresses and commands: small letters, digits and hyphens.
    #[arg(long)]
    pub slug: String,
    /// Its currency's three letters, such as GBP.
    #[arg(long)]
    pub currency: String,
    /// The time zone of its first site, such as Europe/London.
    #[arg(long, value_name = "ZONE")]
    pub time_zone: String,
    /// The address that its owner signs in with; an account is made where there is none.
    #[arg(long, value_name = "EMAIL")]
    pub owner: String,
}

/// A business that was opened.
pub struct Created {
    /// Its id.
    pub tenant: TenantId,
    /// Its owner.
    pub owner: AccountId,
    /// Where the owner chooses the first password; none where they have one.
    pub password_link: Option<String>,
}

/// Opens the business, as the owner's own sign-up would.
pub async fn create(app: &App, new: &Create) -> Result<Created> {
    let owner = identity::account_for(app.db(), &new.owner).await?;
    identity::take_back_unconfirmed(app.db(), owner).await?;
    let opening = OpenBusiness {
        name: new.name.clone(),
        slug: new.slug.clone(),
        currency: new.currency.clone(),
        time_zone: new.time_zone.clone(),
        site_name: None,
        day_start: None,
        owner_name: None,
    };
    let tenant = identity::open_business(app, owner, &opening).await?;
    let password_link = identity::password_link(app, owner, true).await?;
    Ok(Created { tenant, owner, password_link })
}

impl Created {
    /// For programs.
    pub fn json(&self, new: &Create) -> Value {
        json!({ "tenant": self.tenant, "slug": new.slug, "owner": self.owner, "passwordLink": self.password_link })
    }

    /// For people.
    pub fn text(&self, new: &Create) -> String {
        let next = match &self.password_link {
            Some(link) => format!("{} chooses a password within 7 days, once `hearth serve` runs:\n  {link}", new.owner),
            None => format!("{} signs in with the password they have.", new.owner),
        };
        format!("{} ({}) is open. {next}", new.name, new.slug)
    }
}

/// A business as `hearth tenant list` says it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its currency.
    pub currency: String,
    /// Its time zone.
    pub time_zone: String,
    /// How many people are in it.
    pub members: i64,
    /// When it was opened.
    pub opened: At,
}

/// All businesses by their short names.
pub async fn list(db: &Db) -> Result<Vec<Listed>> {
    let mut system = db.system("cli.tenants").await?;
    Ok(sqlx::query_as!(
        Listed,
        r#"SELECT t.slug, t.name, t.currency, t.time_zone, t.created_at AS "opened: At",
            (SELECT count(*) FROM identity.member m WHERE m.tenant_id = t.id) AS "members!"
        FROM db.tenant t WHERE t.id <> $1 ORDER BY t.slug"#,
        PLATFORM.uuid()
    )
    .fetch_all(system.conn())
    .await?)
}

/// Businesses as a table.
pub fn table(all: &[Listed]) -> String {
    // A name may hold signs that would move a terminal's cursor.
    let plain = |text: &str| text.chars().filter(|sign| !sign.is_control()).take(40).collect::<String>();
    let heads = ["slug", "name", "currency", "time zone", "members", "opened"].map(str::to_owned);
    let row = |one: &Listed| {
        let opened = one.opened.to_string().split('T').next().unwrap_or_default().to_owned();
        [one.slug.clone(), plain(&one.name), one.currency.clone(), one.time_zone.clone(), one.members.to_string(), opened]
    };
    let rows: Vec<[String; 6]> = std::iter::once(heads).chain(all.iter().map(row)).collect();
    let widths: [usize; 6] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Whose first password is to be chosen by a new link.
#[derive(Args, Clone, Debug)]
pub struct Link {
    /// The business's short name.
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
    /// The address that its owner, or another member, signs in with.
    #[arg(long, value_name = "EMAIL")]
    pub owner: String,
}

/// A new link for a member who has no password yet; the older ones end.
pub async fn link(app: &App, asked: &Link) -> Result<String, Trouble> {
    let business = check::business(app.db(), &asked.tenant).await?;
    let email = asked.owner.trim().to_lowercase();
    let mut system = app.db().system("cli.link").await?;
    let account =
        sqlx::query_scalar!("SELECT account_id FROM identity.member WHERE tenant_id = $1 AND email = $2", business.id.uuid(), email)
            .fetch_optional(system.conn())
            .await
            .map_err(kernel::Error::from)?;
    drop(system);
    let Some(account) = account else {
        return Err(Trouble::new(format!("nobody in {} signs in with {email}", business.slug), "Give the address of a member."));
    };
    let link = identity::password_link(app, AccountId::new(account), true).await?;
    link.ok_or_else(|| {
        Trouble::new(format!("{email} has a password already, and a link never replaces one"), "They sign in with it, or reset it by mail.")
    })
}
