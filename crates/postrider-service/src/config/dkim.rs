//! `[[dkim]]`: who signs. It is the one list of tables in a file, so it is read here, and not by
//! the walk over tables that have names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use postrider_message::dkim::Selector;
use postrider_types::Domain;
use toml::de::{DeTable, DeValue};

use super::given::Given;
use super::keys::Key;
use super::kind::Kind;
use super::lookup::{nearest, shown};
use super::problem::{Lines, Place, Problem};
use super::reading::Places;
use crate::bounds::IDENTITIES_MAX;

/// The name of the list.
pub(crate) const TABLE: &str = "dkim";

/// The key of a table that names the file of its private key.
const KEY_FILE: &str = "key_file";

/// What the list means, as sentences for the reference.
pub(crate) const MEANING: &str = "Who signs (DKIM); any number of such tables. A message is signed by every table of its From \
     domain, or else of the nearest domain above it that has one. The public half of a key must \
     be published before; the start logs where and how. Nothing signs unless a table says so.";

/// `[[dkim]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dkim {
    /// The domain that answers for the message.
    pub domain: Domain,
    /// The name of the key within its domain.
    pub selector: Selector,
    /// The file of the private key, in PEM form.
    pub key_file: PathBuf,
}

/// The keys of each table; all must be there.
pub(crate) static KEYS: &[Key<Dkim>] = &[
    Key {
        path: "domain",
        kind: Kind::Domain(|dkim| &mut dkim.domain),
        text: "The domain that answers for the message: that of From, or one above it.",
    },
    Key {
        path: "selector",
        kind: Kind::Selector(|dkim| &mut dkim.selector),
        text: "The name of the key. Receivers find its public half at \
               `selector._domainkey.domain`.",
    },
    Key {
        path: KEY_FILE,
        kind: Kind::Path(|dkim| &mut dkim.key_file),
        text: "The private key in PEM form: RSA with 2048 to 4096 bits, or Ed25519. Only its owner \
               and their group may be able to read it, and only the owner to change it.",
    },
];

impl Dkim {
    /// Where a table starts from, and what stands as an example.
    pub(crate) fn example() -> Self {
        Self {
            domain: "example.com".parse().expect("a domain"),
            selector: "s1".parse().expect("a selector"),
            key_file: PathBuf::from("/etc/postrider/dkim/s1.pem"),
        }
    }
}

/// The path of a key of one table, by its number in the configuration, from 0.
pub(crate) fn numbered(number: usize, key: &str) -> String {
    format!("{TABLE}[{number}].{key}")
}

/// The tables of a file that name a key, also when something else is wrong with them: whoever
/// checks a file wants to hear of that key too.
pub(crate) fn read<'a>(
    document: &'a DeTable<'a>,
    lines: &Lines<'_>,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) -> Vec<Dkim> {
    let Some((name, list)) = document.get_key_value(TABLE) else {
        return Vec::new();
    };
    let place = lines.place(name.span().start);
    let mut push = |place: &Place, text| problems.push(Problem::new(place, TABLE, text));
    let DeValue::Array(entries) = list.get_ref() else {
        let text = "is a list of tables; expected [[dkim]] and its keys below it";
        push(&place, text.to_owned());
        return Vec::new();
    };
    if entries.len() > IDENTITIES_MAX {
        let count = entries.len();
        push(
            &place,
            format!("has {count} tables; expected at most {IDENTITIES_MAX}"),
        );
        return Vec::new();
    }
    let mut all = Vec::new();
    for entry in entries.iter() {
        let DeValue::Table(table) = entry.get_ref() else {
            let text = "is not a table; expected [[dkim]] and its keys below it";
            let place = lines.place(entry.span().start);
            problems.push(Problem::new(&place, TABLE, text.to_owned()));
            continue;
        };
        let mut written = BTreeMap::new();
        let dkim = one(table, lines, &mut written, problems);
        for key in KEYS.iter().filter(|key| !table.contains_key(key.path)) {
            let text = format!("is missing; expected {}", key.kind.allowed());
            let place = lines.place(entry.span().start);
            problems.push(Problem::new(&place, &shown(&[TABLE, key.path]), text));
        }
        if written.contains_key(KEY_FILE) {
            let number = all.len();
            let named = written.into_iter();
            named.for_each(|(key, place)| places.insert(numbered(number, key), place));
            all.push(dkim);
        }
    }
    all
}

/// One table, and where its good values are.
fn one<'a>(
    table: &'a DeTable<'a>,
    lines: &Lines<'_>,
    written: &mut BTreeMap<&'static str, Place>,
    problems: &mut Vec<Problem>,
) -> Dkim {
    let mut dkim = Dkim::example();
    for (name, value) in table {
        let path = shown(&[TABLE, name.get_ref()]);
        let mut push = |at, text| problems.push(Problem::new(&lines.place(at), &path, text));
        let Some(key) = KEYS.iter().find(|key| key.path == name.get_ref()) else {
            push(name.span().start, unknown(&path));
            continue;
        };
        let at = value.span().start;
        match key.kind.set(&mut dkim, &Given::Toml(value.get_ref())) {
            Ok(()) => {
                written.insert(key.path, lines.place(at));
            }
            Err(text) => push(at, text),
        }
    }
    dkim
}

fn unknown(path: &str) -> String {
    let known = KEYS.iter().map(|key| shown(&[TABLE, key.path]));
    match nearest(path, known) {
        Some(known) => format!("unknown key; did you mean {known}?"),
        None => "unknown key; expected one of domain, selector, key_file".to_owned(),
    }
}
