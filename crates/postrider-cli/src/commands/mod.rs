//! The commands, a file for each noun.

pub(crate) mod backup;
pub(crate) mod campaign;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod confirm;
pub(crate) mod decide;
pub(crate) mod dev;
pub(crate) mod email;
pub(crate) mod load;
pub(crate) mod mock;
pub(crate) mod purge;
pub(crate) mod quarantine;
pub(crate) mod receipt;
pub(crate) mod recipient;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod tenant;
pub(crate) mod trial;
pub(crate) mod worker;
pub(crate) mod workers;
