//! One `[[rule]]` of a file: from keys and values to a [`Rule`] with its examples.

mod fields;
mod values;

use postrider_types::{Phase, Reply};
use toml::Spanned;
use toml::de::DeValue;

use super::Classifier;
use super::classification::{Action, Class, RuleName, THROTTLE_RECIPIENT_FOR};
use super::file::Lines;
use super::problem::Problem;
use super::rule::{Rule, TRANSACTION};
use crate::site::SiteName;
use crate::trouble::Trouble;
use fields::Fields;

/// A row as it was read.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) rule: Rule,
    pub(super) line: usize,
    /// `rule 3 (busy)`, for problems.
    pub(super) title: String,
    examples: Vec<Reply>,
}

/// A reply that a rule is for, to be held against the table.
#[derive(Debug)]
pub(super) struct Example {
    rule: RuleName,
    phases: Vec<Phase>,
    provider: Option<String>,
    reply: Reply,
    line: usize,
    title: String,
}

/// Reads one row. What is wrong goes into `problems`; without any, there is a row.
pub(super) fn read(
    table: &Spanned<DeValue<'_>>,
    number: usize,
    lines: Lines<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Row> {
    let mut fields = Fields::new(table, number, lines, problems)?;
    let name = fields.one("name", values::name).unwrap_or_default();
    fields.set_name(&name);
    let phases = fields.list("phases", values::phase);
    let row = Row {
        rule: Rule {
            name: RuleName::new(&name),
            phases: if phases.is_empty() {
                TRANSACTION.to_vec()
            } else {
                phases
            },
            codes: fields.list("codes", |text| text.parse()),
            enhanced: fields.list("enhanced", |text| text.parse()),
            providers: fields.list("providers", values::provider),
            text: fields.one("text", values::text_pattern),
            class: fields
                .one("class", values::class)
                .unwrap_or(Class::Deferred),
            action: fields.one("action", values::action),
            retry_after: fields.one("retry_after", values::retry_after),
        },
        line: fields.line(),
        title: fields.title().to_owned(),
        examples: fields.list("examples", values::example),
    };
    fields.one("source", |text| Ok(text.to_owned()));
    fields.need(&["name", "class", "examples"]);
    fields.end();
    if fields.is_good() {
        for (key, text) in contradictions(&row.rule) {
            fields.complain(key, text.to_owned());
        }
    }
    fields.is_good().then(|| row.with_default_wait())
}

impl Row {
    fn with_default_wait(mut self) -> Self {
        let default = self.rule.action.and_then(Action::default_wait);
        self.rule.retry_after = self.rule.retry_after.or(default);
        self
    }

    /// Its examples, each at every phase of the rule.
    pub(super) fn examples(&self) -> Vec<Example> {
        let example = |reply: &Reply| Example {
            rule: self.rule.name.clone(),
            phases: self.rule.phases.clone(),
            provider: self.rule.providers.first().cloned(),
            reply: reply.clone(),
            line: self.line,
            title: self.title.clone(),
        };
        self.examples.iter().map(example).collect()
    }
}

impl Example {
    /// The text of the reply.
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.reply.text
    }

    /// What is wrong when its own rule is not the one that classifies it.
    pub(super) fn complaint(&self, classifier: &Classifier, file: &str) -> Option<Problem> {
        let site = match &self.provider {
            Some(provider) => SiteName::of_provider(provider),
            None => SiteName::of_host("mx.example.test"),
        };
        let by_another = |phase: &Phase| {
            let trouble = Trouble::refused(*phase, self.reply.clone());
            let rule = classifier.classify(&trouble, &site).rule;
            (rule != self.rule).then_some((*phase, rule))
        };
        let (phase, rule) = self.phases.iter().find_map(by_another)?;
        Some(Problem {
            file: file.to_owned(),
            line: self.line,
            rule: self.title.clone(),
            key: "examples".to_owned(),
            text: format!(
                "\"{}\" at {phase} is classified by the rule {rule:?}, and not by this one; \
                 change what this one asks for, or put it before",
                self.reply
            ),
        })
    }
}

/// What the keys of a rule must not say together; only asked of keys that are right on their own.
fn contradictions(rule: &Rule) -> Vec<(&'static str, &'static str)> {
    let is_in_transaction = |phase: &Phase| TRANSACTION.contains(phase);
    let at_recipient = |phase: &Phase| matches!(phase, Phase::Rcpt | Phase::Dot);
    let is_suppressing = rule.action == Some(Action::Suppress);
    let has_shorter = |least| rule.retry_after.is_some_and(|wait| wait < least);
    let checks = [
        (
            rule.codes.is_empty() && rule.enhanced.is_empty() && rule.text.is_none(),
            "codes",
            "a rule needs at least one of codes, enhanced and text",
        ),
        (
            rule.class == Class::Bounced && !rule.phases.iter().all(is_in_transaction),
            "phases",
            "nothing is bounced before MAIL; expected phases from \"mail\" to \"dot\"",
        ),
        (
            is_suppressing && rule.class != Class::Bounced,
            "action",
            "only what is bounced can be suppressed; expected class = \"bounced\"",
        ),
        (
            is_suppressing && !rule.phases.iter().all(at_recipient),
            "phases",
            "an address is only suppressed at \"rcpt\" or \"dot\", which must be named",
        ),
        (
            is_suppressing && rule.enhanced.is_empty() && rule.text.is_none(),
            "action",
            "an address is never suppressed by a code alone; name enhanced codes or a text",
        ),
        (
            !is_suppressing && rule.action.is_some() && rule.class != Class::Deferred,
            "action",
            "goes with class = \"deferred\" only",
        ),
        (
            rule.action.is_none() && rule.class != Class::Deferred && rule.retry_after.is_some(),
            "retry_after",
            "there is nothing to wait for; leave it out, or use class = \"deferred\"",
        ),
        (
            rule.action == Some(Action::ThrottleRecipient) && has_shorter(THROTTLE_RECIPIENT_FOR),
            "retry_after",
            "is shorter than an hour, the least that a recipient is left alone",
        ),
    ];
    let broken = checks.into_iter().filter(|(is_broken, ..)| *is_broken);
    broken.map(|(_, key, text)| (key, text)).collect()
}
