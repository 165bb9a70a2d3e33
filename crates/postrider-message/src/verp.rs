//! Return paths that say which delivery a bounce belongs to (VERP).
//!
//! The reverse path of each message is an address of its own: a configured one with a *token* in
//! its local part. The token is campaign and recipient number under a MAC, so that a bounce can be
//! booked without trusting its sender, and backscatter is told apart from bounces. Its alphabet is
//! base32 in lower case, because some servers fold the case of local parts on the way back.
//!
//! A token holds no address and no secret. It is the same at every attempt.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use encodify::base32;
use postrider_types::bounds::LOCAL_PART_BYTES_MAX;
use postrider_types::{Address, CampaignId, RecipientId};

use crate::MessageKey;

/// What stands for the token in the setting.
const PLACE: &str = "{token}";

/// Parts this use of the key from any other.
const CONTEXT: &[u8] = b"postrider return path 1\0";

/// The first byte of a token: its form. Another form is another number.
const FORM: u8 = 1;

/// Longest reverse path in octets, without its angle brackets (RFC 5321 §4.5.3.1.3).
const PATH_BYTES_MAX: usize = 254;

/// Form, campaign and recipient.
const CLAIM_BYTES: usize = 1 + 4 + 4;

/// Bytes of the MAC that are kept: 128 bits.
const MAC_BYTES: usize = 16;

/// Characters of a token. 25 bytes are 40 characters of base32 exactly, so that no two texts
/// decode to one token.
pub const TOKEN_BYTES: usize = (CLAIM_BYTES + MAC_BYTES) * 8 / 5;

const _: () = assert!(
    (CLAIM_BYTES + MAC_BYTES).is_multiple_of(5),
    "base32 takes five bytes at a time"
);

/// Where bounces go: an address with `{token}` in its local part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath {
    before: String,
    /// From the token on, with the `@` and the domain.
    behind: String,
}

/// A text that is not a return path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an address with {PLACE} in its local part, which then has at most \
     {LOCAL_PART_BYTES_MAX} octets, and {PATH_BYTES_MAX} with its domain: \
     bounce+{PLACE}@bounces.example.test"
)]
pub struct ReturnPathError;

impl ReturnPath {
    /// The address to which bounces of one delivery go.
    pub fn of(&self, key: &MessageKey, campaign: CampaignId, recipient: RecipientId) -> Address {
        let token = encode(key, campaign, recipient);
        let text = format!("{}{token}{}", self.before, self.behind);
        text.parse().expect("every token makes a valid address")
    }

    /// The token in an address that may have been made by [`ReturnPath::of`]; whether it was, only
    /// [`decode`] knows.
    pub fn token_in<'a>(&self, address: &'a Address) -> Option<&'a str> {
        let is_at = |part: Option<&str>, expect: &str| {
            part.is_some_and(|part| part.eq_ignore_ascii_case(expect))
        };
        let text = address.as_str();
        let start = self.before.len();
        let end = text.len().checked_sub(self.behind.len())?;
        (is_at(text.get(..start), &self.before) && is_at(text.get(end..), &self.behind))
            .then(|| text.get(start..end))
            .flatten()
    }
}

impl FromStr for ReturnPath {
    type Err = ReturnPathError;

    fn from_str(text: &str) -> Result<Self, ReturnPathError> {
        let (before, behind) = text.split_once(PLACE).ok_or(ReturnPathError)?;
        let sample = format!("{before}{}{behind}", "a".repeat(TOKEN_BYTES));
        let sample: Address = sample.parse().map_err(|_| ReturnPathError)?;
        // A quoted local part, or one in Unicode, would not come back from every server.
        let is_once = !behind.contains(PLACE);
        let is_plain = sample.as_str().is_ascii() && !sample.as_str().contains('"');
        let is_local = sample.local_part().len() >= before.len() + TOKEN_BYTES;
        let is_path = sample.as_str().len() <= PATH_BYTES_MAX;
        if !is_once || !is_plain || !is_local || !is_path {
            return Err(ReturnPathError);
        }
        Ok(Self {
            before: before.trim_start().to_owned(),
            behind: sample.as_str()[before.trim_start().len() + TOKEN_BYTES..].to_owned(),
        })
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACE}{}", self.before, self.behind)
    }
}

/// The token of one delivery: [`TOKEN_BYTES`] letters and digits.
pub fn encode(key: &MessageKey, campaign: CampaignId, recipient: RecipientId) -> String {
    let mut bytes = [0; CLAIM_BYTES + MAC_BYTES];
    let (claim, mac) = bytes.split_at_mut(CLAIM_BYTES);
    claim[0] = FORM;
    claim[1..5].copy_from_slice(&campaign.0.to_be_bytes());
    claim[5..].copy_from_slice(&recipient.0.to_be_bytes());
    mac.copy_from_slice(&mac_of(key, claim));
    let mut token = base32::STANDARD_NO_PAD.encode(bytes);
    token.make_ascii_lowercase();
    token
}

/// The delivery that a token stands for, in whichever case it came back. `None` for everything
/// that [`encode`] did not make with this key; how long that takes says nothing of the MAC.
pub fn decode(key: &MessageKey, token: &str) -> Option<(CampaignId, RecipientId)> {
    if token.len() != TOKEN_BYTES {
        return None;
    }
    let bytes = base32::STANDARD_NO_PAD
        .decode(token.to_ascii_uppercase())
        .ok()?;
    let (claim, mac) = bytes.split_at_checked(CLAIM_BYTES)?;
    verify_slices_are_equal(mac, &mac_of(key, claim)).ok()?;
    let [FORM, numbers @ ..] = claim else {
        return None;
    };
    let (campaign, recipient) = numbers.split_at_checked(4)?;
    Some((
        CampaignId(u32::from_be_bytes(campaign.try_into().ok()?)),
        RecipientId(u32::from_be_bytes(recipient.try_into().ok()?)),
    ))
}

fn mac_of(key: &MessageKey, claim: &[u8]) -> [u8; MAC_BYTES] {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    hasher.update(CONTEXT);
    hasher.update(claim);
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(&hasher.finalize().as_bytes()[..MAC_BYTES]);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: MessageKey = MessageKey([7; 32]);

    fn token() -> String {
        encode(&KEY, CampaignId(7), RecipientId(99_999))
    }

    fn check_refused(text: &str) {
        assert_eq!(text.parse::<ReturnPath>(), Err(ReturnPathError), "{text:?}");
    }

    #[test]
    fn a_token_stays_what_it_was_in_earlier_versions() {
        assert_eq!(token(), "aeaaaaahaaaynhyrbndifuq575wiixrcrz5fvgzu");
    }

    #[test]
    fn a_token_comes_back_in_any_case() {
        let expect = Some((CampaignId(7), RecipientId(99_999)));
        assert_eq!(decode(&KEY, &token()), expect);
        assert_eq!(decode(&KEY, &token().to_uppercase()), expect);
    }

    #[test]
    fn what_was_not_made_with_this_key_is_nothing() {
        assert_eq!(decode(&MessageKey([8; 32]), &token()), None);
        assert_eq!(decode(&KEY, ""), None);
        assert_eq!(decode(&KEY, &token()[1..]), None);
        assert_eq!(decode(&KEY, &format!("{}a", token())), None);
        assert_eq!(decode(&KEY, &"é".repeat(TOKEN_BYTES / 2)), None);
        assert_eq!(decode(&KEY, &"1".repeat(TOKEN_BYTES)), None);
    }

    #[test]
    fn a_token_with_one_character_changed_is_nothing() {
        let token = token();
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(decode(&KEY, &forged), None, "{forged}");
        }
    }

    #[test]
    fn every_delivery_has_an_address_of_its_own_and_finds_back() {
        let path: ReturnPath = "bounce+{token}@Bounces.Example.test".parse().unwrap();
        assert_eq!(path.to_string(), "bounce+{token}@bounces.example.test");
        let address = path.of(&KEY, CampaignId(1), RecipientId(2));
        assert!(address.local_part().len() <= 64);
        assert_ne!(address, path.of(&KEY, CampaignId(1), RecipientId(3)));
        assert_ne!(address, path.of(&KEY, CampaignId(2), RecipientId(2)));
        let back: Address = address.as_str().to_uppercase().parse().unwrap();
        let token = path.token_in(&back).unwrap();
        assert_eq!(decode(&KEY, token), Some((CampaignId(1), RecipientId(2))));
        let other = "bounce@bounces.example.test".parse().unwrap();
        assert_eq!(path.token_in(&other), None);
    }

    #[test]
    fn a_return_path_is_an_address_with_one_place_for_the_token() {
        for good in [
            "{token}@b.test",
            "b-{token}-x@b.test",
            &format!("{}{{token}}@b.test", "a".repeat(24)),
        ] {
            assert_eq!(good.parse::<ReturnPath>().unwrap().to_string(), good);
        }
        check_refused("");
        check_refused("bounce@b.test");
        check_refused("bounce@{token}.test");
        check_refused("{token}");
        check_refused("{token}{token}@b.test");
        check_refused("\"a {token}\"@b.test");
        check_refused("ü{token}@b.test");
        check_refused("b {token}@b.test");
        check_refused("b\r\n{token}@b.test");
        check_refused("{token}@b.test\r\nRSET");
        check_refused(&format!("{}{{token}}@b.test", "a".repeat(25)));
        let domain =
            |letters: usize| format!("{{token}}@{}{}.test", "ab.".repeat(50), "c".repeat(letters));
        assert!(domain(58).parse::<ReturnPath>().is_ok());
        check_refused(&domain(59));
    }

    proptest! {
        #[test]
        fn every_number_comes_back(campaign: u32, recipient: u32) {
            let token = encode(&KEY, CampaignId(campaign), RecipientId(recipient));
            prop_assert_eq!(token.len(), TOKEN_BYTES);
            let expect = Some((CampaignId(campaign), RecipientId(recipient)));
            prop_assert_eq!(decode(&KEY, &token), expect);
        }

        #[test]
        fn garbage_is_nothing(token in "\\PC{0,50}") {
            prop_assert_eq!(decode(&KEY, &token), None);
        }
    }
}
