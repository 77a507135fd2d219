//! A command is a type with the permission it needs; an intent makes it happen once.

use std::future::Future;

use kernel::{Error, IntentId, Op, Permission, Result, TenantId};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Db, System, Tx};

/// One thing that can be asked of Hearth. API, form, import, job and command line all come here.
pub trait Command: Clone + Send + Sync + 'static {
    /// Without it the command is refused before anything is read.
    const NEEDS: Permission;
    /// What is answered; an object as JSON. A number taken at commit is added as `number`.
    type Out: Serialize + Send;
    /// The id that makes it one and the same intent even without a key: that of the document which it makes.
    fn intent_id(&self) -> Option<Uuid> {
        None
    }
    /// Does it, inside the transaction.
    fn run(self, tx: &mut Tx) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// The id that makes a request repeatable, and a digest of what it asked.
#[derive(Clone, Debug)]
pub struct Intent {
    /// From the client.
    pub id: IntentId,
    /// SHA-256 of route, account and content.
    pub digest: [u8; 32],
}

impl Intent {
    /// An intent by any key that a client may choose (a UUID is taken as it is) over what it asks.
    pub fn of(key: &str, op: &Op, route: &str, content: &[u8]) -> Self {
        let id = Uuid::parse_str(key).unwrap_or_else(|_| {
            let hash = Sha256::digest(key.as_bytes());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&hash[..16]);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        });
        let mut digest = Sha256::new();
        digest.update(route.as_bytes());
        digest.update(format!("{:?}", op.actor).as_bytes());
        digest.update(content);
        Self { id: IntentId::new(id), digest: digest.finalize().into() }
    }
}

/// What a command answered, and whether it was done now or had been done before.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command's output with its number.
    pub body: Value,
    /// True when the same intent had been answered before: nothing was done again.
    pub again: bool,
    /// Round trips to the database.
    pub trips: u32,
}

/// Forgets the answers of these businesses that hold a text: the address of a person who asked to be forgotten. What they answered
/// was done long ago; only sent once more would it be done anew, or refused because it is there. Returns how many.
pub async fn forget_intents_with(system: &mut System, tenants: &[TenantId], text: &str) -> Result<u64> {
    let tenants: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    let gone = sqlx::query!("DELETE FROM db.intent WHERE tenant_id = ANY ($1) AND strpos(answer::text, $2) > 0", &tenants, text);
    Ok(gone.execute(system.conn()).await?.rows_affected())
}

/// What was answered to an intent of this business, while it is kept; for pages that say what was just done.
pub async fn kept_answer(tx: &mut Tx, intent: Uuid) -> Result<Option<Value>> {
    let tenant = tx.tenant().uuid();
    let kept = sqlx::query_scalar!("SELECT answer FROM db.intent WHERE tenant_id = $1 AND id = $2", tenant, intent);
    Ok(kept.fetch_optional(tx.conn()).await?)
}

/// Days for which the answer to an intent is kept.
const KEPT: i64 = 30;
/// So many are looked at at once.
const BATCH: i64 = 5_000;

impl Db {
    /// Forgets answers that are older than thirty days, batch by batch in the order of the key: no statement is long, and no index
    /// is kept for it that every sale would have to write. Returns how many.
    pub async fn forget_intents(&self) -> Result<u64> {
        let before = self.source.now().plus_seconds(-KEPT * 24 * 3600);
        let (mut tenant, mut id, mut gone) = (Uuid::nil(), Uuid::nil(), 0);
        loop {
            let mut system = self.system("intents.forget").await?;
            let seen = sqlx::query!(
                "WITH looked AS (
                    SELECT i.tenant_id, i.id, i.at FROM db.intent i WHERE (i.tenant_id, i.id) > ($1, $2) ORDER BY i.tenant_id, i.id LIMIT $4
                ), gone AS (
                    DELETE FROM db.intent i USING looked l WHERE i.tenant_id = l.tenant_id AND i.id = l.id AND l.at < $3 RETURNING 1
                )
                SELECT tenant_id, id, (SELECT count(*) FROM gone) AS \"gone!\" FROM looked ORDER BY tenant_id DESC, id DESC LIMIT 1",
                tenant,
                id,
                before as kernel::At,
                BATCH
            )
            .fetch_optional(system.conn())
            .await?;
            system.commit_unannounced().await?;
            let Some(last) = seen else { return Ok(gone) };
            (tenant, id) = (last.tenant_id, last.id);
            gone += u64::try_from(last.gone).unwrap_or(0);
        }
    }

    /// Runs a command in a transaction of its own: permission, begin, run, commit. In the usual case an intent costs
    /// nothing: it is written with the commit, and only when something refuses is it looked up.
    pub async fn run<C: Command>(&self, op: Op, intent: Option<Intent>, command: C) -> Result<Answer> {
        op.needs(C::NEEDS)?;
        op.tenant()?;
        let mut result = self.run_once(op.clone(), intent.clone(), command.clone()).await;
        if matches!(result, Err(Error::Conflict(_))) {
            result = self.run_once(op.clone(), intent.clone(), command).await;
        }
        match (result, intent) {
            (Err(error), Some(intent)) if !matches!(error, Error::Unavailable(..)) => self.answered(op, &intent).await?.ok_or(error),
            (result, _) => result,
        }
    }

    async fn run_once<C: Command>(&self, op: Op, intent: Option<Intent>, command: C) -> Result<Answer> {
        let mut tx = self.begin(op).await?;
        let out = command.run(&mut tx).await?;
        let mut body = serde_json::to_value(&out).map_err(|e| Error::Internal(e.to_string()))?;
        tx.left.intent = intent.map(|intent| (intent, body.clone()));
        let done = tx.commit().await?;
        if let (Some(number), Value::Object(fields)) = (done.number, &mut body) {
            fields.insert("number".into(), number.into());
        }
        Ok(Answer { body, again: false, trips: done.trips })
    }

    /// The answer given to this intent before; refused if it was given to other content.
    async fn answered(&self, op: Op, intent: &Intent) -> Result<Option<Answer>> {
        let mut tx = self.begin(op).await?;
        let (tenant, id) = (tx.tenant.uuid(), intent.id.uuid());
        let row = sqlx::query!("SELECT digest, answer FROM db.intent WHERE tenant_id = $1 AND id = $2", tenant, id)
            .fetch_optional(tx.conn())
            .await?;
        match row {
            None => Ok(None),
            Some(row) if row.digest == intent.digest => Ok(Some(Answer { body: row.answer, again: true, trips: tx.trips })),
            Some(_) => Err(Error::rule("intent.other_content")),
        }
    }
}
