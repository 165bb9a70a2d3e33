//! One rule of the table, and when it applies.

use std::time::Duration;

use postrider_types::{EnhancedCode, Phase};

use super::classification::{Action, Class, Classification, RuleName};
use super::pattern::{CodePattern, EnhancedPattern};
use crate::site::SiteName;

/// The phases of a rule that names none: those of a transaction.
pub(super) const TRANSACTION: [Phase; 5] = [
    Phase::Mail,
    Phase::Rcpt,
    Phase::Data,
    Phase::Body,
    Phase::Dot,
];

/// One row of the table. An empty list asks for nothing; every other one must have a member that
/// fits.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: RuleName,
    pub(super) phases: Vec<Phase>,
    pub(super) codes: Vec<CodePattern>,
    pub(super) enhanced: Vec<EnhancedPattern>,
    pub(super) providers: Vec<String>,
    /// A regular expression that is found anywhere in the text of the reply.
    pub(super) text: Option<String>,
    pub(super) class: Class,
    pub(super) action: Option<Action>,
    pub(super) retry_after: Option<Duration>,
}

/// What rules are asked about.
pub(super) struct Refusal<'a> {
    pub(super) phase: Phase,
    pub(super) code: u16,
    pub(super) enhanced: Option<EnhancedCode>,
    pub(super) site: &'a SiteName,
    /// Whether asking again is useless by the code alone.
    pub(super) is_permanent: bool,
}

impl Rule {
    /// Whether it applies, but for its text.
    pub(super) fn fits(&self, refusal: &Refusal<'_>) -> bool {
        self.is_allowed(refusal)
            && self.phases.contains(&refusal.phase)
            && any(&self.codes, |code| code.matches(refusal.code))
            && any(&self.enhanced, |pattern| {
                refusal.enhanced.is_some_and(|code| pattern.matches(code))
            })
            && any(&self.providers, |name| name == refusal.site.as_str())
    }

    /// What no row may do, whatever it says: bounce what the code calls transient, or suppress an
    /// address for a reason of policy (RFC 3463 §3.8: x.7.x).
    fn is_allowed(&self, refusal: &Refusal<'_>) -> bool {
        let is_policy = refusal.enhanced.is_some_and(|code| code.subject == 7);
        match (self.class, self.action) {
            (Class::Bounced, Some(Action::Suppress)) => refusal.is_permanent && !is_policy,
            (Class::Bounced, _) => refusal.is_permanent,
            _ => true,
        }
    }

    /// Whether it says nothing but that the delivery waits as long as any other.
    pub(super) fn only_defers(&self) -> bool {
        self.class == Class::Deferred && self.action.is_none() && self.retry_after.is_none()
    }

    pub(super) fn classification(&self) -> Classification {
        Classification {
            class: self.class,
            action: self.action,
            rule: self.name.clone(),
            retry_after: self.retry_after,
        }
    }
}

fn any<T>(list: &[T], fits: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fits)
}
