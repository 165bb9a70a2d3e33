//! The service as a process of its own: started, killed, paused, and started again where it was.
//!
//! Its port stays the same over a restart, so that a client is one client for the whole run.
//! What every life has used is added up; the memory of the largest counts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use postrider_api::Client;
use rustix::process::Signal;
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use twox_hash::XxHash3_64;

use crate::bounds::{PARENT_IS_MEANT_ONCE_IN, PAUSE_FOR, START_AFTER_MAX, STOP_AFTER_MAX};
use crate::load::child::{Child, Launch, send};
use crate::load::clock;
use crate::load::proc::{self, Usage};
use crate::plan::options::{Options, StoreKind};

/// The service of a run.
#[derive(Debug)]
pub(crate) struct Service {
    launch: Launch,
    /// None while it is down.
    child: Option<Child>,
    client: Client,
    /// The data directory.
    home: PathBuf,
    /// What its earlier lives used.
    spent: Usage,
    /// The process id of its present life for who samples it; 0 while it is down.
    pid: Arc<AtomicU32>,
    /// What happened to it until now.
    pub(crate) events: Events,
}

/// What happened to a service; times are microseconds since the epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    /// When it, or a worker of it, was killed.
    pub(crate) kills_us: Vec<i64>,
    /// When one of them was stopped for a while.
    pub(crate) pauses_us: Vec<i64>,
    /// When it took work again after a kill of itself.
    pub(crate) starts_us: Vec<i64>,
    /// When it was heard that a worker had died which nobody had killed.
    pub(crate) deaths_us: Vec<i64>,
    /// The longest from a kill of itself until it took work again, in microseconds; 0 without one.
    pub(crate) longest_start_us: u64,
}

/// What `serve -o json` says.
#[derive(Deserialize)]
struct Started {
    endpoint: String,
    key_file: PathBuf,
}

impl Service {
    /// Starts it in the run's folder with this configuration, and returns when it takes work.
    pub(crate) async fn start(
        executable: &Path,
        folder: &Path,
        config: &str,
        (store, workers): (StoreKind, u32),
    ) -> anyhow::Result<Self> {
        let config_file = folder.join("postrider.toml");
        std::fs::write(&config_file, config).context("the configuration cannot be written")?;
        let home = folder.join("data");
        let mut launch = Launch {
            name: "service",
            program: executable.to_owned(),
            arguments: Vec::new(),
            folder: folder.to_owned(),
        };
        launch.arguments = words(&["serve", "-o", "json", "--store", store.name(), "--config"]);
        launch.arguments.push(config_file.into());
        launch
            .arguments
            .extend([OsString::from("--data"), home.clone().into()]);
        if workers > 0 {
            let count = OsString::from(workers.to_string());
            launch.arguments.extend(["--workers".into(), count]);
        }
        let output = launch.output();
        std::fs::remove_file(&output).ok();
        let mut first = launch.clone();
        first.arguments.extend(words(&["--listen", "127.0.0.1:0"]));
        let mut child = first.start()?;
        let look = async || started(&output);
        let started = child.until("it said where it answers", START_AFTER_MAX, look);
        let started: Started = started.await?;
        let key = std::fs::read_to_string(folder.join(&started.key_file));
        let client = Client::new(&started.endpoint, &key.context("the key cannot be read")?)?;
        let address = started.endpoint.trim_start_matches("http://");
        launch.arguments.extend(words(&["--listen", address]));
        let mut service = Self {
            launch,
            pid: Arc::new(AtomicU32::new(child.pid())),
            child: Some(child),
            client,
            home,
            spent: Usage::default(),
            events: Events::default(),
        };
        service.ready().await?;
        Ok(service)
    }

    /// A client of it, good for all of its lives.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// The data directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Its process id at any time; 0 while it is down.
    pub(crate) fn pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    /// What all of its lives have used until now.
    pub(crate) fn usage(&self) -> Usage {
        match &self.child {
            Some(child) => self.spent.and(child.usage()),
            None => self.spent,
        }
    }

    /// Kills and pauses it as the options say, for as long as this is polled; gives an error when
    /// it ends by itself.
    pub(crate) async fn disturb(&mut self, options: &Options) -> anyhow::Error {
        let never = std::time::Duration::from_secs(u64::from(u32::MAX));
        let turn = |every: Option<std::time::Duration>| {
            let every = every.unwrap_or(never);
            let mut turn = interval_at(Instant::now() + every, every);
            turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
            turn
        };
        let (mut kill, mut pause) = (turn(options.kill_every), turn(options.pause_every));
        loop {
            let Some(child) = self.child.as_mut() else {
                return anyhow::anyhow!("the service is down");
            };
            let done = tokio::select! {
                error = child.ended() => Err(error),
                _ = kill.tick() => match self.victim(options) {
                    Some(worker) => self.kill_worker(worker),
                    None => self.kill_and_start().await,
                },
                _ = pause.tick() => self.pause(self.victim(options)).await,
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Which of its workers is disturbed next, by the seed; `None` is the service itself, which is
    /// always meant when it has none, and once in a while when it has.
    fn victim(&self, options: &Options) -> Option<u32> {
        let turn = self.events.kills_us.len() + self.events.pauses_us.len();
        let chance = XxHash3_64::oneshot_with_seed(options.seed, &turn.to_le_bytes());
        if options.workers == 0 || chance.is_multiple_of(PARENT_IS_MEANT_ONCE_IN) {
            return None;
        }
        let workers = proc::children(self.child.as_ref()?.pid());
        let number = chance / PARENT_IS_MEANT_ONCE_IN % (workers.len() as u64).max(1);
        workers.get(usize::try_from(number).ok()?).copied()
    }

    /// Ends one of its workers as a crash would; the service starts it again.
    fn kill_worker(&mut self, worker: u32) -> anyhow::Result<()> {
        // The most memory that it had is known only as long as it lives.
        let rss_bytes_max = self.usage().rss_bytes_max;
        self.spent.rss_bytes_max = self.spent.rss_bytes_max.max(rss_bytes_max);
        self.events.kills_us.push(clock::now_us());
        send(worker, Signal::KILL);
        Ok(())
    }

    /// Ends it as a crash would, and starts it again.
    async fn kill_and_start(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        if let Some(child) = self.child.take() {
            self.spent = self.spent.and(child.usage());
            self.pid.store(0, Ordering::Relaxed);
            self.events.kills_us.push(clock::now_us());
            child.kill().await?;
        }
        self.up().await?;
        self.events.starts_us.push(clock::now_us());
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let longest_us = &mut self.events.longest_start_us;
        *longest_us = (*longest_us).max(took_us);
        Ok(())
    }

    /// Stops it or one of its workers as a machine that is too busy would, and lets it go on.
    async fn pause(&mut self, worker: Option<u32>) -> anyhow::Result<()> {
        let child = self.child.as_ref().context("the service is down")?;
        let pid = worker.unwrap_or_else(|| child.pid());
        self.events.pauses_us.push(clock::now_us());
        send(pid, Signal::STOP);
        sleep(PAUSE_FOR).await;
        send(pid, Signal::CONT);
        Ok(())
    }

    /// Returns when it runs and takes work, whatever state a disturbance left it in.
    pub(crate) async fn up(&mut self) -> anyhow::Result<()> {
        match &self.child {
            Some(child) => child.signal(Signal::CONT),
            None => {
                let child = self.launch.start()?;
                self.pid.store(child.pid(), Ordering::Relaxed);
                self.child = Some(child);
            }
        }
        self.ready().await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let client = self.client.clone();
        let child = self.child.as_mut().context("the service is down")?;
        let look = async || {
            let readiness = client.ready().await.ok()?;
            readiness.is_ready.then_some(())
        };
        child.until("it took work", START_AFTER_MAX, look).await
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.pid.store(0, Ordering::Relaxed);
        match self.child.take() {
            Some(child) => child.stop(STOP_AFTER_MAX).await,
            None => Ok(()),
        }
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// The line of JSON in its output, once it is whole.
fn started(output: &Path) -> Option<Started> {
    let text = std::fs::read_to_string(output).ok()?;
    let whole = text.rsplit_once('\n')?.0;
    whole
        .lines()
        .find_map(|line| serde_json::from_str(line).ok())
}
