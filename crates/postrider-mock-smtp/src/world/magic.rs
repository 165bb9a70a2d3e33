//! Magic local parts: addresses that are treated alike in every profile and at every domain.
//!
//! They override everything that goes by recipient. What goes by sender (rates, penalties, caps,
//! outages) holds for them too. A `+label` is ignored, so that one campaign can use them many times.

use std::time::Duration;

use crate::units::Span;

/// What a magic local part asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    /// `ok`: accepted at once.
    Accept,
    /// `defer`, `defer-3`, `defer-452`: a transient refusal at RCPT, always or so many times.
    Defer { code: u16, times_max: u32 },
    /// `bounce`, `bounce-552`: a permanent refusal at RCPT.
    Bounce(u16),
    /// `atdata-554`: refused at the dot.
    AtDot(u16),
    /// `slow-5s`: each reply from RCPT on waits so long.
    Slow(Duration),
    /// `late-5s`: accepted, and the reply to the dot waits so long.
    Late(Duration),
    /// `drop-after-dot`: accepted, then closed instead of the reply.
    DropAfterDot,
    /// `drop-unaccepted`: closed instead of the reply to the dot; not accepted.
    DropUnaccepted,
    /// `half`: accepted, then half of the reply to the dot.
    Half,
    /// `grey`: greylisted as the domain does it, or for ten seconds.
    Grey,
    /// `tarpit`: the reply to RCPT comes a byte at a time.
    Tarpit,
    /// `hold`: nothing answers RCPT.
    Hold,
}

impl Magic {
    /// What a local part asks for, in any case of its letters; most ask for nothing.
    pub(crate) fn of(local_part: &str) -> Option<Self> {
        let end = memchr::memchr(b'+', local_part.as_bytes()).unwrap_or(local_part.len());
        let name = &local_part[..end];
        // Most local parts begin otherwise, and cost no more than this.
        if !b"abdghlost".contains(&name.as_bytes().first()?.to_ascii_lowercase()) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "ok" => return Some(Self::Accept),
            "defer" => return Some(Self::deferral(451, u32::MAX)),
            "bounce" => return Some(Self::Bounce(550)),
            "drop-after-dot" => return Some(Self::DropAfterDot),
            "drop-unaccepted" => return Some(Self::DropUnaccepted),
            "half" => return Some(Self::Half),
            "grey" => return Some(Self::Grey),
            "tarpit" => return Some(Self::Tarpit),
            "hold" => return Some(Self::Hold),
            _ => {}
        }
        let (verb, value) = name.split_once('-')?;
        let code = || value.parse::<u16>().ok();
        let span = || value.parse::<Span>().ok().map(Span::duration);
        match verb {
            "defer" => match code()? {
                code @ 400..500 => Some(Self::deferral(code, u32::MAX)),
                times @ 1..100 => Some(Self::deferral(451, times.into())),
                _ => None,
            },
            "bounce" => code()
                .filter(|code| (500..600).contains(code))
                .map(Self::Bounce),
            "atdata" => code()
                .filter(|code| (400..600).contains(code))
                .map(Self::AtDot),
            "slow" => span().map(Self::Slow),
            "late" => span().map(Self::Late),
            _ => None,
        }
    }

    fn deferral(code: u16, times_max: u32) -> Self {
        Self::Defer { code, times_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_local_parts_are_known_with_their_numbers_and_without_their_labels() {
        let check = |local_part: &str, magic| assert_eq!(Magic::of(local_part), Some(magic));
        check("ok", Magic::Accept);
        check("OK+anything+else", Magic::Accept);
        check("defer", Magic::deferral(451, u32::MAX));
        check("defer-3+a", Magic::deferral(451, 3));
        check("defer-452", Magic::deferral(452, u32::MAX));
        check("bounce", Magic::Bounce(550));
        check("bounce-552", Magic::Bounce(552));
        check("atdata-554", Magic::AtDot(554));
        check("slow-5s", Magic::Slow(Duration::from_secs(5)));
        check("late-500ms", Magic::Late(Duration::from_millis(500)));
        check("drop-after-dot", Magic::DropAfterDot);
        check("Drop-Unaccepted", Magic::DropUnaccepted);
        check("half", Magic::Half);
        check("grey", Magic::Grey);
        check("tarpit", Magic::Tarpit);
        check("hold", Magic::Hold);
    }

    #[test]
    fn other_local_parts_are_nobodys_business() {
        for local_part in [
            "ada",
            "r17",
            "okay",
            "ok-1",
            "defer-0",
            "defer-x",
            "defer-550",
            "bounce-450",
            "bounce-",
            "atdata",
            "slow",
            "slow-5",
            "late-5y",
            "drop",
            "holder",
            "+ok",
            "",
            "é",
        ] {
            assert_eq!(Magic::of(local_part), None, "{local_part:?}");
        }
    }
}
