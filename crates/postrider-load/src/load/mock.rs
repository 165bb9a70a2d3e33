//! The mock as a process of its own, and its control port.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use postrider_mock_smtp::Profile;
use postrider_mock_smtp::control::wire::{Progress, Ready, Verdict};
use serde::de::DeserializeOwned;

use crate::bounds::{CONTROL_AFTER_MAX, LINES_PER_REQUEST, START_AFTER_MAX, STOP_AFTER_MAX};
use crate::load::child::{Child, Launch};
use crate::load::proc::Usage;

/// How a mock is started.
#[derive(Debug, Clone)]
pub(crate) struct MockSettings<'a> {
    /// The program whose `mock serve` it is.
    pub(crate) executable: &'a Path,
    /// Where its files lie.
    pub(crate) folder: &'a Path,
    /// What it is called, in file names too.
    pub(crate) name: &'static str,
    /// How it behaves.
    pub(crate) profile: &'a Profile,
    /// Where its chance comes from.
    pub(crate) seed: u64,
    /// Added round-trip time of each connection.
    pub(crate) rtt: Duration,
    /// How many times as fast as life its waits pass.
    pub(crate) time_scale: u32,
}

/// A mock that runs.
#[derive(Debug)]
pub(crate) struct Mock {
    child: Child,
    smtp: SocketAddr,
    doors: BTreeMap<String, SocketAddr>,
    control: SocketAddr,
    log: PathBuf,
    http: reqwest::Client,
}

impl Mock {
    /// Starts it, and returns when it takes mail.
    pub(crate) async fn start(settings: &MockSettings<'_>) -> anyhow::Result<Self> {
        let MockSettings { folder, name, .. } = *settings;
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let (ready_file, log, profile) = (file("ready"), file("ndjson"), file("toml"));
        for stale in [&ready_file, &log] {
            std::fs::remove_file(stale).ok();
        }
        let text = toml::to_string(settings.profile).context("the profile cannot be written")?;
        std::fs::write(&profile, text).context("the profile cannot be written")?;
        let mut arguments = words("mock serve --listen 127.0.0.1:0 --control 127.0.0.1:0");
        arguments.extend(words(&format!("--seed {}", settings.seed)));
        if !settings.rtt.is_zero() {
            arguments.extend(words(&format!("--rtt {}us", settings.rtt.as_micros())));
        }
        if settings.time_scale > 1 {
            arguments.extend(words(&format!("--time-scale {}", settings.time_scale)));
        }
        let files = [
            ("--profile", &profile),
            ("--log", &log),
            ("--ready-file", &ready_file),
        ];
        for (name, path) in files {
            arguments.extend([OsString::from(name), path.clone().into()]);
        }
        let launch = Launch {
            name,
            program: settings.executable.to_owned(),
            arguments,
            folder: folder.to_owned(),
        };
        let mut child = launch.start()?;
        let look = async || {
            let text = std::fs::read(&ready_file).ok()?;
            serde_json::from_slice::<Ready>(&text).ok()
        };
        let ready = child.until("it listened", START_AFTER_MAX, look).await?;
        let control = ready.control.context("the mock has no control port")?;
        let http = reqwest::Client::builder()
            .timeout(CONTROL_AFTER_MAX)
            .no_proxy()
            .build()?;
        Ok(Self {
            child,
            smtp: ready.smtp,
            doors: ready.providers,
            control,
            log,
            http,
        })
    }

    /// Where it takes mail.
    pub(crate) const fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// Where each provider with a door of its own takes mail, by its name.
    pub(crate) const fn doors(&self) -> &BTreeMap<String, SocketAddr> {
        &self.doors
    }

    /// Its log.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    pub(crate) const fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// What it has used until now.
    pub(crate) fn usage(&self) -> Usage {
        self.child.usage()
    }

    /// What is counted while it runs.
    pub(crate) async fn progress(&self) -> anyhow::Result<Progress> {
        self.get("/progress").await
    }

    /// The verdict over all that it was told.
    pub(crate) async fn verdict(&self) -> anyhow::Result<Verdict> {
        self.get("/verdict").await
    }

    /// The first accepted message of a campaign; none when there is none.
    pub(crate) async fn sample(&self, campaign: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let request = self.http.get(self.url("/sample"));
        let response = request.query(&[("campaign", campaign)]).send().await;
        let response = response.context("the mock does not answer")?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = response.error_for_status()?.bytes().await?;
        Ok(Some(bytes.to_vec()))
    }

    /// A list of lines for `/expect` or `/receipts`, sent a piece at a time.
    pub(crate) fn list(&self, path: &'static str) -> List<'_> {
        List {
            mock: self,
            path,
            lines: Vec::new(),
            waiting: 0,
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.child.stop(STOP_AFTER_MAX).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.http.get(self.url(path)).send().await;
        let response = response.context("the mock does not answer")?;
        let answer = response.error_for_status()?.bytes().await?;
        serde_json::from_slice(&answer).with_context(|| format!("the mock's answer to {path}"))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.control)
    }
}

/// Lines on their way to the mock.
pub(crate) struct List<'a> {
    mock: &'a Mock,
    path: &'static str,
    lines: Vec<u8>,
    waiting: usize,
}

impl List<'_> {
    /// Adds a line, and sends what waits when it is enough.
    pub(crate) async fn add(&mut self, line: &impl serde::Serialize) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.lines, line)?;
        self.lines.push(b'\n');
        self.waiting += 1;
        if self.waiting >= LINES_PER_REQUEST {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends what waits.
    pub(crate) async fn send(&mut self) -> anyhow::Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.waiting = 0;
        let request = self.mock.http.post(self.mock.url(self.path));
        let request = request.header("content-type", "application/x-ndjson");
        let sent = request.body(std::mem::take(&mut self.lines)).send().await;
        let response = sent.context("the mock does not answer")?;
        if !response.status().is_success() {
            let (path, status) = (self.path, response.status());
            let text = response.text().await.unwrap_or_default();
            anyhow::bail!("the mock does not take {path}: {status} {text}");
        }
        Ok(())
    }
}

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}
