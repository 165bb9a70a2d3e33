//! The questions themselves: what hickory answers, sorted into [`Answer`].

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};

use super::answers::{Addresses, Answer, MxRecord};
use super::{ANSWERS_KEPT_MAX, NEGATIVE_TTL_MAX, TTL_MAX};
use crate::deadline::Deadline;

/// Asks name servers, and keeps single answers for their TTL.
#[derive(Clone)]
pub(super) struct Dns(TokioResolver);

impl Dns {
    /// Asks the servers of `/etc/resolv.conf`.
    pub(super) fn of_system() -> Result<Self, NetError> {
        let mut builder = TokioResolver::builder_tokio()?;
        keep_little(builder.options_mut());
        builder.build().map(Self)
    }

    /// Asks these servers, and does not look into `/etc/hosts`.
    pub(super) fn of_servers(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let servers = servers.iter().map(|server| {
            let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        keep_little(builder.options_mut());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        builder.build().map(Self)
    }

    /// The MX records of a domain; whatever has not come by `deadline` counts as not answered.
    pub(super) async fn mx(&self, name: &str, deadline: Deadline) -> Answer<MxRecord> {
        let pick = |data: &RData| match data {
            RData::MX(mx) => Some(MxRecord {
                preference: mx.preference,
                exchange: mx.exchange.to_ascii(),
            }),
            _ => None,
        };
        self.ask(name, RecordType::MX, deadline, pick).await
    }

    /// The addresses of a host, both families at once.
    pub(super) async fn addresses(&self, name: &str, deadline: Deadline) -> Addresses {
        let (v4, v6) = tokio::join!(self.v4(name, deadline), self.v6(name, deadline));
        Addresses { v4, v6 }
    }

    async fn v4(&self, name: &str, deadline: Deadline) -> Answer<Ipv4Addr> {
        let pick = |data: &RData| match data {
            RData::A(a) => Some(a.0),
            _ => None,
        };
        self.ask(name, RecordType::A, deadline, pick).await
    }

    async fn v6(&self, name: &str, deadline: Deadline) -> Answer<Ipv6Addr> {
        let pick = |data: &RData| match data {
            RData::AAAA(aaaa) => Some(aaaa.0),
            _ => None,
        };
        self.ask(name, RecordType::AAAA, deadline, pick).await
    }

    async fn ask<T>(
        &self,
        name: &str,
        record_type: RecordType,
        deadline: Deadline,
        pick: impl Fn(&RData) -> Option<T>,
    ) -> Answer<T> {
        let Ok(mut name) = Name::from_ascii(name) else {
            return Answer::NoName { ttl: None };
        };
        // Else the search list of the system would be tried with it.
        name.set_fqdn(true);
        match deadline.bound(self.0.lookup(name, record_type)).await {
            Ok(Ok(lookup)) => found(&lookup, pick),
            Ok(Err(error)) => not_found(error),
            Err(_) => Answer::Unanswered(LATE.into()),
        }
    }
}

/// Answers are kept here only so that hosts that many domains share are asked for once.
fn keep_little(options: &mut ResolverOpts) {
    options.cache_size = ANSWERS_KEPT_MAX;
    options.positive_max_ttl = Some(TTL_MAX);
    options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
}

fn found<T>(lookup: &Lookup, pick: impl Fn(&RData) -> Option<T>) -> Answer<T> {
    let answers = lookup.answers();
    let records: Vec<T> = answers.iter().filter_map(|r| pick(&r.data)).collect();
    let ttl = answers.iter().map(|record| record.ttl).min();
    match ttl {
        Some(ttl) if !records.is_empty() => Answer::Found {
            records,
            ttl: Duration::from_secs(ttl.into()),
        },
        _ => Answer::Unanswered("the name server's answer holds no such record".into()),
    }
}

fn not_found<T>(error: NetError) -> Answer<T> {
    let words: Arc<str> = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => return negative(&none),
        NetError::Dns(DnsError::ResponseCode(code)) => words_for(code).into(),
        NetError::Timeout => LATE.into(),
        NetError::NoConnections => UNREACHED.into(),
        NetError::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => UNREACHED.into(),
        error => postrider_types::reply::tame(&error.to_string()).into(),
    };
    Answer::Unanswered(words)
}

const LATE: &str = "no name server answered in time";
const UNREACHED: &str = "no name server could be reached";

fn negative<T>(none: &NoRecords) -> Answer<T> {
    let ttl = none.negative_ttl.map(u64::from).map(Duration::from_secs);
    match none.response_code {
        ResponseCode::NXDomain => Answer::NoName { ttl },
        // It names other servers and knows nothing itself (RFC 2308 §2.2, type "referral").
        _ if none.soa.is_none() && none.ns.is_some() => {
            Answer::Unanswered("the name server only referred to others".into())
        }
        _ => Answer::Nothing { ttl },
    }
}

/// The names by which operators know these codes (RFC 6895 §2.3).
fn words_for(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "the name server answered SERVFAIL".to_owned(),
        ResponseCode::Refused => "the name server answered REFUSED".to_owned(),
        code => format!("the name server answered code {}", u16::from(code)),
    }
}
