//! What a trial is told: all of it comes by standard input, so a trial opens no store.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use postrider_pipeline::settings::MessageSettings;
use postrider_store::Claimed;
use serde::{Deserialize, Serialize};

use super::TrialError;
use crate::config::{Config, Dkim};
use crate::wiring;

/// One trial. Without a `claimed`, the email is only prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ask {
    /// Bytes of memory that it may take beside what its process has anyway.
    pub(super) memory_bytes_max: u64,
    /// Processor time that it may take: a trial whose service is gone ends by this.
    pub(super) processor_time_max: Duration,
    /// The largest email that is taken, in bytes of content.
    pub(super) email_bytes_max: usize,
    /// The key of all Message-IDs.
    pub(super) message_key: [u8; 32],
    /// What is put around an email.
    pub(super) dress: Dress,
    /// The stored form of the email.
    pub(super) content: Bytes,
    /// The suspect, alone in a chunk.
    pub(super) claimed: Option<Claimed>,
}

/// What is put around an email when it becomes a message, as the configuration says it. Private
/// keys stay in their files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dress {
    return_path: Option<String>,
    identities: Vec<(String, String, PathBuf)>,
}

impl Dress {
    pub(super) fn of(config: &Config) -> Self {
        let identity = |dkim: &Dkim| {
            let (domain, selector) = (dkim.domain.to_string(), dkim.selector.to_string());
            (domain, selector, dkim.key_file.clone())
        };
        Self {
            return_path: config.message.return_path.as_ref().map(ToString::to_string),
            identities: config.dkim.iter().map(identity).collect(),
        }
    }

    /// The same for whoever renders.
    pub(super) fn settings(&self) -> Result<MessageSettings, TrialError> {
        let garbled = |_| TrialError::Ask;
        let return_path = self.return_path.as_deref().map(str::parse).transpose();
        let tables = self.identities.iter().map(|(domain, selector, key_file)| {
            Ok(Dkim {
                domain: domain.parse().map_err(|_| TrialError::Ask)?,
                selector: selector.parse().map_err(|_| TrialError::Ask)?,
                key_file: key_file.clone(),
            })
        });
        let tables = tables.collect::<Result<Vec<_>, TrialError>>()?;
        Ok(MessageSettings {
            return_path: return_path.map_err(garbled)?,
            identities: wiring::identities(&tables)?,
        })
    }
}

impl Ask {
    /// As it travels.
    pub(super) fn written(&self) -> Vec<u8> {
        let written = postcard::to_stdvec(self);
        written.expect("a Vec takes whatever is written, and all of these have a length")
    }

    /// The whole input as an ask.
    pub(super) fn read(mut input: impl Read) -> Result<Self, TrialError> {
        let mut bytes = Vec::new();
        let read: io::Result<usize> = input.read_to_end(&mut bytes);
        read.map_err(TrialError::Input)?;
        postcard::from_bytes(&bytes).map_err(|_| TrialError::Ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        let mut config = Config::default();
        config.message.return_path = Some("b+{token}@bounces.test".parse().unwrap());
        Ask {
            memory_bytes_max: 1,
            processor_time_max: Duration::from_secs(2),
            email_bytes_max: 3,
            message_key: [4; 32],
            dress: Dress::of(&config),
            content: Bytes::from_static(b"an email"),
            claimed: None,
        }
    }

    #[test]
    fn an_ask_arrives_as_it_was_written() {
        let ask = ask();
        let arrived = Ask::read(ask.written().as_slice()).unwrap();
        assert_eq!(arrived, ask);
        let settings = arrived.dress.settings().unwrap();
        let return_path = settings.return_path.map(|path| path.to_string());
        assert_eq!(return_path.as_deref(), Some("b+{token}@bounces.test"));
    }

    #[test]
    fn half_of_an_ask_is_none() {
        let written = ask().written();
        let half = Ask::read(&written[..written.len() / 2]);
        assert!(matches!(half, Err(TrialError::Ask)));
    }

    #[test]
    fn a_key_file_that_is_gone_is_told() {
        let mut ask = ask();
        let gone = PathBuf::from("/nowhere/s1.pem");
        ask.dress.identities = vec![("example.test".to_owned(), "s1".to_owned(), gone)];
        let refused = ask.dress.settings().unwrap_err();
        assert!(matches!(refused, TrialError::Dkim(_)), "{refused:?}");
    }
}
