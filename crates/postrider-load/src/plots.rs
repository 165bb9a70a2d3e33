//! The pictures of a run, as SVG text for the page.
//!
//! Each domain has a panel of its own with its own scale, because a limit is a promise to one
//! domain, and twelve lines with twelve limits in one picture show none of them. Time is the same
//! in all panels, so that they can be read across.
//!
//! Nothing is smoothed: a step is what was counted in its second, or the mean of the seconds that
//! it stands for when a run has more of them than a picture has room for. Memory has a gap while
//! the service was down, because no process is not a process without memory.

mod canvas;
mod lateness;
mod memory;
pub(crate) mod palette;
mod throughput;
mod time;

pub(crate) use canvas::DrawError;
pub(crate) use lateness::lateness;
pub(crate) use memory::memory;
pub(crate) use throughput::{Panel, panels, step_seconds};
