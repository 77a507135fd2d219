//! `hearth serve`: the program at work, until it is told to end.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Source;
use post::Postman;
use postgres::{Access, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use web::{App, Settings};

use crate::config::Config;
use crate::open::{Opened, Purpose};
use crate::{Trouble, http, mail, migrations, open, slices};

/// How long work beside requests may take to finish once the program ends.
const FINISH: Duration = Duration::from_secs(10);
/// How often the private server is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// The program over an open database.
pub fn app(db: db::Db, config: &Config) -> App {
    let settings = Settings {
        public_url: config.public_url.to_string(),
        production: config.production(),
        trusted_proxies: usize::from(config.trusted_proxies),
        spool: spool(config),
        mail: mail::place(config),
        texts: config.sms.as_ref().map(post::Gateway::shown),
        redis: config.redis.clone(),
        limit_factor: config.limit_factor,
        captcha: config.captcha.clone(),
        breaches: config.breaches.clone(),
        cors_origins: config.cors_origins.clone(),
        providers: config.providers.clone(),
        external: config.external.clone(),
        auth_off: config.auth_off.clone(),
    };
    App::new(db, slices(), settings)
}

fn spool(config: &Config) -> PathBuf {
    config.data_dir.join("spool")
}

/// Makes the directory in which uploads lie; nobody else may read them.
pub fn make_spool(config: &Config) -> Result<(), Trouble> {
    let dir = spool(config);
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|error| {
        Trouble::new(format!("could not make {}: {error}", dir.display()), "Choose a data directory that may be written: --data-dir DIR.")
    })
}

/// Listens where the configuration says.
pub async fn listen(at: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(at).await.map_err(|error| {
        let mend = "Set HEARTH_LISTEN, or --port, to an address of this machine that is free.";
        Trouble::new(format!("can't listen on {at}: {error}"), mend)
    })
}

/// One of several nodes does not begin to serve while it can't count with the others; a node alone counts by itself until it can.
async fn reach_redis(config: &Config) -> Result<(), Trouble> {
    let Some(redis) = &config.redis else { return Ok(()) };
    match redis.try_out().await {
        Err(lost) if config.nodes > 1 => {
            let mend = "See that the Redis of HEARTH_REDIS_URL runs and can be reached from here, or serve with one node: HEARTH_NODES=1.";
            Err(Trouble::new(format!("Redis does not answer, and this is one of {} nodes: {lost}", config.nodes), mend))
        }
        _ => Ok(()),
    }
}

/// Where authentication is off, there is an owner as whom everybody acts.
async fn everybody_is_somebody(db: &db::Db, config: &Config) -> Result<(), Trouble> {
    let Some(slug) = &config.auth_off else { return Ok(()) };
    let owner = identity::first_owner(db, slug).await.map_err(|error| Trouble::new(error.to_string(), "See that the database answers."))?;
    if owner.is_none() {
        let mend = "Name a business of this installation in HEARTH_AUTH_OFF_TENANT (`hearth tenant list`), or remove HEARTH_AUTH.";
        return Err(Trouble::new(format!("authentication is off, but no business is called {slug} and has an owner"), mend));
    }
    println!("Authentication is OFF: whoever uses this machine is the owner of {slug}.");
    Ok(())
}

/// Opens the database, serves, and ends in good order at SIGTERM or SIGINT.
pub async fn serve(config: &Config) -> Result<(), Trouble> {
    // First, so that an address that is taken costs no start of a database.
    let listener = listen(config.listen).await?;
    reach_redis(config).await?;
    let opened = open::open(config, Source::real(), &migrations(), Purpose::Serve).await?.0;
    make_spool(config)?;
    everybody_is_somebody(&opened.db, config).await?;
    let app = app(opened.db.clone(), config);
    println!("Hearth serves on {}", config.public_url);
    for note in config.notes() {
        println!("  {note}");
    }
    run(app, opened, listener, config).await
}

/// Serves an open database until a signal comes.
pub async fn run(app: App, opened: Opened, listener: TcpListener, config: &Config) -> Result<(), Trouble> {
    let (tell, stop) = watch::channel(false);
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let Opened { db, server } = opened;
    let server = Watched::new(server);
    let mut beside = work_beside(&app, &stop);
    let ways = (mail::carrier(config), mail::texts(config));
    if ways.0.is_some() || ways.1.is_some() {
        let (postman, stop) = (Postman::new(app.db().clone(), ways.0, ways.1), stop.clone());
        beside.spawn(async move { postman.work(stop).await });
    }
    beside.spawn(server.clone().watch(stop.clone()));
    let requests = tokio::spawn(http::serve(listener, app.router(), stop));
    tokio::select! { _ = signals.0.recv() => {}, _ = signals.1.recv() => {} }
    tracing::info!("ending: finishing what is in flight");
    let _ = tell.send(true);
    let finish = async {
        let _ = requests.await;
        if tokio::time::timeout(FINISH, async { while beside.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!("some work was broken off; it is done again at the next start");
        }
        beside.shutdown().await;
        // What the last requests noted.
        let _ = tokio::time::timeout(Duration::from_secs(2), db.flush_activity()).await;
        let _ = tokio::time::timeout(Duration::from_secs(2), db.close()).await;
        let _ = tokio::task::spawn_blocking(move || server.stop()).await;
    };
    // Who asks a second time does not want to wait.
    tokio::select! {
        () = finish => Ok(()),
        _ = signals.0.recv() => Ok(()),
        _ = signals.1.recv() => Ok(()),
    }
}

/// Starts what runs beside requests: the sequencer, the line to other nodes, the queue of jobs, periodic work.
pub fn work_beside(app: &App, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let (leads, lead) = watch::channel(false);
    let mut beside = JoinSet::new();
    let (db, jobs) = (app.db().clone(), app.jobs());
    let (sequencer, listener, worker, leader) = (db.clone(), db, jobs.clone(), jobs);
    let stops = [(); 5].map(|()| stop.clone());
    let [a, b, c, d, e] = stops;
    let notes = app.db().clone();
    beside.spawn(async move { notes.write_activity(e).await });
    beside.spawn(async move { sequencer.lead(leads, a).await });
    beside.spawn(async move { listener.listen(b).await });
    beside.spawn(async move { worker.work(c).await });
    beside.spawn(async move { leader.lead(lead, d).await });
    beside
}

/// The private server, started again when it ends by itself.
#[derive(Clone)]
struct Watched(Arc<Mutex<Option<Box<Server>>>>);

impl Watched {
    fn new(server: Option<Access>) -> Self {
        let own = match server {
            Some(Access::Own(server)) => Some(server),
            _ => None,
        };
        Self(Arc::new(Mutex::new(own)))
    }

    async fn watch(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(GLANCE) => {} }
            let ended = self.with(|server| server.ended().is_some());
            if ended != Some(true) {
                continue;
            }
            let again = self.clone();
            let revived = tokio::task::spawn_blocking(move || again.with(Server::revive)).await;
            if let Ok(Some(Err(error))) = revived {
                tracing::error!(%error, "the private PostgreSQL does not start; trying again");
            }
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Server) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref_mut().map(look)
    }

    fn stop(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
