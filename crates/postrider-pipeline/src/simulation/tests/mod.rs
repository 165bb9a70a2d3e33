//! Schedules by chance, and proof that they would notice.

mod directed;
mod mutations;
mod seeds;
mod waits;
