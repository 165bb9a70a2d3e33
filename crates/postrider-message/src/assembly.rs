//! A message while it is put together: what is made for the recipient runs together, and what all
//! recipients share stands between as it is.

use bytes::Bytes;

use crate::Segment;

/// A stretch of a message that is the same for everyone.
pub(crate) enum Fixed {
    /// Too short to be a segment of its own: copied into each message.
    Short(Bytes),
    /// The shared segment with this index.
    Shared(usize),
}

/// The segments so far.
pub(crate) struct Assembly<'a> {
    shared: &'a [Bytes],
    segments: Vec<Segment>,
    /// What was written since the last shared segment.
    own: Vec<u8>,
}

impl<'a> Assembly<'a> {
    /// A message that begins with `own`; `shared` are the shared segments by their index.
    pub(crate) fn new(own: Vec<u8>, shared: &'a [Bytes]) -> Self {
        Self {
            shared,
            segments: Vec::with_capacity(2 * shared.len() + 2),
            own,
        }
    }

    /// What is made for the recipient, to write behind.
    pub(crate) const fn own(&mut self) -> &mut Vec<u8> {
        &mut self.own
    }

    /// Puts a fixed stretch behind.
    pub(crate) fn fixed(&mut self, fixed: &Fixed) {
        match fixed {
            Fixed::Short(bytes) => self.own.extend_from_slice(bytes),
            Fixed::Shared(index) => {
                self.end_own();
                let bytes = self.shared[*index].clone();
                self.segments.push(Segment::Shared(*index, bytes));
            }
        }
    }

    /// All segments; none is empty.
    pub(crate) fn into_segments(mut self) -> Vec<Segment> {
        self.end_own();
        self.segments
    }

    fn end_own(&mut self) {
        if !self.own.is_empty() {
            let own = Bytes::from(std::mem::take(&mut self.own));
            self.segments.push(Segment::Own(own));
        }
    }
}
