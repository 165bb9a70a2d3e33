//! What a reply means, as data: a table of rules, and a few general ones behind it.
//!
//! # Policy
//!
//! The table is `config/classification.toml`, built in; a file of the user's adds rows that go
//! before it. **The first row that fits wins**, so rows stand from the specific to the general: a
//! provider's own words, then words that mean one thing everywhere, then enhanced codes, then
//! codes. Where no row fits, the first digit of the basic code decides: 4xx defers, 5xx bounces.
//!
//! Some things no row can change, because a mistake in a table must not cost a list:
//!
//! - What is in doubt stays in doubt, and what ended between two messages is nobody's fault.
//! - A reply that does not fit what was asked, a 503 or the same in words, a line that is no reply,
//!   an unknown command where a group or a chunk was sent: the two sides lost step. Deferred, never
//!   bounced.
//! - A row can make a 5xx mean "later" (some receivers write so); none can make a 4xx mean "never".
//!   What [`Trouble`] calls transient is never bounced.
//! - An address is suppressed only by a row that says so, which must name an enhanced code or a
//!   text, only at RCPT or the dot, and never with x.7.x: a blocked address of *ours* would
//!   otherwise wipe the list.
//!
//! All texts are compiled into one set when the table is read, so that a reply is classified in
//! microseconds, whatever the number of rows. A reply's text is at most 512 octets, a row's
//! pattern is bounded, and the regex engine is linear: no server can hold a task by what it says.

mod classification;
mod file;
mod general;
mod normalise;
mod pattern;
mod problem;
mod row;
mod rule;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::sync::{Arc, LazyLock};

use postrider_types::Reply;
use regex::bytes::{RegexSet, RegexSetBuilder, SetMatches};

pub use classification::{
    Action, Class, Classification, RuleName, SUSPEND_ROUTE_FOR, THROTTLE_RECIPIENT_FOR,
    THROTTLE_SITE_FOR,
};
pub use normalise::{NORMALISED_BYTES_MAX, normalise};
pub use problem::{ClassificationError, Problem};

use crate::site::SiteName;
use crate::trouble::{Cause, Trouble};
use row::Row;
use rule::{Refusal, Rule};

/// The rows that are built in.
const BUILT_IN: &str = include_str!("../../../../config/classification.toml");

/// Most memory of all texts, compiled: several times what the built-in table needs.
const SET_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Says what a refusal means. Costs a few megabytes and some milliseconds to make, so one is shared
/// by the whole process.
#[derive(Debug)]
pub struct Classifier {
    /// In the order in which they are asked.
    rules: Vec<Rule>,
    /// The texts of all rules that have one, in the same order.
    texts: RegexSet,
}

impl Classifier {
    /// The built-in table; it is made once for the process.
    pub fn built_in() -> Arc<Self> {
        static TABLE: LazyLock<Arc<Classifier>> = LazyLock::new(|| {
            let table = Classifier::new(built_in_rows());
            Arc::new(table.expect("the built-in table is tested"))
        });
        Arc::clone(&TABLE)
    }

    /// The rows of a user's file, and behind them the built-in table. `file_name` is only named in
    /// problems; an empty `text` is a valid file.
    ///
    /// # Errors
    /// Everything that is wrong with the file, with line, rule and key. An example that its own
    /// rule does not classify is an error too: the rule, or one before it, says something else than
    /// its author thinks.
    pub fn with_file(text: &str, file_name: &str) -> Result<Self, ClassificationError> {
        let fail = |problems| ClassificationError { problems };
        let built_in = built_in_rows();
        let own = file::read(text, file_name, &built_in).map_err(fail)?;
        let examples: Vec<_> = own.iter().map(Row::examples).collect();
        let problem = |text| file::problem_of_file(file_name, text);
        let classifier = Self::new(own.into_iter().chain(built_in).collect())
            .map_err(|error| fail(vec![problem(error.to_string())]))?;
        let wrong: Vec<Problem> = examples
            .iter()
            .flatten()
            .filter_map(|example| example.complaint(&classifier, file_name))
            .collect();
        if wrong.is_empty() {
            Ok(classifier)
        } else {
            Err(fail(wrong))
        }
    }

    fn new(rows: Vec<Row>) -> Result<Self, regex::Error> {
        let rules: Vec<Rule> = rows.into_iter().map(|row| row.rule).collect();
        let texts = rules.iter().filter_map(|rule| rule.text.as_deref());
        let texts = RegexSetBuilder::new(texts)
            .case_insensitive(true)
            .unicode(false)
            .size_limit(SET_BYTES_MAX)
            .dfa_size_limit(SET_BYTES_MAX)
            .build()?;
        Ok(Self { rules, texts })
    }

    /// What this trouble at this site means.
    pub fn classify(&self, trouble: &Trouble, site: &SiteName) -> Classification {
        if let Some(settled) = general::before_rows(trouble) {
            return settled;
        }
        let by_row = |reply| self.by_row(trouble, reply, site);
        let rule = trouble.reply().and_then(by_row);
        // Of a server's leave, that it defers is no news.
        let is_leave = matches!(trouble.cause(), Some(Cause::Leave));
        let rule = rule.filter(|rule| !is_leave || !rule.only_defers());
        rule.map_or_else(|| general::after_rows(trouble), Rule::classification)
    }

    /// The first rule that fits. The texts are searched once, and only when a rule that fits so
    /// far asks for it.
    fn by_row(&self, trouble: &Trouble, reply: &Reply, site: &SiteName) -> Option<&Rule> {
        let refusal = Refusal {
            phase: trouble.phase(),
            code: reply.code,
            enhanced: pattern::enhanced_of(reply),
            site,
            is_permanent: trouble.is_permanent(),
        };
        let found: OnceCell<SetMatches> = OnceCell::new();
        let mut texts_before = 0;
        self.rules.iter().find(|rule| {
            let index = texts_before;
            texts_before += usize::from(rule.text.is_some());
            rule.fits(&refusal)
                && (rule.text.is_none()
                    || found
                        .get_or_init(|| self.texts.matches(reply.text.as_bytes()))
                        .matched(index))
        })
    }
}

fn built_in_rows() -> Vec<Row> {
    file::read(BUILT_IN, "config/classification.toml", &[]).expect("the built-in table is tested")
}
