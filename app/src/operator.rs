//! What whoever runs the installation does from the command line: `hearth admin`, `hearth users`, `hearth keys`. It needs no
//! mail server and no page, and enters the platform's log like the pages do.

use std::io::Write;

use clap::{Args, Subcommand};
use identity::Act;
use kernel::{Op, PLATFORM, Source};
use serde_json::{Value, json};
use web::App;

use crate::Trouble;

/// Administrators.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an administrator of the installation; prints a link by which the password is chosen, 15 minutes, once.
    #[command(after_help = "Example:\n  hearth admin create ada@example.com")]
    Create(Whom),
    /// Let somebody back in who lost password or mail; prints a link by which the password is chosen, 15 minutes, once.
    ///
    /// The second factor stays: `hearth users reset-2fa` takes it away.
    #[command(after_help = "Example:\n  hearth admin recover ada@example.com")]
    Recover(Whom),
}

/// An account.
#[derive(Args, Debug)]
pub struct Whom {
    /// The address that the account signs in with.
    #[arg(value_name = "EMAIL")]
    pub email: String,
}

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Lock an account: nobody signs in to it, and its sessions end on every node within a second.
    #[command(after_help = "Example:\n  hearth users lock ada@example.com --reason 'left the company'")]
    Lock {
        /// Which.
        #[command(flatten)]
        whom: Whom,
        /// Why; it enters the log.
        #[arg(long)]
        reason: String,
        /// Even where a business then has no owner who can sign in.
        #[arg(long)]
        even_last_owner: bool,
    },
    /// Unlock an account, and forget the wrong guesses at it.
    #[command(after_help = "Example:\n  hearth users unlock ada@example.com --reason 'came back'")]
    Unlock(Because),
    /// End every session of an account, or of everybody; felt on every node within a second. Keys for programs go on.
    #[command(
        after_help = "Examples:\n  hearth users sign-out ada@example.com --reason 'phone stolen'\n  hearth users sign-out --all --reason 'a backup leaked'"
    )]
    SignOut(SignOut),
    /// Print everything that is kept of a person, as JSON, for whoever asks for their data. It holds no secret.
    #[command(after_help = "Example:\n  hearth users export ada@example.com > ada.json")]
    Export(Whom),
    /// Delete an account at once, without the 14 days of grace; it can't be undone, and nobody is told by mail.
    ///
    /// Name, address, profile, ways to sign in and letters go. What was done for a business stays with it, under "Former member".
    #[command(after_help = "Example:\n  hearth users erase ada@example.com --yes --reason 'asked by letter of 3 May'")]
    Erase {
        /// Which, and why.
        #[command(flatten)]
        because: Because,
        /// It is meant.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Take the second factor of an account away; its sessions end.
    #[command(name = "reset-2fa", after_help = "Example:\n  hearth users reset-2fa ada@example.com --reason 'lost phone, seen in person'")]
    ResetSecond(Because),
}

/// Whose sessions end, and why.
#[derive(Args, Debug)]
pub struct SignOut {
    /// The address that the account signs in with.
    #[arg(value_name = "EMAIL", required_unless_present = "all", conflicts_with = "all")]
    pub email: Option<String>,
    /// Everybody's.
    #[arg(long)]
    pub all: bool,
    /// Why; it enters the log.
    #[arg(long)]
    pub reason: String,
}

/// An account, and why something is done to it.
#[derive(Args, Debug)]
pub struct Because {
    /// Which.
    #[command(flatten)]
    pub whom: Whom,
    /// Why; it enters the log.
    #[arg(long)]
    pub reason: String,
}

/// Keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Print a new key for HEARTH_ENCRYPTION_KEYS. Nothing is changed.
    #[command(after_help = "Example:\n  hearth keys new")]
    New,
    /// Change the keys while the program serves.
    ///
    /// --signing makes the next key of access tokens: published now, it signs after an hour, and the old one ends after its last token.
    /// --encryption seals every secret in the database anew with the newest key; one of the key file is made first.
    #[command(after_help = "Examples:\n  hearth keys rotate --signing\n  hearth keys rotate --encryption")]
    Rotate(Rotate),
}

/// Which keys.
#[derive(Args, Debug)]
#[group(required = true, multiple = true, args = ["signing", "encryption"])]
pub struct Rotate {
    /// The keys that sign access tokens.
    #[arg(long)]
    pub signing: bool,
    /// The keys that seal secrets in the database.
    #[arg(long)]
    pub encryption: bool,
    /// With --signing, when a key leaked: every other signing key ends now, and the tokens that it signed with it.
    #[arg(long, requires = "signing")]
    pub at_once: bool,
}

/// What was done, for people and for programs.
pub struct Done {
    /// One line each.
    pub lines: Vec<String>,
    /// The same as JSON.
    pub json: Value,
}

fn op(source: &Source, name: &'static str) -> Op {
    Op::program(source, name, Some(PLATFORM))
}

fn unknown(email: &str) -> impl FnOnce(kernel::Error) -> Trouble + '_ {
    move |error| match error {
        kernel::Error::NotFound => {
            Trouble::new(format!("no account signs in as {email}"), "See that the address is written as it was registered.")
        }
        other => other.into(),
    }
}

/// Makes an administrator, or lets one back in.
pub async fn admin(app: &App, command: &AdminCommand) -> Result<Done, Trouble> {
    let (db, (whom, made)) = (
        app.db(),
        match command {
            AdminCommand::Create(whom) => (whom, true),
            AdminCommand::Recover(whom) => (whom, false),
        },
    );
    let op = op(db.source(), if made { "cli:admin create" } else { "cli:admin recover" });
    let account = if made {
        identity::make_admin(db, &op, &whom.email).await?
    } else {
        identity::find(db, &whom.email).await.map_err(unknown(&whom.email))?
    };
    let link = identity::recovery_link(app, &op, account).await?;
    let said = if made { "administers this installation" } else { "can choose a new password" };
    let lines = vec![format!("{} {said}. Within 15 minutes, once:", whom.email), format!("  {link}")];
    Ok(Done { lines, json: json!({ "account": account, "email": whom.email, "link": link }) })
}

/// Acts on an account.
pub async fn users(app: &App, command: &UsersCommand) -> Result<Done, Trouble> {
    let (email, reason, act, said, name) = match command {
        UsersCommand::Lock { whom, reason, even_last_owner } => {
            (&whom.email, reason, Act::Lock { even_last_owner: *even_last_owner }, "is locked; its sessions ended", "cli:users lock")
        }
        UsersCommand::Unlock(because) => (&because.whom.email, &because.reason, Act::Unlock, "is unlocked", "cli:users unlock"),
        UsersCommand::SignOut(SignOut { all: true, reason, .. }) => return everybody_out(app, reason).await,
        UsersCommand::SignOut(SignOut { email: None, .. }) => {
            return Err(Trouble::usage("nobody is named", "Name an account, or say --all."));
        }
        UsersCommand::SignOut(SignOut { email: Some(email), reason, .. }) => {
            (email, reason, Act::SignOut, "is signed out everywhere", "cli:users sign-out")
        }
        UsersCommand::Export(whom) => return export(app, whom).await,
        UsersCommand::Erase { because, .. } => return erase(app, because).await,
        UsersCommand::ResetSecond(because) => (
            &because.whom.email,
            &because.reason,
            Act::ResetSecond,
            "has no second factor any more; its sessions ended",
            "cli:users reset-2fa",
        ),
    };
    let db = app.db();
    let account = identity::find(db, email).await.map_err(unknown(email))?;
    identity::act(app, &op(db.source(), name), account, act, reason).await?;
    Ok(Done { lines: vec![format!("{email} {said}.")], json: json!({ "account": account, "email": email, "done": said }) })
}

async fn everybody_out(app: &App, reason: &str) -> Result<Done, Trouble> {
    let db = app.db();
    let ended = identity::sign_everybody_out(db, &op(db.source(), "cli:users sign-out"), reason).await?;
    Ok(Done { lines: vec![format!("{ended} sessions ended; everybody signs in again.")], json: json!({ "ended": ended }) })
}

/// Prints while it reads; there is nothing more to say.
async fn export(app: &App, whom: &Whom) -> Result<Done, Trouble> {
    let db = app.db();
    let account = identity::find(db, &whom.email).await.map_err(unknown(&whom.email))?;
    let mut pieces = identity::export_account(db, &op(db.source(), "cli:users export"), account).await?;
    let mut out = std::io::stdout().lock();
    while let Some(piece) = pieces.recv().await {
        out.write_all(&piece?)?;
    }
    out.flush()?;
    Ok(Done { lines: Vec::new(), json: Value::Null })
}

async fn erase(app: &App, because: &Because) -> Result<Done, Trouble> {
    let (db, email) = (app.db(), &because.whom.email);
    let account = identity::find(db, email).await.map_err(unknown(email))?;
    identity::erase_now(db, &op(db.source(), "cli:users erase"), account, &because.reason).await?;
    let lines =
        vec![format!("{email} is deleted, and kept nowhere. No letter tells it."), format!("The log knows the account as {account}.")];
    Ok(Done { lines, json: json!({ "account": account, "done": "deleted" }) })
}

/// A new key, as a line of the configuration.
pub fn new_key() -> Done {
    let line = vault::new_line(&Source::real());
    Done { lines: vec![line.trim().to_owned()], json: json!({ "key": line.trim() }) }
}

/// Changes keys under load: no request fails by it.
pub async fn rotate(app: &App, asked: &Rotate) -> Result<Done, Trouble> {
    let (mut lines, mut told) = (Vec::new(), serde_json::Map::new());
    if asked.signing {
        let (kid, from) = identity::rotate_signing(app.db(), asked.at_once).await?;
        lines.push(format!("The signing key {kid} is published; it signs from {from} on."));
        told.insert("signing".into(), json!({ "kid": kid, "signsFrom": from }));
    }
    if asked.encryption {
        let db = app.db();
        let vault = db.vault();
        if vault.file().is_some() {
            vault.add(db.source())?;
            // Until every program that shares the file seals with it, old seals would come after the new ones.
            tokio::time::sleep(vault::SPREAD).await;
        } else if vault.ids().len() < 2 {
            let mend = "Put a second one behind it (`hearth keys new` prints one), restart every node, and run this again.";
            return Err(Trouble::new("HEARTH_ENCRYPTION_KEYS holds one key only", mend));
        }
        let sealed = identity::reseal(db).await? + post::reseal(db).await? + db.reseal_trail_keys().await?;
        let key = vault.sealing();
        if vault.file().is_some() {
            vault.forget_old()?;
        }
        lines.push(format!("{sealed} secrets are sealed with the key {key}."));
        if vault.file().is_none() {
            lines.push("Take the older keys out of HEARTH_ENCRYPTION_KEYS at the next restart.".into());
        }
        told.insert("encryption".into(), json!({ "key": key, "sealed": sealed }));
    }
    Ok(Done { lines, json: Value::Object(told) })
}
