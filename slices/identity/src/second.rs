//! The second factor: codes by time (RFC 6238: SHA-1, 30 seconds, six digits, one step early or late), and ten recovery codes.

use db::{Db, System, activity};
use kernel::{AccountId, Change, Error, Op, PLATFORM, Result};
use maud::{Markup, html};
use post::letters;
use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Totp};
use utoipa::ToSchema;
use web::{Cx, Reply};
use zeroize::Zeroizing;

use crate::{
    account::{Accepted, Secret, usual_business},
    captcha,
    guess::{self, Counted},
    letter,
    login::{self, Entered, SecondAwaited, Wanted},
    revocation::{self, Ended},
    secret::{Digested, Token, digest, readable},
    session::{self, Proof},
    token,
};

/// Seconds between the password and the code.
const AWAITED: i64 = 5 * 60;
/// Seconds for which a secret that is being set up waits.
const SETUP: i64 = 15 * 60;
/// Bytes of a secret (RFC 4226 §4 recommends 160 bits).
const SECRET: usize = 20;
/// Recovery codes.
const CODES: usize = 10;
/// Signs of a recovery code, five bits each: 120 bits need no slow hash.
const CODE: usize = 24;

/// The second factor of a sign-in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifySecond {
    /// From the sign-in.
    pub mfa_token: Secret,
    /// Six digits.
    pub code: Secret,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
    /// `tokens` (for programs, if not given) or `cookie` (for browsers).
    #[serde(default)]
    pub session: Wanted,
}

/// A recovery code instead of the second factor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecoveryLogin {
    /// From the sign-in.
    pub mfa_token: Secret,
    /// One of the ten; it is spent.
    pub recovery_code: Secret,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
    /// `tokens` (for programs, if not given) or `cookie` (for browsers).
    #[serde(default)]
    pub session: Wanted,
}

/// A code, typed now.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Code {
    /// Six digits; to switch off, a recovery code serves too.
    pub code: Secret,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
}

/// A second factor that is being set up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// For typing: base32.
    pub secret: String,
    /// For programs that make codes.
    pub uri: String,
    /// The same as a QR code, SVG.
    pub qr: String,
}

/// Recovery codes, shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Ten; each signs in once instead of the second factor.
    pub recovery_codes: Vec<String>,
}

fn sealed_for(account: AccountId) -> Vec<u8> {
    format!("totp:{account}").into_bytes()
}

fn totp(secret: &[u8], email: &str) -> Result<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(secret.to_vec())
        .with_issuer(Some("Hearth"))
        .with_account_name(email)
        .build()
        .map_err(|e| Error::Internal(format!("totp: {e}")))
}

/// The step of a code, if it is one of the three that count now.
fn step(totp: &Totp, code: &str, db: &Db) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let now = u64::try_from(token::seconds(db.source().now())).ok()?;
    totp.check(&digits, now).and_then(|step| i64::try_from(step).ok())
}

/// After a right password: what awaits the code. `business` is the short name of the one whose sign-in page was used.
pub(crate) async fn ask(system: &mut System, account: AccountId, business: Option<&str>) -> Result<SecondAwaited> {
    let (token, now) = (Token::new(system.source()), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.challenge (token_hash, account_id, kind, created_at, expires_at, business) VALUES ($1, $2, 'second', $3, $4, $5)",
        &token.hash(),
        account.uuid(),
        now,
        now.plus_seconds(AWAITED),
        business
    )
    .execute(system.conn())
    .await?;
    Ok(SecondAwaited { mfa_required: true, mfa_token: token.text(), methods: vec!["totp", "recovery"] })
}

/// The account that a token awaits the second factor of.
async fn awaited(system: &mut System, token: &Secret) -> Result<(AccountId, Digested)> {
    let over = || Error::rule("second.over");
    let hash = Token::read(&token.0).ok_or_else(over)?.hash();
    let now = system.source().now();
    let account = sqlx::query_scalar!(
        "SELECT account_id FROM identity.challenge WHERE token_hash = $1 AND kind = 'second' AND spent_at IS NULL AND expires_at > $2",
        &hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    Ok((AccountId::new(account.ok_or_else(over)?), hash))
}

/// Where wrong guesses at an account's second factor are counted.
pub(crate) fn guess_key(account: AccountId) -> Digested {
    digest("second", &[account.uuid().as_bytes()])
}

/// Counts a guess at an account's second factor, and refuses it where it may not be checked. After so many wrong ones it needs
/// proof first that a person guesses; while it is shut that would be proof for nothing.
async fn counted(cx: &Cx, account: AccountId, proof: Option<&str>) -> Result<(Digested, Counted)> {
    let (db, key) = (cx.app.db(), guess_key(account));
    captcha::bounded(proof)?;
    if let Some(before) = doubted(cx, account).await? {
        before.refused(db.source().now(), "second.shut")?;
        captcha::before_second(cx, proof).await?;
    }
    let mut system = db.system("identity.second").await?;
    let counted = guess::count(&mut system, &key).await?;
    system.commit().await?;
    counted.refused(db.source().now(), "second.shut")?;
    Ok((key, counted))
}

/// How it stands with the guesses at an account's second factor, where the next one needs proof that a person guesses.
async fn doubted(cx: &Cx, account: AccountId) -> Result<Option<Counted>> {
    if cx.app.settings().captcha.is_none() {
        return Ok(None);
    }
    let mut system = cx.app.db().system("identity.second").await?;
    Ok(Some(guess::look(&mut system, &guess_key(account)).await?).filter(|counted| counted.doubtful()))
}

/// Whether the next guess needs proof: at the second factor that a token awaits, or at the signed-in account's.
pub(crate) async fn proof_wanted(cx: &Cx, mfa_token: Option<&Secret>) -> bool {
    let asked = async || {
        let account = match mfa_token {
            Some(token) => awaited(&mut cx.app.db().system("identity.second").await?, token).await?.0,
            None => cx.op.account()?,
        };
        Ok::<_, Error>(doubted(cx, account).await?.is_some())
    };
    // A token that awaits nothing any more is refused by the guess itself.
    cx.app.settings().captcha.is_some() && asked().await.unwrap_or(false)
}

/// Takes a code of an account, once: of several at once, and of all that show the same step, one wins.
async fn take_code(system: &mut System, db: &Db, account: AccountId, code: &Secret) -> Result<bool> {
    let row = sqlx::query!("SELECT email, totp_sealed FROM identity.account WHERE id = $1 AND totp_since IS NOT NULL", account.uuid())
        .fetch_optional(system.conn())
        .await?;
    let Some((email, Some(sealed))) = row.map(|r| (r.email, r.totp_sealed)) else { return Ok(false) };
    let secret = db.vault().open(&sealed_for(account), &sealed)?;
    let Some(step) = step(&totp(&secret, &email)?, &code.0, db) else { return Ok(false) };
    let taken = sqlx::query!(
        "UPDATE identity.account SET totp_step = $2 WHERE id = $1 AND totp_since IS NOT NULL AND coalesce(totp_step, -1) < $2",
        account.uuid(),
        step
    )
    .execute(system.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Spends a recovery code.
async fn take_recovery(system: &mut System, account: AccountId, code: &Secret) -> Result<bool> {
    let now = system.source().now();
    let spent = sqlx::query!(
        "UPDATE identity.recovery_code SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL",
        account.uuid(),
        &recovery_hash(account, &code.0),
        now
    )
    .execute(system.conn())
    .await?;
    Ok(spent.rows_affected() == 1)
}

fn recovery_hash(account: AccountId, code: &str) -> Digested {
    let plain: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
    digest("recovery code", &[account.uuid().as_bytes(), plain.as_bytes()])
}

/// A guess at the second factor of a sign-in.
pub(crate) struct Guess<'a> {
    pub mfa_token: &'a Secret,
    pub code: &'a Secret,
    /// Whether it is a recovery code.
    pub recovery: bool,
    pub captcha_token: Option<&'a str>,
}

/// Gives the second factor of a sign-in and begins the session.
pub(crate) async fn finish(cx: &Cx, guess: &Guess<'_>, wanted: Wanted) -> Result<Entered> {
    let &Guess { mfa_token, code, recovery, captcha_token } = guess;
    let db = cx.app.db();
    let mut system = db.system("identity.second").await?;
    let (account, challenge) = awaited(&mut system, mfa_token).await?;
    drop(system);
    let (key, counted) = counted(cx, account, captcha_token).await?;
    let how = if recovery { "recovery" } else { "totp" };
    let mut system = db.system("identity.second").await?;
    let right = if recovery { take_recovery(&mut system, account, code).await? } else { take_code(&mut system, db, account, code).await? };
    if !right {
        counted.note_wrong(cx, activity::SECOND_FACTOR_FAILED, Some(account), how);
        return Err(Error::rule("second.wrong").at(if recovery { "recoveryCode" } else { "code" }));
    }
    let now = system.source().now();
    let spent = sqlx::query!(
        "UPDATE identity.challenge SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL RETURNING provider, sealed, business",
        &challenge,
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(|| Error::rule("second.over"))?;
    guess::clear(&mut system, &[key]).await?;
    // Where an identity provider was the first factor, its session ends with this one.
    let tenant = usual_business(&mut system, account, spent.business.as_deref()).await?;
    let proof = Proof { provider: spent.provider.zip(spent.sealed), ..Proof::now(account, tenant, now, true) };
    login::enter_with(cx, system, &proof, wanted, how).await
}

/// Whether the signed-in account's code is right now; counted like at the sign-in.
pub(crate) async fn prove(cx: &Cx, wanted: &Code) -> Result<()> {
    let (db, account, code) = (cx.app.db(), cx.op.account()?, &wanted.code);
    let (key, counted) = counted(cx, account, wanted.captcha_token.as_deref()).await?;
    let mut system = db.system("identity.second").await?;
    if !take_code(&mut system, db, account, code).await? && !take_recovery(&mut system, account, code).await? {
        counted.note_wrong(cx, activity::SECOND_FACTOR_FAILED, Some(account), "totp");
        return Err(Error::rule("second.wrong").at("code"));
    }
    guess::clear(&mut system, &[key]).await?;
    system.commit().await
}

/// Whether an account has codes by time as its second factor.
pub(crate) async fn is_on(system: &mut System, account: AccountId) -> Result<bool> {
    let on = sqlx::query_scalar!(r#"SELECT totp_since IS NOT NULL AS "on!" FROM identity.account WHERE id = $1"#, account.uuid());
    Ok(on.fetch_one(system.conn()).await?)
}

/// A QR code as SVG, four modules of quiet around it.
pub(crate) fn qr(text: &str) -> Result<Markup> {
    let code = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium).map_err(|e| Error::Internal(format!("qr: {e}")))?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    let edge = format!("-4 -4 {0} {0}", size + 8);
    Ok(html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(edge) role="img" width="240" height="240" shape-rendering="crispEdges" {
            rect x="-4" y="-4" width="100%" height="100%" fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    })
}

/// Begins to set a second factor up, where none is yet.
pub(crate) async fn begin(cx: &Cx) -> Result<Setup> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    token::recently_proved(cx).await?;
    let mut system = db.system("identity.second").await?;
    if is_on(&mut system, account).await? {
        return Err(Error::rule("second.on"));
    }
    let secret: Zeroizing<[u8; SECRET]> = Zeroizing::new(db.source().bytes());
    let (token, now) = (Token::new(db.source()), system.source().now());
    sqlx::query!(
        "UPDATE identity.challenge SET spent_at = $2 WHERE account_id = $1 AND kind = 'totp' AND spent_at IS NULL",
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    sqlx::query!(
        "INSERT INTO identity.challenge (token_hash, account_id, kind, sealed, created_at, expires_at) VALUES ($1, $2, 'totp', $3, $4, $5)",
        &token.hash(),
        account.uuid(),
        db.vault().seal(&sealed_for(account), &*secret)?,
        now,
        now.plus_seconds(SETUP)
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    shown(&*secret, &cx.viewer()?.email)
}

fn shown(secret: &[u8], email: &str) -> Result<Setup> {
    let totp = totp(secret, email)?;
    let uri = totp.to_url().map_err(|e| Error::Internal(format!("totp: {e}")))?;
    Ok(Setup { secret: totp_rs::Secret::from(secret.to_vec()).to_base32(), qr: qr(&uri)?.into_string(), uri })
}

/// The set-up that waits for its first code, as it was begun: for a page that is loaded again.
pub(crate) async fn waiting(cx: &Cx) -> Result<Option<Setup>> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    let mut system = db.system("identity.second").await?;
    let sealed = pending(&mut system, account).await?;
    sealed.map(|sealed| shown(&db.vault().open(&sealed_for(account), &sealed)?, &cx.viewer()?.email)).transpose()
}

async fn pending(system: &mut System, account: AccountId) -> Result<Option<Vec<u8>>> {
    let now = system.source().now();
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM identity.challenge WHERE account_id = $1 AND kind = 'totp' AND spent_at IS NULL AND expires_at > $2
        ORDER BY created_at DESC LIMIT 1",
        account.uuid(),
        now
    );
    Ok(sealed.fetch_optional(system.conn()).await?.flatten())
}

/// Confirms the set-up by its first code; from now on it is asked for. The other sessions end.
pub(crate) async fn complete(cx: &Cx, wanted: &Code) -> Result<RecoveryCodes> {
    let (db, account) = (cx.app.db(), cx.op.account()?);
    let own = token::own_session(cx).await?;
    let (key, counted) = counted(cx, account, wanted.captcha_token.as_deref()).await?;
    let mut system = db.system("identity.second").await?;
    let sealed = pending(&mut system, account).await?.ok_or_else(|| Error::rule("second.over"))?;
    let secret = db.vault().open(&sealed_for(account), &sealed)?;
    let Some(step) = step(&totp(&secret, &cx.viewer()?.email)?, &wanted.code.0, db) else {
        counted.note_wrong(cx, activity::SECOND_FACTOR_FAILED, Some(account), "totp");
        return Err(Error::rule("second.wrong").at("code"));
    };
    let now = system.source().now();
    let set = sqlx::query!(
        "WITH spent AS (UPDATE identity.challenge SET spent_at = $2 WHERE account_id = $1 AND kind = 'totp' AND spent_at IS NULL RETURNING account_id)
        UPDATE identity.account SET totp_sealed = $3, totp_since = $2, totp_step = $4
        WHERE id = $1 AND totp_since IS NULL AND EXISTS (SELECT 1 FROM spent)",
        account.uuid(),
        now,
        sealed,
        step
    )
    .execute(system.conn())
    .await?;
    if set.rows_affected() != 1 {
        return Err(Error::rule("second.on"));
    }
    let codes = make_codes(&mut system, account).await?;
    guess::clear(&mut system, &[key]).await?;
    revocation::end_sessions(&mut system, account, own, "a second factor was set up").await?;
    session::second_given(&mut system, own).await?;
    revocation::of_platform(&mut system, Ended::Rights(account)).await?;
    note(cx, &mut system, account, "second.on").await?;
    letter::tell(cx, &mut system, account, |happened, base| letters::second_factor_on(happened, &format!("{base}/account/security")))
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(codes)
}

async fn note(cx: &Cx, system: &mut System, account: AccountId, action: &'static str) -> Result<()> {
    let op = Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of(action, "account", account, &serde_json::json!({}))).await
}

/// Ten new recovery codes; the old ones end.
async fn make_codes(system: &mut System, account: AccountId) -> Result<RecoveryCodes> {
    let source = system.source().clone();
    let codes: Vec<String> = (0..CODES).map(|_| readable::<CODE>(&source)).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| recovery_hash(account, code).to_vec()).collect();
    sqlx::query!("DELETE FROM identity.recovery_code WHERE account_id = $1", account.uuid()).execute(system.conn()).await?;
    sqlx::query!(
        "INSERT INTO identity.recovery_code (account_id, code_hash) SELECT $1, u FROM unnest($2::bytea[]) u",
        account.uuid(),
        &hashes
    )
    .execute(system.conn())
    .await?;
    Ok(RecoveryCodes { recovery_codes: codes })
}

/// Makes the recovery codes anew.
pub(crate) async fn rotate_codes(cx: &Cx) -> Result<RecoveryCodes> {
    let account = cx.op.account()?;
    token::recently_proved(cx).await?;
    let mut system = cx.app.db().system("identity.second").await?;
    if !is_on(&mut system, account).await? {
        return Err(Error::rule("second.off"));
    }
    let codes = make_codes(&mut system, account).await?;
    note(cx, &mut system, account, "recovery.renewed").await?;
    system.commit().await?;
    Ok(codes)
}

/// Switches the second factor off, with a code of it; the other sessions end.
pub(crate) async fn disable(cx: &Cx, wanted: &Code) -> Result<()> {
    let account = cx.op.account()?;
    let mut system = cx.app.db().system("identity.second").await?;
    if !is_on(&mut system, account).await? {
        return Err(Error::rule("second.off"));
    }
    drop(system);
    prove(cx, wanted).await?;
    let own = token::own_session(cx).await?;
    let mut system = cx.app.db().system("identity.second").await?;
    take_away(&mut system, account).await?;
    revocation::end_sessions(&mut system, account, own, "the second factor was switched off").await?;
    note(cx, &mut system, account, "second.off").await?;
    letter::tell(cx, &mut system, account, |happened, base| letters::second_factor_off(happened, &format!("{base}/account/security")))
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// Takes the second factor and its recovery codes away; of whom one is demanded sets up another before anything else.
pub(crate) async fn take_away(system: &mut System, account: AccountId) -> Result<()> {
    revocation::of_platform(system, Ended::Rights(account)).await?;
    sqlx::query!("UPDATE identity.account SET totp_sealed = NULL, totp_since = NULL, totp_step = NULL WHERE id = $1", account.uuid())
        .execute(system.conn())
        .await?;
    sqlx::query!("DELETE FROM identity.recovery_code WHERE account_id = $1", account.uuid()).execute(system.conn()).await?;
    // What was guessed at is gone.
    guess::clear(system, &[guess_key(account)]).await
}

/// Deletes what nobody finished.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-3600);
    sqlx::query!("DELETE FROM identity.challenge WHERE expires_at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// Seals every secret anew with the ring's last key; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    // A set-up that waits for its first code is begun anew.
    sqlx::query!("DELETE FROM identity.challenge WHERE sealed IS NOT NULL").execute(system.conn()).await?;
    let rows = sqlx::query!(r#"SELECT id, totp_sealed AS "sealed!" FROM identity.account WHERE totp_sealed IS NOT NULL FOR UPDATE"#)
        .fetch_all(system.conn())
        .await?;
    let (mut ids, mut sealed) = (Vec::new(), Vec::new());
    for row in rows {
        let about = sealed_for(AccountId::new(row.id));
        sealed.push(db.vault().seal(&about, &db.vault().open(&about, &row.sealed)?)?);
        ids.push(row.id);
    }
    let done = sqlx::query!(
        "UPDATE identity.account a SET totp_sealed = u.sealed FROM unnest($1::uuid[], $2::bytea[]) AS u (id, sealed) WHERE a.id = u.id",
        &ids,
        &sealed
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected())
}

/// The answer to a guess; after too many wrong ones it asks for proof that a person guesses.
async fn guessed(cx: &Cx, guess: &Guess<'_>, wanted: Wanted) -> Result<Reply> {
    match finish(cx, guess, wanted).await {
        Ok(entered) => entered.reply(),
        Err(error) => captcha::refusal(cx, error, proof_wanted(cx, Some(guess.mfa_token)).await),
    }
}

/// `POST /v1/auth/2fa/verify`.
pub(crate) async fn post_verify(cx: Cx, wanted: VerifySecond) -> Result<Reply> {
    let VerifySecond { mfa_token, code, captcha_token, session } = &wanted;
    let guess = Guess { mfa_token, code, recovery: false, captcha_token: captcha_token.as_deref() };
    guessed(&cx, &guess, *session).await
}

/// `POST /v1/auth/recovery-login`.
pub(crate) async fn post_recovery(cx: Cx, wanted: RecoveryLogin) -> Result<Reply> {
    let RecoveryLogin { mfa_token, recovery_code, captcha_token, session } = &wanted;
    let guess = Guess { mfa_token, code: recovery_code, recovery: true, captcha_token: captcha_token.as_deref() };
    guessed(&cx, &guess, *session).await
}

/// `POST /v1/auth/2fa/enable-complete`.
pub(crate) async fn post_complete(cx: Cx, wanted: Code) -> Result<Reply> {
    match complete(&cx, &wanted).await {
        Ok(codes) => Reply::json(&codes),
        Err(error) => captcha::refusal(&cx, error, proof_wanted(&cx, None).await),
    }
}

/// `POST /v1/auth/2fa/disable`.
pub(crate) async fn post_disable(cx: Cx, wanted: Code) -> Result<Reply> {
    match disable(&cx, &wanted).await {
        Ok(()) => Reply::json(&Accepted { accepted: true }),
        Err(error) => captcha::refusal(&cx, error, proof_wanted(&cx, None).await),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::totp;

    fn vectors(text: &str) -> Vec<Value> {
        let read: Value = serde_json::from_str(text).unwrap();
        read["vectors"].as_array().unwrap().clone()
    }

    #[test]
    fn codes_are_those_of_rfc_4226_and_rfc_6238() {
        let made = totp(b"12345678901234567890", "ada@example.com").unwrap();
        let by_counter = vectors(include_str!("../tests/data/hotp_rfc4226_appendix_d.json"));
        for vector in &by_counter {
            let (counter, code) = (vector["counter"].as_u64().unwrap(), vector["otp"].as_str().unwrap());
            assert_eq!(made.generate(counter * 30).to_string(), code, "{counter}");
            assert_eq!(made.check(code, counter * 30 + 29), Some(counter));
        }
        let by_time = vectors(include_str!("../tests/data/totp_rfc6238_appendix_b.json"));
        let ours: Vec<&Value> = by_time.iter().filter(|vector| vector["algorithm"] == "SHA1").collect();
        for vector in &ours {
            let (time, code) = (vector["unix_time"].as_u64().unwrap(), vector["totp"].as_str().unwrap());
            assert_eq!(made.generate(time).to_string(), code[2..], "{time}");
            assert_eq!(made.check(&code[2..], time).map(|step| format!("{step:016X}")).as_deref(), vector["t_hex"].as_str());
        }
        assert_eq!((by_counter.len(), ours.len()), (10, 6));
    }
}
