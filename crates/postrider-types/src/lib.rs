//! The nouns of Postrider: ids, addresses, email, campaign, chunk, attempt, outcome, receipt,
//! rates and the bounds of size.
//!
//! Values only. Nothing here reads a clock, draws a random number or does I/O, and nothing here
//! knows a file format or a protocol: those live at the edges, in the crates that own them.
//! What is read from outside is checked by its constructor, and nothing checks again. [`Backoff`],
//! [`Reply`] and the variants of [`Rate`] are plain: whoever fills their fields keeps the ranges
//! that stand there.

pub mod address;
pub mod backoff;
pub mod bounds;
pub mod campaign;
pub mod chunk;
pub mod email;
pub mod erased;
pub mod id;
pub mod lane;
pub mod outcome;
pub mod rate;
pub mod receipt;
pub mod reply;
pub mod state;
pub mod tenant;
pub mod time;

pub use address::{Address, AddressError, AddressKey, Domain, Mailbox};
pub use backoff::Backoff;
pub use campaign::{Campaign, CampaignState, InDoubtPolicy, PauseReason};
pub use chunk::{ChunkRecipient, Variables};
pub use email::{Attachment, Email, Header, Unsubscribe};
pub use id::{
    CampaignId, ChunkId, DeliveryId, EmailId, LeaseToken, RecipientId, TenantId, WorkerId,
};
pub use lane::LaneName;
pub use outcome::Outcome;
pub use rate::{Rate, RateError};
pub use receipt::{Doubt, LogEntry, Receipt};
pub use reply::{EnhancedCode, Phase, Reply, Scope, Severity};
pub use state::{DeliveryState, Tally};
pub use tenant::Tenant;
pub use time::Timestamp;
