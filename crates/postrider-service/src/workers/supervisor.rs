//! One worker and its lives.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_pipeline::{Clock as _, report};
use postrider_store::quarantine::Suspects;
use postrider_store::remote::{self, Heard, RemoteError, Visitor, Welcome};
use postrider_types::{Timestamp, WorkerId};
use rand::RngExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Shared;
use super::note::{FromWorker, Setup, ToWorker, read, written};
use crate::bounds::{
    CUT_AFTER_MAX, WORKER_HELLO_AFTER_MAX, WORKER_NOTES_MAX, WORKER_RESTART_DELAY_MAX,
    WORKER_RESTART_DELAY_MIN,
};

type Worker = Visitor<OwnedReadHalf, OwnedWriteHalf>;

/// Starts one worker, serves it, and starts it again when it has ended.
pub(super) struct Supervisor {
    number: u8,
    shared: Arc<Shared>,
    draining: watch::Receiver<Option<Duration>>,
    /// When the last of its lives ended.
    spent_at: Option<Timestamp>,
}

impl Supervisor {
    pub(super) const fn new(
        number: u8,
        shared: Arc<Shared>,
        draining: watch::Receiver<Option<Duration>>,
    ) -> Self {
        Self {
            number,
            shared,
            draining,
            spent_at: None,
        }
    }

    /// Lets it live, again and again, until the service drains.
    pub(super) async fn run(mut self) {
        let mut delay = WORKER_RESTART_DELAY_MIN;
        while self.draining.borrow().is_none() {
            let started_at = self.shared.clock.now();
            let end = self.live().await;
            let is_expected = self.draining.borrow().is_some();
            let worker = self.number;
            self.shared.presences.ended(worker, is_expected);
            if is_expected {
                tracing::info!(worker, %end, "a worker has ended");
                return;
            }
            tracing::warn!(worker, %end, ?delay, "a worker has ended, and is started again");
            // A life that came to something begins the count anew.
            let progress_at = self.shared.presences.all()[usize::from(worker)].progress_at;
            if progress_at.is_some_and(|at| at > started_at.plus(delay)) {
                delay = WORKER_RESTART_DELAY_MIN;
            }
            let mut draining = self.draining.clone();
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = draining.wait_for(Option::is_some) => {}
            }
            delay = (delay * 2).min(WORKER_RESTART_DELAY_MAX);
        }
    }

    /// One life, from its start until its leases are over; how it ended.
    async fn live(&mut self) -> String {
        let (mut child, connected) = match self.shared.socket.expect(|| self.start()) {
            Ok(started) => started,
            Err(error) => return format!("it cannot be started ({error})"),
        };
        let pid = child.id().unwrap_or(0);
        let now = self.shared.clock.now();
        self.shared.presences.started(self.number, pid, now);
        tracing::info!(worker = self.number, pid, "a worker was started");
        let id = WorkerId(rand::rng().random());
        let met = tokio::select! {
            met = self.meet(connected) => met,
            _ = child.wait() => Err(RemoteError::Closed),
        };
        let served = match met {
            Ok(visitor) => self.serve(visitor, id, &mut child).await,
            Err(error) => error,
        };
        // One that ends in order closes its socket first. Whatever is left of it after that, it is
        // gone before its leases are ended.
        let status = match tokio::time::timeout(CUT_AFTER_MAX, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                child.start_kill().ok();
                child.wait().await
            }
        };
        self.shared.desk.gone(self.number);
        self.spent_at = Some(self.shared.clock.now());
        self.reap(id).await;
        match status {
            Ok(status) => format!("{status}; {}", report::chain(&served)),
            Err(error) => format!("{error}; {}", report::chain(&served)),
        }
    }

    fn start(&self) -> io::Result<(Child, u32)> {
        let mut command = Command::new(&self.shared.program);
        let socket = self.shared.socket.path();
        command.arg("worker").arg("--socket").arg(socket);
        command.arg("--number").arg(self.number.to_string());
        // A group of its own: ^C at a terminal is for the service, which tells its workers.
        command.stdin(Stdio::null()).process_group(0);
        let child = command.kill_on_drop(true).spawn()?;
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("it has no pid"))?;
        Ok((child, pid))
    }

    async fn meet(&self, connected: oneshot::Receiver<UnixStream>) -> Result<Worker, RemoteError> {
        let meeting = async {
            let stream = connected.await.map_err(|_| RemoteError::Closed)?;
            let (from, to) = stream.into_split();
            let visitor = remote::meet(from, to).await?;
            let number = visitor.hello().number;
            if number == self.number {
                return Ok(visitor);
            }
            let why = format!("it says that it is worker {number}");
            visitor.refuse(&why).await?;
            Err(RemoteError::Refused(why))
        };
        match tokio::time::timeout(WORKER_HELLO_AFTER_MAX, meeting).await {
            Ok(met) => met,
            Err(_) => Err(RemoteError::Refused("it said no hello in time".to_owned())),
        }
    }

    /// Serves it until its socket closes. At a drain it is told to end, and killed when it does
    /// not in time.
    async fn serve(&self, visitor: Worker, id: WorkerId, child: &mut Child) -> RemoteError {
        let (notes, to_send) = mpsc::channel(WORKER_NOTES_MAX);
        let setup = Setup {
            spent_at: self.spent_at,
            ..self.shared.setup.clone()
        };
        let setup = written(&ToWorker::Setup(Box::new(setup)));
        if notes.try_send(setup).is_err() {
            return RemoteError::Closed;
        }
        self.shared.desk.opened(self.number, notes);
        let store = self.shared.postrider.store();
        let welcome = Welcome {
            worker: id,
            message_key: store.message_key(),
            now: self.shared.clock.now(),
        };
        let serving = visitor.admit(&welcome, store, to_send, |heard| self.hear(heard));
        let mut serving = std::pin::pin!(serving);
        let mut draining = self.draining.clone();
        let within = tokio::select! {
            error = &mut serving => return error,
            within = draining.wait_for(Option::is_some) => within.ok().and_then(|within| *within),
        };
        let within = within.unwrap_or_default();
        self.shared.desk.tell(self.number, &ToWorker::Drain(within));
        let deadline = Instant::now() + within;
        tokio::select! {
            error = &mut serving => return error,
            () = tokio::time::sleep_until(deadline) => child.start_kill().ok(),
        };
        serving.await
    }

    fn hear(&self, heard: Heard<'_>) {
        let now = self.shared.clock.now();
        match heard {
            Heard::Asked(requests) => self.shared.presences.asked(self.number, requests, now),
            Heard::Answered(replies) => {
                self.shared.presences.answered(self.number, replies, now);
                self.shared.postrider.made_progress();
            }
            Heard::Note(note) => self.hear_note(&note),
        }
    }

    fn hear_note(&self, note: &Bytes) {
        let desk = &self.shared.desk;
        match read(note) {
            Some(FromWorker::Wish(place, wish)) => desk.wish((self.number, place), wish),
            Some(FromWorker::GiveBack(place)) => desk.give_back((self.number, place)),
            Some(FromWorker::Status(status)) => self.shared.presences.says(self.number, *status),
            None => {}
        }
    }

    /// Ends the leases of a life that is over. What cannot be ended now runs out by itself.
    async fn reap(&self, id: WorkerId) {
        let reaped = self.shared.postrider.reap_worker(id, Suspects::Nobody);
        match reaped.await {
            Ok(reaped) if reaped.leases > 0 => tracing::info!(
                worker = self.number,
                leases = reaped.leases,
                in_doubt = reaped.in_doubt,
                filed_again = reaped.refiled,
                quarantined = reaped.quarantined,
                "what a worker held goes on elsewhere"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(
                worker = self.number,
                error = %report::chain(&error),
                "the leases of a worker could not be ended, and run out"
            ),
        }
    }
}
