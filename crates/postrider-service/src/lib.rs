//! The daemon as a library: configuration, wiring, the HTTP API, telemetry and shutdown.
//!
//! ```text
//! Config --wiring--> Settings --> Postrider over a Store --> http, behind an ApiKey
//! ```
//!
//! The command starts it with [`Service::start`] and ends it with [`Service::stop`]; a listener
//! and a key are arguments. Nothing here decides about mail: that is `postrider-pipeline`.

mod backup;
pub mod bounds;
pub mod config;
mod every_campaign;
mod http;
pub mod key;
mod metrics;
pub mod reach;
mod retention;
pub mod service;
mod stillness;
pub mod telemetry;
pub mod trial;
pub mod wiring;
pub mod workers;

pub use backup::{BackupError, backup};
pub use config::Config;
pub use key::ApiKey;
pub use service::{Service, StartError, StartOptions, StoreKind, listen};
pub use workers::WorkerOptions;
