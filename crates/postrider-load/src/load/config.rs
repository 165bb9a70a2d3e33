//! The configuration of the service for a run: what the load needs, laid over what was given.
//!
//! Where a run would otherwise only wait, waits are shorter than the service's own defaults: a
//! deferred delivery is tried again after a second, not after five minutes. Whoever wants to see
//! the defaults gives a configuration that says so; only where mail goes, the data directory, the
//! limits and the connections of the common door are always the load's.
//!
//! **Invariant.** All mail goes to the mock, whatever was given: each route has one relay, which is
//! a door of the mock, and there are no routes but to doors.
//!
//! Each door of the mock is a route of its own, with the caps of its provider. These lie below
//! what was given, so that it can be seen what becomes of a run whose service does not keep them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use postrider_types::InDoubtPolicy;
use toml::{Table, Value};
use twox_hash::XxHash3_64;

use crate::plan::Plan;
use crate::plan::doors::Door;
use crate::plan::options::OptionsError;

/// What a given configuration may say otherwise.
const DEFAULTS: &str = r#"
[retry]
delay_min = "1s"
delay_max = "30s"

[timeouts]
dot = "20s"
data = "20s"
greeting = "20s"
ehlo = "20s"
mail = "20s"
rcpt = "20s"
body_block = "20s"
connect = "10s"
"#;

/// The same, when deliveries in doubt are sent again: as soon as `timeouts.dot` and `lease.time`
/// allow it.
const RETRY_DEFAULTS: &str = "[in_doubt]\nretry_after = \"50s\"";

/// Where the mock takes mail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses<'a> {
    /// For all domains.
    pub(crate) common: SocketAddr,
    /// For those of each provider with a door of its own, by its name.
    pub(crate) doors: &'a BTreeMap<String, SocketAddr>,
}

/// The configuration as TOML.
///
/// # Errors
/// When the configuration of the options cannot be read, or a planned door is not there.
pub(crate) fn of_service(plan: &Plan, addresses: Addresses<'_>) -> anyhow::Result<String> {
    let connections = plan.options.connections;
    let mut config = parsed(DEFAULTS)?;
    if plan.options.in_doubt == InDoubtPolicy::Retry {
        lay_over(&mut config, parsed(RETRY_DEFAULTS)?);
    }
    lay_over(
        &mut config,
        routes(plan, |door| Ok(door.caps(connections)))?,
    );
    if let Some(given) = &plan.options.config {
        lay_over(&mut config, parsed(given)?);
    }
    leave_doors_only(&mut config, plan);
    let ways = routes(plan, |door| {
        let mut way = door.way(addresses.doors)?;
        way.extend(nowhere_else());
        Ok(way)
    })?;
    lay_over(&mut config, ways);
    let relay = format!("smtp://{}", addresses.common);
    let mut route = nowhere_else();
    route.insert("relay".to_owned(), Value::from(relay));
    route.insert("connections".to_owned(), Value::from(connections));
    let limits = plan.limits.table(connections);
    let own = [
        ("route".to_owned(), Value::from(route)),
        ("limits".to_owned(), Value::from(limits)),
        ("in_doubt".to_owned(), Value::from(in_doubt(plan))),
    ];
    lay_over(&mut config, Table::from_iter(own));
    toml::to_string(&config).context("the configuration cannot be written")
}

/// `[in_doubt]`, as far as the options say something.
fn in_doubt(plan: &Plan) -> Table {
    let options = &plan.options;
    let policy = Value::from(options.in_doubt.name());
    let mut table = Table::from_iter([("policy".to_owned(), policy)]);
    if let Some(after) = options.in_doubt_retry_after {
        let after = format!("{}ms", after.as_millis());
        table.insert("retry_after".to_owned(), Value::from(after));
    }
    table
}

/// `[routes.NAME]` for each planned door, with what `keys` says of it.
fn routes(plan: &Plan, keys: impl Fn(&Door) -> anyhow::Result<Table>) -> anyhow::Result<Table> {
    let mut routes = Table::new();
    for door in &plan.doors {
        routes.insert(door.route.clone(), Value::from(keys(door)?));
    }
    Ok(Table::from_iter([(
        "routes".to_owned(),
        Value::from(routes),
    )]))
}

/// What a route says so that its relay is the only way.
fn nowhere_else() -> Table {
    Table::from_iter([
        ("deliver".to_owned(), Value::from("relay")),
        ("fallback_relays".to_owned(), Value::Array(Vec::new())),
    ])
}

/// Drops the routes that were given and lead to no door.
fn leave_doors_only(config: &mut Table, plan: &Plan) {
    if let Some(Value::Table(routes)) = config.get_mut("routes") {
        routes.retain(|name, _| plan.doors.iter().any(|door| door.route == *name));
    }
}

/// What tells two configurations apart that differ in more than the port of their mock.
pub(crate) fn hash(config: &str) -> String {
    let mut config = config.parse::<Table>().unwrap_or_default();
    let forget_port = |route: &mut Value| {
        if let Value::Table(route) = route {
            route.remove("relay");
        }
    };
    config.get_mut("route").map(forget_port);
    if let Some(Value::Table(routes)) = config.get_mut("routes") {
        routes.iter_mut().for_each(|(_, route)| forget_port(route));
    }
    format!(
        "{:016x}",
        XxHash3_64::oneshot(config.to_string().as_bytes())
    )
}

fn parsed(text: &str) -> Result<Table, OptionsError> {
    let parsed = text.parse::<Table>();
    parsed.map_err(|error| OptionsError::Text(format!("the configuration: {error}")))
}

/// What is said above holds; tables are laid over each other entry by entry.
fn lay_over(below: &mut Table, above: Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postrider_mock_smtp::Profile;

    use super::*;
    use crate::plan::options::Options;
    use crate::plan::spread::Spread;
    use crate::plan::tests::options;

    const PROVIDERS: &str = "name = 'x'\n[provider.big]\naddress = '127.0.1.1'\n\
                             connections_max = 5\nmessages_per_connection_max = 50\n\
                             [domain.'a.test']\nprovider = 'big'\n";

    fn plan(given: Option<&str>) -> Plan {
        let options = Options {
            connections: 7,
            limit: Some("20/s".to_owned()),
            spread: Some(Spread::parse("a.test=1,b.test=1").unwrap()),
            config: given.map(str::to_owned),
            ..options()
        };
        Plan::new(options, Profile::from_toml(PROVIDERS).unwrap()).unwrap()
    }

    fn config(given: Option<&str>, port: u16) -> String {
        let doors = [("big".to_owned(), SocketAddr::from(([127, 0, 1, 1], port)))].into();
        let addresses = Addresses {
            common: SocketAddr::from(([127, 0, 0, 1], port)),
            doors: &doors,
        };
        of_service(&plan(given), addresses).unwrap()
    }

    #[test]
    fn what_is_given_holds_beside_what_the_load_needs() {
        let given = "[retry]\ndelay_min = \"9s\"\n[route]\nconnections = 99\nhostname = \"x\"\n";
        let table: Table = config(Some(given), 1).parse().unwrap();
        let text = |group: &str, name: &str| table[group][name].as_str().unwrap().to_owned();
        assert_eq!(text("retry", "delay_min"), "9s");
        assert_eq!(text("retry", "delay_max"), "30s");
        assert_eq!(text("route", "hostname"), "x");
        assert_eq!(text("route", "relay"), "smtp://127.0.0.1:1");
        assert_eq!(table["route"]["connections"].as_integer(), Some(7));
        assert_eq!(table["limits"]["default"]["rate"].as_str(), Some("20/s"));
    }

    #[test]
    fn each_door_is_a_route_with_its_address_its_domains_and_its_caps() {
        let table: Table = config(None, 25).parse().unwrap();
        let expected = "connections = 5\ndeliver = \"relay\"\ndomains = [\"a.test\"]\n\
                        fallback_relays = []\nmessages_per_connection = 50\n\
                        relay = \"smtp://127.0.1.1:25\"\n";
        assert_eq!(
            table["routes"]["big"].as_table().unwrap().to_string(),
            expected
        );
    }

    #[test]
    fn what_is_given_may_ignore_a_cap_and_not_lead_elsewhere() {
        let elsewhere = "relay = \"smtp://192.0.2.1:25\"\ndeliver = \"mx\"\n\
                         fallback_relays = [\"smtp://192.0.2.2:25\"]\n";
        let given = format!(
            "[route]\n{elsewhere}\
             [routes.big]\n{elsewhere}connections = 20\nmessages_per_connection = \"none\"\n\
             domains = []\n\
             [routes.away]\n{elsewhere}domains = [\"b.test\"]\n"
        );
        let table: Table = config(Some(&given), 25).parse().unwrap();
        let expected = "connections = 7\ndeliver = \"relay\"\nfallback_relays = []\n\
                        relay = \"smtp://127.0.0.1:25\"\n";
        assert_eq!(table["route"].as_table().unwrap().to_string(), expected);
        let expected = "[big]\nconnections = 20\ndeliver = \"relay\"\ndomains = [\"a.test\"]\n\
                        fallback_relays = []\nmessages_per_connection = \"none\"\n\
                        relay = \"smtp://127.0.1.1:25\"\n";
        assert_eq!(table["routes"].as_table().unwrap().to_string(), expected);
    }

    #[test]
    fn what_is_in_doubt_is_sent_again_when_the_option_or_the_given_configuration_says() {
        let check = |in_doubt, option: Option<u64>, given: Option<&str>, expect: Option<&str>| {
            let mut plan = plan(given);
            plan.options.in_doubt = in_doubt;
            plan.options.in_doubt_retry_after = option.map(Duration::from_secs);
            let doors = [("big".to_owned(), SocketAddr::from(([127, 0, 1, 1], 1)))].into();
            let addresses = Addresses {
                common: SocketAddr::from(([127, 0, 0, 1], 1)),
                doors: &doors,
            };
            let table: Table = of_service(&plan, addresses).unwrap().parse().unwrap();
            let table = table["in_doubt"].as_table().unwrap();
            assert_eq!(table["policy"].as_str(), Some(in_doubt.name()));
            let after = table.get("retry_after").and_then(Value::as_str);
            assert_eq!(after, expect, "{in_doubt} {option:?} {given:?}");
        };
        let given = Some("[in_doubt]\nretry_after = \"7s\"\npolicy = \"hold\"");
        check(InDoubtPolicy::Hold, None, None, None);
        check(InDoubtPolicy::Retry, None, None, Some("50s"));
        check(InDoubtPolicy::Retry, None, given, Some("7s"));
        check(InDoubtPolicy::Retry, Some(9), given, Some("9000ms"));
    }

    #[test]
    fn two_runs_with_the_same_options_have_one_hash() {
        let first = hash(&config(None, 1));
        assert_eq!(first, hash(&config(None, 2)));
        let other = config(Some("[lease]\nchunks_max = 3\n"), 1);
        assert_ne!(first, hash(&other));
        let uncapped = config(Some("[routes.big]\nconnections = 6\n"), 1);
        assert_ne!(first, hash(&uncapped));
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_refused() {
        let doors = BTreeMap::new();
        let addresses = Addresses {
            common: SocketAddr::from(([127, 0, 0, 1], 1)),
            doors: &doors,
        };
        let refused = of_service(&plan(Some("[retry")), addresses).unwrap_err();
        assert!(
            refused.to_string().contains("the configuration:"),
            "{refused}"
        );
    }
}
