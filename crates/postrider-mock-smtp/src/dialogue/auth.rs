//! Logging in: PLAIN (RFC 4616), LOGIN and XOAUTH2 as exchanges of lines (RFC 4954).
//!
//! Pure: the one user that the profile knows comes in as an argument. **No secret is kept longer
//! than a comparison needs it, printed or logged.** A response is refused in full after the whole
//! exchange, so that nobody learns which part of it was wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::dialogue::reply::{self, Reply};
use crate::profile::{Auth, Mechanism};

/// Where an exchange stands after a line of the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// `334` with this text; the client's next line belongs to the exchange.
    Ask(Exchange, Reply),
    /// The client is who it says.
    Accepted,
    /// It is over, and nobody is logged in.
    Refused(Reply),
}

/// An exchange that waits for the client's next line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    Plain,
    LoginUser,
    LoginPassword {
        is_user_known: bool,
    },
    Xoauth2,
    /// The token was wrong, the client has been told why, and owes an empty line.
    Xoauth2Failed,
}

/// Begins with the AUTH command itself.
pub(crate) fn begin(auth: &Auth, mechanism: &str, initial: Option<&str>) -> Turn {
    let mut known = auth.mechanisms.iter();
    let Some(mechanism) = known.find(|known| known.name().eq_ignore_ascii_case(mechanism)) else {
        return Turn::Refused(reply::AUTH_UNKNOWN);
    };
    let (exchange, question) = match mechanism {
        Mechanism::Plain => (Exchange::Plain, ""),
        Mechanism::Login => (Exchange::LoginUser, "Username:"),
        Mechanism::Xoauth2 => (Exchange::Xoauth2, ""),
    };
    match initial {
        None => ask(exchange, question),
        // A lone "=" is an initial response of no bytes (RFC 4954 §4).
        Some("=") => exchange.take(auth, b""),
        Some(encoded) => exchange.respond(auth, encoded),
    }
}

impl Exchange {
    /// Goes on with a line of the client, without its CR LF.
    pub(crate) fn respond(self, auth: &Auth, line: &str) -> Turn {
        if line == "*" {
            return Turn::Refused(reply::AUTH_CANCELLED);
        }
        match STANDARD.decode(line) {
            Ok(response) => self.take(auth, &response),
            Err(_) => Turn::Refused(reply::AUTH_BAD_BASE64),
        }
    }

    fn take(self, auth: &Auth, response: &[u8]) -> Turn {
        match self {
            Self::Plain => verdict(is_plain_right(auth, response)),
            Self::LoginUser => {
                let is_user_known = response == auth.user.as_bytes();
                ask(Self::LoginPassword { is_user_known }, "Password:")
            }
            Self::LoginPassword { is_user_known } => {
                verdict(is_user_known && is_secret(auth.password.as_ref(), response))
            }
            Self::Xoauth2 if is_token_right(auth, response) => Turn::Accepted,
            Self::Xoauth2 => {
                let why = r#"{"status":"401","schemes":"bearer","scope":"https://mail.test/"}"#;
                ask(Self::Xoauth2Failed, why)
            }
            Self::Xoauth2Failed => verdict(false),
        }
    }
}

fn ask(exchange: Exchange, question: &str) -> Turn {
    Turn::Ask(exchange, Reply::of(334, "", STANDARD.encode(question)))
}

fn verdict(is_right: bool) -> Turn {
    if is_right {
        Turn::Accepted
    } else {
        Turn::Refused(reply::AUTH_FAILED)
    }
}

fn is_secret(secret: Option<&String>, given: &[u8]) -> bool {
    secret.is_some_and(|secret| secret.as_bytes() == given)
}

/// Whom to act for (nobody, or the user), NUL, the user, NUL, the password.
fn is_plain_right(auth: &Auth, response: &[u8]) -> bool {
    let mut parts = response.split(|byte| *byte == 0);
    let (Some(acts_for), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_user = |given: &[u8]| given == auth.user.as_bytes();
    (acts_for.is_empty() || is_user(acts_for))
        && is_user(user)
        && is_secret(auth.password.as_ref(), password)
}

/// `user=` and `auth=Bearer`, each ended by an octet of one, and one more at the end.
fn is_token_right(auth: &Auth, response: &[u8]) -> bool {
    let Some(token) = &auth.token else {
        return false;
    };
    let expected = format!("user={}\x01auth=Bearer {token}\x01\x01", auth.user);
    response == expected.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Auth {
        Auth {
            is_required: false,
            is_only_after_tls: false,
            mechanisms: Mechanism::all(),
            user: "ada".to_owned(),
            password: Some("pa55".to_owned()),
            token: Some("tok3n".to_owned()),
        }
    }

    /// The whole exchange: the questions in clear, and how it ended (0 for accepted, or the code).
    fn exchange(mechanism: &str, initial: Option<&str>, lines: &[&str]) -> (Vec<String>, u16) {
        let encode = |text: &&str| match *text {
            "*" | "=" | "?" => (*text).to_owned(),
            text => STANDARD.encode(text),
        };
        let mut turn = begin(&ada(), mechanism, initial.as_ref().map(encode).as_deref());
        let (mut asked, mut lines) = (Vec::new(), lines.iter());
        loop {
            match turn {
                Turn::Accepted => return (asked, 0),
                Turn::Refused(reply) => return (asked, reply.code),
                Turn::Ask(exchange, reply) => {
                    let question = STANDARD.decode(&*reply.text).unwrap();
                    asked.push(String::from_utf8(question).unwrap());
                    let line = lines.next().expect("a question more than expected");
                    turn = exchange.respond(&ada(), &encode(line));
                }
            }
        }
    }

    #[test]
    fn plain_takes_an_initial_response_or_asks_for_it() {
        assert_eq!(exchange("plain", Some("\0ada\0pa55"), &[]), (vec![], 0));
        assert_eq!(
            exchange("PLAIN", None, &["ada\0ada\0pa55"]),
            (vec![String::new()], 0)
        );
        for wrong in [
            "\0ada\0pass",
            "\0bob\0pa55",
            "bob\0ada\0pa55",
            "ada\0pa55",
            "\0ada\0pa55\0",
        ] {
            assert_eq!(exchange("PLAIN", Some(wrong), &[]).1, 535, "{wrong:?}");
        }
        assert_eq!(exchange("PLAIN", Some("="), &[]).1, 535);
    }

    #[test]
    fn login_asks_for_the_user_and_the_password() {
        let asked = vec!["Username:".to_owned(), "Password:".to_owned()];
        assert_eq!(
            exchange("LOGIN", None, &["ada", "pa55"]),
            (asked.clone(), 0)
        );
        assert_eq!(exchange("LOGIN", None, &["bob", "pa55"]), (asked, 535));
        assert_eq!(exchange("LOGIN", Some("ada"), &["pa55"]).1, 0);
        assert_eq!(exchange("LOGIN", Some("ada"), &["pass"]).1, 535);
    }

    #[test]
    fn xoauth2_tells_why_a_token_is_wrong_and_waits_for_an_empty_line() {
        let right = "user=ada\x01auth=Bearer tok3n\x01\x01";
        assert_eq!(exchange("XOAUTH2", Some(right), &[]).1, 0);
        assert_eq!(exchange("XOAUTH2", None, &[right]).1, 0);
        let (asked, code) = exchange("XOAUTH2", Some("user=ada\x01auth=Bearer x\x01\x01"), &[""]);
        assert!(asked[0].contains("401"), "{asked:?}");
        assert_eq!(code, 535);
    }

    #[test]
    fn an_exchange_may_be_cancelled_and_must_be_base64() {
        assert_eq!(exchange("LOGIN", None, &["ada", "*"]).1, 501);
        assert_eq!(exchange("PLAIN", None, &["*"]).1, 501);
        assert_eq!(exchange("PLAIN", None, &["?"]).1, 501);
        assert_eq!(exchange("CRAM-MD5", None, &[]).1, 504);
    }

    #[test]
    fn without_a_secret_in_the_profile_nobody_gets_in() {
        let auth = Auth {
            password: None,
            token: None,
            ..ada()
        };
        let empty = STANDARD.encode("\0ada\0");
        assert_eq!(
            begin(&auth, "PLAIN", Some(&empty)),
            Turn::Refused(reply::AUTH_FAILED)
        );
    }
}
