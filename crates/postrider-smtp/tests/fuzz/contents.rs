//! Any message: refused when it is not canonical, and the same octets at the server when it is.

use bytes::Bytes;
use postrider_smtp::Content;
use proptest::prelude::*;

/// A canonical content, cut into segments anywhere.
pub(crate) fn any_content() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop_oneof![
        4 => "[ -~]{0,40}",
        2 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => "\\.[a-z.]{0,4}",
        1 => Just(String::new()),
        1 => Just("MAIL FROM:<evil@example.test>".to_owned()),
        1 => Just("RSET".to_owned()),
        1 => "[a-zü]{1,10}",
        1 => "[a-z]{998}",
    ];
    let lines = prop::collection::vec(line, 1..8);
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..5);
    (lines, cuts).prop_map(|(lines, cuts)| {
        let bytes = (lines.join("\r\n") + "\r\n").into_bytes();
        pieces(&bytes, &cuts)
    })
}

/// The octets cut at these places; pieces may be empty.
fn pieces(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let pairs = cuts.windows(2);
    pairs.map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

/// What canonical means, in so many words (RFC 5321 §2.3.8, §4.5.3.1.6).
fn is_canonical(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\r\n") else {
        return false;
    };
    let text: Vec<char> = lines.iter().map(|byte| char::from(*byte)).collect();
    let text: String = text.into_iter().collect();
    text.split("\r\n")
        .all(|line| line.chars().count() <= 998 && !line.contains(['\r', '\n', '\0']))
}

proptest! {
    #[test]
    fn a_content_is_taken_if_and_only_if_it_is_canonical(
        bytes in prop::collection::vec(
            prop_oneof![
                3 => Just(b'\r'),
                3 => Just(b'\n'),
                2 => Just(b'.'),
                4 => Just(b'a'),
                1 => any::<u8>(),
            ],
            0..24,
        ),
        is_ended: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let mut bytes = bytes;
        if is_ended {
            bytes.extend(b"\r\n");
        }
        let segments = pieces(&bytes, &cuts).into_iter().map(Bytes::from).collect();
        prop_assert_eq!(Content::new(segments).is_ok(), is_canonical(&bytes), "{:?}", bytes);
    }

    #[test]
    fn a_line_is_as_long_as_it_may_be_wherever_it_is_cut(
        length in 990_usize..1_006,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let bytes = format!("a\r\n{}\r\n", "b".repeat(length)).into_bytes();
        let segments = pieces(&bytes, &cuts).into_iter().map(Bytes::from).collect();
        prop_assert_eq!(Content::new(segments).is_ok(), length <= 998);
    }
}
