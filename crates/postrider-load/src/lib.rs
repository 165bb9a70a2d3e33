//! Plans a load, drives it through the API, and reconciles every receipt with the mock.
//!
//! Service and mock are processes of their own, started from one executable, so that memory and
//! processor time are theirs alone. The load only speaks to their doors: the service's API, and the
//! mock's control port. It depends on neither the pipeline nor the store.
//!
//! # How it is built
//!
//! In the order of a run, a room for each part:
//!
//! - [`plan`], before anything happens and without I/O: [`Options`](plan::options::Options) are what
//!   is asked for; recipients come from seed and number, and content whose hash is known for each.
//! - [`load`], while it runs: the whole from start to end, with service and mock as child processes,
//!   a driver that is the user, a sampler that looks at memory, and the reconciling, which tells the
//!   mock what was expected and what the receipts say.
//! - [`measure`], afterwards and without I/O: what the mock's log says becomes the figures of a
//!   [`Run`].
//! - [`assertion`], [`compare`], [`report`] and [`html`] read a [`Run`], for people and programs.
//!
//! # What holds
//!
//! - **A run passes only if every planned delivery has a receipt that agrees with what the receiver
//!   saw**, whatever befell the service; speed is measured beside that, never instead.
//! - Nobody real can be mailed: recipients are at reserved domains, the only route is loopback.
//! - Every process that it starts ends with it.
//! - The same options and seed plan the same load.
//! - Every bound has a name in [`bounds`].

pub mod assertion;
pub mod bounds;
pub mod compare;
pub mod html;
pub mod load;
pub mod measure;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod run;

#[cfg(test)]
mod documented;
mod figures;
mod plots;
mod sample;

pub use outcome::{InDoubt, Outcome};
pub use run::Run;
