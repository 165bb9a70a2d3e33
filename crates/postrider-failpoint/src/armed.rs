//! Fail points that do what the plan says.
//!
//! The plan is set once, before anything else runs, and is the same for every thread; how often
//! the process came to a point is counted over all of them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::FailPoint;
use crate::plan::{Action, PlanError, Step, parse};

/// How long a thread that has sent its process a deadly signal waits for the end.
const DEATH_AFTER_MAX: Duration = Duration::from_secs(60);

static PLAN: OnceLock<Vec<Step>> = OnceLock::new();

/// How often the process came to each point.
static COMES: [AtomicU64; FailPoint::ALL.len()] =
    [const { AtomicU64::new(0) }; FailPoint::ALL.len()];

/// Sets the plan of this process; a second one is ignored.
///
/// # Errors
/// [`PlanError`]; nothing is set.
pub fn arm(plan: &str) -> Result<(), PlanError> {
    let steps = parse(plan)?;
    PLAN.get_or_init(|| steps);
    Ok(())
}

pub(crate) fn reached(point: FailPoint) {
    let Some(steps) = PLAN.get() else { return };
    let time = COMES[point as usize].fetch_add(1, Ordering::Relaxed) + 1;
    let is_meant = |step: &&Step| step.point == point && step.times.contains(&time);
    for step in steps.iter().filter(is_meant) {
        take(point, step.action);
    }
}

fn take(point: FailPoint, action: Action) {
    match action {
        Action::Kill => {
            send(Signal::KILL);
            std::thread::sleep(DEATH_AFTER_MAX);
        }
        Action::Stop => send(Signal::STOP),
        Action::Panic => panic!("the plan says: panic at {}", point.name()),
        Action::Delay(delay) => std::thread::sleep(delay),
    }
}

fn send(signal: Signal) {
    kill_process(getpid(), signal).expect("a process may signal itself");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_does_what_the_plan_says_when_its_time_has_come() {
        arm("commit=panic@2").unwrap();
        FailPoint::Commit.reached();
        FailPoint::Turn.reached();
        let panicked = std::panic::catch_unwind(|| FailPoint::Commit.reached());
        assert!(panicked.is_err());
        FailPoint::Commit.reached();
    }
}
