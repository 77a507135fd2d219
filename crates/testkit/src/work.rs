//! What a request does, written down: the statements that it sends and the passwords that it hashes. So a story can show that
//! two requests do the same work, which no clock can.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, Once},
};

use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The statements, in their order. What a request leaves to tasks of their own (BEGIN) is not among them.
    pub statements: Vec<String>,
    /// How many passwords were hashed.
    pub hashes: u32,
}

impl Work {
    /// Statements that begin so.
    pub fn count(&self, beginning: &str) -> usize {
        self.statements.iter().filter(|sql| sql.starts_with(beginning)).count()
    }
}

tokio::task_local! {
    static DONE: Arc<Mutex<Work>>;
}

/// Does something, and says what work it was.
pub async fn work<T>(of: impl Future<Output = T>) -> (T, Work) {
    static HEARD: Once = Once::new();
    HEARD.call_once(|| tracing::subscriber::set_global_default(Ear).expect("no story listens to the log in another way"));
    let done = Arc::new(Mutex::new(Work::default()));
    let result = DONE.scope(done.clone(), of).await;
    let work = done.lock().unwrap().clone();
    (result, work)
}

/// Hears of statements from sqlx, of hashes from the hasher.
struct Ear;

const STATEMENT: &str = "sqlx::query";
const HASH: &str = "identity::password";

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        [STATEMENT, HASH].contains(&metadata.target()) && !metadata.is_span()
    }

    fn event(&self, event: &Event<'_>) {
        let _ = DONE.try_with(|done| {
            let mut done = done.lock().unwrap();
            if event.metadata().target() == HASH {
                done.hashes += 1;
            } else {
                let mut sql = Sql::default();
                event.record(&mut sql);
                let whole = if sql.whole.is_empty() { sql.summary } else { sql.whole };
                // What a new connection asks to know the server's types is the driver's work, not the request's.
                if !whole.contains("pg_catalog.pg_type") {
                    done.statements.push(whole.trim().to_owned());
                }
            }
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Sql {
    summary: String,
    whole: String,
}

impl Visit for Sql {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
