//! Sorted keys on disk.
//!
//! A run is a nameless file of sorted keys and, in memory, the first key of each of its blocks,
//! so that a lookup reads one block. Runs are few: a lookup asks each, and one too many merges
//! them all.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::bounds::RUNS_MAX;

/// The first 96 bits of an address key's hash, in the order of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; KEY_BYTES]);

pub(super) const KEY_BYTES: usize = 12;

impl Key {
    pub(super) fn of(hash: u128) -> Self {
        let [key @ .., _, _, _, _] = hash.to_be_bytes();
        Self(key)
    }

    /// The first `bits` bits, at most eight.
    pub(super) fn leading_bits(&self, bits: u32) -> usize {
        usize::from(self.0[0]) >> (8 - bits)
    }

    /// The last 64 bits.
    pub(super) fn trailing_bits(&self) -> u64 {
        let [_, _, _, _, bits @ ..] = self.0;
        u64::from_be_bytes(bits)
    }
}

/// All runs of one audience.
#[derive(Debug)]
pub(super) struct Runs {
    dir: PathBuf,
    runs: Vec<Run>,
}

impl Runs {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            runs: Vec::new(),
        }
    }

    /// Writes a run of keys that are sorted and in no other run.
    pub(super) fn add(&mut self, sorted: impl Iterator<Item = Key>) -> io::Result<()> {
        self.runs.push(Run::write(
            tempfile::tempfile_in(&self.dir)?,
            sorted.map(Ok),
        )?);
        if self.runs.len() > RUNS_MAX {
            let merge = Merge::of(&mut self.runs)?;
            self.runs = vec![Run::write(tempfile::tempfile_in(&self.dir)?, merge)?];
        }
        Ok(())
    }

    pub(super) fn contains(&self, key: &Key) -> io::Result<bool> {
        for run in &self.runs {
            if run.contains(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn len(&self) -> u64 {
        self.runs.iter().map(|run| run.keys).sum()
    }

    /// The memory of the fences, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.runs
            .iter()
            .map(|run| run.fence.capacity() * KEY_BYTES)
            .sum()
    }
}

/// Keys that one lookup reads: a page of them.
const BLOCK_KEYS: usize = 4096 / KEY_BYTES;
const BLOCK_BYTES: usize = BLOCK_KEYS * KEY_BYTES;

#[derive(Debug)]
struct Run {
    file: File,
    keys: u64,
    /// The first key of each block.
    fence: Vec<Key>,
}

impl Run {
    fn write(file: File, sorted: impl Iterator<Item = io::Result<Key>>) -> io::Result<Self> {
        let mut writer = BufWriter::new(&file);
        let mut fence = Vec::new();
        let mut keys = 0_u64;
        for key in sorted {
            let key = key?;
            if keys.is_multiple_of(BLOCK_KEYS as u64) {
                fence.push(key);
            }
            writer.write_all(&key.0)?;
            keys += 1;
        }
        writer.flush()?;
        drop(writer);
        fence.shrink_to_fit();
        Ok(Self { file, keys, fence })
    }

    fn contains(&self, key: &Key) -> io::Result<bool> {
        let Some(block) = self
            .fence
            .partition_point(|first| first <= key)
            .checked_sub(1)
        else {
            return Ok(false);
        };
        let mut bytes = [0; BLOCK_BYTES];
        let begin = (block * BLOCK_BYTES) as u64;
        let left = self.keys * KEY_BYTES as u64 - begin;
        let bytes = &mut bytes[..usize::try_from(left)
            .unwrap_or(BLOCK_BYTES)
            .min(BLOCK_BYTES)];
        self.file.read_exact_at(bytes, begin)?;
        let (keys, _) = bytes.as_chunks::<KEY_BYTES>();
        Ok(keys.binary_search(&key.0).is_ok())
    }
}

/// The keys of several runs in order.
struct Merge<'a> {
    heads: Vec<Head<'a>>,
}

struct Head<'a> {
    reader: BufReader<&'a File>,
    left: u64,
    next: Key,
}

impl<'a> Merge<'a> {
    fn of(runs: &'a mut [Run]) -> io::Result<Self> {
        let mut heads = Vec::with_capacity(runs.len());
        for run in runs {
            run.file.rewind()?;
            let reader = BufReader::with_capacity(16 * BLOCK_BYTES, &run.file);
            let mut head = Head {
                reader,
                left: run.keys,
                next: Key([0; KEY_BYTES]),
            };
            if head.advance()? {
                heads.push(head);
            }
        }
        Ok(Self { heads })
    }
}

impl Head<'_> {
    /// Reads the next key; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        self.reader.read_exact(&mut self.next.0)?;
        Ok(true)
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<Key>;

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.heads.iter().enumerate();
        let (least, head) = heads.min_by_key(|(_, head)| head.next)?;
        let key = head.next;
        match self.heads[least].advance() {
            Ok(true) => {}
            Ok(false) => drop(self.heads.swap_remove(least)),
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: u32) -> impl Iterator<Item = Key> {
        (0..1_000_u32).map(move |n| Key::of(u128::from(16 * n + of) << 96 | u128::from(n) << 40))
    }

    #[test]
    fn one_run_too_many_merges_them_all() {
        let dir = tempfile::tempdir().unwrap();
        let mut runs = Runs::new(dir.path().to_owned());
        for of in 0..10 {
            runs.add(keys(of)).unwrap();
            assert!(runs.runs.len() <= RUNS_MAX);
            assert_eq!(runs.len(), 1_000 * u64::from(of + 1));
        }
        for of in 0..12 {
            let is_there = |key: Key| runs.contains(&key).unwrap() == (of < 10);
            assert!(keys(of).all(is_there), "run {of}");
        }
    }
}
