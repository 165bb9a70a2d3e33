//! The MIME skeleton of an email: what stands still and where the rendered bodies go.
//!
//! `multipart/alternative` for text and HTML, `multipart/mixed` around it for attachments, and
//! neither where one part is enough. Everything between two rendered bodies is one piece of
//! shared bytes; the attachments, in base64, are in the last one.

use bytes::Bytes;
use encodify::{base32, base64};
use mail_builder::headers::Header as _;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use postrider_types::{Attachment, Email};

use crate::RenderError;
use crate::body::{BOUNDARY_PREFIX, write_leaf};
use crate::bounds::SEGMENT_BYTES_MIN;
use crate::template::{Content, Slot};

/// Bytes of a content hash in a boundary: enough to tell apart emails that enclose one another.
const BOUNDARY_HASH_BYTES: usize = 15;

/// A stretch of the message behind its header fields.
enum Piece {
    /// The same for everyone.
    Fixed(Bytes),
    /// A body that is rendered, with its MIME subtype.
    Body { subtype: &'static str, slot: Slot },
}

/// The message from its Content-Type field to its end.
pub(crate) struct Layout {
    pieces: Vec<Piece>,
}

impl Layout {
    /// Lays out the bodies, of which there is at least one, and the attachments of `email`.
    pub(crate) fn new(email: &Email, text: Option<Content>, html: Option<Content>) -> Self {
        let hash = content_hash(email);
        let mut builder = Builder::default();
        if email.attachments.is_empty() {
            builder.bodies(text, html, &hash);
        } else {
            let mixed = format!("{BOUNDARY_PREFIX}m_{hash}");
            builder.open("mixed", &mixed);
            builder.bodies(text, html, &hash);
            builder.attachments(&email.attachments, &mixed);
            builder.close(&mixed);
        }
        builder.end_fixed();
        Self {
            pieces: builder.pieces,
        }
    }

    /// Bytes held in shared pieces.
    pub(crate) fn weight_bytes(&self) -> usize {
        let fixed = self.pieces.iter().map(|piece| match piece {
            Piece::Fixed(bytes) => bytes.len(),
            Piece::Body { .. } => 0,
        });
        fixed.sum()
    }

    /// The whole message: `header`, then all pieces, each body as `render` makes it.
    pub(crate) fn assemble(
        &self,
        header: Vec<u8>,
        render: impl Fn(&Slot) -> Result<String, RenderError>,
    ) -> Result<Vec<Bytes>, RenderError> {
        let mut segments = Vec::with_capacity(3);
        let mut run = header;
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(bytes) if bytes.len() < SEGMENT_BYTES_MIN => {
                    run.extend_from_slice(bytes);
                }
                Piece::Fixed(bytes) => {
                    end_run(&mut run, &mut segments);
                    segments.push(bytes.clone());
                }
                Piece::Body { subtype, slot } => write_leaf(subtype, render(slot)?, &mut run),
            }
        }
        end_run(&mut run, &mut segments);
        Ok(segments)
    }
}

/// Makes what was written so far a segment.
fn end_run(run: &mut Vec<u8>, segments: &mut Vec<Bytes>) {
    if !run.is_empty() {
        segments.push(Bytes::from(std::mem::take(run)));
    }
}

#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
    /// What was written since the last rendered body.
    fixed: Vec<u8>,
}

impl Builder {
    /// The header of a multipart and the delimiter before its first part.
    fn open(&mut self, subtype: &str, boundary: &str) {
        let start = format!(
            "Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
        );
        self.fixed.extend_from_slice(start.as_bytes());
    }

    /// The delimiter between two parts; its CRLF belongs to it (RFC 2046 §5.1.1).
    fn next(&mut self, boundary: &str) {
        let delimiter = format!("\r\n--{boundary}\r\n");
        self.fixed.extend_from_slice(delimiter.as_bytes());
    }

    /// The delimiter behind the last part.
    fn close(&mut self, boundary: &str) {
        let delimiter = format!("\r\n--{boundary}--\r\n");
        self.fixed.extend_from_slice(delimiter.as_bytes());
    }

    /// The bodies; the best comes last (RFC 2046 §5.1.4).
    fn bodies(&mut self, text: Option<Content>, html: Option<Content>, hash: &str) {
        match (text, html) {
            (Some(text), Some(html)) => {
                let boundary = format!("{BOUNDARY_PREFIX}a_{hash}");
                self.open("alternative", &boundary);
                self.body("plain", text);
                self.next(&boundary);
                self.body("html", html);
                self.close(&boundary);
            }
            (Some(text), None) => self.body("plain", text),
            (None, Some(html)) => self.body("html", html),
            (None, None) => debug_assert!(false, "a body was validated"),
        }
    }

    fn body(&mut self, subtype: &'static str, content: Content) {
        match content {
            Content::Fixed(text) => write_leaf(subtype, text, &mut self.fixed),
            Content::Rendered(slot) => {
                self.end_fixed();
                self.pieces.push(Piece::Body { subtype, slot });
            }
        }
    }

    fn attachments(&mut self, attachments: &[Attachment], boundary: &str) {
        let encoded_bytes = |a: &Attachment| base64::MIME.encoded_len(a.content.len()) + 1024;
        self.fixed
            .reserve(attachments.iter().map(encoded_bytes).sum());
        for attachment in attachments {
            self.next(boundary);
            self.attachment(attachment);
        }
    }

    fn attachment(&mut self, attachment: &Attachment) {
        let out = &mut self.fixed;
        out.extend_from_slice(b"Content-Type: ");
        Raw::new(&attachment.content_type).write_header(out, 14);
        out.extend_from_slice(b"Content-Disposition: ");
        ContentType::new("attachment")
            .attribute("filename", &attachment.filename)
            .write_header(out, 21);
        out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
        base64::MIME.encode_append(&attachment.content, out);
    }

    fn end_fixed(&mut self) {
        if !self.fixed.is_empty() {
            let bytes = Bytes::from(std::mem::take(&mut self.fixed));
            self.pieces.push(Piece::Fixed(bytes));
        }
    }
}

/// A short hash of the content, the same for the same email.
fn content_hash(email: &Email) -> String {
    let mut hasher = blake3::Hasher::new();
    let texts = [
        Some(&email.subject),
        email.text.as_ref(),
        email.html.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        hasher.update(text.as_bytes());
    }
    for attachment in &email.attachments {
        hasher.update(attachment.filename.as_bytes());
        hasher.update(&attachment.content);
    }
    let hash = hasher.finalize();
    base32::STANDARD_NO_PAD.encode(&hash.as_bytes()[..BOUNDARY_HASH_BYTES])
}
