//! Signatures by which receivers know whose message it is (DKIM, RFC 6376; Ed25519: RFC 8463).
//!
//! An *identity* is a domain, a selector and a private key. A message is signed by all identities
//! of its From domain, or else of the nearest domain above it that has any, because receivers
//! align a parent domain too (RFC 7489 §3.1.1). Two identities of one domain, RSA and Ed25519,
//! give two signatures, and a receiver takes the one that it knows.
//!
//! Header and body are canonicalised as `relaxed`, which survives what servers do to white space.
//! The length tag `l=` is never written: it would let anybody add to a signed body. The fields that
//! people see, and those that say how the body is read, are signed once more than they are there,
//! so that one more breaks the signature (RFC 6376 §8.15). The time of signing is the message's
//! Date, so that every attempt has the same bytes. It never expires (`x=`), for a message may be
//! read again years later.
//!
//! Not here: files and their modes, and the DNS record of the public key, which a person
//! publishes ([`Identity::record_name`], [`SigningKey::record`]).

mod canonical;
mod key;
mod selector;
mod signature;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use postrider_types::Domain;

pub use key::{KeyError, SigningKey};
pub use selector::{Selector, SelectorError};

pub(crate) use canonical::{BodyHash, BodyHasher};
pub(crate) use signature::write_signatures;

use crate::bounds::IDENTITIES_PER_DOMAIN_MAX;

/// One key of one domain, under the name by which receivers find its public half.
#[derive(Debug, Clone)]
pub struct Identity {
    domain: Domain,
    selector: Selector,
    key: SigningKey,
}

/// Why identities cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Two identities have the same domain and selector.
    #[error("the selector {selector} of {domain} is given twice")]
    Repeated {
        /// The domain of both.
        domain: Domain,
        /// The selector of both.
        selector: Selector,
    },
    /// More identities of one domain than a message gets signatures.
    #[error("{domain} has more than {IDENTITIES_PER_DOMAIN_MAX} identities")]
    TooMany {
        /// The domain.
        domain: Domain,
    },
}

impl Identity {
    /// An identity of `domain`; receivers look for its key at `selector._domainkey.domain`.
    pub const fn new(domain: Domain, selector: Selector, key: SigningKey) -> Self {
        Self {
            domain,
            selector,
            key,
        }
    }

    /// The domain that answers for the message.
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The name of the key within its domain.
    pub const fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The key.
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Where in DNS the record of the key must be published as TXT (RFC 6376 §3.6.2.1).
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

/// All identities of an installation. Cloning it copies nothing.
#[derive(Clone, Default)]
pub struct Identities {
    by_domain: Arc<HashMap<Domain, Vec<Identity>>>,
}

impl Identities {
    /// The identities, which sign in the order in which they are given.
    ///
    /// # Errors
    /// [`IdentityError`] when two have one name, or a domain has too many.
    pub fn new(all: impl IntoIterator<Item = Identity>) -> Result<Self, IdentityError> {
        let mut by_domain = HashMap::<Domain, Vec<Identity>>::new();
        for identity in all {
            let domain = identity.domain.clone();
            let beside = by_domain.entry(domain.clone()).or_default();
            if beside
                .iter()
                .any(|other| other.selector == identity.selector)
            {
                let selector = identity.selector;
                return Err(IdentityError::Repeated { domain, selector });
            }
            if beside.len() == IDENTITIES_PER_DOMAIN_MAX {
                return Err(IdentityError::TooMany { domain });
            }
            beside.push(identity);
        }
        Ok(Self {
            by_domain: Arc::new(by_domain),
        })
    }

    /// Those that sign what comes from `domain`: its own, or those of the nearest domain above it
    /// that has any. None at all when nothing is signed.
    pub fn of(&self, domain: &str) -> &[Identity] {
        if self.by_domain.is_empty() {
            return &[];
        }
        let mut name = domain;
        loop {
            if let Some(identities) = self.by_domain.get(name) {
                return identities;
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => return &[],
            }
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.by_domain.values().flatten().map(Identity::record_name);
        f.debug_tuple("Identities")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(domain: &str, selector: &str) -> Identity {
        let (domain, selector) = (domain.parse().unwrap(), selector.parse().unwrap());
        Identity::new(domain, selector, key::tests::ed25519())
    }

    fn check(identities: &Identities, from: &str, expect: &[&str]) {
        let found = identities.of(from).iter().map(Identity::record_name);
        assert_eq!(found.collect::<Vec<_>>(), expect, "{from}");
    }

    #[test]
    fn the_nearest_domain_with_identities_signs() {
        let identities = Identities::new([
            identity("example.test", "a"),
            identity("news.example.test", "b"),
            identity("news.example.test", "2026"),
        ]);
        let identities = identities.unwrap();
        let news = [
            "b._domainkey.news.example.test",
            "2026._domainkey.news.example.test",
        ];
        check(&identities, "news.example.test", &news);
        check(&identities, "daily.news.example.test", &news);
        check(
            &identities,
            "shop.example.test",
            &["a._domainkey.example.test"],
        );
        check(&identities, "badexample.test", &[]);
        check(&identities, "test", &[]);
        check(&Identities::default(), "example.test", &[]);
    }

    #[test]
    fn the_same_name_twice_and_too_many_of_one_domain_are_refused() {
        let twice = [identity("a.test", "s"), identity("a.test", "S")];
        let error = Identities::new(twice).unwrap_err();
        assert_eq!(error.to_string(), "the selector s of a.test is given twice");
        let many = (0..=IDENTITIES_PER_DOMAIN_MAX).map(|n| identity("a.test", &format!("s{n}")));
        let error = Identities::new(many).unwrap_err();
        assert!(matches!(error, IdentityError::TooMany { .. }), "{error}");
    }

    #[test]
    fn identities_print_names_and_nothing_of_keys() {
        let identities = Identities::new([identity("a.test", "s")]).unwrap();
        assert_eq!(
            format!("{identities:?}"),
            "Identities([\"s._domainkey.a.test\"])"
        );
        assert_eq!(
            format!("{:?}", identities.of("a.test")[0].key()),
            "SigningKey(ed25519-sha256)"
        );
    }
}
