//! One business never sees another: the database itself is asked.

use std::sync::Mutex;

use db::{Db, Jobs, Later};
use futures::future::BoxFuture;
use kernel::{Job, Op, Result, TenantId};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use testkit::{Person, own_database, run};

/// Tables of accounts, which belong to no tenant: the requests' role may not touch them at all.
const ACCOUNTS: &[&str] = &[
    "identity.account",
    "identity.session",
    "identity.password_link",
    "identity.challenge",
    "identity.guess",
    "identity.known_device",
    "identity.recovery_code",
    "identity.refresh",
    "identity.registration",
    "identity.reset",
    "identity.signing_key",
    "identity.ceremony",
    "identity.identity",
    "identity.oidc_state",
    "identity.passkey",
    "identity.device_challenge",
    "identity.on_device",
    "identity.phone_code",
    "identity.wish",
    "db.trail_key",
];

/// Tables that are only ever added to.
const APPEND_ONLY: &[&str] = &[
    "db.log_inbox",
    "db.log",
    "db.intent",
    "db.number",
    "db.checkpoint",
    "db.activity",
    "ledger.transfer",
    "stock.movement",
    "stock.receipt",
    "stock.receipt_line",
    "sales.order_line",
    "sales.line_tax",
    "sales.payment",
    "sales.allocation",
];

async fn rows(story: &testkit::Story, sql: &str) -> Vec<sqlx::postgres::PgRow> {
    let mut system = story.db.system("story.catalog").await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(system.conn()).await.unwrap()
}

fn names(rows: &[sqlx::postgres::PgRow]) -> Vec<String> {
    rows.iter().map(|r| r.get::<String, _>(0)).collect()
}

const TABLES: &str = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public') AND n.nspname NOT LIKE 'pg_%' ORDER BY 1";

const VIEWS: &str = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public') ORDER BY 1";

#[test]
fn every_tenant_table_forces_row_security_for_named_roles() {
    run(async |story| {
        let all = names(&rows(&story, TABLES).await);
        assert!(all.len() > 25, "the catalog was read: {all:?}");
        let safe = names(
            &rows(
                &story,
                "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relrowsecurity AND c.relforcerowsecurity
                    AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'hearth_app')]
                        AND pg_get_expr(p.polqual, p.polrelid) LIKE '%hearth.tenant%' AND pg_get_expr(p.polwithcheck, p.polrelid) LIKE '%hearth.tenant%')
                    AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND 0 = ANY (p.polroles))",
            )
            .await,
        );
        let open: Vec<_> = all.iter().filter(|t| !safe.contains(t) && !ACCOUNTS.contains(&t.as_str())).collect();
        assert!(open.is_empty(), "without forced row security: {open:?}");
    });
}

#[test]
fn every_key_begins_with_the_tenant_and_every_reference_carries_it() {
    run(async |story| {
        let bad = names(
            &rows(
                &story,
                "SELECT n.nspname || '.' || c.relname || ' ' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE k.contype IN ('p', 'u') AND n.nspname NOT IN ('public') AND n.nspname NOT LIKE 'pg_%'
                    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
                    AND c.oid <> 'identity.session'::regclass
                    AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = k.conkey[1]) <> 'tenant_id' ORDER BY 1",
            )
            .await,
        );
        assert!(bad.is_empty(), "keys that do not begin with tenant_id: {bad:?}");
        // A session is an account's, and only says for which business it works.
        let bad = names(
            &rows(
                &story,
                "SELECT k.conrelid::regclass || ' ' || k.conname FROM pg_constraint k
                JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attname = 'tenant_id' AND NOT t.attisdropped
                WHERE k.contype = 'f' AND NOT (t.attnum = ANY (k.confkey)) AND k.confrelid <> 'identity.session'::regclass ORDER BY 1",
            )
            .await,
        );
        assert!(bad.is_empty(), "references that leave the tenant out: {bad:?}");
    });
}

#[test]
fn no_view_or_function_runs_with_more_rights_than_its_caller() {
    run(async |story| {
        let views = names(
            &rows(
                &story,
                "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND (c.relkind = 'm' OR
                    (c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') @> ARRAY['security_invoker=true'])) ORDER BY 1",
            )
            .await,
        );
        assert!(views.is_empty(), "views with rights of their own: {views:?}");
        let functions = names(
            &rows(
                &story,
                "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
            )
            .await,
        );
        // It takes nothing, answers nothing and reads no row for anybody: it makes PostgreSQL look at its statistics.
        assert_eq!(functions, ["sales.look_again()"], "functions with rights of their own");
        let roles = names(
            &rows(&story, "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'hearth%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)").await,
        );
        assert!(roles.is_empty(), "roles with too many rights: {roles:?}");
    });
}

#[test]
fn accounts_are_out_of_the_requests_reach_and_ledgers_are_only_added_to() {
    run(async |story| {
        let listed = ACCOUNTS.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT table_schema || '.' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants
            WHERE grantee = 'hearth_app' AND table_schema || '.' || table_name IN ({listed}) ORDER BY 1"
        );
        let touched = names(&rows(&story, &sql).await);
        assert!(touched.is_empty(), "the requests' role may: {touched:?}");
        let changed = names(
            &rows(
                &story,
                "SELECT table_schema || '.' || table_name FROM information_schema.role_table_grants
                WHERE grantee = 'hearth_app' AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') ORDER BY 1",
            )
            .await,
        );
        for table in APPEND_ONLY {
            assert!(!changed.contains(&(*table).to_owned()), "{table} can be changed");
        }
    });
}

#[test]
fn without_a_tenant_nothing_is_seen() {
    run(async |story| {
        let mut tables = names(&rows(&story, TABLES).await);
        let views = names(&rows(&story, VIEWS).await);
        assert!(views.len() >= 4, "the views were found: {views:?}");
        tables.extend(views);
        let mut tx = story.db.begin(story.op()).await.unwrap();
        sqlx::query("SET LOCAL hearth.tenant = ''").execute(tx.conn()).await.unwrap();
        for table in tables.iter().filter(|t| !ACCOUNTS.contains(&t.as_str())) {
            let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let seen: i64 = sqlx::query_scalar(sql).fetch_one(tx.conn()).await.unwrap();
            assert_eq!(seen, 0, "{table} shows rows to nobody");
        }
        assert!(ACCOUNTS.iter().all(|a| tables.contains(&(*a).to_owned())));
    });
}

/// What the jobs of the next story saw: whose each was, how many items, and every table or view that showed another's rows.
static SEEN: Mutex<Vec<(TenantId, i64, Vec<String>)>> = Mutex::new(Vec::new());

/// A job that looks into everything that it may read.
fn look_around(db: Db, op: Op, _: Value) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let (tenant, mut strange) = (op.tenant()?, Vec::new());
        let mut tx = db.begin(op).await?;
        let readable = format!("SELECT name FROM (({TABLES}) UNION ({VIEWS})) t (name) WHERE has_table_privilege(name, 'SELECT')");
        let readable: Vec<String> = sqlx::query_scalar(AssertSqlSafe(readable)).fetch_all(tx.conn()).await?;
        for table in readable {
            let whose = if table == "db.tenant" { "id" } else { "tenant_id" };
            let others = format!("SELECT count(*) FROM {table} WHERE {whose} <> '{tenant}'");
            let others: i64 = sqlx::query_scalar(AssertSqlSafe(others)).fetch_one(tx.conn()).await?;
            if others > 0 {
                strange.push(table);
            }
        }
        let items: i64 = sqlx::query_scalar("SELECT count(*) FROM catalog.item").fetch_one(tx.conn()).await?;
        SEEN.lock().unwrap().push((tenant, items, strange));
        Ok(())
    })
}

#[test]
fn a_job_sees_the_rows_of_its_business_alone() {
    // Where another story's program is served, that would take the job.
    own_database(async |story| {
        let (mill, miller) = story.neighbour().await;
        story.made_to_order("Sourdough", 480, 100).await;
        let bread =
            json!({ "name": "Bread", "kind": "product", "baseUnit": "pc", "stockRule": "made_to_order", "price": testkit::pounds(320) });
        for name in ["Bread", "Rye"] {
            let mut item = bread.clone();
            item["name"] = json!(name);
            miller.post("/v1/items", &item).await.ok();
        }
        let mut system = story.db.system("story.queue").await.unwrap();
        for tenant in [story.tenant, mill] {
            system.queue(tenant, &Job { name: "story.look", payload: json!({}), run_at: story.clock.now() }).await.unwrap();
        }
        system.commit().await.unwrap();
        let later = Later { name: "story.look", run: look_around, died: None };
        let jobs = Jobs::new(story.db.clone(), vec![later], Vec::new(), Vec::new());
        assert_eq!((jobs.work_all(story.tenant).await.unwrap(), jobs.work_all(mill).await.unwrap()), (1, 1));
        assert_eq!(*SEEN.lock().unwrap(), [(story.tenant, 1, Vec::new()), (mill, 2, Vec::new())]);

        // A real one: an import takes what it lacks from its own catalogue, and the miller's bread has a price only for the miller.
        let file = b"date,time,ticket,item\n2017-03-01,09:00:00,1,Bread\n2017-03-02,10:00:00,2,Bread\n";
        let import = async |person: &Person| {
            let page = person.upload("/import", &[], &[("files", "till.csv", file)]).await.location();
            let path = format!("/v1/imports/{}", page.rsplit('/').next().unwrap());
            person.post(&format!("{path}/run"), &json!({})).await.ok();
            path
        };
        let (ours, theirs) = (import(&story.owner).await, import(&miller).await);
        story.jobs().await;
        story.app.jobs().work_all(mill).await.unwrap();
        let (ours, theirs) = (story.get(&ours).await.ok().json(), miller.get(&theirs).await.ok().json());
        assert_eq!((&ours["state"], &ours["report"]["documents"]), (&json!("refused"), &json!(0)), "{ours}");
        assert_eq!(
            (&theirs["state"], &theirs["report"]["documents"], &theirs["report"]["itemsMade"]),
            (&json!("done"), &json!(2), &json!(0)),
            "{theirs}"
        );
    });
}
