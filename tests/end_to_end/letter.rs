//! An email with everything that is easily spoilt on the way, and how it looks when it was not.

use std::path::PathBuf;

use postrider_tests::peers::ParsedMessage;

use crate::house::House;

const FROM: &str = "Die Post – Nachrichten <news@example.test>";
const FILENAME: &str = "Übersicht – März №1.bin";
const SUBJECT: &str = "Grüße an {{ name }}: etwas, das so lang ist, dass es gefaltet werden muss";

/// The email: dots at the start of lines, non-ASCII text, endless lines, and every octet attached.
pub(crate) struct Letter {
    html: String,
    text: String,
    attachment: Vec<u8>,
    html_path: PathBuf,
    text_path: PathBuf,
    attachment_path: PathBuf,
}

impl Letter {
    /// Writes its files; the attachment has about so many bytes.
    pub(crate) fn in_house(house: &House, attachment_bytes: u32) -> Self {
        let long = "wörter ohne Ende ".repeat(120);
        let html = format!(
            "<p>Grüße, {{{{ name }}}}!</p>\n.\n..punkte vorn\n<p>{long}</p>\r\n\
             <a href=\"https://example.test/?a=1&amp;b=2\">=3D =\n</a> \n"
        );
        let endless = "x".repeat(2_500);
        let text = format!(
            "Grüße, {{{{ name }}}}!\n.\n.beginnt mit einem Punkt\n..zwei\nFrom hier\n\n\
             ein Blank am Ende \nein Tabulator\t\n{endless}\n= 日本語 🚚\n-- \nDie Post\n\n"
        );
        // Every octet, line ends of all kinds, dots, and something long without any.
        let mut attachment: Vec<u8> = (0..=255).collect();
        attachment.extend_from_slice(b"\r\n.\r\n\n.\n\r\r\n..\0");
        attachment
            .extend((0..attachment_bytes).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]));
        Self {
            html_path: house.write("body.html", &html),
            text_path: house.write("body.txt", &text),
            attachment_path: house.write(FILENAME, &attachment),
            html,
            text,
            attachment,
        }
    }

    /// A command with this email as flags.
    pub(crate) fn words(&self, command: &[&str]) -> Vec<String> {
        let path = |path: &PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        let (html, text) = (path(&self.html_path), path(&self.text_path));
        let attachment = path(&self.attachment_path);
        let flags = [
            ["--from", FROM],
            ["--reply-to", "answers@example.test"],
            ["--subject", SUBJECT],
            ["--html", &html],
            ["--text", &text],
            ["--attach", &attachment],
            ["--header", "X-Origin: Straße {{ name }}"],
            [
                "--header",
                "List-Unsubscribe: <https://example.test/u?r={{ email|urlencode }}>",
            ],
        ];
        let words = command.iter().copied().chain(flags.into_iter().flatten());
        words.map(str::to_owned).collect()
    }

    /// Compares what arrived at somebody with what was written; only line ends may differ.
    #[track_caller]
    pub(crate) fn assert_arrived(&self, parsed: &ParsedMessage, to: &str, name: &str) {
        assert_eq!(parsed.defects, [""; 0]);
        let subject = SUBJECT.replace("{{ name }}", name);
        assert_eq!(parsed.header("Subject"), Some(subject.as_str()));
        assert_eq!(parsed.header("From"), Some(FROM));
        assert_eq!(parsed.header("To"), Some(to));
        assert_eq!(parsed.header("Reply-To"), Some("answers@example.test"));
        let origin = format!("Straße {name}");
        assert_eq!(parsed.header("X-Origin"), Some(origin.as_str()));
        let unsubscribe = format!("<https://example.test/u?r={}>", to.replace('@', "%40"));
        let found = parsed.header("List-Unsubscribe");
        assert_eq!(found, Some(unsubscribe.as_str()));
        assert_eq!(
            parsed.structure,
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/octet-stream"
            ]
        );
        self.assert_body(parsed, "text/plain", &self.text.replace("{{ name }}", name));
        let name_in_html = name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let html = self.html.replace("{{ name }}", &name_in_html);
        self.assert_body(parsed, "text/html", &html);
        let attachment = parsed.part("application/octet-stream").expect("the file");
        assert_eq!(attachment.filename.as_deref(), Some(FILENAME));
        assert_eq!(attachment.disposition.as_deref(), Some("attachment"));
        assert!(
            attachment.content == self.attachment,
            "the file came through"
        );
    }

    fn assert_body(&self, parsed: &ParsedMessage, content_type: &str, expected: &str) {
        let part = parsed.part(content_type).expect("the body is there");
        assert_eq!(part.charset.as_deref(), Some("utf-8"));
        let found = String::from_utf8(part.content.clone()).expect("UTF-8");
        assert_eq!(with_lf(&found), with_lf(expected), "{content_type}");
    }
}

/// Lines end in CR LF and are at most 998 octets long (RFC 5322 §2.1.1); nothing is above ASCII.
#[track_caller]
pub(crate) fn assert_canonical(data: &[u8]) {
    let text = std::str::from_utf8(data).expect("a message in ASCII");
    assert!(text.is_ascii());
    assert!(text.ends_with("\r\n"));
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
        assert!(line.len() <= 998, "{} octets: {line:?}", line.len());
    }
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}
