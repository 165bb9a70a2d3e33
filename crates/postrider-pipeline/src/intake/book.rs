//! What a desk knows: who is in the audience, and the open chunks.

use std::io;

use postrider_store::rows::ChunkRow;
use postrider_types::Timestamp;

use super::ask::Source;
use super::registry::Shared;
use crate::audience::{Known, Parsed};
use crate::batcher::{Batcher, ReadyChunk};

/// It blocks while it writes or reads runs.
pub(super) struct Book {
    known: Known,
    pub(super) batcher: Batcher<Source>,
}

impl Book {
    pub(super) fn new(shared: &Shared) -> Self {
        let (bytes_max, dir) = (shared.settings.dedup_bytes_max, shared.spill_dir.clone());
        Self {
            known: Known::new(bytes_max, dir),
            batcher: Batcher::new(shared.own_lanes.clone()),
        }
    }

    pub(super) fn learn(&mut self, chunks: &[ChunkRow]) -> io::Result<()> {
        for recipient in chunks.iter().flat_map(|chunk| &chunk.recipients) {
            self.known.insert(recipient.address.key().hash())?;
            self.batcher.count(&recipient.address);
        }
        Ok(())
    }

    pub(super) fn admit(
        &mut self,
        recipients: Vec<Parsed>,
        source: &Source,
        now: Timestamp,
    ) -> io::Result<Vec<ReadyChunk<Source>>> {
        let mut ready = Vec::new();
        let mut duplicates = 0;
        for Parsed { address, variables } in recipients {
            if self.known.insert(address.key().hash())? {
                self.batcher
                    .push((address, variables), source.clone(), &mut ready, now);
            } else {
                duplicates += 1;
            }
        }
        source.count_duplicates(duplicates);
        Ok(ready)
    }
}
