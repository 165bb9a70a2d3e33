//! Fail points of a build without them.

use crate::FailPoint;

/// Nothing.
pub(crate) const fn reached(_: FailPoint) {}
