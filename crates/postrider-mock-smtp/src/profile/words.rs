//! What a profile lets the mock say: replies in a profile's own words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dialogue::reply::Reply;
use crate::error::MockError;
use crate::world::treatment::{Act, Treatment};

/// A reply that refuses, written `550 5.1.1 no such user`: a code from 400 to 599, perhaps an
/// enhanced code, and words. After 421 the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(Reply);

/// How a client is refused: with words, or by a connection that is closed without any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Refusal {
    /// With a reply.
    Say(Words),
    /// With a FIN; written `close`.
    Close,
}

impl Words {
    /// The digits.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    pub(crate) fn reply(&self) -> Reply {
        self.0.clone()
    }
}

impl Refusal {
    /// What is done to the client.
    pub(crate) fn treatment(&self) -> Treatment {
        match self {
            Self::Say(words) => Treatment::refuse(words.reply()),
            Self::Close => Treatment::now(Act::Close),
        }
    }

    /// The same for a refusal that a profile may leave out.
    pub(crate) fn or(given: Option<&Self>, reply: Reply) -> Treatment {
        given.map_or_else(|| Treatment::refuse(reply), Self::treatment)
    }
}

impl FromStr for Words {
    type Err = MockError;

    fn from_str(text: &str) -> Result<Self, MockError> {
        let reply = text.parse::<Reply>().ok();
        let reply =
            reply.filter(|reply| (400..600).contains(&reply.code) && !reply.text.is_empty());
        reply.map(Self).ok_or_else(|| MockError::Value {
            text: text.to_owned(),
            expected: "a reply that refuses in one line, as in \"550 5.1.1 no such user\"; write a \
                       code from 400 to 599 and what is to be said",
        })
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Words {
    type Error = MockError;

    fn try_from(text: String) -> Result<Self, MockError> {
        text.parse()
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.to_string()
    }
}

impl TryFrom<String> for Refusal {
    type Error = MockError;

    fn try_from(text: String) -> Result<Self, MockError> {
        match text.as_str() {
            "close" => Ok(Self::Close),
            words => words.parse().map(Self::Say),
        }
    }
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Say(words) => words.to_string(),
            Refusal::Close => "close".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_refuse_and_print_as_they_were_written() {
        for text in [
            "550 5.1.1 no such user",
            "421 4.7.0 [TSS04] deferred",
            "450 later",
        ] {
            assert_eq!(text.parse::<Words>().unwrap().to_string(), text);
        }
        for text in [
            "250 2.0.0 Ok",
            "354 go",
            "550",
            "550 ",
            "550 5.1.1",
            "no",
            "600 x",
        ] {
            assert!(text.parse::<Words>().is_err(), "{text:?} refuses nobody");
        }
    }

    #[test]
    fn a_421_closes_and_another_reply_does_not() {
        let act = |text: &str| Refusal::try_from(text.to_owned()).unwrap().treatment().act;
        assert!(matches!(act("421 4.7.0 no"), Act::SayAndClose(_)));
        assert!(matches!(act("451 4.7.0 no"), Act::Say(_)));
        assert_eq!(act("close"), Act::Close);
    }
}
