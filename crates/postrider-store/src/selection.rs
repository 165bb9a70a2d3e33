//! The words of what a person decides about deliveries: whom it is about, and what is to come of
//! them.

use postrider_types::{DeliveryState, Domain, Receipt, RecipientId};
use serde::{Deserialize, Serialize};

use crate::bounds::SELECTED_MAX;

/// Whom a decision is about: deliveries of one campaign that fit every part of this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// In one of these states; at least one.
    pub states: Vec<DeliveryState>,
    /// With one of these numbers, at most [`SELECTED_MAX`]; `None` is everybody.
    pub recipients: Option<Vec<RecipientId>>,
    /// At this domain.
    pub domain: Option<Domain>,
    /// Whose newest reply has this code; 0 is a reason of our own.
    pub reply_code: Option<u16>,
    /// Whose newest reply has this in its text, in any case.
    pub reply_text: Option<String>,
}

impl Selection {
    /// Everybody in one of `states`.
    pub fn of(states: &[DeliveryState]) -> Self {
        Self {
            states: states.to_vec(),
            ..Self::default()
        }
    }

    /// Whether it is about this delivery.
    pub fn has(&self, receipt: &Receipt) -> bool {
        let reply = receipt.reply.as_ref();
        let is_chosen = |chosen: &Vec<_>| chosen.contains(&receipt.delivery.recipient);
        let is_at = |domain: &Domain| receipt.address.to_domain() == *domain;
        let has_text = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            reply.is_some_and(|reply| reply.text.to_lowercase().contains(&wanted))
        };
        self.states.contains(&receipt.state)
            && self.recipients.as_ref().is_none_or(is_chosen)
            && self.domain.as_ref().is_none_or(is_at)
            && (self.reply_code).is_none_or(|code| reply.is_some_and(|reply| reply.code == code))
            && self.reply_text.as_ref().is_none_or(has_text)
    }

    /// What is wrong with it, as a sentence.
    pub(crate) fn trouble(&self, into: Resolution) -> Option<String> {
        let chosen = self.recipients.as_ref().map_or(0, Vec::len);
        if chosen > SELECTED_MAX {
            return Some(format!(
                "{chosen} recipients were named one by one, and at most {SELECTED_MAX} may be"
            ));
        }
        let names = |states: &[DeliveryState]| {
            let names: Vec<_> = states.iter().map(|state| state.name()).collect();
            names.join(", ")
        };
        let follows = into.follows();
        let wrong = self.states.iter().find(|state| !follows.contains(state));
        match wrong {
            Some(wrong) => Some(format!(
                "a delivery that is {wrong} cannot be made {into}, only one that is {}",
                names(follows)
            )),
            None if self.states.is_empty() => Some(format!(
                "a selection names at least one state of {}",
                names(follows)
            )),
            None => None,
        }
    }
}

/// What a person makes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It was in doubt, and the receiver has it.
    Delivered,
    /// It was in doubt, and the receiver refused it.
    Bounced,
    /// It is sent again; of what is in doubt, only when the doubt is old enough.
    Retry,
    /// It is given up, and ends cancelled.
    Discard,
}

impl Resolution {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Bounced, Self::Retry, Self::Discard];

    /// The name in API and command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    /// The states that it may follow.
    pub const fn follows(self) -> &'static [DeliveryState] {
        match self {
            Self::Delivered | Self::Bounced => &[DeliveryState::InDoubt],
            Self::Retry => &[
                DeliveryState::InDoubt,
                DeliveryState::Bounced,
                DeliveryState::Failed,
                DeliveryState::Expired,
                DeliveryState::Cancelled,
                DeliveryState::Capped,
                DeliveryState::Quarantined,
            ],
            Self::Discard => &[DeliveryState::Quarantined],
        }
    }
}

impl std::fmt::Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no resolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is nothing that a delivery can be resolved into; it can be delivered, bounced, \
         retry or discard"
)]
pub struct ResolutionError(String);

impl std::str::FromStr for Resolution {
    type Err = ResolutionError;

    fn from_str(text: &str) -> Result<Self, ResolutionError> {
        let found = Self::ALL.into_iter().find(|into| into.name() == text);
        found.ok_or_else(|| ResolutionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(states: &[DeliveryState], into: Resolution, expect: Option<&str>) {
        let trouble = Selection::of(states).trouble(into);
        assert_eq!(trouble.as_deref(), expect);
    }

    #[test]
    fn a_selection_that_a_resolution_cannot_follow_is_told_what_it_can() {
        use DeliveryState::{Bounced, InDoubt, Pending};
        check(&[InDoubt], Resolution::Delivered, None);
        check(&[InDoubt, Bounced], Resolution::Retry, None);
        check(
            &[Pending],
            Resolution::Bounced,
            Some("a delivery that is pending cannot be made bounced, only one that is in_doubt"),
        );
        check(
            &[],
            Resolution::Discard,
            Some("a selection names at least one state of quarantined"),
        );
    }

    #[test]
    fn nothing_open_can_be_resolved() {
        for into in Resolution::ALL {
            assert!(into.follows().iter().all(|state| !state.is_open()));
            assert_eq!(into.name().parse(), Ok(into));
        }
    }
}
