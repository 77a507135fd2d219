use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::binaries::Binaries;
use crate::process::{POLL, die_with_parent};
use crate::user::User;
use crate::{Error, Result, SUPERUSER};

/// The longest path of a socket, in bytes, and the name that PostgreSQL gives it.
const LONGEST_SOCKET: usize = 107;
pub(crate) const PORT: u16 = 5432;
const SOCKET: &str = ".s.PGSQL.5432";
const SOCKET_LOCK: &str = ".s.PGSQL.5432.lock";

/// The most that is read of a file that the server's user may write, and the most of it that an error shows.
const MOST_READ: u64 = 64 * 1024;
const TAIL_LINES: usize = 6;

/// `<data>/postgres`, and what lies in it. It belongs to whoever runs Hearth.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub fn open(data_dir: &Path, me: &User) -> Result<Self> {
        // Root's is open to pass through, not to list: the server's user must reach its own directories below.
        let mode = if me.is_root() { 0o711 } else { 0o700 };
        if !data_dir.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(data_dir);
            made.and_then(|()| fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)))
                .map_err(Error::io("could not make", data_dir))?;
        }
        // The server changes its working directory, so the path must not depend on ours.
        let data_dir = fs::canonicalize(data_dir).map_err(Error::io("could not open", data_dir))?;
        let home = data_dir.join("postgres");
        match fs::create_dir(&home) {
            Err(refused) if refused.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("could not make", &home)(refused));
            }
            _ => {}
        }
        let owner = fs::symlink_metadata(&home).map_err(Error::io("could not open", &home))?.uid();
        if owner != me.uid {
            let owner = User::by_uid(owner).map_or(owner.to_string(), |user| user.name);
            return Err(Error::OtherOwner { path: home, owner });
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(mode)).map_err(Error::io("could not set up", &home))?;
        Ok(Self(home))
    }

    /// Removes it with all that lies in it.
    pub fn remove(&self) -> Result<()> {
        remove_tree(&self.0).map_err(Error::io("could not remove", &self.0))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn lock(&self) -> PathBuf {
        self.path("lock")
    }

    /// The major version that wrote the cluster; `None` when there is no cluster yet.
    pub fn major(&self) -> Result<Option<u32>> {
        let data = self.data();
        if fs::symlink_metadata(&data).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let version = read_some(&data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
        version.map(Some).ok_or(Error::NotACluster { path: data })
    }

    /// Makes the cluster. It gets its name only when it is complete.
    pub fn init(&self, binaries: &Binaries, user: &User, durable: bool) -> Result<()> {
        let new = self.path("data.new");
        remove_tree(&new).map_err(Error::io("could not remove", &new))?;
        make_private(&new, user).map_err(Error::io("could not make", &new))?;
        let mut initdb = user.command(&binaries.program("initdb"));
        initdb.arg("-D").arg(&new).args(["-U", SUPERUSER, "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8"]);
        initdb.arg("--data-checksums");
        if !durable {
            initdb.arg("--no-sync");
        }
        die_with_parent(&mut initdb, Signal::KILL);
        let out = initdb.output().map_err(Error::io("could not run", &binaries.program("initdb")))?;
        if !out.status.success() {
            return Err(Error::InitFailed { log: tail(&String::from_utf8_lossy(&out.stderr)) });
        }
        let data = self.data();
        fs::rename(&new, &data).map_err(Error::io("could not rename", &new))?;
        File::open(&self.0).and_then(|dir| dir.sync_all()).map_err(Error::io("could not save", &self.0))
    }

    /// Writes who may connect: the user who runs Hearth, the server's own and root, by the kernel's word on who they
    /// are, as the superuser and each of the roles. There are no passwords and no other way in.
    pub fn write_access(&self, roles: &[String], users: &[&User]) -> Result<()> {
        let hba = "local all all peer map=hearth\nlocal replication all peer map=hearth\n";
        let mut names: Vec<&str> = users.iter().map(|user| user.name.as_str()).chain(["root"]).collect();
        names.sort_unstable();
        names.dedup();
        let roles = || roles.iter().map(String::as_str).chain([SUPERUSER]);
        let lines = names.iter().flat_map(|name| roles().map(move |role| ident_line(name, role)));
        self.write("hba.conf", hba)?;
        self.write("ident.conf", &lines.collect::<String>())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o644)))
            .map_err(Error::io("could not write", &path))
    }

    /// A fresh log; that of the last start is kept beside it.
    pub fn new_log(&self) -> Result<File> {
        let log = self.path("log");
        if let Err(refused) = fs::rename(&log, self.path("log.old"))
            && refused.kind() != io::ErrorKind::NotFound
        {
            return Err(Error::io("could not rename", &log)(refused));
        }
        let mut open = fs::OpenOptions::new();
        open.append(true).create_new(true).mode(0o600).open(&log).map_err(Error::io("could not make", &log))
    }

    /// The end of the log, on one line.
    pub fn log_tail(&self) -> String {
        tail(&read_some(&self.path("log")).unwrap_or_default())
    }
}

fn ident_line(user: &str, role: &str) -> String {
    let quoted = |name: &str| name.replace('"', "\"\"");
    format!("hearth \"{}\" \"{}\"\n", quoted(user), quoted(role))
}

/// The first part of a file, as text.
pub(crate) fn read_some(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(MOST_READ).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match &lines[lines.len().saturating_sub(TAIL_LINES)..] {
        [] => "it said nothing".to_owned(),
        last => last.join("; "),
    }
}

/// Finds the first directory that the server's user can't enter, by trying it.
pub(crate) fn check_reachable(home: &Home, user: &User, binaries: &Binaries) -> Result<()> {
    if user.uid == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let program = binaries.program("postgres");
    let runs_in = |dir: &Path| {
        let mut command = user.command(&program);
        command.arg("--version").current_dir(dir).stdout(std::process::Stdio::null());
        command.status().map(|_| ())
    };
    let Err(refused) = runs_in(&home.0) else { return Ok(()) };
    if runs_in(Path::new("/")).is_err() {
        return Err(Error::io("could not run", &program)(refused));
    }
    let mut down: Vec<&Path> = home.0.ancestors().collect();
    down.reverse();
    let closed = down.into_iter().find(|dir| runs_in(dir).is_err()).unwrap_or(&home.0);
    Err(Error::NotReachable { path: closed.to_owned(), user: user.name.clone() })
}

/// Makes, or checks, the directory of the socket: beside the cluster, or where that path would not do, a short one of
/// the same name at every start.
pub(crate) fn socket_dir(home: &Home, user: &User) -> Result<PathBuf> {
    let beside = home.path("socket");
    let mut tried = beside.clone();
    if fits(&beside) {
        return private_socket_dir(beside, user);
    }
    let of_home = fs::metadata(&home.0).map_err(Error::io("could not open", &home.0))?;
    let name = format!("hearth-{:x}-{:x}", of_home.dev(), of_home.ino());
    for base in short_bases() {
        tried = base.join(&name);
        if base.is_dir() && fits(&tried) {
            match private_socket_dir(tried.clone(), user) {
                Err(Error::Io { .. }) => {}
                done => return done,
            }
        }
    }
    Err(Error::PathTooLong { path: tried })
}

/// Directories for what lives as long as the machine runs; only root may write in the first.
fn short_bases() -> Vec<PathBuf> {
    let of_session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let is_root = rustix::process::geteuid().is_root();
    let mut bases = if is_root { vec!["/run".into()] } else { Vec::from_iter(of_session) };
    bases.extend([std::env::temp_dir(), "/tmp".into()]);
    bases
}

/// Clients take a comma in a host for the end of the first of several hosts.
fn fits(socket_dir: &Path) -> bool {
    let path = socket_dir.join(SOCKET);
    path.as_os_str().len() <= LONGEST_SOCKET && !path.as_os_str().as_bytes().contains(&b',')
}

/// In a directory that all may write, somebody else may have been first with the name: then it is refused.
fn private_socket_dir(dir: PathBuf, user: &User) -> Result<PathBuf> {
    match make_private(&dir, user) {
        Err(refused) if refused.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("could not make", &dir)(refused));
        }
        _ => {}
    }
    let is = fs::symlink_metadata(&dir).map_err(Error::io("could not open", &dir))?;
    if !is.is_dir() || is.uid() != user.uid || is.mode() & 0o777 != 0o700 {
        return Err(Error::SocketDir { path: dir, user: user.name.clone() });
    }
    // Left by a server that was killed. Nobody uses them: the lock is ours, and what was left running has ended.
    for name in [SOCKET, SOCKET_LOCK] {
        let _ = fs::remove_file(dir.join(name));
    }
    Ok(dir)
}

/// Removes a short directory; the one beside the cluster stays.
pub(crate) fn remove_socket_dir(home: &Home, dir: &Path) {
    if dir.parent() != Some(&home.0) {
        let _ = fs::remove_dir(dir);
    }
}

fn make_private(dir: &Path, user: &User) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)?;
    chown(dir, Some(user.uid), Some(user.gid))
}

/// A killed `initdb` may write for another moment.
fn remove_tree(dir: &Path) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match fs::remove_dir_all(dir) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(filled) if filled.kind() == io::ErrorKind::DirectoryNotEmpty && Instant::now() < deadline => {
                std::thread::sleep(POLL);
            }
            other => return other,
        }
    }
}

/// `name="dir"`, the way a list of directories is written, so that commas in a path mean nothing.
pub(crate) fn listed(name: &str, dir: &Path) -> std::ffi::OsString {
    let mut text = format!("{name}=\"").into_bytes();
    for &byte in dir.as_os_str().as_bytes() {
        text.push(byte);
        if byte == b'"' {
            text.push(byte);
        }
    }
    text.push(b'"');
    OsStr::from_bytes(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_in_the_map() {
        assert_eq!(ident_line("o\"neil", "hearth_app"), "hearth \"o\"\"neil\" \"hearth_app\"\n");
    }

    #[test]
    fn the_end_of_a_log_is_one_line() {
        assert_eq!(tail(""), "it said nothing");
        assert_eq!(tail("1\n2\n\n 3\n4\n5\n6\n7\n"), "2; 3; 4; 5; 6; 7");
    }

    #[test]
    fn a_socket_fits_to_the_byte() {
        let longest = "/".to_owned() + &"x".repeat(LONGEST_SOCKET - SOCKET.len() - 2);
        assert!(fits(Path::new(&longest)));
        assert!(!fits(Path::new(&(longest + "x"))));
        assert!(!fits(Path::new("/bread, rolls")));
    }

    #[test]
    fn directories_with_commas_and_quotes_stay_whole() {
        assert_eq!(listed("d", Path::new("/a,b\"c")), "d=\"/a,b\"\"c\"");
    }
}
