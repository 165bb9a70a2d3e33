//! Every bound of the store, with its reason.

/// Lanes that one claim wakes, and lanes that it looks at, before it answers: a claim's cost
/// does not grow with what waits.
pub const CLAIM_STEPS_MAX: usize = 64;

/// Expired leases that one `reap` ends.
pub const REAP_LEASES_MAX: usize = 16;

/// Chunks that one `sweep` or `unpark` moves: about 2 ms of work.
pub const SWEEP_CHUNKS_MAX: usize = 4;

/// Parked chunks that one `unpark` puts back; they are moved, not rewritten.
pub const UNPARK_CHUNKS_MAX: usize = 64;

/// Requests that wait for the writer; a caller beyond that waits for room.
pub const REQUESTS_WAITING_MAX: usize = 4_096;

/// Bulk requests (intake, sweep) in one commit, so that a begin never waits long behind them.
pub const BULK_PER_COMMIT_MAX: usize = 8;

/// Urgent requests in one commit.
pub const URGENT_PER_COMMIT_MAX: usize = 2_048;

/// Readers of cold matters at once.
pub const READERS_MAX: usize = 4;

/// Most rows in one page of a listing.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// Memory for pages of the writer's SQLite connection, in KiB: the hot ends of the tables.
pub const WRITER_CACHE_KIB: u32 = 16 * 1024;

/// Memory for pages of each reading connection, in KiB; there are [`READERS_MAX`] of them.
pub const READER_CACHE_KIB: u32 = 2 * 1024;

/// Prepared statements that each connection keeps: more than there are.
pub const STATEMENTS_MAX: usize = 64;

/// Pages of 4 KiB in the WAL that a checkpoint waits for while nothing else does: 4 MiB, which
/// take a few milliseconds.
pub const WAL_PAGES_IDLE_MAX: u32 = 1_024;

/// Pages of 4 KiB in the WAL at which a checkpoint is made although requests wait: 64 MiB.
pub const WAL_PAGES_MAX: u32 = 16 * 1_024;

/// Campaigns that the writer keeps in memory between commits.
pub const CAMPAIGNS_CACHED_MAX: usize = 1_024;

const _: () = assert!(
    WRITER_CACHE_KIB as usize + READERS_MAX * READER_CACHE_KIB as usize <= 32 * 1024,
    "pages in memory are a quarter of what the service may take"
);
