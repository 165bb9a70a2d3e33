//! Places for connections, where several workers share what receivers and routes allow.
//!
//! Each core keeps its own caps, and knows nothing of the connections of other workers. So before
//! a worker among several dials, its courier waits for a place that somebody who knows them all
//! gives out; and it holds the place until its connection is closed.

use futures_util::future::BoxFuture;
use postrider_smtp::site::SiteName;
use serde::{Deserialize, Serialize};

use crate::settings::RouteId;

/// For which connection a place is wanted, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// By which route.
    pub route: RouteId,
    /// Most connections of that route, over all sites and workers.
    pub route_max: usize,
    /// To which site.
    pub site: SiteName,
    /// Most connections of that route to that site, over all workers, as this worker knows it:
    /// fewer than its cap while the site rests.
    pub site_max: usize,
}

/// Gives out places.
pub trait Places: Send + Sync {
    /// Waits for a place. A future that is dropped wants none any more.
    fn take(&self, wish: Wish) -> BoxFuture<'static, Place>;
}

/// A place for one connection. Dropping it gives it back, so whoever holds it closes the
/// connection first.
pub struct Place(Option<Box<dyn FnOnce() + Send>>);

impl Place {
    /// A place that is given back by `give_back`.
    pub fn new(give_back: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(give_back)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}
