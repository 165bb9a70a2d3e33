//! The core under simulated time: a memory store, a receiver that does as it is told, and no
//! clock but the one that the scene moves. The scenes are the edges of the state diagram.

mod at_gate;
mod audit;
mod behind;
mod bodies;
mod chance;
mod classes;
mod crashes;
mod damage;
mod edges;
mod enough;
mod expiry;
mod limits;
mod lives;
mod network;
mod pools;
mod receiver;
mod sessions;
mod shares;
mod still;
mod suspects;
mod trouble;
mod turned_away;
mod world;
