//! Sessions over TCP and TLS: who is trusted, what is told before, and which host is next.
//!
//! Sockets are real, so time is too; every wait of the tests has a bound.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod authority;
mod certificates;
mod failover;
mod log_in;
mod server;
mod starttls;
