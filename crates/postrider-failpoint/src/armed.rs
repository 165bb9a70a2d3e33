//! Fail points that do what the plan says.
//!
//! The plan is set once, before anything else runs, and is the same for every thread; how often
//! the process came to where a step is meant is counted over all of them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::FailPoint;
use crate::plan::{Action, PlanError, Step, parse};

/// How long a thread that has sent its process a deadly signal waits for the end.
const DEATH_AFTER_MAX: Duration = Duration::from_secs(60);

/// The steps, and how often the process came to where each is meant.
static PLAN: OnceLock<Vec<(Step, AtomicU64)>> = OnceLock::new();

/// Sets the plan of this process; a second one is ignored.
///
/// # Errors
/// [`PlanError`]; nothing is set.
pub fn arm(plan: &str) -> Result<(), PlanError> {
    let steps = parse(plan)?;
    let uncounted = |step| (step, AtomicU64::new(0));
    PLAN.get_or_init(|| steps.into_iter().map(uncounted).collect());
    Ok(())
}

pub(crate) fn reached<T: AsRef<str>>(point: FailPoint, name: impl FnOnce() -> T) {
    let Some(steps) = PLAN.get() else { return };
    let name = name();
    for (step, comes) in steps {
        if step.point != point || !name.as_ref().contains(&step.text) {
            continue;
        }
        let time = comes.fetch_add(1, Ordering::Relaxed) + 1;
        if step.times.contains(&time) {
            take(point, step.action);
        }
    }
}

fn take(point: FailPoint, action: Action) {
    match action {
        Action::Kill => {
            send(Signal::KILL);
            std::thread::sleep(DEATH_AFTER_MAX);
        }
        Action::Stop => send(Signal::STOP),
        Action::Abort => std::process::abort(),
        Action::Panic => panic!("the plan says: panic at {}", point.name()),
        Action::Delay(delay) => std::thread::sleep(delay),
        // Written to, so that it is there and not only promised.
        Action::Fill(mebibytes) => std::mem::forget(vec![1_u8; mebibytes << 20]),
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
        arm("commit=panic@2;in-render=panic~eve@2").unwrap();
        let panics = |reach: fn()| std::panic::catch_unwind(reach).is_err();
        let commits = [1, 2, 3].map(|_| panics(|| FailPoint::Commit.reached()));
        assert_eq!(commits, [false, true, false]);
        FailPoint::Turn.reached();

        let ada = || FailPoint::InRender.reached_by(|| "ada@receiver.test");
        let eve = || FailPoint::InRender.reached_by(|| "eve@receiver.test");
        let renders = [eve, ada, ada, eve, eve].map(panics);
        assert_eq!(renders, [false, false, false, true, false]);
    }
}
