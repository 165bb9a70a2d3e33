//! The templates of one email: compiled once, rendered per recipient.
//!
//! A text without an expression never meets the engine. The others run strictly (a missing
//! variable is an error, never an empty place), on bounded fuel, into bounded memory, with
//! built-in filters only: no template can load another, or see anything but its variables.
//! Variables are escaped in the HTML body and nowhere else.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use postrider_types::{Address, Variables};

use crate::bounds::{RENDER_FUEL, TEMPLATE_DEPTH_MAX};
use crate::{Field, Problem, RenderError};

/// What one part of an email says.
pub(crate) enum Content {
    /// The same for everyone.
    Fixed(String),
    /// Different for each recipient.
    Rendered(Slot),
}

/// A compiled template.
pub(crate) struct Slot {
    field: Field,
    name: String,
    bytes_max: usize,
}

/// All templates of one email.
pub(crate) struct Templates {
    environment: Environment<'static>,
    source_bytes: usize,
}

impl Templates {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        let html = Field::Html.to_string();
        environment.set_auto_escape_callback(move |name| {
            if name == html {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(RENDER_FUEL));
        environment.set_recursion_limit(TEMPLATE_DEPTH_MAX);
        // Costs nothing until an error is made, and then it names the variable.
        environment.set_debug(true);
        environment.set_syntax(
            SyntaxConfig::builder()
                .keep_trailing_newline(true)
                .build()
                .expect("the default delimiters are valid"),
        );
        // Would print all variables into a message.
        environment.remove_global("debug");
        // These take a width from the template and allocate it before anything can bound it.
        environment.remove_filter("indent");
        environment.remove_filter("format");
        Self {
            environment,
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
        let name = field.to_string();
        self.environment
            .add_template_owned(name.clone(), source.to_owned())
            .map_err(|error| broken(field, &error))?;
        self.source_bytes += source.len();
        let slot = Slot {
            field,
            name,
            bytes_max,
        };
        self.try_out(&slot)?;
        Ok(Content::Rendered(slot))
    }

    /// Renders without variables, to find now what would fail for every recipient: names of
    /// filters, tests and functions are only looked up when they are used.
    fn try_out(&mut self, slot: &Slot) -> Result<(), Problem> {
        self.environment
            .set_undefined_behavior(UndefinedBehavior::Chainable);
        let email = BTreeMap::from([("email", Value::from("ada@example.test"))]);
        let tried = self.run(slot, &Value::from(email));
        self.environment
            .set_undefined_behavior(UndefinedBehavior::Strict);
        match tried {
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

    /// Renders one template for one recipient.
    pub(crate) fn render(&self, slot: &Slot, variables: &Value) -> Result<String, RenderError> {
        let field = slot.field;
        self.run(slot, variables).map_err(|failure| match failure {
            Failure::TooLarge => RenderError::TooLarge {
                field,
                bytes_max: slot.bytes_max,
            },
            Failure::Engine(error) => {
                let (line, variable) = (error.line(), variable_of(&error));
                match error.kind() {
                    ErrorKind::OutOfFuel => RenderError::OutOfFuel { field },
                    kind if kind == ErrorKind::UndefinedError || variable.is_some() => {
                        RenderError::Undefined {
                            field,
                            line,
                            variable,
                        }
                    }
                    _ => RenderError::Template {
                        field,
                        line,
                        reason: reason_of(&error),
                    },
                }
            }
        })
    }

    fn run(&self, slot: &Slot, variables: &Value) -> Result<String, Failure> {
        let template = self
            .environment
            .get_template(&slot.name)
            .map_err(Failure::Engine)?;
        let mut output = Bounded {
            bytes: Vec::with_capacity(template.source().len()),
            left: slot.bytes_max,
            is_over: false,
        };
        let rendered = template.render_captured_to(variables.clone(), &mut output);
        if output.is_over {
            return Err(Failure::TooLarge);
        }
        rendered.map_err(Failure::Engine)?;
        Ok(String::from_utf8(output.bytes).expect("a template writes whole strings"))
    }
}

/// The variables of one recipient as templates see them: their own, and `email`.
pub(crate) fn context(variables: &Variables, to: &Address) -> Result<Value, RenderError> {
    let mut map: BTreeMap<String, Value> =
        serde_json::from_str(variables.as_json()).map_err(RenderError::Variables)?;
    map.insert("email".to_owned(), Value::from(to.as_str()));
    Ok(Value::from(map))
}

enum Failure {
    TooLarge,
    Engine(Error),
}

/// Takes at most so many bytes, then refuses.
struct Bounded {
    bytes: Vec<u8>,
    left: usize,
    is_over: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(field: Field, error: &Error) -> Problem {
    let line = error
        .line()
        .map_or_else(String::new, |line| format!("line {line}: "));
    let detail = format!("{line}{}", reason_of(error));
    Problem::new(field, "template_invalid", detail)
}

fn reason_of(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The variable that the engine's error names, as the template spells it.
fn variable_of(error: &Error) -> Option<String> {
    let (_, name) = error.detail()?.split_once('`')?;
    let (name, _) = name.split_once("` is undefined")?;
    Some(name.to_owned())
}
