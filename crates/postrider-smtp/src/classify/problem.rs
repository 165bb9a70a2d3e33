//! What is wrong with a file of rules, and where.

use std::fmt;

/// Everything that is wrong with a file of rules, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.problems))]
pub struct ClassificationError {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// One thing that is wrong: where, in which rule, at which key, and what is expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name that the file was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The rule by number, from 1, and by name where it has one; empty outside any rule.
    pub rule: String,
    /// The key; empty when the rule as a whole is wrong.
    pub key: String,
    /// What is wrong and what is expected, as one line.
    pub text: String,
}

impl fmt::Display for Problem {
    /// `mine.toml:12: rule 3 (busy): codes: "6xx" is not a code …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        for part in [&self.rule, &self.key] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.text)
    }
}
