//! Trials: what a process had in hand when it died is tried alone, in a process of its own.
//!
//! A crash says nothing of whom it was about, and several may have been in hand. So each of them
//! is rendered once more where it can harm nobody: by `postrider trial`, the same program, with
//! bounds on its memory and its time. Whoever kills that process too is deadly, and is quarantined
//! with the reason; whoever does not goes on, with the death counted against them.
//!
//! ```text
//! notes of a dead process --in_hand::read--> suspects --one trial each--> verdicts --> reap
//! ```
//!
//! Invariant: a trial that could not be made, or was cut off, condemns nobody.

mod ask;
mod child;
mod ending;
mod evidence;
mod last_life;
mod parent;

use std::io;
use std::path::Path;

use postrider_pipeline::in_hand::{self, Found, Note};
use postrider_store::Store;
use postrider_store::bounds::SUSPECTS_MAX;
use postrider_store::quarantine::{Held, Suspect, Suspects, Verdict};

pub use child::run;
pub(crate) use last_life::{
    last_life_is_over, of_last_life, service_begins, service_file, worker_begins, worker_file,
};
pub(crate) use parent::Trials;

use crate::wiring::DkimError;

/// Why there was no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The input cannot be read.
    #[error("what is to be tried cannot be read")]
    Input(#[source] io::Error),
    /// The input is something else.
    #[error("what is to be tried was not said as this version says it")]
    Ask,
    /// The keys that sign cannot be used.
    #[error("the keys that sign cannot be used")]
    Dkim(#[from] DkimError),
    /// The system does not let this process limit itself, or gives it no thread.
    #[error("a trial cannot be made")]
    System(#[source] io::Error),
    /// What tries has failed, and not by what it tried.
    #[error("the trial panicked")]
    Panicked,
}

/// Who may have killed the process that kept its notes at `path`, tried one by one.
pub(crate) async fn suspects(trials: &Trials, store: &Store, path: &Path) -> Suspects {
    match in_hand::read(path) {
        Found::Nobody => Suspects::Nobody,
        Found::Unknown => Suspects::Unknown,
        Found::Notes(notes) => Suspects::These(trials.judge(store, notes).await),
    }
}

/// The same where nobody can be tried, or there is no time for it.
pub(crate) fn untried(path: &Path) -> Suspects {
    match in_hand::read(path) {
        Found::Nobody => Suspects::Nobody,
        Found::Unknown => Suspects::Unknown,
        Found::Notes(notes) => {
            let notes = notes.into_iter().take(SUSPECTS_MAX);
            let suspects = notes.map(|note| suspect(note, Verdict::Open));
            Suspects::These(suspects.collect())
        }
    }
}

/// What was in hand, as people call it.
pub(crate) fn name_of(note: Note) -> String {
    match note {
        Note::Rendering { delivery, .. } => format!(
            "the message of recipient {} of campaign {}",
            delivery.recipient, delivery.campaign
        ),
        Note::Loading { email, .. } => email.to_string(),
    }
}

fn suspect(note: Note, verdict: Verdict) -> Suspect {
    let what = match note {
        Note::Rendering { delivery, .. } => Held::Delivery(delivery),
        Note::Loading { tenant, email } => Held::Email(tenant, email),
    };
    Suspect { what, verdict }
}
