//! The email of a campaign: text, HTML and an attachment of a given size, and how it is known
//! again at the receiver.
//!
//! All of it is ASCII in short lines, so that it travels as it is and the mark of a recipient
//! stands in the message byte for byte. Then the content of everybody's message is the sample's
//! with another mark in it, and its hash can be said beforehand without rendering anything.

use mail_parser::{MessageParser, MimeHeaders};
use postrider_api::{NewAttachment, NewEmail};
use twox_hash::XxHash3_64;

use crate::plan::audience::MARK_BYTES;

/// The place of a mark in a template.
const VARIABLE: &str = "{{ mark }}";

/// A line of filler, as it stands in a newsletter.
const FILLER: &str = "The postman came by, left a letter or two, and wished us a very good day.";

/// The name of the attachment.
const FILE_NAME: &str = "programme.bin";

/// The email of one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadEmail {
    /// What is put.
    pub email: NewEmail,
    /// What travels with it.
    pub attachments: Vec<NewAttachment>,
}

impl LoadEmail {
    /// The email of campaign `number` with about `body_bytes` of text and HTML (never less than
    /// two short lines each) and exactly `attachment_bytes` of attachment.
    pub fn new(number: u32, body_bytes: usize, attachment_bytes: usize) -> Self {
        let text_bytes = body_bytes / 3;
        let text = filled(
            format!("Letter {number} for {VARIABLE}\n"),
            text_bytes,
            |line| format!("{line}\n"),
        );
        let html = filled(
            format!("<!doctype html>\n<h1>Letter {number}</h1>\n<p>For {VARIABLE}</p>\n"),
            body_bytes - text_bytes,
            |line| format!("<p>{}</p>\n", &line[..line.len().min(60)]),
        );
        let email = NewEmail {
            from: "News <news@load.test>".to_owned(),
            subject: format!("Letter {number}"),
            html: Some(html),
            text: Some(text),
            ..NewEmail::default()
        };
        let attachments = match attachment_bytes {
            0 => Vec::new(),
            bytes => vec![NewAttachment {
                filename: FILE_NAME.to_owned(),
                content_type: "application/octet-stream".to_owned(),
                content: noise(u64::from(number), bytes).into(),
            }],
        };
        Self { email, attachments }
    }

    /// Looks whether a whole message holds what was put, with this mark in it.
    ///
    /// # Errors
    /// A sentence for each part that is not what was put.
    pub fn check(&self, message: &[u8], mark: &[u8]) -> Result<(), Vec<String>> {
        let Some(parsed) = MessageParser::default().parse(message) else {
            return Err(vec!["the message cannot be parsed".to_owned()]);
        };
        let mark = String::from_utf8_lossy(mark);
        let mut complaints = Vec::new();
        let mut compare = |what: &str, put: Option<&String>, got: Option<&str>| {
            let put = put.map(|put| put.replace(VARIABLE, &mark));
            let got = got.map(|got| got.replace("\r\n", "\n"));
            if put.as_deref().map(str::trim_end) != got.as_deref().map(str::trim_end) {
                complaints.push(format!("the {what} is not what was put"));
            }
        };
        compare(
            "text",
            self.email.text.as_ref(),
            parsed.body_text(0).as_deref(),
        );
        compare(
            "HTML",
            self.email.html.as_ref(),
            parsed.body_html(0).as_deref(),
        );
        let got: Vec<_> = parsed.attachments().collect();
        if got.len() != self.attachments.len() {
            let (put, got) = (self.attachments.len(), got.len());
            complaints.push(format!("{put} attachments were put, {got} came"));
        }
        for (put, got) in self.attachments.iter().zip(got) {
            let is_same = got.contents() == put.content.as_ref()
                && got.attachment_name() == Some(put.filename.as_str());
            if !is_same {
                complaints.push("the attachment is not what was put".to_owned());
            }
        }
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints)
        }
    }
}

/// The content of a campaign's messages: one of them, and where the mark stands in it.
#[derive(Debug, Clone)]
pub struct Content {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Content {
    /// What follows the header section of a whole message, in which `mark` stands.
    ///
    /// # Errors
    /// A sentence, when there is no end of the header section, or no mark.
    pub fn of(message: &[u8], mark: &[u8; MARK_BYTES]) -> Result<Self, String> {
        const BLANK: &[u8] = b"\r\n\r\n";
        let end = message.windows(BLANK.len()).position(|at| at == BLANK);
        let Some(end) = end else {
            return Err("the sample has no end of its header section".to_owned());
        };
        let bytes = message[end + BLANK.len()..].to_vec();
        let windows = bytes.windows(MARK_BYTES).enumerate();
        let places: Vec<_> = windows
            .filter(|(_, at)| at == mark)
            .map(|(place, _)| place)
            .collect();
        if places.is_empty() {
            return Err("the mark of its recipient is not in the sample".to_owned());
        }
        Ok(Self { bytes, places })
    }

    /// How many bytes it has.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// XXH3-64 of the content for the recipient with this mark, as 16 hexadecimal digits.
    pub fn hash_for(&mut self, mark: &[u8; MARK_BYTES]) -> String {
        for place in &self.places {
            self.bytes[*place..place + MARK_BYTES].copy_from_slice(mark);
        }
        format!("{:016x}", XxHash3_64::oneshot(&self.bytes))
    }
}

/// Lines of filler behind a beginning, until there are so many bytes.
fn filled(beginning: String, bytes: usize, line: impl Fn(&str) -> String) -> String {
    let mut text = beginning;
    text.reserve(bytes);
    let mut number = 0;
    while text.len() < bytes {
        // Each line begins elsewhere, so that they differ.
        let from = number * 7 % (FILLER.len() / 2);
        let left = (bytes - text.len()).clamp(12, FILLER.len() - from);
        text.push_str(&line(&FILLER[from..from + left]));
        number += 1;
    }
    text
}

/// Bytes that look like a compressed file.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let blocks = (0_u64..).map(|number| XxHash3_64::oneshot_with_seed(seed, &number.to_le_bytes()));
    let mut noise: Vec<u8> = blocks
        .take(bytes.div_ceil(8))
        .flat_map(u64::to_le_bytes)
        .collect();
    noise.truncate(bytes);
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &[u8; MARK_BYTES] = b"0123456789abcdef";
    const BOB: &[u8; MARK_BYTES] = b"fedcba9876543210";

    /// The email as somebody else would send it.
    fn message(email: &LoadEmail, mark: &[u8]) -> Vec<u8> {
        let mark = std::str::from_utf8(mark).unwrap();
        let fill = |text: &Option<String>| {
            let text = text.as_ref().unwrap().replace(VARIABLE, mark);
            text.replace('\n', "\r\n")
        };
        let (text, html) = (fill(&email.email.text), fill(&email.email.html));
        format!(
            "Subject: x\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/alternative; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\
             --b\r\nContent-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn an_email_has_the_size_that_was_asked_for_in_short_lines() {
        for bytes in [500, 2_048, 10_000, 1_000_000] {
            let email = LoadEmail::new(1, bytes, 0).email;
            let (text, html) = (email.text.unwrap(), email.html.unwrap());
            let got = text.len() + html.len();
            assert!(got.abs_diff(bytes) < 200, "{got} of {bytes}");
            for line in text.lines().chain(html.lines()) {
                assert!(line.len() <= 76 && line.is_ascii(), "{line}");
            }
        }
    }

    #[test]
    fn an_attachment_has_exactly_the_size_that_was_asked_for() {
        let email = LoadEmail::new(1, 1_000, 12_345);
        assert_eq!(email.attachments[0].content.len(), 12_345);
        assert!(LoadEmail::new(1, 1_000, 0).attachments.is_empty());
    }

    #[test]
    fn campaigns_have_emails_of_their_own() {
        assert_ne!(LoadEmail::new(1, 100, 10), LoadEmail::new(2, 100, 10));
        assert_eq!(LoadEmail::new(1, 100, 10), LoadEmail::new(1, 100, 10));
    }

    #[test]
    fn what_was_put_is_known_again_and_anything_else_is_not() {
        let email = LoadEmail::new(1, 3_000, 0);
        assert_eq!(email.check(&message(&email, ADA), ADA), Ok(()));
        let of_bob = email.check(&message(&email, BOB), ADA);
        assert_eq!(of_bob.unwrap_err().len(), 2);
        let mut damaged = message(&email, ADA);
        let at = damaged.len() / 2;
        damaged[at] ^= 1;
        assert!(email.check(&damaged, ADA).is_err());
        assert!(LoadEmail::new(1, 3_000, 9).check(&damaged, ADA).is_err());
    }

    #[test]
    fn everybodys_hash_follows_from_one_sample() {
        let email = LoadEmail::new(1, 3_000, 0);
        let mut content = Content::of(&message(&email, ADA), ADA).unwrap();
        let mut of_bob = Content::of(&message(&email, BOB), BOB).unwrap();
        assert_eq!(content.hash_for(BOB), of_bob.hash_for(BOB));
        assert_eq!(content.hash_for(ADA), of_bob.hash_for(ADA));
        assert_ne!(content.hash_for(ADA), content.hash_for(BOB));
    }

    #[test]
    fn a_sample_without_the_mark_is_refused() {
        let email = LoadEmail::new(1, 3_000, 0);
        assert!(Content::of(&message(&email, ADA), BOB).is_err());
        assert!(Content::of(b"Subject: x\r\n", ADA).is_err());
    }
}
