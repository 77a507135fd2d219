//! Letters of the account plane. What a stranger asks for by an address is only written down, the same way whether or not
//! there is such an account; a job finds out and writes the letter. So neither answer nor its time tells which addresses are known.

use db::{Db, System};
use futures::future::BoxFuture;
use kernel::{AccountId, At, Error, Job, Op, PLATFORM, Result};
use post::{Address, Brand, Content, letters};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::{App, Cx};

use crate::{brand, business::given, client::Client, register, reset};

/// The job that writes what was wished for.
pub(crate) const JOB: &str = "identity.letter";

/// A letter that somebody asked for by an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Wish {
    /// To confirm the address of a registration.
    Verify { registration: uuid::Uuid },
    /// To confirm the address of the last registration of it.
    VerifyAgain { email: String },
    /// To choose a new password.
    Reset { email: String },
    /// Too many wrong guesses shut the sign-in.
    Locked { email: String, until: At, device: String, place: String },
}

/// Where a letter was asked for: its links lead back there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The configured public address.
    pub base: String,
    /// Whether codes can go to telephones.
    #[serde(default)]
    pub texts: bool,
    /// The short name of the business whose sign-in page it was.
    #[serde(default)]
    business: Option<String>,
}

impl Origin {
    /// The installation's own pages.
    pub fn own(cx: &Cx) -> Self {
        Self { base: base(cx), texts: cx.app.settings().texts.is_some(), business: None }
    }

    /// The pages of the business of this short name, if that is one.
    pub fn of(cx: &Cx, business: Option<&String>) -> Result<Self> {
        Ok(Self { business: given(business)?.map(str::to_owned), ..Self::own(cx) })
    }

    /// A link to a page with a token.
    pub fn link(&self, page: &str, token: &str) -> String {
        let business = self.business.as_ref().map_or_else(String::new, |slug| format!("&business={slug}"));
        format!("{}{page}?token={token}{business}", self.base)
    }

    /// A link to the sign-in.
    pub fn sign_in(&self) -> String {
        let business = self.business.as_ref().map_or_else(String::new, |slug| format!("/{slug}"));
        format!("{}/login{business}", self.base)
    }

    /// Queues a letter in the look of the page that it was asked for from, or else of the account's only business.
    pub async fn send(&self, system: &mut System, db: &Db, account: Option<AccountId>, to: &str, content: Content) -> Result<()> {
        match brand::of_sign_in(system, self.business.as_deref(), account).await? {
            Some(look) => send_as(system, db, account, to, look.letter(&self.base), content).await,
            None => send(system, db, Some(&self.base), account, to, content).await,
        }
    }
}

/// A wish with where its links lead.
#[derive(Serialize, Deserialize)]
struct Payload {
    /// Its own, so that a job that comes twice writes once.
    id: uuid::Uuid,
    #[serde(flatten)]
    origin: Origin,
    wish: Wish,
}

/// Writes a wish down in the transaction.
pub(crate) async fn wish(system: &mut System, origin: Origin, wish: Wish) -> Result<()> {
    let payload = Payload { id: system.source().uuid(), origin, wish };
    let payload = serde_json::to_value(payload).map_err(|e| Error::Internal(e.to_string()))?;
    let run_at = system.source().now();
    system.queue(PLATFORM, &Job { name: JOB, payload, run_at }).await
}

/// The configured public address, without a slash at its end. No header of a request has a say in it.
pub(crate) fn base(cx: &Cx) -> String {
    base_of(&cx.app)
}

/// The same outside of a request.
pub(crate) fn base_of(app: &App) -> String {
    app.settings().public_url.trim_end_matches('/').to_owned()
}

/// Does what was wished for.
pub(crate) fn run(db: Db, _: Op, payload: Value) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let Payload { id, origin, wish } = serde_json::from_value(payload).map_err(|e| Error::Internal(e.to_string()))?;
        let mut system = db.system("identity.letter").await?;
        let now = system.source().now();
        // In the letter's own transaction: whoever comes second waits here for the first, and finds it done.
        let first = sqlx::query!("INSERT INTO identity.wish (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", id, now)
            .execute(system.conn())
            .await?;
        if first.rows_affected() == 0 {
            return Ok(());
        }
        match wish {
            Wish::Verify { registration } => register::write(&mut system, &db, &origin, registration).await?,
            Wish::VerifyAgain { email } => register::write_again(&mut system, &db, &origin, &email).await?,
            Wish::Reset { email } => reset::write(&mut system, &db, &origin, &email).await?,
            Wish::Locked { email, until, device, place } => {
                if let Some(account) = account_of(&mut system, &email).await? {
                    let happened = letters::Happened { device: &device, place: &place, at: system.source().now() };
                    let content = letters::locked(until, &happened, &format!("{}/forgot-password", origin.base));
                    send(&mut system, &db, Some(&origin.base), Some(account), &email, content).await?;
                }
            }
        }
        system.commit().await
    })
}

/// Forgets which letters were written, once their jobs are long gone.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-7 * 24 * 3600);
    sqlx::query!("DELETE FROM identity.wish WHERE at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// The account of an address.
pub(crate) async fn account_of(system: &mut System, email: &str) -> Result<Option<AccountId>> {
    let id = sqlx::query_scalar!("SELECT id FROM identity.account WHERE email = $1", email).fetch_optional(system.conn()).await?;
    Ok(id.map(AccountId::new))
}

/// Queues a letter in the transaction, in the look of the only business that the account works for, and in the installation's where
/// that is none or several. `base` is the public address; a job that does not know it sends no logo.
pub(crate) async fn send(
    system: &mut System,
    db: &Db,
    base: Option<&str>,
    account: Option<AccountId>,
    to: &str,
    content: Content,
) -> Result<()> {
    let look = match account {
        Some(account) => brand::of_only_business(system, account).await?,
        None => None,
    };
    let brand = look.map_or_else(Brand::hearth, |look| look.letter(base.unwrap_or_default()));
    send_as(system, db, account, to, brand, content).await
}

async fn send_as(system: &mut System, db: &Db, account: Option<AccountId>, to: &str, brand: Brand, content: Content) -> Result<()> {
    let letter = post::Letter { tenant: PLATFORM, account, to: Address::new(to)?, brand, content };
    let source = system.source().clone();
    post::queue(system.conn(), db.vault(), &source, &letter).await?;
    Ok(())
}

/// Tells an account's owner what happened to the account, from where, in the transaction in which it happens.
pub(crate) async fn tell(
    cx: &Cx,
    system: &mut System,
    account: AccountId,
    say: impl Fn(&letters::Happened<'_>, &str) -> Content,
) -> Result<()> {
    let client = Client::of(&cx.headers, cx.op.address);
    let place = client.address.map_or_else(String::new, |address| address.to_string());
    let happened = letters::Happened { device: &client.device, place: &place, at: system.source().now() };
    let base = base(cx);
    let content = say(&happened, &base);
    let email = sqlx::query_scalar!("SELECT email FROM identity.account WHERE id = $1", account.uuid()).fetch_one(system.conn()).await?;
    send(system, cx.app.db(), Some(&base), Some(account), &email, content).await
}
