//! A file of rules: its rows in order, or everything that is wrong with it.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::row::{self, Row};

/// Most bytes of a file of rules.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Most rules of one file.
const RULES_MAX: usize = 1_000;

/// A file's text, for turning offsets into lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) file: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    /// The line, from 1, of the byte at `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}

/// Reads the rows of a file. No row may have the name of one of `others`.
pub(super) fn read(text: &str, file: &str, others: &[Row]) -> Result<Vec<Row>, Vec<Problem>> {
    if text.len() > FILE_BYTES_MAX {
        let text = format!("is larger than {FILE_BYTES_MAX} bytes");
        return Err(vec![problem_of_file(file, text)]);
    }
    let lines = Lines { file, text };
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            problem(lines, offset, error.message().to_owned())
        })
        .collect();
    let mut rows = Vec::new();
    for (key, value) in document.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("rule", DeValue::Array(tables)) if tables.len() > RULES_MAX => {
                let text = format!("has {} rules; at most {RULES_MAX} are read", tables.len());
                problems.push(problem(lines, key.span().start, text));
            }
            ("rule", DeValue::Array(tables)) => {
                let numbered = tables.iter().zip(1..);
                let read = |(table, number)| row::read(table, number, lines, &mut problems);
                rows.extend(numbered.filter_map(read));
            }
            (key, _) => {
                let text = format!("{key:?} is not known here; expected [[rule]]");
                problems.push(problem(lines, value.span().start, text));
            }
        }
    }
    repeated_names(&rows, others, file, &mut problems);
    if problems.is_empty() {
        Ok(rows)
    } else {
        problems.sort_by_key(|problem| problem.line);
        Err(problems)
    }
}

/// A problem of the file as a whole.
pub(super) fn problem_of_file(file: &str, text: String) -> Problem {
    problem(Lines { file, text: "" }, 0, text)
}

fn problem(lines: Lines<'_>, offset: usize, text: String) -> Problem {
    Problem {
        file: lines.file.to_owned(),
        line: lines.line(offset),
        rule: String::new(),
        key: String::new(),
        text,
    }
}

fn repeated_names(rows: &[Row], others: &[Row], file: &str, problems: &mut Vec<Problem>) {
    let mut known: BTreeMap<&str, String> = others
        .iter()
        .map(|row| (row.rule.name.as_str(), "the built-in table".to_owned()))
        .collect();
    for row in rows {
        let name = row.rule.name.as_str();
        if let Some(place) = known.get(name) {
            problems.push(Problem {
                file: file.to_owned(),
                line: row.line,
                rule: row.title.clone(),
                key: "name".to_owned(),
                text: format!("{name:?} is the name of another rule in {place}; choose another"),
            });
        }
        known.insert(name, format!("line {}", row.line));
    }
}
