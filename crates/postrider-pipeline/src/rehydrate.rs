//! From an email's id to its body: prepared once, shared by everything that sends it.
//!
//! Two tables. *In use*: the bodies of the chunks in hand, kept as long as any of them is, so that
//! a body larger than the whole cache is loaded once for a chunk and not once for a message. The
//! *cache* behind it: bodies of the recent past, weighed in bytes, the least recently used going
//! first. A body that several ask for at once is loaded once, and a semaphore over bytes bounds
//! what is being loaded.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use postrider_message::{Limits, Message, Prepared, Segment, codec};
use postrider_smtp::{Content, Scanned, Trouble};
use postrider_store::{Store, StoreError};
use postrider_types::{EmailId, TenantId};
use tokio::sync::Semaphore;

use crate::core::BodyTrouble;
use crate::report;
use crate::settings::CacheSettings;

/// What one permit of the semaphore stands for.
const PERMIT_BYTES: usize = 1024;

/// An email that was made ready, and what all of its messages share, looked at once.
pub struct Body {
    prepared: Prepared,
    /// The shared stretches by their index.
    shared: Vec<Scanned>,
}

impl Body {
    /// Looks at what its messages share.
    pub fn new(prepared: Prepared) -> Self {
        let shared = prepared.shared().iter().cloned();
        Self {
            shared: shared.map(Scanned::new).collect(),
            prepared,
        }
    }

    /// The email.
    pub const fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The octets of one of its messages, of which only those are looked at that no other has.
    ///
    /// # Errors
    /// As of [`Content::new`].
    pub fn content(&self, message: Message) -> Result<Content, Trouble> {
        let scanned = message.into_segments().map(|segment| match segment {
            Segment::Own(bytes) => Scanned::new(bytes),
            Segment::Shared(index, bytes) => match self.shared.get(index) {
                Some(scanned) => scanned.clone(),
                None => Scanned::new(bytes),
            },
        });
        Content::of(scanned.collect())
    }

    /// About how many bytes of memory it takes.
    fn weight_bytes(&self) -> usize {
        let scanned = self.shared.iter().map(Scanned::overhead_bytes);
        self.prepared.weight_bytes() + scanned.sum::<usize>()
    }
}

impl fmt::Debug for Body {
    /// Its size, and nothing of what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.weight_bytes())
    }
}

/// The bodies in memory.
pub struct Bodies {
    store: Store,
    limits: Limits,
    cache: Cache<(TenantId, EmailId), Arc<Body>>,
    in_use: Mutex<HashMap<EmailId, InUse>>,
    loading: Semaphore,
    permits_per_load: u32,
    loaded: AtomicU64,
}

/// A body that chunks in hand need; empty while it is being loaded.
struct InUse {
    holders: usize,
    body: Option<Arc<Body>>,
}

impl Bodies {
    /// Nothing in memory yet.
    pub fn new(store: Store, settings: CacheSettings, limits: Limits) -> Self {
        let permits = |bytes: usize| {
            bytes
                .div_ceil(PERMIT_BYTES)
                .clamp(1, Semaphore::MAX_PERMITS)
        };
        let all = permits(settings.load_bytes_max);
        let one = permits(limits.email_bytes_max).min(all);
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
            in_use: Mutex::default(),
            loading: Semaphore::new(all),
            permits_per_load: u32::try_from(one).unwrap_or(u32::MAX),
            loaded: AtomicU64::new(0),
        }
    }

    /// One holder more, from now on; the body itself comes with [`Bodies::bring`].
    pub fn hold(&self, email: EmailId) {
        let empty = || InUse {
            holders: 0,
            body: None,
        };
        self.in_use().entry(email).or_insert_with(empty).holders += 1;
    }

    /// One holder less; with the last one the body is only cached.
    pub fn let_go(&self, email: EmailId) {
        let mut in_use = self.in_use();
        if let Some(entry) = in_use.get_mut(&email) {
            entry.holders -= 1;
            if entry.holders == 0 {
                in_use.remove(&email);
            }
        }
    }

    /// The body of an email that is held and was brought.
    pub fn get(&self, email: EmailId) -> Option<Arc<Body>> {
        self.in_use()
            .get(&email)
            .and_then(|entry| entry.body.clone())
    }

    /// Brings the body of an email that is held into memory.
    ///
    /// # Errors
    /// [`BodyTrouble`]: it is not there, cannot be prepared, or the store could not read.
    pub async fn bring(&self, tenant: TenantId, email: EmailId) -> Result<(), BodyTrouble> {
        if self.get(email).is_some() {
            return Ok(());
        }
        let loaded = self
            .cache
            .try_get_with((tenant, email), self.load(tenant, email))
            .await;
        let body = loaded.map_err(|trouble| trouble.as_ref().clone())?;
        if let Some(entry) = self.in_use().get_mut(&email) {
            entry.body = Some(body);
        }
        Ok(())
    }

    /// How many bodies were loaded from the store.
    pub fn loaded(&self) -> u64 {
        self.loaded.load(Ordering::Relaxed)
    }

    async fn load(&self, tenant: TenantId, email: EmailId) -> Result<Arc<Body>, BodyTrouble> {
        let permits = self.loading.acquire_many(self.permits_per_load).await;
        let _permits = permits.map_err(|_| BodyTrouble::Store(StoreError::Closed))?;
        let limits = self.limits;
        self.loaded.fetch_add(1, Ordering::Relaxed);
        let read = self.store.read(move |reader| {
            let content = reader.email(tenant, email)?;
            Ok(content.map(|content| prepare(content, limits)))
        });
        match read.await {
            Ok(Some(prepared)) => prepared.map(Arc::new).map_err(BodyTrouble::Unusable),
            Ok(None) => Err(BodyTrouble::Unusable(format!(
                "{email} is not in the store"
            ))),
            Err(error) => Err(BodyTrouble::Store(error)),
        }
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<EmailId, InUse>> {
        // Nothing under this lock can panic half way.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prepare(content: Bytes, limits: Limits) -> Result<Body, String> {
    let email = codec::decode(&content).map_err(|error| report::chain(&error))?;
    // The stored form is not kept in memory beside what is made of it.
    drop(content);
    // A limit that was lowered since the email was put must not stop what was accepted.
    let limits = Limits {
        email_bytes_max: limits.email_bytes_max.max(email.content_bytes()),
    };
    let prepared = Prepared::new(&email, limits).map_err(|error| report::chain(&error))?;
    Ok(Body::new(prepared))
}
