//! Whether a configuration can be started with, found out without starting anything.
//!
//! A start stops at the first thing that is wrong. Whoever checks a file wants all of them, so each
//! part is made here by itself, by the same functions, also when reading found something already.
//! Only what reading blames is not made: it would be made of a default, and told of that.

use std::sync::Arc;

use postrider_message::dkim::{Identities, IdentityError};
use postrider_pipeline::report::chain;
use postrider_smtp::providers::Providers;

use super::{DkimError, SettingsError, dkim, routes};
use crate::config::{Dkim, Place, Problem, ROUTE_TABLE, Reading, Route, in_order, numbered};

/// Everything that keeps a configuration from being started with, all at once and in the order of
/// its places: what reading found, what [`settings`](super::settings) would stop at, and what it
/// would stop at next. Reads the same files.
pub fn problems(reading: &Reading) -> Vec<Problem> {
    let mut check = Check {
        reading,
        problems: reading.problems.clone(),
    };
    let providers = check.tables();
    check.routes(&Arc::new(providers));
    check.keys();
    if check.problems.is_empty() {
        // Whatever a start would still stop at: what is said to be good is.
        check.note(super::settings(&reading.config), &[]);
    }
    in_order(check.problems)
}

/// The keys that say where a route leads.
const HOP: &[&str] = &["relay", "fallback_relays", "tls", "deliver"];

/// The keys that say who logs in.
const LOGIN: &[&str] = &["password_file", "password", "user", "auth"];

/// A configuration, and what is known to be wrong with it.
struct Check<'a> {
    reading: &'a Reading,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// The tables of providers and of replies; gives the providers, or what is built in where they
    /// cannot be used.
    fn tables(&mut self) -> Providers {
        let tables = &self.reading.config.tables;
        let classifier = routes::classifier(tables.classification_file.as_deref());
        self.note(classifier, &[]);
        let providers = routes::providers(tables.providers_file.as_deref());
        providers.unwrap_or_else(|error| {
            self.note::<(), _>(Err(error), &[]);
            Providers::built_in()
        })
    }

    /// Each part of each route. What a named route has copied from the default one is told only of
    /// that.
    fn routes(&mut self, providers: &Arc<Providers>) {
        let config = &self.reading.config;
        self.route("route", &config.route, &Own::ALL, providers);
        for (name, route) in &config.routes {
            let own = Own::beside(&config.route, route);
            self.route(&format!("routes.{name}"), route, &own, providers);
        }
    }

    fn route(&mut self, table: &str, route: &Route, own: &Own, providers: &Arc<Providers>) {
        let hop = paths(table, HOP);
        if own.hop && !self.is_blamed(&hop) {
            let made = routes::next_hop(table, route, &self.reading.config, providers);
            self.note(made, &hop);
        }
        if own.tls {
            let made = routes::tls_client(table, route);
            self.note(made, &paths(table, &["ca_file"]));
        }
        let login = paths(table, LOGIN);
        match &route.password_file {
            // Nobody can log in yet, but the file is looked at.
            Some(path) if own.login && self.is_blamed(&login) => {
                self.note(routes::password_text(table, path), &login);
            }
            _ if own.login && !self.is_blamed(&login) => {
                self.note(routes::credentials(table, route), &login);
            }
            _ => {}
        }
    }

    /// Who signs: each table by itself, and then all together.
    fn keys(&mut self) {
        let tables = &self.reading.config.dkim;
        let mut identities = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            match dkim::identity(table) {
                Ok(identity) => identities.push(identity),
                Err(error) => self.note::<(), _>(Err(error), &[numbered(number, "key_file")]),
            }
        }
        let is_blamed = |problem: &Problem| problem.key.starts_with("dkim");
        if self.reading.problems.iter().any(is_blamed) {
            // What was not read well stands there as in an example.
            return;
        }
        if let Err(error) = Identities::new(identities) {
            let path = last_named(tables, &error);
            self.note::<(), _>(Err(DkimError::from(error)), path.as_slice());
        }
    }

    /// Notes what is wrong, at its own key or else at the first of these that was written.
    fn note<T, E>(&mut self, made: Result<T, E>, paths: &[String])
    where
        SettingsError: From<E>,
    {
        let Some(error) = made.err().map(SettingsError::from) else {
            return;
        };
        let (key, sentence) = (error.key(), chain(&error));
        let places = &self.reading.places;
        let written = paths.iter().find_map(|path| places.of(path));
        let place = places.of(&key).or(written).unwrap_or(&Place::Default);
        // Of a sentence that begins with the key the rest is the text.
        let text = sentence.strip_prefix(&*key).map(str::trim_start);
        let text = text.unwrap_or(&sentence).to_owned();
        self.problems.push(Problem::new(place, &key, text));
    }

    fn is_blamed(&self, paths: &[String]) -> bool {
        paths.iter().any(|path| self.reading.blames(path))
    }
}

/// The last key that makes these tables wrong together.
fn last_named(tables: &[Dkim], error: &IdentityError) -> Option<String> {
    let (key, domain, only) = match error {
        IdentityError::Repeated { domain, selector } => ("selector", domain, Some(selector)),
        IdentityError::TooMany { domain } => ("domain", domain, None),
    };
    let is_meant = |table: &Dkim| {
        table.domain == *domain && only.is_none_or(|selector| table.selector == *selector)
    };
    Some(numbered(tables.iter().rposition(is_meant)?, key))
}

/// The keys of a route, there and in the default one, which says what the route does not.
fn paths(table: &str, keys: &[&str]) -> Vec<String> {
    let tables = [table, ROUTE_TABLE];
    let paths = keys
        .iter()
        .flat_map(|key| tables.map(|table| format!("{table}.{key}")));
    paths.collect()
}

/// Which parts of a route are not those of the default one.
struct Own {
    hop: bool,
    tls: bool,
    login: bool,
}

impl Own {
    const ALL: Self = Self {
        hop: true,
        tls: true,
        login: true,
    };

    fn beside(default: &Route, route: &Route) -> Self {
        let hop = |route: &Route| {
            let relays = (route.relay.clone(), route.fallback_relays.clone());
            (route.deliver, relays, route.tls)
        };
        let login = |route: &Route| {
            let secret = (route.password.clone(), route.password_file.clone());
            (route.user.clone(), secret, route.auth)
        };
        Self {
            hop: hop(route) != hop(default),
            tls: route.ca_file != default.ca_file,
            login: login(route) != login(default),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Config;

    /// What is told of a file, each problem by its beginning.
    fn check(text: &str, expect: &[&str]) {
        let reading = Reading::of(text, "x.toml", &[]);
        let told = problems(&reading);
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), expect.len(), "{told:#?}");
        for (told, expect) in told.iter().zip(expect) {
            assert!(told.starts_with(expect), "{told} is not {expect}");
        }
    }

    #[test]
    fn every_file_that_cannot_be_used_is_told_at_once_with_its_line_and_key() {
        check(
            "[tables]\nproviders_file = '/nowhere/p.toml'\n\
             classification_file = '/nowhere/r.toml'\n\
             [route]\nca_file = '/nowhere/ca.pem'\n\
             [routes.two]\ndomains = ['two.test']\nuser = 'me'\n\
             password_file = '/nowhere/password'\n\
             [routes.copy]\ndomains = ['copy.test']\n\
             [[dkim]]\ndomain = 'example.test'\nselector = 'a'\nkey_file = '/nowhere/a.pem'\n\
             [[dkim]]\ndomain = 'example.test'\nselector = 'b'\nkey_file = '/nowhere/b.pem'\n",
            &[
                "x.toml:2:18: tables.providers_file: names /nowhere/p.toml, which cannot be read;",
                "x.toml:3:23: tables.classification_file: names /nowhere/r.toml, which ",
                "x.toml:5:11: route.ca_file: cannot be used: there is no certificate in /nowhere",
                "x.toml:9:17: routes.two.password_file: names /nowhere/password, which cannot ",
                "x.toml:15:12: dkim.key_file: names /nowhere/a.pem, which cannot be read; ",
                "x.toml:19:12: dkim.key_file: names /nowhere/b.pem, which cannot be read; ",
            ],
        );
    }

    #[test]
    fn what_is_named_is_opened_also_when_something_is_wrong_with_what_is_written() {
        check(
            "[route]\nrelay = 'http://x'\nfallback_relays = ['smtp://']\ncolour = 1\n\
             ca_file = '/nowhere/ca.pem'\npassword_file = '/nowhere/password'\n\
             [[dkim]]\nselector = 'a'\nkey_file = '/nowhere/a.pem'\n",
            &[
                "x.toml:2:9: route.relay: \"http://x\" is no relay: a relay is written smtp://",
                "x.toml:3:19: route.fallback_relays: \"smtp://\" is no relay: the host of the ",
                "x.toml:4:1: route.colour: unknown key;",
                "x.toml:5:11: route.ca_file: cannot be used: there is no certificate in /nowhere",
                "x.toml:6:17: route.password_file: does nothing without a user;",
                "x.toml:6:17: route.password_file: names /nowhere/password, which cannot be read;",
                "x.toml:7:1: dkim.domain: is missing;",
                "x.toml:9:12: dkim.key_file: names /nowhere/a.pem, which cannot be read;",
            ],
        );
    }

    #[test]
    fn what_a_route_copies_is_told_where_it_was_written() {
        check(
            "[route]\npassword_file = '/nowhere/password'\n\
             [routes.a]\ndomains = ['a.test']\nuser = 'me'\n",
            &["x.toml:2:17: routes.a.password_file: names /nowhere/password, which "],
        );
        check(
            "[route]\nfallback_relays = ['smtps://localhost']\n",
            &["x.toml:2:19: route.relay: cannot be used: the relays of a route are all smtp://"],
        );
    }

    #[test]
    fn what_is_wrong_only_together_is_told_at_the_last_of_them() {
        check("", &[]);
        let folder = tempfile::TempDir::new().unwrap();
        let key_file = folder.path().join("key");
        let key = include_str!("../../../postrider-message/src/dkim/test_keys/ed25519.pem");
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        let one = |selector: &str| {
            let file = key_file.display();
            let names = format!("domain = 'example.test'\nselector = '{selector}'");
            format!("[[dkim]]\n{names}\nkey_file = '{file}'\n")
        };
        check(
            &[one("a"), one("a"), one("b")].concat(),
            &["x.toml:7:12: dkim: the tables [[dkim]] cannot be used: the selector a of "],
        );
        check(&[one("a"), one("b")].concat(), &[]);
    }

    #[test]
    fn what_reading_finds_alone_is_what_loading_finds() {
        let text = "[route]\nrelay = 'http://x'\n[[dkim]]\ncolour = 1\n";
        let found = problems(&Reading::of(text, "x.toml", &[]));
        assert_eq!(Config::load(text, "x.toml", &[]).unwrap_err(), found);
    }
}
