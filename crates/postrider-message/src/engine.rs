//! The template engine as templates may use it, and what it says when it fails.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use crate::bounds::{RENDER_FUEL, TEMPLATE_DEPTH_MAX};
use crate::{Field, Problem, filters};

/// What parts the name of a field from the number of a section, in the name of a template.
pub(crate) const SECTION: char = '#';

/// An engine with nothing in it but what templates may use.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let html = Field::Html.to_string();
    environment.set_auto_escape_callback(move |name| match name.strip_prefix(&html) {
        Some(rest) if rest.is_empty() || rest.starts_with(SECTION) => AutoEscape::Html,
        _ => AutoEscape::None,
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
    filters::add(&mut environment);
    environment
}

/// Why a template gave nothing.
pub(crate) enum Failure {
    /// It gave more than it may.
    TooLarge,
    /// The engine says why.
    Engine(Error),
}

/// Renders the template with this name into at most so many bytes.
pub(crate) fn run(
    environment: &Environment<'_>,
    name: &str,
    bytes_max: usize,
    variables: &Value,
) -> Result<String, Failure> {
    let template = environment.get_template(name).map_err(Failure::Engine)?;
    let mut output = Bounded {
        bytes: Vec::with_capacity(template.source().len()),
        left: bytes_max,
        is_over: false,
    };
    let rendered = template.render_captured_to(variables.clone(), &mut output);
    if output.is_over {
        return Err(Failure::TooLarge);
    }
    rendered.map_err(Failure::Engine)?;
    Ok(String::from_utf8(output.bytes).expect("a template writes whole strings"))
}

/// What to say of a template that does not compile.
pub(crate) fn broken(field: Field, error: &Error) -> Problem {
    let line = error
        .line()
        .map_or_else(String::new, |line| format!("line {line}: "));
    let detail = format!("{line}{}", reason_of(error));
    Problem::new(field, "template_invalid", detail)
}

/// What the engine says, as a phrase.
pub(crate) fn reason_of(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// The variable that the engine's error names, as the template spells it.
pub(crate) fn variable_of(error: &Error) -> Option<String> {
    let (_, name) = error.detail()?.split_once('`')?;
    let (name, _) = name.split_once("` is undefined")?;
    Some(name.to_owned())
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
