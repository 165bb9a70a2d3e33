//! The MIME skeleton of an email: what stands still and where the rendered bodies go.
//!
//! `multipart/alternative` for text and HTML, `multipart/mixed` around it for attachments, and
//! neither where one part is enough. Everything between two rendered bodies is one piece of
//! shared bytes; the attachments, in base64, are in the last one.
//!
//! The header is kept in one segment with what was rendered for it, so that it can be signed.

use std::sync::OnceLock;

use bytes::Bytes;
use encodify::{base32, base64};
use postrider_types::{Attachment, Email};

use crate::assembly::{Assembly, Fixed};
use crate::body::{BOUNDARY_PREFIX, write_leaf};
use crate::bounds::SEGMENT_BYTES_MIN;
use crate::dkim::BodyHash;
use crate::draft::Draft;
use crate::leaf::Leaf;
use crate::template::{Body, Slot};
use crate::{RenderError, attachment};

/// Bytes of a content hash in a boundary: enough to tell apart emails that enclose one another.
const BOUNDARY_HASH_BYTES: usize = 15;

/// A part of the message behind its header fields.
enum Piece {
    /// The same for everyone.
    Fixed(Fixed),
    /// A body that is rendered.
    Body(Leaf),
}

/// The message from its Content-Type field to its end.
pub(crate) struct Layout {
    /// The fields from Content-Type on, with the empty line, unless the body decides about them.
    head: Bytes,
    pieces: Vec<Piece>,
    /// The long stretches that are the same for everyone.
    shared: Vec<Bytes>,
    weight_bytes: usize,
    /// The hash of a body that is the same for everyone, from the first signature on.
    body_hash: OnceLock<BodyHash>,
}

impl Layout {
    /// Lays out the bodies, of which there is at least one, and the attachments of `email`.
    pub(crate) fn new(email: &Email, text: Option<Body>, html: Option<Body>) -> Self {
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
            head: builder.head,
            pieces: builder.pieces,
            weight_bytes: builder.weight_bytes,
            shared: builder.shared,
            body_hash: OnceLock::new(),
        }
    }

    /// Bytes held in fixed stretches.
    pub(crate) const fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// The segments that every message has in common, by their index.
    pub(crate) fn shared(&self) -> &[Bytes] {
        &self.shared
    }

    /// The hash of the body of `draft`, which was made by this layout.
    pub(crate) fn body_hash(&self, draft: &Draft) -> BodyHash {
        let is_fixed = |piece: &Piece| matches!(piece, Piece::Fixed(_));
        if self.pieces.iter().all(is_fixed) {
            *self.body_hash.get_or_init(|| draft.body_hash())
        } else {
            draft.body_hash()
        }
    }

    /// The whole message: `header`, then all pieces, each body as `render` makes its sections: it
    /// is told how many bytes those before took.
    pub(crate) fn assemble(
        &self,
        header: Vec<u8>,
        render: impl Fn(&Slot, usize) -> Result<String, RenderError>,
    ) -> Result<Draft, RenderError> {
        let head_from = header.len();
        let mut assembly = Assembly::new(header, &self.shared);
        assembly.own().extend_from_slice(&self.head);
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => assembly.fixed(fixed),
                Piece::Body(leaf) => leaf.write(&render, &mut assembly)?,
            }
        }
        let segments = assembly.into_segments();
        let head_bytes = fields_bytes(&segments[0].bytes()[head_from..]);
        Ok(Draft::new(segments, head_from + head_bytes))
    }
}

/// Octets of the fields that `bytes` begins with, up to the empty line behind them.
fn fields_bytes(bytes: &[u8]) -> usize {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n");
    end.expect("a header ends with an empty line") + "\r\n".len()
}

#[derive(Default)]
struct Builder {
    head: Bytes,
    pieces: Vec<Piece>,
    shared: Vec<Bytes>,
    weight_bytes: usize,
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
    fn bodies(&mut self, text: Option<Body>, html: Option<Body>, hash: &str) {
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

    fn body(&mut self, subtype: &'static str, body: Body) {
        match body {
            Body::Fixed(text) => write_leaf(subtype, text, &mut self.fixed),
            Body::Rendered(sections) => {
                self.end_fixed();
                let leaf = Leaf::new(subtype, sections, |bytes| self.keep(bytes.into()));
                self.pieces.push(Piece::Body(leaf));
            }
        }
    }

    fn attachments(&mut self, attachments: &[Attachment], boundary: &str) {
        let encoded_bytes = |a: &Attachment| base64::MIME.encoded_len(a.content.len()) + 1024;
        self.fixed
            .reserve(attachments.iter().map(encoded_bytes).sum());
        for attachment in attachments {
            self.next(boundary);
            attachment::write(attachment, &mut self.fixed);
        }
    }

    fn end_fixed(&mut self) {
        let mut bytes = Bytes::from(std::mem::take(&mut self.fixed));
        if bytes.is_empty() {
            return;
        }
        if self.pieces.is_empty() {
            self.head = bytes.split_to(fields_bytes(&bytes) + "\r\n".len());
            self.weight_bytes += self.head.len();
        }
        let fixed = self.keep(bytes);
        self.pieces.push(Piece::Fixed(fixed));
    }

    /// Keeps a fixed stretch: as a shared segment when it is long enough.
    fn keep(&mut self, bytes: Bytes) -> Fixed {
        self.weight_bytes += bytes.len();
        if bytes.len() < SEGMENT_BYTES_MIN {
            return Fixed::Short(bytes);
        }
        self.shared.push(bytes);
        Fixed::Shared(self.shared.len() - 1)
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
