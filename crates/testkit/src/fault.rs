//! Stories in which PostgreSQL itself is stopped and killed: each has a cluster of its own.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;

use postgres::{Server, Settings};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::Story;
use crate::story::{config_of, runtime};

/// A PostgreSQL that the story may stop, start and kill.
pub struct OwnCluster {
    settings: Settings,
    server: Option<Server>,
    _dir: TempDir,
}

/// Tells a story on a cluster of its own. `durable` as for a business: what was committed survives a kill.
pub fn own_cluster<F, T>(durable: bool, told: F)
where
    F: FnOnce(Story, OwnCluster) -> T,
    T: Future<Output = ()>,
{
    runtime().block_on(async {
        let cluster = OwnCluster::start(durable);
        let socket_dir = cluster.socket_dir();
        let as_role = |role: &str| hearth::open::as_role(&socket_dir, role);
        hearth::open::set_up(as_role, &hearth::migrations(), false, hearth::open::Purpose::Migrate).await.unwrap();
        let story = Story::begin(&config_of(as_role("hearth_app"), as_role("hearth_system"))).await;
        told(story, cluster).await;
    });
}

impl OwnCluster {
    fn start(durable: bool) -> Self {
        let dir = TempDir::with_prefix("hearth-own-").unwrap();
        if geteuid().is_root() {
            // The server's user passes through.
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        }
        let settings = Settings { durable, ..Settings::new(dir.path()) };
        let server = postgres::start(settings.clone()).unwrap();
        Self { settings, server: Some(server), _dir: dir }
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.settings.data_dir
    }

    /// Where it listens.
    pub fn socket_dir(&self) -> std::path::PathBuf {
        self.server.as_ref().unwrap().socket_dir().to_owned()
    }

    /// Stops the server in good order.
    pub fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    /// Starts it again after [`OwnCluster::stop`] or [`OwnCluster::kill`].
    pub fn start_again(&mut self) {
        match &mut self.server {
            Some(server) => drop(server.revive().unwrap()),
            None => self.server = Some(postgres::start(self.settings.clone()).unwrap()),
        }
    }

    /// Kills the server as a power failure would, and returns when it is gone.
    pub fn kill(&mut self) {
        let server = self.server.as_mut().unwrap();
        let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        while server.ended().is_none() {
            std::thread::yield_now();
        }
    }
}
