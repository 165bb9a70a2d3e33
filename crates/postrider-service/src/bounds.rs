//! Every bound of the service that is not a setting, with its reason.

use std::time::Duration;

/// HTTP connections at once; a client beyond that waits in the listener's backlog.
pub const HTTP_CONNECTIONS_MAX: usize = 512;

/// How long a client may take for the head of its next request; an idle connection is closed then.
pub const HTTP_HEAD_AFTER_MAX: Duration = Duration::from_secs(60);

/// The longest silence between two pieces of a request's body. A source that is slower than this,
/// such as a query behind a pipe, must send a line now and then.
pub const HTTP_SILENCE_AFTER_MAX: Duration = Duration::from_secs(120);

/// How long nothing comes from a client before the system asks whether its machine is there.
pub const HTTP_PROBE_AFTER: Duration = Duration::from_secs(60);

/// How long the system waits before it asks again; how often is its own setting, 9 times on Linux.
pub const HTTP_PROBE_EVERY: Duration = Duration::from_secs(10);

/// Largest JSON body other than an email's.
pub const JSON_BYTES_MAX: usize = 64 * 1024;

/// What an email may take on the wire beyond its size limit: names, boundaries, quotes.
pub const EMAIL_OVERHEAD_BYTES: usize = 1024 * 1024;

/// How much larger than its content an email may be as JSON: a letter of two octets outside of
/// ASCII may be written `\uXXXX`.
pub const EMAIL_ESCAPES: usize = 3;

/// Emails that are being uploaded at once; each is held in memory as a whole.
pub const EMAIL_UPLOADS_MAX: usize = 4;

/// Longest idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Entries of a page when the caller does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 100;

/// Most entries of a page. One more is read, to know whether another page follows.
pub const PAGE_ENTRIES_MAX: usize = postrider_store::bounds::PAGE_ROWS_MAX - 1;

/// Receipts of one address among which its one in a campaign is looked for, newest first.
pub const ADDRESS_RECEIPTS_MAX: usize = postrider_store::bounds::PAGE_ROWS_MAX;

/// Campaigns that one page of the quarantine looks at for recipients in quarantine.
pub const QUARANTINE_LOOKS_MAX: usize = postrider_store::bounds::PAGE_ROWS_MAX;

/// Campaigns that are named with an email in quarantine, newest first.
pub const EMAIL_CAMPAIGNS_MAX: usize = 100;

/// Emails whose sender is remembered for the Message-IDs of receipts.
pub const SENDERS_MAX: usize = 1_000;

/// What is read of a request that was refused, so that the client has written all and reads the
/// answer, instead of failing to write.
pub const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long that may take.
pub const LINGER_AFTER_MAX: Duration = Duration::from_secs(2);

/// How long the store may take to answer that it is there.
pub const READY_AFTER_MAX: Duration = Duration::from_secs(2);

/// How long one commit may take before the store counts as one that does not record.
pub const COMMIT_AFTER_MAX: Duration = Duration::from_secs(2);

/// How long what is cut off at the end of a drain may take to notice.
pub const CUT_AFTER_MAX: Duration = Duration::from_secs(1);

/// How long a drain may take beyond its time, to end the leases of workers that were killed.
pub const SETTLED_AFTER_MAX: Duration = Duration::from_secs(3);

/// The first delay after the relay could not be reached.
pub const ROUTE_DELAY_MIN: Duration = Duration::from_secs(1);

/// The longest delay while the relay cannot be reached.
pub const ROUTE_DELAY_MAX: Duration = Duration::from_secs(60);

/// Most keys that sign, over all domains: each is read when the service starts.
pub const IDENTITIES_MAX: usize = 1_000;

/// Largest file with a password, token or private key.
pub const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Largest table of providers or of classification.
pub const TABLE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Memory for de-duplication of one audience: 8 million recipients; beyond it, sorted runs on
/// disk.
pub const DEDUP_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The longest between two walks over what may be deleted by now.
pub const RETENTION_EVERY_MAX: Duration = Duration::from_secs(3_600);

/// Most workers: more than a machine has processors for, beside the service and its store.
pub const WORKERS_MAX: u32 = 16;

/// The first delay before a worker that has ended is started again. It doubles while its lives
/// come to nothing.
pub const WORKER_RESTART_DELAY_MIN: Duration = Duration::from_millis(100);

/// The longest such delay.
pub const WORKER_RESTART_DELAY_MAX: Duration = Duration::from_secs(10);

/// How long a worker may take from its start to its hello.
pub const WORKER_HELLO_AFTER_MAX: Duration = Duration::from_secs(30);

/// Notes that wait for one worker: an answer to each wish that it may have open, and more.
pub const WORKER_NOTES_MAX: usize = 4_096;

/// How far behind the life what a worker shows of itself may be.
pub const WORKER_STATUS_EVERY: Duration = Duration::from_millis(250);

/// After how many times the length of a lease a process that stands still is given up: so whoever
/// is stopped for a shorter time goes on, and loses no more than its leases.
pub const SILENCE_LEASES: u32 = 2;

/// So many times as long it may take to load and prepare one body: a disk may be slow, and others
/// are sent to meanwhile.
pub const SILENCES_PER_LOAD: u32 = 5;

/// What that is longer than these leases.
pub const SILENCE_MARGIN: Duration = Duration::from_secs(2);

/// How often a process is looked at in that time.
pub const SILENCE_LOOKS: u32 = 8;

/// How long a service that stands still may take to end by itself: longer than the end of one that
/// has failed, which waits for its store. After that its process is ended.
pub const STANDSTILL_ENDS_AFTER_MAX: Duration = Duration::from_secs(15);

/// How long a supervisor waits before it tries again to end the leases of a worker that is gone.
/// Until then no other takes its place.
pub const REAP_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long all trials after one death may take together, if not twice the time of one is longer.
/// Whom there is no time for stays suspected.
pub const TRIALS_AFTER_MAX: Duration = Duration::from_secs(60);

/// The stack of a trial: that of the threads on which couriers render.
pub const TRIAL_STACK_BYTES: usize = 2 * 1024 * 1024;

/// Memory that a trial may always take.
pub const TRIAL_BYTES_MIN: u64 = 64 << 20;

/// Memory that a trial may always take for each byte of its email: the stored form, the email, what
/// is prepared of it, and the message.
pub const TRIAL_BYTES_PER_BYTE: u64 = 12;

/// What is kept of what a trial says.
pub const TRIAL_SAID_BYTES_MAX: u64 = 64 * 1024;

/// How often one route or site is looked at for a place that could be given up for somebody.
pub const PLACES_ASKED_EVERY: Duration = Duration::from_millis(250);

/// How long at least lies between two places of one route or site that are given up.
pub const YIELD_EVERY: Duration = Duration::from_secs(1);

const _: () = assert!(
    WORKERS_MAX <= postrider_types::bounds::TAIL_LANES as u32,
    "each worker must have lanes"
);
