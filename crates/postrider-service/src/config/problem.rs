//! What is wrong with a configuration, and where.

use std::collections::BTreeSet;
use std::fmt;

use toml::de::Error as TomlError;

/// One thing that is wrong: where, at which key, what, and what is expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub place: Place,
    /// The path of the key as TOML writes it; empty when the text is not TOML there.
    pub key: String,
    /// What is wrong and what is expected, as one line.
    pub text: String,
}

/// Where a value was written. Places of a file come before all others, and defaults last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file; both numbers from 1, a column is a character.
    File {
        /// The name that the file was given.
        name: String,
        /// The line.
        line: usize,
        /// The character in the line.
        column: usize,
    },
    /// In a variable of the environment, known by its name.
    Variable(String),
    /// Nowhere: it is a default.
    Default,
}

impl Problem {
    pub(crate) fn new(place: &Place, key: &str, text: String) -> Self {
        Self {
            place: place.clone(),
            key: key.to_owned(),
            text,
        }
    }
}

impl fmt::Display for Problem {
    /// `postrider.toml:12:3: limits.defualt: unknown key; did you mean limits.default?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.text),
            key => write!(f, "{}: {key}: {}", self.place, self.text),
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Default => f.write_str("the defaults"),
        }
    }
}

/// A file's text, for turning offsets into places.
pub(crate) struct Lines<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text }
    }

    /// The place of the byte at `offset`, which may be the end of the text.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::File {
            name: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// What the parser says of a key that is given twice.
const REPEATED_KEY: &str = "duplicate key";

/// What the parser says is not TOML: repeated keys, missing quotes, open brackets.
///
/// Of the file only a repeated key is shown. Anything else may be a part of a secret: a password
/// without quotes, or a line of a private key that was written where its path belongs.
pub(crate) fn of_toml(errors: &[TomlError], lines: &Lines<'_>) -> Vec<Problem> {
    let problem = |error: &TomlError| {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        let words = lines.text.get(span.clone()).unwrap_or_default();
        let text = match words.lines().next() {
            Some(words) if message == REPEATED_KEY => format!("{message}: `{words}`"),
            _ => message.to_owned(),
        };
        Problem::new(&lines.place(span.start), "", text)
    };
    errors.iter().map(problem).collect()
}

/// The problems in the order of their places. Of a line that is not TOML only the first word
/// counts: what the parser makes of the rest is its guess, not what somebody wrote.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let is_toml = |problem: &Problem| problem.key.is_empty();
    let broken: BTreeSet<_> = problems
        .iter()
        .filter(|problem| is_toml(problem))
        .filter_map(|problem| problem.place.line())
        .collect();
    problems.sort_by(|a, b| (&a.place, &a.key).cmp(&(&b.place, &b.key)));
    let mut told = BTreeSet::new();
    problems.retain(|problem| match problem.place.line() {
        Some(line) if broken.contains(&line) => is_toml(problem) && told.insert(line),
        _ => true,
    });
    problems
}

impl Place {
    /// The line of a file.
    fn line(&self) -> Option<usize> {
        match self {
            Self::File { line, .. } => Some(*line),
            Self::Variable(_) | Self::Default => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let lines = Lines::new("x.toml", "a\nüb\n");
        assert_eq!(lines.place(0).to_string(), "x.toml:1:1");
        assert_eq!(lines.place(4).to_string(), "x.toml:2:2");
        assert_eq!(lines.place(6).to_string(), "x.toml:3:1");
    }
}
