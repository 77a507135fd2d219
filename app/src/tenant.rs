//! `hearth tenant create`: opens a business from the command line.

use clap::Args;
use identity::OpenBusiness;
use kernel::{AccountId, Result, TenantId};
use serde_json::{Value, json};
use web::App;

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
    let password_link = identity::password_link(app, owner).await?;
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
