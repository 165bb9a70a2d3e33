//! Whether a configuration can be started with, found out without starting anything.
//!
//! A start stops at the first thing that is wrong. Whoever checks a file wants all of them, so each
//! part is made here by itself, by the same functions.

use std::sync::Arc;

use postrider_smtp::providers::Providers;

use super::{SettingsError, dkim, routes};
use crate::config::{Config, Route};

/// Everything that keeps a configuration from being started with, all at once: what
/// [`settings`](super::settings) would stop at, and what it would stop at next. Reads the same files.
pub fn problems(config: &Config) -> Vec<SettingsError> {
    let mut problems = Vec::new();
    let tables = &config.tables;
    let providers = routes::providers(tables.providers_file.as_deref());
    let providers = providers.unwrap_or_else(|error| {
        problems.push(error);
        Providers::built_in()
    });
    problems.extend(routes::classifier(tables.classification_file.as_deref()).err());
    problems.extend(of_routes(config, &Arc::new(providers)));
    problems.extend(dkim::problems(&config.dkim).map(SettingsError::from));
    if problems.is_empty() {
        // What is wrong only together, such as two keys of one name.
        problems.extend(super::settings(config).err());
    }
    problems
}

/// What is wrong with each part of each route. What a named route has copied from the default one is
/// told only of that.
fn of_routes(config: &Config, providers: &Arc<Providers>) -> Vec<SettingsError> {
    let mut problems = Vec::new();
    let mut note = |table: &str, route: &Route, own: Own| {
        let hop = own
            .hop
            .then(|| routes::next_hop(table, route, config, providers));
        let tls = own.tls.then(|| routes::tls_client(table, route));
        let login = own.login.then(|| routes::credentials(table, route));
        problems.extend(hop.and_then(Result::err));
        problems.extend(tls.and_then(Result::err));
        problems.extend(login.and_then(Result::err));
    };
    note("route", &config.route, Own::ALL);
    for (name, route) in &config.routes {
        let table = format!("routes.{name}");
        note(&table, route, Own::beside(&config.route, route));
    }
    problems
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
    use crate::config::Dkim;
    use crate::wiring::DkimError;

    fn dkim(key_file: &std::path::Path) -> Dkim {
        Dkim {
            domain: "example.test".parse().unwrap(),
            selector: "s1".parse().unwrap(),
            key_file: key_file.to_owned(),
        }
    }

    #[test]
    fn every_file_that_cannot_be_used_is_told_at_once_with_its_key() {
        let mut config = Config::default();
        config.tables.providers_file = Some("/nowhere/providers.toml".into());
        config.tables.classification_file = Some("/nowhere/rules.toml".into());
        config.route.ca_file = Some("/nowhere/ca.pem".into());
        let login = Route {
            user: "me".to_owned(),
            password_file: Some("/nowhere/password".into()),
            relay: "smtp://relay.test:0".to_owned(),
            ..config.route.clone()
        };
        config.routes.insert("two".to_owned(), login);
        config
            .routes
            .insert("copy".to_owned(), config.route.clone());
        config.dkim = ["/nowhere/one.pem", "/nowhere/two.pem"]
            .map(|path| dkim(path.as_ref()))
            .into();
        let told: Vec<_> = problems(&config)
            .iter()
            .map(|problem| postrider_pipeline::report::chain(problem))
            .collect();
        let expect = [
            "tables.providers_file names /nowhere/providers.toml, ",
            "tables.classification_file names /nowhere/rules.toml, ",
            "route.ca_file cannot be used: there is no certificate in /nowhere/ca.pem",
            "routes.two.relay cannot be used: ",
            "routes.two.password_file names /nowhere/password, ",
            "dkim.key_file names /nowhere/one.pem, ",
            "dkim.key_file names /nowhere/two.pem, ",
        ];
        assert_eq!(told.len(), expect.len(), "{told:#?}");
        for (told, expect) in told.iter().zip(expect) {
            assert!(told.starts_with(expect), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_only_together_is_told_too() {
        assert!(problems(&Config::default()).is_empty());
        let folder = tempfile::TempDir::new().unwrap();
        let key_file = folder.path().join("key");
        let key = include_str!("../../../postrider-message/src/dkim/test_keys/ed25519.pem");
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        let config = Config {
            dkim: vec![dkim(&key_file), dkim(&key_file)],
            ..Config::default()
        };
        let told = problems(&config);
        assert!(
            matches!(&told[..], [SettingsError::Dkim(DkimError::Identities(_))]),
            "{told:?}"
        );
    }
}
