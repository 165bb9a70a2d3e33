//! What the judge remembers of a content.

use std::num::NonZeroU32;

/// What is kept of a content hash: 31 bits, so that two contents look the same by accident once in
/// two thousand million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) NonZeroU32);

impl Fingerprint {
    /// Of a hash as it is written: 16 hexadecimal digits. None for anything else.
    pub(super) fn of(hash: &str) -> Option<Self> {
        if hash.len() != 16 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let low = u32::from_str_radix(&hash[8..], 16).ok()?;
        NonZeroU32::new(low | 1 << 31).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_differ_as_their_hashes_do_and_a_hash_of_zeros_is_one_too() {
        let of = |hash| Fingerprint::of(hash);
        assert!(of("0000000000000000").is_some());
        assert_eq!(of("00000000ABCDEF01"), of("00000000abcdef01"));
        assert_ne!(of("00000000abcdef01"), of("00000000abcdef02"));
        assert_eq!(of("not a hash at al"), None);
    }
}
