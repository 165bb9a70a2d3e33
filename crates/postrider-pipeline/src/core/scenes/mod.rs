//! The core under simulated time: a memory store, a receiver that does as it is told, and no
//! clock but the one that the scene moves. The scenes are the edges of the state diagram.

mod chance;
mod crashes;
mod edges;
mod limits;
mod lives;
mod suspects;
mod trouble;
mod world;
