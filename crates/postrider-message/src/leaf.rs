//! A body that is rendered: its fixed sections are encoded already, and only what is between them
//! is encoded for each recipient.
//!
//! How a body is encoded depends on all of it. Fixed sections are therefore kept in both forms that
//! they may take, `7bit` and quoted-printable; they begin and end with lines, so that either form
//! stands beside any other line. Base64 has no lines, so a body whose fixed text would be shorter
//! in it is one section.

use encodify::{base64, qp};

use crate::RenderError;
use crate::assembly::{Assembly, Fixed};
use crate::body::{self, Encoding};
use crate::template::{Section, Slot};

/// A body that is rendered.
pub(crate) struct Leaf {
    subtype: &'static str,
    parts: Vec<Part>,
}

enum Part {
    /// Lines that are the same for everyone.
    Fixed {
        /// As `7bit`, if they may go so.
        plain: Option<Fixed>,
        quoted: Fixed,
    },
    Rendered(Slot),
}

/// Whether fixed lines are of use by themselves: unless they would be shorter in base64.
pub(crate) fn is_worth(text: &str) -> bool {
    let base64_bytes = base64::MIME.encoded_len(text.len());
    qp::BODY.encoded_len_within(text, base64_bytes).is_some()
}

impl Leaf {
    /// A body of these sections, of which at least one is rendered. `keep` keeps what is fixed.
    pub(crate) fn new(
        subtype: &'static str,
        sections: Vec<Section>,
        mut keep: impl FnMut(Vec<u8>) -> Fixed,
    ) -> Self {
        let mut part = |section| {
            let lines = match section {
                Section::Rendered(slot) => return Part::Rendered(slot),
                Section::Fixed(text) => body::into_lines(text),
            };
            let mut encoded = |encoding: Encoding| {
                let mut out = Vec::new();
                encoding.write(&lines, &mut out);
                keep(out)
            };
            Part::Fixed {
                plain: body::is_plain(&lines).then(|| encoded(Encoding::SevenBit)),
                quoted: encoded(Encoding::QuotedPrintable),
            }
        };
        Self {
            subtype,
            parts: sections.into_iter().map(&mut part).collect(),
        }
    }

    /// Writes the header and the body. `render` makes the text of a section, given how many bytes
    /// those before it took.
    pub(crate) fn write(
        &self,
        render: impl Fn(&Slot, usize) -> Result<String, RenderError>,
        to: &mut Assembly<'_>,
    ) -> Result<(), RenderError> {
        if let [Part::Rendered(slot)] = self.parts.as_slice() {
            body::write_leaf(self.subtype, render(slot, 0)?, to.own());
            return Ok(());
        }
        let rendered = self.rendered(render)?;
        let is_plain = |part: &Part| !matches!(part, Part::Fixed { plain: None, .. });
        let is_plain =
            self.parts.iter().all(is_plain) && rendered.iter().all(|lines| body::is_plain(lines));
        let encoding = if is_plain {
            Encoding::SevenBit
        } else {
            Encoding::QuotedPrintable
        };
        body::write_head(self.subtype, encoding, to.own());
        let mut rendered = rendered.iter();
        for part in &self.parts {
            match part {
                Part::Fixed {
                    plain: Some(plain), ..
                } if is_plain => to.fixed(plain),
                Part::Fixed { quoted, .. } => to.fixed(quoted),
                Part::Rendered(_) => {
                    let lines = rendered.next().map_or("", String::as_str);
                    encoding.write(lines, to.own());
                }
            }
        }
        Ok(())
    }

    /// The lines of each section that is rendered, in order.
    fn rendered(
        &self,
        render: impl Fn(&Slot, usize) -> Result<String, RenderError>,
    ) -> Result<Vec<String>, RenderError> {
        let mut all = Vec::with_capacity(self.parts.len());
        let mut bytes = 0;
        for part in &self.parts {
            let Part::Rendered(slot) = part else {
                continue;
            };
            let text = render(slot, bytes)?;
            bytes += text.len();
            // Nothing at all is no line; it stands behind lines that were ended.
            all.push(match text.is_empty() {
                true => text,
                false => body::into_lines(text),
            });
        }
        Ok(all)
    }
}
