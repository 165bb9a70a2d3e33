//! A provider: a door of its own with caps of its own, for one domain or many.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::profile::{Auth, Behaviour, Keyword, Limits, Refusal, Tls, is_default};
use crate::units::{Rate, Span};

/// A provider that serves the domains which name it.
///
/// What it counts per connection, it counts at its own door; its rate counts the MAIL commands for
/// all of its domains together, at any door.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provider {
    /// Where its own door is: a loopback address, `127.0.1.1` say, with the port of the mock.
    /// Without it the provider has no door and its caps per connection count nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Open connections at its door. Default: as many as the mock takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u32>,
    /// What is said to one connection more. Default: a 421.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_connections: Option<Refusal>,
    /// Messages of one connection at its door. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_connection_max: Option<u32>,
    /// What is said to the MAIL of one message more; with `close` the connection is closed after
    /// the reply to the last message. Default: a 421.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_messages: Option<Refusal>,
    /// MAIL commands for all of its domains. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many may come at once under `rate`. Default: what a tenth of a second allows, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// What is said above `rate`, and during a penalty. Default: a 421.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_rate: Option<Refusal>,
    /// As for a domain, for all of its domains and at its door.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub penalties: Vec<Span>,
    /// The name in the greeting at its door. Default: the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// What EHLO offers at its door. Default: what the profile offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<Keyword>>,
    /// What of it is refused when it is used. Default: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<Keyword>,
    /// Bytes of a message. Default: the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_bytes_max: Option<u64>,
    /// What SIZE says, if it is a lie. Default: `message_bytes_max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_offered: Option<u64>,
    /// Lines of the reply to EHLO that mean nothing; at most 1,000. Default: none.
    #[serde(skip_serializing_if = "is_default")]
    pub filler_lines: u32,
    /// TLS at its door. Default: the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Who may log in at its door. Default: as the profile says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The numbers of RFC 9422 at its door. Default: the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How its door behaves before a domain is known, and how each of its domains does where the
    /// domain's own table says nothing.
    #[serde(skip_serializing_if = "is_default")]
    pub behaviour: Behaviour,
}

impl Provider {
    /// The burst under `rate`, at least 1.
    pub(crate) fn burst_of(&self, rate: Rate) -> u32 {
        self.burst
            .unwrap_or_else(|| rate.tenth_of_a_second())
            .max(1)
    }
}
