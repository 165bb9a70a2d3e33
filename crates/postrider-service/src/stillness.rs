//! Notices a process that stands still: one that does not answer, or does not get done with what
//! it has in hand.
//!
//! A message is rendered within milliseconds. So whatever is in hand at one look is gone at the
//! next, and the same note at every look for longer than any lease lasts is a rendering that never
//! ends. A process that was stopped for a shorter time goes on unharmed, and so does one whose
//! watcher was stopped.

use std::time::Duration;

use postrider_pipeline::in_hand::{Found, Note};
use postrider_types::Timestamp;

use crate::bounds::{SILENCE_LEASES, SILENCE_LOOKS, SILENCE_MARGIN, SILENCES_PER_LOAD};
use crate::trial;

/// So many looks that were missed tell that whoever looks was stopped too, or the whole machine.
const GAP_LOOKS: u32 = 3;

const _: () = assert!(
    GAP_LOOKS < SILENCE_LOOKS,
    "a gap is noticed before it is blamed"
);

/// What was seen of one process.
#[derive(Debug)]
pub(crate) struct Stillness {
    after_max: Duration,
    /// When whoever looks began to look without a gap.
    awake_since: Timestamp,
    looked_at: Timestamp,
    /// What was in hand at the last look, and since which look.
    noted: Vec<(Note, Timestamp)>,
}

impl Stillness {
    /// For a process whose leases last so long, and that was well just now.
    pub(crate) const fn new(lease_time: Duration, now: Timestamp) -> Self {
        let after_max = lease_time.saturating_mul(SILENCE_LEASES);
        Self {
            after_max: after_max.saturating_add(SILENCE_MARGIN),
            awake_since: now,
            looked_at: now,
            noted: Vec::new(),
        }
    }

    /// How often it is to be looked at.
    pub(crate) fn look_every(&self) -> Duration {
        self.after_max / SILENCE_LOOKS
    }

    /// Looks, and says what is wrong: `answered_at` is when it answered last.
    pub(crate) fn look(
        &mut self,
        answered_at: Timestamp,
        found: Found,
        now: Timestamp,
    ) -> Option<String> {
        if now.since(self.looked_at) > self.look_every() * GAP_LOOKS {
            self.awake_since = now;
            self.noted.clear();
        }
        self.looked_at = now;
        let notes = match found {
            Found::Notes(notes) => notes,
            // Read while it was being written, or not written yet.
            Found::Nobody | Found::Unknown => Vec::new(),
        };
        let since = |note: Note| {
            let before = self.noted.iter().find(|(noted, _)| *noted == note);
            (note, before.map_or(now, |(_, since)| *since))
        };
        self.noted = notes.into_iter().map(since).collect();
        let silent_for = now.since(answered_at.max(self.awake_since));
        if silent_for > self.after_max {
            return Some(format!(
                "it has not answered for {} s",
                silent_for.as_secs()
            ));
        }
        self.noted.iter().find_map(|(note, since)| {
            let (verb, after_max) = match note {
                Note::Rendering { .. } => ("rendering", self.after_max),
                Note::Loading { .. } => ("preparing", self.after_max * SILENCES_PER_LOAD),
            };
            let held_for = now.since(*since);
            let name = trial::name_of(*note);
            let seconds = held_for.as_secs();
            (held_for > after_max).then(|| format!("it has been {verb} {name} for {seconds} s"))
        })
    }
}

#[cfg(test)]
mod tests {
    use postrider_types::{CampaignId, ChunkId, DeliveryId, EmailId, RecipientId, TenantId};

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    const LEASE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn rendering(number: u32) -> Note {
        Note::Rendering {
            delivery: DeliveryId {
                tenant: TenantId::DEFAULT,
                campaign: CampaignId(7),
                recipient: RecipientId(number),
            },
            chunk: ChunkId(1),
            email: EmailId::of(b"an email"),
        }
    }

    /// Looks at these seconds at what `seen` says of each, and gives what was wrong, and when.
    fn wrong(
        looks: impl Iterator<Item = u64>,
        seen: impl Fn(u64) -> (Timestamp, Vec<Note>),
    ) -> Option<(u64, String)> {
        let mut stillness = Stillness::new(LEASE, at(0));
        for seconds in looks {
            let (answered_at, notes) = seen(seconds);
            let wrong = stillness.look(answered_at, Found::Notes(notes), at(seconds));
            if let Some(wrong) = wrong {
                return Some((seconds, wrong));
            }
        }
        None
    }

    fn every_look() -> impl Iterator<Item = u64> {
        let every = Stillness::new(LEASE, at(0)).look_every().as_secs();
        (0..200).step_by(usize::try_from(every).unwrap())
    }

    fn other(now: u64) -> Note {
        rendering(u32::try_from(now).unwrap() + 100)
    }

    #[test]
    fn whoever_answers_and_gets_done_is_left_alone() {
        assert_eq!(wrong(every_look(), |now| (at(now), vec![other(now)])), None);
        assert_eq!(wrong(every_look(), |now| (at(now), Vec::new())), None);
    }

    #[test]
    fn whoever_does_not_answer_for_two_leases_stands_still_and_before_that_does_not() {
        let (when, wrong_with) = wrong(every_look(), |_| (at(0), Vec::new())).unwrap();
        assert!((63..75).contains(&when), "{when}");
        assert!(
            wrong_with.starts_with("it has not answered for"),
            "{wrong_with}"
        );
        let stopped = |now| (at(if now < 60 { 0 } else { now }), Vec::new());
        assert_eq!(wrong(every_look(), stopped), None);
    }

    #[test]
    fn one_message_in_hand_for_two_leases_is_never_done() {
        let seen = |now| (at(now), vec![other(now), rendering(4)]);
        let (when, wrong_with) = wrong(every_look(), seen).unwrap();
        assert!((63..75).contains(&when), "{when}");
        assert!(
            wrong_with.contains("recipient 4 of campaign"),
            "{wrong_with}"
        );
    }

    #[test]
    fn one_body_may_take_five_times_as_long() {
        let loading = Note::Loading {
            tenant: TenantId::DEFAULT,
            email: EmailId::of(b"an email"),
        };
        let seen = |now| (at(now), vec![loading]);
        let looks = (0..600).step_by(7);
        let (when, wrong_with) = wrong(looks, seen).unwrap();
        assert!((311..325).contains(&when), "{when}");
        assert!(wrong_with.contains("preparing eml_"), "{wrong_with}");
    }

    #[test]
    fn a_message_that_was_gone_at_one_look_is_another_one() {
        let is_gone = |now| (30..40).contains(&now) || (90..100).contains(&now);
        let seen = |now| {
            (
                at(now),
                Vec::from_iter((!is_gone(now)).then(|| rendering(4))),
            )
        };
        let until = every_look().take_while(|now| *now < 150);
        assert_eq!(wrong(until, seen), None);
    }

    #[test]
    fn a_watcher_that_was_stopped_blames_nobody() {
        let before = |now: u64| (at(now.min(8)), vec![rendering(4)]);
        assert_eq!(wrong([8, 300, 308].into_iter(), before), None);
    }
}
