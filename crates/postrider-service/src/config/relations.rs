//! What must be true between two keys.

mod routes;

use std::collections::BTreeMap;

use super::{Config, Place, Problem};

/// A relation: the key that is blamed, the other one, whether it holds, and what is wrong when
/// it does not.
struct Relation {
    key: &'static str,
    other: &'static str,
    holds: fn(&Config) -> bool,
    wrong: &'static str,
}

const RELATIONS: &[Relation] = &[
    Relation {
        key: "retry.delay_min",
        other: "retry.delay_max",
        holds: |config| config.retry.delay_min <= config.retry.delay_max,
        wrong: "is longer than retry.delay_max",
    },
    Relation {
        key: "lease.slice",
        other: "lease.time",
        holds: |config| config.lease.slice < config.lease.time,
        wrong: "is not shorter than lease.time",
    },
    Relation {
        key: "in_doubt.retry_after",
        other: "timeouts.dot",
        holds: |config| config.in_doubt.retry_after > config.timeouts.dot,
        wrong: "is not longer than timeouts.dot, so that a first try could still be under way",
    },
    Relation {
        key: "in_doubt.retry_after",
        other: "lease.time",
        holds: |config| {
            let dot = config.timeouts.dot;
            let after = config.in_doubt.retry_after;
            // What is not longer than the dot alone is said above.
            after <= dot || after >= dot + config.lease.time
        },
        wrong: "is shorter than timeouts.dot and lease.time together, so that a first try could \
                still be under way",
    },
    Relation {
        key: "cache.load_bytes_max",
        other: "email.size_max",
        holds: |config| config.cache.load_bytes_max >= config.email.size_max,
        wrong: "is smaller than email.size_max, so that the largest email could never be loaded",
    },
    Relation {
        key: "cache.in_use_bytes_max",
        other: "email.size_max",
        // Prepared, an email takes half as much again, and what is around its content.
        holds: |config| config.cache.in_use_bytes_max / 2 >= config.email.size_max,
        wrong: "is smaller than twice email.size_max, so that the largest email could never be \
                sent",
    },
];

/// Checks all relations whose two values are good by themselves. A relation between two defaults
/// holds, so one of the two was written somewhere.
pub(crate) fn check(
    config: &Config,
    places: &BTreeMap<String, Place>,
    problems: &mut Vec<Problem>,
) {
    routes::check(config, places, problems);
    for relation in RELATIONS {
        let keys = [relation.key, relation.other];
        let is_bad = problems
            .iter()
            .any(|problem| keys.contains(&problem.key.as_str()));
        let place = keys.iter().find_map(|key| places.get(*key));
        if let (false, false, Some(place)) = (is_bad, (relation.holds)(config), place) {
            problems.push(Problem::new(place, relation.key, relation.wrong.to_owned()));
        }
    }
}
