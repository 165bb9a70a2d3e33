//! CSV.

use super::*;
use crate::bounds::LINE_BYTES_MAX;

fn check_csv(list: impl AsRef<[u8]>, expect: &[Short]) {
    let list = list.as_ref();
    let shown = String::from_utf8_lossy(&list[..list.len().min(200)]);
    assert_eq!(
        read(Format::Csv, list, 4_096).as_deref(),
        Ok(expect),
        "{shown:?}"
    );
}

fn check_list_error(list: &[u8], code: &str, message: &str) {
    let error = read(Format::Csv, list, 4_096).unwrap_err();
    assert_eq!(error.code(), code);
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn columns_other_than_email_are_variables_under_their_names() {
    check_csv(
        "Name, E-mail name ,EMAIL ,city\nAda,x,ada@example.test,London\n",
        &[good(
            "ada@example.test",
            r#"{"Name":"Ada","E-mail name":"x","city":"London"}"#,
        )],
    );
    check_csv("email\nada@example.test", &[good("ada@example.test", "{}")]);
}

#[test]
fn values_are_kept_as_they_are_written() {
    check_csv(
        "email,\"a \"\"b\"\"\"\nada@example.test, \\x\t \n\"bo@example.test\",\"1\r\n2, \"\"3\"\"\"\n",
        &[
            good("ada@example.test", r#"{"a \"b\"":" \\x\t "}"#),
            good("bo@example.test", r#"{"a \"b\"":"1\r\n2, \"3\""}"#),
        ],
    );
}

#[test]
fn a_byte_order_mark_and_either_line_end_change_nothing() {
    let expect = [
        good("ada@example.test", r#"{"n":"1"}"#),
        good("bo@example.test", r#"{"n":"2"}"#),
    ];
    let list = "email,n\nada@example.test,1\n\nbo@example.test,2";
    check_csv(list, &expect);
    check_csv(format!("\u{feff}{list}\n"), &expect);
    check_csv(format!("\u{feff}\"email\"{}", &list[5..]), &expect);
    check_csv(list.replace('\n', "\r\n"), &expect);
    check_csv(list.replace('\n', "\r"), &expect);
    check_csv(list.replace('\n', " \n \r\n").replace(" \n", "\n"), &expect);
}

#[test]
fn each_bad_csv_line_is_named_by_number_and_code() {
    let long = "x".repeat(LINE_BYTES_MAX);
    let large = "x".repeat(17 * 1024);
    let mut list = format!(
        "email,name\n,nobody\nada,2\nada@exa mple.test,3\nada@[192.0.2.1],4\n@example.test,5\n\
         ada@example.test\nada@example.test,1,2,3,4\nada@example.test,{long}\n\
         ada@example.test,{large}\n\"ada\n@example.test\",12\n"
    )
    .into_bytes();
    list.extend_from_slice(
        b"ada@example.test,\xff\nada@example.test,\xc3\n\nok@example.test,fine\n",
    );
    check_csv(
        list,
        &[
            Err((2, "empty_address")),
            Err((3, "missing_at_sign")),
            Err((4, "invalid_domain")),
            Err((5, "address_literal")),
            Err((6, "invalid_local_part")),
            Err((7, "wrong_field_count")),
            Err((8, "wrong_field_count")),
            Err((9, "line_too_long")),
            Err((10, "variables_too_large")),
            Err((11, "control_character")),
            Err((13, "invalid_utf8")),
            Err((14, "invalid_utf8")),
            good("ok@example.test", r#"{"name":"fine"}"#),
        ],
    );
}

#[test]
fn bytes_that_are_utf8_only_side_by_side_are_not() {
    check_csv(
        b"email,n\nada@example.test\xc3,\xa9\n",
        &[Err((2, "invalid_utf8"))],
    );
}

#[test]
fn numbers_are_those_of_physical_lines() {
    check_csv(
        "\"email\",\"two\nlines\"\n\nada@example.test,\"1\n2\n3\"\nbad\n",
        &[
            good("ada@example.test", r#"{"two\nlines":"1\n2\n3"}"#),
            Err((7, "wrong_field_count")),
        ],
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_only_its_own_line() {
    let after = [
        good("bo@example.test", r#"{"n":"2"}"#),
        good("cy@example.test", r#"{"n":"3 \"x\""}"#),
    ];
    let expect = [&[Err((2, "unclosed_quote"))][..], &after].concat();
    let bad = "email,n\nada@example.test,\"1\n";
    check_csv(
        format!("{bad}bo@example.test,2\ncy@example.test,\"3 \"\"x\"\"\"\n"),
        &expect,
    );
    check_csv(
        format!("{bad}bo@example.test,2\n\"cy@example.test\",\"3 \"\"x\"\"\"\n"),
        &expect,
    );
    check_csv(bad, &expect[..1]);
    check_csv(
        "email,n\n\"a\n\"b\n\"c\ncy@example.test,3",
        &[
            Err((2, "unclosed_quote")),
            Err((3, "unclosed_quote")),
            Err((4, "unclosed_quote")),
            good("cy@example.test", r#"{"n":"3"}"#),
        ],
    );
}

#[test]
fn an_open_quote_is_given_up_at_the_bounds_of_a_record() {
    let many = "bo@example.test,2\n".repeat(1_000);
    let long = format!("bo@example.test,{}\n", "2".repeat(LINE_BYTES_MAX / 4)).repeat(10);
    for (rest, count) in [(many, 1_000), (long, 10)] {
        let list = format!("email,n\nada@example.test,\"1\n{rest}");
        let lines = read(Format::Csv, list.as_bytes(), 10_000).unwrap();
        assert_eq!(lines[0], Err((2, "line_too_long")));
        assert_eq!(lines.len(), 1 + count);
    }
    let too_long = "x".repeat(LINE_BYTES_MAX + 1);
    check_csv(
        format!("email,n\nada@example.test,\"1\n{too_long}\nbo@example.test,2\n"),
        &[
            Err((2, "unclosed_quote")),
            Err((3, "line_too_long")),
            good("bo@example.test", r#"{"n":"2"}"#),
        ],
    );
}

#[test]
fn a_csv_without_a_usable_header_is_one_error_that_names_the_columns() {
    let check = check_list_error;
    check(b"", "missing_header", "a CSV begins with a header line");
    check(b" \n\n", "missing_header", "empty");
    check(
        b"ada@example.test,Ada\n",
        "missing_email_column",
        r#""ada@example.test", "Ada""#,
    );
    check(
        b"email;name\nx;y\n",
        "missing_email_column",
        r#""email;name""#,
    );
    check(
        b"email,name,name\n",
        "duplicate_column",
        r#""name" is there twice"#,
    );
    check(
        b"email,name,E-Mail,Email\n",
        "duplicate_column",
        r#""Email" is there twice"#,
    );
    check(b"email,,name\n", "unnamed_column", "column 2 has no name");
    check(
        b"email,\"name\nada@example.test,1\n",
        "invalid_header",
        "UTF-8",
    );
    check(b"email,\xff\n", "invalid_header", "UTF-8");
    check(&[b','; 2_000], "invalid_header", "at most 1000 columns");
    check(
        &[b'x'; LINE_BYTES_MAX + 1],
        "invalid_header",
        "at most 65536 bytes",
    );
    let many = (0..20)
        .map(|n| format!("column {n}"))
        .collect::<Vec<_>>()
        .join(",");
    check(
        many.as_bytes(),
        "missing_email_column",
        "\"column 11\" and 8 more",
    );
}
