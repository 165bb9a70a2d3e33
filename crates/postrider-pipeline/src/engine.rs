//! The pipeline in a process of its own or of somebody else's: the door for embedding.
//!
//! Starting recovers first: whoever held a lease is dead, so what was begun is in doubt and the
//! rest goes back; waits that came from limits are forgotten, because limits may have changed.
//! Then the shell runs the core until [`Postrider::drain`].

mod decide;
mod walk;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_message::{Limits, Prepared, codec};
use postrider_store::quarantine::{Reaped, Suspects};
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request, Store, StoreError};
use postrider_types::{Campaign, CampaignId, Email, EmailId, TenantId, WorkerId};
use tokio::sync::watch;

use crate::alarm::Alarm;
use crate::clock::SystemClock;
use crate::recovery::{self, Life, STEPS};
use crate::settings::Settings;
use crate::shell::{self, Role, Shell};
use crate::starter::{self, Bell};
use crate::status::Status;
use crate::terms::Terms;

pub use decide::{Decided, Decision};
pub use walk::Walk;

/// How it is said that nothing can be recorded any more.
const WRITER_ENDED: &str = "the store's writer panicked";

/// A running pipeline over one store: cheap to clone, ended by [`Postrider::drain`].
#[derive(Clone)]
pub struct Postrider {
    store: Store,
    email_limits: Limits,
    shell: Arc<Shell>,
    /// Grows when something may have changed for those who wait for a campaign.
    progress: watch::Receiver<u64>,
    /// The step-wise work that follows a change of a campaign.
    steps: Arc<Mutex<tokio::task::JoinSet<()>>>,
    /// Rung when a draft may start earlier than was known.
    bell: Bell,
    found: Reaped,
}

/// Why something that was asked of a pipeline did not happen.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store could not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The email cannot be sent as it is; all problems at once.
    #[error(transparent)]
    Email(#[from] postrider_message::PrepareError),
}

impl Postrider {
    /// Recovers what an earlier process left, and begins to send.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot work: nothing is sent then.
    pub async fn start(
        store: Store,
        settings: Settings,
        clock: SystemClock,
    ) -> Result<Self, StoreError> {
        Self::start_after(store, settings, clock, Vec::new()).await
    }

    /// The same after processes that died with something in hand, as far as their notes
    /// ([`in_hand`](crate::in_hand)) and what was found out since say.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot work: nothing is sent then.
    pub async fn start_after(
        store: Store,
        settings: Settings,
        clock: SystemClock,
        lives: Vec<Life>,
    ) -> Result<Self, StoreError> {
        let alarm = Alarm::new();
        let (mut steps, found) = recovery::recover(&store, lives, &alarm).await?;
        let email_limits = Limits {
            email_bytes_max: settings.email_bytes_max,
        };
        let shell = shell::start(store.clone(), settings, Role::Owner, alarm.clone(), clock);
        let shell = Arc::new(shell);
        let progress = shell.progress();
        let bell = Bell::default();
        let told = Arc::clone(&shell);
        let started = move || told.made_progress();
        let starter = starter::run(
            store.clone(),
            clock,
            Arc::clone(&bell),
            alarm.clone(),
            started,
        );
        steps.spawn(alarm.guard("the task that starts campaigns", starter));
        let steps = Arc::new(Mutex::new(steps));
        Ok(Self {
            store,
            email_limits,
            shell,
            progress,
            steps,
            bell,
            found,
        })
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Validates an email and keeps it under the id of its content; says whether it was new.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn put_email(
        &self,
        tenant: TenantId,
        email: Email,
    ) -> Result<(EmailId, bool), EngineError> {
        // Preparing is the validation; the result is thrown away and made again when needed.
        Prepared::new(&email, self.email_limits)?;
        let content = bytes::Bytes::from(codec::encode(&email));
        // Its stored form is all that is needed while the store writes it.
        drop(email);
        let email = EmailId::of(&content);
        match self
            .ask(Request::PutEmail {
                tenant,
                email,
                content,
            })
            .await?
        {
            Reply::Put { is_new } => Ok((email, is_new)),
            other => unreachable!("putting an email is answered with put, not {other:?}"),
        }
    }

    /// Makes a campaign in state draft; one with a time starts by itself when it comes.
    ///
    /// # Errors
    /// [`EngineError`]; a name that is taken is [`Refused::NameTaken`].
    pub async fn create_campaign(
        &self,
        tenant: TenantId,
        name: &str,
        email: EmailId,
        terms: Terms,
    ) -> Result<Campaign, EngineError> {
        let create = Request::Create {
            tenant,
            name: name.to_owned(),
            email,
            in_doubt: terms.in_doubt,
            in_doubt_retry_after: terms.in_doubt_retry_after,
            send_at: terms.send_at,
        };
        let created = self.campaign(create).await?;
        self.bell.notify_one();
        Ok(created)
    }

    /// Seals, schedules, starts, pauses, resumes or cancels a campaign.
    ///
    /// Putting parked chunks back and cancelling waiting ones goes on in bounded steps after
    /// this has returned; the change itself holds at once.
    ///
    /// # Errors
    /// [`EngineError`]; a change that its state does not allow is [`Refused::Campaign`].
    pub async fn change_campaign(
        &self,
        campaign: CampaignId,
        change: CampaignChange,
    ) -> Result<Campaign, EngineError> {
        let changed = self.campaign(Request::Change { campaign, change }).await?;
        self.bell.notify_one();
        let steps = recovery::steps(&self.store, changed.id, changed.state);
        let shell = Arc::clone(&self.shell);
        let steps = async move {
            steps.await;
            // Nobody else may say so: what a sweep ended never comes to the core.
            shell.made_progress();
        };
        let mut running = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are done are only collected.
        while running.try_join_next().is_some() {}
        running.spawn(self.shell.alarm().guard(STEPS, steps));
        drop(running);
        self.shell.made_progress();
        Ok(changed)
    }

    /// Waits until a campaign is finished or cancelled with nothing open, and returns it as it is
    /// then.
    ///
    /// # Errors
    /// [`EngineError`]; [`StoreError::Closed`] when the pipeline was drained before.
    pub async fn finished(&self, campaign: CampaignId) -> Result<Campaign, EngineError> {
        let mut progress = self.progress.clone();
        loop {
            let found = self
                .store
                .read(move |reader| reader.campaign(campaign))
                .await?;
            let found = found.ok_or(Refused::NoCampaign)?;
            if found.state.is_final() && found.tally.open() == 0 {
                return Ok(found);
            }
            progress.changed().await.map_err(|_| StoreError::Closed)?;
        }
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.shell.status()
    }

    /// What the start found of an earlier process that ended without a stop: nothing after one
    /// that was stopped in order.
    pub const fn found(&self) -> Reaped {
        self.found
    }

    /// Waits until the task that decides takes a turn: one that hangs never does.
    pub async fn is_answering(&self) {
        self.shell.is_answering().await;
    }

    /// What makes it useless: a task of its own that panicked, or the store's writer that did.
    /// Waits for ever while all is well. Whoever runs it ends then, as after a crash.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        let (rings, store) = (self.shell.alarm().rings(), self.store.clone());
        async move {
            tokio::select! {
                name = rings => format!("{name} panicked"),
                () = store.ended() => WRITER_ENDED.to_owned(),
            }
        }
    }

    /// The same as it stands: `None` while all is well.
    pub fn failure(&self) -> Option<String> {
        match self.shell.alarm().rung() {
            Some(name) => Some(format!("{name} panicked")),
            None => self.store.has_ended().then(|| WRITER_ENDED.to_owned()),
        }
    }

    /// A task of whoever runs this pipeline, without which it is of no use: when it panics,
    /// [`Postrider::failed`] says so. `name` stands before "panicked".
    pub fn guard<F: Future>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        self.shell.alarm().guard(name, task)
    }

    /// Ends every lease of a worker that is gone: what it had begun is in doubt, the rest goes
    /// back. Nothing that it asked for may be on its way to the store any more.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be ended runs out by itself.
    pub async fn reap_worker(
        &self,
        worker: WorkerId,
        suspects: Suspects,
    ) -> Result<Reaped, StoreError> {
        recovery::reap_worker(&self.store, worker, suspects).await
    }

    /// Says that something may have changed for those who wait for a campaign; for whoever
    /// carries out requests of others on its store.
    pub fn made_progress(&self) {
        self.shell.made_progress();
    }

    /// Finishes what is between MAIL and its reply, gives the rest back and takes no new work;
    /// what is not done after `within` is dropped as a crash would drop it, which is safe.
    pub async fn drain(&self, within: Duration) {
        self.shell.drain(within).await;
        let steps = std::mem::take(&mut *self.steps.lock().unwrap_or_else(PoisonError::into_inner));
        // Half done is fine: the next start goes on.
        drop(steps);
    }

    async fn campaign(&self, request: Request) -> Result<Campaign, EngineError> {
        match self.ask(request).await? {
            Reply::Campaign(campaign) => Ok(*campaign),
            other => unreachable!("a change is answered with the campaign, not {other:?}"),
        }
    }

    async fn ask(&self, request: Request) -> Result<Reply, EngineError> {
        match self.store.ask(request).await? {
            Reply::Refused(refused) => Err(refused.into()),
            reply => Ok(reply),
        }
    }
}
