//! Bounds of rendering that only this crate needs; shared ones are in `postrider_types::bounds`.

use postrider_types::bounds::HEADER_VALUE_BYTES_MAX;

/// The default size limit of an email: 10 MB of content before encoding.
pub const EMAIL_BYTES_MAX_DEFAULT: usize = 10 * 1000 * 1000;

/// Instructions that one template, or one section of a body, may execute for one recipient. A loop
/// over 500 items with a dozen expressions each needs about a quarter of it.
pub const RENDER_FUEL: u64 = 100_000;

/// Parts that a template may cut or fill a list to.
pub const PARTS_MAX: usize = 10_000;

/// Bytes of what a template makes by replacing: more than any email shows, and far less than the
/// memory of a process.
pub const FILTERED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How deep blocks and calls of a template may nest.
pub const TEMPLATE_DEPTH_MAX: usize = 64;

/// Longest name of an extra header field in bytes, so that a value still fits on its line.
pub const HEADER_NAME_BYTES_MAX: usize = 76;

/// Longest file name of an attachment in bytes: what file systems allow.
pub const FILENAME_BYTES_MAX: usize = 255;

/// Longest media type of an attachment in bytes, with its parameters.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;

/// Longest display name of a sender in bytes.
pub const DISPLAY_NAME_BYTES_MAX: usize = 512;

/// Longest line in octets without its CRLF (RFC 5322 §2.1.1).
pub const LINE_BYTES_MAX: usize = 998;

/// Length that header lines keep to where they can be folded (RFC 5322 §2.1.1).
pub const FOLDED_BYTES_MAX: usize = 78;

/// A stretch of a header value without a place to fold may be this long; a longer one is written
/// as encoded words. Leaves room for the field name below [`LINE_BYTES_MAX`].
pub const UNFOLDED_BYTES_MAX: usize = 900;

/// Longest id of a list in bytes (RFC 2919 §2), without its phrase.
pub const LIST_ID_BYTES_MAX: usize = 255;

/// Longest Feedback-ID in bytes.
pub const FEEDBACK_ID_BYTES_MAX: usize = 255;

/// Longest rendered link of List-Unsubscribe in bytes. A link cannot be folded, so it must fit on
/// a line with its brackets.
pub const LINK_BYTES_MAX: usize = 890;

/// Most identities of one domain: each signs every message, and two of RSA and one of Ed25519
/// are there while keys are changed.
pub const IDENTITIES_PER_DOMAIN_MAX: usize = 4;

/// Longest selector in bytes.
pub const SELECTOR_BYTES_MAX: usize = 128;

/// Shared bytes from this length on become a segment of their own; shorter ones are copied,
/// because a copy costs less than one more entry in a vectored write.
pub const SEGMENT_BYTES_MIN: usize = 4 * 1024;

const _: () = assert!(
    HEADER_NAME_BYTES_MAX + 2 + UNFOLDED_BYTES_MAX <= LINE_BYTES_MAX,
    "a header line must fit into RFC 5322"
);
const _: () = assert!(
    LINK_BYTES_MAX + "<mailto:>,".len() <= UNFOLDED_BYTES_MAX,
    "a link is never written as encoded words"
);
const _: () = assert!(
    HEADER_VALUE_BYTES_MAX > UNFOLDED_BYTES_MAX,
    "a stretch of a value is shorter than the value"
);
