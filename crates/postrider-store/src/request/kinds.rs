//! Which requests bring work, and which may wait.

use super::Request;

impl Request {
    /// Whether a claim may find something after this that it did not find before. What ends a
    /// lease, or is recorded after one is over, may too; that is for the one who asked to know.
    pub const fn brings_work(&self) -> bool {
        matches!(
            self,
            Self::File { .. }
                | Self::Unpark { .. }
                | Self::Reap { .. }
                | Self::Resolve { .. }
                | Self::LiftEmail { .. }
                | Self::Wake
        )
    }

    /// Whether a message on a connection waits for the answer. Everything else, intake and steps
    /// above all, lets those go first.
    pub const fn is_urgent(&self) -> bool {
        !matches!(
            self,
            Self::File { .. }
                | Self::PutEmail { .. }
                | Self::Resolve { .. }
                | Self::StartDue
                | Self::Sweep { .. }
                | Self::Unpark { .. }
                | Self::Reap { .. }
                | Self::SweepTenant { .. }
                | Self::Purge { .. }
                | Self::LiftEmail { .. }
                | Self::Retain { .. }
                | Self::EraseRecipient { .. }
                | Self::ForgetChunk { .. }
                | Self::KeepAnswer { .. }
                | Self::Compact
        )
    }
}
