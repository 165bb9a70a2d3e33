//! What goes into one commit, and in which order.
//!
//! Urgent requests, for which a message on a connection waits, come first, all of them. Bulk
//! (intake, sweeps, ends of leases) follows in the same commit, at least one, and more while
//! nothing urgent waits and it has taken less than [`BULK_SPAN_MAX`] of the writer's time. So a
//! begin waits for one commit and one piece of bulk at most, and bulk goes on however many begins
//! there are.

use std::collections::VecDeque;

use postrider_types::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::bounds::{BULK_PER_COMMIT_MAX, BULK_SPAN_MAX, URGENT_PER_COMMIT_MAX};
use crate::error::StoreError;
use crate::handle::Now;
use crate::request::{Reply, Request};

/// Requests that wait for the writer, and where their answers go.
pub(crate) struct Waiting {
    /// In this order, and in one commit.
    pub(crate) requests: Vec<Request>,
    /// Where the caller waits.
    pub(crate) answer: oneshot::Sender<Result<Vec<Reply>, StoreError>>,
    /// Since when it waits.
    pub(crate) since: Timestamp,
    /// The room that it takes among what is not urgent; `None` for what is.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// What waits, sorted.
pub(super) struct Queues {
    pub(super) receiver: mpsc::Receiver<Waiting>,
    urgent: VecDeque<Waiting>,
    bulk: VecDeque<Waiting>,
}

impl Queues {
    pub(super) const fn new(receiver: mpsc::Receiver<Waiting>) -> Self {
        Self {
            receiver,
            urgent: VecDeque::new(),
            bulk: VecDeque::new(),
        }
    }

    /// Takes in what has come. What was taken in and is not done yet is bounded by the rooms for
    /// bulk, and by what one commit takes of the rest.
    pub(super) fn sort_all(&mut self) {
        while self.urgent.len() < URGENT_PER_COMMIT_MAX
            && let Ok(waiting) = self.receiver.try_recv()
        {
            self.sort(waiting);
        }
    }

    pub(super) fn sort(&mut self, waiting: Waiting) {
        let is_bulk = waiting.room.is_some();
        let queue = if is_bulk {
            &mut self.bulk
        } else {
            &mut self.urgent
        };
        queue.push_back(waiting);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.bulk.is_empty()
    }
}

/// One batch while it is being done: gives the backend what comes next, until it is enough.
pub(super) struct Batch<'a> {
    queues: &'a mut Queues,
    now: &'a Now,
    pub(super) taken: Vec<Taken>,
    urgent: usize,
    bulk: usize,
    /// When the first piece of bulk was begun.
    bulk_since: Option<Timestamp>,
    /// Something urgent came while bulk was done.
    is_bulk_over: bool,
}

/// What is left of a caller whose requests are being done.
pub(super) struct Taken {
    pub(super) answer: oneshot::Sender<Result<Vec<Reply>, StoreError>>,
    pub(super) requests: usize,
    pub(super) begins: u64,
    pub(super) since: Timestamp,
    /// Given back when the answer is.
    _room: Option<OwnedSemaphorePermit>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(queues: &'a mut Queues, now: &'a Now) -> Self {
        Self {
            queues,
            now,
            taken: Vec::new(),
            urgent: 0,
            bulk: 0,
            bulk_since: None,
            is_bulk_over: false,
        }
    }

    fn next_urgent(&mut self) -> Option<Waiting> {
        if self.urgent == URGENT_PER_COMMIT_MAX {
            return None;
        }
        let next = self.queues.urgent.pop_front()?;
        self.urgent += 1;
        // What came while bulk was done joins this commit, and bulk does not go on.
        self.is_bulk_over |= self.bulk_since.is_some();
        Some(next)
    }

    fn next_bulk(&mut self) -> Option<Waiting> {
        if self.is_bulk_over || self.bulk == BULK_PER_COMMIT_MAX {
            return None;
        }
        let now = (self.now)();
        let since = *self.bulk_since.get_or_insert(now);
        if now.since(since) >= BULK_SPAN_MAX {
            return None;
        }
        let next = self.queues.bulk.pop_front()?;
        self.bulk += 1;
        Some(next)
    }
}

impl Iterator for Batch<'_> {
    type Item = Vec<Request>;

    fn next(&mut self) -> Option<Vec<Request>> {
        self.queues.sort_all();
        let next = match self.next_urgent() {
            Some(next) => next,
            None => self.next_bulk()?,
        };
        let is_begin = |request: &&Request| matches!(request, Request::Begin { .. });
        self.taken.push(Taken {
            answer: next.answer,
            requests: next.requests.len(),
            begins: next.requests.iter().filter(is_begin).count() as u64,
            since: next.since,
            _room: next.room,
        });
        Some(next.requests)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use postrider_types::CampaignId;
    use tokio::sync::Semaphore;

    use super::*;

    /// What waits for a writer, and the clock that tells how long it has worked.
    struct Scene {
        sender: mpsc::Sender<Waiting>,
        queues: Queues,
        clock: Arc<AtomicI64>,
        now: Now,
        rooms: Arc<Semaphore>,
    }

    impl Scene {
        fn new() -> Self {
            let (sender, receiver) = mpsc::channel(1_000);
            let clock = Arc::<AtomicI64>::default();
            let told = Arc::clone(&clock);
            Self {
                sender,
                queues: Queues::new(receiver),
                clock,
                now: Arc::new(move || Timestamp::from_micros(told.load(Ordering::Relaxed))),
                rooms: Arc::new(Semaphore::new(1_000)),
            }
        }

        fn send(&self, is_bulk: bool) {
            let room = Arc::clone(&self.rooms).try_acquire_owned().unwrap();
            let (answer, _) = oneshot::channel();
            let campaign = CampaignId(1);
            let request = if is_bulk {
                Request::Sweep { campaign }
            } else {
                Request::Wake
            };
            let waiting = Waiting {
                requests: vec![request],
                answer,
                since: Timestamp::EPOCH,
                room: is_bulk.then_some(room),
            };
            self.sender.try_send(waiting).ok().unwrap();
        }

        /// One batch of which each group takes `span`: `u` for what is urgent, `b` for bulk.
        /// Before the group of number `at`, something urgent comes.
        fn batch(&mut self, span: Duration, at: Option<usize>) -> String {
            let sender = Self {
                sender: self.sender.clone(),
                rooms: Arc::clone(&self.rooms),
                ..Self::new()
            };
            let mut batch = Batch::new(&mut self.queues, &self.now);
            let mut done = String::new();
            loop {
                if at == Some(done.len()) {
                    sender.send(false);
                }
                let Some(group) = batch.next() else {
                    return done;
                };
                done.push(if group[0].is_urgent() { 'u' } else { 'b' });
                let micros = i64::try_from(span.as_micros()).unwrap();
                self.clock.fetch_add(micros, Ordering::Relaxed);
            }
        }
    }

    fn check(urgent: usize, bulk: usize, span_ms: u64, at: Option<usize>, expect: &str) {
        let mut scene = Scene::new();
        (0..bulk).for_each(|_| scene.send(true));
        (0..urgent).for_each(|_| scene.send(false));
        let done = scene.batch(Duration::from_millis(span_ms), at);
        assert_eq!(done, expect, "{urgent} {bulk} {span_ms} {at:?}");
    }

    #[test]
    fn begins_go_first_and_bulk_takes_five_milliseconds_of_a_commit() {
        check(2, 9, 2, None, "uubbb");
        check(0, 9, 2, None, "bbb");
        check(0, 2, 2, None, "bb");
        check(3, 0, 2, None, "uuu");
        // However long one takes, there is one: bulk goes on.
        check(1, 9, 80, None, "ub");
    }

    #[test]
    fn a_begin_that_comes_while_bulk_is_done_joins_the_commit_and_ends_it() {
        check(0, 9, 1, Some(2), "bbu");
        check(1, 9, 1, Some(1), "uubbbbb");
    }

    #[test]
    fn bulk_that_costs_nothing_is_bounded_by_number() {
        let mut scene = Scene::new();
        (0..BULK_PER_COMMIT_MAX + 5).for_each(|_| scene.send(true));
        let done = scene.batch(Duration::ZERO, None);
        assert_eq!(done.len(), BULK_PER_COMMIT_MAX);
        assert_eq!(scene.batch(Duration::ZERO, None).len(), 5);
    }
}
