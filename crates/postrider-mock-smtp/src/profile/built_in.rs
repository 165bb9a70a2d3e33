//! The profiles that come with the mock.

use crate::profile::Profile;

/// A profile that comes with the mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its text, with comments; the first line says what it is.
    pub toml: &'static str,
}

macro_rules! built_in {
    ($name:literal) => {
        BuiltIn {
            name: $name,
            toml: include_str!(concat!("../../profiles/", $name, ".toml")),
        }
    };
}

impl BuiltIn {
    pub(super) const SINK: Self = built_in!("sink");
    pub(super) const SAMPLE: Self = built_in!("sample");

    /// All of them, the plainest first.
    pub const fn all() -> &'static [Self] {
        &[
            Self::SINK,
            Self::SAMPLE,
            built_in!("providers-like"),
            built_in!("strict-limits"),
            built_in!("greylist"),
            built_in!("slow"),
            built_in!("flaky"),
            built_in!("ambiguous"),
            built_in!("bouncy"),
            built_in!("lying-ehlo"),
            built_in!("outage"),
            built_in!("malicious"),
        ]
    }

    /// What it is, in one line.
    pub fn summary(&self) -> &'static str {
        let line = self.toml.lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, summary)| summary)
    }

    /// The profile itself.
    pub fn profile(&self) -> Profile {
        Profile::from_toml(self.toml).expect("the built-in profiles are tested")
    }
}
