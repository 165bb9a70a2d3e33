//! The doors of a profile: providers that take mail at an address of their own, each with caps
//! that hold for its connections.
//!
//! The service is told of each as a route of its own, as somebody would write it who knows what
//! these providers allow. Domains without such a provider go by the common door. Where a door is
//! nobody knows before the mock runs: it is found by the provider's name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use anyhow::Context;
use postrider_mock_smtp::Profile;
use toml::{Table, Value};

/// What a route is called when nothing is left of its provider's name.
const UNNAMED: &str = "door";

/// Letters of a provider's name that its route keeps; the service takes 64, with a number.
const NAME_LETTERS_MAX: usize = 48;

/// A provider with an address of its own, for whose domains something is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The provider, as the profile and the mock call it.
    pub provider: String,
    /// The route to it: lower-case letters, digits and hyphens, and no other door's.
    pub route: String,
    /// The domains that it takes mail for, in order.
    pub domains: Vec<String>,
    /// Most connections at once; none without a cap.
    pub connections_max: Option<u32>,
    /// Most messages of one connection; none without a cap.
    pub messages_max: Option<u32>,
}

/// The doors that are planned for, by the name of the provider.
pub fn of_profile(profile: &Profile, planned: &HashMap<String, u64>) -> Vec<Door> {
    let mut domains: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for domain in planned.keys() {
        if let Some(provider) = profile.provider_of(domain) {
            domains.entry(provider).or_default().push(domain.clone());
        }
    }
    let mut taken = HashSet::new();
    let doors = domains.into_iter().filter_map(|(name, mut domains)| {
        let provider = profile.provider.get(name)?;
        provider.address?;
        domains.sort_unstable();
        Some(Door {
            provider: name.to_owned(),
            route: route_name(name, &mut taken),
            domains,
            connections_max: provider.connections_max,
            messages_max: provider.messages_per_connection_max,
        })
    });
    doors.collect()
}

/// Most connections at once that a load can have over all doors, of which each takes `each` at
/// most; the common door counts when a domain goes by it.
pub(crate) fn connections_max(doors: &[Door], planned: &HashMap<String, u64>, each: u32) -> u32 {
    let of_doors = doors.iter().map(|door| door.connections(each)).sum::<u32>();
    let named = doors.iter().map(|door| door.domains.len()).sum::<usize>();
    let common = if named < planned.len() { each } else { 0 };
    of_doors + common
}

impl Door {
    /// The caps as the service is told them, of at most `connections` at once.
    pub(crate) fn caps(&self, connections: u32) -> Table {
        let most = self.connections(connections);
        let mut caps = Table::from_iter([("connections".to_owned(), Value::from(most))]);
        if let Some(messages) = self.messages_max {
            caps.insert("messages_per_connection".to_owned(), Value::from(messages));
        }
        caps
    }

    /// Which domains go there, and where it is.
    ///
    /// # Errors
    /// When the mock did not open it.
    pub(crate) fn way(&self, addresses: &BTreeMap<String, SocketAddr>) -> anyhow::Result<Table> {
        let address = addresses.get(&self.provider);
        let address = address
            .with_context(|| format!("the mock has no door for its provider {}", self.provider))?;
        Ok(Table::from_iter([
            ("domains".to_owned(), Value::from(self.domains.clone())),
            ("relay".to_owned(), Value::from(format!("smtp://{address}"))),
        ]))
    }

    fn connections(&self, most: u32) -> u32 {
        self.connections_max.unwrap_or(u32::MAX).min(most).max(1)
    }
}

/// A name that a route may have: what it may not hold becomes a hyphen, and a name that another
/// door has gets a number.
fn route_name(provider: &str, taken: &mut HashSet<String>) -> String {
    let allowed = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9') => letter,
        _ => '-',
    };
    let letters = provider.chars().map(allowed);
    let name: String = letters.take(NAME_LETTERS_MAX).collect();
    let name = match name.trim_matches('-') {
        "" => UNNAMED,
        name => name,
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|name| taken.insert(name.clone()));
    free.expect("there are more numbers than doors")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(domains: &[&str]) -> HashMap<String, u64> {
        let domains = domains.iter().map(|name| ((*name).to_owned(), 1));
        domains.collect()
    }

    fn doors(toml: &str, domains: &[&str]) -> Vec<Door> {
        let profile = Profile::from_toml(&format!("name = 'x'\n{toml}")).unwrap();
        of_profile(&profile, &planned(domains))
    }

    #[test]
    fn every_provider_like_the_real_ones_gets_a_route_with_its_caps() {
        let profile = Profile::named("providers-like").unwrap();
        let domains: Vec<_> = profile.audience.keys().map(String::as_str).collect();
        let doors = of_profile(&profile, &planned(&domains));
        assert_eq!(doors.len(), profile.provider.len());
        let door = doors.iter().find(|door| door.route == "megamail").unwrap();
        assert_eq!(door.domains, ["megamail.test", "megawork.test"]);
        assert_eq!(
            (door.connections_max, door.messages_max),
            (Some(5), Some(50))
        );
        assert_eq!(connections_max(&doors, &planned(&domains), 20), 65);
        assert_eq!(connections_max(&doors, &planned(&domains), 4), 34);
    }

    #[test]
    fn a_provider_without_an_address_or_without_mail_has_no_route() {
        let toml = "[provider.open]\naddress = '127.0.1.1'\n[provider.idle]\n\
                    address = '127.0.1.2'\n[provider.inside]\n\
                    [domain.'a.test']\nprovider = 'open'\n[domain.'b.test']\nprovider = 'idle'\n\
                    [domain.'c.test']\nprovider = 'inside'";
        let domains = ["a.test", "c.test", "other.test"];
        let doors = doors(toml, &domains);
        let routes: Vec<_> = doors.iter().map(|door| door.route.as_str()).collect();
        assert_eq!(routes, ["open"]);
        assert_eq!(connections_max(&doors, &planned(&domains), 7), 14);
    }

    #[test]
    fn a_route_is_told_the_cap_or_what_was_asked_for_whichever_is_less() {
        let toml = "[provider.p]\naddress = '127.0.1.1'\nconnections_max = 5\n\
                    messages_per_connection_max = 9\n[provider.free]\naddress = '127.0.1.2'\n\
                    [domain.'a.test']\nprovider = 'p'\n[domain.'b.test']\nprovider = 'free'";
        let doors = doors(toml, &["a.test", "b.test"]);
        let told = |door: &Door, most| door.caps(most).to_string();
        assert_eq!(told(&doors[0], 20), "connections = 20\n");
        assert_eq!(
            told(&doors[1], 20),
            "connections = 5\nmessages_per_connection = 9\n"
        );
        assert!(told(&doors[1], 2).starts_with("connections = 2\n"));
    }

    #[test]
    fn a_door_that_the_mock_did_not_open_is_named() {
        let toml = "[provider.p]\naddress = '127.0.1.1'\n[domain.'a.test']\nprovider = 'p'";
        let door = &doors(toml, &["a.test"])[0];
        let refused = door.way(&BTreeMap::new()).unwrap_err();
        assert!(refused.to_string().contains("provider p"), "{refused}");
        let open = [("p".to_owned(), "127.0.1.1:25".parse().unwrap())].into();
        assert_eq!(
            door.way(&open).unwrap().to_string(),
            "domains = [\"a.test\"]\nrelay = \"smtp://127.0.1.1:25\"\n"
        );
    }

    #[test]
    fn a_route_has_a_name_that_the_service_takes() {
        let mut taken = HashSet::new();
        let mut check = |name, expected| assert_eq!(route_name(name, &mut taken), expected);
        check("gmz", "gmz");
        check("GMZ", "gmz-2");
        check("two words", "two-words");
        check("ä", "door");
        check("_", "door-2");
    }
}
