//! The commands, a file for each noun.

pub(crate) mod campaign;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod email;
pub(crate) mod load;
pub(crate) mod mock;
pub(crate) mod receipt;
pub(crate) mod send;
pub(crate) mod serve;
