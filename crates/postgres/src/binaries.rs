use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, OLDEST_MAJOR, Result};

/// The programs of one installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
    pub version: String,
}

impl Binaries {
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Asks the `postgres` of a directory for its version.
    fn of(dir: PathBuf) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let out = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
        let (major, version) = parse_version(&String::from_utf8_lossy(&out.stdout))?;
        Some(Self { dir: fs::canonicalize(&dir).unwrap_or(dir), major, version })
    }
}

/// The programs to run: those of the major that wrote the data, or the newest. A configured directory is the only one
/// looked at.
pub(crate) fn choose(configured: Option<&Path>, written_by: Option<u32>, data: &Path) -> Result<Binaries> {
    let dirs = match configured {
        Some(dir) => vec![dir.to_owned()],
        None => usual_dirs(),
    };
    pick(dirs.into_iter().filter_map(Binaries::of).collect(), written_by, data)
}

fn pick(mut installed: Vec<Binaries>, written_by: Option<u32>, data: &Path) -> Result<Binaries> {
    // Stable: of two with the same major, the one looked at first is kept.
    installed.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    let found = match &installed[..] {
        [] => "none".to_owned(),
        some => some.iter().map(|b| b.version.as_str()).collect::<Vec<_>>().join(", "),
    };
    let fits = |major| written_by.map_or(major >= OLDEST_MAJOR, |needs| major == needs);
    installed.into_iter().find(|b| fits(b.major)).ok_or(match written_by {
        Some(needs) => Error::OtherMajor { path: data.to_owned(), found, needs },
        None => Error::NotInstalled { found },
    })
}

/// Where packages put PostgreSQL, then `PATH`.
fn usual_dirs() -> Vec<PathBuf> {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged.map(|entry| entry.path().join("bin")).chain(std::env::split_paths(&path)).collect()
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn parse_version(line: &str) -> Option<(u32, String)> {
    let version = line.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((digits.parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Binaries> {
        let of = |&major: &u32| Binaries { dir: format!("/{major}").into(), major, version: format!("{major}.1") };
        majors.iter().map(of).collect()
    }

    #[test]
    fn versions_are_read() {
        let debian = "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n";
        assert_eq!(parse_version(debian), Some((15, "15.13".into())));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1"), Some((19, "19beta1".into())));
        assert_eq!(parse_version("something else 15.1"), None);
    }

    #[test]
    fn new_data_gets_the_newest_and_old_data_its_own() {
        let data = Path::new("/data");
        assert_eq!(pick(installed(&[15, 17, 16]), None, data).unwrap().major, 17);
        assert_eq!(pick(installed(&[15, 17, 16]), Some(16), data).unwrap().major, 16);
    }

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        let data = Path::new("/data");
        let says = |installed, written_by| pick(installed, written_by, data).unwrap_err().to_string();
        assert!(says(installed(&[]), None).contains("found none: run `apt-get install postgresql`"));
        assert!(says(installed(&[13]), None).contains("found 13.1"));
        let other = says(installed(&[17, 15]), Some(16));
        assert!(other.contains("/data was written by PostgreSQL 16, installed is 17.1, 15.1"), "{other}");
        assert!(!other.contains('\n'));
    }
}
