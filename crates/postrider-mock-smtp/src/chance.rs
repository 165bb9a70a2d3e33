//! Hashes: chance that can be repeated, keys of tables, and the hash of a body.
//!
//! XXH3 is used throughout: a tenth of a microsecond for a 2 KB body. It finds accidents, not forgers.

use twox_hash::{XxHash3_64, XxHash3_128};

/// A draw from 0 (inclusive) to 1 (exclusive) that depends on nothing but its arguments.
///
/// `salt` keeps the draws of different questions about one `subject` apart.
pub(crate) fn draw(seed: u64, salt: &str, subject: &str, attempt: u32) -> f64 {
    let parts = [
        salt.as_bytes(),
        &[0],
        subject.as_bytes(),
        &[0],
        &attempt.to_le_bytes(),
    ];
    let bits = with_joined(parts, |text| XxHash3_64::oneshot_with_seed(seed, text)) >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / 4_294_967_296.0
}

/// The seed of the question of that number in a list.
pub(crate) fn question(seed: u64, index: usize) -> u64 {
    // The golden ratio spreads neighbours over all 64 bits.
    seed.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A table key for two texts together: 128 bits, so that two pairs never meet by accident.
pub(crate) fn key(first: &str, second: &str) -> u128 {
    with_joined(
        [first.as_bytes(), &[0], second.as_bytes()],
        XxHash3_128::oneshot,
    )
}

/// Calls `hash` with all parts in one piece; on the stack, if they are as short as addresses are.
fn with_joined<const N: usize, H>(parts: [&[u8]; N], hash: impl FnOnce(&[u8]) -> H) -> H {
    let mut text = [0_u8; 512];
    if parts.iter().map(|part| part.len()).sum::<usize>() > text.len() {
        return hash(&parts.concat());
    }
    let mut length = 0;
    for part in parts {
        text[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    hash(&text[..length])
}

/// The hash of a message as the accept log holds it: XXH3-64 of the unstuffed bytes between DATA
/// and the final dot, as 16 hexadecimal digits.
pub fn body_hash(message: &[u8]) -> String {
    hexadecimal(XxHash3_64::oneshot(message))
}

/// Sixteen digits, lower case.
pub(crate) fn hexadecimal(hash: u64) -> String {
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_gets_the_same_answer() {
        let again = draw(42, "drop", "ada@flaky.test", 1);
        assert_eq!(draw(42, "drop", "ada@flaky.test", 1), again);
        for other in [
            draw(43, "drop", "ada@flaky.test", 1),
            draw(42, "defer", "ada@flaky.test", 1),
            draw(42, "drop", "bob@flaky.test", 1),
            draw(42, "drop", "ada@flaky.test", 2),
        ] {
            assert_ne!(other, again);
        }
    }

    #[test]
    fn draws_are_spread_evenly() {
        let below = (0..10_000)
            .filter(|n| draw(1, "", &n.to_string(), 0) < 0.3)
            .count();
        assert!(
            (2850..3150).contains(&below),
            "{below} of 10,000 draws were below 0.3"
        );
    }

    #[test]
    fn keys_tell_pairs_apart() {
        assert_ne!(key("ab", "c"), key("a", "bc"));
        let long = "x".repeat(600);
        assert_eq!(key(&long, "y"), key(&long, "y"));
        assert_ne!(key(&long, "y"), key(&long, "z"));
    }
}
