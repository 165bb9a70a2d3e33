//! What operators do by command, on a data directory that no service runs on: each command works
//! on the store by itself, and what the last one did is there for the next.

mod damage;
mod naming;
mod removal;
mod scene;
mod steering;
