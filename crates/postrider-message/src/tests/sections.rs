//! A body that is encoded in sections is the body that it would be as a whole.

use mail_parser::MessageParser;
use proptest::prelude::*;
use serde_json::json;

use super::{email, prepare, render, render_to};
use crate::{RenderError, Segment};

/// Lines of `text` that take more than a shared segment.
fn long(text: &str) -> String {
    format!("{text}\n").repeat(8_000 / (text.len() + 1))
}

/// The message with this text as its only body.
fn message(text: &str, value: &serde_json::Value) -> Vec<u8> {
    let mut email = email();
    email.subject = "Hi".into();
    email.html = None;
    email.text = Some(text.into());
    render(&email, value).unwrap()
}

/// The encoding of a message with one body.
fn encoding(message: &[u8]) -> String {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (_, rest) = text.split_once("Content-Transfer-Encoding: ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

fn check(text: &str, name: &str, expect: &str) {
    let message = message(text, &json!({"name": name}));
    assert_eq!(encoding(&message), expect, "{text:.40}");
    let parsed = MessageParser::new().parse(&message).unwrap();
    let lines = text.replace("{{ name }}", name).replace("\r\n", "\n");
    let lines = lines.replace('\r', "\n").replace('\n', "\r\n");
    let body = parsed.body_text(0).unwrap();
    assert_eq!(body.trim_end(), lines.trim_end());
}

#[test]
fn the_encoding_is_decided_by_all_sections() {
    let (ascii, german, korean) = (
        long("a line"),
        long("Viele Grüße von uns allen"),
        long("안녕하세요 세계"),
    );
    check(&format!("Hi {{{{ name }}}}\n{ascii}"), "Ada", "7bit");
    check(
        &format!("Hi {{{{ name }}}}\n{ascii}"),
        "Zoë",
        "quoted-printable",
    );
    check(
        &format!("Hi {{{{ name }}}}\n{ascii}"),
        "--=_x",
        "quoted-printable",
    );
    check(
        &format!("Hi {{{{ name }}}}\n{german}"),
        "Ada",
        "quoted-printable",
    );
    check(
        &format!("{ascii}{{{{ name }}}}\n{german}"),
        "Ada",
        "quoted-printable",
    );
    check(&format!("Hi {{{{ name }}}}\n{korean}"), "Ada", "base64");
    check(&format!("{ascii}a = b\n{{{{ name }}}}"), "Ada", "7bit");
}

#[test]
fn a_section_that_renders_to_nothing_leaves_no_line() {
    let text = format!("{}{{% if name == 'x' %}}x{{% endif %}}", long("a line"));
    let message = message(&text, &json!({"name": "Ada"}));
    assert!(message.ends_with(b"\r\na line\r\n"));
}

#[test]
fn what_is_between_variables_is_shared() {
    let mut email = email();
    email.subject = "Hi".into();
    email.text = Some(format!(
        "Hi {{{{ name }}}}\n{}Bye {{{{ name }}}}\n",
        long("a line")
    ));
    email.html = Some(format!(
        "<p>{{{{ name }}}}\n{}",
        long("<p>Viele Grüße von uns allen")
    ));
    let prepared = prepare(&email).unwrap();
    let ada = render_to(&prepared, "ada@example.test", &json!({"name": "Ada"})).unwrap();
    let eve = render_to(&prepared, "eve@example.test", &json!({"name": "Eve"})).unwrap();
    let shared = |segment: &Segment| match segment {
        Segment::Shared(_, bytes) => Some(bytes.as_ptr()),
        Segment::Own(_) => None,
    };
    let pointers: Vec<_> = ada.segments().iter().filter_map(shared).collect();
    assert_eq!(pointers.len(), 2);
    assert_eq!(
        pointers,
        eve.segments().iter().filter_map(shared).collect::<Vec<_>>()
    );
    let own = ada
        .segments()
        .iter()
        .filter(|segment| shared(segment).is_none());
    assert!(own.map(|segment| segment.bytes().len()).sum::<usize>() < 1_500);
}

#[test]
fn html_is_escaped_in_every_section() {
    let mut email = email();
    email.text = None;
    email.html = Some(format!("{{{{ name }}}}\n{}{{{{ name }}}}", long("<p>x")));
    let message = render(&email, &json!({"name": "<b>"})).unwrap();
    let text = String::from_utf8(message).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.matches("&lt;b&gt;").count(), 2);
    assert!(!body.contains("<b>"));
}

#[test]
fn an_error_names_the_line_in_the_whole_body() {
    let mut email = email();
    email.html = None;
    email.text = Some(format!(
        "{}{{{{ name }}}}\n{{{{ nmae }}}}",
        "x\n".repeat(1_000)
    ));
    let error = render(&email, &json!({"name": "Ada"})).unwrap_err();
    let expect = "text, line 1002: the variable \"nmae\" is not defined";
    assert_eq!(error.to_string(), expect);
}

#[test]
fn all_sections_together_are_bounded() {
    let mut email = email();
    email.html = None;
    email.text = Some(format!(
        "{{{{ name * n }}}}\n{}{{{{ name * n }}}}\n",
        long("x")
    ));
    let limits = crate::Limits {
        email_bytes_max: 20_000,
    };
    let prepared = crate::Prepared::new(&email, limits).unwrap();
    let rendered = |n: usize| {
        let value = json!({"name": "x", "n": n});
        render_to(&prepared, "ada@example.test", &value)
    };
    assert!(rendered(5_999).is_ok());
    let error = rendered(6_001).unwrap_err();
    assert!(
        matches!(
            error,
            RenderError::TooLarge {
                bytes_max: 20_000,
                ..
            }
        ),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_variable_arrives_between_fixed_lines(name in "\\PC{0,40}|[ -~\r\n\t=._]{0,200}") {
        let fixed = long("a line");
        let text = format!("{fixed}{{{{ name }}}}\n{fixed}{{{{ name }}}}");
        let message = message(&text, &json!({"name": name}));
        let parsed = MessageParser::new().parse(&message).unwrap();
        let mut lines = text.replace("{{ name }}", &name).replace("\r\n", "\n").replace('\r', "\n");
        if !lines.ends_with('\n') {
            lines.push('\n');
        }
        prop_assert_eq!(parsed.body_text(0).unwrap(), lines.replace('\n', "\r\n"));
    }
}
