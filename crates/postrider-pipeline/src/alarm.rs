//! A task that panics does not go unnoticed.
//!
//! Whoever waits for such a task would wait for ever, and what it held would stay held: a service
//! that is up and does nothing. So every task of the shell runs under an alarm, and whoever runs
//! the pipeline ends when it rings. What was under way is then lost as in a crash, which is safe.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

/// Rings when a task panics; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Alarm(Arc<watch::Sender<Option<&'static str>>>);

impl Alarm {
    /// One that is silent.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Runs a task, whose name is told when it panics.
    pub(crate) fn guard<F: Future>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let alarm = self.clone();
        async move {
            let _bell = Bell { alarm, name };
            task.await
        }
    }

    /// The task that panicked, if one has.
    pub(crate) fn rung(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Waits until a task panics, and gives its name.
    pub(crate) fn rings(&self) -> impl Future<Output = &'static str> + Send + use<> {
        let mut receiver = self.0.subscribe();
        async move {
            let rung = receiver.wait_for(Option::is_some).await;
            let name = rung.ok().and_then(|name| *name);
            match name {
                Some(name) => name,
                // Without a shell there is nobody left who could panic.
                None => std::future::pending().await,
            }
        }
    }
}

/// Dropped in the middle of a panic, it rings.
struct Bell {
    alarm: Alarm,
    name: &'static str,
}

impl Drop for Bell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.alarm.0.send_replace(Some(self.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_for_a_task_that_panics_and_for_no_other() {
        let alarm = Alarm::new();
        let rings = alarm.rings();
        tokio::spawn(alarm.guard("good", async {})).await.unwrap();
        let stopped = tokio::spawn(alarm.guard("stopped", std::future::pending::<()>()));
        stopped.abort();
        stopped.await.unwrap_err();
        assert_eq!(alarm.rung(), None);
        let bad = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        tokio::spawn(alarm.guard::<_>("bad", bad))
            .await
            .unwrap_err();
        assert_eq!((alarm.rung(), rings.await), (Some("bad"), "bad"));
    }
}
