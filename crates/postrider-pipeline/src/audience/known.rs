//! Which addresses an audience holds already.
//!
//! Kept are the first 96 bits of each address key's hash: among a hundred million recipients the
//! chance that any two meet is one in ten thousand billions. In memory they live in small hash
//! tables, one for each leading six bits, so that growing never holds the old and the new of all
//! at once: at most 32 bytes a recipient at the worst load. When the next growth would pass
//! `bytes_max`, everything is written out as one sorted run and the tables start again.
//!
//! It holds no durable truth: after a restart, or whenever in doubt, it is dropped and learned
//! again from the store.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::io;
use std::path::PathBuf;

use super::runs::{KEY_BYTES, Key, Runs};

/// A growing set of address-key hashes in bounded memory. Its calls block while runs are on disk.
#[derive(Debug)]
pub struct Known {
    shards: Vec<Shard>,
    runs: Runs,
    bytes_max: usize,
}

const SHARD_BITS: u32 = 6;

impl Known {
    /// An empty set with at most `bytes_max` bytes of tables, or a few kilobytes when that is
    /// less; to find its way in the runs, it takes a byte for each 25 recipients there. The
    /// runs are nameless files in `dir`, which must exist.
    pub fn new(bytes_max: usize, dir: PathBuf) -> Self {
        let shards = (0..1 << SHARD_BITS).map(|_| Shard::default()).collect();
        Self {
            shards,
            runs: Runs::new(dir),
            bytes_max,
        }
    }

    /// Adds a hash, and says whether it is new.
    ///
    /// # Errors
    /// When the runs cannot be written or read. Hashes may be lost then, so the whole set must
    /// not be used any more.
    pub fn insert(&mut self, hash: u128) -> io::Result<bool> {
        let key = Key::of(hash);
        let shard = key.leading_bits(SHARD_BITS);
        if self.shards[shard].contains(&key) || self.runs.contains(&key)? {
            return Ok(false);
        }
        let is_full = self.shards[shard].len() == self.shards[shard].capacity();
        if is_full && self.bytes() + table_bytes(self.shards[shard].capacity() + 1) > self.bytes_max
        {
            self.spill()?;
        }
        self.shards[shard].insert(key);
        Ok(true)
    }

    /// How many hashes it holds.
    pub fn len(&self) -> u64 {
        let in_memory: usize = self.shards.iter().map(HashSet::len).sum();
        in_memory as u64 + self.runs.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let tables: usize = self
            .shards
            .iter()
            .map(|shard| table_bytes(shard.capacity()))
            .sum();
        tables + self.runs.bytes()
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.shards.iter().all(HashSet::is_empty) {
            return Ok(());
        }
        // Shard by shard is in order, because a shard is a range of leading bits.
        let sorted = self.shards.iter_mut().flat_map(|shard| {
            let mut keys: Vec<_> = shard.drain().collect();
            keys.sort_unstable();
            keys
        });
        self.runs.add(sorted)
    }
}

type Shard = HashSet<Key, BuildHasherDefault<AlreadyHashed>>;

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.trailing_bits());
    }
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a key hashes as one number");
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What the standard library's table takes for `capacity` keys: a power of two of buckets, an
/// eighth of them spare, with a byte of control each and a group of it more.
fn table_bytes(capacity: usize) -> usize {
    const CONTROL_GROUP_BYTES: usize = 16;
    let buckets = match capacity {
        0 => return 0,
        1..=3 => 4,
        4..=7 => 8,
        capacity => (capacity * 8 / 7).next_power_of_two(),
    };
    buckets * (KEY_BYTES + 1) + CONTROL_GROUP_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash_of(number: u64) -> u128 {
        let address: postrider_types::Address =
            format!("recipient-{number}@example.test").parse().unwrap();
        address.key().hash()
    }

    fn known(bytes_max: usize) -> (Known, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (Known::new(bytes_max, dir.path().to_owned()), dir)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_answers_like_a_set_although_most_of_it_is_on_disk(
            numbers in prop::collection::vec(0..3_000_u64, 1..6_000),
        ) {
            let (mut known, _dir) = known(0);
            let mut set = HashSet::new();
            for number in numbers {
                let is_new = known.insert(hash_of(number)).unwrap();
                prop_assert_eq!(is_new, set.insert(number));
            }
            prop_assert_eq!(known.len(), set.len() as u64);
        }
    }

    #[test]
    fn a_recipient_takes_at_most_32_bytes_at_every_load() {
        let (mut known, _dir) = known(usize::MAX);
        let mut worst = 0.0_f64;
        for number in 1..=300_000_u32 {
            let before = known.bytes();
            known.insert(hash_of(u64::from(number))).unwrap();
            // While one table grows, its old half is there too.
            let grown = known.bytes() - before;
            if number > 20_000 {
                worst = worst.max((before as f64 + 2.0 * grown as f64) / f64::from(number));
            }
        }
        assert!(worst <= 32.0, "{worst} bytes a recipient");
        assert_eq!(known.len(), 300_000);
    }

    #[test]
    fn memory_stays_under_its_bound_and_nothing_is_forgotten() {
        let bytes_max = 64 * 1024;
        let (mut known, dir) = known(bytes_max);
        for number in 0..50_000_u32 {
            assert!(known.insert(hash_of(number.into())).unwrap());
            let (bytes, fences_max) = (known.bytes(), number as usize / 25);
            assert!(bytes <= bytes_max + fences_max, "{bytes} bytes at {number}");
        }
        for number in (0..50_000).step_by(7) {
            assert!(!known.insert(hash_of(number)).unwrap());
        }
        assert_eq!(known.len(), 50_000);
        let names = dir.path().read_dir().unwrap().count();
        assert_eq!(
            names, 0,
            "runs have no name, so that a crash leaves none behind"
        );
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error() {
        let (mut known, dir) = known(0);
        dir.close().unwrap();
        let mut outcomes = (0..1_000).map(|number| known.insert(hash_of(number)));
        assert!(outcomes.any(|outcome| outcome.is_err()));
    }
}
