//! One transaction: what waits is done in order, and committed together.
//!
//! A stored row that cannot be read concerns only whoever meets it, and must not fail the requests
//! of all others. So when one of them meets such a row, the transaction is rolled back and done
//! once more, each request behind a savepoint: the one is answered with the error, the others as
//! usual. Until then nothing costs more than a copy of the requests. Any other error, such as a
//! full disk, ends the whole transaction.

use postrider_types::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::cache::Cache;
use super::tables::SqliteTables;
use crate::error::StoreError;
use crate::protocol;
use crate::request::{Reply, Request};

/// What was committed: one reply for each request, and the cache that is true from here on.
pub(super) struct Committed {
    pub replies: Vec<Reply>,
    pub cache: Cache,
}

/// Does what comes, and commits it. Nothing is done when this is an error.
pub(super) fn commit(
    connection: &mut Connection,
    cache: Cache,
    message_key: [u8; 32],
    requests: &mut dyn Iterator<Item = Request>,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let work = Work { message_key, now };
    let mut taken = Vec::new();
    let mut each = (&mut *requests).inspect(|request| taken.push(request.clone()));
    match work.at_once(connection, cache, &mut each) {
        Err(error) if error.is_of_a_row() => {
            tracing::warn!(%error, "a commit met a row that cannot be read, and is done again");
            let mut again = taken.into_iter().chain(requests);
            work.one_by_one(connection, &mut again)
        }
        done => done,
    }
}

struct Work {
    message_key: [u8; 32],
    now: Timestamp,
}

impl Work {
    /// The usual way: the first error ends it.
    fn at_once(
        &self,
        connection: &mut Connection,
        mut cache: Cache,
        requests: &mut dyn Iterator<Item = Request>,
    ) -> Result<Committed, StoreError> {
        // Dropped without a commit, this rolls back.
        let transaction = begin(connection)?;
        let mut replies = Vec::new();
        for request in requests {
            replies.push(self.apply(&transaction, &mut cache, request)?);
        }
        cache.flush(&transaction)?;
        transaction.commit()?;
        Ok(Committed { replies, cache })
    }

    /// The careful way: whatever one request did is undone when it meets an unreadable row.
    fn one_by_one(
        &self,
        connection: &mut Connection,
        requests: &mut dyn Iterator<Item = Request>,
    ) -> Result<Committed, StoreError> {
        let mut cache = Cache::read(connection)?;
        let transaction = begin(connection)?;
        let mut replies = Vec::new();
        for request in requests {
            transaction.execute_batch("SAVEPOINT request")?;
            // What the cache holds back belongs to the request that changed it.
            let done = self
                .apply(&transaction, &mut cache, request)
                .and_then(|reply| cache.flush(&transaction).map(|()| reply));
            let reply = match done {
                Ok(reply) => reply,
                Err(error) if error.is_of_a_row() => {
                    tracing::error!(%error, "a request failed; the others of its commit are done");
                    transaction.execute_batch("ROLLBACK TO request")?;
                    cache = Cache::read(&transaction)?;
                    Reply::Failed(error)
                }
                Err(error) => return Err(error),
            };
            transaction.execute_batch("RELEASE request")?;
            replies.push(reply);
        }
        transaction.commit()?;
        Ok(Committed { replies, cache })
    }

    fn apply(
        &self,
        transaction: &Transaction<'_>,
        cache: &mut Cache,
        request: Request,
    ) -> Result<Reply, StoreError> {
        let mut tables = SqliteTables {
            connection: transaction,
            cache,
            message_key: self.message_key,
        };
        protocol::apply(&mut tables, request, self.now)
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}
