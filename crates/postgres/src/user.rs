use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::files::Home;
use crate::{Error, Result};

/// A user of the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// Who runs this program.
    pub fn current() -> Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        Self::by_uid(uid).ok_or(Error::NamelessUser { uid })
    }

    /// Who runs the server when root runs Hearth: whoever owns the cluster already, else `postgres`, else `nobody`.
    pub fn for_server(home: &Home) -> Result<Self> {
        let owner = fs::symlink_metadata(home.data()).ok().map(|data| data.uid()).filter(|&uid| uid != 0);
        owner
            .and_then(Self::by_uid)
            .or_else(|| find("postgres", 0))
            .or_else(|| find("nobody", 0))
            .filter(|user| !user.is_root())
            .ok_or(Error::NoUser)
    }

    pub fn by_uid(uid: u32) -> Option<Self> {
        find(&uid.to_string(), 2)
    }

    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// A command that runs as this user, knows nothing of our environment (which may hold secrets) and is in its own
    /// process group, so that Ctrl-C at the terminal reaches Hearth alone, which then stops the server in good order.
    pub fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").process_group(0).stdin(std::process::Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if rustix::process::geteuid().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }
}

/// Looks a user up by a field of its line: 0 the name, 2 the number. `getent` knows those of a directory service.
fn find(key: &str, field: usize) -> Option<User> {
    let local = fs::read_to_string("/etc/passwd").unwrap_or_default();
    in_passwd(&local, key, field).or_else(|| {
        let out = Command::new("getent").args(["passwd", key]).output().ok()?;
        in_passwd(&String::from_utf8_lossy(&out.stdout), key, field)
    })
}

fn in_passwd(passwd: &str, key: &str, field: usize) -> Option<User> {
    passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| {
        let (name, uid, gid) = (*fields.first()?, fields.get(2)?, fields.get(3)?);
        (fields[field] == key).then_some(())?;
        Some(User { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nbaker:x:1000:1001::/home/baker:/bin/sh\n";
        let baker = User { name: "baker".into(), uid: 1000, gid: 1001 };
        assert_eq!(in_passwd(passwd, "baker", 0), Some(baker.clone()));
        assert_eq!(in_passwd(passwd, "1000", 2), Some(baker));
        assert_eq!(in_passwd(passwd, "1001", 2), None);
    }
}
