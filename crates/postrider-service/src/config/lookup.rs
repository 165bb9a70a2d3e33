//! What a path names, and what somebody may have meant by one that names nothing.

use postrider_types::Domain;

use super::dkim;
use super::keys::{
    DOMAIN_KEYS, DOMAIN_TABLE, DOMAINS_KEY, Key, ROUTE_KEYS, ROUTE_TABLE, ROUTES_TABLE, TABLES,
    keys,
};
use super::values::{Config, Limit};

/// What a path names.
pub(crate) enum Known {
    /// A value.
    Value(Target),
    /// A table with keys below it.
    Table,
    /// The limits of something that is not a domain.
    NotADomain,
    /// A route with a name that is none.
    NotARoute,
    /// Nothing.
    Nothing,
}

/// A key together with what it is about.
pub(crate) enum Target {
    /// A key of the configuration itself.
    Config(&'static Key<Config>),
    /// A key of a named route, as it stands in the table of the default route.
    Route(String, &'static Key<Config>),
    /// A key of one domain's limits.
    Domain(Domain, &'static Key<Limit>),
}

impl Target {
    /// The path as TOML writes it.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Config(key) => key.path.to_owned(),
            Self::Route(name, key) => {
                let last = key.path.rsplit('.').next().unwrap_or_default();
                shown(&[ROUTES_TABLE, name, last])
            }
            Self::Domain(domain, key) => {
                shown(&[DOMAIN_TABLE[0], DOMAIN_TABLE[1], domain.as_str(), key.path])
            }
        }
    }
}

/// What a path names; the parts of a path are compared one by one, because a key in quotes may
/// have a dot.
pub(crate) fn lookup(path: &[&str]) -> Known {
    if let Some(key) = keys().find(|key| key.path.split('.').eq(path.iter().copied())) {
        return Known::Value(Target::Config(key));
    }
    if let Some(below) = path.strip_prefix(&[ROUTES_TABLE]) {
        return lookup_route(below);
    }
    if let Some(below) = path.strip_prefix(&DOMAIN_TABLE) {
        return lookup_domain(below);
    }
    let mut tables = TABLES.iter().map(|(name, _)| name.split('.'));
    match tables.any(|name| name.eq(path.iter().copied())) {
        true => Known::Table,
        false => Known::Nothing,
    }
}

/// What a path below the table of named routes names.
fn lookup_route(below: &[&str]) -> Known {
    match below {
        [] => Known::Table,
        [name, ..] if !is_route_name(name) => Known::NotARoute,
        [_] => Known::Table,
        [name, last] => {
            let is_meant = |key: &&Key<Config>| key.path.split('.').eq([ROUTE_TABLE, last]);
            match std::iter::once(&DOMAINS_KEY)
                .chain(ROUTE_KEYS)
                .find(is_meant)
            {
                Some(key) => Known::Value(Target::Route((*name).to_owned(), key)),
                None => Known::Nothing,
            }
        }
        _ => Known::Nothing,
    }
}

/// A name that also fits into that of a variable, and is not what `[route]` is called where routes
/// are shown.
fn is_route_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    let is_short = (1..=ROUTE_NAME_BYTES_MAX).contains(&name.len());
    let is_ours = name == "default";
    is_short && name.chars().all(is_letter) && !name.contains("__") && !is_ours
}

/// Longest name of a route.
const ROUTE_NAME_BYTES_MAX: usize = 64;

/// What a path below the table of domains names.
fn lookup_domain(below: &[&str]) -> Known {
    let [name, rest @ ..] = below else {
        return Known::Table;
    };
    let Ok(domain) = name.parse::<Domain>() else {
        return Known::NotADomain;
    };
    match rest {
        [] => Known::Table,
        [last] => match DOMAIN_KEYS.iter().find(|key| key.path == *last) {
            Some(key) => Known::Value(Target::Domain(domain, key)),
            None => Known::Nothing,
        },
        _ => Known::Nothing,
    }
}

/// A path as TOML writes it: a part that is not a bare key is in quotes.
pub(crate) fn shown(path: &[&str]) -> String {
    let part = |part: &&str| match part
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    {
        true if !part.is_empty() => (*part).to_owned(),
        _ => format!("{part:?}"),
    };
    path.iter().map(part).collect::<Vec<_>>().join(".")
}

/// All keys and tables, with the keys of a domain as they stand below `domain`.
pub(crate) fn known_paths(domain: &str) -> impl Iterator<Item = String> {
    let tables = TABLES.iter().map(|(name, _)| (*name).to_owned());
    let keys = keys().map(|key| key.path.to_owned());
    let below = move |name: &str| shown(&[DOMAIN_TABLE[0], DOMAIN_TABLE[1], domain, name]);
    let domain_keys = DOMAIN_KEYS.iter().map(move |key| below(key.path));
    let more_tables = [
        DOMAIN_TABLE.join("."),
        ROUTES_TABLE.to_owned(),
        dkim::TABLE.to_owned(),
    ];
    keys.chain(tables).chain(more_tables).chain(domain_keys)
}

/// The known name that somebody most likely meant, if any is near.
///
/// A name is as far as its letters differ; one whose last part is the same, or nearly, but stands
/// in another table, is one further than that part. A third of the letters may be wrong.
pub(crate) fn nearest(unknown: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |name: &String| {
        let moved = strsim::damerau_levenshtein(&last(unknown), &last(name)) + 1;
        strsim::damerau_levenshtein(unknown, name).min(moved)
    };
    let distance_max = last(unknown).chars().count() / 3 + 1;
    known
        .map(|name| (distance(&name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= distance_max)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unknown: &str, expect: Option<&str>) {
        let found = nearest(unknown, known_paths("example.com"));
        assert_eq!(found.as_deref(), expect, "{unknown}");
    }

    #[test]
    fn a_misspelled_key_or_table_finds_the_right_one() {
        check("limits.defualt", Some("limits.default"));
        check("limts", Some("limits"));
        check("route.conections", Some("route.connections"));
        check("timeouts.helo", Some("timeouts.ehlo"));
    }

    #[test]
    fn a_key_in_the_wrong_table_finds_its_own() {
        check("relay", Some("route.relay"));
        check("server.hostname", Some("route.hostname"));
        check("limits.size_max", Some("email.size_max"));
    }

    #[test]
    fn what_is_near_to_nothing_finds_nothing() {
        check("server.colour", None);
        check("zzz", None);
    }

    #[test]
    fn a_part_that_is_not_a_bare_key_is_shown_in_quotes() {
        let path = ["limits", "domain", "gmail.com", "rate"];
        assert_eq!(shown(&path), r#"limits.domain."gmail.com".rate"#);
    }
}
