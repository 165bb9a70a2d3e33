//! What the model test says at random against recipients and emails: workers refuse them, and die
//! of them. And what must be true of an email after every request.

use postrider_store::memory::State;
use postrider_store::quarantine::{Held, Subject, Suspect, SuspectEmail, Suspects, Verdict};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Refused, Reply, Request};
use postrider_types::{CampaignState, EmailId, Timestamp, WorkerId};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::examine::Snapshot;
use crate::requests::suspect;
use crate::steps::Past;
use crate::world::{TENANT, delivery};

/// One thing that is said against somebody.
#[derive(Debug, Clone)]
pub(crate) enum Poison {
    /// A worker refuses a recipient, its chunk, or the email; often when its lease is over.
    Refusal {
        claim: Index,
        place: Index,
        what: u8,
    },
    /// A worker, or all of them, died, and this is what they had in hand, or nobody knows.
    Death {
        worker: Option<u64>,
        held: Option<Vec<Word>>,
    },
}

/// One suspect among recipients that were ever claimed, or its email.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    claim: Index,
    place: Index,
    is_email: bool,
    is_deadly: bool,
}

pub(crate) fn poison() -> impl Strategy<Value = Poison> {
    let index = any::<Index>;
    let unlikely = || proptest::bool::weighted(0.2);
    let word = (index(), index(), unlikely(), unlikely());
    let word = word.prop_map(|(claim, place, is_email, is_deadly)| Word {
        claim,
        place,
        is_email,
        is_deadly,
    });
    let held = proptest::option::weighted(0.7, proptest::collection::vec(word, 1..4));
    let worker = proptest::option::weighted(0.8, 0..3_u64);
    prop_oneof![
        (index(), index(), 0..16_u8).prop_map(|(claim, place, what)| Poison::Refusal {
            claim,
            place,
            what
        }),
        (worker, held).prop_map(|(worker, held)| Poison::Death { worker, held }),
    ]
}

impl Poison {
    /// The request, or `None` when there is nothing yet that it could be about.
    pub(crate) fn request(&self, past: &Past) -> Option<Request> {
        match self {
            Self::Refusal { claim, place, what } => {
                let held = past.claim(claim)?;
                let recipient = place.get(&held.recipients).recipient;
                Some(Request::Quarantine {
                    token: held.token,
                    what: match what {
                        0 => Subject::Email,
                        1 => Subject::Chunk,
                        _ => Subject::Recipient(recipient),
                    },
                    reason: "too large for this worker".to_owned(),
                })
            }
            Self::Death { worker, held } => {
                let suspects = match held {
                    None => Suspects::Unknown,
                    Some(words) => {
                        let each = words.iter().map(|word| word.suspect(past));
                        Suspects::These(each.collect::<Option<_>>()?)
                    }
                };
                Some(Request::Reap {
                    before: Timestamp::NEVER,
                    worker: worker.map(WorkerId),
                    suspects,
                })
            }
        }
    }
}

impl Word {
    fn suspect(&self, past: &Past) -> Option<Suspect> {
        let held = past.claim(&self.claim)?;
        let one = suspect(delivery(held, self.place.index(held.recipients.len())));
        Some(Suspect {
            what: if self.is_email {
                Held::Email(TENANT, held.email)
            } else {
                one.what
            },
            verdict: if self.is_deadly {
                Verdict::Deadly("tried alone, it killed".to_owned())
            } else {
                one.verdict
            },
        })
    }
}

/// What is known against the email that all campaigns of a run send.
pub(crate) fn known(rows: &mut State) -> Option<SuspectEmail> {
    rows.suspect_email(TENANT, EmailId::of(b"an email"))
        .unwrap()
}

/// What a request may do to that: a quarantine begins by a word or a death and pauses whatever
/// sends the email, nothing is claimed while it lasts, and only a person ends it.
pub(crate) fn expect_email(
    before: Option<&SuspectEmail>,
    after: Option<&SuspectEmail>,
    (request, reply): (&Request, &Reply),
    newest: &Snapshot,
) {
    let is_held = |known: Option<&SuspectEmail>| known.is_some_and(|known| known.since.is_some());
    if *reply == Reply::Refused(Refused::LeaseOver) {
        assert_eq!(before, after, "refused, and held against it: {request:?}");
    }
    if before != after {
        let may = matches!(
            request,
            Request::Quarantine { .. } | Request::Reap { .. } | Request::LiftEmail { .. }
        );
        assert!(may, "the email's record was changed by {request:?}");
    }
    if is_held(before) && !is_held(after) {
        let is_lifted = matches!(request, Request::LiftEmail { .. });
        assert!(is_lifted, "let out of quarantine by {request:?}");
    }
    if is_held(after) {
        let begins = !is_held(before);
        let runs = newest
            .campaigns
            .iter()
            .find(|campaign| campaign.state == CampaignState::Running);
        assert!(!begins || runs.is_none(), "{runs:?} runs after {request:?}");
        let is_kept = before.and_then(|b| b.since).is_none_or(|since| {
            let after = after.and_then(|after| after.since);
            after == Some(since)
        });
        assert!(is_kept, "quarantined anew by {request:?}");
    }
    let deaths = after.map_or(&[][..], |after| &after.deaths);
    let is_told_twice = (1..deaths.len()).any(|n| deaths[n..].contains(&deaths[n - 1]));
    assert!(!is_told_twice, "{deaths:?} after {request:?}");
}
