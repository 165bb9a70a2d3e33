//! The table of providers as a file: read, checked, and told off with place and remedy.

use std::collections::BTreeMap;
use std::fmt;

use postrider_types::Rate;
use serde::Deserialize;

use super::pattern::Pattern;
use super::{Limits, PATTERNS_MAX, PROVIDERS_MAX, Provider, Providers, Source};

/// Longest name of a provider.
const NAME_BYTES_MAX: usize = 32;

/// All that is wrong with a table of providers; nothing of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidersError {
    /// The file, as the caller calls it.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `[provider.google] connections_max`, or a line.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for ProvidersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Problem { place, text }) in self.problems.iter().enumerate() {
            let line_break = if n == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}: {place}: {text}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProvidersError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    default: LimitsForm,
    #[serde(default)]
    provider: BTreeMap<String, ProviderForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderForm {
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    example: Option<String>,
    #[serde(default = "yes")]
    one_site: bool,
    note: Option<String>,
    connections_max: Option<u16>,
    messages_per_connection_max: Option<u32>,
    rate: Option<String>,
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    source: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsForm {
    connections_max: Option<u16>,
    messages_per_connection_max: Option<u32>,
    rate: Option<String>,
    tls_required: bool,
    source: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

pub(super) fn read(text: &str, file: &str) -> Result<Providers, ProvidersError> {
    let mut problems = Problems::default();
    let providers = match toml::from_str(text) {
        Ok(form) => problems.providers(form),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text[..at].matches('\n').count() + 1;
            problems.add(format!("line {line}"), error.message());
            None
        }
    };
    match providers {
        Some(providers) if problems.0.is_empty() => Ok(providers),
        _ => Err(ProvidersError {
            file: file.to_owned(),
            problems: problems.0,
        }),
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, place: impl Into<String>, text: impl fmt::Display) {
        self.0.push(Problem {
            place: place.into(),
            text: text.to_string(),
        });
    }

    fn providers(&mut self, form: Form) -> Option<Providers> {
        if form.provider.len() > PROVIDERS_MAX {
            let text = format!("a table has at most {PROVIDERS_MAX} providers");
            self.add("[provider]", text);
            return None;
        }
        let (default, default_sources) = self.limits("[default]", form.default);
        let forms = form.provider.into_iter();
        let providers = forms.map(|(name, form)| self.provider(name, form));
        let providers = Providers {
            default,
            default_sources,
            providers: providers.collect(),
        };
        self.check_patterns_once(&providers);
        Some(providers)
    }

    fn provider(&mut self, name: String, form: ProviderForm) -> Provider {
        let table = format!("[provider.{name}]");
        self.check_name(&table, &name);
        let domains = self.patterns(&format!("{table} domains"), &form.domains);
        let hosts = self.patterns(&format!("{table} hosts"), &form.hosts);
        if form.domains.is_empty() && form.hosts.is_empty() {
            self.add(&table, "name its hosts, its domains, or both");
        }
        if let Some(example) = &form.example {
            let is_own = |pattern: &Pattern| pattern.matches(example);
            if !hosts.iter().chain(&domains).any(is_own) {
                let text = format!("{example} matches none of its hosts and domains");
                self.add(format!("{table} example"), text);
            }
        }
        let limits = LimitsForm {
            connections_max: form.connections_max,
            messages_per_connection_max: form.messages_per_connection_max,
            rate: form.rate,
            tls_required: form.tls_required,
            source: form.source,
        };
        let (limits, sources) = self.limits(&table, limits);
        Provider {
            name,
            domains,
            hosts,
            example: form.example,
            is_one_site: form.one_site,
            limits,
            note: form.note,
            sources,
        }
    }

    fn check_name(&mut self, table: &str, name: &str) {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            let text = format!(
                "a provider's name is lower-case letters, digits and hyphens, at most \
                 {NAME_BYTES_MAX}"
            );
            self.add(table, text);
        }
    }

    fn patterns(&mut self, place: &str, texts: &[String]) -> Vec<Pattern> {
        if texts.len() > PATTERNS_MAX {
            self.add(place, format!("at most {PATTERNS_MAX} of them"));
            return Vec::new();
        }
        let mut patterns = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.add(place, format!("`{text}` is {error}")),
            }
        }
        patterns
    }

    fn limits(&mut self, table: &str, form: LimitsForm) -> (Limits, Vec<Source>) {
        const AT_LEAST_ONE: &str = "at least 1; to hold a destination back, close its rate";
        if form.connections_max == Some(0) {
            self.add(format!("{table} connections_max"), AT_LEAST_ONE);
        }
        if form.messages_per_connection_max == Some(0) {
            self.add(format!("{table} messages_per_connection_max"), AT_LEAST_ONE);
        }
        let rate = form.rate.as_deref().and_then(|text| {
            let rate: Result<Rate, _> = text.parse();
            rate.map_err(|error| self.add(format!("{table} rate"), error))
                .ok()
        });
        let given = [
            ("connections_max", form.connections_max.is_some()),
            (
                "messages_per_connection_max",
                form.messages_per_connection_max.is_some(),
            ),
            ("rate", form.rate.is_some()),
            ("tls_required", form.tls_required),
        ];
        let given: Vec<&str> = given.iter().filter(|g| g.1).map(|g| g.0).collect();
        let sources = self.sources(table, &given, form.source);
        let limits = Limits {
            connections_max: form.connections_max,
            messages_per_connection_max: form.messages_per_connection_max,
            rate,
            is_tls_required: form.tls_required,
        };
        (limits, sources)
    }

    /// Sources may be left out, but one that is there must say where and when, of a figure that is
    /// there too.
    fn sources(
        &mut self,
        table: &str,
        given: &[&str],
        sources: BTreeMap<String, String>,
    ) -> Vec<Source> {
        let mut found = Vec::new();
        for (key, text) in sources {
            let place = format!("{table} source.{key}");
            if !given.contains(&key.as_str()) {
                let text = format!("{key} is not set here; set it, or delete its source");
                self.add(place, text);
                continue;
            }
            match text.rsplit_once(", ") {
                Some((from, date)) if is_date(date) => found.push(Source {
                    key,
                    place: from.to_owned(),
                    date: date.to_owned(),
                }),
                _ => self.add(
                    place,
                    "write where it stands and when: `a page, 2026-08-04`",
                ),
            }
        }
        found
    }

    /// Two providers with the same suffix: nobody could say whose the host is.
    fn check_patterns_once(&mut self, providers: &Providers) {
        let mut owners: BTreeMap<(bool, String), &str> = BTreeMap::new();
        for provider in providers.iter() {
            let domains = provider.domains.iter().map(|pattern| (true, pattern));
            let hosts = provider.hosts.iter().map(|pattern| (false, pattern));
            for (is_domain, pattern) in domains.chain(hosts) {
                let key = (is_domain, pattern.to_string());
                if let Some(owner) = owners.insert(key, &provider.name) {
                    let text = format!("{pattern} stands in [provider.{owner}] too; delete one");
                    self.add(format!("[provider.{}]", provider.name), text);
                }
            }
        }
    }
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}
