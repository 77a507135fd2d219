use std::io;
use std::path::{Path, PathBuf};

/// Why the private server does not run. Each is one line, with what mends it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL that Hearth can run is on this machine.
    #[error("PostgreSQL {oldest} or newer is needed, found {found}: run `apt-get install postgresql`, or configure the directory of its programs", oldest = crate::OLDEST_MAJOR)]
    NotInstalled {
        /// The majors that are here, too old; or "none".
        found: String,
    },
    /// The data was written by another major version than those that are installed. Nothing was touched.
    #[error("{} was written by PostgreSQL {needs}, installed is {found}: run `apt-get install postgresql-{needs}`, or move the data with pg_upgrade; nothing was touched", .path.display())]
    OtherMajor {
        /// The cluster.
        path: PathBuf,
        /// The majors that are installed; or "none".
        found: String,
        /// The major that wrote the data.
        needs: u32,
    },
    /// The directory is not a cluster: its version can't be read. Nothing was touched.
    #[error("{} has no readable PG_VERSION, so it is no database of PostgreSQL: move it away, or restore it from a backup; nothing was touched", .path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
    },
    /// Another Hearth runs the server of this data directory.
    #[error("another hearth (process {pid}) already runs on this data directory: stop it, or choose another --data-dir")]
    AlreadyRunning {
        /// The process of that Hearth; 0 when it has not said yet.
        pid: u32,
    },
    /// A server that an earlier Hearth left behind does not end.
    #[error("a PostgreSQL left behind (process {pid}) still uses {} and does not end: stop it with `kill -QUIT {pid}`", .path.display())]
    LeftBehind {
        /// The process of the old server.
        pid: u32,
        /// The cluster.
        path: PathBuf,
    },
    /// The socket would have a longer path than Unix allows, in every directory that was tried.
    #[error("no directory is short enough for a socket (tried {}): choose a shorter --data-dir or TMPDIR", .path.display())]
    PathTooLong {
        /// The last one tried.
        path: PathBuf,
    },
    /// The directory for the socket exists and is not private to the server's user.
    #[error("{} is not a directory that belongs to {user} alone: remove it", .path.display())]
    SocketDir {
        /// The directory.
        path: PathBuf,
        /// The user of the server.
        user: String,
    },
    /// The user that the server runs as can't enter the directory.
    #[error("the user {user}, who runs PostgreSQL, can't enter {}: run `chmod o+x {}`, or choose another --data-dir", .path.display(), .path.display())]
    NotReachable {
        /// The first directory on the way that is closed.
        path: PathBuf,
        /// The user of the server.
        user: String,
    },
    /// The data belongs to somebody else.
    #[error("{} belongs to {owner}: run hearth as {owner}, or choose another --data-dir", .path.display())]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// Name, or number, of the owner.
        owner: String,
    },
    /// PostgreSQL does not run for a user without a name.
    #[error("the user {uid} has no name, which PostgreSQL needs: add a line for it to /etc/passwd")]
    NamelessUser {
        /// The user's number.
        uid: u32,
    },
    /// Root started Hearth and there is no user to run the server as.
    #[error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run hearth as another user")]
    NoUser,
    /// `initdb` refused.
    #[error("the database could not be made: {log}")]
    InitFailed {
        /// The end of what `initdb` said.
        log: String,
    },
    /// The server ended before it took connections, or never took any.
    #[error("PostgreSQL did not start: {log}")]
    StartFailed {
        /// The end of the server's log.
        log: String,
    },
    /// The file system refused.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was tried, such as "could not write".
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// An [`Error::Io`], for `map_err`.
    pub(crate) fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}
