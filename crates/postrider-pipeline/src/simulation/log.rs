//! The log of a schedule: hashed always, kept as text when somebody wants to read it.
//!
//! The hash is what makes a seed a proof: the same seed twice must give the same one.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

use postrider_types::Timestamp;

/// Everything that happened, in order.
#[derive(Debug)]
pub(super) struct Log {
    /// With the keys of `DefaultHasher::new`, which are always the same.
    hasher: DefaultHasher,
    began_at: Timestamp,
    is_kept: bool,
    lines: Vec<String>,
}

impl Log {
    pub(super) fn new(is_kept: bool, now: Timestamp) -> Self {
        Self {
            hasher: DefaultHasher::new(),
            began_at: now,
            is_kept,
            lines: Vec::new(),
        }
    }

    /// One line; `now` is true time.
    pub(super) fn say(&mut self, what: fmt::Arguments<'_>, now: Timestamp) {
        let after = now.since(self.began_at);
        let mut line = Line(&mut self.hasher);
        let written = writeln!(line, "{} {what}", after.as_micros());
        debug_assert!(written.is_ok(), "writing into a hasher cannot fail");
        if self.is_kept {
            self.lines
                .push(format!("{:>14.6} {what}", after.as_secs_f64()));
        }
    }

    /// The hash of all lines.
    pub(super) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The lines, if they were kept.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

struct Line<'a>(&'a mut DefaultHasher);

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
