//! Work for later: whose it is, how many workers it may have, and what becomes of it when it never succeeds.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use db::{Db, Jobs, Later, Tx};
use kernel::{Error, Job, Op, Result, TenantId};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::world::{World, run};

/// What a job of these stories is asked to do. Jobs are plain functions, so what they share with a story is global.
static OVEN: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));
static IN_THE_OVEN: AtomicUsize = AtomicUsize::new(0);
static DELIVERED: AtomicBool = AtomicBool::new(false);
static BROKEN: AtomicBool = AtomicBool::new(true);

async fn queue(world: &World, tenant: TenantId, name: &'static str) {
    let mut system = world.db.system("story.queue").await.unwrap();
    system.queue(tenant, &Job { name, payload: json!({}), run_at: world.clock.now() }).await.unwrap();
    system.commit().await.unwrap();
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}

fn later(name: &'static str, run: db::Run) -> Later {
    Later { name, run, died: None }
}

#[test]
fn one_businesss_jobs_never_take_all_workers() {
    fn bake(_: Db, _: Op, _: Value) -> futures::future::BoxFuture<'static, Result<()>> {
        Box::pin(async {
            IN_THE_OVEN.fetch_add(1, Ordering::SeqCst);
            OVEN.acquire().await.unwrap().forget();
            Ok(())
        })
    }
    fn deliver(_: Db, _: Op, _: Value) -> futures::future::BoxFuture<'static, Result<()>> {
        Box::pin(async {
            DELIVERED.store(true, Ordering::SeqCst);
            Ok(())
        })
    }
    run(async |world| {
        for _ in 0..6 {
            queue(&world, world.bakery, "bake").await;
        }
        queue(&world, world.mill, "deliver").await;
        let jobs = Jobs::new(world.db.clone(), vec![later("bake", bake), later("deliver", deliver)], Vec::new(), Vec::new());
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn(async move { jobs.work(stopped).await });
        // The bakery asked first and six times, and nothing that it asked for ends.
        eventually("the mill's job is done", || DELIVERED.load(Ordering::SeqCst) && IN_THE_OVEN.load(Ordering::SeqCst) >= 2).await;
        assert_eq!(IN_THE_OVEN.load(Ordering::SeqCst), 2, "no more of one business are at work");
        OVEN.add_permits(6);
        eventually("the bakery's are done after it, two at a time", || IN_THE_OVEN.load(Ordering::SeqCst) == 6).await;
        stop.send(true).unwrap();
        working.await.unwrap();
        assert_eq!(world.db.dead_jobs().await.unwrap().len(), 0);
    });
}

#[test]
fn a_job_that_never_succeeds_settles_its_document_is_listed_and_tried_again_when_somebody_says_so() {
    fn send(_: Db, _: Op, _: Value) -> futures::future::BoxFuture<'static, Result<()>> {
        Box::pin(async { if BROKEN.load(Ordering::SeqCst) { panic!("the oven is cold") } else { Ok(()) } })
    }
    fn died(db: Db, op: Op, _: Value, error: Error) -> futures::future::BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let mut tx: Tx = db.begin(op).await?;
            tx.log(kernel::Change::of(
                "story.died",
                "story",
                kernel::Id::<kernel::of::Job>::new(tx.op().source.uuid()),
                &json!({ "why": error.to_string() }),
            ));
            tx.commit().await.map(|_| ())
        })
    }
    run(async |world| {
        queue(&world, world.bakery, "send").await;
        let jobs = Jobs::new(world.db.clone(), vec![Later { name: "send", run: send, died: Some(died) }], Vec::new(), Vec::new());
        for tried in 1..=8 {
            assert!(world.db.dead_jobs().await.unwrap().is_empty(), "not before it was tried eight times");
            assert_eq!(jobs.work_all(world.bakery).await.unwrap(), 1, "try {tried}");
            world.clock.set(world.clock.now().plus_seconds(600));
        }
        assert_eq!(jobs.work_all(world.bakery).await.unwrap(), 0, "it is laid aside");
        let dead = world.db.dead_jobs().await.unwrap();
        let [job] = &dead[..] else { panic!("{dead:?}") };
        assert_eq!((job.tenant.as_str(), job.name.as_str(), job.attempts), ("bakery", "send", 8));
        assert!(job.error.as_ref().unwrap().contains("the oven is cold"), "{job:?}");
        world.db.sequence().await.unwrap();
        assert!(world.export(world.bakery).await.contains("the oven is cold"), "its document was told");

        BROKEN.store(false, Ordering::SeqCst);
        let op = world.op(kernel::PLATFORM);
        assert!(matches!(world.db.retry_job(&op, world.clock.uuid()).await, Err(Error::NotFound)));
        world.db.retry_job(&op, job.id).await.unwrap();
        assert!(matches!(world.db.retry_job(&op, job.id).await, Err(Error::NotFound)), "it is no dead one any more");
        assert_eq!(jobs.work_all(world.bakery).await.unwrap(), 1);
        assert!(world.db.dead_jobs().await.unwrap().is_empty());
        assert_eq!(jobs.work_all(world.bakery).await.unwrap(), 0, "it is done");
    });
}
