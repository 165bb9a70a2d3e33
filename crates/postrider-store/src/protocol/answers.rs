//! `keep`: the newest answers stay, for a time and up to a number; each that comes trims a few of
//! the oldest, so they never have to be looked for.

use crate::answers::Answer;
use crate::bounds::{ANSWER_BYTES_MAX, ANSWERS_KEPT_FOR, ANSWERS_MAX, ANSWERS_TRIMMED_MAX};
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::tables::Tables;

pub(super) fn keep(tables: &mut impl Tables, answer: &Answer) -> Result<Reply, StoreError> {
    if answer.body.len() > ANSWER_BYTES_MAX {
        let sentence = format!("an answer that is kept has at most {ANSWER_BYTES_MAX} bytes");
        return Ok(Reply::Refused(Refused::Malformed(sentence.into())));
    }
    tables.put_answer(answer)?;
    let before = answer.at.minus(ANSWERS_KEPT_FOR);
    tables.trim_answers(before, ANSWERS_MAX, ANSWERS_TRIMMED_MAX)?;
    Ok(Reply::Done { more: false })
}
