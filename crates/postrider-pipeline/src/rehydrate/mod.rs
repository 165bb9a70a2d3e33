//! From an email's id to its body: prepared once, shared by everything that sends it.
//!
//! Two tables. *In use*: the bodies of the chunks in hand, kept as long as any of them is, so that
//! a body larger than the whole cache is loaded once for a chunk and not once for a message; they
//! have a budget (`in_use`). The *cache* behind it: bodies of the recent past, weighed in bytes,
//! the least recently used going first.
//!
//! A body is measured before it is loaded. One that could never fit is told with numbers instead
//! of tried; one that does not fit now is not waited for. A body that several ask for at once is
//! loaded once, and two semaphores bound what is being loaded, in bytes and in number.

mod body;
mod in_use;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use postrider_message::Limits;
use postrider_store::{Store, StoreError};
use postrider_types::{EmailId, TenantId};
use tokio::sync::Semaphore;

pub use body::Body;
pub(crate) use body::prepare;

use crate::bounds::LOADS_MAX;
use crate::core::BodyTrouble;
use crate::in_hand::InHand;
use crate::report;
use crate::settings::CacheSettings;
use crate::solo::Solo;
use in_use::{InUse, Room};

/// What one permit of the semaphore stands for.
const PERMIT_BYTES: u64 = 1024;

/// About how many bytes a body takes, by the size of its stored form: attachments grow by a third
/// in base64, and what is looked at once is kept beside it.
const fn prepared_bytes(stored_bytes: u64) -> u64 {
    stored_bytes.saturating_add(stored_bytes / 2)
}

/// The bodies in memory.
pub struct Bodies {
    store: Store,
    limits: Limits,
    cache: Cache<(TenantId, EmailId), Arc<Body>>,
    in_use: InUse,
    /// Bounds the bytes that are being loaded.
    loading: Semaphore,
    permits: u32,
    /// Bounds how many are being loaded.
    loads: Semaphore,
    loaded: AtomicU64,
    preparing: Preparing,
}

/// How a body is prepared beside what else the process does.
#[derive(Clone)]
pub(crate) struct Preparing {
    /// Waits while a suspect is rendered alone.
    pub(crate) solo: Arc<Solo>,
    /// Where it is noted what is prepared.
    pub(crate) in_hand: Option<Arc<InHand>>,
}

impl Bodies {
    /// Nothing in memory yet.
    pub(crate) fn new(
        store: Store,
        settings: CacheSettings,
        limits: Limits,
        preparing: Preparing,
    ) -> Self {
        let bytes = u64::try_from(settings.load_bytes_max).unwrap_or(u64::MAX);
        let permits = permits_for(bytes).min(Semaphore::MAX_PERMITS.try_into().unwrap_or(u32::MAX));
        Self {
            store,
            limits,
            cache: Cache::builder()
                .max_capacity(settings.bytes_max)
                .weigher(|_, body: &Arc<Body>| {
                    u32::try_from(body.weight_bytes()).unwrap_or(u32::MAX)
                })
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            in_use: InUse::new(settings.in_use_bytes_max),
            loading: Semaphore::new(usize::try_from(permits).unwrap_or(usize::MAX)),
            permits,
            loads: Semaphore::new(LOADS_MAX),
            loaded: AtomicU64::new(0),
            preparing,
        }
    }

    /// One holder more, from now on; the body itself comes with [`Bodies::bring`].
    pub fn hold(&self, tenant: TenantId, email: EmailId) {
        self.in_use.hold((tenant, email));
    }

    /// One holder less; with the last one the body is only cached.
    pub fn let_go(&self, tenant: TenantId, email: EmailId) {
        self.in_use.let_go((tenant, email));
    }

    /// The body of an email that is held and was brought.
    pub fn get(&self, tenant: TenantId, email: EmailId) -> Option<Arc<Body>> {
        self.in_use.get((tenant, email))
    }

    /// Brings the body of an email that is held into memory. When nobody holds it any more,
    /// nothing is brought.
    ///
    /// # Errors
    /// [`BodyTrouble`].
    pub async fn bring(&self, tenant: TenantId, email: EmailId) -> Result<(), BodyTrouble> {
        if self.get(tenant, email).is_some() {
            return Ok(());
        }
        let measured = self.measure(tenant, email).await?;
        match self.in_use.take((tenant, email), measured.bytes) {
            Room::Taken => {}
            Room::Full => return Err(BodyTrouble::NoRoom),
            Room::Unwanted => return Ok(()),
        }
        let load = self.load(tenant, email, measured.stored_bytes);
        match self.cache.try_get_with((tenant, email), load).await {
            Ok(body) => {
                let bytes = weight_of(&body);
                self.in_use.put((tenant, email), body, bytes);
                Ok(())
            }
            Err(trouble) => {
                self.in_use.give_up((tenant, email));
                Err(trouble.as_ref().clone())
            }
        }
    }

    /// How many bodies were loaded from the store.
    pub fn loaded(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    /// What a body takes, or will take.
    async fn measure(&self, tenant: TenantId, email: EmailId) -> Result<Measured, BodyTrouble> {
        if let Some(body) = self.cache.get(&(tenant, email)).await {
            return Ok(Measured {
                // Unless the cache forgets it meanwhile, nothing is loaded.
                stored_bytes: weight_of(&body),
                bytes: weight_of(&body),
            });
        }
        let read = self
            .store
            .read(move |reader| reader.email_bytes(tenant, email));
        let stored_bytes = read
            .await
            .map_err(unreadable)?
            .ok_or_else(|| missing(email))?;
        let (bytes, bytes_max) = (prepared_bytes(stored_bytes), self.in_use.bytes_max());
        if bytes > bytes_max {
            return Err(BodyTrouble::Unusable(format!(
                "{email} takes about {bytes} bytes of memory, and cache.in_use_bytes_max is \
                 {bytes_max}"
            )));
        }
        Ok(Measured {
            stored_bytes,
            bytes,
        })
    }

    async fn load(
        &self,
        tenant: TenantId,
        email: EmailId,
        stored_bytes: u64,
    ) -> Result<Arc<Body>, BodyTrouble> {
        let closed = |_| BodyTrouble::Store(StoreError::Closed);
        let permits = permits_for(stored_bytes).min(self.permits);
        let _bytes = self.loading.acquire_many(permits).await.map_err(closed)?;
        let _load = self.loads.acquire().await.map_err(closed)?;
        self.loaded.fetch_add(1, Ordering::Relaxed);
        let (limits, preparing) = (self.limits, self.preparing.clone());
        let note = move || {
            let in_hand = preparing.in_hand.as_ref();
            in_hand.map(|in_hand| in_hand.loading(tenant, email))
        };
        let solo = Arc::clone(&self.preparing.solo);
        let read = self.store.read(move |reader| {
            let noted = note();
            let Some(content) = reader.email(tenant, email)? else {
                return Ok(None);
            };
            // Not noted while it waits.
            drop(noted);
            Ok(Some(solo.with(false, || {
                let _noted = note();
                prepare(email, content, limits)
            })))
        });
        match read.await.map_err(unreadable)? {
            Some(prepared) => prepared.map(Arc::new).map_err(BodyTrouble::Unusable),
            None => Err(missing(email)),
        }
    }
}

/// The size of a body before it is loaded.
struct Measured {
    stored_bytes: u64,
    /// In memory.
    bytes: u64,
}

fn weight_of(body: &Body) -> u64 {
    u64::try_from(body.weight_bytes()).unwrap_or(u64::MAX)
}

fn permits_for(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES).max(1)).unwrap_or(u32::MAX)
}

fn missing(email: EmailId) -> BodyTrouble {
    BodyTrouble::Unusable(format!("{email} is missing from the store"))
}

/// What is damaged in the store does not become readable by waiting.
fn unreadable(error: StoreError) -> BodyTrouble {
    match error {
        StoreError::Corrupt { .. } => BodyTrouble::Unusable(report::chain(&error)),
        error => BodyTrouble::Store(error),
    }
}

#[cfg(test)]
mod tests;
