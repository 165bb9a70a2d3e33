//! What templates may say, and what stops them.

use postrider_types::Variables;

use crate::template::{Content, Templates, context};
use crate::{Field, RenderError};

const BYTES_MAX: usize = 1000;

fn render(field: Field, source: &str, json: &str) -> Result<String, RenderError> {
    let mut templates = Templates::new();
    let slot = match templates.add(field, source, BYTES_MAX).unwrap() {
        Content::Fixed(text) => return Ok(text),
        Content::Rendered(slot) => slot,
    };
    let variables = Variables::from_json_object(json.to_owned()).unwrap();
    let to = "ada@example.test".parse().unwrap();
    templates.render(&slot, &context(&variables, &to)?)
}

fn check(source: &str, json: &str, expect: &str) {
    assert_eq!(render(Field::Text, source, json).unwrap(), expect);
}

fn check_error(source: &str, json: &str, expect: &str) {
    let error = render(Field::Text, source, json).unwrap_err();
    assert_eq!(error.to_string(), expect, "{source}");
}

fn check_broken(source: &str, expect: &str) {
    let problem = Templates::new().add(Field::Html, source, BYTES_MAX);
    let problem = problem.err().expect("the template is broken");
    assert_eq!(problem.code, "template_invalid");
    assert_eq!(problem.to_string(), expect);
}

#[test]
fn variables_and_the_address_are_merged() {
    check("Hi {{ name }}!\n", r#"{"name":"Ada"}"#, "Hi Ada!\n");
    check("{{ email }}", "{}", "ada@example.test");
    check("{{ email }}", r#"{"email":"x"}"#, "ada@example.test");
    check("{{ a.b[1] }}", r#"{"a":{"b":[1,2]}}"#, "2");
    check("{{ n|default('you') }}", "{}", "you");
    check("{{ n|urlencode }}", r#"{"n":"a b&c"}"#, "a%20b%26c");
}

#[test]
fn a_missing_variable_is_named_with_its_field_and_line() {
    let expect = "text, line 2: the variable \"nmae\" is not defined";
    check_error("Hi\n{{ nmae }}", r#"{"name":"Ada"}"#, expect);
    check_error("Hi\n{{ nmae|upper }}", "{}", expect);
    check_error("Hi\n{% if nmae %}x{% endif %}", "{}", expect);
    check_error(
        "{{ user.name }}",
        r#"{"user":{}}"#,
        "text, line 1: the variable \"user.name\" is not defined",
    );
}

#[test]
fn a_broken_template_names_its_field_and_line() {
    check_broken(
        "a\n{{ name",
        "html: line 2: syntax error: unexpected end of input, expected end of variable block",
    );
    check_broken(
        "{% if x %}",
        "html: line 1: syntax error: unexpected end of input, expected end of block",
    );
    check_broken(
        "\n\n{{ name|uper }}",
        "html: line 3: unknown filter: filter uper is unknown",
    );
    check_broken(
        "{% include 'other' %}",
        "html: line 1: syntax error: unknown statement include",
    );
    check_broken(
        "{{ debug() }}",
        "html: line 1: unknown function: debug is unknown",
    );
}

#[test]
fn fuel_stops_a_loop_that_would_not_end() {
    let body = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
    check_broken(body, "html: line 1: engine ran out of fuel");
    let guarded = format!("{{% if go is defined %}}{body}{{% endif %}}");
    let error = render(Field::Text, &guarded, r#"{"go":1}"#).unwrap_err();
    assert!(matches!(error, RenderError::OutOfFuel { .. }), "{error:?}");
}

#[test]
fn output_is_bounded() {
    let expect = "text: the rendered text is larger than 1000 bytes";
    check_error("{{ 'x' * n }}", r#"{"n":1001}"#, expect);
    check("{{ 'x' * n }}", r#"{"n":1000}"#, &"x".repeat(1000));
}

#[test]
fn only_the_html_body_is_escaped() {
    let json = r#"{"x":"<script>alert('1')</script>"}"#;
    let html = render(Field::Html, "<p>{{ x }}</p>", json).unwrap();
    assert_eq!(
        html,
        "<p>&lt;script&gt;alert(&#x27;1&#x27;)&lt;&#x2f;script&gt;</p>"
    );
    check("{{ x }}", json, "<script>alert('1')</script>");
}

#[test]
fn variables_that_are_no_object_are_an_error() {
    let variables: Variables = serde_json::from_str("\"[1]\"").unwrap();
    let to = "ada@example.test".parse().unwrap();
    let error = context(&variables, &to).unwrap_err();
    assert_eq!(error.code(), "variables_invalid");
}
