//! One worker and its lives.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_pipeline::{Clock as _, in_hand, report};
use postrider_store::remote::{self, Heard, RemoteError, Visitor, Welcome};
use postrider_types::{Timestamp, WorkerId};
use rand::RngExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Shared;
use super::note::{FromWorker, Setup, ToWorker, read, written};
use super::remains::Remains;
use crate::bounds::{
    CUT_AFTER_MAX, WORKER_HELLO_AFTER_MAX, WORKER_NOTES_MAX, WORKER_RESTART_DELAY_MAX,
    WORKER_RESTART_DELAY_MIN,
};
use crate::stillness::Stillness;
use crate::trial;

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
            let worker = self.number;
            if self.draining.borrow().is_some() {
                tracing::info!(worker, %end, "a worker has ended");
                return;
            }
            // A life that came to something begins the count anew.
            let progress_at = self.shared.presences.all()[usize::from(worker)].progress_at;
            if progress_at.is_some_and(|at| at > started_at.plus(delay)) {
                delay = WORKER_RESTART_DELAY_MIN;
            }
            tracing::warn!(worker, %end, ?delay, "a worker has ended, and is started again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = self.drains() => {}
            }
            delay = (delay * 2).min(WORKER_RESTART_DELAY_MAX);
        }
    }

    /// One life, from its start until its leases are over; how it ended.
    async fn live(&mut self) -> String {
        let (mut child, connected) = match self.shared.socket.expect(|| self.start()) {
            Ok(started) => started,
            Err(error) => {
                let end = format!("it cannot be started ({error})");
                self.shared.presences.ended(self.number, false, &end);
                return end;
            }
        };
        let pid = child.id().unwrap_or(0);
        let now = self.shared.clock.now();
        self.shared.presences.started(self.number, pid, now);
        tracing::info!(worker = self.number, pid, "a worker was started");
        let id = WorkerId(rand::rng().random());
        let served = match self.meet(connected, &mut child).await {
            Ok(visitor) => self.serve(visitor, id, &mut child).await,
            Err(error) => report::chain(&error),
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
        let end = match &status {
            Ok(status) => format!("{status}; {served}"),
            Err(error) => format!("{error}; {served}"),
        };
        let is_expected = self.draining.borrow().is_some();
        self.shared.presences.ended(self.number, is_expected, &end);
        self.shared.desk.gone(self.number);
        self.spent_at = Some(self.shared.clock.now());
        let remains = Remains {
            shared: &self.shared,
            worker: self.number,
            id,
            is_in_order: status.as_ref().is_ok_and(ExitStatus::success),
            draining: self.draining.clone(),
        };
        remains.settle().await;
        end
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

    /// Waits for its hello. Before that nothing of it is under way, so at a drain it is killed.
    async fn meet(
        &self,
        connected: oneshot::Receiver<UnixStream>,
        child: &mut Child,
    ) -> Result<Worker, RemoteError> {
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
        let refused = |why: &str| Err(RemoteError::Refused(why.to_owned()));
        let met = tokio::select! {
            met = tokio::time::timeout(WORKER_HELLO_AFTER_MAX, meeting) => {
                met.unwrap_or_else(|_| refused("it said no hello in time"))
            }
            _ = child.wait() => Err(RemoteError::Closed),
            _ = self.drains() => refused("the service is draining"),
        };
        if met.is_err() {
            child.start_kill().ok();
        }
        met
    }

    /// Serves it until its socket closes, or it is of no use any more; how that came. At a drain
    /// it is told to end, and killed when it does not in time.
    async fn serve(&self, visitor: Worker, id: WorkerId, child: &mut Child) -> String {
        let (notes, to_send) = mpsc::channel(WORKER_NOTES_MAX);
        let setup = Setup {
            spent_at: self.spent_at,
            ..self.shared.setup.clone()
        };
        let setup = written(&ToWorker::Setup(Box::new(setup)));
        if notes.try_send(setup).is_err() {
            return report::chain(&RemoteError::Closed);
        }
        let is_mute = self.shared.desk.opened(self.number, notes);
        let store = self.shared.postrider.store();
        let welcome = Welcome {
            worker: id,
            message_key: store.message_key(),
            now: self.shared.clock.now(),
        };
        let serving = visitor.admit(&welcome, store, to_send, |heard| self.hear(heard));
        let mut serving = std::pin::pin!(serving);
        let within = tokio::select! {
            error = &mut serving => return report::chain(&error),
            why = self.is_of_no_use(&is_mute) => {
                child.start_kill().ok();
                serving.await;
                return format!("{why}, so it was killed");
            }
            within = self.drains() => within,
        };
        self.shared.desk.tell(self.number, &ToWorker::Drain(within));
        let deadline = Instant::now() + within;
        let error = tokio::select! {
            error = &mut serving => error,
            () = tokio::time::sleep_until(deadline) => {
                child.start_kill().ok();
                serving.await
            }
        };
        report::chain(&error)
    }

    /// Waits for the drain, and gives how long it may take.
    async fn drains(&self) -> Duration {
        let mut draining = self.draining.clone();
        let within = draining.wait_for(Option::is_some).await;
        within.ok().and_then(|within| *within).unwrap_or_default()
    }

    /// Waits until it is of no use although it lives, and says why.
    async fn is_of_no_use(&self, is_mute: &Notify) -> String {
        tokio::select! {
            () = is_mute.notified() => "it takes no notes".to_owned(),
            why = self.stands_still() => why,
        }
    }

    async fn stands_still(&self) -> String {
        let shared = &self.shared;
        let path = trial::worker_file(&shared.data_dir, self.number);
        let mut stillness = Stillness::new(shared.lease_time, shared.clock.now());
        loop {
            shared.desk.tell(self.number, &ToWorker::Ping);
            tokio::time::sleep(stillness.look_every()).await;
            let answered_at = shared.presences.answered_at(self.number);
            let found = in_hand::read(&path);
            if let Some(why) = stillness.look(answered_at, found, shared.clock.now()) {
                return why;
            }
        }
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
            Some(FromWorker::Pong) => {
                let now = self.shared.clock.now();
                self.shared.presences.answers(self.number, now);
            }
            None => {}
        }
    }
}
