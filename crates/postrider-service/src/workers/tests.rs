//! Lives of workers whose program is a script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_pipeline::Settings;
use postrider_store::{Backend, Reply, Request, Store, StoreError, memory};
use postrider_types::Timestamp;

use super::*;
use crate::config::Config;

const SOON: Duration = Duration::from_secs(20);

/// Cannot end the leases of a worker a few times.
struct Weak {
    backend: Box<dyn Backend>,
    failures: usize,
    starts: PathBuf,
    seen: Arc<Seen>,
}

/// What it has seen.
#[derive(Default)]
struct Seen {
    /// How often the leases of a worker were ended.
    reaped: AtomicUsize,
    /// How often the next life had started before that.
    early: AtomicUsize,
}

impl Backend for Weak {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let is_meant = |request: &Request| {
            matches!(
                request,
                Request::Reap {
                    worker: Some(_),
                    ..
                }
            )
        };
        if batch.iter().any(is_meant) {
            if self.failures > 0 {
                self.failures -= 1;
                let reason = "no space left on device".to_owned();
                return Err(StoreError::Unwritable { reason });
            }
            let lives = self.seen.reaped.fetch_add(1, Ordering::Relaxed) + 1;
            let is_early = starts(&self.starts) > lives;
            self.seen
                .early
                .fetch_add(usize::from(is_early), Ordering::Relaxed);
        }
        self.backend.apply(batch, now)
    }
}

/// The file in which every life of a worker leaves a line.
fn starts_file(folder: &Path) -> PathBuf {
    folder.join("starts")
}

fn starts(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// One worker that says that it has started and then does this, and what its store has seen.
async fn one_worker(folder: &Path, then: &str, failures: usize) -> (Workers, Arc<Seen>) {
    let starts = starts_file(folder);
    let script = format!("echo up >> {}; {then}", starts.display());
    let program = folder.join("program");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let clock = SystemClock::start();
    let (backend, reader) = memory::parts([7; 32]);
    let seen = Arc::<Seen>::default();
    let weak = Weak {
        backend,
        failures,
        starts,
        seen: Arc::clone(&seen),
    };
    let store = Store::inline(Box::new(weak), reader, clock.as_now());
    let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
    settings.is_sending = false;
    let employer = Employer {
        trials: Trials::new(program.clone(), &Config::default()),
        program,
        data_dir: folder.to_owned(),
        lease_time: settings.lease.time,
        postrider: Postrider::start(store, settings, clock).await.unwrap(),
        clock,
    };
    let options = WorkerOptions {
        count: 1,
        config_text: String::new(),
        config_name: String::new(),
    };
    (Workers::start(options, employer).unwrap(), seen)
}

/// Waits until so many lives have started.
async fn lives(folder: &Path, count: usize) {
    let path = starts_file(folder);
    let looking = async {
        let mut turn = tokio::time::interval(Duration::from_millis(2));
        while starts(&path) < count {
            turn.tick().await;
        }
    };
    let looked = tokio::time::timeout(SOON, looking).await;
    looked.unwrap_or_else(|_| panic!("no {count} lives"));
}

#[tokio::test]
async fn the_next_life_waits_until_the_leases_of_the_last_are_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (workers, seen) = one_worker(folder.path(), "exit 1", 1).await;
    lives(folder.path(), 2).await;
    assert!(seen.reaped.load(Ordering::Relaxed) >= 1);
    let early = seen.early.load(Ordering::Relaxed);
    assert_eq!(early, 0, "two processes had leases");
    let presence = workers.presences().remove(0);
    assert!(presence.restarts >= 1);
    assert!(presence.last_end.unwrap().starts_with("exit status: 1"));
    workers.drain(SOON).await;
}

#[tokio::test]
async fn a_drain_waits_neither_for_a_hello_nor_for_a_store_that_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let (workers, seen) = one_worker(folder.path(), "exec tail -f /dev/null", usize::MAX).await;
    lives(folder.path(), 1).await;
    let drained = tokio::time::timeout(SOON / 2, workers.drain(SOON)).await;
    drained.expect("it waited for the worker");
    assert_eq!(seen.reaped.load(Ordering::Relaxed), 0);
    assert_eq!(workers.presences()[0].pid, None, "it was left alive");
}
