//! Every bound of the store, with its reason.

use std::time::Duration;

/// Lanes that one claim wakes, and lanes that it looks at, before it answers: a claim's cost
/// does not grow with what waits.
pub const CLAIM_STEPS_MAX: usize = 64;

/// Leases that one `reap` ends, if their recipients cost no more than [`STEP_COST_MAX`] together.
pub const REAP_LEASES_MAX: usize = 16;

/// What one step of a walk (reap, sweep, purge, retention, erasure, lifting a quarantine) may cost, in
/// recipients whose delivery is ended: about 5 ms of the writer.
pub const STEP_COST_MAX: u64 = 500;

/// What finding and decoding a chunk costs beside its recipients.
pub const CHUNK_COST: u64 = 20;

/// What looking for an address in a chunk costs.
pub const SCANNED_CHUNK_COST: u64 = 60;

/// What filing one recipient from its stored chunk costs.
pub const RELEASE_COST: u64 = 50;

/// Campaigns that one step of a walk looks at.
pub const CAMPAIGNS_PER_STEP_MAX: usize = 64;

/// Queue entries, leases or chunk numbers that a walk reads at once.
pub const ENTRIES_PER_READ_MAX: usize = 64;

/// Receipts that a walk reads at once.
pub const RECEIPTS_PER_READ_MAX: usize = 500;

/// Entries of the log that one step of retention or erasure looks at.
pub const LOG_ROWS_PER_STEP_MAX: usize = 1_000;

/// Recipients of one email that are quarantined one by one before the email itself is.
pub const EMAIL_RECIPIENTS_MAX: u32 = 3;

/// Workers that die while they prepare an email before it is quarantined.
pub const EMAIL_DEATHS_MAX: usize = 3;

/// Suspects that one `reap` is told of. A worker renders and prepares on a few threads, so it has
/// far fewer in hand at any instant.
pub const SUSPECTS_MAX: usize = 256;

/// Waiting chunks of a campaign among which a delivery is looked for that killed its trial, when no
/// lease holds it and it was filed anew beside others: 10 million recipients, about a tenth of a
/// second.
pub const SEARCHED_CHUNKS_MAX: usize = 20_000;

/// Tenants that the writer keeps in memory between commits.
pub const TENANTS_CACHED_MAX: usize = 1_024;

/// Parked chunks that one `unpark` puts back; they are moved, not rewritten.
pub const UNPARK_CHUNKS_MAX: usize = 64;

/// Drafts that one `start_due` starts.
pub const START_DUE_MAX: usize = 16;

/// How often drafts are looked for while one that is due cannot be read.
pub const UNREADABLE_DRAFT_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Receipts that one step of `resolve` looks at.
pub const RESOLVE_LOOKS_MAX: usize = 500;

/// Deliveries that one step of `resolve` changes: about 2 ms of work.
pub const RESOLVE_CHANGES_MAX: u64 = 64;

/// Chunks that one step of `resolve` reads for variables, each up to 256 KiB.
pub const RESOLVE_HOMES_MAX: usize = 8;

/// Recipients that a selection may name one by one.
pub const SELECTED_MAX: usize = 1_000;

/// Longest reason that a person gives, in bytes.
pub const REASON_BYTES_MAX: usize = 400;

/// How often a delivery is sent again by the policy `retry` alone; in doubt once more, it waits
/// for a person. A server that never answers would else be sent copies for ever.
pub const DOUBT_RETRIES_MAX: u8 = 3;

/// Requests that wait for the writer; a caller beyond that waits for room.
pub const REQUESTS_WAITING_MAX: usize = 4_096;

/// Groups of bulk requests (intake, sweeps, ends of leases) that wait for the writer; whoever
/// brings another waits for room. With 256 KiB a chunk, 16 MiB.
pub const BULK_WAITING_MAX: usize = 64;

/// Groups of bulk requests in one commit, however quickly they are done.
pub const BULK_PER_COMMIT_MAX: usize = 64;

/// Time of the writer that bulk requests take in one commit before the next is left for another:
/// a begin waits for no more, but for the request that is just being done.
pub const BULK_SPAN_MAX: Duration = Duration::from_millis(5);

/// Urgent requests in one commit.
pub const URGENT_PER_COMMIT_MAX: usize = 2_048;

/// Readers of cold matters at once.
pub const READERS_MAX: usize = 4;

/// Largest frame between a worker and the service, in octets: an email of 100 MB, the most that can
/// be configured, and what is around it.
pub const FRAME_BYTES_MAX: usize = 128 << 20;

/// Room for what comes over a socket in one read, in octets: a few hundred answers.
pub const SOCKET_READ_BYTES: usize = 64 * 1024;

/// Octets that wait for a socket to take them; beyond it neither side takes up more for the other.
pub const SOCKET_UNSENT_BYTES_MAX: usize = 1 << 20;

/// Bodies that are read for one worker at once; it asks for one after the other as it holds them.
pub const READS_PER_WORKER_MAX: usize = 2;

/// Notes from the service that wait until the worker takes them; a socket waits for that.
pub const NOTES_WAITING_MAX: usize = 1_024;

/// Most rows in one page of a listing.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// Campaigns that cannot be read of which each is told and counted.
pub const UNREADABLE_NOTED_MAX: usize = 1_000;

/// Memory for pages of the writer's SQLite connection, in KiB: the hot ends of the tables.
pub const WRITER_CACHE_KIB: u32 = 16 * 1024;

/// Memory for pages of each reading connection, in KiB; there are [`READERS_MAX`] of them.
pub const READER_CACHE_KIB: u32 = 2 * 1024;

/// Memory for pages of the connection that makes checkpoints, in KiB: it reads none.
pub const CHECKPOINT_CACHE_KIB: u32 = 64;

/// Prepared statements that each connection keeps: more than there are.
pub const STATEMENTS_MAX: usize = 64;

/// Steps of SQLite's virtual machine, or pages, that a look at the file takes before a start: about
/// a second.
pub const CHECK_STEPS_MAX: i32 = 20_000_000;

/// Steps after which it is asked whether that is enough.
pub const CHECK_STEPS_PER_LOOK: i32 = 10_000;

/// Pages of 4 KiB in the WAL that a checkpoint waits for while nothing else does: 4 MiB, which
/// take a few milliseconds.
pub const WAL_PAGES_IDLE_MAX: u32 = 1_024;

/// Pages of 4 KiB in the WAL at which a checkpoint is made although requests wait: 64 MiB. The
/// longer the log, the more often a page was written in it that is moved only once.
pub const WAL_PAGES_LONG: u32 = 16 * 1_024;

/// Pages in the WAL that the writer moves itself between two commits: 1 MiB, about what a few
/// commits write.
pub const WAL_REST_PAGES_MAX: u32 = 256;

/// Passes in a row that leave more than that; then the writer moves what the last one left.
pub const WAL_PASSES_MAX: usize = 4;

/// Pages in the WAL that were not moved at which a commit waits for a checkpoint: 128 MiB.
pub const WAL_PAGES_MAX: u32 = 32 * 1_024;

/// Largest answer that is kept for a request that may be sent again.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long such an answer is kept.
pub const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Most such answers; the oldest go first.
pub const ANSWERS_MAX: usize = 10_000;

/// Oldest answers that are looked at whenever one comes.
pub const ANSWERS_TRIMMED_MAX: usize = 16;

/// How far the clock may be behind the newest that a store holds before its start says so: more
/// than clocks are set by when they are right.
pub const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(60);

/// Campaigns that the writer keeps in memory between commits.
pub const CAMPAIGNS_CACHED_MAX: usize = 1_024;

const _: () = assert!(
    WRITER_CACHE_KIB as usize + READERS_MAX * READER_CACHE_KIB as usize <= 32 * 1024,
    "pages in memory are a quarter of what the service may take"
);

const _: () = assert!(
    WAL_REST_PAGES_MAX < WAL_PAGES_IDLE_MAX
        && WAL_PAGES_IDLE_MAX < WAL_PAGES_LONG
        && WAL_PAGES_LONG < WAL_PAGES_MAX,
    "the log is moved while there is room"
);
