//! An email from files and flags.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use postrider_api::{NewAttachment, NewEmail, NewHeader, Unsubscribe};

use crate::exit::{Exit, stop};

/// What an email says, as flags. Subject, bodies and header values are templates.
#[derive(Debug, Clone, Args)]
pub(crate) struct Content {
    /// Who it is from
    #[arg(long, value_name = "MAILBOX")]
    from: String,

    /// Where answers go, when not to --from
    #[arg(long, value_name = "MAILBOX")]
    reply_to: Option<String>,

    /// The subject; {{ name }} is the column `name` of the list
    #[arg(long)]
    subject: String,

    /// The file with the HTML body; variables are escaped in it
    #[arg(long, value_name = "FILE", required_unless_present = "text")]
    html: Option<PathBuf>,

    /// The file with the plain text body
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,

    /// An extra header field; may be given again
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<Header>,

    /// A file that travels with the email; may be given again
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,

    #[command(flatten)]
    list: List,
}

/// What an email says of the list that it goes to.
#[derive(Debug, Clone, Default, Args)]
struct List {
    /// The list, such as 'Weekly news <weekly.news.example.test>'
    #[arg(long, value_name = "LIST")]
    list_id: Option<String>,

    /// The https page on which a recipient leaves the list; a template, and one POST to it must
    /// be enough (RFC 8058)
    #[arg(long, value_name = "URL")]
    unsubscribe_url: Option<String>,

    /// The address to which a recipient writes to leave the list; a template
    #[arg(long, value_name = "ADDRESS")]
    unsubscribe_mailto: Option<String>,

    /// The page asks before it ends a subscription
    #[arg(long, requires = "unsubscribe_url")]
    no_one_click: bool,

    /// Up to three ids and a sender id, as 'october::letters:acme-news'; receivers count
    /// complaints by them
    #[arg(long, value_name = "IDS")]
    feedback_id: Option<String>,
}

impl List {
    fn unsubscribe(&self) -> Option<Unsubscribe> {
        let unsubscribe = Unsubscribe {
            url: self.unsubscribe_url.clone(),
            mailto: self.unsubscribe_mailto.clone(),
            is_one_click: self.no_one_click.then_some(false),
        };
        Some(unsubscribe).filter(|links| links.url.is_some() || links.mailto.is_some())
    }
}

/// A header field from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    value: String,
}

impl Content {
    /// Reads all files.
    pub(crate) fn read(&self) -> anyhow::Result<(NewEmail, Vec<NewAttachment>)> {
        let headers = self.headers.iter().cloned();
        let email = NewEmail {
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            subject: self.subject.clone(),
            html: self.html.as_deref().map(text).transpose()?,
            text: self.text.as_deref().map(text).transpose()?,
            headers: headers
                .map(|Header { name, value }| NewHeader { name, value })
                .collect(),
            list_id: self.list.list_id.clone(),
            unsubscribe: self.list.unsubscribe(),
            feedback_id: self.list.feedback_id.clone(),
        };
        let attachments = self.attachments.iter().map(|path| attachment(path));
        Ok((email, attachments.collect::<anyhow::Result<_>>()?))
    }
}

/// The content of a file that the command line names.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let sentence = || format!("cannot read {}", path.display());
    std::fs::read(path).map_err(|error| stop(Exit::Usage, error.to_string()).context(sentence()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        let path = path.display();
        let sentence = format!("{path} is not UTF-8 in line {line}; save it as UTF-8");
        stop(Exit::Usage, sentence)
    })
}

fn attachment(path: &Path) -> anyhow::Result<NewAttachment> {
    let filename = path.file_name().and_then(|name| name.to_str());
    let filename = filename.with_context(|| format!("{} has no name to show", path.display()))?;
    let content_type = mime_guess::from_path(path).first_or_octet_stream();
    Ok(NewAttachment {
        filename: filename.to_owned(),
        content_type: content_type.essence_str().to_owned(),
        content: Bytes::from(bytes(path)?),
    })
}

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header field is written 'Name: value'")?;
    Ok(Header {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(html: PathBuf, attachments: Vec<PathBuf>) -> Content {
        Content {
            from: "News <news@example.test>".to_owned(),
            reply_to: None,
            subject: "Hi".to_owned(),
            html: Some(html),
            text: None,
            headers: vec![header("X-Issue: 42: the cart").unwrap()],
            attachments,
            list: List::default(),
        }
    }

    #[test]
    fn an_email_is_read_with_all_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (html, pdf) = (folder.path().join("a.html"), folder.path().join("b.pdf"));
        std::fs::write(&html, "<p>Zoë").unwrap();
        std::fs::write(&pdf, [0xFF, 0x00]).unwrap();
        let (email, attachments) = content(html, vec![pdf]).read().unwrap();
        assert_eq!(email.html.as_deref(), Some("<p>Zoë"));
        assert_eq!(email.headers[0].value, "42: the cart");
        assert_eq!(attachments[0].filename, "b.pdf");
        assert_eq!(attachments[0].content_type, "application/pdf");
    }

    #[test]
    fn one_click_is_said_only_when_it_is_forbidden() {
        let mut list = List::default();
        assert_eq!(list.unsubscribe(), None);
        list.unsubscribe_url = Some("https://example.test/leave".to_owned());
        assert_eq!(list.unsubscribe().unwrap().is_one_click, None);
        list.no_one_click = true;
        assert_eq!(list.unsubscribe().unwrap().is_one_click, Some(false));
    }

    #[test]
    fn a_file_that_is_missing_is_named_and_is_the_callers_mistake() {
        let missing = content(PathBuf::from("/nonexistent/a.html"), Vec::new());
        let error = missing.read().unwrap_err();
        assert_eq!(crate::exit::of(&error), Exit::Usage);
        assert!(format!("{error:#}").starts_with("cannot read /nonexistent/a.html: "));
    }

    #[test]
    fn a_body_in_another_encoding_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let html = folder.path().join("latin1.html");
        std::fs::write(&html, b"one\nZo\xEB").unwrap();
        let error = content(html, Vec::new()).read().unwrap_err();
        assert!(error.to_string().contains("not UTF-8 in line 2"), "{error}");
    }

    #[test]
    fn a_header_without_a_colon_is_refused() {
        assert!(header("X-Issue 42").is_err());
    }
}
