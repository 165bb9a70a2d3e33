//! How a server answers when it does not simply say yes.

/// What the server does in place of saying yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whim {
    /// Says yes.
    Yes,
    /// Says yes in several lines, with a bare LF, without a text.
    Odd,
    /// Refuses for now.
    Later,
    /// Refuses for good.
    Never,
    /// Says 421 and leaves.
    Leave,
    /// Does what it was asked, and leaves without a word.
    Hang,
    /// Does what it was asked, and says what is no reply.
    Babble,
    /// Says a 3xx or 2xx that nobody can expect; a message is not taken.
    OutOfPlace,
    /// Does what it was asked, and says so after a quarter of an hour.
    Slow,
    /// Lets a message begin, and refuses it in the middle.
    MidBody,
}

impl Whim {
    /// Whether it says no to the command.
    pub(crate) const fn is_refusal(self) -> bool {
        matches!(self, Self::Later | Self::Never | Self::Leave)
    }

    /// Whether a message may be in doubt because of it.
    pub(crate) const fn leaves_doubt(self) -> bool {
        matches!(
            self,
            Self::Hang | Self::Babble | Self::OutOfPlace | Self::Slow
        )
    }
}

/// What to write, and what then.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) text: Vec<u8>,
    pub(crate) is_late: bool,
    pub(crate) is_last: bool,
}

/// A reply, whose last line end may already be there; none without a text.
pub(crate) fn plain(text: &str, is_last: bool) -> Answer {
    let mut text = text.as_bytes().to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.extend_from_slice(b"\r\n");
    }
    Answer {
        text,
        is_late: false,
        is_last,
    }
}
