//! How trail and activity are kept: the settings `trail_checkpoints`, `activity_months` and those of an S3 server.

use std::path::PathBuf;

use super::Reader;

/// Where checkpoints of the trail are taken, so that whoever has this machine can't change them unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkpoints {
    /// Files in a directory, one a month.
    Directory(PathBuf),
    /// Objects in a bucket.
    S3(Box<Bucket>),
}

/// A bucket of an S3 server.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What the names of objects begin with; may be empty.
    pub prefix: String,
    /// The server; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// Key and secret; none where the machine itself is known there.
    pub keys: Option<(String, String)>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket(s3://{}/{})", self.name, self.prefix)
    }
}

impl Reader<'_> {
    /// None where nothing is set.
    pub(super) fn checkpoints(&mut self) -> Option<Checkpoints> {
        let text = self.text("trail_checkpoints")?.to_owned();
        if let Some(place) = text.strip_prefix("s3://") {
            return Some(Checkpoints::S3(Box::new(self.bucket(place)?)));
        }
        let directory = PathBuf::from(&text);
        if !directory.is_absolute() {
            let mend = "Write the whole path of a directory, such as /mnt/vault/hearth, or s3://bucket/prefix.";
            self.problem("trail_checkpoints", format!("is neither a whole path nor s3://…: {text}"), mend);
            return None;
        }
        Some(Checkpoints::Directory(directory))
    }

    fn bucket(&mut self, place: &str) -> Option<Bucket> {
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let good = name.len() >= 3 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
        if !good {
            self.problem("trail_checkpoints", "names no bucket", "Write it like s3://bucket/prefix.");
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (key, secret) = (owned(self.text("s3_access_key")), owned(self.text("s3_secret_key")));
        if key.is_some() != secret.is_some() {
            let missing = if key.is_some() { "s3_secret_key" } else { "s3_access_key" };
            self.problem(missing, "is not set, but the other half of the pair is", "Set both, or neither.");
        }
        let endpoint = owned(self.text("s3_endpoint"));
        if endpoint.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            self.problem("s3_endpoint", "is no address", "Write it like https://s3.example.com.");
        }
        let region = self.text("s3_region").unwrap_or("us-east-1").to_owned();
        good.then(|| Bucket { name: name.to_owned(), prefix: prefix.trim_matches('/').to_owned(), endpoint, region, keys: key.zip(secret) })
    }
}
