//! Everything that is kept of a person, as one JSON document that is written while it is read: memory holds a few rows, whatever there
//! is. It holds no secret (no password, no key, no digest of one), and of what others did or are only that it concerns them.

use axum::{body::Body, http::header};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use db::{Db, System};
use futures::{Stream, StreamExt};
use kernel::{AccountId, Change, Error, Op, PLATFORM, Result, TenantId};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use web::{Cx, Reply};

use crate::{letter, profile, token};

/// What becomes of a table in which an account, or its address, can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is told under this name.
    Told(&'static str),
    /// It is left out, for this reason.
    Left(&'static str),
}

/// Every table in which an account or an address can stand. A story holds it against the catalogue of the database.
pub const KEPT: &[(&str, Kept)] = &[
    ("identity.account", Kept::Told("account")),
    ("identity.session", Kept::Told("sessions")),
    ("identity.known_device", Kept::Told("knownDevices")),
    ("identity.passkey", Kept::Told("passkeys")),
    ("identity.identity", Kept::Told("providers")),
    ("identity.registration", Kept::Told("registrations")),
    ("identity.member", Kept::Told("businesses")),
    ("identity.pin", Kept::Told("businesses")),
    ("identity.device", Kept::Left("the business's device; that they are on it their session tells")),
    ("identity.profile", Kept::Told("businesses")),
    ("identity.photo", Kept::Told("businesses")),
    ("identity.profile_past", Kept::Told("formerNationalIds")),
    ("identity.invitation", Kept::Told("invitations")),
    ("identity.api_key", Kept::Told("apiKeys")),
    ("identity.consent", Kept::Told("consents")),
    ("identity.assistance", Kept::Told("assistances")),
    ("post.letter", Kept::Told("letters")),
    ("db.activity", Kept::Told("activity")),
    ("db.log", Kept::Told("trail")),
    ("db.log_inbox", Kept::Told("trail")),
    ("db.personal", Kept::Told("personal")),
    ("identity.password_link", Kept::Left("the digest of a link that was sent")),
    ("identity.reset", Kept::Left("the digests of a link and a code that were sent")),
    ("identity.phone_code", Kept::Left("the digest of a code that is awaited, for minutes")),
    ("identity.challenge", Kept::Left("the digest of a code that is awaited, for minutes")),
    ("identity.recovery_code", Kept::Left("digests; the account tells how many are left")),
    ("identity.ceremony", Kept::Left("a passkey that is being added, for minutes")),
    ("identity.revocation", Kept::Left("that a session ended, for half an hour")),
    ("db.job", Kept::Left("work that waits, for minutes")),
    ("sales.import", Kept::Left("the business's document; the trail tells that they made it")),
    ("sales.customer", Kept::Left("the business's own note of its customers, no account")),
    ("sales.payment", Kept::Left("the business's document; the trail tells that they took it")),
    ("suppliers.supplier", Kept::Left("the business's own note of its suppliers, no account")),
];

/// Bytes after which what is written goes out.
const PIECE: usize = 64 * 1024;

/// The document as far as it is written.
struct Writer {
    send: mpsc::Sender<Result<Bytes>>,
    text: Vec<u8>,
    first: bool,
}

impl Writer {
    async fn put(&mut self, text: &str) -> Result<()> {
        self.text.extend_from_slice(text.as_bytes());
        if self.text.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.text));
        if web::sent_in_time(&self.send, piece).await { Ok(()) } else { Err(Error::Unavailable(1, "nobody reads the export".into())) }
    }

    /// A name and its rows, each as it comes.
    async fn rows(&mut self, name: &str, mut rows: impl Stream<Item = Result<Value>> + Unpin) -> Result<()> {
        self.put(&format!(",\n\"{name}\": [")).await?;
        self.first = true;
        while let Some(row) = rows.next().await {
            let comma = if std::mem::take(&mut self.first) { "\n" } else { ",\n" };
            let text = row?.to_string();
            self.put(comma).await?;
            self.put(&text).await?;
        }
        self.put("]").await
    }
}

/// Writes everything that is kept of an account.
async fn write(db: Db, account: AccountId, send: mpsc::Sender<Result<Bytes>>) {
    let mut out = Writer { send, text: Vec::new(), first: true };
    if let Err(error) = whole(&db, account, &mut out).await {
        let _ = out.send.send(Err(error)).await;
    }
}

async fn whole(db: &Db, account: AccountId, out: &mut Writer) -> Result<()> {
    let mut system = db.system("identity.export").await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(system.conn()).await?;
    let now = system.source().now();
    // What is found by the address alone is told to those who showed that it is theirs.
    let email = sqlx::query_scalar!(
        r#"SELECT CASE WHEN verified_at IS NULL THEN '' ELSE email END AS "email!" FROM identity.account WHERE id = $1"#,
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    out.put(&format!("{{\"exportedAt\": {}", json!(now))).await?;
    oneself(&mut system, account, &email, out).await?;
    ways_in(&mut system, account, out).await?;
    businesses(&mut system, db, account, out).await?;
    of_businesses(&mut system, account, &email, out).await?;
    support(&mut system, account, out).await?;
    happened(&mut system, account, &email, out).await?;
    out.put("\n}\n").await?;
    out.flush().await
}

/// Rows of one column.
fn values<'a>(rows: impl Stream<Item = sqlx::Result<Value>> + Unpin + 'a) -> impl Stream<Item = Result<Value>> + Unpin + 'a {
    rows.map(|row| row.map_err(Error::from))
}

async fn oneself(system: &mut System, account: AccountId, email: &str, out: &mut Writer) -> Result<()> {
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT a.id, a.email, a.created_at AS "createdAt", a.verified_at AS "verifiedAt", a.locked_at AS "lockedAt", a.lock_reason AS "lockReason",
                a.password_hash IS NOT NULL AS "hasPassword", a.totp_since AS "secondFactorSince", a.platform_roles AS "platformRoles", a.erase_at AS "eraseAt", a.phone,
                (SELECT count(*) FROM identity.recovery_code c WHERE c.account_id = a.id AND c.used_at IS NULL) AS "recoveryCodesLeft"
            FROM identity.account a WHERE a.id = $1) x"#,
        account.uuid()
    );
    out.rows("account", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT r.email, r.created_at AS "createdAt", r.expires_at AS "expiresAt", r.spent_at AS "spentAt"
            FROM identity.registration r WHERE r.email = $1 ORDER BY r.created_at, r.id) x"#,
        email
    );
    out.rows("registrations", values(rows.fetch(system.conn()))).await
}

/// How they sign in, and where they did.
async fn ways_in(system: &mut System, account: AccountId, out: &mut Writer) -> Result<()> {
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT s.id, s.kind, s.device, s.address, s.network, s.family, s.created_at AS "createdAt", s.seen_at AS "seenAt", s.proved_at AS "provedAt",
                s.second AS "secondFactor", s.provider, s.tenant_id AS "tenantId", s.ended_at AS "endedAt", s.ended_why AS "endedWhy"
            FROM identity.session s WHERE s.account_id = $1 ORDER BY s.created_at, s.id) x"#,
        account.uuid()
    );
    out.rows("sessions", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (SELECT d.seen_at AS "seenAt" FROM identity.known_device d WHERE d.account_id = $1 ORDER BY d.seen_at) x"#,
        account.uuid()
    );
    out.rows("knownDevices", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT p.id, p.name, p.signs, p.created_at AS "createdAt", p.used_at AS "usedAt", p.doubted_at AS "doubtedAt"
            FROM identity.passkey p WHERE p.account_id = $1 ORDER BY p.created_at, p.id) x"#,
        account.uuid()
    );
    out.rows("passkeys", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT i.provider, i.subject, i.created_at AS "createdAt" FROM identity.identity i WHERE i.account_id = $1 ORDER BY i.created_at) x"#,
        account.uuid()
    );
    out.rows("providers", values(rows.fetch(system.conn()))).await
}

/// Where they work or worked, with what each business keeps of them: the national id opened, the photo as base64.
async fn businesses(system: &mut System, db: &Db, account: AccountId, out: &mut Writer) -> Result<()> {
    let vault = db.vault();
    let rows = sqlx::query!(
        r#"SELECT m.tenant_id, p.id_sealed AS "id_sealed?", f.jpeg AS "jpeg?", to_jsonb(p) - 'id_sealed' - 'tenant_id' - 'account_id' AS profile,
            jsonb_build_object('tenantId', t.id, 'name', t.name, 'slug', t.slug, 'called', m.name, 'email', m.email, 'roles', m.roles, 'state', m.state,
                'since', m.created_at, 'pinSetAt', (SELECT n.set_at FROM identity.pin n WHERE n.tenant_id = m.tenant_id AND n.account_id = m.account_id), 'ownRoles', (SELECT jsonb_agg(r.name ORDER BY r.name) FROM identity.role r WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.own_roles))) AS "member!"
        FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id
            LEFT JOIN identity.profile p ON p.tenant_id = m.tenant_id AND p.account_id = m.account_id
            LEFT JOIN identity.photo f ON f.tenant_id = m.tenant_id AND f.account_id = m.account_id
        WHERE m.account_id = $1 ORDER BY m.created_at, m.tenant_id"#,
        account.uuid()
    );
    let told = rows.fetch(system.conn()).map(|row| {
        let row = row?;
        let (mut member, mut profile) = (row.member, row.profile.unwrap_or_default());
        if let (Some(sealed), Value::Object(fields)) = (&row.id_sealed, &mut profile) {
            fields.insert("nationalId".into(), profile::opened(vault, TenantId::new(row.tenant_id), account, sealed)?.into());
        }
        member["profile"] = profile;
        member["photo"] = row.jpeg.map(|jpeg| STANDARD.encode(jpeg)).into();
        Ok(member)
    });
    out.rows("businesses", told).await?;
    let rows = sqlx::query!(
        "SELECT tenant_id, id, sealed FROM identity.profile_past WHERE account_id = $1 ORDER BY tenant_id, id",
        account.uuid()
    );
    let told = rows.fetch(system.conn()).map(|row| {
        let row = row?;
        let number = profile::opened(vault, TenantId::new(row.tenant_id), account, &row.sealed)?;
        Ok(json!({ "tenantId": row.tenant_id, "id": row.id, "nationalId": number }))
    });
    out.rows("formerNationalIds", told).await
}

/// What they invited to, were invited to, and made there.
async fn of_businesses(system: &mut System, account: AccountId, email: &str, out: &mut Writer) -> Result<()> {
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT i.tenant_id AS "tenantId", i.id, CASE WHEN i.email = $2 THEN i.email END AS email, CASE WHEN i.email = $2 THEN i.name END AS name, i.roles,
                i.invited_by = $1 AS "byThem", i.created_at AS "createdAt", i.expires_at AS "expiresAt", i.used_at AS "usedAt", i.revoked_at AS "revokedAt"
            FROM identity.invitation i WHERE i.email = $2 OR i.invited_by = $1 OR i.used_by = $1 ORDER BY i.created_at, i.id) x"#,
        account.uuid(),
        email
    );
    out.rows("invitations", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT k.tenant_id AS "tenantId", k.id, k.name, k.prefix, k.permissions, k.created_at AS "createdAt", k.expires_at AS "expiresAt", k.used_at AS "usedAt",
                k.revoked_at AS "revokedAt"
            FROM identity.api_key k WHERE k.created_by = $1 ORDER BY k.created_at, k.id) x"#,
        account.uuid()
    );
    out.rows("apiKeys", values(rows.fetch(system.conn()))).await
}

/// That they let support look in, or looked in as support.
async fn support(system: &mut System, account: AccountId, out: &mut Writer) -> Result<()> {
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT c.tenant_id AS "tenantId", c.id, c.reason, c.acting, c.given_by = $1 AS "givenByThem", c.given_at AS "givenAt", c.expires_at AS "expiresAt",
                c.revoked_at AS "revokedAt"
            FROM identity.consent c WHERE c.given_by = $1 OR c.revoked_by = $1 ORDER BY c.given_at, c.id) x"#,
        account.uuid()
    );
    out.rows("consents", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT s.tenant_id AS "tenantId", s.id, s.name, s.reason, s.begun_at AS "begunAt", s.ends_at AS "endsAt", s.ended_at AS "endedAt"
            FROM identity.assistance s WHERE s.account_id = $1 ORDER BY s.begun_at, s.id) x"#,
        account.uuid()
    );
    out.rows("assistances", values(rows.fetch(system.conn()))).await
}

/// What was written to them, what they did, and what was done to them. Of what they did to other things the thing is named, and not what
/// it was and became: that is the business's. Personal values are told beside, by the `ref` of the entry.
async fn happened(system: &mut System, account: AccountId, email: &str, out: &mut Writer) -> Result<()> {
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT l.tenant_id AS "tenantId", l.id, l.kind, l.way, l.recipient, l.state, l.created_at AS "createdAt", l.sent_at AS "sentAt"
            FROM post.letter l WHERE l.account_id = $1 OR l.recipient = $2 ORDER BY l.id) x"#,
        account.uuid(),
        email
    );
    out.rows("letters", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT a.tenant_id AS "tenantId", a.id, a.at, a.action, a.kind, a.target_id AS "targetId", a.address, a.detail
            FROM db.tenant t CROSS JOIN LATERAL (SELECT * FROM db.activity y WHERE y.tenant_id = t.id AND (y.actor_id = $1 OR y.target_id = $1)) a
            ORDER BY t.id, a.at, a.id) x"#,
        account.uuid()
    );
    out.rows("activity", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT l.tenant_id AS "tenantId", l.n, l.id, l.at, l.action, l.kind, l.target_id AS "targetId", l.actor_id = $1 AS "byThem",
                CASE WHEN l.actor_id = $1 THEN l.address END AS address, l.reason,
                CASE WHEN l.target_id = $1 THEN l.before END AS before, CASE WHEN l.target_id = $1 THEN l.after END AS after
            FROM db.tenant t CROSS JOIN LATERAL (SELECT * FROM db.trail y WHERE y.tenant_id = t.id AND (y.actor_id = $1 OR y.target_id = $1)) l
            ORDER BY t.id, l.at, l.id) x"#,
        account.uuid()
    );
    out.rows("trail", values(rows.fetch(system.conn()))).await?;
    let rows = sqlx::query_scalar!(
        r#"SELECT to_jsonb(x) AS "row!" FROM (
            SELECT p.tenant_id AS "tenantId", p.id AS "ref", p.value FROM db.personal p WHERE p.subject_id = $1 ORDER BY p.tenant_id, p.id) x"#,
        account.uuid()
    );
    out.rows("personal", values(rows.fetch(system.conn()))).await
}

/// That somebody took the file enters the log, and the account's owner is told: whoever has it knows everything.
async fn told(cx: &Cx, account: AccountId) -> Result<()> {
    let mut system = cx.app.db().system("identity.export").await?;
    log(&mut system, &cx.op, account).await?;
    letter::tell(cx, &mut system, account, |happened, base| post::letters::data_exported(happened, &format!("{base}/account/security")))
        .await?;
    system.commit().await
}

async fn log(system: &mut System, op: &Op, account: AccountId) -> Result<()> {
    system.log(op, PLATFORM, &Change::of("account.exported", "account", account, &json!({}))).await
}

/// Writes it for the operator, who enters the log instead of being told.
pub async fn by_operator(db: &Db, op: &Op, account: AccountId) -> Result<mpsc::Receiver<Result<Bytes>>> {
    let mut system = db.system("identity.export").await?;
    log(&mut system, op, account).await?;
    system.commit().await?;
    Ok(written(db, account, Vec::new()))
}

/// The pieces, as they are read; `held` is given back after the last one, or when the reader is gone.
fn written(db: &Db, account: AccountId, held: Vec<web::Held>) -> mpsc::Receiver<Result<Bytes>> {
    let ((send, receive), db) = (mpsc::channel(2), db.clone());
    tokio::spawn(async move {
        let _held = held;
        write(db, account, send).await;
    });
    receive
}

/// `GET /v1/auth/export`, and the button of the page: for a session that proved a moment ago who it is.
pub(crate) async fn get_export(cx: Cx) -> Result<Reply> {
    let account = cx.op.account()?;
    token::recently_proved(&cx).await?;
    let held = cx.app.bounds().file(&cx.op)?;
    told(&cx, account).await?;
    let body = Body::from_stream(ReceiverStream::new(written(cx.app.db(), account, held)));
    Ok(Reply::bytes("application/json", body).header(header::CONTENT_DISPOSITION, "attachment; filename=\"hearth-account.json\""))
}
