//! What must be true of each route, and between them.

use std::collections::BTreeMap;
use std::slice;

use super::Relation;
use crate::config::keys::{ROUTE_TABLE, ROUTES_MAX, ROUTES_TABLE};
use crate::config::lookup::shown;
use crate::config::values::Route;
use crate::config::{Config, Deliver, Place, Problem};

/// What must be true of one route, which stands in for the default one.
const OF_ROUTE: &[Relation] = &[
    Relation {
        key: "user",
        other: "password",
        holds: |config| {
            let route = &config.route;
            let has_secret = !route.password.is_empty() || route.password_file.is_some();
            route.user.is_empty() || has_secret
        },
        wrong: "has no password; give password_file, or the password as a variable of the \
                environment",
    },
    Relation {
        key: "password_file",
        other: "password",
        holds: |config| config.route.password.is_empty() || config.route.password_file.is_none(),
        wrong: "is given beside a password; give one of them",
    },
    Relation {
        key: "user",
        other: "deliver",
        holds: |config| config.route.user.is_empty() || config.route.deliver == Deliver::Relay,
        wrong: "logs in at relays alone, and this route delivers to mail hosts of domains; give \
                it user = \"\"",
    },
];

/// Checks every route, and that each domain goes by one.
pub(super) fn check(
    config: &Config,
    places: &BTreeMap<String, Place>,
    problems: &mut Vec<Problem>,
) {
    let mut blame = |keys: &[String], text: &str| {
        let found = keys.iter().find_map(|key| Some((key, places.get(key)?)));
        if let Some((key, place)) = found {
            problems.push(Problem::new(place, key, text.to_owned()));
        }
    };
    let has_user = |route: &Route| !route.user.is_empty();
    let has_any_user = has_user(&config.route) || config.routes.values().any(has_user);
    check_one(&[ROUTE_TABLE], &config.route, &mut blame);
    check_user(&[ROUTE_TABLE], &config.route, has_any_user, &mut blame);
    let mut taken = BTreeMap::new();
    for (number, (name, route)) in config.routes.iter().enumerate() {
        let table = [ROUTES_TABLE, name];
        let key = shown(&[ROUTES_TABLE, name, "domains"]);
        check_one(&table, route, &mut blame);
        check_user(&table, route, has_user(route), &mut blame);
        let start = format!("{}.", shown(&table));
        let any: Vec<_> = places
            .keys()
            .filter(|key| key.starts_with(&start))
            .take(1)
            .collect();
        if number >= ROUTES_MAX {
            let text = format!("is of one route too many; there are at most {ROUTES_MAX}");
            return any
                .into_iter()
                .for_each(|key| blame(slice::from_ref(key), &text));
        }
        if route.domains.is_empty() {
            let text = "is of a route that takes no domain; give it `domains`";
            any.into_iter()
                .for_each(|key| blame(slice::from_ref(key), text));
        }
        for domain in &route.domains {
            if let Some(other) = taken.insert(domain, name) {
                let text = format!("has {domain}, which routes.{other} takes too; give it to one");
                blame(slice::from_ref(&key), &text);
            }
        }
    }
}

fn check_one(table: &[&str], route: &Route, blame: &mut impl FnMut(&[String], &str)) {
    let alone = Config {
        route: route.clone(),
        ..Config::default()
    };
    for relation in OF_ROUTE.iter().filter(|relation| !(relation.holds)(&alone)) {
        // What a named route does not say, the default one did.
        let tables = [table, &[ROUTE_TABLE]];
        let keys = tables.map(|table| {
            [relation.key, relation.other].map(|key| shown(&[table, &[key]].concat()))
        });
        blame(keys.as_flattened(), relation.wrong);
    }
}

/// Checks that nothing proves a user where there is none: it would be left out without a word. Only
/// what stands in this table is blamed, because a named route copies the rest.
fn check_user(
    table: &[&str],
    route: &Route,
    has_user: bool,
    blame: &mut impl FnMut(&[String], &str),
) {
    let given = [
        ("password", !route.password.is_empty()),
        ("password_file", route.password_file.is_some()),
        ("auth", route.auth.is_some()),
    ];
    for (key, is_given) in given {
        if is_given && !has_user {
            let key = shown(&[table, &[key]].concat());
            blame(&[key], "does nothing without a user; give one by `user`");
        }
    }
}
