//! The pipeline in a process of its own or of somebody else's: the door for embedding.
//!
//! Starting recovers first: whoever held a lease is dead, so what was begun is in doubt and the
//! rest goes back; waits that came from limits are forgotten, because limits may have changed.
//! Then the shell runs the core until [`Postrider::drain`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_message::{Limits, Prepared, codec};
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request, Store, StoreError};
use postrider_types::{Campaign, CampaignId, Email, EmailId, InDoubtPolicy, TenantId};
use tokio::sync::watch;

use crate::clock::SystemClock;
use crate::recovery;
use crate::settings::Settings;
use crate::shell::{self, Shell};
use crate::status::Status;

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
    /// [`StoreError`] when the store cannot work.
    pub async fn start(
        store: Store,
        settings: Settings,
        clock: SystemClock,
    ) -> Result<Self, StoreError> {
        let steps = recovery::recover(&store).await?;
        let email_limits = Limits {
            email_bytes_max: settings.email_bytes_max,
        };
        let shell = Arc::new(shell::start(store.clone(), settings, clock));
        let progress = shell.progress();
        let steps = Arc::new(Mutex::new(steps));
        Ok(Self {
            store,
            email_limits,
            shell,
            progress,
            steps,
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
        email: &Email,
    ) -> Result<(EmailId, bool), EngineError> {
        // Preparing is the validation; the result is thrown away and made again when needed.
        Prepared::new(email, self.email_limits)?;
        let content = bytes::Bytes::from(codec::encode(email));
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

    /// Makes a campaign in state draft.
    ///
    /// # Errors
    /// [`EngineError`]; a name that is taken is [`Refused::NameTaken`].
    pub async fn create_campaign(
        &self,
        tenant: TenantId,
        name: &str,
        email: EmailId,
    ) -> Result<Campaign, EngineError> {
        let in_doubt = InDoubtPolicy::Hold;
        self.campaign(Request::Create {
            tenant,
            name: name.to_owned(),
            email,
            in_doubt,
        })
        .await
    }

    /// Seals, starts, pauses, resumes or cancels a campaign.
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
        running.spawn(steps);
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
