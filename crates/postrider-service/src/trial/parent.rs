//! The side of whoever looks after processes: starts a trial, bounds it, and sees how it ends.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use postrider_pipeline::in_hand::Note;
use postrider_pipeline::report;
use postrider_store::Store;
use postrider_store::bounds::SUSPECTS_MAX;
use postrider_store::quarantine::{Suspect, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::ask::{Ask, Dress};
use super::ending::{Allowed, Ending, What};
use super::evidence::Evidence;
use super::{name_of, suspect};
use crate::bounds::{
    TRIAL_BYTES_MIN, TRIAL_BYTES_PER_BYTE, TRIAL_SAID_BYTES_MAX, TRIALS_AFTER_MAX,
};
use crate::config::Config;

/// How the allocator of the command is told to take address space only as it needs it. It would
/// else have a gigabyte before the trial begins, and the limit would mean nothing.
const NO_RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");

/// How suspects are tried.
#[derive(Debug, Clone)]
pub(crate) struct Trials {
    program: PathBuf,
    dress: Dress,
    email_bytes_max: usize,
    memory_bytes_max: u64,
    time_max: Duration,
}

impl Trials {
    /// By this program, which takes the word `trial`.
    pub(crate) fn new(program: PathBuf, config: &Config) -> Self {
        Self {
            program,
            dress: Dress::of(config),
            email_bytes_max: usize::try_from(config.email.size_max).unwrap_or(usize::MAX),
            memory_bytes_max: config.trial.memory_max,
            time_max: config.trial.time_max,
        }
    }

    /// Tries what was in hand, one after the other. Whom there is no time for stays suspected.
    pub(super) async fn judge(&self, store: &Store, notes: Vec<Note>) -> Vec<Suspect> {
        // One trial at least is never cut off.
        let deadline = Instant::now() + TRIALS_AFTER_MAX.max(self.time_max * 2);
        let mut suspects = Vec::new();
        for note in notes.into_iter().take(SUSPECTS_MAX) {
            let verdict = timeout_at(deadline, self.verdict(store, note)).await;
            suspects.push(suspect(note, verdict.unwrap_or(Verdict::Open)));
        }
        suspects
    }

    async fn verdict(&self, store: &Store, note: Note) -> Verdict {
        let evidence = store.read(move |reader| Evidence::of(reader, note)).await;
        let evidence = match evidence {
            Ok(Some(evidence)) => evidence,
            Ok(None) => return Verdict::Open,
            Err(error) => return not_tried(note, &report::chain(&error)),
        };
        tracing::info!(suspect = name_of(note), time_max = ?self.time_max, "a suspect is tried");
        let allowed = self.allowed(evidence.content.len());
        let ask = Ask {
            memory_bytes_max: allowed.memory_bytes_max,
            processor_time_max: allowed.time_max,
            email_bytes_max: self.email_bytes_max,
            message_key: store.message_key(),
            dress: self.dress.clone(),
            content: evidence.content,
            claimed: evidence.claimed,
        };
        let (ending, said) = match self.run(&ask).await {
            Ok(ended) => ended,
            Err(error) => return not_tried(note, &error.to_string()),
        };
        if ending.is_failure() {
            return not_tried(note, said.trim());
        }
        let what = match note {
            Note::Rendering { .. } => What::Rendering,
            Note::Loading { .. } => What::Preparing,
        };
        let verdict = ending.verdict(what, &said, allowed);
        let suspect = name_of(note);
        match &verdict {
            Verdict::Open => tracing::info!(suspect, "a suspect was tried, and killed nothing"),
            Verdict::Deadly(reason) => tracing::warn!(suspect, reason, "a suspect is deadly"),
        }
        verdict
    }

    /// A large email needs memory by itself, and is not to be blamed for that.
    fn allowed(&self, content_bytes: usize) -> Allowed {
        let content_bytes = u64::try_from(content_bytes).unwrap_or(u64::MAX);
        let of_email = content_bytes.saturating_mul(TRIAL_BYTES_PER_BYTE);
        let needed = of_email.saturating_add(TRIAL_BYTES_MIN);
        Allowed {
            memory_bytes_max: self.memory_bytes_max.max(needed),
            time_max: self.time_max,
        }
    }

    /// One trial, from its start to its end, and what it said; dropped before, it is killed.
    async fn run(&self, ask: &Ask) -> io::Result<(Ending, String)> {
        let mut child = self.start()?;
        let Ok(finished) = timeout(self.time_max, finish(&mut child, ask.written())).await else {
            child.kill().await?;
            return Ok((Ending::StillRunning, String::new()));
        };
        let (status, said) = finished?;
        let ending = match (status.signal(), status.code()) {
            (Some(signal), _) => Ending::Killed(signal),
            (None, code) => Ending::Exited(code.unwrap_or_default()),
        };
        Ok((ending, said))
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        let (name, value) = NO_RESERVE;
        command.arg("trial").env(name, value);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.stderr(Stdio::piped());
        // A group of its own: ^C at a terminal is for the service.
        command.process_group(0).kill_on_drop(true).spawn()
    }
}

fn not_tried(note: Note, error: &str) -> Verdict {
    let suspect = name_of(note);
    tracing::warn!(suspect, error, "a suspect cannot be tried");
    Verdict::Open
}

/// Tells a trial what to try, and waits for its end.
async fn finish(child: &mut Child, ask: Vec<u8>) -> io::Result<(ExitStatus, String)> {
    if let Some(mut stdin) = child.stdin.take() {
        // One that has ended before it has read all of it has ended all the same.
        stdin.write_all(&ask).await.ok();
    }
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr
            .take(TRIAL_SAID_BYTES_MAX)
            .read_to_end(&mut said)
            .await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use postrider_store::Request;
    use postrider_store::quarantine::Held;
    use postrider_types::{EmailId, TenantId};
    use tempfile::TempDir;

    use super::*;

    /// A program that does this when it is asked to try somebody.
    fn program(folder: &TempDir, script: &str) -> PathBuf {
        let path = folder.path().join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// What such a program shows of an email.
    async fn verdict(script: &str) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.trial.time_max = Duration::from_millis(500);
        let trials = Trials::new(program(&folder, script), &config);
        let now = || std::sync::Arc::new(|| postrider_types::Timestamp::EPOCH);
        let store = postrider_store::memory::open([7; 32], now()).unwrap();
        let content = bytes::Bytes::from_static(b"an email");
        let (tenant, email) = (TenantId::DEFAULT, EmailId::of(&content));
        let put = Request::PutEmail {
            tenant,
            email,
            content,
        };
        store.ask(put).await.unwrap();
        let note = Note::Loading { tenant, email };
        let mut judged = trials.judge(&store, vec![note]).await;
        assert_eq!(judged.len(), 1);
        assert_eq!(judged[0].what, Held::Email(tenant, email));
        judged.remove(0).verdict
    }

    async fn check(script: &str, expect: Option<&str>) {
        let expect = match expect {
            Some(reason) => Verdict::Deadly(format!("preparing it alone {reason}")),
            None => Verdict::Open,
        };
        assert_eq!(verdict(script).await, expect, "{script}");
    }

    #[tokio::test]
    async fn how_a_trial_ends_is_what_is_said_of_the_suspect() {
        check("[ \"$1\" = trial ] && exec cat >/dev/null", None).await;
        check(
            "cat >/dev/null; kill -ABRT $$",
            Some("was killed by SIGABRT"),
        )
        .await;
        let said = "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$";
        check(said, Some("needed more than 512 MiB")).await;
        check("while :; do :; done", Some("took longer than 500ms")).await;
    }

    #[tokio::test]
    async fn a_trial_that_cannot_be_made_condemns_nobody() {
        check("echo 'no such key' >&2; exit 1", None).await;
        check("exit 0", None).await;
    }

    #[test]
    fn a_large_email_may_take_what_it_needs() {
        let trials = Trials::new(PathBuf::new(), &Config::default());
        assert_eq!(trials.allowed(1_000).memory_bytes_max, 512 << 20);
        let large = trials.allowed(100_000_000).memory_bytes_max;
        assert_eq!(large, TRIAL_BYTES_MIN + 100_000_000 * TRIAL_BYTES_PER_BYTE);
    }
}
