//! Fail points of a build without them.

use crate::FailPoint;

/// Nothing.
pub(crate) fn reached<T>(_: FailPoint, _: impl FnOnce() -> T) {}
