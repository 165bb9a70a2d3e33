//! The templates of one email: compiled once, rendered per recipient.
//!
//! A text without an expression never meets the engine. The others run strictly (a missing
//! variable is an error, never an empty place), on bounded fuel, into bounded memory, with
//! built-in filters only: no template can load another, or see anything but its variables.
//! Variables are escaped in the HTML body and nowhere else.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use postrider_types::{Address, Variables};

use crate::engine::{self, Failure, SECTION, broken, reason_of, variable_of};
use crate::sections::{self, Stretch};
use crate::{Field, Problem, RenderError};

/// What one part of an email says.
pub(crate) enum Content {
    /// The same for everyone.
    Fixed(String),
    /// Different for each recipient.
    Rendered(Slot),
}

/// What a body says.
pub(crate) enum Body {
    /// The same for everyone.
    Fixed(String),
    /// At least one section is different for each recipient.
    Rendered(Vec<Section>),
}

/// A part of a body.
pub(crate) enum Section {
    /// Whole lines, the same for everyone.
    Fixed(String),
    /// Different for each recipient.
    Rendered(Slot),
}

/// A compiled template.
pub(crate) struct Slot {
    field: Field,
    name: String,
    /// Most bytes of the rendered field.
    bytes_max: usize,
    /// Bytes of the field that are fixed beside this template.
    fixed_bytes: usize,
    /// Lines of the field before this template.
    lines_before: usize,
}

/// All templates of one email.
pub(crate) struct Templates {
    environment: Environment<'static>,
    source_bytes: usize,
}

impl Templates {
    pub(crate) fn new() -> Self {
        Self {
            environment: engine::environment(),
            source_bytes: 0,
        }
    }

    /// About how many bytes of memory the compiled templates take.
    pub(crate) const fn weight_bytes(&self) -> usize {
        // An estimate on the safe side: the engine keeps the source, and instructions with their
        // spans for each expression in it.
        4 * self.source_bytes
    }

    /// Compiles one part, whose rendered form may take `bytes_max` bytes.
    pub(crate) fn add(
        &mut self,
        field: Field,
        source: &str,
        bytes_max: usize,
    ) -> Result<Content, Problem> {
        if !["{{", "{%", "{#"].iter().any(|open| source.contains(open)) {
            return Ok(Content::Fixed(source.to_owned()));
        }
        let slot = Slot {
            field,
            name: field.to_string(),
            bytes_max,
            fixed_bytes: 0,
            lines_before: 0,
        };
        self.compile(&slot, source)
            .map_err(|error| broken(field, &error))?;
        self.try_out(&slot)?;
        Ok(Content::Rendered(slot))
    }

    /// Compiles a body, in sections of which as much as can be is fixed. `is_worth` says whether
    /// fixed lines are of use to the caller by themselves; if any are not, all is one section.
    pub(crate) fn add_body(
        &mut self,
        field: Field,
        source: &str,
        bytes_max: usize,
        is_worth: impl Fn(&str) -> bool,
    ) -> Result<Body, Problem> {
        let whole = match self.add(field, source, bytes_max)? {
            Content::Fixed(text) => return Ok(Body::Fixed(text)),
            Content::Rendered(slot) => slot,
        };
        let is_template = |text: &str| self.environment.template_from_str(text).is_ok();
        let stretches = sections::cut(source, is_template);
        let is_kept = |stretch: &Stretch<'_>| match stretch {
            Stretch::Fixed(text) => is_worth(text),
            Stretch::Rendered(_) => true,
        };
        if stretches.len() == 1 || !stretches.iter().all(is_kept) {
            return Ok(Body::Rendered(vec![Section::Rendered(whole)]));
        }
        self.remove(&whole, source);
        let fixed = stretches.iter().map(Stretch::fixed_bytes);
        let fixed_bytes = fixed.sum();
        let mut lines_before = 0;
        let mut sections = Vec::with_capacity(stretches.len());
        for (number, stretch) in stretches.into_iter().enumerate() {
            let (Stretch::Fixed(text) | Stretch::Rendered(text)) = stretch;
            sections.push(match stretch {
                Stretch::Fixed(text) => Section::Fixed(text.to_owned()),
                Stretch::Rendered(text) => {
                    let slot = Slot {
                        name: format!("{}{SECTION}{number}", whole.name),
                        fixed_bytes,
                        lines_before,
                        ..whole
                    };
                    self.compile(&slot, text)
                        .map_err(|error| broken(field, &error))?;
                    Section::Rendered(slot)
                }
            });
            lines_before += text.matches('\n').count();
        }
        Ok(Body::Rendered(sections))
    }

    fn compile(&mut self, slot: &Slot, source: &str) -> Result<(), Error> {
        self.environment
            .add_template_owned(slot.name.clone(), source.to_owned())?;
        self.source_bytes += source.len();
        Ok(())
    }

    fn remove(&mut self, slot: &Slot, source: &str) {
        self.environment.remove_template(&slot.name);
        self.source_bytes -= source.len();
    }

    /// Renders without variables, to find now what would fail for every recipient: names of
    /// filters, tests and functions are only looked up when they are used.
    fn try_out(&mut self, slot: &Slot) -> Result<(), Problem> {
        match self.run_without_variables(slot) {
            Err(Failure::Engine(error)) => match error.kind() {
                ErrorKind::UnknownFilter
                | ErrorKind::UnknownTest
                | ErrorKind::UnknownFunction
                | ErrorKind::OutOfFuel => Err(broken(slot.field, &error)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What a template gives when every variable is empty, which is its own text and nothing else.
    /// `None` when it cannot do without them.
    pub(crate) fn own_text(&mut self, slot: &Slot) -> Option<String> {
        self.run_without_variables(slot).ok()
    }

    fn run_without_variables(&mut self, slot: &Slot) -> Result<String, Failure> {
        self.environment
            .set_undefined_behavior(UndefinedBehavior::Chainable);
        let email = BTreeMap::from([("email", Value::from("ada@example.test"))]);
        let tried = self.run(slot, slot.bytes_max, &Value::from(email));
        self.environment
            .set_undefined_behavior(UndefinedBehavior::Strict);
        tried
    }

    /// Renders one template for one recipient.
    pub(crate) fn render(&self, slot: &Slot, variables: &Value) -> Result<String, RenderError> {
        self.render_behind(slot, 0, variables)
    }

    /// Renders a section for one recipient; those of the same field before it took `bytes_before`.
    pub(crate) fn render_behind(
        &self,
        slot: &Slot,
        bytes_before: usize,
        variables: &Value,
    ) -> Result<String, RenderError> {
        let bytes_max = slot
            .bytes_max
            .saturating_sub(slot.fixed_bytes + bytes_before);
        let rendered = self.run(slot, bytes_max, variables);
        rendered.map_err(|failure| failed(slot, failure))
    }

    fn run(&self, slot: &Slot, bytes_max: usize, variables: &Value) -> Result<String, Failure> {
        engine::run(&self.environment, &slot.name, bytes_max, variables)
    }
}

/// What to say of a template that failed for one recipient.
fn failed(slot: &Slot, failure: Failure) -> RenderError {
    let field = slot.field;
    let error = match failure {
        Failure::Engine(error) => error,
        Failure::TooLarge => {
            let bytes_max = slot.bytes_max;
            return RenderError::TooLarge { field, bytes_max };
        }
    };
    let line = error.line().map(|line| line + slot.lines_before);
    let variable = variable_of(&error);
    match error.kind() {
        ErrorKind::OutOfFuel => RenderError::OutOfFuel { field },
        kind if kind == ErrorKind::UndefinedError || variable.is_some() => RenderError::Undefined {
            field,
            line,
            variable,
        },
        _ => RenderError::Template {
            field,
            line,
            reason: reason_of(&error),
        },
    }
}

/// The variables of one recipient as templates see them: their own, and `email`.
pub(crate) fn context(variables: &Variables, to: &Address) -> Result<Value, RenderError> {
    let mut map: BTreeMap<String, Value> =
        serde_json::from_str(variables.as_json()).map_err(RenderError::Variables)?;
    map.insert("email".to_owned(), Value::from(to.as_str()));
    Ok(Value::from(map))
}
