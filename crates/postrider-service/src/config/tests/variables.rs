//! Variables of the environment.

use super::super::{Config, environment};
use super::{pairs, problems, rate};

#[test]
fn a_variable_outweighs_the_file() {
    let environment = [
        ("POSTRIDER_LIMITS__DEFAULT__RATE", "20/s"),
        ("POSTRIDER_LIMITS__DOMAIN__GMAIL.COM__CONNECTIONS", "3"),
        ("POSTRIDER_ROUTE__CONNECTIONS", "7"),
        ("POSTRIDER_RETRY__JITTER", "0.1"),
    ];
    let text = "[route]\nconnections = 5\n[limits.domain.'gmail.com']\nconnections = 5";
    let config = Config::load(text, "", &pairs(&environment)).unwrap();
    assert_eq!(config.limits.default.rate, rate("20/s"));
    assert_eq!(config.route.connections, 7);
    let gmail = config.limits.of(&"gmail.com".parse().unwrap());
    assert_eq!((gmail.rate, gmail.connections), (rate("20/s"), 3));
}

#[test]
fn a_bad_variable_is_told_by_its_name_after_the_file() {
    let environment = [
        ("POSTRIDER_LEASE__TIME", "30"),
        ("POSTRIDER_LIMITS__DEFUALT__RATE", "20/s"),
        ("POSTRIDER_ROUTE", "smtp://x"),
        ("POSTRIDER_ROUTE__CONNECTIONS", "many"),
    ];
    let found = problems("x = 1", &environment);
    assert!(
        found[0].starts_with("postrider.toml:1:1: x: unknown key"),
        "{found:?}"
    );
    assert_eq!(
        found[1..],
        [
            "POSTRIDER_LEASE__TIME: lease.time: \"30\" has no unit; expected a time from \"2s\" \
             to \"1h\"",
            "POSTRIDER_LIMITS__DEFUALT__RATE: unknown variable; did you mean \
             POSTRIDER_LIMITS__DEFAULT__RATE?",
            "POSTRIDER_ROUTE: unknown variable; expected POSTRIDER_ and a key, such as \
             POSTRIDER_ROUTE__RELAY",
            "POSTRIDER_ROUTE__CONNECTIONS: route.connections: \"many\" is not a whole number; \
             expected a whole number from 1 to 1000",
        ]
    );
}

#[test]
fn variables_that_are_no_keys_are_left_alone() {
    let environment = [
        ("POSTRIDER_CONFIG", "x.toml"),
        ("POSTRIDER_KEY", "secret"),
        ("POSTRIDER_ENDPOINT", "http://127.0.0.1:1"),
        ("PATH", "/bin"),
    ];
    let config = Config::load("", "", &pairs(&environment)).unwrap();
    assert_eq!(config, Config::default());
    let endpoint = environment::value(&pairs(&environment), "POSTRIDER_ENDPOINT")
        .unwrap()
        .to_owned();
    assert_eq!(endpoint, "http://127.0.0.1:1");
}

#[test]
fn the_environment_of_the_process_is_read_for_our_variables_only() {
    let read = environment::read();
    assert!(
        read.iter()
            .all(|(name, _)| name.starts_with(environment::PREFIX))
    );
}
