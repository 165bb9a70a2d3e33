//! An email made ready to be rendered, and the rendering.

use bytes::Bytes;
use minijinja::Value;
use postrider_types::bounds::HEADER_VALUE_BYTES_MAX;
use postrider_types::{Address, Email, Variables};

use crate::bounds::{EMAIL_BYTES_MAX_DEFAULT, LINK_BYTES_MAX};
use crate::dkim::Identities;
use crate::draft::Draft;
use crate::layout::Layout;
use crate::list::{self, Links};
use crate::template::{Body, Content, Slot, Templates, context};
use crate::{Field, Heading, Message, PrepareError, Problem, RenderError};
use crate::{header, leaf, validate};

/// What an email may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of content before encoding; also the most that one rendered body may take.
    pub email_bytes_max: usize,
}

impl Limits {
    /// The limits of an installation that sets none.
    pub const STANDARD: Self = Self {
        email_bytes_max: EMAIL_BYTES_MAX_DEFAULT,
    };
}

/// An email with everything done that no recipient changes. Shared by all who render it.
pub struct Prepared {
    from: Address,
    templates: Templates,
    /// The fields From and Reply-To.
    senders: Bytes,
    /// The subject and the extra fields.
    fields: Vec<HeaderField>,
    layout: Layout,
    /// Whether any part has to be rendered.
    is_personal: bool,
    weight_bytes: usize,
}

/// A header field of the author's.
enum HeaderField {
    /// The encoded field.
    Fixed(Vec<u8>),
    /// A field whose value is rendered.
    Rendered {
        name: String,
        field: Field,
        slot: Slot,
    },
    /// How to leave the list, with a link that is rendered.
    Links(Links),
}

impl Prepared {
    /// Validates an email, compiles its templates and encodes what is the same for everyone.
    ///
    /// # Errors
    /// [`PrepareError`] with every problem that the email has.
    pub fn new(email: &Email, limits: Limits) -> Result<Self, PrepareError> {
        let mut parts = Parts {
            templates: Templates::new(),
            problems: validate::problems(email, limits),
        };
        let mut fields = Vec::with_capacity(3 + email.headers.len());
        fields.push(parts.header(Field::Subject, "Subject", &email.subject));
        let html = parts.body(Field::Html, email.html.as_deref(), limits);
        let text = parts.body(Field::Text, email.text.as_deref(), limits);
        fields.extend(parts.list(email).into_iter().map(Some));
        for (index, extra) in email.headers.iter().enumerate() {
            fields.push(parts.header(Field::HeaderValue(index), &extra.name, &extra.value));
        }
        if !parts.problems.is_empty() {
            return Err(PrepareError::new(parts.problems));
        }
        let templates = parts.templates;
        let layout = Layout::new(email, text, html);
        let senders = senders(email);
        let fixed = fields.iter().flatten().map(HeaderField::weight_bytes);
        let weight_bytes = size_of::<Self>()
            + senders.len()
            + fixed.sum::<usize>()
            + layout.weight_bytes()
            + templates.weight_bytes();
        Ok(Self {
            from: email.from.address.clone(),
            is_personal: templates.weight_bytes() > 0,
            templates,
            senders,
            fields: fields.into_iter().flatten().collect(),
            layout,
            weight_bytes,
        })
    }

    /// The address of the sender: the reverse path, and the domain of Message-IDs.
    pub const fn from(&self) -> &Address {
        &self.from
    }

    /// About how many bytes of memory this email takes, for a cache that is bounded by bytes.
    pub const fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// The stretches that all messages of this email have in common, where
    /// [`Segment::Shared`](crate::Segment::Shared) finds them.
    pub fn shared(&self) -> &[Bytes] {
        self.layout.shared()
    }

    /// The message for one recipient, without a signature. The same arguments give the same
    /// bytes.
    ///
    /// # Errors
    /// [`RenderError`] when this recipient's variables do not fit the templates.
    pub fn render(
        &self,
        variables: &Variables,
        heading: &Heading<'_>,
    ) -> Result<Message, RenderError> {
        Ok(self.draft(variables, heading)?.unsigned())
    }

    /// The message for one recipient, signed by every identity of its From domain. Where there is
    /// none, it is the message of [`Prepared::render`]. The same arguments give the same bytes.
    ///
    /// The signatures are a segment of their own, before the others. A body that is the same for
    /// everyone is hashed once; of any other, no segment is copied to be hashed.
    ///
    /// # Errors
    /// [`RenderError`], as of [`Prepared::render`], or when a key does not sign.
    pub fn render_signed(
        &self,
        variables: &Variables,
        heading: &Heading<'_>,
        identities: &Identities,
    ) -> Result<Message, RenderError> {
        let draft = self.draft(variables, heading)?;
        match identities.of(self.from.domain()) {
            [] => Ok(draft.unsigned()),
            identities => {
                let body = self.layout.body_hash(&draft);
                draft.signed(identities, &body, heading.date)
            }
        }
    }

    fn draft(&self, variables: &Variables, heading: &Heading<'_>) -> Result<Draft, RenderError> {
        let context = if self.is_personal {
            context(variables, heading.to)?
        } else {
            Value::UNDEFINED
        };
        let header = self.header(&context, heading)?;
        self.layout.assemble(header, |slot, bytes_before| {
            self.templates.render_behind(slot, bytes_before, &context)
        })
    }

    /// All header fields but Content-Type, which the layout begins with.
    fn header(&self, context: &Value, heading: &Heading<'_>) -> Result<Vec<u8>, RenderError> {
        let to = heading.to.as_str();
        if header::has_control(to) {
            return Err(RenderError::Control { field: Field::To });
        }
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(&self.senders);
        header::write_plain("To", format_args!("<{to}>"), &mut out);
        header::write_date(heading.date, &mut out);
        header::write_plain("Message-ID", heading.message_id, &mut out);
        header::write_plain("X-Postrider-Campaign", heading.campaign, &mut out);
        for field in &self.fields {
            match field {
                HeaderField::Fixed(encoded) => out.extend_from_slice(encoded),
                HeaderField::Rendered { name, field, slot } => {
                    let value = self.templates.render(slot, context)?;
                    header::write_text(name, &header::checked(*field, value)?, &mut out);
                }
                HeaderField::Links(links) => {
                    links.write(|slot| self.templates.render(slot, context), &mut out)?;
                }
            }
        }
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        Ok(out)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({} bytes)", self.weight_bytes)
    }
}

impl HeaderField {
    fn weight_bytes(&self) -> usize {
        match self {
            Self::Fixed(encoded) => encoded.len(),
            Self::Rendered { name, .. } => name.len(),
            Self::Links(_) => size_of::<Links>(),
        }
    }
}

/// Collects compiled parts, or the problems that kept them from compiling.
struct Parts {
    templates: Templates,
    problems: Vec<Problem>,
}

impl Parts {
    fn compile(&mut self, field: Field, source: &str, bytes_max: usize) -> Option<Content> {
        let compiled = self.templates.add(field, source, bytes_max);
        compiled.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn body(&mut self, field: Field, source: Option<&str>, limits: Limits) -> Option<Body> {
        // A blank body is none, or readers would prefer it to the other one.
        let source = source.filter(|source| !source.trim().is_empty())?;
        let bytes_max = limits.email_bytes_max;
        let compiled = self
            .templates
            .add_body(field, source, bytes_max, leaf::is_worth);
        compiled.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// The fields by which receivers know bulk mail.
    fn list(&mut self, email: &Email) -> Vec<HeaderField> {
        let mut fixed = Vec::new();
        list::write_ids(email, &mut fixed);
        let mut rendered = None;
        if let Some(unsubscribe) = &email.unsubscribe {
            let compile = |field, source: &_| self.compile(field, source, LINK_BYTES_MAX);
            let links = Links::new(unsubscribe, compile);
            if let Some(problem) = links.foreign(|slot| self.templates.own_text(slot)) {
                self.problems.push(problem);
            } else if links.is_fixed() {
                let render = |slot: &Slot| self.templates.render(slot, &Value::UNDEFINED);
                if let Err(RenderError::Link { field, expected }) = links.write(render, &mut fixed)
                {
                    self.problems.push(list::not_a_link(field, expected));
                }
            } else {
                rendered = Some(HeaderField::Links(links));
            }
        }
        let fixed = Some(fixed).filter(|fixed| !fixed.is_empty());
        fixed
            .map(HeaderField::Fixed)
            .into_iter()
            .chain(rendered)
            .collect()
    }

    fn header(&mut self, field: Field, name: &str, value: &str) -> Option<HeaderField> {
        let content = self.compile(field, value, HEADER_VALUE_BYTES_MAX)?;
        // What the template itself writes would fail every recipient, so it is refused here.
        let own_text = match &content {
            Content::Fixed(text) => text.clone(),
            Content::Rendered(slot) => self.templates.own_text(slot).unwrap_or_default(),
        };
        match (header::checked(field, own_text), content) {
            (Ok(_), Content::Rendered(slot)) => {
                let name = name.to_owned();
                Some(HeaderField::Rendered { name, field, slot })
            }
            (Ok(value), Content::Fixed(_)) => {
                let mut encoded = Vec::new();
                header::write_text(name, &value, &mut encoded);
                Some(HeaderField::Fixed(encoded))
            }
            (Err(error), _) => {
                let detail = match error {
                    RenderError::TooLarge { bytes_max, .. } => {
                        format!("the value is larger than {bytes_max} bytes")
                    }
                    _ => "the value contains a line break or another control character".to_owned(),
                };
                self.problems
                    .push(Problem::new(field, error.code(), detail));
                None
            }
        }
    }
}

fn senders(email: &Email) -> Bytes {
    let mut out = Vec::new();
    header::write_mailbox("From", &email.from, &mut out);
    if let Some(reply_to) = &email.reply_to {
        header::write_mailbox("Reply-To", reply_to, &mut out);
    }
    Bytes::from(out)
}
