//! Businesses and people, made by the same functions as real ones; only passwords are left out, for they cost time.

use std::sync::atomic::{AtomicU32, Ordering};

use identity::OpenBusiness;
use kernel::{AccountId, Role, SiteId, TenantId};
use serde_json::json;
use web::App;

use crate::Person;

/// The cookie of a browser's session.
const COOKIE: &str = "__Host-hearth";

pub(crate) struct Business {
    pub tenant: TenantId,
    pub slug: String,
    pub site: SiteId,
    pub owner: Person,
}

/// A word that nobody else uses, in this or another process.
fn fresh(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let random = u64::from_le_bytes(kernel::Source::real().bytes());
    format!("{what}-{random:016x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Opens a fresh business; `owner` is signed in to it.
pub(crate) async fn open_business(app: &App, owner: Person) -> Business {
    let (slug, email) = (fresh("bakery"), format!("{}@example.com", fresh("owner")));
    let account = identity::account_for(app.db(), &email).await.unwrap();
    confirm(app, account).await;
    let new = OpenBusiness {
        name: "Hill Bakery".into(),
        slug: slug.clone(),
        currency: "GBP".into(),
        time_zone: "Europe/London".into(),
        site_name: None,
        day_start: None,
        owner_name: None,
    };
    let tenant = identity::open_business(app, account, &new).await.unwrap();
    let owner = sign_in(app, owner, account, &email, tenant).await;
    let sites = owner.get("/v1/sites").await.ok().json();
    let site = sites["rows"][0]["id"].as_str().unwrap().parse().unwrap();
    Business { tenant, slug, site, owner }
}

/// As if the owner of an address had followed the link of a letter.
async fn confirm(app: &App, account: AccountId) {
    let mut system = app.db().system("story.confirm").await.unwrap();
    let sql = "UPDATE identity.account SET verified_at = created_at WHERE id = $1";
    sqlx::query(sql).bind(account.uuid()).execute(system.conn()).await.unwrap();
    system.commit().await.unwrap();
}

/// A new member, invited by the owner.
pub(crate) async fn add_member(app: &App, owner: &Person, stranger: Person, tenant: TenantId, roles: &[Role]) -> Person {
    let email = format!("{}@example.com", fresh("member"));
    owner.post("/v1/team/members", &json!({ "email": email, "name": "Ada", "roles": roles })).await.ok();
    let account = identity::account_for(app.db(), &email).await.unwrap();
    sign_in(app, stranger, account, &email, tenant).await
}

/// A new session for somebody whose old one may be over: their story has a longer day than a person's.
pub(crate) async fn sign_in_again(app: &App, person: &Person, tenant: TenantId) {
    let (cookie, csrf) = identity::session_for(app.db(), person.account.unwrap(), Some(tenant)).await.unwrap();
    person.keep_cookie(COOKIE, &cookie);
    person.keep_csrf(&csrf);
}

async fn sign_in(app: &App, mut person: Person, account: AccountId, email: &str, tenant: TenantId) -> Person {
    person.account = Some(account);
    email.clone_into(&mut person.email);
    sign_in_again(app, &person, tenant).await;
    person
}
