//! What holds where no row of the table does.

use postrider_types::Scope;

use super::classification::{Action, Class, Classification};
use crate::mx::{NoRoute, Reason};
use crate::trouble::{Cause, Trouble};

/// The names of the general rules; no row may have one of them.
pub(super) const NAMES: [&str; 10] = [
    "refused-here",
    "in-doubt",
    "between-messages",
    "null-mx",
    "no-mail-host",
    "unreachable",
    "lost",
    "desync",
    "transient",
    "permanent",
];

/// What is settled before any row is asked, because it follows from what is known of the session
/// and not from what a server says.
pub(super) fn before_rows(trouble: &Trouble) -> Option<Classification> {
    let plain = |class, rule| Some(Classification::plain(class, rule));
    if trouble.is_local() {
        return plain(Class::Failed, "refused-here");
    }
    if trouble.is_in_doubt() {
        return plain(Class::InDoubt, "in-doubt");
    }
    if trouble.is_neutral() {
        return plain(Class::Neutral, "between-messages");
    }
    if let (Some(Cause::NoRoute(no_route)), true) = (trouble.cause(), trouble.is_permanent()) {
        return Some(nobody(no_route));
    }
    match (trouble.cause(), trouble.reply()) {
        (Some(Cause::OutOfPlace | Cause::Garbage(_) | Cause::NoChunks), _) => {
            plain(Class::Deferred, "desync")
        }
        (_, Some(_)) => None,
        (_, None) if trouble.scope() == Scope::Site => plain(Class::Deferred, "unreachable"),
        (_, None) => plain(Class::Deferred, "lost"),
    }
}

/// What DNS means that says clearly that nobody takes mail for the domain. A null MX is a statement
/// of its owner (RFC 7505 §3), so the address is not mailed again; a name that does not exist may be
/// a lapse of a day.
fn nobody(no_route: &NoRoute) -> Classification {
    match no_route.reason {
        Reason::NullMx => Classification {
            action: Some(Action::Suppress),
            ..Classification::plain(Class::Bounced, "null-mx")
        },
        _ => Classification::plain(Class::Bounced, "no-mail-host"),
    }
}

/// What the basic code says, when no row said more.
pub(super) fn after_rows(trouble: &Trouble) -> Classification {
    let code = trouble.reply().map_or(0, |reply| reply.code);
    match (code, trouble.cause()) {
        (503, _) => Classification::plain(Class::Deferred, "desync"),
        (_, Some(Cause::Leave)) => Classification::plain(Class::Neutral, "between-messages"),
        _ if trouble.is_permanent() => Classification::plain(Class::Bounced, "permanent"),
        _ => Classification::plain(Class::Deferred, "transient"),
    }
}
