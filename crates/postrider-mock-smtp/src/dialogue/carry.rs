//! Carrying out a treatment: what is written, and how the dialogue goes on.

use std::ops::ControlFlow::{self, Break, Continue};

use crate::dialogue::reply::Reply;
use crate::dialogue::{Dialogue, Effects, Next, Odd};
use crate::profile::Keyword;
use crate::world::treatment::{Act, Treatment};

impl Dialogue {
    /// Carries a treatment out where `reply` is the normal one.
    pub(super) fn treat(
        &mut self,
        treatment: &Treatment,
        reply: &Reply,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let with_enhanced = self.entry.offer().offers(Keyword::EnhancedStatusCodes);
        let normal = |out: &mut Vec<u8>| reply.write(out, with_enhanced);
        self.treat_with(treatment, normal, effects)
    }

    /// Carries a treatment out where `normal` writes all lines of the normal reply.
    pub(super) fn treat_with(
        &mut self,
        treatment: &Treatment,
        normal: impl FnOnce(&mut Vec<u8>),
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let with_enhanced = self.entry.offer().offers(Keyword::EnhancedStatusCodes);
        let held_from = effects.replies.len();
        let replies = &mut effects.replies;
        let then = match &treatment.act {
            Act::Proceed => {
                normal(replies);
                None
            }
            Act::Say(reply) => {
                reply.write(replies, with_enhanced);
                None
            }
            Act::ProceedAndClose => {
                normal(replies);
                Some(Next::Close)
            }
            Act::SayAndClose(reply) => {
                reply.write(replies, with_enhanced);
                Some(Next::Close)
            }
            Act::Half => {
                normal(replies);
                let half = (replies.len() - held_from).div_ceil(2);
                replies.truncate(held_from + half);
                Some(Next::Close)
            }
            Act::Close => Some(Next::Drop),
            Act::Reset => Some(Next::Reset),
            Act::Hold => Some(Next::Hold),
            Act::Split => {
                normal(replies);
                as_several_lines(replies, held_from);
                Some(Next::Odd {
                    odd: Odd::Split,
                    from: held_from,
                })
            }
            Act::Noise(noise) => {
                normal(replies);
                Some(Next::Odd {
                    odd: Odd::Noise(*noise),
                    from: held_from,
                })
            }
        };
        match then {
            None if treatment.delay.is_zero() => Continue(()),
            Some(next) if treatment.delay.is_zero() => Break(next),
            then => {
                self.then = then;
                Break(Next::Wait {
                    delay: treatment.delay,
                    held_from,
                })
            }
        }
    }
}

/// Makes three lines of a reply of one line: legal (RFC 5321 §4.2.1), and seldom seen.
fn as_several_lines(replies: &mut Vec<u8>, from: usize) {
    let Some(line) = replies
        .get(from..)
        .filter(|line| line.get(3) == Some(&b' '))
    else {
        return;
    };
    let last = line.to_vec();
    let mut first = last.clone();
    first[3] = b'-';
    replies.truncate(from);
    replies.extend_from_slice(&first);
    replies.extend_from_slice(&first);
    replies.extend_from_slice(&last);
}
