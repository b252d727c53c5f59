//! What is taken out of the store.

use assay_store::{Store, archive, prune};

use crate::runs::two_runs;

#[test]
fn what_is_archived_is_in_the_files_and_gone_from_the_store() {
    let home = two_runs();
    drop(home.open());
    let before: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    assert_eq!(prune(home.path(), before, true).unwrap(), ["a"]);
    let target = home.path().join("archive");
    assert_eq!(archive(home.path(), before, &target).unwrap(), ["a"]);
    let count = |table: &str| -> i64 {
        let path = target.join(format!("{table}.parquet"));
        let connection = duckdb::Connection::open_in_memory().unwrap();
        connection
            .query_row(
                &format!("SELECT count(*) FROM '{}'", path.display()),
                [],
                |row| row.get(0),
            )
            .unwrap()
    };
    assert_eq!(
        (count("runs"), count("cases"), count("attempts")),
        (1, 4, 0)
    );
    let store = Store::open(home.path(), &home.runs[1..]).unwrap();
    assert_eq!(store.runs().unwrap(), ["b"]);
    drop(store);
    assert_eq!(
        prune(home.path(), "2026-02-01T00:00:00Z".parse().unwrap(), false).unwrap(),
        ["b"]
    );
    assert!(
        matches!(archive(home.path(), jiff::Timestamp::now(), &target), Ok(none) if none.is_empty())
    );
}
