//! What the shell shows of the core after each turn: in the status, and in the log.

use std::sync::{Arc, PoisonError};

use super::run::Run;
use crate::bounds::COUNTS_SHOWN_AFTER;
use crate::clock::Clock;
use crate::core::{MeaningCount, RefusalGroup};
use crate::status::{PoolStatus, Status};

/// What the status shows of what is counted.
type Counted = (Arc<[RefusalGroup]>, Arc<[MeaningCount]>);

impl Run {
    pub(super) fn show(&mut self) {
        let counted = self.changed_counts();
        let core = self.core.status();
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        tell_changes(&status.pools, &core.pools);
        let counted =
            counted.unwrap_or_else(|| (Arc::clone(&status.refusals), Arc::clone(&status.meanings)));
        *status = Status {
            connections: core.connections,
            messages_in_flight: core.in_flight,
            chunks_held: core.hands,
            route_trouble: core.route_trouble,
            pools: core.pools,
            refusals: counted.0,
            meanings: counted.1,
            store_trouble: core.store_trouble,
            bodies_loaded: self.bodies.loaded(),
            is_draining: core.is_draining,
        };
    }

    /// What is counted, when it has changed and was not shown a moment ago: a turn is no time to
    /// sort hundreds of lines in.
    fn changed_counts(&mut self) -> Option<Counted> {
        let (count, now) = (self.core.meanings_count(), self.clock.now());
        let (shown, at) = self.counts_shown;
        let is_busy = self.core.is_busy() && now.since(at) < COUNTS_SHOWN_AFTER;
        if count == shown || is_busy {
            return None;
        }
        self.counts_shown = (count, now);
        Some((self.core.refusals().into(), self.core.meanings().into()))
    }
}

/// Says in the log when a site begins to fail, and when it is well again. Both are in order.
fn tell_changes(before: &[PoolStatus], after: &[PoolStatus]) {
    for pool in after {
        let known = before.binary_search_by(|known| known.order().cmp(&pool.order()));
        let known = known.ok().map(|known| &before[known]);
        let was_troubled = known.is_some_and(|known| known.trouble.is_some());
        let was_suspended = known.is_some_and(|known| known.is_suspended);
        let (route, site) = (&*pool.route_name, pool.site.as_str());
        match &pool.trouble {
            Some((trouble, _)) if pool.is_suspended && !was_suspended => {
                tracing::error!(route, site, %trouble, "a route to a site is suspended");
            }
            Some((trouble, _)) if !was_troubled => {
                tracing::warn!(route, site, %trouble, "mail to a site waits until it is tried again");
            }
            None if was_troubled => {
                tracing::info!(route, site, "mail to a site goes out again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use postrider_smtp::site::SiteName;
    use postrider_types::Timestamp;

    use super::*;
    use crate::settings::RouteId;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_calls_a_route_by_its_name() {
        let pool = |trouble: Option<&str>, is_suspended| PoolStatus {
            route: RouteId(1),
            route_name: "google".into(),
            site: SiteName::of_relay("relay.test", 25),
            open: 0,
            busy: 0,
            connections_max: 1,
            trouble: trouble.map(|sentence| (sentence.into(), Timestamp::EPOCH)),
            is_suspended,
        };
        let (well, shut, suspended) = (
            [pool(None, false)],
            [pool(Some("gone"), false)],
            [pool(Some("refused"), true)],
        );
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tell_changes(&well, &shut);
            tell_changes(&shut, &suspended);
            tell_changes(&suspended, &well);
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        let is_named = |line: &str| line.contains("route=\"google\"");
        assert!(text.lines().all(is_named), "{text}");
    }
}
