//! NDJSON: one object a line to one recipient.
//!
//! The text of the values is kept as it is; the keys are written anew. Each value is known to be
//! readable, so that no message fails later for what could have been said here. Of two equal keys
//! other than `email` the last counts, as everywhere in JSON.

use std::borrow::Cow;
use std::fmt;

use postrider_types::Variables;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json::push_string;
use super::lines::Cut;
use super::trouble::{LineTrouble, Shape};
use super::{Line, Parsed};

/// Reads one physical line; a blank one is passed over.
pub(super) fn read(number: u64, cut: Cut<'_>, lines: &mut Vec<Line>) {
    let parsed = match cut {
        Cut::Line(line) => match line.trim_ascii() {
            [] => return,
            line => recipient(line),
        },
        Cut::TooLong => Err(LineTrouble::TooLong),
    };
    lines.push(parsed.map_err(|trouble| trouble.on(number)));
}

fn recipient(line: &[u8]) -> Result<Parsed, LineTrouble> {
    let text = str::from_utf8(line).map_err(|_| LineTrouble::Utf8)?;
    if !text.starts_with('{') {
        serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
        return Err(Shape::NotAnObject.into());
    }
    let object: Object<'_> = serde_json::from_str(text).map_err(not_json)?;
    if object.emails > 1 {
        return Err(Shape::TwoEmails.into());
    }
    let email = object.email.ok_or(Shape::NoEmail)?;
    let address = email.ok_or(Shape::EmailNotText)?.parse()?;
    let variables = match object.json {
        json if json.is_empty() => Variables::default(),
        json => Variables::from_json_object(json + "}")?,
    };
    Ok(Parsed { address, variables })
}

/// The sentence without its last part, because the line is always the first one there.
fn not_json(error: serde_json::Error) -> LineTrouble {
    let sentence = error.to_string();
    let reason = sentence.split(" at line ").next().unwrap_or(&sentence);
    LineTrouble::Json(format!("{reason} (column {})", error.column()))
}

/// The object of one line.
struct Object<'a> {
    emails: usize,
    /// The last `email`; its inside is `None` when it is not a string.
    email: Option<Option<Cow<'a, str>>>,
    /// Everything else as an object without its closing brace; empty when there is nothing.
    json: String,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object {
            emails: 0,
            email: None,
            json: String::new(),
        };
        while let Some(Key(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if key == "email" {
                object.emails += 1;
                object.email = Some(text_of(value).map_err(A::Error::custom)?);
                continue;
            }
            check(value).map_err(A::Error::custom)?;
            object
                .json
                .push(if object.json.is_empty() { '{' } else { ',' });
            push_string(&mut object.json, &key);
            object.json.push(':');
            object.json.push_str(value.get());
        }
        Ok(object)
    }
}

/// A key, borrowed from the line unless it holds an escape.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The string in `value`; `None` when it is something else.
fn text_of(value: &RawValue) -> serde_json::Result<Option<Cow<'_, str>>> {
    let Some(inside) = value
        .get()
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
    else {
        return Ok(None);
    };
    if !inside.contains('\\') {
        return Ok(Some(inside.into()));
    }
    Ok(Some(serde_json::from_str::<String>(value.get())?.into()))
}

/// Reads `value` in full where that can find more than the tokenizer did: half a surrogate pair,
/// a number out of range, too many levels.
fn check(value: &RawValue) -> serde_json::Result<()> {
    let text = value.get();
    let is_plain = text.starts_with('"') && !text.contains('\\');
    if !is_plain {
        serde_json::from_str::<serde_json::Value>(text)?;
    }
    Ok(())
}
