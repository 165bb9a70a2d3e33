//! Whether a route can be used, found out without sending anything.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_pipeline::settings::{NextHop, RouteSettings};
use postrider_smtp::dial::Dialer;
use postrider_smtp::{Timeouts, Trouble};

/// Opens one session with the route's relay and ends it: greeting, EHLO, TLS and AUTH, all of it
/// within this time. Of direct delivery nothing is known before there are recipients.
///
/// # Errors
/// What stands in the way, with everything that was tried.
pub async fn reach(route: &RouteSettings, within: Duration) -> Result<(), Trouble> {
    let NextHop::Relays(relays) = &route.next_hop else {
        return Ok(());
    };
    let timeouts = route.dialer.timeouts;
    let dialer = Dialer {
        timeouts: Timeouts {
            opening: within,
            quit: within.min(timeouts.quit),
            ..timeouts
        },
        ..route.dialer.clone()
    };
    let target = relays.target().await?;
    dialer.dial(&target).await?.quit().await;
    Ok(())
}

/// Whether a route stays on this machine, or where it leads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Every address is loopback.
    Here,
    /// To this address, among others.
    Away(SocketAddr),
    /// To wherever the domains of recipients say.
    Anywhere,
}

/// Where the relays of a route are.
///
/// # Errors
/// None of them has an address.
pub async fn leads_to(route: &RouteSettings) -> Result<Lead, Trouble> {
    let NextHop::Relays(relays) = &route.next_hop else {
        return Ok(Lead::Anywhere);
    };
    let target = relays.target().await?;
    let mut addresses = target.hosts.into_iter().flat_map(|host| host.addresses);
    let away = addresses.find(|address| !address.ip().to_canonical().is_loopback());
    Ok(away.map_or(Lead::Here, Lead::Away))
}
