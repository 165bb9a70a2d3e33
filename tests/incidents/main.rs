//! Outages that others have published, played against Postrider: `docs/incidents.md` tells them.
//!
//! A file is one of them, or one part of it. The service is a process of its own with its store on
//! disk, the receiver is the mock, and what happened is read from the receiver's log. Each scene
//! runs at a size that takes seconds, and with `tests/run --full` at the size of the incident.

mod after_the_end;

mod damage;
mod deleted_tenant;
mod finding_work;
mod payload;
mod poison;
mod purge;
mod redelivery;
