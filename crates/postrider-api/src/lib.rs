//! The HTTP API as values: what goes in, what comes out, what can be wrong, and a small client.
//!
//! The service answers with these types and the client reads them, so both ends have one
//! spelling. States are the words of `postrider-types`; ids are written `cmp_7` and `eml_…`;
//! times are RFC 3339 in UTC. A request with a field that is not known is refused; an answer may
//! have more fields than a client knows.

pub mod campaign;
pub mod client;
pub mod decision;
pub mod email;
mod error;
pub mod page;
pub mod pool;
pub mod problem;
pub mod purge;
pub mod quarantine;
pub mod receipt;
pub mod refusal;
pub mod service;
pub mod tenant;
mod text;
mod time;
pub mod worker;

pub use campaign::{
    Campaign, CampaignVerb, Held, HeldReason, IntakeReport, NewCampaign, ScheduleCampaign,
};
pub use client::{AfterIntake, AudienceFormat, Client, Export};
pub use decision::{Resolution, Resolve, Resolved};
pub use email::{Email, NewAttachment, NewEmail, NewHeader, PutEmail, Unsubscribe};
pub use error::{ApiError, ErrorKind};
pub use page::{Feed, Page};
pub use pool::{Pool, Pools};
pub use problem::{Code, Problem, ProblemItem};
pub use purge::{Erase, Erased, Purge, Purged};
pub use quarantine::{
    EmailCampaign, EmailRecord, LiftRequest, Lifted, Quarantine, QuarantinedCampaign,
    QuarantinedChunk, QuarantinedEmail,
};
pub use receipt::{ExportLine, LogEntry, Receipt, Reply};
pub use refusal::{Refusal, Refusals};
pub use service::{Check, Readiness, Version};
pub use tenant::{DeletedTenant, NewTenant, Tenant};
pub use time::Time;
pub use worker::{Worker, Workers};
