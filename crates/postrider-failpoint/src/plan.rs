//! What is to happen where: `before-dot=kill@30;commit=delay(50)@10..99`.
//!
//! A plan is a list of steps, with `;` between them. A step names a fail point, an action, and
//! from which to which time the process comes there it is taken, counted from 1: `@n` only the
//! n-th time, `@n..m` from the n-th to the m-th, nothing every time.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::FailPoint;

/// What happens at a fail point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process dies as by `kill -9`.
    Kill,
    /// The process stops until somebody sends it SIGCONT.
    Stop,
    /// The thread panics.
    Panic,
    /// The thread waits.
    Delay(Duration),
}

/// One entry of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub point: FailPoint,
    /// What.
    pub action: Action,
    /// Which times, from 1.
    pub times: RangeInclusive<u64>,
}

/// A text that is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The step has no such shape.
    #[error("`{0}` is not POINT=ACTION, POINT=ACTION@TIME or POINT=ACTION@FROM..TO")]
    Shape(String),
    /// There is no such fail point.
    #[error("there is no fail point `{0}`; known are {known}", known = names())]
    Point(String),
    /// There is no such action.
    #[error("there is no action `{0}`; known are kill, stop, panic and delay(MILLISECONDS)")]
    Action(String),
}

/// Reads a plan.
///
/// # Errors
/// [`PlanError`], about the first step that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Step>, PlanError> {
    let steps = text.split(';').map(str::trim);
    let steps = steps.filter(|step| !step.is_empty());
    steps.map(str::parse).collect()
}

impl FromStr for Step {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let shape = || PlanError::Shape(text.to_owned());
        let (point, rest) = text.split_once('=').ok_or_else(shape)?;
        let found = FailPoint::ALL
            .into_iter()
            .find(|known| known.name() == point);
        let point = found.ok_or_else(|| PlanError::Point(point.to_owned()))?;
        let (action, times) = match rest.split_once('@') {
            Some((action, times)) => (action, times_of(times).ok_or_else(shape)?),
            None => (rest, 1..=u64::MAX),
        };
        let action = action_of(action).ok_or_else(|| PlanError::Action(action.to_owned()))?;
        Ok(Self {
            point,
            action,
            times,
        })
    }
}

fn action_of(text: &str) -> Option<Action> {
    let delay = text.strip_prefix("delay(");
    match (text, delay.and_then(|rest| rest.strip_suffix(')'))) {
        ("kill", _) => Some(Action::Kill),
        ("stop", _) => Some(Action::Stop),
        ("panic", _) => Some(Action::Panic),
        (_, Some(ms)) => ms
            .parse()
            .ok()
            .map(Duration::from_millis)
            .map(Action::Delay),
        _ => None,
    }
}

fn times_of(text: &str) -> Option<RangeInclusive<u64>> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let times = from.parse().ok()?..=to.parse().ok()?;
    (!times.is_empty() && *times.start() > 0).then_some(times)
}

fn names() -> String {
    FailPoint::ALL.map(FailPoint::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, action: Action, times: RangeInclusive<u64>) {
        let point = FailPoint::BeforeDot;
        let step = Step {
            point,
            action,
            times,
        };
        assert_eq!(parse(text), Ok(vec![step]), "{text}");
    }

    #[test]
    fn a_step_says_where_what_and_when() {
        check("before-dot=kill@30", Action::Kill, 30..=30);
        check("before-dot=stop", Action::Stop, 1..=u64::MAX);
        check(" before-dot=panic@2..5 ;", Action::Panic, 2..=5);
        let delay = Action::Delay(Duration::from_millis(50));
        check("before-dot=delay(50)@1", delay, 1..=1);
    }

    #[test]
    fn several_steps_stand_beside_each_other() {
        let steps = parse("turn=panic@9;commit=delay(5)").unwrap();
        let points: Vec<_> = steps.iter().map(|step| step.point).collect();
        assert_eq!(points, [FailPoint::Turn, FailPoint::Commit]);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_plan_is_named() {
        let check = |text: &str, expect: &str| {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("before-dot", "`before-dot` is not POINT=ACTION");
        check(
            "nowhere=kill",
            "no fail point `nowhere`; known are in-intake",
        );
        check("turn=nap", "no action `nap`");
        check("turn=delay(x)", "no action `delay(x)`");
        for times in ["0", "x", "5..2", ""] {
            check(&format!("turn=kill@{times}"), "is not POINT=ACTION");
        }
    }

    #[test]
    fn every_fail_point_is_found_by_its_name() {
        for point in FailPoint::ALL {
            let step: Step = format!("{}=kill", point.name()).parse().unwrap();
            assert_eq!(step.point, point);
        }
    }
}
