//! How often something may be asked for: so many times in a window, by the client's address, by the account that is meant, by
//! whoever is signed in. Rules are data beside the routes ([`crate::Routes::limited`]); the call and the page's form of one act
//! name the same rules, so that neither is a way round the other.

use std::net::{IpAddr, Ipv6Addr};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use db::{Activity, activity};
use kernel::{Actor, At, Error, Result};

use crate::{
    Cx,
    counters::{Ask, Counted, Counters, How, Key, Memory, Redis},
};

/// Used-up limits that are remembered as noted at most.
const NOTED: usize = 10_000;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// Those of a client's address: of IPv6, of its /56, which one household or office has whole.
    Address,
    /// Those of what a request names; where it names none, the rule says nothing.
    Key(fn(&Cx) -> Option<String>),
}

/// So many in so many seconds.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name; what carries the same name is counted together.
    pub name: &'static str,
    /// Whose.
    pub by: By,
    /// How many.
    pub most: u32,
    /// In so many seconds from the first.
    pub seconds: u32,
}

/// Whoever is signed in, by token, key or cookie.
const SIGNED_IN: Rule = Rule { name: "api", by: By::Key(caller), most: 600, seconds: 60 };

/// The state of the limit that is nearest to its end, as an answer's headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many there may be.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// Seconds until all of them are there again.
    pub reset: u32,
}

/// What one request's answer tells of limits.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<Option<Rate>>>);

impl Rates {
    fn note(&self, rate: Rate) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_none_or(|other| rate.remaining < other.remaining) {
            *noted = Some(rate);
        }
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Some(rate) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        for (name, value) in [("ratelimit-limit", rate.limit), ("ratelimit-remaining", rate.remaining), ("ratelimit-reset", rate.reset)] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

/// How counts are kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// By this node alone: it is the only one.
    Own,
    /// Together with the other nodes.
    Shared,
    /// By this node alone, for the shared Redis does not answer.
    Lost,
}

/// What came of taking one of each rule.
struct Taken {
    /// The limit to tell of.
    rate: Option<Rate>,
    allowed: Result<()>,
    /// Refused for the first time in this window.
    first: bool,
}

/// The counts of one program.
#[derive(Debug)]
pub struct Limits {
    own: Memory,
    shared: Option<Redis>,
    times: u32,
    /// What was noted as used up, until its window ends: a flood is one note.
    noted: Mutex<HashMap<Key, At>>,
}

impl Limits {
    /// Counts in `shared`, if there is one. `times` widens every limit; 1 leaves them as they are.
    pub fn new(shared: Option<Redis>, times: u32) -> Self {
        Self { own: Memory::default(), shared, times: times.max(1), noted: Mutex::default() }
    }

    /// How counts are kept now.
    pub fn counting(&self) -> Counting {
        match &self.shared {
            None => Counting::Own,
            Some(redis) if redis.answers() => Counting::Shared,
            Some(_) => Counting::Lost,
        }
    }

    /// Counts, together with other nodes if they can be reached, else in this node's memory: a limit never goes away.
    pub async fn count(&self, how: How, asks: &[Ask], now: At) -> Counted {
        if let Some(redis) = &self.shared
            && let Ok(counted) = redis.count(how, asks, now).await
        {
            return counted;
        }
        match self.own.count(how, asks, now).await {
            Ok(counted) => counted,
            // Memory does not get lost.
            Err(_) => Counted { full: true, counts: Vec::new() },
        }
    }

    /// Whether some of the rules is used up for the first time in its window, as far as this node knows.
    fn first_full(&self, asks: &[Ask], counted: &Counted, now: At) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= NOTED {
            noted.retain(|_, ends| *ends > now);
        }
        let mut first = false;
        for (ask, count) in asks.iter().zip(&counted.counts).filter(|(ask, count)| count.n >= ask.most) {
            let known = noted.get(&ask.key).is_some_and(|ends| *ends > now);
            if !known && noted.len() < NOTED {
                noted.insert(ask.key, count.ends);
                first = true;
            }
        }
        first
    }

    /// Takes one of each rule, or of none where one is used up.
    async fn take(&self, rules: &[(&Rule, String)], now: At) -> Taken {
        let most = |rule: &Rule| rule.most.saturating_mul(self.times);
        let asks: Vec<Ask> =
            rules.iter().map(|(rule, value)| Ask { key: Key::of(rule.name, value), most: most(rule), seconds: rule.seconds }).collect();
        let counted = self.count(How::Take, &asks, now).await;
        let rate = |(ask, count): (&Ask, &crate::counters::Count)| Rate {
            limit: ask.most,
            remaining: ask.most.saturating_sub(count.n),
            reset: u32::try_from((count.ends.micros() - now.micros() + 999_999).div_euclid(1_000_000)).unwrap_or(1).max(1),
        };
        let rates = asks.iter().zip(&counted.counts).map(rate);
        if counted.full {
            // Whoever comes again after this long finds every one of them open.
            let longest = rates.filter(|rate| rate.remaining == 0).max_by_key(|rate| rate.reset);
            return Taken {
                rate: longest,
                allowed: Err(Error::TooMany(longest.map_or(1, |rate| rate.reset))),
                first: self.first_full(&asks, &counted, now),
            };
        }
        Taken { rate: rates.min_by_key(|rate| rate.remaining), allowed: Ok(()), first: false }
    }
}

impl Cx {
    /// Takes one of a rule for a value that only the handler knows; `too_many` where it is used up.
    pub async fn limit(&self, rule: &Rule, value: impl Into<String>) -> Result<()> {
        take(self, &[(rule, value.into())]).await
    }
}

/// Counts a request of somebody who is signed in, whatever they ask for.
pub(crate) async fn of_caller(cx: &Cx) -> Result<()> {
    match caller(cx) {
        Some(caller) => take(cx, &[(&SIGNED_IN, caller)]).await,
        None => Ok(()),
    }
}

/// Counts a request by the rules of its route.
pub(crate) async fn of_route(cx: &Cx) -> Result<()> {
    let value = |rule: &'static Rule| match rule.by {
        By::Address => Some(network(cx.op.address)),
        By::Key(key) => key(cx),
    };
    let rules: Vec<_> = cx.route.limits.iter().filter_map(|rule| Some((rule, value(rule)?))).collect();
    take(cx, &rules).await
}

async fn take(cx: &Cx, rules: &[(&Rule, String)]) -> Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    let Taken { rate, allowed, first } = cx.app.limits().take(rules, cx.app.db().source().now()).await;
    if let Some(rate) = rate {
        cx.rates.note(rate);
    }
    if first {
        let detail = serde_json::json!({ "route": cx.route.path });
        cx.app.db().note(Activity::of(&cx.op, activity::LIMITED, "route").detail(detail));
    }
    allowed
}

/// The token, key or session of a request; none where nobody is signed in, or where it costs nothing (files, health).
fn caller(cx: &Cx) -> Option<String> {
    if cx.op.actor == Actor::Nobody || (cx.route.needs == kernel::Permission::Open && !cx.route.path.starts_with("/v1/")) {
        return None;
    }
    if let Some(bearer) = cx.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        return Some(bearer.to_owned());
    }
    cx.viewer.as_ref().and_then(|viewer| viewer.csrf.clone())
}

/// What counts as one client.
pub fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(v6)) => format!("{}/56", Ipv6Addr::from_bits(v6.to_bits() & (!0 << 72))),
        Some(v4) => v4.to_string(),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { name: "test", by: By::Address, most: 2, seconds: 60 };
    const WIDE: Rule = Rule { name: "wide", by: By::Address, most: 10, seconds: 3600 };

    fn at(seconds: i64) -> At {
        At::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    #[tokio::test]
    async fn the_nearest_limit_is_told_and_the_wait_is_true() {
        let limits = Limits::new(None, 1);
        let rules = [(&RULE, "a".to_owned()), (&WIDE, "a".to_owned())];
        assert_eq!(limits.take(&rules, at(0)).await.rate, Some(Rate { limit: 2, remaining: 1, reset: 60 }));
        limits.take(&rules, at(1)).await.allowed.unwrap();
        let full = limits.take(&rules, at(20)).await;
        assert_eq!(full.rate, Some(Rate { limit: 2, remaining: 0, reset: 40 }));
        assert!(matches!(full.allowed, Err(Error::TooMany(40))) && full.first);
        assert!(!limits.take(&rules, at(21)).await.first, "a flood is noted once");
        assert!(limits.take(&rules, at(60)).await.allowed.is_ok(), "after the seconds that were said");
        assert_eq!(limits.counting(), Counting::Own);
    }

    #[tokio::test]
    async fn wider_limits_are_wider_and_never_off() {
        let limits = Limits::new(None, 3);
        for _ in 0..6 {
            assert!(limits.take(&[(&RULE, "a".into())], at(0)).await.allowed.is_ok());
        }
        assert!(limits.take(&[(&RULE, "a".into())], at(0)).await.allowed.is_err());
        assert_eq!(Limits::new(None, 0).times, 1);
    }

    #[test]
    fn an_office_of_ipv6_is_one_client() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2a00::1"), of("2001:db8:1:2aff:9:8:7:6"));
        assert_ne!(of("2001:db8:1:2a00::1"), of("2001:db8:1:2b00::1"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    }
}
