//! Letters on their way: queued, sent, refused, tried again, by a real mail server.

mod operator;
mod trouble;

use std::sync::Arc;

use kernel::At;
use post::{Address, Brand, Content, Letter, LetterId, Mail, Postman, Round, letters, queue};
use sqlx::Row;
use testkit::{MailServer, Story, own_database, run};

const URL: &str = "https://hearth.example/reset?token=t0ken";

/// Queues a letter of the story's business.
async fn write(story: &Story, to: &str, brand: Brand, content: Content) -> LetterId {
    let letter = Letter { tenant: story.tenant, account: None, to: Address::new(to).unwrap(), brand, content };
    let mut system = story.db.system("story.queue").await.unwrap();
    let id = queue(system.conn(), story.db.vault(), &story.clock, &letter).await.unwrap();
    system.commit().await.unwrap();
    id
}

/// The usual letter.
async fn reset(story: &Story, to: &str) -> LetterId {
    write(story, to, Brand::hearth(), letters::reset(URL, Some("012345"))).await
}

/// Looks at the queue of the story's business once.
async fn round(story: &Story, mail: impl Mail + 'static) -> Round {
    Postman::new(story.db.clone(), Some(Arc::new(mail)), None).round(Some(story.tenant)).await.unwrap()
}

const SENT: Round = Round { sent: 1, later: 0, dead: 0 };
const LATER: Round = Round { sent: 0, later: 1, dead: 0 };
const DEAD: Round = Round { sent: 0, later: 0, dead: 1 };
const NOTHING: Round = Round { sent: 0, later: 0, dead: 0 };

/// A letter as it stands in the table.
#[derive(Debug)]
struct Stands {
    state: String,
    attempts: i32,
    run_at: At,
    answer: String,
    body: Option<Vec<u8>>,
}

async fn stands(story: &Story, id: LetterId) -> Stands {
    let mut system = story.db.system("story.letter").await.unwrap();
    let row = sqlx::query("SELECT state, attempts, run_at, answer, body FROM post.letter WHERE tenant_id = $1 AND id = $2")
        .bind(story.tenant.uuid())
        .bind(id.uuid())
        .fetch_one(system.conn())
        .await
        .unwrap();
    Stands {
        state: row.get("state"),
        attempts: row.get("attempts"),
        run_at: row.get("run_at"),
        answer: row.get::<Option<String>, _>("answer").unwrap_or_default(),
        body: row.get("body"),
    }
}

#[test]
fn a_letter_arrives_as_it_was_written_and_is_wiped() {
    run(async |story| {
        let server = MailServer::that("accept");
        let brand = Brand::of("Bäckerei Hill", Some("https://hill.example/logo.png"), Some("#336699"));
        let id = write(&story, "ada@example.com", brand, letters::reset(URL, Some("012345"))).await;
        assert_eq!(round(&story, server.mail()).await, SENT);
        let [letter] = &server.letters()[..] else { panic!("one letter") };
        assert_eq!((letter.from.as_str(), letter.to.as_slice()), ("post@hearth.example", ["ada@example.com".to_owned()].as_slice()));
        assert_eq!(letter.header("Subject"), "Reset your password");
        assert_eq!(letter.header("Message-ID"), format!("{id}@hearth.example"));
        assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
        assert!(letter.lines("Date")[0].contains("Sat, 21 Nov 2026 09:00"), "{:?}", letter.lines("Date"));
        assert!(letter.text().contains(URL) && letter.text().contains("012345") && letter.text().contains("Bäckerei Hill"));
        let html = letter.html();
        assert!(html.contains(URL) && html.contains("012345") && html.contains("#336699") && html.contains("logo.png"), "{html}");
        let stands = stands(&story, id).await;
        assert_eq!((stands.state.as_str(), stands.attempts, stands.body), ("sent", 1, None));
        assert!(stands.answer.starts_with("250") && stands.answer.contains("Taken as letter 7"), "{}", stands.answer);
        assert_eq!(round(&story, server.mail()).await, NOTHING);
    });
}

#[test]
fn what_waits_can_not_be_read_in_the_table() {
    run(async |story| {
        let to = format!("ada-{}@example.com", story.slug);
        let id = reset(&story, &to).await;
        let body = stands(&story, id).await.body.unwrap();
        for secret in ["012345", "t0ken", "Reset", "html"] {
            assert!(!body.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} can be read");
        }
        let kept = story.letters_to(&to).await;
        let [letter] = &kept[..] else { panic!("{kept:?}") };
        assert_eq!((letter.subject.as_str(), letter.links.as_slice()), ("Reset your password", [URL.to_owned()].as_slice()));
        assert_eq!(letter.code.as_deref(), Some("012345"));
    });
}

#[test]
fn letters_that_wait_outlive_the_key_that_sealed_them() {
    own_database(async |story| {
        let dir = tempfile::tempdir().unwrap();
        let ring = Arc::new(vault::Keyring::in_file(&dir.path().join("keys"), &story.clock).unwrap());
        let connect = |role: &str| story.database_url(role).parse().unwrap();
        let config = db::Config { app: connect("hearth_app"), system: connect("hearth_system"), connections: 2, vault: ring.clone() };
        let db = db::Db::open(&config, story.clock.clone());
        let (id, to) = (LetterId::new(story.clock.uuid()), Address::new("ada@example.com").unwrap());
        let written = post::Written::of(&Brand::hearth(), &letters::test()).unwrap();
        let letter = Letter { tenant: story.tenant, account: None, to, brand: Brand::hearth(), content: letters::test() };
        let mut system = db.system("story.queue").await.unwrap();
        let queued = queue(system.conn(), &ring, &story.clock, &letter).await.unwrap();
        system.commit().await.unwrap();
        let before = stands(&story, queued).await.body.unwrap();
        ring.add(&story.clock).unwrap();
        assert_eq!((post::reseal(&db).await.unwrap(), post::reseal(&db).await.unwrap()), (1, 0));
        ring.forget_old().unwrap();
        let after = stands(&story, queued).await.body.unwrap();
        assert_eq!(post::Written::open(&ring, queued, &after).unwrap(), written);
        assert!(post::Written::open(&ring, queued, &before).is_err() && post::Written::open(&ring, id, &after).is_err());
    });
}

#[test]
fn a_letter_goes_with_its_transaction() {
    run(async |story| {
        let letter = |to: &str| Letter {
            tenant: story.tenant,
            account: story.owner.account,
            to: Address::new(to).unwrap(),
            brand: Brand::hearth(),
            content: letters::test(),
        };
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let (gone, kept) = (format!("gone-{}@example.com", story.slug), format!("kept-{}@example.com", story.slug));
        queue(tx.conn(), story.db.vault(), &story.clock, &letter(&gone)).await.unwrap();
        tx.give_up().await.unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        queue(tx.conn(), story.db.vault(), &story.clock, &letter(&kept)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(story.letters_to(&gone).await.len(), 0);
        assert_eq!(story.letters_to(&kept).await.len(), 1);
        // A neighbour's transaction can't write into this business.
        let (neighbour, _) = story.neighbour().await;
        let mut tx = story.db.begin(kernel::Op::program(&story.clock, "story", Some(neighbour))).await.unwrap();
        assert!(queue(tx.conn(), story.db.vault(), &story.clock, &letter("eve@example.com")).await.is_err());
    });
}

#[test]
fn nothing_that_people_choose_becomes_a_header() {
    run(async |story| {
        let server = MailServer::that("accept");
        let evil = "Hill\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\n<script>";
        write(&story, "ada@example.com", Brand::of(evil, None, None), letters::invitation(evil, evil, URL)).await;
        assert_eq!(round(&story, server.mail()).await, SENT);
        let [letter] = &server.letters()[..] else { panic!("one letter") };
        assert_eq!(letter.to, ["ada@example.com"]);
        assert!(letter.lines("Bcc").is_empty() && letter.lines("X-Evil").is_empty(), "{}", letter.raw);
        assert_eq!((letter.lines("Subject").len(), letter.lines("From").len()), (1, 1));
        assert!(letter.header("Subject").starts_with("Hill Bcc: eve@example.com"), "{}", letter.header("Subject"));
        assert!(!letter.html().contains("<script>"));
    });
}

#[test]
fn addresses_of_the_whole_world_are_written_to() {
    run(async |story| {
        let server = MailServer::that("accept");
        let ascii = MailServer::with(serde_json::json!({ "behaviour": "accept", "ascii": true }));
        reset(&story, "ada@bäckerei.example").await;
        assert_eq!(round(&story, ascii.mail()).await, SENT, "an international domain asks nothing of the server");
        assert_eq!(ascii.letters()[0].lines("To"), ["To: ada@xn--bckerei-5wa.example"]);
        let id = reset(&story, "🥐@bäckerei.example").await;
        assert_eq!(round(&story, server.mail()).await, SENT, "{}", stands(&story, id).await.answer);
        assert_eq!(server.letters()[0].to, ["🥐@bäckerei.example"]);
        let id = reset(&story, "🥐@bäckerei.example").await;
        assert_eq!(round(&story, ascii.mail()).await, DEAD, "this server takes no such address, today or tomorrow");
        assert!(stands(&story, id).await.answer.contains("SMTPUTF8"));
    });
}

#[test]
fn two_workers_send_each_letter_once() {
    run(async |story| {
        let server = MailServer::that("accept");
        for n in 0..20 {
            reset(&story, &format!("ada{n}@example.com")).await;
        }
        let postman = || Postman::new(story.db.clone(), Some(Arc::new(server.mail())), None);
        let (one, other) = (postman(), postman());
        let mut sent = 0;
        loop {
            let (a, b) = tokio::join!(one.round(Some(story.tenant)), other.round(Some(story.tenant)));
            let now = a.unwrap().sent + b.unwrap().sent;
            if now == 0 {
                break;
            }
            sent += now;
        }
        let mut to: Vec<String> = server.letters().into_iter().flat_map(|letter| letter.to).collect();
        to.sort();
        to.dedup();
        assert_eq!((sent, server.letters().len(), to.len()), (20, 20, 20));
    });
}

#[test]
fn a_hundred_thousand_letters_do_not_slow_the_queue() {
    own_database(async |story| {
        let mut system = story.db.system("story.flood").await.unwrap();
        sqlx::query(
            "INSERT INTO post.letter (tenant_id, id, kind, recipient, body, state, run_at, created_at)
            SELECT $1, gen_random_uuid(), 'test', 'ada' || n || '@example.com', CASE WHEN n % 2 = 0 THEN '\\x01'::bytea END,
                CASE WHEN n % 2 = 0 THEN 'queued' ELSE 'sent' END, $2::timestamptz + n * interval '1 second', $2
            FROM generate_series(1, 200000) n",
        )
        .bind(story.tenant.uuid())
        .bind(story.clock.now())
        .execute(system.conn())
        .await
        .unwrap();
        sqlx::query("ANALYZE post.letter").execute(system.conn()).await.ok();
        system.commit().await.unwrap();
        let first = reset(&story, "first@example.com").await;
        let server = MailServer::that("accept");
        assert_eq!(round(&story, server.mail()).await, SENT, "only what is due is taken");
        assert_eq!(stands(&story, first).await.state, "sent");
        let mut system = story.db.system("story.plan").await.unwrap();
        let plan: Vec<String> = sqlx::query_scalar(
            "EXPLAIN SELECT tenant_id, id FROM post.letter WHERE state IN ('queued', 'sending') AND run_at <= now()
            ORDER BY run_at LIMIT 8 FOR UPDATE SKIP LOCKED",
        )
        .fetch_all(system.conn())
        .await
        .unwrap();
        assert!(plan.iter().any(|line| line.contains("Index Scan using letter_due")), "{plan:#?}");
    });
}

#[test]
fn without_a_server_letters_are_files_that_only_their_owner_reads() {
    run(async |story| {
        let dir = tempfile::tempdir().unwrap();
        let folder = || post::Folder::new(dir.path().join("mail"), testkit::sender());
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, folder()).await, SENT);
        let file = std::fs::read_dir(dir.path().join("mail")).unwrap().next().unwrap().unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(name.starts_with("2026-11-21T09-00-00-reset-") && name.ends_with(&format!("{id}.eml")), "{name}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(std::fs::read_to_string(file.path()).unwrap().contains("To: ada@example.com"));
        // A folder that can't be written is no reason to lose a letter.
        let id = reset(&story, "ada@example.com").await;
        std::fs::write(dir.path().join("blocked"), "").unwrap();
        assert_eq!(round(&story, post::Folder::new(dir.path().join("blocked"), testkit::sender())).await, LATER);
        assert_eq!(stands(&story, id).await.state, "queued");
    });
}
