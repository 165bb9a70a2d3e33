//! Waiting before a reply, and instead of one, with an eye on the client.
//!
//! A client that gives up and leaves has left: its places are free from that moment on, and not
//! only when the reply that it did not wait for would have been due.

use std::io;
use std::ops::ControlFlow::{self, Break};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep_until, timeout};

use crate::bounds::{HOLD_MAX, READ_BYTES};
use crate::connection::Connection;
use crate::connection::stream::Stream;

impl<S: Stream> Connection<S> {
    /// Waits before a reply; a stop ends the wait. What comes meanwhile is not mixed with what was
    /// read before, because each has its own time of arrival, and no more than one read of it is
    /// taken.
    pub(super) async fn wait_out(&mut self, delay: Duration) -> io::Result<()> {
        let until = Instant::now() + delay;
        let mut is_watching = self.ahead.0.is_empty();
        while Instant::now() < until {
            let (ahead, ahead_at_us) = &mut self.ahead;
            ahead.reserve(READ_BYTES);
            let read = tokio::select! {
                () = sleep_until(until) => return Ok(()),
                _ = self.stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
                read = self.stream.read_buf(ahead), if is_watching => read,
            };
            is_watching = false;
            *ahead_at_us = self.shared.clock.now_us();
            match read {
                Ok(1..) => self.count_turn(),
                // The reply is written all the same: a client may have closed its own side only.
                Ok(0) | Err(_) => {
                    self.arrived_at_us = *ahead_at_us;
                    self.leave();
                    self.shared.commit(&mut self.effects.records).await?;
                }
            }
        }
        Ok(())
    }

    /// Says nothing more, and reads on until the client leaves, or the mock stops.
    pub(super) async fn hold(&mut self) -> io::Result<ControlFlow<()>> {
        let mut sink = tokio::io::sink();
        let until_left = tokio::io::copy(&mut self.stream, &mut sink);
        tokio::select! {
            _ = timeout(HOLD_MAX, until_left) => {}
            _ = self.stop.wait_for(|is_stopped| *is_stopped) => {}
        }
        Ok(Break(()))
    }

    /// A read that follows a written reply is a turn: the client has waited.
    pub(super) fn count_turn(&mut self) {
        if std::mem::replace(&mut self.owes_turn, false) {
            self.turns += 1;
            self.shared.turns.fetch_add(1, Ordering::Relaxed);
        }
    }
}
