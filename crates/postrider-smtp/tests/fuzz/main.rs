//! The client against what chance makes of a server.
//!
//! Nothing here looks inside: it drives a [`Connection`](postrider_smtp::Connection) over a stream
//! in memory whose other end is a model that knows what it accepted, or plain noise. A few
//! hundred cases run with every `cargo test`; for a night of them:
//!
//! ```text
//! PROPTEST_CASES=1000000 cargo test -p postrider-smtp --test fuzz --release
//! ```
//!
//! Not here: the state machine by itself and the parser of replies, which are beside their code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod contents;
mod model;
mod noise;
mod offers;
mod server;
mod sessions;
mod whim;
