//! Lives of workers whose program is a script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
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
    reaped: Arc<AtomicUsize>,
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
            self.reaped.fetch_add(1, Ordering::Relaxed);
        }
        self.backend.apply(batch, now)
    }
}

/// One worker whose program is this script, and how often it was reaped.
async fn one_worker(folder: &Path, script: &str, failures: usize) -> (Workers, Arc<AtomicUsize>) {
    let program = folder.join("program");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let clock = SystemClock::start();
    let (backend, reader) = memory::parts([7; 32]);
    let reaped = Arc::<AtomicUsize>::default();
    let weak = Weak {
        backend,
        failures,
        reaped: Arc::clone(&reaped),
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
    (Workers::start(options, employer).unwrap(), reaped)
}

/// Waits until the script has written so many lines.
async fn lines(path: &Path, count: usize) {
    let looking = async {
        let mut turn = tokio::time::interval(Duration::from_millis(2));
        while fs::read_to_string(path).map_or(0, |text| text.lines().count()) < count {
            turn.tick().await;
        }
    };
    let looked = tokio::time::timeout(SOON, looking).await;
    looked.unwrap_or_else(|_| panic!("{count} lines in {}", path.display()));
}

#[tokio::test]
async fn the_next_life_waits_until_the_leases_of_the_last_are_ended() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let script = format!("echo up >> {}; exit 1", starts.display());
    let (workers, reaped) = one_worker(folder.path(), &script, 1).await;
    lines(&starts, 2).await;
    assert_eq!(
        reaped.load(Ordering::Relaxed),
        1,
        "two processes had leases"
    );
    let presence = workers.presences().remove(0);
    assert!(presence.restarts >= 1);
    assert!(presence.last_end.unwrap().starts_with("exit status: 1"));
    workers.drain(SOON).await;
}

#[tokio::test]
async fn a_drain_waits_neither_for_a_hello_nor_for_a_store_that_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let script = format!("echo up >> {}; exec tail -f /dev/null", starts.display());
    let (workers, reaped) = one_worker(folder.path(), &script, usize::MAX).await;
    lines(&starts, 1).await;
    let drained = tokio::time::timeout(SOON / 2, workers.drain(SOON)).await;
    drained.expect("it waited for the worker");
    assert_eq!(reaped.load(Ordering::Relaxed), 0);
    assert_eq!(workers.presences()[0].pid, None, "it was left alive");
}
