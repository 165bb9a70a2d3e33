//! Every bound of size that more than one crate must agree on, with its reason.
//!
//! Bounds of time, of connections and of caches are settings; these are not, because stored
//! data and other processes rely on them.

/// Most recipients in one chunk: small enough to hold and give back quickly, large enough that
/// claiming one costs nothing beside sending it.
pub const CHUNK_RECIPIENTS_MAX: usize = 500;

/// Most bytes of one chunk's addresses and variables in stored form: 256 KiB.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// Most bytes of one recipient's merge variables as JSON text: 16 KiB.
pub const VARIABLES_BYTES_MAX: usize = 16 * 1024;

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_BYTES_MAX: usize = 64;

/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_BYTES_MAX: usize = 255;

/// Most bytes kept of the text of a remote server's reply, or of our own reason.
pub const REPLY_TEXT_BYTES_MAX: usize = 512;

/// Hashed tail lanes, which hold the domains that have no lane of their own.
pub const TAIL_LANES: u8 = 64;

/// A domain gets a lane of its own with this recipient of one campaign.
pub const OWN_LANE_FROM: u32 = 200;

/// Longest name of a campaign in bytes.
pub const CAMPAIGN_NAME_BYTES_MAX: usize = 200;

/// Longest name of a tenant in bytes.
pub const TENANT_NAME_BYTES_MAX: usize = 64;

/// Most extra header fields of an email.
pub const HEADERS_MAX: usize = 50;

/// Longest extra header field in bytes, after rendering (RFC 5322 §2.1.1 allows 998 a line;
/// folding is ours).
pub const HEADER_VALUE_BYTES_MAX: usize = 4 * 1024;

/// Most attachments of an email.
pub const ATTACHMENTS_MAX: usize = 50;

const _: () = assert!(
    VARIABLES_BYTES_MAX + LOCAL_PART_BYTES_MAX + DOMAIN_BYTES_MAX + 64 < CHUNK_BYTES_MAX,
    "the largest recipient must fit into a chunk"
);
