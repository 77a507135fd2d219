//! Counts in a Redis or Valkey that several nodes share: one script for each question, so that two nodes never count past each
//! other.

use std::{
    fmt,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use kernel::At;
use redis::{AsyncConnectionConfig, Client, Script, aio::MultiplexedConnection};

use super::{Ask, Count, Counted, Counters, How, Lost};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_millis(500);
/// How long an answer may take; a request waits for it.
const ANSWER: Duration = Duration::from_millis(250);
/// After a failure nobody asks for so long.
const REST: Duration = Duration::from_secs(1);
/// Milliseconds for which Redis keeps a count beyond its window: nodes' clocks may differ a little.
const BEYOND: i64 = 60_000;

/// For each key: `n` and the end of its window. A window that ends later than a whole one from now was begun by a node whose clock
/// is ahead, and is cut.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local how, now, beyond, full, seen = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), 0, {}
        for i, key in ipairs(KEYS) do
            local most, window = tonumber(ARGV[2 * i + 2]), tonumber(ARGV[2 * i + 3])
            local held = redis.call('HMGET', key, 'n', 'ends')
            local n, ends = tonumber(held[1] or 0), tonumber(held[2] or 0)
            if ends <= now then n, ends = 0, now + window end
            if ends > now + window then ends = now + window end
            if n >= most then full = 1 end
            seen[i] = { n, ends, window }
        end
        local answer = { full }
        for i, key in ipairs(KEYS) do
            local n, ends, window = seen[i][1], seen[i][2], seen[i][3]
            if how == 'add' or (how == 'take' and full == 0) then
                n = n + 1
                redis.call('HSET', key, 'n', n, 'ends', ends)
                redis.call('PEXPIRE', key, window + beyond)
            elseif how == 'forget' then
                redis.call('DEL', key)
            end
            answer[2 * i], answer[2 * i + 1] = n, ends
        end
        return answer",
    )
});

/// A Redis or Valkey. Cheap to clone; it connects when it is first asked, and again after it was away.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connection: Mutex<Option<MultiplexedConnection>>,
    /// One connects, nobody waits for it.
    connecting: tokio::sync::Mutex<()>,
    failed: Mutex<Option<Instant>>,
    lost: AtomicBool,
}

impl fmt::Debug for Redis {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// A Redis by its address: `redis://:password@host:6379/0`, or `rediss://…` with TLS. None where it is no such address.
    pub fn parse(address: &str) -> Option<Self> {
        let known = ["redis://", "rediss://", "redis+unix://"].iter().any(|scheme| address.starts_with(scheme));
        let client = known.then(|| Client::open(address).ok()).flatten()?;
        Some(Self { client, state: Arc::default() })
    }

    /// Whether it answers and counts; said by a program that can't be without it, before it serves.
    pub async fn try_out(&self) -> Result<(), Lost> {
        self.ask(How::Look, &[], At::from_micros(0)).await.map(|_| ())
    }

    /// Whether the last question was answered.
    pub fn answers(&self) -> bool {
        !self.state.lost.load(Ordering::Relaxed)
    }

    fn rests(&self) -> bool {
        let failed = self.state.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|at| at.elapsed() < REST)
    }

    fn connected(&self) -> Option<MultiplexedConnection> {
        self.state.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, connection: Option<MultiplexedConnection>) {
        *self.state.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Lost> {
        if let Some(connection) = self.connected() {
            return Ok(connection);
        }
        let Ok(_alone) = self.state.connecting.try_lock() else { return Err(Lost("it is being connected to".into())) };
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connected = tokio::time::timeout(2 * CONNECT, connecting).await;
        match connected {
            Ok(Ok(connection)) => {
                self.keep(Some(connection.clone()));
                Ok(connection)
            }
            Ok(Err(error)) => Err(self.failed(&error.to_string())),
            Err(_) => Err(self.failed("no connection in time")),
        }
    }

    /// Notes a failure; said once, until it answers again.
    fn failed(&self, why: &str) -> Lost {
        self.keep(None);
        *self.state.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if !self.state.lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "Redis does not answer: limits are counted by this node alone until it does");
        }
        Lost(why.to_owned())
    }

    async fn ask(&self, how: How, asks: &[Ask], now: At) -> Result<Counted, Lost> {
        if self.rests() {
            return Err(Lost("it did not answer a moment ago".into()));
        }
        let word = match how {
            How::Take => "take",
            How::Add => "add",
            How::Look => "look",
            How::Forget => "forget",
        };
        let mut call = SCRIPT.prepare_invoke();
        call.arg(word).arg(now.micros().div_euclid(1000)).arg(BEYOND);
        for ask in asks {
            call.key(format!("hearth:count:{:032x}", u128::from_be_bytes(ask.key.0))).arg(ask.most).arg(i64::from(ask.seconds) * 1000);
        }
        let mut was_open = self.connected().is_some();
        let answer: Vec<i64> = loop {
            let mut connection = self.connection().await?;
            match tokio::time::timeout(2 * ANSWER, call.invoke_async(&mut connection)).await {
                Ok(Ok(answer)) => break answer,
                // It was restarted since it was last asked.
                Ok(Err(error)) if was_open && error.is_connection_dropped() => {
                    self.keep(None);
                    was_open = false;
                }
                Ok(Err(error)) => return Err(self.failed(&error.to_string())),
                Err(_) => return Err(self.failed("no answer in time")),
            }
        };
        if self.state.lost.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis answers again: limits are counted together");
        }
        let (full, counts) = answer.split_first().ok_or_else(|| Lost("it answers nothing".into()))?;
        let count = |pair: &[i64]| match pair {
            [n, ends] => Some(Count { n: u32::try_from(*n).unwrap_or(u32::MAX), ends: At::from_micros(ends.saturating_mul(1000)) }),
            _ => None,
        };
        Ok(Counted { full: *full == 1, counts: counts.chunks(2).filter_map(count).collect() })
    }
}

impl Counters for Redis {
    fn count<'a>(&'a self, how: How, asks: &'a [Ask], now: At) -> BoxFuture<'a, Result<Counted, Lost>> {
        Box::pin(self.ask(how, asks, now))
    }
}
