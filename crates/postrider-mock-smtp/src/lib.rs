//! An SMTP server that behaves like providers, misbehaves on request, and judges its client.
//!
//! It is the examiner of the sender, so it shares nothing with it: it is written by hand on Tokio,
//! with a parser of its own, and depends on no other crate of the project. A bug that both sides
//! had copied from one another would never be found.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use postrider_mock_smtp::{Behaviour, MockServer, Profile, Settings};
//!
//! let busy = Behaviour { rate: Some("50/s".parse()?), ..Behaviour::accept() };
//! let profile = Profile::sink().with_domain("busy.test", busy);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let mock = MockServer::start(listener, profile, Settings::in_memory())?;
//! println!("route = \"smtp://{}\"", mock.local_addr());
//! let tally = mock.stop().await;
//! assert_eq!(tally.duplicates, 0);
//! # Ok(()) }
//! ```
//!
//! # How it is built
//!
//! The way of a byte, room by room:
//!
//! - [`server`](MockServer) opens the doors, takes connections and bounds them.
//! - `connection` is the shell that reads, writes and waits; below it a `link` may be a path with a
//!   round-trip time, and `tls` is the mock's own authority with its certificates, right and wrong.
//! - `dialogue` is the protocol as a state machine without I/O: bytes in, replies and records out.
//!   `command`, `body` and `auth` read, `transaction` holds what is between MAIL and the final dot.
//! - `world` says how a client is treated: a `treatment` is a delay and an act at one stage, which
//!   the dialogue carries out. `plan` is the [`Profile`] made ready, `behaviour` the decision at
//!   RCPT: a pure function of the plan, what domain and provider remember, and the time. All chance
//!   is a hash of the seed and the question, so a run can be repeated.
//! - [`log`] is the file of what happened; [`tally`] counts it, and `judge` holds it against what
//!   is expected and what the client says. [`control`] is the door for people and programs.
//! - Every bound has a name in [`bounds`].
//!
//! # What holds
//!
//! - **An accept is in the log before its 250 is written**, and in the tally too. So a client that
//!   was killed, or a mock that was killed, can be reconciled with the file afterwards.
//! - A client cannot make the mock grow without bound.
//! - One domain's delays, rates and caps never hold up another connection.
//! - With nothing to misbehave it is never what a load test measures: bodies are scanned and hashed
//!   where they lie, a group of commands costs one read and one write.
//!
//! # Deliberately not here
//!
//! BINARYMIME, ETRN and BURL, which no sender needs; relaying, queues and bounce messages: what is
//! accepted is counted, and gone.

pub mod bounds;
pub mod control;
pub mod log;
pub mod tally;
pub mod windows;

mod chance;
mod clock;
mod connection;
mod dialogue;
mod error;
mod judge;
mod profile;
mod server;
mod units;
mod world;

pub use chance::body_hash;
pub use error::MockError;
pub use judge::lateness::LatenessWatch;
pub use log::lines::read_lines;
pub use profile::{
    Auth, Behaviour, BuiltIn, Certificate, Dark, DeferAt, DoubtPolicy, DropAt, How, Keyword,
    Latencies, Latency, Limits, Mechanism, Mishap, Outage, Profile, Provider, Refusal, Reject,
    Synchronisation, Tls, Words,
};
pub use server::{MockServer, Settings};
pub use tally::{Ledger, Tally};
pub use units::{Rate, Share, Span};
pub use world::treatment::Stage;
