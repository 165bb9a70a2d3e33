//! Filters that could take any amount of memory for a few bytes of variables, with a bound.
//!
//! Fuel counts instructions, and one of these is one instruction however much it makes: a number
//! in one recipient's variables would be enough to bring the process down. What would be too
//! much is an error of that recipient, before anything is allocated.

use minijinja::value::StringInput;
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};

use crate::bounds::{FILTERED_BYTES_MAX, PARTS_MAX};

/// Puts them in the place of the built-in ones.
pub(crate) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("batch", batch);
    environment.add_filter("slice", slice);
    environment.add_filter("replace", replace);
}

/// Lists of `count` items each, of which the last is filled up.
fn batch(
    state: &State<'_, '_>,
    value: Value,
    count: usize,
    fill_with: Option<Value>,
) -> Result<Value, Error> {
    filters::batch(state, value, bounded(count)?, fill_with)
}

/// `count` lists of about as many items each.
fn slice(
    state: &State<'_, '_>,
    value: Value,
    count: usize,
    fill_with: Option<Value>,
) -> Result<Value, Error> {
    filters::slice(state, value, bounded(count)?, fill_with)
}

fn bounded(count: usize) -> Result<usize, Error> {
    match count <= PARTS_MAX {
        true => Ok(count),
        false => Err(too_much(format!("{count} parts, at most {PARTS_MAX}"))),
    }
}

fn replace(
    state: &mut State<'_, '_>,
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<Value, Error> {
    let found = value.as_str().matches(from.as_str()).count();
    let bytes = found
        .saturating_mul(to.as_str().len())
        .saturating_add(value.as_str().len());
    if bytes > FILTERED_BYTES_MAX {
        let reason = format!("{bytes} bytes, at most {FILTERED_BYTES_MAX}");
        return Err(too_much(reason));
    }
    filters::replace(state, value, from, to)
}

fn too_much(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What a template with the variables `n` and `text` gives.
    fn render(template: &str, n: usize, text: &str) -> Result<String, String> {
        let mut environment = Environment::new();
        add(&mut environment);
        let variables = BTreeMap::from([("n", Value::from(n)), ("text", Value::from(text))]);
        let rendered = environment.render_str(template, variables);
        rendered.map_err(|error| error.to_string())
    }

    fn check_refused(template: &str, n: usize, text: &str, expect: &str) {
        let refused = render(template, n, text).unwrap_err();
        assert!(refused.contains(expect), "{template}: {refused}");
    }

    #[test]
    fn what_is_not_too_much_is_as_always() {
        let check = |template: &str, expect: &str| {
            assert_eq!(
                render(template, 2, "abc").as_deref(),
                Ok(expect),
                "{template}"
            );
        };
        check("{{ [1, 2, 3]|batch(n, '-') }}", "[[1, 2], [3, '-']]");
        check("{{ [1, 2, 3]|slice(n) }}", "[[1, 2], [3]]");
        check("{{ text|replace('b', '<>') }}", "a<>c");
    }

    #[test]
    fn a_number_in_the_variables_cannot_take_all_memory() {
        let n = 1 << 40;
        check_refused("{{ [1]|batch(n, 0) }}", n, "", "1099511627776 parts");
        check_refused("{{ [1]|slice(n) }}", n, "", "1099511627776 parts");
    }

    #[test]
    fn replacing_again_and_again_cannot_take_all_memory() {
        let text = "x".repeat(5_000);
        let template = "{{ text|replace('x', text)|replace('x', text)|length }}";
        check_refused(template, 0, &text, "bytes, at most");
    }
}
