//! The daemon as a library: configuration, wiring, the HTTP API, telemetry and shutdown.
//!
//! ```text
//! Config --wiring--> Settings --> Postrider over a Store --> http, behind an ApiKey
//! ```
//!
//! The command starts it with [`Service::start`] and ends it with [`Service::stop`]; a listener
//! and a key are arguments. Nothing here decides about mail: that is `postrider-pipeline`.

pub mod bounds;
pub mod config;
mod http;
pub mod key;
mod metrics;
pub mod reach;
pub mod service;
pub mod telemetry;
pub mod wiring;

pub use config::Config;
pub use key::ApiKey;
pub use service::{Service, StartError, StartOptions, StoreKind, listen};
