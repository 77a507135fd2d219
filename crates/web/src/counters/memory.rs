//! Counts in this node's memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use futures::future::BoxFuture;
use kernel::At;

use super::{Ask, Count, Counted, Counters, How, Key, Lost};

/// Counts that are kept at most; each takes some 60 bytes.
const MOST: usize = 200_000;

/// Counts in memory. What is over is swept out when the room is full; should all of it still count, the tenth that ends
/// first is given up.
#[derive(Debug)]
pub struct Memory {
    held: Mutex<HashMap<Key, Count>>,
    room: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { held: Mutex::default(), room: MOST }
    }
}

impl Memory {
    fn count_now(&self, how: How, asks: &[Ask], now: At) -> Counted {
        // Counts are whole at every moment, also when somebody panicked.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = |ask: &Ask| match held.get(&ask.key) {
            Some(count) if count.ends > now => *count,
            _ => Count { n: 0, ends: now.plus_seconds(i64::from(ask.seconds)) },
        };
        let mut counts: Vec<Count> = asks.iter().map(seen).collect();
        let full = asks.iter().zip(&counts).any(|(ask, count)| count.n >= ask.most);
        if how == How::Add || (how == How::Take && !full) {
            for (ask, count) in asks.iter().zip(&mut counts) {
                count.n = count.n.saturating_add(1);
                if held.len() >= self.room && !held.contains_key(&ask.key) {
                    make_room(&mut held, now);
                }
                held.insert(ask.key, *count);
            }
        }
        if how == How::Forget {
            asks.iter().for_each(|ask| {
                held.remove(&ask.key);
            });
        }
        Counted { full, counts }
    }
}

fn make_room(held: &mut HashMap<Key, Count>, now: At) {
    let before = held.len();
    held.retain(|_, count| count.ends > now);
    let tenth = before / 10;
    if held.len() + tenth <= before {
        return;
    }
    let mut ends: Vec<At> = held.values().map(|count| count.ends).collect();
    let (_, last, _) = ends.select_nth_unstable(tenth);
    let last = *last;
    held.retain(|_, count| count.ends > last);
}

impl Counters for Memory {
    fn count<'a>(&'a self, how: How, asks: &'a [Ask], now: At) -> BoxFuture<'a, Result<Counted, Lost>> {
        Box::pin(std::future::ready(Ok(self.count_now(how, asks, now))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> At {
        At::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    fn ask(value: &str, most: u32, seconds: u32) -> Ask {
        Ask { key: Key::of("test", value), most, seconds }
    }

    #[test]
    fn a_window_begins_with_the_first_and_is_over_at_its_end() {
        let memory = Memory::default();
        let asks = [ask("ada", 2, 60)];
        assert!(!memory.count_now(How::Take, &asks, at(0)).full);
        assert!(!memory.count_now(How::Take, &asks, at(59)).full);
        let refused = memory.count_now(How::Take, &asks, at(59));
        assert_eq!(refused, Counted { full: true, counts: vec![Count { n: 2, ends: at(60) }] });
        assert!(!memory.count_now(How::Take, &asks, at(60)).full);
        assert_eq!(memory.count_now(How::Look, &asks, at(61)).counts, [Count { n: 1, ends: at(120) }]);
    }

    #[test]
    fn what_one_rule_refuses_no_other_counts() {
        let memory = Memory::default();
        let asks = [ask("wide", 10, 60), ask("narrow", 1, 60)];
        memory.count_now(How::Take, &asks, at(0));
        assert!(memory.count_now(How::Take, &asks, at(1)).full);
        assert_eq!(memory.count_now(How::Look, &asks[..1], at(1)).counts[0].n, 1);
        memory.count_now(How::Add, &asks, at(1));
        assert_eq!(memory.count_now(How::Look, &asks[1..], at(1)).counts[0].n, 2);
        memory.count_now(How::Forget, &asks, at(1));
        assert_eq!(memory.count_now(How::Look, &asks[1..], at(1)).counts[0].n, 0);
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_goes_first() {
        let memory = Memory { room: 100, ..Memory::default() };
        for n in 0..100 {
            memory.count_now(How::Take, &[ask(&format!("old {n}"), 5, 10)], at(0));
        }
        memory.count_now(How::Take, &[ask("ada", 5, 3600)], at(11));
        assert_eq!(memory.held.lock().unwrap().len(), 1, "what was over was swept out");
        for n in 0..500 {
            memory.count_now(How::Take, &[ask(&format!("flood {n}"), 5, 60)], at(12));
            assert!(memory.held.lock().unwrap().len() <= 100);
        }
        assert_eq!(memory.count_now(How::Look, &[ask("ada", 5, 3600)], at(13)).counts[0].n, 1, "what ends later stays");
    }
}
