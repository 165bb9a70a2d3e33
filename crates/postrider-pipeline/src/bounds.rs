//! Every bound of the pipeline that is not a setting, with its reason.

use std::time::Duration;

use postrider_types::bounds::{TAIL_LANES, VARIABLES_BYTES_MAX};

/// Open chunks of one audience: beyond it the oldest is filed.
pub const OPEN_CHUNKS_MAX: usize = 1_024;

/// Bytes of all open chunks of one audience together: 32 MiB.
pub const OPEN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Age at which an open chunk is filed as it is, so that sending starts while reading goes on.
pub const OPEN_AGE_MAX: Duration = Duration::from_millis(200);

/// Longest line of a list in bytes, and longest record of a CSV over all its lines: four times what
/// a recipient's variables may take, for escapes and columns that are left out.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Physical lines that one record of a CSV may span with quoted line breaks; it bounds what is
/// read again after a quote that is never closed.
pub const RECORD_LINES_MAX: usize = 256;

/// Columns of a CSV.
pub const COLUMNS_MAX: usize = 1_000;

/// Bytes of a list that are read in one go, so that what is parsed and not yet admitted stays
/// small.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Domains of one audience whose recipients are counted towards a lane of their own: about 8 MB.
pub const DOMAINS_COUNTED_MAX: usize = 65_536;

/// Lanes that an audience has beside the tail lanes: then each lane has an open chunk. With more
/// of them, chunks would be filed for want of room with one or two recipients in each.
pub const OWN_LANES_MAX: usize = OPEN_CHUNKS_MAX - TAIL_LANES as usize;

/// Chunks of one audience on their way into the store at once: enough that the store's writer
/// always has a full share of intake for its next commit while it makes one.
pub const FILINGS_IN_FLIGHT_MAX: usize = 16;

/// Parsed pieces of one audience that wait to be admitted.
pub const PIECES_WAITING_MAX: usize = 2;

/// Audiences that this process keeps in memory, live and idle ones together.
pub const AUDIENCES_MAX: usize = 16;

/// How long an audience that nobody feeds is kept in memory, because a list often comes in
/// slices.
pub const DESK_IDLE_MAX: Duration = Duration::from_secs(60);

/// How long a list waits for an idle audience to make room.
pub const DESK_WAIT_MAX: Duration = Duration::from_secs(5);

/// Chunks of a stored audience that are read at once to learn its addresses: at most 4 MiB.
pub const REBUILD_CHUNKS_MAX: usize = 16;

/// Sorted runs of one audience on disk; when there are more, they are merged into one.
pub const RUNS_MAX: usize = 4;

/// Recipients whose last message is remembered for the recipient quota: about 50 MB.
pub const RECIPIENT_CELLS_MAX: usize = 1 << 20;

/// How long nobody new is admitted when that many are remembered.
pub const RECIPIENT_CELLS_PRUNE: Duration = Duration::from_secs(1);

/// Domains whose state is kept although nothing of them is in hand.
pub const DOMAINS_KEPT_MAX: usize = 65_536;

/// How often the domains are looked through for idle ones when there are that many.
pub const DOMAINS_PRUNE: Duration = Duration::from_secs(1);

/// Sets of hosts that are kept although nothing goes there: about 10 MB.
pub const WAYS_KEPT_MAX: usize = 10_000;

/// How often they are looked through for unused ones when there are that many.
pub const WAYS_PRUNE: Duration = Duration::from_secs(1);

/// Domains whose hosts are asked for at once; the others wait for their turn.
pub const RESOLVING_MAX: usize = 64;

/// Pools that the status shows.
pub const POOLS_SHOWN_MAX: usize = 100;

/// Troubles of routes that one sentence tells; of more, only their number.
pub const ROUTE_TROUBLES_SHOWN_MAX: usize = 8;

/// Connections that one delivery may lose before the dot, in one hand, before it is deferred.
pub const LOSSES_MAX: u8 = 1;

/// The same of a delivery whose MAIL a server answered with its leave (421), behind a message that
/// it had accepted. Where it takes one message in a session and no more, every second MAIL stands
/// behind another; who stood there so often in a row is one of some hundred.
/// Losses before it count here, too, and leaves there.
pub const LEAVES_MAX: u8 = 8;

/// The shortest due bucket of what is refiled; otherwise a tenth of the wait.
pub const DUE_BUCKET_MIN: Duration = Duration::from_secs(1);

/// Whoever was given up at the gate waits for one in so many parts of his age: the time since the
/// first attempt, or since the campaign last began to run.
pub const RETURN_SHARE: u32 = 10;

/// Messages left in a lane's chunk in hand below which the lane's next chunk is claimed.
pub const PREFETCH_BELOW: usize = 100;

/// Chunks of one lane in hand at once that have messages left: the one that is sent and the next.
pub const HANDS_PER_LANE_MAX: usize = 2;

/// The delay after the store could not write; nothing is sent meanwhile.
pub const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest that a chunk is held while no message of it is under way and none ends: longer than
/// opening a session may take, which is what a chunk waits for.
pub const HAND_STILL_MAX: Duration = Duration::from_secs(1_000);

/// The part of a lease that must be left when a dot is written: a dot under a lease that is
/// about to end could be the second one.
pub const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// Events that wait for the core. Each connection, request and load has at most two under way.
pub const EVENTS_WAITING_MAX: usize = 8_192;

/// Events that one turn of the shell takes before it hands the requests to the store.
pub const EVENTS_PER_TURN_MAX: usize = 256;

/// Commands that wait for a courier: a message, and then its dot.
pub const COMMANDS_WAITING_MAX: usize = 4;

/// The largest message, in octets, whose begin is asked while it is still being written: it fits
/// into the buffers of a socket. A larger one is written first, so that a begin is never open for
/// as long as a slow receiver takes to read.
pub const EARLY_BEGIN_BYTES_MAX: u64 = 64 * 1024;

/// The longest that a dot may take to be answered for its destination to count as brisk.
pub const BRISK_MAX: Duration = Duration::from_secs(1);

/// How long connections are opened lock-step after one that pipelined fell out of step.
pub const LOCK_STEP_FOR: Duration = Duration::from_secs(3_600);

/// How long a server is told no size after it has refused one that it offered to be told.
pub const SIZELESS_FOR: Duration = Duration::from_secs(3_600);

/// How long a server is sent no chunks after it has offered to take them and did not know BDAT.
pub const CHUNKLESS_FOR: Duration = Duration::from_secs(3_600);

/// The delay after a connection that was lost before it stood begins with so small a part of the
/// shortest one while other sessions of the site stand.
pub const AMONG_OTHERS_SHARE: u32 = 10;

/// Sessions in a row that stand, and end before a message of theirs is answered, before their site
/// counts as one that cannot be reached: one or two may be chance, and the mail goes again at once.
pub const HOLLOW_SESSIONS_MAX: u32 = 3;

/// Campaigns that a start looks at in one step.
pub const RECOVERY_PAGE: usize = 100;

/// The gate opens when one in so many of the busy connections has a message there.
pub const GATE_SHARE: usize = 4;

/// The longest that a message stands at the gate before its begin is asked.
pub const GATE_WAIT_MAX: Duration = Duration::from_millis(1);

/// The longest that an outcome waits for a begin to ride with.
pub const OUTCOME_RIDES_MAX: Duration = Duration::from_millis(10);

const _: () = assert!(
    LINE_BYTES_MAX >= 4 * VARIABLES_BYTES_MAX,
    "a line must hold the largest variables, escapes included"
);

/// Replies in a row that refuse us, and not a message, before a route is suspended: one may be
/// anybody's words about his own domain.
pub const BLAMES_TO_SUSPEND: u32 = 3;

/// Replies in a row that ask for a rest before a relay gets one: one may be the words of a single
/// receiver behind it.
pub const ASKS_OF_A_RELAY: u32 = 3;

/// The longest rest that a site gets by doubling; a rule may ask for a longer one.
pub const REST_MAX: Duration = Duration::from_secs(3_600);

/// Groups of refusals that say the same, kept for people.
pub const REFUSAL_GROUPS_MAX: usize = 200;

/// How long the refusals and the counts that are shown may lag behind while mail goes out.
pub const COUNTS_SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Bodies that are loaded and prepared at once, whatever their sizes: each has a slot in the file
/// of what is in hand.
pub const LOADS_MAX: usize = 16;

/// The largest file of what is in hand that is read: of half a million connections.
pub const IN_HAND_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a delivery waits whose begin met something damaged in the store.
pub const DAMAGED_RETRY_AFTER: Duration = Duration::from_secs(900);

/// How long a chunk waits in the store whose body found no room in memory.
pub const ROOM_RETRY_AFTER: Duration = Duration::from_secs(2);

/// The pause between two claims after a body found no room: so a long queue of such chunks is gone
/// through a few at a time.
pub const ROOM_CLAIM_PAUSE: Duration = Duration::from_millis(100);

/// How often a purge walks over what waits, as long as each walk still finds somebody: what a lease
/// gives back meanwhile is new to the next walk.
pub const PURGE_WALKS_MAX: usize = 16;

/// How often the store's file is cleaned of what was erased, while somebody reads an old state of
/// it; each try writes the file anew.
pub const COMPACT_TRIES_MAX: usize = 3;
