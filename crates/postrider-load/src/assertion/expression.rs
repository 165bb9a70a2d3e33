//! Takes an expression apart: key, comparison, value.

use std::cmp::Ordering;

/// One of the six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    AtMost,
    AtLeast,
    Less,
    More,
}

/// Longer signs stand before those that they begin with.
const SIGNS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        let known = SIGNS.iter().find(|(_, operator)| *operator == self);
        known.expect("every comparison has a sign").0
    }

    pub(super) const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::Unequal)
    }

    /// Whether it holds for how the actual value stands to the expected one.
    pub(super) fn holds(self, actual: Option<Ordering>) -> bool {
        actual.is_some_and(|actual| match self {
            Self::Equal => actual.is_eq(),
            Self::Unequal => actual.is_ne(),
            Self::AtMost => actual.is_le(),
            Self::AtLeast => actual.is_ge(),
            Self::Less => actual.is_lt(),
            Self::More => actual.is_gt(),
        })
    }
}

/// Key, comparison and value, without the spaces around them; `None` when one of them is missing.
pub(super) fn split(text: &str) -> Option<(&str, Operator, &str)> {
    let at = text.find(['=', '!', '<', '>'])?;
    let (path, rest) = (text[..at].trim(), &text[at..]);
    let (sign, operator) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
    let value = rest[sign.len()..].trim();
    let is_whole = !path.is_empty() && !value.is_empty() && !value.starts_with(['=', '<', '>']);
    is_whole.then_some((path, *operator, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_sign_wins() {
        let check = |text, expected| assert_eq!(split(text), expected, "{text}");
        check("a<=1", Some(("a", Operator::AtMost, "1")));
        check("a<1", Some(("a", Operator::Less, "1")));
        check(" a.b  != c ", Some(("a.b", Operator::Unequal, "c")));
        check("a===1", None);
        check("a=<1", None);
        check("a!1", None);
        check("a", None);
    }
}
