//! Routes: from what is written to what opens sessions.
//!
//! Here files are read that the configuration only names: certificates, passwords, tables.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use postrider_pipeline::settings::{NextHop, RouteId, RouteSettings, Routes};
use postrider_smtp::auth::Credentials;
use postrider_smtp::classify::Classifier;
use postrider_smtp::dial::Dialer;
use postrider_smtp::mx::{Nameservers, Reach, Resolver, ResolverSettings};
use postrider_smtp::providers::Providers;
use postrider_smtp::relay::Relays;
use postrider_smtp::site::TlsPolicy;
use postrider_smtp::tls::{Roots, TlsClient};
use postrider_smtp::{ClientName, Extensions, Relay};
use secrecy::{ExposeSecret, SecretString};

use super::{FileError, SettingsError, count, file};
use crate::bounds::{ROUTE_DELAY_MAX, ROUTE_DELAY_MIN, TABLE_BYTES_MAX};
use crate::config::{Config, Deliver, Route, Timeouts, TlsChoice};

/// All routes.
pub(super) fn routes(config: &Config, providers: &Arc<Providers>) -> Result<Routes, SettingsError> {
    let named = config.routes.iter();
    let named = named.map(|(name, of_name)| {
        let table = format!("routes.{name}");
        let route = route(&table, of_name, config, providers)?;
        Ok((name.clone(), route))
    });
    let named = named.collect::<Result<Vec<_>, SettingsError>>()?;
    let domains = config.routes.values().enumerate();
    let domains = domains.flat_map(|(number, route)| {
        let id = RouteId(number + 1);
        route.domains.iter().map(move |domain| (domain.clone(), id))
    });
    Ok(Routes {
        default: route("route", &config.route, config, providers)?,
        named,
        domains: domains.collect::<HashMap<_, _>>(),
    })
}

/// What is known of providers: what is built in, and the user's file on top.
pub(super) fn providers(path: Option<&Path>) -> Result<Providers, SettingsError> {
    let built_in = Providers::built_in();
    let Some(path) = path else {
        return Ok(built_in);
    };
    let text = file::text("tables.providers_file", path, TABLE_BYTES_MAX)?;
    Ok(built_in.with(Providers::read(&text, &path.display().to_string())?))
}

/// What replies mean: the rules of the user's file, and behind them what is built in.
pub(super) fn classifier(path: Option<&Path>) -> Result<Arc<Classifier>, SettingsError> {
    let Some(path) = path else {
        return Ok(Classifier::built_in());
    };
    let text = file::text("tables.classification_file", path, TABLE_BYTES_MAX)?;
    let classifier = Classifier::with_file(&text, &path.display().to_string())?;
    Ok(Arc::new(classifier))
}

fn route(
    table: &str,
    route: &Route,
    config: &Config,
    providers: &Arc<Providers>,
) -> Result<RouteSettings, SettingsError> {
    Ok(RouteSettings {
        next_hop: next_hop(table, route, config, providers)?,
        dialer: Dialer {
            client_name: ClientName::from(route.hostname.clone()),
            credentials: credentials(table, route)?,
            source: route.source_address,
            tls: tls_client(table, route)?,
            timeouts: timeouts(&config.timeouts),
        },
        extensions: Extensions {
            pipelining: route.pipelining,
            chunking: route.chunking,
            ..Extensions::STANDARD
        },
        connections_max: count(route.connections),
        connections_per_site: count(route.connections_per_site),
        messages_per_connection: route.messages_per_connection,
        idle_after: route.idle_timeout,
        delay_min: ROUTE_DELAY_MIN,
        delay_max: ROUTE_DELAY_MAX,
    })
}

pub(super) fn next_hop(
    table: &str,
    route: &Route,
    config: &Config,
    providers: &Arc<Providers>,
) -> Result<NextHop, SettingsError> {
    Ok(match route.deliver {
        Deliver::Relay => NextHop::Relays(relays(table, route)?),
        Deliver::Mx => NextHop::Mx(resolver(route, config, providers)?),
    })
}

pub(super) fn tls_client(table: &str, route: &Route) -> Result<TlsClient, SettingsError> {
    let roots = route.ca_file.clone().map_or(Roots::System, Roots::File);
    TlsClient::new(&roots).map_err(|source| SettingsError::Roots {
        key: format!("{table}.ca_file"),
        source,
    })
}

fn relays(table: &str, route: &Route) -> Result<Relays, SettingsError> {
    let parse = |key: &str, url: &String| {
        url.parse::<Relay>().map_err(|source| SettingsError::Relay {
            key: format!("{table}.{key}"),
            source,
        })
    };
    let mut relays = vec![parse("relay", &route.relay)?];
    for url in &route.fallback_relays {
        relays.push(parse("fallback_relays", url)?);
    }
    let is_implicit = relays[0].is_implicit();
    Relays::new(relays, policy(route.tls, is_implicit)).map_err(|source| SettingsError::Relay {
        key: format!("{table}.relay"),
        source,
    })
}

/// What was chosen, for relays with this scheme; `None` leaves it to where they are.
fn policy(choice: TlsChoice, is_implicit: bool) -> Option<TlsPolicy> {
    let required = |is_verified| match is_implicit {
        true => TlsPolicy::Implicit { is_verified },
        false => TlsPolicy::Starttls { is_verified },
    };
    match choice {
        TlsChoice::Auto => None,
        TlsChoice::Off => Some(TlsPolicy::Off),
        TlsChoice::Opportunistic => Some(TlsPolicy::Opportunistic),
        TlsChoice::Required => Some(required(true)),
        TlsChoice::Unverified => Some(required(false)),
    }
}

fn resolver(
    route: &Route,
    config: &Config,
    providers: &Arc<Providers>,
) -> Result<Resolver, SettingsError> {
    let nameservers: &[SocketAddr] = &config.mx.nameservers;
    let settings = ResolverSettings {
        nameservers: match nameservers {
            [] => Nameservers::System,
            given => Nameservers::Given(given.to_vec()),
        },
        time_max: config.mx.timeout,
        port: u16::try_from(config.mx.port).unwrap_or(u16::MAX),
        reach: match config.mx.loopback {
            true => Reach::PublicAndLoopback,
            false => Reach::Public,
        },
        tls: policy(route.tls, false).unwrap_or(TlsPolicy::Opportunistic),
    };
    Ok(Resolver::new(
        settings,
        Arc::clone(providers),
        rand::make_rng(),
    )?)
}

/// User and secret, from the environment or a file.
pub(super) fn credentials(
    table: &str,
    route: &Route,
) -> Result<Option<Credentials>, SettingsError> {
    if route.user.is_empty() {
        return Ok(None);
    }
    let secret = match &route.password_file {
        None => route.password.expose(),
        Some(path) => {
            let text = password_text(table, path)?;
            let first = text.expose_secret().lines().next();
            SecretString::from(first.unwrap_or_default())
        }
    };
    let made = Credentials::new(route.user.clone(), secret, route.auth);
    made.map(Some).map_err(|source| SettingsError::Credentials {
        table: table.to_owned(),
        file: route.password_file.clone(),
        source,
    })
}

/// The text of a file whose first line proves a user.
pub(super) fn password_text(table: &str, path: &Path) -> Result<SecretString, FileError> {
    file::secret(&format!("{table}.password_file"), path)
}

fn timeouts(timeouts: &Timeouts) -> postrider_smtp::Timeouts {
    postrider_smtp::Timeouts {
        connect: timeouts.connect,
        greeting: timeouts.greeting,
        ehlo: timeouts.ehlo,
        tls: timeouts.tls,
        auth: timeouts.auth,
        opening: timeouts.opening,
        rset: timeouts.rset,
        mail: timeouts.mail,
        rcpt: timeouts.rcpt,
        data: timeouts.data,
        body_block: timeouts.body_block,
        message: timeouts.message,
        body_rate_min: postrider_smtp::Timeouts::STANDARD.body_rate_min,
        dot: timeouts.dot,
        quit: timeouts.quit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    /// The sentence about a route that cannot be used, with its source.
    fn check(change: impl Fn(&mut Config), expect: &str) {
        let mut config = Config::default();
        change(&mut config);
        let error = super::super::settings(&config).unwrap_err();
        let sentence = postrider_pipeline::report::chain(&error);
        assert!(sentence.starts_with(expect), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }

    #[test]
    fn a_domain_goes_by_the_route_that_names_it() {
        let mut config = Config::default();
        let domains = ["a.test".parse().unwrap()].into();
        let named = Route {
            domains,
            connections: 3,
            ..Route::default()
        };
        config.routes.insert("slow".to_owned(), named);
        let routes = super::super::settings(&config).unwrap().routes;
        assert_eq!(routes.of("a.test"), RouteId(1));
        assert_eq!(routes.of("b.test"), RouteId::DEFAULT);
        assert_eq!(routes.name(RouteId(1)), "slow");
        let caps: Vec<_> = routes
            .all()
            .map(|(_, route)| route.connections_max)
            .collect();
        assert_eq!(caps, [20, 3]);
    }

    #[test]
    fn what_a_route_names_must_be_there_and_be_what_is_meant() {
        check(
            |config| config.route.relay = "http://x".to_owned(),
            "route.relay cannot be used: a relay is written smtp://",
        );
        check(
            |config| config.route.ca_file = Some("/nowhere/ca.pem".into()),
            "route.ca_file cannot be used: ",
        );
        check(
            |config| {
                config.route.user = "me".to_owned();
                config.route.password_file = Some("/nowhere/password".into());
            },
            "route.password_file names /nowhere/password, which cannot be read; is it there",
        );
        check(
            |config| {
                config.route.user = "m\u{7f}".to_owned();
                config.route.password = Secret::new("hunter2");
            },
            "route.password cannot be used with route.user: ",
        );
        check(
            |config| config.tables.providers_file = Some("/nowhere/providers.toml".into()),
            "tables.providers_file names /nowhere/providers.toml, which cannot be read; is it there",
        );
    }

    #[test]
    fn tls_is_as_it_was_chosen_and_as_the_scheme_says() {
        assert_eq!(policy(TlsChoice::Auto, true), None);
        let verified = TlsPolicy::Implicit { is_verified: true };
        assert_eq!(policy(TlsChoice::Required, true), Some(verified));
        let any = TlsPolicy::Starttls { is_verified: false };
        assert_eq!(policy(TlsChoice::Unverified, false), Some(any));
        assert_eq!(policy(TlsChoice::Off, false), Some(TlsPolicy::Off));
    }
}
