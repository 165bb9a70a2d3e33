//! Every built-in profile does what its text says, asked without sockets.

mod pace;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{SECOND_US, enter};
use crate::dialogue::body::BodyReader;
use crate::dialogue::transaction::Transaction;
use crate::profile::{BuiltIn, Keyword, Profile};
use crate::tally::Record;
use crate::units::Rate;
use crate::world::treatment::{Act, Ending, Noise, Stage, Treatment};
use crate::world::{Entry, World};

/// What one message met, as far as it came.
#[derive(Debug)]
struct Course {
    rcpt: Treatment,
    data: Option<Treatment>,
    body: Option<Treatment>,
    dot: Option<Ending>,
}

impl Course {
    fn acts(&self) -> Vec<&Act> {
        let later = [&self.data, &self.body];
        let later = later.into_iter().flatten().map(|it| &it.act);
        let dot = self.dot.iter().map(|it| &it.treatment.act);
        std::iter::once(&self.rcpt.act)
            .chain(later)
            .chain(dot)
            .collect()
    }

    /// Whether the client was told 250 at the end.
    fn is_told(&self) -> bool {
        self.dot
            .as_ref()
            .is_some_and(|it| it.treatment.act.lets_pass())
    }

    fn is_accepted(&self) -> bool {
        self.dot.as_ref().is_some_and(|it| it.accepts)
    }

    /// The code of the refusal, wherever it was said.
    fn code(&self) -> Option<u16> {
        self.acts()
            .into_iter()
            .find_map(|act| act.refusal())
            .map(|reply| reply.code)
    }
}

/// One message to one recipient.
fn send(entry: &mut Entry, to: &str, at_us: i64) -> Course {
    let records = &mut Vec::new();
    let mut transaction = Transaction::new(1, "news@example.test".to_owned(), at_us);
    let rcpt = transaction.invite(super::address(to), entry, records, at_us);
    let mut course = Course {
        rcpt,
        data: None,
        body: None,
        dot: None,
    };
    for stage in [Stage::Data, Stage::Body] {
        if course.acts().iter().all(|act| act.lets_pass()) {
            let treatment = transaction.treatment_at(stage, records, at_us);
            match stage {
                Stage::Data => course.data = Some(treatment),
                _ => course.body = Some(treatment),
            }
        }
    }
    if course.acts().iter().all(|act| act.lets_pass()) {
        let body = BodyReader::new(&std::sync::Arc::default()).finish();
        course.dot = Some(transaction.end(&body, records, at_us));
    }
    let accepts = records.iter().filter(|it| matches!(it, Record::Accept(_)));
    assert_eq!(accepts.count(), usize::from(course.is_accepted()));
    course
}

fn profile(name: &str) -> Profile {
    Profile::named(name).expect("it is built in")
}

/// What first attempts of `count` recipients of a domain met.
fn first_attempts(name: &str, domain: &str, count: u32) -> Vec<Course> {
    let world = World::new(profile(name));
    let (mut entry, _) = enter(&world, "", SECOND_US);
    let courses = (0..count).map(|n| send(&mut entry, &format!("r{n}@{domain}"), SECOND_US));
    courses.collect()
}

fn count(courses: &[Course], is_so: impl Fn(&Course) -> bool) -> usize {
    courses.iter().filter(|course| is_so(course)).count()
}

fn per_second(rate: Rate) -> f64 {
    1e9 / f64::from(u32::try_from(rate.interval_ns()).expect("a rate of at least 1 in 4 s"))
}

/// How many of so many MAILs a second are let in, in so many seconds.
fn let_in(name: &str, domain: &str, rate: f64, seconds: f64) -> f64 {
    let world = World::new(profile(name));
    let (mut entry, _) = enter(&world, "", SECOND_US);
    let mut accepted = 0.0;
    let mut at = 1.0;
    while at < 1.0 + seconds {
        let at_us = Duration::from_secs_f64(at).as_micros();
        let at_us = i64::try_from(at_us).expect("a time of this century");
        entry.at_mail(at_us);
        let course = send(&mut entry, &format!("ok+{at_us}@{domain}"), at_us);
        accepted += f64::from(u8::from(course.is_told()));
        at += 1.0 / rate;
    }
    accepted
}
