//! Whether routes can be used, found out without sending anything.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use postrider_pipeline::settings::{NextHop, RouteSettings, Routes};
use postrider_smtp::dial::Dialer;
use postrider_smtp::{Timeouts, Trouble};

/// The routes that give no session, each by its name and with what stands in the way. All are tried
/// at once: greeting, EHLO, TLS and AUTH, within this time, and then the session is ended. Of direct
/// delivery nothing is known before there are recipients.
pub async fn unreached(routes: &Routes, within: Duration) -> Vec<(String, Trouble)> {
    let tries = routes.all().map(|(id, route)| async move {
        let trouble = reach(route, within).await.err()?;
        Some((routes.name(id).to_owned(), trouble))
    });
    join_all(tries).await.into_iter().flatten().collect()
}

/// Opens one session with the route's relay and ends it.
async fn reach(route: &RouteSettings, within: Duration) -> Result<(), Trouble> {
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

/// The first route that leaves this machine, by its name, and where it leads; `None` when all stay.
///
/// # Errors
/// A route by its name, when none of its relays has an address.
pub async fn leaving(routes: &Routes) -> Result<Option<(String, Lead)>, (String, Trouble)> {
    for (id, route) in routes.all() {
        let name = || routes.name(id).to_owned();
        match leads_to(route).await {
            Ok(Lead::Here) => {}
            Ok(lead) => return Ok(Some((name(), lead))),
            Err(trouble) => return Err((name(), trouble)),
        }
    }
    Ok(None)
}

/// Where the relays of a route are.
async fn leads_to(route: &RouteSettings) -> Result<Lead, Trouble> {
    let NextHop::Relays(relays) = &route.next_hop else {
        return Ok(Lead::Anywhere);
    };
    let target = relays.target().await?;
    let mut addresses = target.hosts.into_iter().flat_map(|host| host.addresses);
    let away = addresses.find(|address| !address.ip().to_canonical().is_loopback());
    Ok(away.map_or(Lead::Here, Lead::Away))
}
