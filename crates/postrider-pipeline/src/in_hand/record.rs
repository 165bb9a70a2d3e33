//! What one slot of the file holds, byte for byte.
//!
//! A record has a fixed size that divides a page, so that none lies across two. It ends in a check
//! over its bytes and its place: one that is torn, or that somebody else wrote, is not believed.
//! Numbers are little endian; what is not used is zero.
//!
//! | bytes | header | rendering | loading |
//! |---|---|---|---|
//! | 0 | the letter `H` | `R` | `L` |
//! | 1–7 | version | 0 | 0 |
//! | 8–11 | slots | tenant | tenant |
//! | 12–15 | 0 | campaign | 0 |
//! | 16–19 | worker | recipient | 0 |
//! | 20–23 | worker | 0 | 0 |
//! | 24–31 | 0 | chunk | 0 |
//! | 32–63 | 0 | email | email |
//! | 64–103 | boot | 0 | 0 |
//! | 120–127 | check | check | check |

use postrider_types::{CampaignId, ChunkId, DeliveryId, EmailId, RecipientId, TenantId, WorkerId};

use super::Note;

/// The size of a record.
pub(super) const BYTES: usize = 128;

/// Where the check begins.
const CHECK: usize = BYTES - 8;

/// Where the boot is, and how many bytes it may take: a UUID in text has 36.
const BOOT: usize = 64;
const BOOT_BYTES: usize = 40;

/// The form of the file.
const VERSION: u8 = 2;

/// The place of the header in its check, which is no slot's.
const HEADER_PLACE: usize = usize::MAX;

/// What the file begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// How many records follow.
    pub(super) slots: usize,
    /// Whose file it is.
    pub(super) worker: WorkerId,
    /// What the machine calls this boot; all zero where it does not say.
    pub(super) boot: [u8; BOOT_BYTES],
}

impl Header {
    /// The header of a file that is made now.
    pub(super) fn of_this_boot(slots: usize, worker: WorkerId) -> Self {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let text = text.unwrap_or_default();
        let mut boot = [0; BOOT_BYTES];
        for (place, byte) in boot.iter_mut().zip(text.trim().bytes()) {
            *place = byte;
        }
        Self {
            slots,
            worker,
            boot,
        }
    }

    pub(super) fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[0] = b'H';
        bytes[1] = VERSION;
        let slots = u32::try_from(self.slots).expect("a few thousand connections");
        bytes[8..12].copy_from_slice(&slots.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.worker.0.to_le_bytes());
        bytes[BOOT..BOOT + BOOT_BYTES].copy_from_slice(&self.boot);
        seal(HEADER_PLACE, bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = opened(HEADER_PLACE, bytes)?;
        if bytes[..2] != [b'H', VERSION] {
            return None;
        }
        Some(Self {
            slots: usize::try_from(number(bytes, 8)).ok()?,
            worker: WorkerId(u64::from_le_bytes(bytes[16..24].try_into().ok()?)),
            boot: bytes[BOOT..BOOT + BOOT_BYTES].try_into().ok()?,
        })
    }
}

/// The record of a slot; one that is free is all zero.
pub(super) fn encode(slot: usize, note: Option<&Note>) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    match note {
        None => return bytes,
        Some(Note::Rendering {
            delivery,
            chunk,
            email,
        }) => {
            bytes[0] = b'R';
            bytes[8..12].copy_from_slice(&delivery.tenant.0.to_le_bytes());
            bytes[12..16].copy_from_slice(&delivery.campaign.0.to_le_bytes());
            bytes[16..20].copy_from_slice(&delivery.recipient.0.to_le_bytes());
            bytes[24..32].copy_from_slice(&chunk.0.to_le_bytes());
            bytes[32..64].copy_from_slice(email.as_bytes());
        }
        Some(Note::Loading { tenant, email }) => {
            bytes[0] = b'L';
            bytes[8..12].copy_from_slice(&tenant.0.to_le_bytes());
            bytes[32..64].copy_from_slice(email.as_bytes());
        }
    }
    seal(slot, bytes)
}

/// What a slot says; `None` when it is not whole.
pub(super) fn decode(slot: usize, bytes: &[u8]) -> Option<Option<Note>> {
    if bytes.len() == BYTES && bytes.iter().all(|byte| *byte == 0) {
        return Some(None);
    }
    let bytes = opened(slot, bytes)?;
    let tenant = TenantId(number(bytes, 8));
    let email = EmailId::from_bytes(bytes[32..64].try_into().ok()?);
    match bytes[0] {
        b'R' => Some(Some(Note::Rendering {
            delivery: DeliveryId {
                tenant,
                campaign: CampaignId(number(bytes, 12)),
                recipient: RecipientId(number(bytes, 16)),
            },
            chunk: ChunkId(u64::from_le_bytes(bytes[24..32].try_into().ok()?)),
            email,
        })),
        b'L' => Some(Some(Note::Loading { tenant, email })),
        _ => None,
    }
}

fn number(bytes: &[u8; BYTES], from: usize) -> u32 {
    let number = [0, 1, 2, 3].map(|place| bytes[from + place]);
    u32::from_le_bytes(number)
}

fn seal(place: usize, mut bytes: [u8; BYTES]) -> [u8; BYTES] {
    let check = check(place, &bytes[..CHECK]);
    bytes[CHECK..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// A record whose check is right.
fn opened(place: usize, bytes: &[u8]) -> Option<&[u8; BYTES]> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let is_right = bytes[CHECK..] == check(place, &bytes[..CHECK]).to_le_bytes();
    is_right.then_some(bytes)
}

/// FNV-1a over the place and the bytes: against accidents, not against anybody.
fn check(place: usize, bytes: &[u8]) -> u64 {
    let place = u64::try_from(place).unwrap_or(u64::MAX).to_le_bytes();
    let all = place.iter().chain(bytes);
    all.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
