//! What the mock could not do. What it refuses to a client is a reply, never an error.

use std::io;
use std::path::PathBuf;

/// An error of the mock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// A value in a profile, or given as text, is not what it must be.
    #[error("{text:?} is not {expected}")]
    Value {
        /// The text as given.
        text: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A key of a profile has a value that the mock cannot serve by.
    #[error("{key}: {problem}")]
    Key {
        /// The path of the key.
        key: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A profile is not TOML, or holds a key or a value that no profile has.
    #[error("the profile cannot be read")]
    Profile(#[from] toml::de::Error),
    /// The listener has no address any more.
    #[error("the listener of the mock cannot be used")]
    Listener(#[source] io::Error),
    /// An accept log, or a list to judge by, cannot be opened, read or written.
    #[error("the file {} cannot be used", path.display())]
    Log {
        /// Where the log is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The accept log could not be written, and nothing more can be.
    #[error("the accept log is closed")]
    LogClosed(#[source] io::Error),
    /// A line of an accept log, or of a list to judge by, is not what it must be.
    #[error("line {line} of {} cannot be read", path.display())]
    LogLine {
        /// Where the log is.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An address of a provider, or the door with TLS, cannot be listened at.
    #[error("nothing can listen at {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificates of the mock cannot be made.
    #[error("the certificates of the mock cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The certificates of the mock cannot be used.
    #[error("the certificates of the mock cannot be used")]
    Tls(#[from] rustls::Error),
    /// The certificate of the mock's authority cannot be written.
    #[error("the certificate {} cannot be written", path.display())]
    AuthorityFile {
        /// Where it was to be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The judge has no room for more deliveries.
    #[error("there is no room for more deliveries")]
    Full,
}
