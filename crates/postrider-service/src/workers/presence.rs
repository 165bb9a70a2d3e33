//! What is known of each worker: whether it lives, how far it is, what it does.

use std::sync::{Mutex, MutexGuard, PoisonError};

use postrider_pipeline::Status;
use postrider_store::{Reply, Request};
use postrider_types::Timestamp;

/// One worker as people see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence {
    /// Its process; `None` while it is down.
    pub(crate) pid: Option<u32>,
    /// When that was started.
    pub(crate) started_at: Option<Timestamp>,
    /// How often it has ended without being told to.
    pub(crate) restarts: u64,
    /// When it last began, recorded, ended or claimed anything.
    pub(crate) progress_at: Option<Timestamp>,
    /// When it was last known to answer; a life begins with an answer.
    pub(crate) answered_at: Option<Timestamp>,
    /// How its last life ended.
    pub(crate) last_end: Option<String>,
    /// What it said last that it does, and nothing while it is down.
    pub(crate) status: Status,
    /// What all of its earlier lives counted.
    before: Status,
}

impl Presence {
    /// Most resident memory that it takes now, in bytes; 0 while it is down.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.pid.and_then(resident_bytes).unwrap_or(0)
    }
}

/// All workers, by their numbers.
#[derive(Debug)]
pub(super) struct Presences(Vec<Mutex<Presence>>);

impl Presences {
    /// So many, none of which has been started.
    pub(super) fn new(count: u8) -> Self {
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    pub(super) fn all(&self) -> Vec<Presence> {
        let numbers = 0..self.0.len();
        numbers.map(|number| self.at(number).clone()).collect()
    }

    /// What all of them do and have counted together.
    pub(super) fn status(&self) -> Status {
        let all: Vec<_> = self.all().into_iter().collect();
        let mut statuses: Vec<_> = all.iter().map(|one| one.status.clone()).collect();
        statuses.extend(all.into_iter().map(|one| one.before));
        Status::sum(&statuses)
    }

    pub(super) fn started(&self, number: u8, pid: u32, now: Timestamp) {
        let mut presence = self.at(number.into());
        presence.pid = Some(pid);
        presence.started_at = Some(now);
        presence.progress_at = Some(now);
        presence.answered_at = Some(now);
    }

    pub(super) fn answers(&self, number: u8, now: Timestamp) {
        self.at(number.into()).answered_at = Some(now);
    }

    /// When it was last known to answer.
    pub(super) fn answered_at(&self, number: u8) -> Timestamp {
        let answered_at = self.at(number.into()).answered_at;
        answered_at.unwrap_or(Timestamp::EPOCH)
    }

    pub(super) fn ended(&self, number: u8, is_expected: bool, end: &str) {
        let mut presence = self.at(number.into());
        presence.last_end = Some(end.to_owned());
        presence.pid = None;
        presence.answered_at = None;
        presence.restarts += u64::from(!is_expected);
        let last = std::mem::take(&mut presence.status);
        presence.before = Status::sum(&[presence.before.clone(), last.counted()]);
    }

    pub(super) fn says(&self, number: u8, status: Status) {
        self.at(number.into()).status = status;
    }

    pub(super) fn asked(&self, number: u8, requests: &[Request], now: Timestamp) {
        let is_progress = |request: &Request| {
            matches!(
                request,
                Request::Begin { .. } | Request::Record { .. } | Request::End { .. }
            )
        };
        if requests.iter().any(is_progress) {
            self.at(number.into()).progress_at = Some(now);
        }
    }

    pub(super) fn answered(&self, number: u8, replies: &[Reply], now: Timestamp) {
        if replies
            .iter()
            .any(|reply| matches!(reply, Reply::Claimed(_)))
        {
            self.at(number.into()).progress_at = Some(now);
        }
    }

    fn at(&self, number: usize) -> MutexGuard<'_, Presence> {
        // Nothing under this lock can panic half way.
        self.0[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the kernel says that a process has in memory.
fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    #[test]
    fn what_a_worker_counted_outlives_it_and_what_it_held_does_not() {
        let presences = Presences::new(2);
        presences.started(0, 1, NOW);
        let busy = Status {
            connections: 3,
            bodies_loaded: 2,
            ..Status::default()
        };
        presences.says(0, busy.clone());
        presences.ended(0, false, "killed");
        presences.started(0, 2, NOW);
        presences.says(0, busy);
        let status = presences.status();
        assert_eq!((status.connections, status.bodies_loaded), (3, 4));
        let presence = presences.all().remove(0);
        assert_eq!(
            (presence.restarts, presence.last_end.as_deref()),
            (1, Some("killed"))
        );
    }

    #[test]
    fn only_work_is_progress() {
        let presences = Presences::new(1);
        let later = NOW.plus(std::time::Duration::from_secs(1));
        presences.started(0, 1, NOW);
        presences.asked(0, &[Request::Wake], later);
        presences.answered(0, &[Reply::Idle { next_at: None }], later);
        assert_eq!(presences.all()[0].progress_at, Some(NOW));
        let end = Request::End {
            token: postrider_types::LeaseToken(1),
            filings: Vec::new(),
            throttle: None,
        };
        presences.asked(0, &[end], later);
        assert_eq!(presences.all()[0].progress_at, Some(later));
    }

    #[test]
    fn a_process_that_is_gone_takes_no_memory() {
        assert!(resident_bytes(std::process::id()).unwrap() > 0);
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
