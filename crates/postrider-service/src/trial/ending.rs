//! What the end of a trial says, in words for people.

use std::time::Duration;

use postrider_store::quarantine::Verdict;
use rustix::process::Signal;

/// What Rust says last when it gets no memory.
const NO_MEMORY: &str = "memory allocation of";

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Building the message of one recipient.
    Rendering,
    /// Getting an email ready.
    Preparing,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By the signal with this number.
    Killed(i32),
    /// Not in time.
    StillRunning,
}

/// What a trial was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) memory_bytes_max: u64,
    pub(super) time_max: Duration,
}

impl Ending {
    /// What it says of the suspect; `said` is what the trial wrote to standard error.
    pub(super) fn verdict(self, what: What, said: &str, allowed: Allowed) -> Verdict {
        let too_long = || format!("took longer than {:?}", allowed.time_max);
        let how = match self {
            Self::Exited(_) => return Verdict::Open,
            Self::StillRunning => too_long(),
            Self::Killed(signal) => match Signal::from_named_raw(signal) {
                // Somebody ends all processes of the service, or the whole machine.
                Some(Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT) => {
                    return Verdict::Open;
                }
                Some(Signal::XCPU) => too_long(),
                Some(Signal::ABORT) if said.contains(NO_MEMORY) => {
                    let mebibytes = allowed.memory_bytes_max >> 20;
                    format!("needed more than {mebibytes} MiB")
                }
                _ => format!("was killed by {}", name(signal)),
            },
        };
        let what = match what {
            What::Rendering => "rendering it alone",
            What::Preparing => "preparing it alone",
        };
        Verdict::Deadly(format!("{what} {how}"))
    }

    /// Whether there was no trial: it ended by itself, and not well.
    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Exited(code) if code != 0)
    }
}

/// What people call a signal.
fn name(signal: i32) -> String {
    let name = match Signal::from_named_raw(signal) {
        Some(Signal::ABORT) => "SIGABRT",
        Some(Signal::BUS) => "SIGBUS",
        Some(Signal::FPE) => "SIGFPE",
        Some(Signal::ILL) => "SIGILL",
        Some(Signal::KILL) => "SIGKILL",
        Some(Signal::SEGV) => "SIGSEGV",
        Some(Signal::SYS) => "SIGSYS",
        Some(Signal::TRAP) => "SIGTRAP",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Allowed = Allowed {
        memory_bytes_max: 512 << 20,
        time_max: Duration::from_secs(10),
    };

    /// What is said of a recipient after this end; nothing when they may be innocent.
    fn check(ending: Ending, said: &str, expect: Option<&str>) {
        let expect = match expect {
            Some(reason) => Verdict::Deadly(format!("rendering it alone {reason}")),
            None => Verdict::Open,
        };
        let verdict = ending.verdict(What::Rendering, said, ALLOWED);
        assert_eq!(verdict, expect, "{ending:?}");
    }

    fn killed(signal: Signal) -> Ending {
        Ending::Killed(signal.as_raw())
    }

    #[test]
    fn each_end_of_a_trial_has_its_verdict_and_its_sentence() {
        check(Ending::Exited(0), "", None);
        check(Ending::Exited(1), "", None);
        let too_long = Some("took longer than 10s");
        check(Ending::StillRunning, "", too_long);
        check(killed(Signal::XCPU), "", too_long);
        check(killed(Signal::KILL), "", Some("was killed by SIGKILL"));
        check(killed(Signal::SEGV), "", Some("was killed by SIGSEGV"));
        let overflow = "thread 'trial' has overflowed its stack";
        check(
            killed(Signal::ABORT),
            overflow,
            Some("was killed by SIGABRT"),
        );
        let no_memory = "memory allocation of 8589934592 bytes failed";
        check(
            killed(Signal::ABORT),
            no_memory,
            Some("needed more than 512 MiB"),
        );
        check(killed(Signal::USR1), "", Some("was killed by signal 10"));
    }

    #[test]
    fn whoever_stops_a_whole_service_condemns_nobody() {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
            check(killed(signal), "", None);
        }
    }

    #[test]
    fn an_email_is_prepared_and_a_trial_that_failed_was_none() {
        let verdict = killed(Signal::ILL).verdict(What::Preparing, "", ALLOWED);
        let reason = "preparing it alone was killed by SIGILL".to_owned();
        assert_eq!(verdict, Verdict::Deadly(reason));
        assert!(Ending::Exited(1).is_failure());
        assert!(!Ending::Exited(0).is_failure());
        assert!(!Ending::StillRunning.is_failure());
    }
}
