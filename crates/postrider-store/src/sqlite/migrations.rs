//! The format of the file, and the steps from each version to the next.
//!
//! `application_id` says that the file is ours, `user_version` which steps it has had. A step is
//! never changed once it was released: a new one is added. All steps that are missing are done in
//! one transaction when the store is opened, and a file from the future is refused untouched.
//!
//! Keys are dense integers wherever deliveries pass: measured eleven times faster in SQLite than
//! random ones. Small rows live in their key's tree (`WITHOUT ROWID`); chunks and emails, which
//! are large, do not.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;

/// "Post" in ASCII: marks the file as ours, also for the command `file`.
const APPLICATION_ID: i32 = 0x506f_7374;

/// What brings a file from version n to n + 1, from 0, an empty file.
const STEPS: &[&str] = &[V1, V2, V3, V4, V5, V6, V7];

const V1: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- The last number that was given of each sequence (see cache.rs).
CREATE TABLE sequences (
    sequence INTEGER PRIMARY KEY, last INTEGER NOT NULL
) STRICT;

CREATE TABLE emails (
    tenant INTEGER NOT NULL, email BLOB NOT NULL, size INTEGER NOT NULL,
    put_at INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX emails_by_id ON emails (tenant, email);

-- The last twelve columns are the tally: deliveries by state.
CREATE TABLE campaigns (
    campaign INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, name TEXT NOT NULL,
    email BLOB NOT NULL, state INTEGER NOT NULL, is_sealed INTEGER NOT NULL,
    in_doubt_policy INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER,
    ended_at INTEGER,
    pending INTEGER NOT NULL, attempting INTEGER NOT NULL, deferred INTEGER NOT NULL,
    delivered INTEGER NOT NULL, bounced INTEGER NOT NULL, in_doubt INTEGER NOT NULL,
    suppressed INTEGER NOT NULL, capped INTEGER NOT NULL, expired INTEGER NOT NULL,
    cancelled INTEGER NOT NULL, failed INTEGER NOT NULL, quarantined INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX campaigns_by_name ON campaigns (tenant, name);
CREATE INDEX campaigns_by_tenant ON campaigns (tenant, campaign);

-- A chunk is written once. `first` is the number of its first recipient if the batcher filed it.
CREATE TABLE chunks (
    chunk INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, campaign INTEGER NOT NULL,
    email BLOB NOT NULL, first INTEGER, count INTEGER NOT NULL, recipients BLOB NOT NULL
) STRICT;
CREATE INDEX chunks_filed ON chunks (tenant, campaign, first) WHERE first IS NOT NULL;

CREATE TABLE queue (
    lane TEXT NOT NULL, due_at INTEGER NOT NULL, chunk INTEGER NOT NULL,
    campaign INTEGER NOT NULL, PRIMARY KEY (lane, due_at, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_by_campaign ON queue (campaign, chunk);
CREATE INDEX queue_never ON queue (chunk) WHERE due_at = 9223372036854775807;

CREATE TABLE parked (
    campaign INTEGER NOT NULL, chunk INTEGER NOT NULL, lane TEXT NOT NULL,
    due_at INTEGER NOT NULL, PRIMARY KEY (campaign, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
    lane TEXT PRIMARY KEY, not_until INTEGER NOT NULL, turn INTEGER, wake_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_by_turn ON lanes (turn) WHERE turn IS NOT NULL;
CREATE INDEX lanes_by_wake ON lanes (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE leases (
    token INTEGER PRIMARY KEY, chunk INTEGER NOT NULL, worker INTEGER NOT NULL,
    claim INTEGER NOT NULL, lane TEXT NOT NULL, until INTEGER NOT NULL
) STRICT;

CREATE TABLE receipts (
    tenant INTEGER NOT NULL, campaign INTEGER NOT NULL, recipient INTEGER NOT NULL,
    state INTEGER NOT NULL, attempts INTEGER NOT NULL, token INTEGER, chunk INTEGER NOT NULL,
    first_attempt_at INTEGER, next_attempt_at INTEGER,
    reply_code INTEGER, reply_enhanced TEXT, reply_text TEXT,
    at INTEGER NOT NULL, address TEXT NOT NULL,
    PRIMARY KEY (tenant, campaign, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, campaign INTEGER NOT NULL,
    recipient INTEGER NOT NULL, attempt INTEGER NOT NULL, state INTEGER NOT NULL,
    reply_code INTEGER, reply_enhanced TEXT, reply_text TEXT, at INTEGER NOT NULL
) STRICT;
";

/// Doubts that were taken up again, and drafts that start by themselves. A doubt of a campaign
/// from before is old enough after 15 minutes.
const V2: &str = "
ALTER TABLE campaigns ADD COLUMN in_doubt_retry_after INTEGER NOT NULL DEFAULT 900000000;
ALTER TABLE campaigns ADD COLUMN send_at INTEGER;
ALTER TABLE campaigns ADD COLUMN paused_because INTEGER;
CREATE INDEX campaigns_by_send_at ON campaigns (send_at, campaign)
    WHERE state = 0 AND send_at IS NOT NULL AND paused_because IS NULL;

-- The attempt that was taken out of doubt, and whether its outcome came late.
ALTER TABLE receipts ADD COLUMN doubt_token INTEGER;
ALTER TABLE receipts ADD COLUMN doubt_attempt INTEGER;
ALTER TABLE receipts ADD COLUMN is_doubt_settled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN retries_in_doubt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN is_possible_duplicate INTEGER NOT NULL DEFAULT 0;
";

/// Tenants, quarantine, retention and erasure. Beside a refiled chunk stand the numbers of its
/// recipients, for when it cannot be read; one that was filed has its first number and its count.
const V3: &str = "
ALTER TABLE campaigns ADD COLUMN retained_at INTEGER;
CREATE INDEX campaigns_by_email ON campaigns (tenant, email, campaign);

ALTER TABLE chunks ADD COLUMN numbers BLOB;
CREATE INDEX chunks_by_campaign ON chunks (campaign, chunk);

ALTER TABLE leases ADD COLUMN is_swept INTEGER NOT NULL DEFAULT 0;

CREATE TABLE tenants (
    tenant INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE deleted_at IS NULL;

-- What is known against an email; it is quarantined when `since` is set.
CREATE TABLE suspect_emails (
    tenant INTEGER NOT NULL, email BLOB NOT NULL, recipients INTEGER NOT NULL,
    reason TEXT NOT NULL, since INTEGER, PRIMARY KEY (tenant, email)
) STRICT, WITHOUT ROWID;

-- Chunks that cannot be read, and their bytes.
CREATE TABLE chunks_aside (
    chunk INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, campaign INTEGER NOT NULL,
    reason TEXT NOT NULL, since INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;
CREATE INDEX chunks_aside_by_tenant ON chunks_aside (tenant, chunk);
";

/// Answers that are kept for requests that are sent again, in the order in which they came.
const V4: &str = "
CREATE TABLE answers (
    number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, asked BLOB NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL
) STRICT;
";

/// Workers that died while they prepared an email: their ids, eight bytes each, lowest byte first.
const V5: &str = "
ALTER TABLE suspect_emails ADD COLUMN deaths BLOB NOT NULL DEFAULT x'';
";

/// When a doubt arose that was taken up again or decided since.
const V6: &str = "
ALTER TABLE receipts ADD COLUMN doubt_at INTEGER;
";

/// When a campaign last began to run.
const V7: &str = "
ALTER TABLE campaigns ADD COLUMN running_since INTEGER;
";

/// Brings the file at `path` to the newest version, and makes sure of the message key; in the
/// transaction of the caller, who commits.
pub(super) fn migrate(transaction: &Connection, path: &Path) -> Result<[u8; 32], StoreError> {
    let application: i32 =
        transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let is_empty: bool =
        transaction.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
            row.get(0)
        })?;
    if application != APPLICATION_ID && !is_empty {
        return Err(StoreError::Open {
            path: path.to_owned(),
            reason: "it is a database of another program".to_owned(),
        });
    }
    let known = u32::try_from(STEPS.len()).expect("there are few steps");
    if version > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    for step in STEPS.iter().skip(version as usize) {
        transaction.execute_batch(step)?;
    }
    if version < known {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
    }
    message_key(transaction)
}

/// The key of all Message-IDs, drawn once in the life of a store.
fn message_key(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let mut drawn = [0; 32];
    getrandom::fill(&mut drawn).map_err(|error| StoreError::Unwritable {
        reason: format!("there is no randomness for the message key: {error}"),
    })?;
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('message_key', ?1) ON CONFLICT DO NOTHING",
        [drawn],
    )?;
    let kept = "SELECT value FROM meta WHERE name = 'message_key'";
    Ok(connection.query_row(kept, [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use postrider_types::{EmailId, TenantId, Timestamp};

    use super::super::quarantine;
    use super::*;
    use crate::quarantine::SuspectEmail;

    fn migrated() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, Path::new("x")).unwrap();
        connection
    }

    #[test]
    fn the_message_key_is_drawn_once() {
        let connection = migrated();
        let first = migrate(&connection, Path::new("x")).unwrap();
        let second = migrate(&connection, Path::new("x")).unwrap();
        assert_eq!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn what_was_known_against_an_email_before_deaths_were_counted_stays() {
        let connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..4] {
            connection.execute_batch(step).unwrap();
        }
        let email = EmailId::of(b"an email");
        let row = "INSERT INTO suspect_emails VALUES (1, ?1, 2, 'two of them', 7)";
        connection.execute(row, [email.as_bytes()]).unwrap();
        let application = ("application_id", APPLICATION_ID);
        for (name, value) in [application, ("user_version", 4)] {
            connection.pragma_update(None, name, value).unwrap();
        }
        migrate(&connection, Path::new("x")).unwrap();
        let known = quarantine::suspect(&connection, TenantId::DEFAULT, email).unwrap();
        let expect = SuspectEmail {
            tenant: TenantId::DEFAULT,
            email,
            recipients: 2,
            deaths: Vec::new(),
            reason: "two of them".to_owned(),
            since: Some(Timestamp::from_micros(7)),
        };
        assert_eq!(known, Some(expect));
    }

    #[test]
    fn a_file_from_the_future_is_refused() {
        let connection = migrated();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&connection, Path::new("x")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "x has format 99, and this version knows formats up to {}",
                STEPS.len()
            )
        );
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE notes (text)")
            .unwrap();
        let error = migrate(&connection, Path::new("x")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot open x (it is a database of another program)"
        );
    }
}
