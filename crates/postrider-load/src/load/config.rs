//! The configuration of the service for a run: what the load needs, laid over what was given.
//!
//! Where a run would otherwise only wait, waits are shorter than the service's own defaults: a
//! deferred delivery is tried again after a second, not after five minutes. Whoever wants to see
//! the defaults gives a configuration that says so; only addresses, the data directory, the
//! connections and the limits are always the load's.

use toml::{Table, Value};
use twox_hash::XxHash3_64;

use crate::plan::limits::Limits;
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

/// The configuration as TOML: `given` is the user's own, `relay` where the mock takes mail.
///
/// # Errors
/// [`OptionsError::Text`] when `given` cannot be read.
pub(crate) fn of_service(
    given: Option<&str>,
    limits: &Limits,
    connections: u32,
    relay: &str,
) -> Result<String, OptionsError> {
    let mut config = parsed(DEFAULTS)?;
    if let Some(given) = given {
        lay_over(&mut config, parsed(given)?);
    }
    let mut route = Table::new();
    route.insert("relay".to_owned(), Value::from(relay));
    route.insert(
        "connections".to_owned(),
        Value::from(i64::from(connections)),
    );
    let mut own = Table::new();
    own.insert("route".to_owned(), Value::from(route));
    own.insert("limits".to_owned(), Value::from(limits.table(connections)));
    lay_over(&mut config, own);
    toml::to_string(&config).map_err(|error| OptionsError::Text(error.to_string()))
}

/// What tells two configurations apart that differ in more than the port of their mock.
pub(crate) fn hash(config: &str) -> String {
    let mut config = config.parse::<Table>().unwrap_or_default();
    if let Some(Value::Table(route)) = config.get_mut("route") {
        route.remove("relay");
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
    use super::*;

    fn config(given: Option<&str>, relay: &str) -> String {
        of_service(given, &Limits::same("20/s").unwrap(), 7, relay).unwrap()
    }

    #[test]
    fn what_is_given_holds_beside_what_the_load_needs() {
        let given = "[retry]\ndelay_min = \"9s\"\n[route]\nconnections = 99\nhostname = \"x\"\n";
        let table: Table = config(Some(given), "smtp://127.0.0.1:1").parse().unwrap();
        let text = |group: &str, name: &str| table[group][name].as_str().unwrap().to_owned();
        assert_eq!(text("retry", "delay_min"), "9s");
        assert_eq!(text("retry", "delay_max"), "30s");
        assert_eq!(text("route", "hostname"), "x");
        assert_eq!(text("route", "relay"), "smtp://127.0.0.1:1");
        assert_eq!(table["route"]["connections"].as_integer(), Some(7));
        assert_eq!(table["limits"]["default"]["rate"].as_str(), Some("20/s"));
    }

    #[test]
    fn two_runs_with_the_same_options_have_one_hash() {
        let first = hash(&config(None, "smtp://127.0.0.1:1"));
        assert_eq!(first, hash(&config(None, "smtp://127.0.0.1:2")));
        let other = config(Some("[lease]\nchunks_max = 3\n"), "smtp://127.0.0.1:1");
        assert_ne!(first, hash(&other));
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_refused() {
        let limits = Limits::default();
        assert!(of_service(Some("[retry"), &limits, 1, "smtp://127.0.0.1:1").is_err());
    }
}
