//! Where checkpoints are kept off this machine: files of a directory, or objects of an S3 server.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use db::trail::{Checkpoint, Deliver};
use futures::TryStreamExt;
use kernel::{Error, Result, Source};
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, path::Path as Key};
use serde_json::{Value, json};

use crate::{
    Trouble,
    config::{Bucket, Checkpoints, Config},
    trail::read_checkpoints,
};

/// No object of checkpoints is larger.
const LARGEST: u64 = 64 << 20;

/// What takes checkpoints to where the configuration says; none where it says nothing.
pub fn deliver(config: &Config, source: &Source) -> Result<Option<Deliver>, Trouble> {
    Ok(match config.checkpoints.clone() {
        None => None,
        Some(Checkpoints::Directory(directory)) => {
            let directory: Arc<Path> = directory.into();
            Some(Arc::new(move |checkpoints| {
                let directory = directory.clone();
                Box::pin(async move {
                    let written = tokio::task::spawn_blocking(move || append(&directory, &checkpoints)).await;
                    written
                        .map_err(|e| Error::Internal(e.to_string()))?
                        .map_err(|e| Error::Unavailable(60, format!("checkpoints can't be written: {e}")))
                })
            }))
        }
        Some(Checkpoints::S3(bucket)) => {
            let (store, source) = (open(&bucket)?, source.clone());
            Some(Arc::new(move |checkpoints| {
                let (store, bucket, source) = (store.clone(), bucket.clone(), source.clone());
                Box::pin(async move { put(store.as_ref(), &bucket, &source, &checkpoints).await })
            }))
        }
    })
}

fn line(checkpoint: &Checkpoint) -> String {
    format!("{}\n", json!({ "checkpoint": checkpoint.json() }))
}

fn month(checkpoint: &Checkpoint) -> String {
    checkpoint.at.timestamp().strftime("%Y-%m").to_string()
}

/// Appends to the file of each checkpoint's month; returns when the disk has it.
fn append(directory: &Path, checkpoints: &[Checkpoint]) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for of_month in checkpoints.chunk_by(|a, b| month(a) == month(b)) {
        let name = format!("checkpoints-{}.jsonl", month(&of_month[0]));
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(directory.join(name))?;
        file.write_all(of_month.iter().map(line).collect::<String>().as_bytes())?;
        file.sync_all()?;
    }
    File::open(directory)?.sync_all()
}

fn open(bucket: &Bucket) -> Result<Arc<dyn ObjectStore>, Trouble> {
    let mut builder = AmazonS3Builder::new().with_bucket_name(&bucket.name).with_region(&bucket.region);
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some((key, secret)) = &bucket.keys {
        builder = builder.with_access_key_id(key).with_secret_access_key(secret);
    }
    let store = builder
        .build()
        .map_err(|error| Trouble::new(format!("the S3 server can't be used: {error}"), "See HEARTH_S3_ENDPOINT and its neighbours."))?;
    Ok(Arc::new(store))
}

/// One object for each delivery, for objects can't be appended to; its name sorts by time and is never used again.
async fn put(store: &dyn ObjectStore, bucket: &Bucket, source: &Source, checkpoints: &[Checkpoint]) -> Result<()> {
    let name = format!("{}/checkpoints-{}.jsonl", source.now().timestamp().strftime("%Y-%m"), source.uuid());
    let key = if bucket.prefix.is_empty() { Key::from(name) } else { Key::from(format!("{}/{name}", bucket.prefix)) };
    let text: String = checkpoints.iter().map(line).collect();
    store.put(&key, text.into()).await.map_err(|error| Error::Unavailable(60, format!("checkpoints can't be stored: {error}")))?;
    Ok(())
}

/// The checkpoints that left this machine, from where the configuration says.
pub async fn read(config: &Config) -> Result<Vec<Checkpoint>, Trouble> {
    match &config.checkpoints {
        None => Ok(Vec::new()),
        Some(Checkpoints::Directory(directory)) if !directory.exists() => Ok(Vec::new()),
        Some(Checkpoints::Directory(directory)) => read_checkpoints(directory),
        Some(Checkpoints::S3(bucket)) => get(open(bucket)?.as_ref(), bucket).await,
    }
}

async fn get(store: &dyn ObjectStore, bucket: &Bucket) -> Result<Vec<Checkpoint>, Trouble> {
    let broken = |error: object_store::Error| {
        Trouble::new(format!("the S3 server does not give the checkpoints: {error}"), "See HEARTH_S3_ENDPOINT and its neighbours.")
    };
    let prefix = (!bucket.prefix.is_empty()).then(|| Key::from(bucket.prefix.as_str()));
    let all: Vec<_> = store.list(prefix.as_ref()).try_collect().await.map_err(broken)?;
    let mut found = Vec::new();
    for object in all.into_iter().filter(|object| object.location.as_ref().ends_with(".jsonl") && object.size <= LARGEST) {
        let bytes = store.get(&object.location).await.map_err(broken)?.bytes().await.map_err(broken)?;
        for text in String::from_utf8_lossy(&bytes).lines() {
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            let wrong = || {
                Trouble::new(
                    format!("{} holds what is no checkpoint", object.location),
                    "The object was damaged or changed: take another copy.",
                )
            };
            found.push(value.get("checkpoint").and_then(Checkpoint::from_json).ok_or_else(wrong)?);
        }
    }
    Ok(found)
}
