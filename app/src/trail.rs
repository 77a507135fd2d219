//! `hearth trail verify | export | checkpoint | rotate-key`: proves that nothing was changed, removed or put in between.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use db::{
    Db,
    trail::{Checkpoint, Head, Line, Trust, Verdict, Verifier, head_line, lines, parse},
};
use kernel::{Op, PLATFORM, TenantId};
use serde_json::{Value, json};

use crate::{Trouble, check::Business, config::Config, witness};

/// No line of an export is longer.
const LONGEST: u64 = 256 << 20;

/// What is proved.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// Only the business with this short name; `hearth` is the account plane.
    #[arg(long, value_name = "SLUG")]
    pub tenant: Option<String>,
    /// Prove this export (JSON Lines) instead of the database; nothing else is needed.
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Checkpoints that left the machine: a file of them, or a directory. Without it the configured place is asked.
    #[arg(long, value_name = "PATH")]
    pub checkpoints: Option<PathBuf>,
    /// The id of a key that may have signed, as it was written down elsewhere; may be given again.
    #[arg(long = "key", value_name = "KID", allow_hyphen_values = true)]
    pub keys: Vec<String>,
}

/// A log to write down.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// The business with this short name; `hearth` is the account plane.
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
}

/// Signs where every log ends now, and takes the checkpoints off this machine; how many of each.
pub async fn checkpoint(db: &Db) -> kernel::Result<(u64, u64)> {
    if let Err(error) = db.sequence().await {
        tracing::debug!(%error, "another node numbers the log");
    }
    let signed = db.checkpoint(None).await?;
    Ok((signed, db.deliver_checkpoints().await?))
}

/// A new key signs from now on; what is there now is signed by the old one first. The new key's id, and those before.
pub async fn rotate_key(db: &Db) -> kernel::Result<(String, Vec<String>)> {
    checkpoint(db).await?;
    db.rotate_trail_key(&Op::program(db.source(), "cli:trail rotate-key", Some(PLATFORM))).await
}

/// All logs, that of the account plane too, or the one of a short name.
pub async fn logs(db: &Db, slug: Option<&str>) -> Result<Vec<Business>, Trouble> {
    let mut system = db.system("cli.logs").await?;
    let rows =
        sqlx::query!("SELECT id, slug FROM db.tenant WHERE slug = $1 OR $1 IS NULL ORDER BY slug", slug).fetch_all(system.conn()).await;
    let all: Vec<Business> =
        rows.map_err(kernel::Error::from)?.into_iter().map(|row| Business { id: TenantId::new(row.id), slug: row.slug }).collect();
    match slug {
        Some(slug) if all.is_empty() => {
            Err(Trouble::new(format!("there is no business called {slug}"), "Give the short name that it was opened with."))
        }
        _ => Ok(all),
    }
}

/// Proves logs in the database.
pub async fn verify(db: &Db, config: &Config, asked: &Verify) -> Result<Vec<Verdict>, Trouble> {
    let elsewhere = match &asked.checkpoints {
        Some(path) => read_checkpoints(path)?,
        None => witness::read(config).await?,
    };
    let named = Some(keys(asked)).filter(|keys| !keys.is_empty());
    let mut verdicts = Vec::new();
    for log in logs(db, asked.tenant.as_deref()).await? {
        verdicts.push(db.verify_trail(log.id, &log.slug, &elsewhere, named.as_ref()).await?);
    }
    Ok(verdicts)
}

fn keys(asked: &Verify) -> HashSet<String> {
    asked.keys.iter().cloned().collect()
}

/// Proves an export; reads no setting and needs no database.
pub fn verify_export(path: &Path, asked: &Verify) -> Result<Vec<Verdict>, Trouble> {
    let elsewhere = asked.checkpoints.as_deref().map(read_checkpoints).transpose()?.unwrap_or_default();
    let trust = Trust(Some(keys(asked)).filter(|keys| !keys.is_empty()));
    let mut reading = Reading { elsewhere, trust, now: None, verdicts: Vec::new() };
    let mut number = 0;
    for_lines(path, |line| {
        number += 1;
        reading.line(number, line)
    })?;
    reading.end();
    let wanted = |verdict: &Verdict| asked.tenant.as_ref().is_none_or(|slug| *slug == verdict.slug);
    let verdicts: Vec<Verdict> = reading.verdicts.into_iter().filter(wanted).collect();
    if verdicts.is_empty() {
        return Err(Trouble::new(
            format!("{} holds no such log", path.display()),
            "Give a file of `hearth trail export`, or of the page's export as JSON Lines.",
        ));
    }
    Ok(verdicts)
}

struct Reading {
    elsewhere: Vec<Checkpoint>,
    trust: Trust,
    now: Option<(Verifier, Head)>,
    verdicts: Vec<Verdict>,
}

impl Reading {
    fn line(&mut self, number: u64, line: &str) -> Result<(), Trouble> {
        let tenant = self.now.as_ref().map(|(_, head)| head.tenant);
        match (parse(line, tenant), &mut self.now) {
            (Ok(Line::Head(head)), _) => {
                self.end();
                let mut verifier = Verifier::new(head.tenant, &head.slug, head.chained_after, self.trust.clone());
                for checkpoint in self.elsewhere.iter().filter(|c| c.tenant_id == head.tenant) {
                    verifier.checkpoint(checkpoint.clone(), false);
                }
                self.now = Some((verifier, head));
            }
            (Ok(Line::Entry(entry)), Some((verifier, _))) => verifier.entry(&entry),
            (Ok(Line::Checkpoint(checkpoint)), Some((verifier, _))) => verifier.checkpoint(*checkpoint, true),
            (Ok(_), None) => return Err(unreadable(number, "it stands before the head of any log")),
            (Err(wrong), Some((verifier, _))) => verifier.fault("unreadable", None, format!("line {number} can't be read: {wrong}")),
            (Err(wrong), None) => return Err(unreadable(number, &wrong)),
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some((verifier, head)) = self.now.take() {
            self.verdicts.push(verifier.finish(Some(head.end())));
        }
    }
}

fn unreadable(number: u64, wrong: &str) -> Trouble {
    Trouble::new(
        format!("line {number} is none of an export that can be proved: {wrong}"),
        "Export the whole trail as JSON Lines, without filters: a selection can't be proved.",
    )
}

/// Each line of a file; memory holds one.
fn for_lines(path: &Path, mut each: impl FnMut(&str) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let broken =
        |error: std::io::Error| Trouble::new(format!("{} can't be read: {error}", path.display()), "Name a file that can be read.");
    let mut reader = BufReader::new(File::open(path).map_err(broken)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(broken)? == 0 {
            return Ok(());
        }
        // What is no UTF-8 is no JSON either: it is named by its line.
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            each(text.trim_end_matches(['\r', '\n']))?;
        }
    }
}

/// Checkpoints from a file of them or of a whole export, or from all such files of a directory.
pub fn read_checkpoints(path: &Path) -> Result<Vec<Checkpoint>, Trouble> {
    let mut found = Vec::new();
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let broken = |error: std::io::Error| {
            Trouble::new(format!("{} can't be read: {error}", path.display()), "Name a directory that can be read.")
        };
        files = std::fs::read_dir(path)
            .map_err(broken)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.extension().is_some_and(|end| end == "jsonl"))
            .collect();
        files.sort();
    }
    for file in files {
        let mut number = 0_u64;
        for_lines(&file, |line| {
            number += 1;
            let value: Option<Value> = serde_json::from_str(line).ok();
            match value.as_ref().map(|value| (value.get("checkpoint"), value)) {
                Some((Some(checkpoint), _)) => {
                    let wrong = || {
                        Trouble::new(
                            format!("line {number} of {} is no checkpoint", file.display()),
                            "The file was damaged or changed: take another copy.",
                        )
                    };
                    found.push(Checkpoint::from_json(checkpoint).ok_or_else(wrong)?);
                    Ok(())
                }
                Some((None, _)) => Ok(()),
                None => Err(Trouble::new(
                    format!("line {number} of {} can't be read", file.display()),
                    "The file was damaged or changed: take another copy.",
                )),
            }
        })?;
    }
    Ok(found)
}

/// Writes a log as lines that can be proved without the database.
pub async fn export(db: &Db, asked: &Export, out: &mut impl Write) -> Result<(), Trouble> {
    let log = logs(db, Some(&asked.tenant)).await?.remove(0);
    let mut system = db.system("cli.export").await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(system.conn()).await.map_err(kernel::Error::from)?;
    let (head, _) = head_line(system.conn(), log.id).await?;
    out.write_all(&head)?;
    let mut after = 0;
    while let Some((more, through)) = lines(system.conn(), log.id, after).await? {
        out.write_all(&more)?;
        after = through;
    }
    Ok(out.flush()?)
}

/// For programs.
pub fn told_json(verdicts: &[Verdict]) -> Value {
    json!({ "ok": whole(verdicts), "logs": verdicts })
}

/// Whether nothing is wrong with any of them.
pub fn whole(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.faults.is_empty())
}

/// For people.
pub fn told(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let Verdict { slug, entries, last, signed_through, checkpoints, .. } = verdict;
        for fault in &verdict.faults {
            text.push_str(&format!("{slug}: {}: {}\n", fault.kind.replace('_', " "), fault.text));
        }
        if verdict.faults.is_empty() {
            let signed = if *checkpoints == 0 {
                "no checkpoint yet".to_owned()
            } else {
                format!("{checkpoints} checkpoint(s), the last of entry {signed_through}, by {}", verdict.kids.join(" "))
            };
            let hash = verdict.hash.as_deref().unwrap_or("none");
            text.push_str(&format!("{slug}: {entries} entries through {last} are whole; {signed}; hash {hash}\n"));
        }
    }
    let bad = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    let end = if bad == 0 { "nothing was changed, removed or put in between".to_owned() } else { format!("{bad} not as written") };
    text.push_str(&format!("{} log(s) proved: {end}.", verdicts.len()));
    text
}
