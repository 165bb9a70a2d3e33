//! What a chunk says of each of its recipients.
//!
//! A chunk is the unit that is queued and leased: a campaign, an email id, one lane, and at most
//! [`CHUNK_RECIPIENTS_MAX`](crate::bounds::CHUNK_RECIPIENTS_MAX) of these. It never carries a
//! body or a field of the email, so what is queued for a recipient does not grow with the email.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::bounds::VARIABLES_BYTES_MAX;
use crate::id::RecipientId;
use crate::time::Timestamp;

/// One recipient in a chunk.
///
/// The chunk is the only home of the variables, and of the address until the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecipient {
    /// The recipient's number in its audience.
    pub recipient: RecipientId,
    /// Where the message goes.
    pub address: Address,
    /// What the templates are rendered with.
    pub variables: Variables,
    /// Attempts so far: 0 before the first.
    pub attempts: u16,
    /// When the first attempt was made; the give-up age counts from here.
    pub first_attempt_at: Option<Timestamp>,
    /// Workers that died with this recipient in hand; the counter stays at 255.
    pub deaths: u8,
}

impl ChunkRecipient {
    /// About how many bytes this recipient takes in a stored chunk: what is held against
    /// [`CHUNK_BYTES_MAX`](crate::bounds::CHUNK_BYTES_MAX).
    pub fn stored_bytes(&self) -> usize {
        self.address.as_str().len() + self.variables.as_json().len() + 32
    }
}

/// The merge variables of one recipient: a JSON object as text, at most 16 KiB.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(Box<str>);

/// Variables that are larger than a chunk may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the merge variables take {bytes} bytes, and at most {VARIABLES_BYTES_MAX} are allowed")]
pub struct VariablesTooLarge {
    /// How large they are as JSON text, in bytes.
    pub bytes: usize,
}

impl Variables {
    /// Variables from the text of a JSON object, which the caller has made or parsed.
    ///
    /// # Errors
    /// [`VariablesTooLarge`] above 16 KiB.
    pub fn from_json_object(json: String) -> Result<Self, VariablesTooLarge> {
        debug_assert!(
            json.starts_with('{') && json.ends_with('}'),
            "variables are an object"
        );
        if json.len() > VARIABLES_BYTES_MAX {
            return Err(VariablesTooLarge { bytes: json.len() });
        }
        Ok(Self(json.into_boxed_str()))
    }

    /// The JSON object as text.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl Default for Variables {
    /// No variables.
    fn default() -> Self {
        Self("{}".into())
    }
}

impl fmt::Debug for Variables {
    /// Only the size: variables are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_over_16_kib_are_refused_with_their_size() {
        let json = format!("{{\"a\":\"{}\"}}", "x".repeat(VARIABLES_BYTES_MAX));
        let bytes = json.len();
        assert_eq!(
            Variables::from_json_object(json),
            Err(VariablesTooLarge { bytes })
        );
    }

    #[test]
    fn debug_output_shows_no_personal_data() {
        let variables = Variables::from_json_object("{\"name\":\"Ada\"}".into()).unwrap();
        assert_eq!(format!("{variables:?}"), "Variables(14 bytes)");
    }
}
