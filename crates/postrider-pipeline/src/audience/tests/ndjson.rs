//! NDJSON.

use super::*;
use crate::bounds::LINE_BYTES_MAX;

fn check_ndjson(list: impl AsRef<[u8]>, expect: &[Short]) {
    let list = list.as_ref();
    let shown = String::from_utf8_lossy(&list[..list.len().min(200)]);
    assert_eq!(
        read(Format::Ndjson, list, 4_096).as_deref(),
        Ok(expect),
        "{shown:?}"
    );
}

#[test]
fn json_values_are_variables_as_they_are_written() {
    check_ndjson(
        "{\"email\":\"ada@example.test\"}\n\n \
         { \"a b\" : { \"x\": [1, 2.50] } , \"email\" : \"b\\u006f@example.test\", \"c\\n\":null}\r\n",
        &[
            good("ada@example.test", "{}"),
            good(
                "bo@example.test",
                r#"{"a b":{ "x": [1, 2.50] },"c\n":null}"#,
            ),
        ],
    );
}

#[test]
fn each_bad_ndjson_line_is_named_by_number_and_code() {
    let large = "x".repeat(17 * 1024);
    let long = "x".repeat(LINE_BYTES_MAX);
    let deep = "[".repeat(200) + &"]".repeat(200);
    let mut list = format!(
        "{{\"email\":\"ada@example.test\",}}\nada@example.test\n[\"ada@example.test\"]\n42\n\
         {{\"Email\":\"ada@example.test\"}}\n{{\"email\":null}}\n\
         {{\"email\":\"ada@example.test\",\"email\":\"bo@example.test\"}}\n{{\"email\":\"ada\"}}\n\
         {{\"email\":\"ada@example.test\",\"x\":\"{large}\"}}\n{{\"email\":\"{long}\"}}\n\
         {{\"email\":\"ada@example.test\",\"x\":\"\\ud800\"}}\n\
         {{\"email\":\"ada@example.test\",\"x\":1e999}}\n\
         {{\"email\":\"ada@example.test\",\"x\":{deep}}}\n\
         {{\"email\":\"ada@example.test\"}} {{}}\n"
    )
    .into_bytes();
    list.extend_from_slice(b"{\"email\":\"\xff\"}\n{\"email\":\"ok@example.test\"}");
    check_ndjson(
        list,
        &[
            Err((1, "invalid_json")),
            Err((2, "invalid_json")),
            Err((3, "not_an_object")),
            Err((4, "not_an_object")),
            Err((5, "missing_email")),
            Err((6, "email_not_a_string")),
            Err((7, "duplicate_email_key")),
            Err((8, "missing_at_sign")),
            Err((9, "variables_too_large")),
            Err((10, "line_too_long")),
            Err((11, "invalid_json")),
            Err((12, "invalid_json")),
            Err((13, "invalid_json")),
            Err((14, "invalid_json")),
            Err((15, "invalid_utf8")),
            good("ok@example.test", "{}"),
        ],
    );
}

#[test]
fn a_detail_is_a_sentence_with_the_column() {
    let mut lines = Vec::new();
    let list = b"{\"email\":\"ada@example.test\" 1}\n";
    ListReader::new(Format::Ndjson)
        .read(list, &mut lines)
        .unwrap();
    let bad = lines.remove(0).unwrap_err();
    assert_eq!(
        bad.detail,
        "the line is not JSON: expected `,` or `}` (column 29)"
    );
}
