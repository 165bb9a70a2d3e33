//! Every bound of the mock, by name.
//!
//! What a client sends can make the mock say no, count less or close; it can never make it grow.

use std::time::Duration;

/// Bytes of a command line with its CR LF (RFC 5321 §4.5.3.1.4).
pub const COMMAND_BYTES_MAX: usize = 512;

/// Bytes of a MAIL command line with its CR LF: the 512 of the base standard, and what each
/// extension adds: 26 for `SIZE=` (RFC 1870 §3), 17 for `BODY=` (RFC 6152 §2), 10 for `SMTPUTF8`
/// (RFC 6531 §3.4), 500 for `AUTH=` (RFC 4954 §5), 9 for `RET=` and 107 for `ENVID=` (RFC 3461).
pub const MAIL_COMMAND_BYTES_MAX: usize = COMMAND_BYTES_MAX + 26 + 17 + 10 + 500 + 9 + 107;

/// Bytes of a RCPT command line with its CR LF: the 512 of the base standard, 29 for the longest
/// `NOTIFY=`, and 507 for `ORCPT=` with its 500 characters (RFC 3461).
pub const RCPT_COMMAND_BYTES_MAX: usize = COMMAND_BYTES_MAX + 29 + 507;

/// Bytes of an AUTH command line, and of a line of the exchange after it, with its CR LF
/// (RFC 4954 §4).
pub const AUTH_LINE_BYTES_MAX: usize = 12_288;

/// Characters of an ENVID (RFC 3461 §4.4).
pub const ENVID_BYTES_MAX: usize = 100;

/// Characters of an ORCPT (RFC 3461 §4.2).
pub const ORCPT_BYTES_MAX: usize = 500;

/// Bytes of the words of one reply line that a profile may ask for, so that the line keeps to the
/// 512 of RFC 5321 §4.5.3.1.5 with its code and its CR LF.
pub const REPLY_TEXT_BYTES_MAX: usize = 500;

/// Bytes of a local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_BYTES_MAX: usize = 64;

/// Bytes of a domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_BYTES_MAX: usize = 255;

/// Bytes of a path with its angle brackets, without a source route (RFC 5321 §4.5.3.1.3).
pub const PATH_BYTES_MAX: usize = 256;

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

/// Bytes under way in each direction of a path with a round-trip time, and as many that wait at
/// its end; a client that sends more waits.
pub const LINK_BYTES_MAX: usize = 1 << 20;

/// The longest round-trip time that a path may have.
pub const RTT_MAX: Duration = Duration::from_secs(10);

/// How long a TLS handshake may take.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// Bytes of a line of a message with its CR LF (RFC 5321 §4.5.3.1.6); a longer one is taken, and
/// is a fault.
pub const TEXT_LINE_BYTES_MAX: usize = 1000;

/// How long after a 421 the commands that arrive may have been sent before it was read, beyond
/// the round-trip time of the path.
pub const IN_FLIGHT_MAX: Duration = Duration::from_millis(50);

/// Connections that a profile may allow at most.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Connections beyond the profile's bound that are told 421 at a time; more are closed unanswered.
pub const CONNECTIONS_REFUSED_MAX: usize = 64;

/// Groups of log lines that wait for the writer; connections wait when it is full.
pub const LOG_QUEUE_MAX: usize = 4096;

/// Groups of log lines that go into one write call.
pub const LOG_GROUPS_PER_WRITE_MAX: usize = 1024;

/// Bytes of a line that is read back from an accept log; the longest are profiles.
pub const LOG_LINE_BYTES_MAX: usize = 64 << 20;

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

/// Doors of providers.
pub const DOORS_MAX: usize = 256;

/// Connections that wait to be taken, at a door that the mock opens itself.
pub const ACCEPT_BACKLOG: i32 = 1024;

/// How long the accept loop rests after the system refused it a connection.
pub const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The longest reply delay and greylisting time that a profile may ask for.
pub const SPAN_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long a connection is held without an answer, and the longest that odd writing may take.
pub const HOLD_MAX: Duration = Duration::from_secs(3600);

/// Bytes of the line that is longer than any line may be.
pub const LONG_LINE_BYTES: usize = 10 << 20;

/// Bytes of a reply that never ends, after which it ends all the same: the client was to leave.
pub const ENDLESS_REPLY_BYTES_MAX: usize = 1 << 30;

/// Bytes of an endless reply between two rests.
pub const ENDLESS_REPLY_STEP_BYTES: usize = 64 * 1024;

/// The rest between two pieces of an odd reply.
pub const ODD_REST: Duration = Duration::from_millis(2);

/// The rest between two bytes of a reply that drips.
pub const DRIP_REST: Duration = Duration::from_secs(1);

/// How often a connection asks for a place at a provider's door before it is turned away.
pub const DOOR_KNOCKS_MAX: u32 = 4;

/// The rest between two of these; all of them together are the jitter that a cap forgives.
pub const DOOR_REST: Duration = Duration::from_millis(5);

/// Bytes of a message where a profile says nothing.
pub const MESSAGE_BYTES_DEFAULT: u64 = 50 << 20;

/// How many times as fast a profile's time may run: a day in a second.
pub const TIME_SCALE_MAX: u32 = 86_400;

/// Providers of a profile: the doors that 127.0.1.0/24 has room for.
pub const PROVIDERS_MAX: usize = 250;

/// Entries of each list in a behaviour.
pub const PROFILE_LIST_MAX: usize = 64;

/// Lines that mean nothing in a reply to EHLO.
pub const FILLER_LINES_MAX: u32 = 1000;

/// How many times its median a drawn latency may last.
pub const LATENCY_FACTOR_MAX: f64 = 100.0;

/// Deliveries in doubt that the judge keeps by name.
pub const DOUBTS_LISTED_MAX: usize = 100_000;

/// Rates that a verdict lists, the worst first; all are judged.
pub const LIMITS_LISTED_MAX: usize = 1000;

/// MAIL times that the judge keeps for one rate; beyond it the oldest are forgotten.
pub const WINDOW_TIMES_MAX: usize = 1 << 20;

/// How long a MAIL may come to the judge after a later one, because its RCPT was slow.
pub const WINDOW_BACKLOG: Duration = Duration::from_secs(60);

/// The most that the spread of path delay may add to a window, whatever was measured.
pub const JITTER_MAX: Duration = Duration::from_millis(20);

/// How long the end of a connection may be on its way when the next one comes in.
pub const CLOSING_MAX: Duration = Duration::from_millis(50);

/// The pace at which the mock looks how late it is.
pub const LATENESS_EVERY: Duration = Duration::from_millis(5);

/// Bytes of a request to the control port; longer lists are sent in several.
pub const CONTROL_BODY_BYTES_MAX: usize = 16 << 20;

/// Lines of a list that are taken in at a time, so that connections need not wait for the rest.
pub const CONTROL_LINES_AT_ONCE: usize = 1000;

/// Connections to the control port at a time; more wait.
pub const CONTROL_CONNECTIONS_MAX: usize = 64;

/// Accepts of one recipient that the control port lists.
pub const ACCEPTS_LISTED_MAX: usize = 100;

/// Bytes of sample messages that are kept, of all campaigns together.
pub const SAMPLE_BYTES_MAX: usize = 16 << 20;

/// Campaigns of which the mock remembers that it has a sample, or has no room for one.
pub const SAMPLES_MAX: usize = 1000;

/// Earlier attempts that are looked at to know how often something has happened to an address.
pub const ATTEMPTS_LOOKED_BACK_MAX: u32 = 1000;

/// How long `grey@` is greylisted where the domain says nothing.
pub const MAGIC_GREY: Duration = Duration::from_secs(10);
