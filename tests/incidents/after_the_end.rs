//! What holds when a campaign was ended: nothing of it is sent any more, and nothing waits.

use std::collections::HashMap;

use postrider_mock_smtp::log::Accept;
use postrider_tests::house::House;
use postrider_types::CampaignId;
use rusqlite::Connection;

/// No connection brought more than the one message that it had begun.
pub(crate) fn assert_at_most_one_each(accepts: &[Accept]) {
    let mut by_connection = HashMap::<_, u32>::new();
    for accept in accepts {
        *by_connection.entry(accept.connection).or_default() += 1;
    }
    let most = by_connection.values().max().copied().unwrap_or(0);
    assert!(most <= 1, "{most} accepts on one connection after the end");
}

/// No row of the store would bring the campaign back.
pub(crate) fn assert_not_stored(house: &House, id: CampaignId) {
    let file = Connection::open(house.store_file()).expect("the file can be opened");
    for table in ["queue", "parked"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE campaign = ?1");
        let rows: u32 = file.query_row(&sql, [id.0], |row| row.get(0)).expect(table);
        assert_eq!(rows, 0, "rows of {table}");
    }
    let sql = "SELECT count(*) FROM leases";
    let leases: u32 = file.query_row(sql, [], |row| row.get(0)).expect("leases");
    assert_eq!(leases, 0, "leases");
}
