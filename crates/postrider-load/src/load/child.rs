//! A child process of a run: its output goes into a file, its life ends with ours.
//!
//! Children get no environment, so that a run depends on nothing but its options.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::bounds::{LOOK_EVERY, OUTPUT_TAIL_BYTES};
use crate::load::proc::Usage;

/// A process that runs, and is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    inner: tokio::process::Child,
    pid: u32,
    /// What it is to people.
    name: &'static str,
    output: PathBuf,
}

/// How a process is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// What it is to people, and the name of the file of its output.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where its output goes. It works where we do, so that relative paths of a configuration mean
    /// what they mean to us.
    pub(crate) folder: PathBuf,
}

impl Launch {
    /// Where its output goes.
    pub(crate) fn output(&self) -> PathBuf {
        self.folder.join(format!("{}.out", self.name))
    }

    /// Starts it; its output is appended.
    pub(crate) fn start(&self) -> anyhow::Result<Child> {
        let path = self.output();
        let append = || -> std::io::Result<File> {
            OpenOptions::new().create(true).append(true).open(&path)
        };
        let cannot = || format!("{} cannot be started", self.name);
        let (stdout, stderr) = (append().with_context(cannot)?, append());
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr.with_context(cannot)?)
            .kill_on_drop(true);
        let inner = command.spawn().with_context(cannot)?;
        let pid = inner.id().with_context(cannot)?;
        Ok(Child {
            inner,
            pid,
            name: self.name,
            output: path,
        })
    }
}

impl Child {
    /// Its process id.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// What it and the processes that it has started have used until now; nothing when it is gone.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of_family(self.pid).unwrap_or_default()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        // One that has ended and was not waited for takes signals too.
        send(self.pid, signal);
    }

    /// Looks again and again until there is something to see.
    ///
    /// # Errors
    /// When there is nothing in time, or the process ends before: with the end of its output.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + within;
        let mut turn = interval(LOOK_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turn.tick().await;
            if let Some(seen) = look().await {
                return Ok(seen);
            }
            if let Ok(Some(status)) = self.inner.try_wait() {
                anyhow::bail!(
                    "{} ended ({status}) before {what}{}",
                    self.name,
                    self.said()
                );
            }
            if Instant::now() >= deadline {
                let name = self.name;
                anyhow::bail!("{name}: no {what} within {within:?}{}", self.said());
            }
        }
    }

    /// Waits until it ends by itself, which no child of a run does.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        let status = self.inner.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        anyhow::anyhow!("{} ended by itself ({status}){}", self.name, self.said())
    }

    /// Ends it as a crash would, and returns when it is gone.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.inner
            .start_kill()
            .context("the system kills nothing")?;
        self.inner.wait().await.context("a child is waited for")?;
        Ok(())
    }

    /// Asks it to end; kills it when it has not after `within`.
    pub(crate) async fn stop(mut self, within: Duration) -> anyhow::Result<()> {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        if tokio::time::timeout(within, self.inner.wait())
            .await
            .is_err()
        {
            let name = self.name;
            tracing::warn!("{name} did not end within {within:?} and is killed");
            self.kill().await?;
        }
        Ok(())
    }

    /// The end of what it said.
    fn said(&self) -> String {
        let text = tail(&self.output);
        if text.is_empty() {
            String::new()
        } else {
            format!("; it said:\n{text}")
        }
    }
}

/// Sends a process a signal, if it is there.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        kill_process(pid, signal).ok();
    }
}

fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(OUTPUT_TAIL_BYTES);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(folder: &Path, script: &str) -> Launch {
        Launch {
            name: "shell",
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(OsString::from).into(),
            folder: folder.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_child_that_ends_too_early_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(folder.path(), "echo no port; exit 3")
            .start()
            .unwrap();
        let waited = child.until("port", SOON, async || None::<()>).await;
        let error = waited.unwrap_err().to_string();
        assert!(error.contains("before port"), "{error}");
        assert!(error.ends_with("no port"), "{error}");
    }

    #[tokio::test]
    async fn a_child_that_stands_still_ends_when_it_is_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let launch = shell(folder.path(), "echo up; exec cat /dev/zero >/dev/null");
        let output = launch.output();
        let mut child = launch.start().unwrap();
        let is_up = async || tail(&output).contains("up").then_some(());
        child.until("line", SOON, is_up).await.unwrap();
        assert!(child.usage().rss_bytes_max > 0);
        child.signal(Signal::STOP);
        let pid = child.pid();
        child.stop(SOON).await.unwrap();
        assert_eq!(Usage::of(pid), None);
    }

    #[tokio::test]
    async fn a_child_sees_no_environment() {
        let folder = tempfile::tempdir().unwrap();
        let launch = shell(folder.path(), "echo home=$HOME.; exec cat");
        let output = launch.output();
        let mut child = launch.start().unwrap();
        let line = async || tail(&output).contains("home=.").then_some(());
        child.until("line", SOON, line).await.ok();
        assert_eq!(tail(&output), "home=.");
    }
}
