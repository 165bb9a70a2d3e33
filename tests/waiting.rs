//! Waiting, always with a bound that fails with a description.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

/// The time between two looks of [`until`].
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a future gives, which must be there in time.
///
/// # Panics
/// When it is not: `description` says what was waited for.
pub async fn within<T>(bound: Duration, description: &str, future: impl Future<Output = T>) -> T {
    match timeout(bound, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {bound:?}: {description}"),
    }
}

/// Looks again and again until there is something to see, and gives it.
///
/// # Panics
/// When there is nothing in time: `description` says what was waited for.
pub async fn until<T>(
    bound: Duration,
    description: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let mut turn = interval(LOOK_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looking = async {
        loop {
            turn.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    within(bound, description, looking).await
}
