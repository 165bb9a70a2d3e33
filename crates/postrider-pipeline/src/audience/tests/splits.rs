//! Properties of any list.

use proptest::prelude::*;

use super::*;

/// Text in which everything that matters to a reader is frequent.
fn list_of(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(parts), 0..60).prop_map(|parts| parts.concat())
}

const CSV_PARTS: &[&str] = &[
    "\"",
    "\"\"",
    ",",
    "\n",
    "\r\n",
    "\r",
    " ",
    "x",
    "é",
    "ada@example.test,1\n",
    "bo@example.test,\"2\"\n",
];

proptest! {
    #[test]
    fn any_split_of_a_csv_gives_the_same_lines(
        body in list_of(CSV_PARTS),
        piece_bytes in 1..80_usize,
    ) {
        let list = format!("email,n\n{body}");
        let whole = read(Format::Csv, list.as_bytes(), list.len());
        prop_assert_eq!(read(Format::Csv, list.as_bytes(), piece_bytes), whole);
    }

    #[test]
    fn behind_whatever_lines_whose_quotes_are_closed_a_good_line_is_found(
        body in list_of(&["x", ",", "é", " ", "\r", "\n", "x\"x", "\"x\"", ",\"x\"\"\","]),
    ) {
        let list = format!("email,n\n{body}\nada@example.test,1\n");
        let lines = read(Format::Csv, list.as_bytes(), 4_096).unwrap();
        prop_assert_eq!(lines.last(), Some(&good("ada@example.test", r#"{"n":"1"}"#)));
    }

    #[test]
    fn any_split_of_an_ndjson_gives_the_same_lines(
        list in list_of(&["{", "}", "\"email\":", "\"ada@example.test\"", ",", "\n", "\r\n", " ", "\u{feff}", "\"n\":1", "{\"email\":\"bo@example.test\"}\n"]),
        piece_bytes in 1..80_usize,
    ) {
        let whole = read(Format::Ndjson, list.as_bytes(), list.len().max(1));
        prop_assert_eq!(read(Format::Ndjson, list.as_bytes(), piece_bytes), whole);
    }
}
