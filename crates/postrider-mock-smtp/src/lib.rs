//! An SMTP server that behaves like providers, misbehaves on request, and counts.
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
//! - [`server`](MockServer) takes connections and bounds them; `connection` is the shell that reads,
//!   writes and waits.
//! - `dialogue` is the protocol as a state machine without I/O: bytes in, replies and records out.
//!   `command` and `body` read, `transaction` holds what is between MAIL and the final dot.
//! - `behaviour` decides what a domain says to a recipient: a pure function of the [`Profile`],
//!   what the domain remembers, and the time. All chance is a hash of the seed and the question,
//!   so a run can be repeated.
//! - [`log`] is the accept log, [`tally`] counts, [`windows`] looks for a rate that was exceeded.
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
//! STARTTLS, AUTH, CHUNKING, SMTPUTF8 and DSN, magic local parts, profiles that change while it
//! runs, a control port, and the verdict over a client: they come with the examiner.

pub mod bounds;
pub mod log;
pub mod tally;
pub mod windows;

mod behaviour;
mod body;
mod chance;
mod clock;
mod command;
mod connection;
mod dialogue;
mod error;
mod profile;
mod reply;
mod server;
mod transaction;
mod units;
mod world;

pub use chance::body_hash;
pub use error::MockError;
pub use profile::{Behaviour, DeferAt, DropAt, Keyword, Profile};
pub use server::{MockServer, Settings};
pub use tally::{Ledger, Tally};
pub use units::{Rate, Share, Span};
