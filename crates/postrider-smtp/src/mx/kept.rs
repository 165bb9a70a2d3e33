//! What is known of domains, bounded, and asked for once however many want it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postrider_types::{Domain, Timestamp};

use super::{DOMAINS_KEPT_MAX, NoRoute, Resolution, TTL_MAX};

pub(super) type Known = Result<Resolution, NoRoute>;

/// One domain. Whoever asks holds the lock meanwhile, so the others wait and read what came of it;
/// when the one who asks is dropped, the next asks.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// The domains that are known, and those that are being asked for.
#[derive(Default)]
pub(super) struct Kept {
    slots: Mutex<HashMap<Domain, Slot>>,
}

impl Kept {
    /// What is known of `domain` at `now`, or what `ask` finds out.
    pub(super) async fn get(
        &self,
        domain: &Domain,
        ask: impl AsyncFnOnce() -> Known,
        now: Timestamp,
    ) -> Known {
        let slot = self.slot(domain, now);
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| is_current(known, now)) {
            return known.clone();
        }
        known.insert(ask().await).clone()
    }

    /// The domain's slot. When all are in use, one that nobody else sees: it is asked, not kept.
    fn slot(&self, domain: &Domain, now: Timestamp) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(domain) {
            return Arc::clone(slot);
        }
        if slots.len() >= DOMAINS_KEPT_MAX {
            make_room(&mut slots, now);
        }
        let slot = Slot::default();
        if slots.len() < DOMAINS_KEPT_MAX {
            slots.insert(domain.clone(), Arc::clone(&slot));
        }
        slot
    }
}

/// Forgets what is no longer true, and an eighth of the rest, what ends first: so this is rare.
/// A slot that is locked is being asked for, and stays.
fn make_room(slots: &mut HashMap<Domain, Slot>, now: Timestamp) {
    let mut ends: Vec<(Timestamp, Domain)> = Vec::new();
    slots.retain(|domain, slot| {
        let Ok(known) = slot.try_lock() else {
            return true;
        };
        let current = known.as_ref().filter(|known| is_current(known, now));
        ends.extend(current.map(|known| (valid_until(known), domain.clone())));
        current.is_some()
    });
    if slots.len() < DOMAINS_KEPT_MAX / 8 * 7 {
        return;
    }
    ends.sort_unstable();
    for (_, domain) in ends.iter().take(DOMAINS_KEPT_MAX / 8) {
        slots.remove(domain);
    }
}

/// Until when: never more than the longest TTL from here, so that a clock that was set back keeps
/// nothing for longer than that.
fn is_current(known: &Known, now: Timestamp) -> bool {
    let until = valid_until(known);
    now < until && until <= now.plus(TTL_MAX)
}

const fn valid_until(known: &Known) -> Timestamp {
    match known {
        Ok(resolution) => resolution.valid_until,
        Err(no_route) => no_route.valid_until,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Reason;
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000_000)
    }

    fn domain(number: usize) -> Domain {
        format!("d{number}.test").parse().unwrap()
    }

    fn known(number: usize, ttl: Duration) -> Known {
        Err(NoRoute {
            domain: domain(number),
            reason: Reason::NoDomain,
            valid_until: now().plus(ttl),
        })
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_is_known_is_asked_again_only_after_its_time() {
        let kept = Kept::default();
        let domain = domain(1);
        let mut asked = 0;
        for (after, expect) in [(0, 1), (59, 1), (60, 2)] {
            let at = now().plus(Duration::from_secs(after));
            let answer = kept.get(
                &domain,
                async || {
                    asked += 1;
                    known(1, MINUTE)
                },
                at,
            );
            answer.await.unwrap_err();
            assert_eq!(asked, expect, "after {after} s");
        }
    }

    #[tokio::test]
    async fn whoever_comes_while_it_is_asked_waits_for_the_same_answer() {
        let kept = Kept::default();
        let domain = domain(1);
        let (answer, asked) = tokio::sync::oneshot::channel();
        let first = kept.get(&domain, async || asked.await.unwrap(), now());
        let second = kept.get(&domain, async || panic!("it is asked once"), now());
        let tell = async { answer.send(known(1, MINUTE)).unwrap() };
        let (first, second, ()) = tokio::join!(first, second, tell);
        assert_eq!(first, second);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_keeps_nothing_for_long() {
        let kept = Kept::default();
        let domain = domain(1);
        let first = kept.get(&domain, async || known(1, MINUTE), now());
        first.await.unwrap_err();
        let mut is_asked = false;
        let earlier = now().minus(TTL_MAX);
        let again = kept.get(
            &domain,
            async || {
                is_asked = true;
                known(1, MINUTE)
            },
            earlier,
        );
        again.await.unwrap_err();
        assert!(is_asked);
    }

    #[tokio::test]
    async fn the_domains_are_bounded_and_the_first_to_end_are_forgotten() {
        let kept = Kept::default();
        for number in 0..DOMAINS_KEPT_MAX + 1 {
            let ttl = MINUTE + Duration::from_millis(number as u64);
            let _ = kept
                .get(&domain(number), async || known(number, ttl), now())
                .await;
        }
        let slots = kept.slots.lock().unwrap();
        assert_eq!(slots.len(), DOMAINS_KEPT_MAX / 8 * 7 + 1);
        assert!(!slots.contains_key(&domain(0)));
        assert!(slots.contains_key(&domain(DOMAINS_KEPT_MAX)));
    }

    #[tokio::test]
    async fn one_that_gives_up_while_it_asks_leaves_the_question_to_the_next() {
        let kept = Kept::default();
        let domain = domain(1);
        let never = kept.get(&domain, async || std::future::pending().await, now());
        let soon = Duration::from_millis(1);
        tokio::time::timeout(soon, never).await.unwrap_err();
        let next = kept.get(&domain, async || known(1, MINUTE), now());
        next.await.unwrap_err();
    }
}
