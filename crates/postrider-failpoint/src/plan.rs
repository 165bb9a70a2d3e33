//! What is to happen where: `before-dot=kill@30;commit=delay(50)@10..99`.
//!
//! A plan is a list of steps, with `;` between them. A step names a fail point, an action, and
//! from which to which time the process comes there it is taken, counted from 1: `@n` only the
//! n-th time, `@n..m` from the n-th to the m-th, nothing every time.
//!
//! A step may be meant only for what has a name with some text in it:
//! `in-render=kill~poison@1..9` is for recipients whose address holds `poison`, and only they are
//! counted. What follows the last `@` of a text belongs to it when it is no such number.

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
    /// The process aborts.
    Abort,
    /// The thread panics.
    Panic,
    /// The thread waits.
    Delay(Duration),
    /// The process takes so many mebibytes of memory for ever.
    Fill(usize),
}

/// One entry of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub point: FailPoint,
    /// What.
    pub action: Action,
    /// Only for what has this in its name; empty is for everything.
    pub text: String,
    /// Which times, from 1.
    pub times: RangeInclusive<u64>,
}

/// A text that is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The step has no such shape.
    #[error(
        "`{0}` is not POINT=ACTION with ~TEXT, @TIME, @FROM..TO, or ~TEXT and one of them behind it"
    )]
    Shape(String),
    /// There is no such fail point.
    #[error("there is no fail point `{0}`; known are {known}", known = names())]
    Point(String),
    /// There is no such action.
    #[error(
        "there is no action `{0}`; known are kill, stop, abort, panic, delay(MILLISECONDS) \
         and fill(MEBIBYTES)"
    )]
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
        let (action, text, times) = parts_of(rest).ok_or_else(shape)?;
        let action = action_of(action).ok_or_else(|| PlanError::Action(action.to_owned()))?;
        Ok(Self {
            point,
            action,
            text: text.to_owned(),
            times,
        })
    }
}

/// Action, text and times; `None` when there is something in their place that is neither.
fn parts_of(rest: &str) -> Option<(&str, &str, RangeInclusive<u64>)> {
    let always = 1..=u64::MAX;
    let Some((action, text)) = rest.split_once('~') else {
        return match rest.split_once('@') {
            Some((action, times)) => Some((action, "", times_of(times)?)),
            None => Some((rest, "", always)),
        };
    };
    let timed = text.rsplit_once('@');
    let timed = timed.and_then(|(text, times)| Some((text, times_of(times)?)));
    let (text, times) = timed.unwrap_or((text, always));
    (!text.is_empty()).then_some((action, text, times))
}

fn action_of(text: &str) -> Option<Action> {
    let inside = |name: &str| {
        text.strip_prefix(name)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    match text {
        "kill" => Some(Action::Kill),
        "stop" => Some(Action::Stop),
        "abort" => Some(Action::Abort),
        "panic" => Some(Action::Panic),
        _ => {
            let delay = inside("delay").and_then(|ms| ms.parse().ok());
            let fill = inside("fill").and_then(|mebibytes| mebibytes.parse().ok());
            let delay = delay.map(Duration::from_millis).map(Action::Delay);
            delay.or_else(|| fill.map(Action::Fill))
        }
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

    fn check(plan: &str, action: Action, text: &str, times: RangeInclusive<u64>) {
        let step = Step {
            point: FailPoint::BeforeDot,
            action,
            text: text.to_owned(),
            times,
        };
        assert_eq!(parse(plan), Ok(vec![step]), "{plan}");
    }

    #[test]
    fn a_step_says_where_what_and_when() {
        let always = 1..=u64::MAX;
        check("before-dot=kill@30", Action::Kill, "", 30..=30);
        check("before-dot=stop", Action::Stop, "", always.clone());
        check(" before-dot=panic@2..5 ;", Action::Panic, "", 2..=5);
        let delay = Action::Delay(Duration::from_millis(50));
        check("before-dot=delay(50)@1", delay, "", 1..=1);
        check("before-dot=fill(64)", Action::Fill(64), "", always);
    }

    #[test]
    fn a_step_may_be_meant_for_one_name() {
        let always = 1..=u64::MAX;
        let check = |rest: &str, text: &str, times: RangeInclusive<u64>| {
            check(&format!("before-dot=kill{rest}"), Action::Kill, text, times);
        };
        check("~poison", "poison", always.clone());
        check("~poison@1..9", "poison", 1..=9);
        check("~eve@receiver.test", "eve@receiver.test", always.clone());
        check("~eve@127.0.0.1", "eve@127.0.0.1", always);
        check("~eve@receiver.test@3", "eve@receiver.test", 3..=3);
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
        for rest in ["@0", "@x", "@5..2", "@", "~", "~@5"] {
            check(&format!("turn=kill{rest}"), "is not POINT=ACTION");
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
