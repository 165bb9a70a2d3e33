//! How a session is encrypted.

/// What TLS a session must have. `is_verified` means that the certificate must be valid, of a trusted
/// authority, and for the host's name; without it, whoever sits on the path can read the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsPolicy {
    /// Never, even where it is offered.
    Off,
    /// STARTTLS where it is offered, with any certificate; in the clear where it is not, or where
    /// it fails (RFC 7435). What direct delivery does with hosts of which nothing better is known.
    Opportunistic,
    /// STARTTLS, or no mail (RFC 3207).
    Starttls {
        /// Whether the certificate is held against the host's name.
        is_verified: bool,
    },
    /// TLS from the first octet (RFC 8314 §3.3), or no mail.
    Implicit {
        /// Whether the certificate is held against the host's name.
        is_verified: bool,
    },
}

impl TlsPolicy {
    /// This policy for a provider that takes mail only under TLS: opportunistic becomes required,
    /// so that a failed handshake is never followed by mail in the clear. An [`Off`](Self::Off)
    /// stays, because somebody wrote it.
    #[must_use]
    pub const fn with_tls_required(self) -> Self {
        match self {
            Self::Opportunistic => Self::Starttls { is_verified: false },
            Self::Off | Self::Starttls { .. } | Self::Implicit { .. } => self,
        }
    }

    /// This policy for a session that gives credentials: whatever has TLS has it verified, and is
    /// never followed by an attempt in the clear. An [`Off`](Self::Off) stays, and then credentials
    /// go to loopback alone.
    #[must_use]
    pub const fn with_credentials(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::Opportunistic | Self::Starttls { .. } => Self::Starttls { is_verified: true },
            Self::Implicit { .. } => Self::Implicit { is_verified: true },
        }
    }

    /// Whether mail never leaves in the clear.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Starttls { .. } | Self::Implicit { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_wants_tls_raises_only_what_would_have_gone_without() {
        let verified = TlsPolicy::Starttls { is_verified: true };
        assert!(!TlsPolicy::Opportunistic.is_required());
        assert!(TlsPolicy::Opportunistic.with_tls_required().is_required());
        assert_eq!(verified.with_tls_required(), verified);
        assert_eq!(TlsPolicy::Off.with_tls_required(), TlsPolicy::Off);
    }

    #[test]
    fn credentials_raise_every_tls_to_a_verified_one() {
        let verified = TlsPolicy::Starttls { is_verified: true };
        let unverified = TlsPolicy::Starttls { is_verified: false };
        assert_eq!(TlsPolicy::Opportunistic.with_credentials(), verified);
        assert_eq!(unverified.with_credentials(), verified);
        assert_eq!(
            TlsPolicy::Implicit { is_verified: false }.with_credentials(),
            TlsPolicy::Implicit { is_verified: true }
        );
        assert_eq!(TlsPolicy::Off.with_credentials(), TlsPolicy::Off);
    }
}
