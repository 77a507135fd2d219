//! The words by which a thing is found: read from the log, as the leader comes by.

use db::Db;
use kernel::Result;

/// How many entries of a log are read at once, and of how many logs.
const ENTRIES: i64 = 5_000;
const LOGS: i64 = 200;

/// Reads what the logs say since the last time; names of things become words. Of people's names the log has digests only.
pub async fn read_words(db: &Db) -> Result<()> {
    loop {
        let mut system = db.system("trail.words").await?;
        let read = sqlx::query_scalar!(
            r#"WITH due AS (
                SELECT h.tenant_id, coalesce(r.n, 0) AS after, least(h.n, coalesce(r.n, 0) + $1) AS through
                FROM db.log_head h LEFT JOIN trail.read_through r ON r.tenant_id = h.tenant_id
                WHERE h.n > coalesce(r.n, 0) ORDER BY h.tenant_id LIMIT $2
            ), named AS (
                SELECT l.tenant_id, l.kind, l.target_id, l.after ->> 'name' AS name
                FROM due d JOIN db.log l ON l.tenant_id = d.tenant_id AND l.n > d.after AND l.n <= d.through
                WHERE jsonb_typeof(l.after -> 'name') = 'string'
            ), found AS (
                INSERT INTO trail.word (tenant_id, word, kind, target_id)
                SELECT DISTINCT n.tenant_id, left(w.word, 60), n.kind, n.target_id
                FROM named n, regexp_split_to_table(lower(n.name), '[^[:alnum:]]+') AS w (word) WHERE w.word <> ''
                ON CONFLICT DO NOTHING
            ), moved AS (
                INSERT INTO trail.read_through (tenant_id, n) SELECT d.tenant_id, d.through FROM due d
                ON CONFLICT (tenant_id) DO UPDATE SET n = excluded.n
            )
            SELECT count(*) AS "count!" FROM due"#,
            ENTRIES,
            LOGS
        )
        .fetch_one(system.conn())
        .await?;
        system.commit().await?;
        if read == 0 {
            return Ok(());
        }
    }
}
