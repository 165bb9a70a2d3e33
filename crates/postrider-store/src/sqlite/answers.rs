//! Answers that are kept, in the order in which they came.

use bytes::Bytes;
use postrider_types::Timestamp;
use rusqlite::{Connection, Row, params};

use super::sql::{self, execute, get_key, one};
use crate::answers::Answer;
use crate::error::StoreError;

pub(super) fn by_key(
    connection: &Connection,
    key: &[u8; 32],
) -> Result<Option<Answer>, StoreError> {
    let sql = "SELECT key, asked, status, body, at FROM answers WHERE key = ?1";
    one(connection, sql, [key], read)
}

/// The new row has the highest number, also when it replaces another.
pub(super) fn put(connection: &Connection, answer: &Answer) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO answers (key, asked, status, body, at)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    let at = answer.at.as_micros();
    let Answer {
        key,
        asked,
        status,
        body,
        ..
    } = answer;
    execute(
        connection,
        sql,
        params![key, asked, status, body.as_ref(), at],
    )
}

/// Of the `limit` oldest, forgets those from before an instant and those beyond `keep` numbers.
pub(super) fn trim(
    connection: &Connection,
    before: Timestamp,
    keep: usize,
    limit: usize,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM answers
        WHERE number IN (SELECT number FROM answers ORDER BY number LIMIT ?3)
        AND (at < ?1 OR number <= (SELECT max(number) FROM answers) - ?2)";
    let numbers = params![before.as_micros(), sql::limit(keep), sql::limit(limit)];
    execute(connection, sql, numbers)
}

fn read(row: &Row<'_>) -> Result<Answer, StoreError> {
    Ok(Answer {
        key: get_key(row, 0)?,
        asked: get_key(row, 1)?,
        status: row.get(2)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(3)?),
        at: Timestamp::from_micros(row.get(4)?),
    })
}
