//! Passkeys (WebAuthn): keys that a device or a password manager holds and shows after it made sure of the person. One
//! counts as both factors. What a ceremony must be held against stays here, sealed, for five minutes, and is used once.

use db::{Activity, Db, System, activity};
use kernel::{AccountId, At, Change, Error, Op, PLATFORM, Result};
use post::letters;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::{Host, Url};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{App, Cx, Reply};
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{
        AuthenticationResult, Credential, DiscoverableAuthentication, Passkey as Key, PasskeyRegistration, PublicKeyCredential,
        RegisterPublicKeyCredential, WebauthnError,
    },
};

use crate::{
    account::Secret,
    business, letter,
    login::{self, Entering, Wanted},
    revocation::{self, Ended},
    secret::{Digested, Token},
    session, token,
};

/// Seconds for which a ceremony stands.
const STANDS: i64 = 5 * 60;
/// Passkeys of an account at most.
const MOST: usize = 20;

/// What a browser needs to make a passkey, or to show one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyCeremony {
    /// Comes back with what the browser made; 5 minutes, once.
    pub ceremony: String,
    /// The options of `navigator.credentials`, as JSON (`PublicKeyCredential.parseCreationOptionsFromJSON` and its like).
    #[schema(value_type = Object)]
    pub public_key: Value,
}

/// A passkey that a browser made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddPasskey {
    /// From the beginning.
    pub ceremony: Secret,
    /// What the person calls it: "My phone".
    #[serde(default)]
    pub name: String,
    /// `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// A passkey as a browser shows it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShownPasskey {
    /// From the beginning.
    pub ceremony: Secret,
    /// `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// Signs in by a passkey.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyLogin {
    /// From the beginning.
    pub ceremony: Secret,
    /// `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
    /// `tokens` (for programs, if not given) or `cookie` (for browsers).
    #[serde(default)]
    pub session: Wanted,
    /// The short name of the business to work for; the usual one if not given, or where one is no member of it.
    #[serde(default)]
    pub business: Option<String>,
}

/// One passkey of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<At>,
    /// Whether it may have been copied and signs nobody in any more.
    pub doubted: bool,
}

/// The passkeys of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Passkeys {
    /// The first one added first.
    pub rows: Vec<Passkey>,
}

/// What a ceremony is for.
#[derive(Clone, Copy)]
enum Kind {
    Register,
    Login,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
        }
    }
}

fn over() -> Error {
    Error::rule("passkey.over")
}

fn wrong() -> Error {
    Error::rule("passkey.wrong")
}

/// Browsers tie passkeys to a name: a public address that is a bare number has none.
pub(crate) fn possible(app: &App) -> bool {
    party(app).is_ok()
}

fn party(app: &App) -> Result<Webauthn> {
    let off = || Error::rule("passkey.off");
    let url: Url = app.settings().public_url.parse().map_err(|_| off())?;
    let Some(Host::Domain(host)) = url.host() else { return Err(off()) };
    let builder = WebauthnBuilder::new(host, &url).map_err(|_| off())?;
    builder.rp_name("Hearth").build().map_err(|_| off())
}

fn sealed_for(hash: &Digested) -> Vec<u8> {
    [b"ceremony:".as_slice(), hash].concat()
}

/// Keeps what a ceremony will be held against.
async fn keep(system: &mut System, db: &Db, kind: Kind, account: Option<AccountId>, state: &impl Serialize) -> Result<Token> {
    let (token, now) = (Token::new(db.source()), system.source().now());
    let state = serde_json::to_vec(state).map_err(|e| Error::Internal(e.to_string()))?;
    sqlx::query!(
        "INSERT INTO identity.ceremony (token_hash, kind, account_id, sealed, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &token.hash(),
        kind.name(),
        account.map(AccountId::uuid),
        db.vault().seal(&sealed_for(&token.hash()), &state)?,
        now,
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    Ok(token)
}

/// Takes a ceremony away, once, whatever comes of it; of several at once one gets it. One for an account is given to it alone.
async fn take<T: DeserializeOwned>(db: &Db, kind: Kind, account: Option<AccountId>, token: &Secret) -> Result<T> {
    let hash = Token::read(&token.0).ok_or_else(over)?.hash();
    let mut system = db.system("identity.passkey").await?;
    let now = system.source().now();
    let sealed = sqlx::query_scalar!(
        "DELETE FROM identity.ceremony WHERE token_hash = $1 AND kind = $2 AND account_id IS NOT DISTINCT FROM $3 AND expires_at > $4 RETURNING sealed",
        &hash,
        kind.name(),
        account.map(AccountId::uuid),
        now
    )
    .fetch_optional(system.conn())
    .await?;
    system.commit().await?;
    let state = db.vault().open(&sealed_for(&hash), &sealed.ok_or_else(over)?)?;
    serde_json::from_slice(&state).map_err(|e| Error::Internal(e.to_string()))
}

/// What came from the browser, as the library takes it.
fn read<T: DeserializeOwned>(credential: &Value) -> Result<T> {
    serde_json::from_value(credential.clone()).map_err(|_| wrong().at("credential"))
}

fn as_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::Internal(e.to_string()))
}

/// Begins to add a passkey to the signed-in account.
pub(crate) async fn begin_adding(cx: &Cx) -> Result<PasskeyCeremony> {
    token::recently_proved(cx).await?;
    let (db, account, party) = (cx.app.db(), cx.op.account()?, party(&cx.app)?);
    let mut system = db.system("identity.passkey").await?;
    let known = sqlx::query_scalar!("SELECT credential_id FROM identity.passkey WHERE account_id = $1", account.uuid())
        .fetch_all(system.conn())
        .await?;
    if known.len() >= MOST {
        return Err(Error::rule("passkey.many"));
    }
    let viewer = cx.viewer()?;
    let (options, state) = party
        .start_passkey_registration(account.uuid(), &viewer.email, &viewer.name, Some(known))
        .map_err(|e| Error::Internal(format!("passkey: {e}")))?;
    let mut public_key = as_json(&options.public_key)?;
    // Signing in names no account: the passkey itself must be found on the device.
    public_key["authenticatorSelection"]["residentKey"] = "required".into();
    public_key["authenticatorSelection"]["requireResidentKey"] = true.into();
    let token = keep(&mut system, db, Kind::Register, Some(account), &state).await?;
    system.commit().await?;
    Ok(PasskeyCeremony { ceremony: token.text(), public_key })
}

/// The name of a passkey as it was typed.
fn named(typed: &str) -> Result<String> {
    let name = typed.trim();
    match name.chars().count() {
        0 => Ok("Passkey".to_owned()),
        _ if name.chars().any(char::is_control) => Err(Error::field("name", "text.control")),
        1..=100 => Ok(name.to_owned()),
        _ => Err(Error::field("name", "text.too_long")),
    }
}

/// Adds a passkey; the other sessions end, and its owner is told.
pub(crate) async fn add(cx: &Cx, wanted: &AddPasskey) -> Result<Passkey> {
    let (db, account, party) = (cx.app.db(), cx.op.account()?, party(&cx.app)?);
    let name = named(&wanted.name)?;
    let state: PasskeyRegistration = take(db, Kind::Register, Some(account), &wanted.ceremony).await?;
    let made: RegisterPublicKeyCredential = read(&wanted.credential)?;
    let key = party.finish_passkey_registration(&made, &state).map_err(|e| refused(&e))?;
    let (credential_id, stored) = (key.cred_id().to_vec(), as_json(&key)?);
    let signs = i64::from(Credential::from(key).counter);
    let own = token::own_session(cx).await?;
    let mut system = db.system("identity.passkey").await?;
    let (id, now) = (system.source().uuid(), system.source().now());
    let added = sqlx::query!(
        "INSERT INTO identity.passkey (id, account_id, credential_id, credential, name, signs, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (credential_id) DO NOTHING",
        id,
        account.uuid(),
        credential_id,
        stored,
        name,
        signs,
        now
    )
    .execute(system.conn())
    .await?;
    if added.rows_affected() != 1 {
        return Err(Error::rule("passkey.exists"));
    }
    // Whoever just added it holds it: it is given in this session.
    session::second_given(&mut system, own).await?;
    revocation::end_sessions(&mut system, account, own, "a passkey was added").await?;
    revocation::of_platform(&mut system, Ended::Rights(account)).await?;
    note(cx, &mut system, account, "passkey.added", &json!({ "passkey": id, "name": name })).await?;
    letter::tell(cx, &mut system, account, |happened, base| letters::passkey_added(&name, happened, &format!("{base}/account/security")))
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(Passkey { id, name, created_at: now, used_at: None, doubted: false })
}

/// Why the library refuses goes to the log; whoever asks learns that it does.
fn refused(error: &WebauthnError) -> Error {
    tracing::info!(%error, "a passkey was refused");
    wrong()
}

async fn note(cx: &Cx, system: &mut System, account: AccountId, action: &'static str, after: &Value) -> Result<()> {
    let op = Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of(action, "account", account, after)).await
}

/// Begins a sign-in, or the proof of somebody signed in: nobody is named.
pub(crate) async fn begin_showing(cx: &Cx) -> Result<PasskeyCeremony> {
    let (db, party) = (cx.app.db(), party(&cx.app)?);
    let (options, state) = party.start_discoverable_authentication().map_err(|e| Error::Internal(format!("passkey: {e}")))?;
    let mut system = db.system("identity.passkey").await?;
    let token = keep(&mut system, db, Kind::Login, None, &state).await?;
    system.commit().await?;
    Ok(PasskeyCeremony { ceremony: token.text(), public_key: as_json(&options.public_key)? })
}

/// Whose passkey was shown, in the transaction that counted its use; the caller commits.
pub(crate) async fn shown(cx: &Cx, ceremony: &Secret, credential: &Value) -> Result<(System, AccountId)> {
    let (db, party) = (cx.app.db(), party(&cx.app)?);
    let state: DiscoverableAuthentication = take(db, Kind::Login, None, ceremony).await?;
    let made: PublicKeyCredential = read(credential)?;
    let (account, credential_id) = party.identify_discoverable_authentication(&made).map_err(|e| refused(&e))?;
    let account = AccountId::new(account);
    let mut system = db.system("identity.passkey").await?;
    let kept = sqlx::query!(
        "SELECT p.id, p.credential, p.doubted_at, a.locked_at FROM identity.passkey p JOIN identity.account a ON a.id = p.account_id
        WHERE p.credential_id = $1 AND p.account_id = $2",
        credential_id,
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(wrong)?;
    let mut key: Key = serde_json::from_value(kept.credential).map_err(|e| Error::Internal(e.to_string()))?;
    let result = match party.finish_discoverable_authentication_v2(&made, state, &key) {
        Ok(_) if kept.doubted_at.is_some() => return Err(Error::rule("passkey.doubted")),
        Ok(result) => result,
        Err(WebauthnError::CredentialPossibleCompromise) => return Err(doubt(cx, system, account, kept.id).await?),
        Err(error) => return Err(refused(&error)),
    };
    if kept.locked_at.is_some() {
        return Err(Error::rule("account.locked"));
    }
    key.update_credential(&result);
    if !count(&mut system, kept.id, &key, &result).await? {
        return Err(doubt(cx, system, account, kept.id).await?);
    }
    Ok((system, account))
}

/// Writes the use down. False where another use with the same count or a higher one was faster: there are two of it.
async fn count(system: &mut System, id: Uuid, key: &Key, result: &AuthenticationResult) -> Result<bool> {
    let now = system.source().now();
    let counted = sqlx::query!(
        "UPDATE identity.passkey SET signs = $2, credential = $3, used_at = $4 WHERE id = $1 AND doubted_at IS NULL AND (signs < $2 OR (signs = 0 AND $2 = 0))",
        id,
        i64::from(result.counter()),
        as_json(key)?,
        now
    )
    .execute(system.conn())
    .await?;
    Ok(counted.rows_affected() == 1)
}

/// A count that went back: the passkey may have been copied. It is marked, and its owner is told.
async fn doubt(cx: &Cx, mut system: System, account: AccountId, id: Uuid) -> Result<Error> {
    let now = system.source().now();
    let name =
        sqlx::query_scalar!("UPDATE identity.passkey SET doubted_at = $2 WHERE id = $1 AND doubted_at IS NULL RETURNING name", id, now)
            .fetch_optional(system.conn())
            .await?;
    if let Some(name) = name {
        revocation::of_platform(&mut system, Ended::Rights(account)).await?;
        note(cx, &mut system, account, "passkey.doubted", &json!({ "passkey": id, "name": name })).await?;
        letter::tell(cx, &mut system, account, |happened, base| {
            letters::passkey_doubted(&name, happened, &format!("{base}/account/security"))
        })
        .await?;
    }
    system.commit().await?;
    Ok(Error::rule("passkey.doubted"))
}

/// The passkeys of the signed-in account.
pub(crate) async fn all(cx: &Cx) -> Result<Passkeys> {
    let account = cx.op.account()?;
    let mut system = cx.app.db().system("identity.passkey").await?;
    let rows = sqlx::query_as!(
        Passkey,
        r#"SELECT id, name, created_at, used_at, doubted_at IS NOT NULL AS "doubted!" FROM identity.passkey WHERE account_id = $1
        ORDER BY created_at, id LIMIT 100"#,
        account.uuid()
    )
    .fetch_all(system.conn())
    .await?;
    Ok(Passkeys { rows })
}

/// Removes a passkey of somebody who proved lately who they are; the other sessions end, and its owner is told.
pub(crate) async fn remove(cx: &Cx, id: Uuid) -> Result<()> {
    let account = cx.op.account()?;
    token::recently_proved(cx).await?;
    let own = token::own_session(cx).await?;
    let mut system = cx.app.db().system("identity.passkey").await?;
    let name = sqlx::query_scalar!("DELETE FROM identity.passkey WHERE id = $1 AND account_id = $2 RETURNING name", id, account.uuid())
        .fetch_optional(system.conn())
        .await?
        .ok_or(Error::NotFound)?;
    revocation::end_sessions(&mut system, account, own, "a passkey was removed").await?;
    revocation::of_platform(&mut system, Ended::Rights(account)).await?;
    note(cx, &mut system, account, "passkey.removed", &json!({ "passkey": id, "name": name })).await?;
    letter::tell(cx, &mut system, account, |happened, base| letters::passkey_removed(&name, happened, &format!("{base}/account/security")))
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// Deletes ceremonies that nobody finished.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-STANDS);
    sqlx::query!("DELETE FROM identity.ceremony WHERE expires_at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// Ceremonies that are under way begin anew when the keys change.
pub(crate) async fn reseal(system: &mut System) -> Result<u64> {
    Ok(sqlx::query!("DELETE FROM identity.ceremony").execute(system.conn()).await?.rows_affected())
}

/// `POST /v1/auth/passkeys/register/begin`.
pub(crate) async fn post_begin_adding(cx: Cx) -> Result<Reply> {
    Reply::json(&begin_adding(&cx).await?)
}

/// `POST /v1/auth/passkeys/register/finish`.
pub(crate) async fn post_add(cx: Cx, wanted: AddPasskey) -> Result<Reply> {
    Reply::json(&add(&cx, &wanted).await?)
}

/// `POST /v1/auth/passkeys/login/begin`.
pub(crate) async fn post_begin_showing(cx: Cx) -> Result<Reply> {
    Reply::json(&begin_showing(&cx).await?)
}

/// `POST /v1/auth/passkeys/login/finish`. A passkey is both factors: something one has, and what opens it.
pub(crate) async fn post_login(cx: Cx, wanted: PasskeyLogin) -> Result<Reply> {
    let business = business::given(wanted.business.as_ref())?;
    let failed = || Activity::of(&cx.op, activity::SIGN_IN_FAILED, "account").detail(json!({ "how": "passkey" }));
    let shown = shown(&cx, &wanted.ceremony, &wanted.credential).await;
    let (system, account) = shown.inspect_err(|_| cx.app.db().note(failed()))?;
    login::enter(&cx, system, Entering { account, business, wanted: wanted.session, second: true, how: "passkey" }).await?.reply()
}

/// `DELETE /v1/auth/passkeys/{id}`.
pub(crate) async fn delete(cx: Cx) -> Result<Reply> {
    remove(&cx, cx.id("id")?).await?;
    Ok(Reply::empty())
}
