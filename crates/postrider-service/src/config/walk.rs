//! From a parsed file to settings: every value with its key and its place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::given::Given;
use super::keys::{DOMAIN_TABLE, ROUTE_TABLE, ROUTES_TABLE};
use super::lookup::{Known, Target, known_paths, lookup, nearest, shown};
use super::problem::{Lines, Problem};
use super::{Place, dkim};

/// A value that somebody set.
pub(crate) struct Setting<'a> {
    /// The key.
    pub(crate) target: Target,
    /// Its path as TOML writes it, with a domain in its one spelling.
    pub(crate) path: String,
    /// The value, not yet read.
    pub(crate) given: Given<'a>,
    /// Where it was written.
    pub(crate) place: Place,
}

/// Every setting of a file; what has no key becomes a problem.
pub(crate) fn file<'a>(
    document: &'a DeTable<'a>,
    lines: &Lines<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Setting<'a>> {
    let mut walk = Walk {
        lines,
        problems,
        settings: Vec::new(),
    };
    walk.table(document, &[]);
    walk.settings
}

struct Walk<'a, 'p> {
    lines: &'p Lines<'p>,
    problems: &'p mut Vec<Problem>,
    settings: Vec<Setting<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn table(&mut self, table: &'a DeTable<'a>, above: &[&str]) {
        for (key, value) in table {
            let path = [above, &[key.get_ref()]].concat();
            if path == [dkim::TABLE] {
                // A list, which has a reader of its own.
                continue;
            }
            let key_place = self.lines.place(key.span().start);
            match (lookup(&path), value.get_ref()) {
                (Known::Value(target), _) => self.value(target, value),
                (Known::Table, DeValue::Table(below)) => self.table(below, &path),
                (Known::Table, _) => {
                    let header = shown(&path);
                    let text = format!("is a table; expected [{header}] and its keys below it");
                    self.problems.push(Problem::new(&key_place, &header, text));
                }
                (Known::NotADomain, _) => {
                    let text = "is not a domain; expected one in quotes, such as \"gmail.com\"";
                    let problem = Problem::new(&key_place, &shown(&path), text.to_owned());
                    self.problems.push(problem);
                }
                (Known::NotARoute, _) => {
                    let text = "is no name of a route; expected lower-case letters, digits and \
                                hyphens, such as [routes.google]; the default route is [route]";
                    let problem = Problem::new(&key_place, &shown(&path), text.to_owned());
                    self.problems.push(problem);
                }
                (Known::Nothing, value) => {
                    let text = unknown(&path, value);
                    self.problems
                        .push(Problem::new(&key_place, &shown(&path), text));
                }
            }
        }
    }

    fn value(&mut self, target: Target, value: &'a Spanned<DeValue<'a>>) {
        self.settings.push(Setting {
            path: target.path(),
            target,
            given: Given::Toml(value.get_ref()),
            place: self.lines.place(value.span().start),
        });
    }
}

/// What to say of a key that is not known.
fn unknown(path: &[&str], value: &DeValue<'_>) -> String {
    if let [ROUTES_TABLE, name, below @ ..] = path {
        let as_default = [&[ROUTE_TABLE], below].concat();
        let table = shown(&[ROUTES_TABLE, name]);
        return unknown(&as_default, value).replace(ROUTE_DOT, &format!("{table}."));
    }
    let below_domain = path.strip_prefix(&DOMAIN_TABLE);
    if let (Some([_, _]), DeValue::Table(_)) = (below_domain, value) {
        return "unknown key; a domain stands in quotes, as in [limits.domain.\"gmail.com\"]"
            .to_owned();
    }
    let domain = below_domain.and_then(<[_]>::first).unwrap_or(&"…");
    match nearest(&shown(path), known_paths(domain)) {
        Some(known) => format!("unknown key; did you mean {known}?"),
        None => format!("unknown key; expected {}", siblings(path, domain)),
    }
}

/// How a key of the default route begins.
const ROUTE_DOT: &str = "route.";

/// What is known beside a path.
fn siblings(path: &[&str], domain: &str) -> String {
    let above = shown(&path[..path.len() - 1]);
    let start = if above.is_empty() {
        above
    } else {
        format!("{above}.")
    };
    let names = known_paths(domain).filter_map(|known| {
        let name = known.strip_prefix(&start)?;
        (!name.contains('.')).then(|| name.to_owned())
    });
    let names: Vec<_> = names.collect();
    match names.as_slice() {
        [] => format!("nothing below {}", start.trim_end_matches('.')),
        names => format!("one of {}", names.join(", ")),
    }
}
