//! Every bound of the mock, by name.
//!
//! What a client sends can make the mock say no, count less or close; it can never make it grow.

use std::time::Duration;

/// Bytes of a command line with its CR LF (RFC 5321 §4.5.3.1.4).
pub const COMMAND_BYTES_MAX: usize = 512;

/// Bytes of a MAIL command line with its CR LF: the 512 of the base standard, 26 more for `SIZE=`
/// (RFC 1870 §3) and 17 more for `BODY=` (RFC 6152 §2).
pub const MAIL_COMMAND_BYTES_MAX: usize = COMMAND_BYTES_MAX + 26 + 17;

/// Bytes of a local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_BYTES_MAX: usize = 64;

/// Bytes of a domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_BYTES_MAX: usize = 255;

/// Recipients of one transaction; the next one gets `452 4.5.3` (RFC 5321 §4.5.3.1.8).
pub const TRANSACTION_RECIPIENTS_MAX: usize = 100;

/// Refused commands on one connection, after which the mock says 421 and closes.
pub const CONNECTION_ERRORS_MAX: u32 = 100;

/// Bytes of a message that a profile may allow at most.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 30;

/// Bytes at the start of a message that are searched for header fields.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a header field value that are kept (one line, RFC 5322 §2.1.1).
pub const HEADER_VALUE_BYTES_MAX: usize = 998;

/// Bytes asked from a socket in one read.
pub const READ_BYTES: usize = 64 * 1024;

/// Connections that a profile may allow at most.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Connections beyond the profile's bound that are told 421 at a time; more are closed unanswered.
pub const CONNECTIONS_REFUSED_MAX: usize = 64;

/// Groups of log lines that wait for the writer; connections wait when it is full.
pub const LOG_QUEUE_MAX: usize = 4096;

/// Groups of log lines that go into one write call.
pub const LOG_GROUPS_PER_WRITE_MAX: usize = 1024;

/// Bytes of a line that is read back from an accept log.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;

/// Distinct keys that each table of the ledger remembers; beyond it `untracked` counts.
pub const LEDGER_KEYS_MAX: usize = 16 << 20;

/// Repeated accepts that the ledger keeps by name.
pub const DUPLICATES_LISTED_MAX: usize = 1000;

/// Domains with numbers and state of their own; the others share one.
pub const DOMAINS_MAX: usize = 100_000;

/// MAIL times that are kept per domain; later ones are counted, not kept.
pub const MAIL_TIMES_MAX: usize = 4 << 20;

/// Recipients, and (sender, recipient) pairs, whose earlier visits a domain remembers.
/// A stranger beyond it is served as if the domain behaved well.
pub const VISITS_MAX: usize = 4 << 20;

/// The longest silence of a client, and the longest wait for it to read a reply (RFC 5321 §4.5.3.2.7).
pub const IDLE_MAX: Duration = Duration::from_secs(300);

/// How long the mock reads on after closing its side, so that its last reply is not destroyed by a reset.
pub const LINGER_MAX: Duration = Duration::from_secs(2);

/// Bytes that are read and thrown away while lingering.
pub const LINGER_BYTES_MAX: usize = 1 << 20;

/// How long `stop` waits for open connections to end.
pub const STOP_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long the accept loop rests after the system refused it a connection.
pub const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The longest reply delay and greylisting time that a profile may ask for.
pub const SPAN_MAX: Duration = Duration::from_secs(24 * 3600);
