//! Direct delivery: which hosts take mail for a domain, by DNS.
//!
//! What a client must do stands in RFC 5321 §5.1, and here in short:
//!
//! - **MX records** name the hosts, lowest preference first. Equals are shuffled, so that load
//!   spreads.
//! - **No MX record**: the domain itself is the host, if it has an address (implicit MX). This holds
//!   only when DNS *said* that there is none. A question without an answer is never taken for it.
//! - **A null MX** (one record whose host is the root) says that the domain takes no mail: 556 5.1.10
//!   (RFC 7505).
//! - **A CNAME at the domain** is followed, which is the resolver's work. An MX that names a CNAME is
//!   forbidden (RFC 2181 §10.3) but harmless, and followed too. An MX that gives an address in place
//!   of a name is not dialled.
//! - **The domain does not exist**, or has neither an MX nor an address: 550 5.1.2. **No host can be
//!   dialled**, and DNS said so of each: 550 5.4.4. **Anything else**, such as SERVFAIL or silence,
//!   is transient: 451 4.4.3.
//!
//! The deciding half is pure: `answers` makes hosts of what DNS said. The [`Resolver`] asks, keeps
//! what it learnt, and asks once for all who want the same domain.
//!
//! **A domain is whatever a stranger wrote into a list**, and its DNS is under the stranger's control. So
//! everything that comes from there is bounded, and no address is dialled that [`Reach`] does not
//! permit: else an MX record could point us at a machine behind our own firewall.
//!
//! DNSSEC, DANE (RFC 7672) and MTA-STS (RFC 8461) are not here.

mod answers;
mod kept;
mod lookup;
mod no_route;
mod reach;
mod resolver;

pub use no_route::{HostFault, NoRoute, Reason};
pub use reach::Reach;
pub use resolver::{Nameservers, Resolution, Resolver, ResolverError, ResolverSettings};

use std::time::Duration;

/// Most hosts of one target; the MX records after them are not looked at.
pub const HOSTS_MAX: usize = 8;

/// Most addresses of one host that are tried.
pub const ADDRESSES_MAX: usize = 8;

/// Longest name of a host in octets (RFC 1035 §2.3.4, without the length octets).
const HOST_NAME_BYTES_MAX: usize = 253;

/// Most domains whose hosts are kept.
const DOMAINS_KEPT_MAX: usize = 10_000;

/// Most answers that are kept below them: the addresses of hosts that many domains share.
const ANSWERS_KEPT_MAX: u64 = 10_000;

/// Most domains that are asked for at once: each has up to 16 questions under way, and each of these
/// a socket.
const RESOLUTIONS_AT_ONCE_MAX: usize = 16;

/// The shortest and the longest time for which hosts are kept, whatever the TTL says. An hour at
/// most, because a target that has moved must be noticed.
const TTL_MIN: Duration = Duration::from_secs(60);
const TTL_MAX: Duration = Duration::from_secs(3_600);

/// The same for "there is none" (RFC 2308 §5): short, because a mistake in DNS is mended soon.
const NEGATIVE_TTL_MIN: Duration = Duration::from_secs(60);
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(900);

/// How long a domain whose DNS did not answer is not asked for again.
const UNANSWERED_TTL: Duration = Duration::from_secs(30);

const _: () = assert!(TTL_MIN.as_secs() < TTL_MAX.as_secs());
const _: () = assert!(NEGATIVE_TTL_MAX.as_secs() <= TTL_MAX.as_secs());
