//! The numbers themselves, as they are told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The numbers of a mock at one moment.
///
/// Of a log that was read, only what the log holds is above zero: accepts, duplicates, and MAIL
/// commands if they were logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Accepts: one per recipient of each accepted message.
    pub accepted: u64,
    /// Different recipients among them.
    pub recipients: u64,
    /// Accepts whose (Message-ID, recipient) had been accepted before. Messages without Message-ID are left out.
    pub duplicates: u64,
    /// Accepts whose (campaign, recipient) had been accepted before. Messages without campaign are left out.
    pub duplicates_by_campaign: u64,
    /// Recipients refused with 5xx.
    pub refused: u64,
    /// Recipients deferred with 451, greylisted ones included.
    pub deferred: u64,
    /// Connections dropped on purpose.
    pub dropped: u64,
    /// Recipients answered with 421 because MAIL came too fast.
    pub over_rate: u64,
    /// Connections answered with 421 because there were too many, for a domain or for all.
    pub over_connections: u64,
    /// MAIL commands whose domain became known at RCPT.
    pub mails: u64,
    /// Connections since the start.
    pub connections: u64,
    /// The most connections that were open at one time.
    pub connections_max: u64,
    /// Bare CRs and LFs in accepted messages.
    pub bare_line_ends: u64,
    /// Keys that found no room, so that duplicates may be missing.
    pub untracked: u64,
    /// The numbers of each domain.
    pub domains: BTreeMap<String, DomainTally>,
}

/// The numbers of one domain, each as in [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DomainTally {
    /// Accepts.
    pub accepted: u64,
    /// Recipients refused with 5xx.
    pub refused: u64,
    /// Recipients deferred with 451.
    pub deferred: u64,
    /// Connections dropped on purpose.
    pub dropped: u64,
    /// Recipients answered with 421 because MAIL came too fast.
    pub over_rate: u64,
    /// Connections answered with 421 because there were too many.
    pub over_connections: u64,
    /// MAIL commands.
    pub mails: u64,
}

/// An accept that came again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The recipient.
    pub recipient: String,
    /// The Message-ID, if it had one.
    pub message_id: Option<String>,
    /// The campaign, if it had one.
    pub campaign: Option<String>,
}
