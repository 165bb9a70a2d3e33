//! Waiting until a store is closed.
//!
//! A store is closed by whoever drops its last handle, which may be a task that was cut off and
//! that the runtime has still to drop. What nobody can mistake is the lock on the data directory.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use postrider_store::sqlite::OWNER_FILE;
use tokio::sync::oneshot;

/// Waits until nobody owns the store in `data_dir`; false when it is still owned after `within`.
pub(super) async fn released(data_dir: &Path, within: Duration) -> bool {
    let Ok(file) = File::open(data_dir.join(OWNER_FILE)) else {
        return true;
    };
    let (sender, receiver) = oneshot::channel();
    // A thread of its own, because it may wait for ever, and a runtime would wait for it.
    let waiting = std::thread::Builder::new()
        .name("release".to_owned())
        .spawn(move || {
            let locked = file.lock_shared();
            // The lock must be gone before anybody is told, or the next owner would meet it.
            drop(file);
            if locked.is_ok() {
                // Nobody listens any more when the time is over.
                sender.send(()).unwrap_or_default();
            }
        });
    waiting.is_ok() && matches!(tokio::time::timeout(within, receiver).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_directory_that_nobody_owns_is_released_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(released(dir.path(), SOON).await);
    }

    #[tokio::test]
    async fn a_directory_is_released_when_its_owner_lets_go_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let owner = File::create(dir.path().join(OWNER_FILE)).unwrap();
        owner.lock().unwrap();
        assert!(!released(dir.path(), Duration::from_millis(20)).await);
        drop(owner);
        assert!(released(dir.path(), SOON).await);
    }
}
