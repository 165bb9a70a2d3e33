//! The nouns of Postrider.
