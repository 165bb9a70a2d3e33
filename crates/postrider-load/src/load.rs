//! One run from its plan to its figures.
//!
//! 1. *Prepare*: the mock, the service on it, emails and campaigns; the mock hears whom to expect.
//! 2. *Intake*: lists go in, timed by themselves.
//! 3. *Send*: campaigns are started, and end; the service may be killed and paused in 2 and 3.
//! 4. *Reconcile*: receipts go to the mock, the service ends, and with the contents the mock gives
//!    its verdict.
//! 5. *Measure*: the mock ends too, and its log is read.
//!
//! A run that does not end in its time is reconciled and measured like any other; it fails, with
//! what is missing as its reason.

pub(crate) mod baseline;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod doubts;
pub(crate) mod drive;
pub(crate) mod folder;
pub(crate) mod listing;
pub(crate) mod metrics;
pub(crate) mod mock;
pub(crate) mod proc;
pub(crate) mod reconcile;
pub(crate) mod sampler;
pub(crate) mod send;
pub(crate) mod service;
pub(crate) mod watch;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use postrider_mock_smtp::Profile;
use tokio::time::{Instant, timeout_at};

use crate::bounds::EXPORT_AFTER_MAX;
use crate::load::config::Addresses;
use crate::load::doubts::Circumstances;
use crate::load::drive::{Driver, Intake, Made};
use crate::load::folder::Folder;
use crate::load::mock::{Mock, MockSettings};
use crate::load::sampler::Sampler;
use crate::load::service::Service;
use crate::measure::finish::{self, Facts};
use crate::measure::times::Times;
use crate::plan::Plan;
use crate::plan::doors::Door;
use crate::run::Run;

/// What the service of a run will be told, as TOML; only the ports of the mock are others. Whoever
/// knows the service can say of it, before anything is started, whether that can be.
///
/// # Errors
/// When the configuration of the options is not TOML.
pub fn configuration(plan: &Plan) -> anyhow::Result<String> {
    let somewhere = |door: &Door| (door.provider.clone(), ANYWHERE);
    let addresses = Addresses {
        common: ANYWHERE,
        doors: &plan.doors.iter().map(somewhere).collect(),
    };
    config::of_service(plan, addresses)
}

/// Stands for an address that is known when the mock runs.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 25);

/// What a run is told beside its plan.
pub struct Surroundings<'a> {
    /// The program whose `serve` and `mock serve` are run.
    pub executable: &'a Path,
    /// Who hears how far it is, a sentence at a time.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// A finished run, and what does not fit into its file.
#[derive(Debug)]
pub struct Finished {
    /// The run.
    pub run: Run,
    /// The whole distribution of lateness; none without limits.
    pub lateness: Option<Times>,
    /// Bytes of an accepted message, on average.
    pub message_bytes: u64,
}

/// Carries out a plan.
///
/// # Errors
/// When there is nothing to measure: a process does not start or ends by itself, the service
/// refuses what a load needs, or a baseline cannot be run. A run that merely failed is no error.
pub async fn run(plan: &Plan, around: &Surroundings<'_>) -> anyhow::Result<Finished> {
    if let Some(kind) = plan.options.baseline {
        baseline::look(kind)?;
    }
    let folder = Folder::new(plan.options.folder.as_deref())?;
    let sink = Profile::sink();
    let settings = MockSettings {
        executable: around.executable,
        folder: folder.path(),
        name: "mock",
        profile: &plan.profile,
        seed: plan.options.seed,
        rtt: plan.options.rtt,
        time_scale: plan.options.time_scale,
    };
    let mut finished = Load::start(plan, around, &settings)
        .await?
        .carry_out()
        .await?;
    if let Some(kind) = plan.options.baseline {
        (around.say)(&format!(
            "the baseline: {} against a fresh mock",
            kind.name()
        ));
        let settings = MockSettings {
            name: "baseline",
            profile: &sink,
            ..settings
        };
        let work = baseline::Work {
            messages: finished.run.outcome.planned,
            body_bytes: finished.message_bytes.max(1),
            connections: plan.options.connections,
        };
        let within = plan.options.duration;
        let ours = finished.run.rate_achieved;
        let reached = baseline::run(kind, &settings, work, ours, within).await?;
        finished.run.baseline = Some(reached);
    }
    Ok(finished)
}

/// A run on its way.
struct Load<'a> {
    plan: &'a Plan,
    around: &'a Surroundings<'a>,
    mock: Mock,
    service: Service,
    config_hash: String,
    started_at_us: i64,
}

impl<'a> Load<'a> {
    async fn start(
        plan: &'a Plan,
        around: &'a Surroundings<'a>,
        settings: &MockSettings<'a>,
    ) -> anyhow::Result<Self> {
        let started_at_us = clock::now_us();
        let mock = Mock::start(settings).await?;
        let addresses = Addresses {
            common: mock.smtp(),
            doors: mock.doors(),
        };
        let text = config::of_service(plan, addresses)?;
        let (executable, folder) = (around.executable, settings.folder);
        let kind = (plan.options.store, plan.options.workers);
        let service = Service::start(executable, folder, &text, kind).await?;
        Ok(Self {
            plan,
            around,
            mock,
            service,
            config_hash: config::hash(&text),
            started_at_us,
        })
    }

    async fn carry_out(mut self) -> anyhow::Result<Finished> {
        let plan = self.plan;
        let emails = plan.emails();
        let driver = Driver {
            client: self.service.client().clone(),
            audience: &plan.audience,
            emails: &emails,
            in_doubt: plan.options.in_doubt,
        };
        let sampler = Sampler::start(self.service.pid(), self.mock.pid());
        let campaigns = driver.create().await?;
        self.say("telling the mock whom to expect");
        reconcile::announce(&self.mock, &plan.audience, &campaigns).await?;

        let deadline = Instant::now() + plan.options.duration;
        let intake = self.intake(&driver, &campaigns, deadline).await?;
        let sent = self.send(&driver, &campaigns, deadline).await?;

        self.say("reconciling every receipt");
        let outcome = reconcile::receipts(&self.mock, &driver, &campaigns);
        let outcome = tokio::time::timeout(EXPORT_AFTER_MAX, outcome).await;
        let mut outcome = outcome.context("the receipts cannot be exported in time")??;
        let listed = listing::in_doubt(&driver, &campaigns);
        let listed = tokio::time::timeout(EXPORT_AFTER_MAX, listed).await;
        let listed = listed.context("who is in doubt cannot be listed in time")??;
        let samples = sampler.samples();
        drop(sampler);
        let mut events = std::mem::take(&mut self.service.events);
        events.deaths_us = sent.watch.deaths_beside(&events.kills_us);
        let service_usage = self.service.usage();
        let home = self.service.home().to_owned();
        // A connection is judged when it has ended, and these end with the service.
        self.service.stop().await?;
        let wrong = reconcile::contents(&self.mock, &plan.audience, &emails, &campaigns).await?;
        let verdict = self.mock.verdict().await?;
        let kills = events.kills_us.len() as u64;
        let (doubts, wrong_doubts) = doubts::judge(&verdict, Circumstances::of(plan, kills));
        let mut reasons = reconcile::judge(&mut outcome, &verdict);
        reasons.extend(wrong_doubts);
        reasons.extend(listing::reason(outcome.in_doubt, listed));
        reasons.extend(sent.watch.reason());
        reasons.extend(wrong);
        reasons.extend(sent.unfinished);

        let mock_usage = self.mock.usage();
        let log = self.mock.log().to_owned();
        self.mock.stop().await?;
        let facts = Facts {
            plan,
            outcome,
            verdict,
            reasons,
            intake,
            seconds: sent.seconds,
            sending: (sent.service, sent.mock),
            machine_cpus: sent.machine_cpus,
            whole: (service_usage, mock_usage),
            commits: sent.commits,
            commit_p50_us: sent.commit_p50_us,
            doubts,
            balance: sent.watch.balance(),
            worker_deaths: sent.watch.worker_deaths(),
            samples,
            events,
            config_hash: self.config_hash,
            started_at_us: self.started_at_us,
        };
        finish::finish(facts, &log, &home, self.around.executable).await
    }

    /// Lists go in, whatever befalls the service.
    async fn intake(
        &mut self,
        driver: &Driver<'_>,
        campaigns: &[Made],
        deadline: Instant,
    ) -> anyhow::Result<Intake> {
        self.say("handing over the lists");
        let filling = timeout_at(deadline, driver.fill(campaigns));
        let filled = tokio::select! {
            filled = filling => filled,
            error = self.service.disturb(&self.plan.options) => return Err(error),
        };
        self.service.up().await?;
        let planned = self.plan.planned_sum();
        filled.with_context(|| {
            let duration = self.plan.options.duration;
            format!("the {planned} recipients were not taken in within {duration:?}")
        })?
    }

    fn say(&self, sentence: &str) {
        (self.around.say)(sentence);
    }
}
