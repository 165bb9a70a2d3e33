//! An erasure whose file cannot be cleaned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_store::{Backend, Store, memory};

use super::*;
use crate::{Settings, SystemClock};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// A store that is asked to compact while somebody reads an old state of it.
struct Busy {
    whole: Box<dyn Backend>,
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
    /// From which time on nobody reads.
    clean_at: usize,
}

impl Backend for Busy {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        if matches!(batch.as_slice(), [Request::Compact]) {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            let more = asked < self.clean_at;
            return Ok(vec![Reply::Done { more }]);
        }
        self.whole.apply(batch, now)
    }
}

/// Erases somebody from a store that is clean when it was asked so often; gives how often it was.
async fn erase(clean_at: usize) -> (Result<Walk, EngineError>, usize) {
    let (whole, reader) = memory::parts([7; 32]);
    let asked = Arc::default();
    let backend = Box::new(Busy {
        whole,
        asked: Arc::clone(&asked),
        clean_at,
    });
    let store = Store::inline(backend, reader, Arc::new(|| NOW));
    let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
    settings.is_sending = false;
    let clock = SystemClock::starting_at(NOW);
    let postrider = Postrider::start(store, settings, clock).await.unwrap();
    let address = "ada@a.test".parse().unwrap();
    let erased = postrider.erase_recipient(TenantId::DEFAULT, &address).await;
    postrider.drain(Duration::from_secs(1)).await;
    (erased, asked.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_file_that_does_not_become_clean_is_written_anew_a_few_times_and_then_it_is_said() {
    let (erased, asked) = erase(COMPACT_TRIES_MAX + 1).await;
    assert_eq!(asked, COMPACT_TRIES_MAX);
    let said = erased.unwrap_err().to_string();
    assert!(said.contains("the recipient is erased, but"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_clean_is_not_written_again() {
    for clean_at in [1, COMPACT_TRIES_MAX] {
        let (erased, asked) = erase(clean_at).await;
        assert_eq!(asked, clean_at);
        erased.unwrap();
    }
}
