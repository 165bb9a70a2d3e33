//! What a desk knows: who is in the audience, and the open chunks.

use std::io;

use postrider_store::rows::ChunkRow;
use postrider_types::{Address, TenantId, Timestamp};

use super::ask::Source;
use super::registry::Shared;
use crate::audience::{Known, Parsed};
use crate::batcher::{Batcher, ReadyChunk};

/// It blocks while it writes or reads runs.
pub(super) struct Book {
    known: Known,
    /// Whether anybody of the audience was erased. Nobody can tell from the audience who that was,
    /// so each address is looked for in its erased form too.
    has_erased: bool,
    tenant: TenantId,
    store_key: [u8; 32],
    pub(super) batcher: Batcher<Source>,
}

impl Book {
    pub(super) fn new(shared: &Shared, tenant: TenantId) -> Self {
        let (bytes_max, dir) = (shared.settings.dedup_bytes_max, shared.spill_dir.clone());
        Self {
            known: Known::new(bytes_max, dir),
            has_erased: false,
            tenant,
            store_key: shared.store.message_key(),
            batcher: Batcher::new(shared.own_lanes.clone()),
        }
    }

    pub(super) fn learn(&mut self, chunks: &[ChunkRow]) -> io::Result<()> {
        for recipient in chunks.iter().flat_map(|chunk| &chunk.recipients) {
            self.known.insert(recipient.address.key().hash())?;
            self.has_erased |= recipient.address.is_erased();
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
            if self.is_new(&address)? {
                self.batcher
                    .push((address, variables), source.clone(), &mut ready, now);
            } else {
                duplicates += 1;
            }
        }
        source.count_duplicates(duplicates);
        Ok(ready)
    }

    /// Whether an address is not in the audience yet; from now on it is.
    fn is_new(&mut self, address: &Address) -> io::Result<bool> {
        let key = address.key();
        if !self.known.insert(key.hash())? {
            return Ok(false);
        }
        if !self.has_erased {
            return Ok(true);
        }
        let stands_for = Address::erased(&self.store_key, self.tenant, &key);
        self.known.insert(stands_for.key().hash())
    }
}
