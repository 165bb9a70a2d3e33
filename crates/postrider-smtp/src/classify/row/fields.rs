//! The keys of one rule, taken one by one, with a complaint for each that is wrong.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::classify::file::Lines;
use crate::classify::problem::Problem;

/// Most members of one list.
const LIST_MAX: usize = 32;

/// What is left of a table, and where to complain.
pub(super) struct Fields<'a, 'p> {
    table: &'a DeTable<'a>,
    start: usize,
    lines: Lines<'a>,
    title: String,
    taken: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
    problems_before: usize,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The keys of `value`, or a complaint that it is no table.
    pub(super) fn new(
        value: &'a Spanned<DeValue<'a>>,
        number: usize,
        lines: Lines<'a>,
        problems: &'p mut Vec<Problem>,
    ) -> Option<Self> {
        let title = format!("rule {number}");
        let start = value.span().start;
        let Some(table) = value.get_ref().as_table() else {
            problems.push(Problem {
                file: lines.file.to_owned(),
                line: lines.line(start),
                rule: title,
                key: String::new(),
                text: "is not a table; expected [[rule]] and its keys below it".to_owned(),
            });
            return None;
        };
        Some(Self {
            table,
            start,
            lines,
            title,
            taken: Vec::new(),
            problems_before: problems.len(),
            problems,
        })
    }

    /// Names the rule in the complaints that follow.
    pub(super) fn set_name(&mut self, name: &str) {
        if !name.is_empty() {
            self.title = format!("{} ({name})", self.title);
        }
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The line of the rule's header.
    pub(super) fn line(&self) -> usize {
        self.lines.line(self.start)
    }

    /// A text, read by `read`.
    pub(super) fn one<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let read = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) => read(text),
            other => Err(not_text(other)),
        };
        let result = read(value);
        result
            .map_err(|text| self.push(key, value.span().start, text))
            .ok()
    }

    /// A list of texts, or one text for a list of one, each read by `read`.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(members) = value.get_ref() else {
            self.taken.retain(|taken| *taken != key);
            return self.one(key, read).into_iter().collect();
        };
        if members.is_empty() || members.len() > LIST_MAX {
            let text = format!("needs from 1 to {LIST_MAX} members; leave it out for none");
            self.push(key, value.span().start, text);
        }
        let mut list = Vec::new();
        for member in members.iter() {
            let result = match member.get_ref() {
                DeValue::String(text) => read(text),
                other => Err(not_text(other)),
            };
            match result {
                Ok(read) => list.push(read),
                Err(text) => self.push(key, member.span().start, text),
            }
        }
        list
    }

    /// Complains of each of these keys that is missing.
    pub(super) fn need(&mut self, keys: &[&'static str]) {
        for key in keys {
            if self.table.get(*key).is_none() {
                self.push(key, self.start, "is missing".to_owned());
            }
        }
    }

    /// Complains of what nobody took.
    pub(super) fn end(&mut self) {
        let known = self.taken.join(", ");
        for (key, _) in self.table {
            if !self.taken.contains(&key.get_ref().as_ref()) {
                let text = format!("unknown key; expected one of {known}");
                let name = key.get_ref().to_string();
                self.push(&name, key.span().start, text);
            }
        }
    }

    /// Complains of a key, or of the rule as a whole when the key is not there.
    pub(super) fn complain(&mut self, key: &str, text: String) {
        let value = self.table.get(key);
        let offset = value.map_or(self.start, |value| value.span().start);
        self.push(key, offset, text);
    }

    /// Whether nothing was wrong so far.
    pub(super) fn is_good(&self) -> bool {
        self.problems.len() == self.problems_before
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.taken.push(key);
        self.table.get(key)
    }

    fn push(&mut self, key: &str, offset: usize, text: String) {
        self.problems.push(Problem {
            file: self.lines.file.to_owned(),
            line: self.lines.line(offset),
            rule: self.title.clone(),
            key: key.to_owned(),
            text,
        });
    }
}

fn not_text(value: &DeValue<'_>) -> String {
    format!("is not text in quotes but {}", value.type_str())
}
