//! What the processes of the last life had in hand: the service itself, and its workers, however
//! many there were.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_pipeline::Life;
use postrider_pipeline::in_hand::{self, InHand};
use postrider_store::Store;
use postrider_store::quarantine::Suspects;
use postrider_types::WorkerId;

use super::{Trials, suspects, untried};
use crate::bounds::WORKERS_MAX;

/// The file of the service itself, in the data directory.
const SERVICE_FILE: &str = "in-hand-service";

/// The same until the suspects of the last life are dealt with.
const NEXT_FILE: &str = "in-hand-service-next";

/// The file of one worker.
pub(crate) fn worker_file(data_dir: &Path, number: u8) -> PathBuf {
    data_dir.join(format!("in-hand-{number}"))
}

/// The file of the service itself.
pub(crate) fn service_file(data_dir: &Path) -> PathBuf {
    data_dir.join(SERVICE_FILE)
}

fn files(data_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let workers = (0..=u8::MAX).take_while(|number| u32::from(*number) < WORKERS_MAX);
    let workers = workers.map(|number| worker_file(data_dir, number));
    std::iter::once(service_file(data_dir)).chain(workers)
}

/// Those that have left notes, and who may have killed each; tried, when there is somebody who
/// tries.
pub(crate) async fn of_last_life(
    trials: Option<&Trials>,
    store: &Store,
    data_dir: &Path,
) -> Vec<Life> {
    let mut lives = Vec::new();
    for path in files(data_dir) {
        let suspects = match trials {
            Some(trials) => suspects(trials, store, &path).await,
            None => untried(&path),
        };
        let worker = match suspects {
            Suspects::Nobody => continue,
            Suspects::These(_) | Suspects::Unknown => in_hand::worker_of(&path),
        };
        lives.push(Life { worker, suspects });
    }
    lives
}

/// The notes of one worker, which begin with its life.
pub(crate) fn worker_begins(
    data_dir: &Path,
    (number, worker): (u8, WorkerId),
    connections: usize,
) -> Option<Arc<InHand>> {
    let path = worker_file(data_dir, number);
    noted(InHand::create(&path, worker, connections))
}

/// The notes of this life of the service, which are beside those of the last until
/// [`last_life_is_over`].
pub(crate) fn service_begins(
    data_dir: &Path,
    worker: WorkerId,
    connections: usize,
) -> Option<Arc<InHand>> {
    let path = data_dir.join(NEXT_FILE);
    noted(InHand::create(&path, worker, connections))
}

/// Mail goes out without notes too: a death is then nobody's.
fn noted(created: io::Result<Arc<InHand>>) -> Option<Arc<InHand>> {
    let warn = |error: &io::Error| {
        tracing::warn!(%error, "what is in hand cannot be noted, so a crash will suspect nobody");
    };
    created.inspect_err(warn).ok()
}

/// The suspects of the last life are dealt with: its notes go, and those of this life take their
/// place. What cannot be removed is only looked at once more.
pub(crate) fn last_life_is_over(data_dir: &Path) {
    for path in files(data_dir) {
        std::fs::remove_file(path).ok();
    }
    std::fs::rename(data_dir.join(NEXT_FILE), service_file(data_dir)).ok();
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use postrider_pipeline::core::ConnectionId;
    use postrider_store::quarantine::{Held, Suspect, Verdict};
    use postrider_types::{
        CampaignId, ChunkId, DeliveryId, EmailId, RecipientId, TenantId, Timestamp,
    };

    use super::*;

    fn delivery(number: u32) -> DeliveryId {
        DeliveryId {
            tenant: TenantId::DEFAULT,
            campaign: CampaignId(1),
            recipient: RecipientId(number),
        }
    }

    /// Leaves what a process leaves that dies while it renders the message of somebody; its name
    /// is the same number.
    fn dies_with(path: PathBuf, number: u32) {
        let in_hand = InHand::create(&path, WorkerId(number.into()), 1).unwrap();
        let email = EmailId::of(b"an email");
        let note = in_hand.rendering(ConnectionId(0), delivery(number), ChunkId(1), email);
        std::mem::forget(note);
    }

    fn store() -> Store {
        let now = Arc::new(|| Timestamp::EPOCH);
        postrider_store::memory::open([7; 32], now).unwrap()
    }

    #[tokio::test]
    async fn whoever_any_process_died_with_is_found_however_many_workers_there_are_now() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path();
        dies_with(service_file(data_dir), 1);
        dies_with(worker_file(data_dir, 0), 2);
        dies_with(worker_file(data_dir, 15), 3);
        let found = of_last_life(None, &store(), data_dir).await;
        let life = |number: u32, suspects: Vec<Suspect>| Life {
            worker: Some(WorkerId(number.into())),
            suspects: Suspects::These(suspects),
        };
        let died_with = |number| {
            let suspect = Suspect {
                what: Held::Delivery(delivery(number)),
                verdict: Verdict::Open,
            };
            life(number, vec![suspect])
        };
        let all: Vec<_> = (1..=3).map(died_with).collect();
        assert_eq!(found, all);

        let next = service_begins(data_dir, WorkerId(4), 1).unwrap();
        let again = of_last_life(None, &store(), data_dir).await;
        assert_eq!(again, found, "the next life took notes away");
        last_life_is_over(data_dir);
        let email = EmailId::of(b"an email");
        let noted = next.rendering(ConnectionId(0), delivery(4), ChunkId(1), email);
        let found = of_last_life(None, &store(), data_dir).await;
        assert_eq!(found, [died_with(4)]);
        drop(noted);
        let found = of_last_life(None, &store(), data_dir).await;
        assert_eq!(found, [life(4, Vec::new())]);
    }

    #[tokio::test]
    async fn notes_that_cannot_be_read_suspect_anybody_of_whom_no_others_are_known() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(worker_file(folder.path(), 3), "garbled").unwrap();
        dies_with(worker_file(folder.path(), 2), 1);
        let found = of_last_life(None, &store(), folder.path()).await;
        let [known, garbled] = &found[..] else {
            panic!("two lives: {found:?}");
        };
        assert_eq!(known.worker, Some(WorkerId(1)));
        assert_eq!(
            (garbled.worker, &garbled.suspects),
            (None, &Suspects::Unknown)
        );
    }
}
