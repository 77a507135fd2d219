//! What the files are: read once, on a thread of its own.

use std::{collections::HashSet, sync::Arc};

use kernel::{Error, Result};
use tables::{FileProfile, Guess, Limits, Mapping, Part, Source};

use super::table_error;

/// Files that were read once, and what they are taken for.
#[derive(Clone, Debug)]
pub struct Understood {
    /// The files.
    pub files: Vec<Source>,
    /// What was found in each.
    pub profiles: Vec<FileProfile>,
    /// What that means, with the reasons.
    pub guess: Guess,
}

/// Reads the files once and guesses what they mean. A file that is no table is refused (`import.file`) with the reason.
pub async fn understand(files: Vec<Source>) -> Result<Understood> {
    if files.is_empty() {
        return Err(Error::field("files", "text.needed"));
    }
    blocking(move || {
        let profiles =
            files.iter().map(|file| tables::profile(file, &Limits::default())).collect::<Result<Vec<_>, _>>().map_err(table_error)?;
        let guess = tables::guess(&profiles);
        Ok(Understood { files, profiles, guess })
    })
    .await
}

/// Work that takes a while and no database.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(e.to_string()))?
}

/// Everything that reading needs.
#[derive(Clone)]
pub(super) struct Reading {
    pub files: Arc<[Source]>,
    pub profiles: Arc<[FileProfile]>,
    pub mapping: Arc<Mapping>,
    /// Files with lines that were imported before.
    pub known: Arc<HashSet<String>>,
}

impl Reading {
    /// The files by a mapping; by the guess when there is none, which must then be without a problem.
    pub fn of(understood: Understood, mapping: Option<Mapping>) -> Result<Self> {
        let mapping = match mapping {
            Some(mapping) => mapping,
            None => match understood.guess.problems.into_iter().next() {
                Some(problem) => return Err(table_error(problem)),
                None => understood.guess.mapping,
            },
        };
        Ok(Self { files: understood.files.into(), profiles: understood.profiles.into(), mapping: Arc::new(mapping), known: Arc::default() })
    }

    /// The files with sale lines.
    pub fn line_files(&self) -> Vec<&FileProfile> {
        let is_lines = |name: &str| self.mapping.files.iter().any(|f| f.name == name && f.part == Part::Lines);
        self.profiles.iter().filter(|p| is_lines(&p.name)).collect()
    }

    /// The name of a source that nobody named: the columns' names of its first file with lines.
    pub fn usual_source(&self) -> String {
        let columns = self.line_files().first().map(|file| file.columns.as_slice()).unwrap_or_default();
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let all: String = names.join(", ").chars().filter(|c| !c.is_control()).take(200).collect();
        if all.is_empty() { "file".to_owned() } else { all }
    }

    /// Opens the lines from their beginning. To be called where blocking is allowed.
    pub fn lines(&self) -> Result<tables::Lines> {
        tables::read(&self.files, &self.profiles, &self.mapping, &Limits::default()).map_err(table_error)
    }
}
