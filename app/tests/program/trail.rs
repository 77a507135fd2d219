//! The trail as its operator proves it: from the command line, from a file, with checkpoints kept elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::super::{ended, hearth, output, place, text};

fn open_business(data: &Path, slug: &str) {
    let owner = format!("{slug}@example.com");
    let (status, said) = ended(&mut hearth(
        data,
        &[
            "tenant",
            "create",
            "--name",
            "Hill Bakery",
            "--slug",
            slug,
            "--currency",
            "GBP",
            "--time-zone",
            "Europe/London",
            "--owner",
            &owner,
        ],
    ));
    assert_eq!(status, 0, "{said}");
}

/// An S3 server over a directory, with one bucket, on a thread that ends with the test.
fn s3(root: &Path) -> String {
    fs::create_dir(root.join("bakery-bucket")).unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single("hearth", "s3cret-key"));
    let service = builder.build();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
            }
        });
    });
    format!("http://{}", told.recv().unwrap())
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn a_trail_is_proved_from_database_export_and_checkpoints_elsewhere() {
    let (dir, elsewhere) = (place(), tempfile::tempdir().unwrap());
    let data = dir.path();
    open_business(data, "hill-bakery");
    let with = |arguments: &[&str]| {
        let mut command = hearth(data, arguments);
        command.env("HEARTH_TRAIL_CHECKPOINTS", elsewhere.path().join("kept"));
        command
    };
    let (status, said) = ended(&mut with(&["trail", "checkpoint"]));
    assert!(status == 0 && said.contains("1 checkpoint(s) signed, 1 taken away"), "{said}");
    assert!(ended(&mut with(&["trail", "checkpoint"])).1.contains("0 checkpoint(s) signed, 0 taken away"));
    let (status, said) = ended(&mut with(&["trail", "verify"]));
    assert!(status == 0 && said.contains("hill-bakery: ") && said.contains("nothing was changed, removed or put in between"), "{said}");
    let told: Value = serde_json::from_slice(&output(&mut with(&["trail", "verify", "--tenant", "hill-bakery", "--json"])).stdout).unwrap();
    assert_eq!((&told["ok"], &told["logs"][0]["checkpoints"]), (&Value::Bool(true), &Value::from(1)));

    let export = elsewhere.path().join("trail.jsonl");
    fs::write(&export, output(&mut with(&["trail", "export", "--tenant", "hill-bakery"])).stdout).unwrap();
    let prove = |more: &[&str]| {
        // No data directory, no setting: only the file.
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        ended(command.env_clear().args(["trail", "verify", "--export", export.to_str().unwrap()]).args(more))
    };
    let kept = elsewhere.path().join("kept");
    assert_eq!(prove(&[]).0, 0, "{}", prove(&[]).1);
    assert_eq!(prove(&["--checkpoints", kept.to_str().unwrap(), "--key", told["logs"][0]["kids"][0].as_str().unwrap()]).0, 0);
    let (status, said) = prove(&["--key", "another"]);
    assert!(status == 1 && said.contains("unknown key"), "{said}");
    let whole = fs::read_to_string(&export).unwrap();
    fs::write(&export, whole.replacen("Hill Bakery", "Hall Bakery", 1)).unwrap();
    let (status, said) = prove(&["--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &told["logs"][0]["faults"][0]["kind"]), (1, &Value::from("altered")), "{said}");
    fs::write(&export, "{}\n").unwrap();
    assert_eq!(prove(&[]).0, 1);
    assert_eq!(ended(&mut with(&["trail", "verify", "--export", "/nowhere"])).0, 2);
    assert_eq!(ended(&mut with(&["trail", "verify", "--tenant", "nobody"])).0, 1);

    let file = files(&kept).remove(0);
    let line = fs::read_to_string(&file).unwrap();
    let hash = line.split("\"hash\":\"").nth(1).unwrap()[..64].to_owned();
    fs::write(&file, line.replace(&hash, &"0".repeat(64))).unwrap();
    let (status, said) = ended(&mut with(&["trail", "verify"]));
    assert!(status == 1 && said.contains("kept elsewhere") && said.contains("not genuine"), "{said}");
}

#[test]
fn a_key_that_is_made_while_a_trail_is_proved_is_known_with_what_it_signed() {
    testkit::own_database(async |story| {
        story.neighbour().await;
        story.sequence().await;
        let dir = place();
        let run = |arguments: &[&str]| {
            let mut command = hearth(dir.path(), arguments);
            command.env("HEARTH_MODE", "production").env("HEARTH_PUBLIC_URL", "https://bakery.example");
            command.env("HEARTH_DATABASE_URL", story.database_url("hearth_app"));
            command.env("HEARTH_DATABASE_SYSTEM_URL", story.database_url("hearth_system"));
            command.env("HEARTH_ENCRYPTION_KEYS", "stories QSByaW5nIGZvciBzdG9yaWVzLCBhbmQgbm90aGluZyE=");
            command
        };
        // The program that proves and the one that exports are both held up at the first entry that they read.
        let mut owner = PgConnection::connect(&story.database_url("hearth_owner")).await.unwrap();
        let mut held = owner.begin().await.unwrap();
        sqlx::raw_sql("LOCK TABLE db.log").execute(&mut *held).await.unwrap();
        let begun = |arguments: &[&str]| run(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (proving, exporting) = (begun(&["trail", "verify", "--json"]), begun(&["trail", "export", "--tenant", &story.slug]));
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'db.log'::regclass AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *held).await.unwrap() < 2 {
            tokio::task::yield_now().await;
        }
        // The very first key is made now, and signs where every log ends.
        assert!(story.db.checkpoint(None).await.unwrap() >= 2);
        held.commit().await.unwrap();

        let proved = proving.wait_with_output().unwrap();
        assert!(proved.status.success(), "{}{}", text(&proved.stdout), text(&proved.stderr));
        let told: Value = serde_json::from_slice(&proved.stdout).unwrap();
        let logs = told["logs"].as_array().unwrap();
        let young =
            logs.iter().flat_map(|log| log["kids"].as_array().unwrap()).next().expect("a log that was read later has its checkpoint");
        let exported = exporting.wait_with_output().unwrap();
        assert!(exported.status.success(), "{}", text(&exported.stderr));
        let file = dir.path().join("trail.jsonl");
        let prove = |lines: &[u8]| {
            fs::write(&file, lines).unwrap();
            ended(&mut hearth(dir.path(), &["trail", "verify", "--export", file.to_str().unwrap(), "--key", young.as_str().unwrap()]))
        };
        let (status, said) = prove(&exported.stdout);
        assert!(status == 0 && said.contains("no checkpoint yet"), "an export is of one moment: {said}");
        let (status, said) = prove(&output(&mut run(&["trail", "export", "--tenant", &story.slug])).stdout);
        assert!(status == 0 && said.contains("1 checkpoint(s)"), "{said}");
        // Another installation's key is none of ours, however it came in.
        story
            .as_role("hearth_system", "UPDATE db.trail_key SET private_key = set_byte(private_key, 40, get_byte(private_key, 40) # 1)")
            .await;
        let (status, said) = ended(&mut run(&["trail", "verify"]));
        assert!(status == 1 && said.contains("unknown key"), "{said}");
    });
}

#[test]
fn a_trail_is_proved_across_two_keys() {
    let (dir, elsewhere) = (place(), tempfile::tempdir().unwrap());
    let data = dir.path();
    open_business(data, "hill-bakery");
    let with = |arguments: &[&str]| {
        let mut command = hearth(data, arguments);
        command.env("HEARTH_TRAIL_CHECKPOINTS", elsewhere.path().join("kept"));
        ended(&mut command)
    };
    let (status, said) = with(&["trail", "rotate-key", "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, told["before"].as_array().unwrap().len()), (0, 1), "{said}");
    assert_ne!(told["kid"], told["before"][0]);
    open_business(data, "mill");
    assert_eq!(with(&["trail", "checkpoint"]).0, 0);
    // The old key proves what it signed, here and elsewhere; the new one the rest, beginning with its own entry.
    let (status, said) = with(&["trail", "verify", "--json"]);
    let proved: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &proved["ok"]), (0, &Value::Bool(true)), "{said}");
    let of = |slug: &str| proved["logs"].as_array().unwrap().iter().find(|log| log["slug"] == slug).unwrap()["kids"].clone();
    assert_eq!((of("hill-bakery"), of("hearth")), (told["before"].clone(), Value::from(vec![told["kid"].clone()])), "{said}");
    let (old, new) = (told["before"][0].as_str().unwrap(), told["kid"].as_str().unwrap());
    assert_eq!(with(&["trail", "verify", "--key", old, "--key", new]).0, 0);
    assert_eq!(with(&["trail", "verify", "--key", new]).0, 1, "what the old key signed needs the old key");
    assert_eq!(with(&["trail", "verify", "--key", "-9fK"]).0, 1, "the id of a key may begin with a hyphen");
    let export = elsewhere.path().join("trail.jsonl");
    fs::write(&export, output(&mut hearth(data, &["trail", "export", "--tenant", "hill-bakery"])).stdout).unwrap();
    assert_eq!(with(&["trail", "verify", "--export", export.to_str().unwrap(), "--key", old]).0, 0);
}

#[test]
fn checkpoints_are_taken_to_an_s3_server_and_compared_with_it() {
    let (dir, bucket) = (place(), tempfile::tempdir().unwrap());
    let data = dir.path();
    open_business(data, "hill-bakery");
    let address = s3(bucket.path());
    let with = |arguments: &[&str], secret: &str| {
        let mut command = hearth(data, arguments);
        command.env("HEARTH_TRAIL_CHECKPOINTS", "s3://bakery-bucket/trail").env("HEARTH_S3_ENDPOINT", &address);
        command.env("HEARTH_S3_ACCESS_KEY", "hearth").env("HEARTH_S3_SECRET_KEY", secret);
        ended(&mut command)
    };
    let (status, said) = with(&["trail", "checkpoint"], "wrong");
    assert!(status == 1 && !said.contains("s3cret"), "{said}");
    let (status, said) = with(&["trail", "checkpoint"], "s3cret-key");
    assert!(status == 0 && said.contains("0 checkpoint(s) signed, 1 taken away"), "what was not taken is taken later: {said}");
    let (status, said) = with(&["trail", "verify"], "s3cret-key");
    assert_eq!(status, 0, "{said}");
    let object =
        files(&bucket.path().join("bakery-bucket")).into_iter().find(|file| text(&fs::read(file).unwrap()).contains("checkpoint")).unwrap();
    let line = fs::read_to_string(&object).unwrap();
    let other = line.replace("\"n\":", "\"n\":9");
    fs::write(&object, other).unwrap();
    let (status, said) = with(&["trail", "verify"], "s3cret-key");
    assert!(status == 1 && said.contains("not genuine"), "{said}");
}
