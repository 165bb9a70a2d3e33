//! One email made ready for all of its messages.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use postrider_failpoint::FailPoint;
use postrider_message::{Limits, Message, Prepared, Segment, codec};
use postrider_smtp::{Content, Scanned, Trouble};
use postrider_types::EmailId;

use crate::report;

/// An email that was made ready, and what all of its messages share, looked at once.
pub struct Body {
    prepared: Prepared,
    /// The shared stretches by their index.
    shared: Vec<Scanned>,
}

impl Body {
    /// Looks at what its messages share.
    pub fn new(prepared: Prepared) -> Self {
        let shared = prepared.shared().iter().cloned();
        Self {
            shared: shared.map(Scanned::new).collect(),
            prepared,
        }
    }

    /// The email.
    pub const fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The octets of one of its messages, of which only those are looked at that no other has.
    ///
    /// # Errors
    /// As of [`Content::new`].
    pub fn content(&self, message: Message) -> Result<Content, Trouble> {
        let scanned = message.into_segments().map(|segment| match segment {
            Segment::Own(bytes) => Scanned::new(bytes),
            Segment::Shared(index, bytes) => match self.shared.get(index) {
                Some(scanned) => scanned.clone(),
                None => Scanned::new(bytes),
            },
        });
        Content::of(scanned.collect())
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight_bytes(&self) -> usize {
        let scanned = self.shared.iter().map(Scanned::overhead_bytes);
        self.prepared.weight_bytes() + scanned.sum::<usize>()
    }
}

impl fmt::Debug for Body {
    /// Its size, and nothing of what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.weight_bytes())
    }
}

/// Makes an email ready from its stored form. A panic inside is an email that cannot be prepared.
///
/// # Errors
/// Why it cannot be, for people.
pub(crate) fn prepare(email: EmailId, content: Bytes, limits: Limits) -> Result<Body, String> {
    let prepare = || {
        let decoded = codec::decode(&content).map_err(|error| report::chain(&error))?;
        // The stored form is not kept in memory beside what is made of it.
        drop(content);
        FailPoint::InPrepare.reached_by(|| format!("{email} {}", decoded.subject));
        // A limit that was lowered since the email was put must not stop what was accepted.
        let limits = Limits {
            email_bytes_max: limits.email_bytes_max.max(decoded.content_bytes()),
        };
        let prepared = Prepared::new(&decoded, limits).map_err(|error| report::chain(&error))?;
        Ok(Body::new(prepared))
    };
    catch_unwind(AssertUnwindSafe(prepare))
        .unwrap_or_else(|_| Err("preparing the email failed inside".to_owned()))
}
