//! The configuration of a service that this process runs.

use std::path::Path;

use anyhow::Error;
use postrider_service::config::{Deliver, Problem, Reading, Route, Secret, TlsChoice, environment};
use postrider_service::{Config, wiring};

use crate::arguments::Globals;
use crate::content;
use crate::exit::{Exit, stop};

/// The configuration from `--config` and the environment.
pub(crate) fn load(globals: &Globals) -> anyhow::Result<Config> {
    let source = Source::of(globals)?;
    from_text(&source.text, &source.name)
}

/// The configuration from a file and the environment.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Config> {
    let source = Source::read(path)?;
    from_text(&source.text, &source.name)
}

/// The text of a configuration.
pub(crate) struct Source {
    pub(crate) text: String,
    /// What it is called in problems.
    pub(crate) name: String,
}

impl Source {
    /// What `--config` names; without it, an empty text.
    pub(crate) fn of(globals: &Globals) -> anyhow::Result<Self> {
        match &globals.config {
            Some(path) => Self::read(path),
            None => Ok(Self {
                text: String::new(),
                name: "the configuration".to_owned(),
            }),
        }
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = String::from_utf8(content::bytes(path)?);
        let text = text.map_err(|_| stop(Exit::Usage, format!("{name} is not UTF-8")))?;
        Ok(Self { text, name })
    }
}

/// The configuration from a text and the environment.
pub(crate) fn from_text(text: &str, name: &str) -> anyhow::Result<Config> {
    let loaded = Config::load(text, name, &environment::read());
    loaded.map_err(|problems| refused(&problems))
}

/// Refuses a file of which anything cannot be used, with all that is wrong: what it says, and what
/// it names, such as relays, keys, certificates, tables and passwords. All files are opened.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let source = Source::read(path)?;
    let reading = Reading::of(&source.text, &source.name, &environment::read());
    match wiring::problems(&reading) {
        problems if problems.is_empty() => Ok(()),
        problems => Err(refused(&problems)),
    }
}

/// Leads everything to one relay, whatever the configuration says of where mail goes. Whoever names
/// a relay by a flag means all mail, and not what the other routes and fallbacks leave of it.
pub(crate) fn lead_to(config: &mut Config, relay: &str) {
    config.route.deliver = Deliver::Relay;
    config.route.relay = relay.to_owned();
    config.route.fallback_relays.clear();
    config.routes.clear();
}

/// Leads everything to a mock of ours: it asks for neither TLS nor a log-in, and is told no secret.
pub(crate) fn lead_to_mock(config: &mut Config, relay: &str) {
    lead_to(config, relay);
    config.route = Route {
        tls: TlsChoice::Auto,
        ca_file: None,
        user: String::new(),
        password: Secret::default(),
        password_file: None,
        auth: None,
        source_address: None,
        ..config.route.clone()
    };
}

/// All problems, one a line.
fn refused(problems: &[Problem]) -> Error {
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    let lines: String = lines.collect();
    stop(
        Exit::Usage,
        format!("the configuration cannot be used{lines}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once_and_is_the_callers_mistake() {
        let text = "[server]\nlissen = \"127.0.0.1:1\"\n[retry]\njitter = 9.0\n";
        let error = from_text(text, "own.toml").unwrap_err();
        assert_eq!(crate::exit::of(&error), Exit::Usage);
        let error = error.to_string();
        assert!(error.contains("\n  own.toml:2:"), "{error}");
        assert!(error.contains("\n  own.toml:4:"), "{error}");
    }

    #[test]
    fn the_sample_configuration_can_be_used() {
        let config = from_text(crate::sample::CONFIG, "dev.toml").unwrap();
        let big = "bigmail.test".parse().unwrap();
        let rate = config.limits.of(&big).rate;
        assert_eq!(rate, Some("50/s".parse().unwrap()));
    }

    #[test]
    fn what_a_configuration_names_is_opened_and_all_that_is_wrong_is_told() {
        let text = "[route]\nca_file = \"/nowhere/ca.pem\"\n\
                    [[dkim]]\ndomain = \"example.test\"\nselector = \"s1\"\n\
                    key_file = \"/nowhere/s1.pem\"\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, text).unwrap();
        let error = check(&path).unwrap_err();
        assert_eq!(crate::exit::of(&error), Exit::Usage);
        let error = error.to_string();
        for line in [
            "own.toml:2:11: route.ca_file: cannot be used: there is no certificate in /nowhere",
            "own.toml:6:12: dkim.key_file: names /nowhere/s1.pem, which cannot be read",
        ] {
            assert!(error.contains(line), "{error}");
        }
        std::fs::write(&path, "").unwrap();
        check(&path).unwrap();
    }

    /// A configuration by which real mail leaves this machine in every way.
    const REAL: &str = "[route]\ndeliver = \"mx\"\nfallback_relays = [\"smtp://192.0.2.1\"]\n\
                        [routes.a]\ndomains = [\"a.test\"]\ndeliver = \"relay\"\n\
                        relay = \"smtp://192.0.2.2\"\n\
                        [routes.b]\ndomains = [\"b.test\"]\ndeliver = \"relay\"\nuser = \"me\"\n\
                        password_file = \"/nowhere/password\"\ntls = \"required\"\n";

    #[tokio::test]
    async fn a_relay_that_is_named_takes_all_mail() {
        let mut config = from_text(REAL, "own.toml").unwrap();
        lead_to(&mut config, "smtp://127.0.0.1:2525");
        crate::preflight::stay_here(&config).await.unwrap();
        assert!(config.routes.is_empty());
    }

    #[tokio::test]
    async fn a_mock_takes_all_mail_and_is_told_no_secret() {
        let mut config = from_text(REAL, "own.toml").unwrap();
        config.route = config.routes["b"].clone();
        lead_to_mock(&mut config, "smtp://127.0.0.1:2525");
        crate::preflight::stay_here(&config).await.unwrap();
        let route = Route {
            relay: "smtp://127.0.0.1:2525".to_owned(),
            domains: config.route.domains.clone(),
            ..Route::default()
        };
        assert_eq!(config.route, route);
    }
}
