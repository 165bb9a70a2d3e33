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
    /// A profile is not TOML, or holds a key or a value that no profile has.
    #[error("the profile cannot be read")]
    Profile(#[from] toml::de::Error),
    /// The listener has no address any more.
    #[error("the listener of the mock cannot be used")]
    Listener(#[source] io::Error),
    /// An accept log cannot be opened, read or written.
    #[error("the accept log {} cannot be used", path.display())]
    Log {
        /// Where the log is.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line of an accept log is not one that the mock writes.
    #[error("line {line} of the accept log {} is damaged", path.display())]
    LogLine {
        /// Where the log is.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}
