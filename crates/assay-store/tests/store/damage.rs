//! A file that is damaged, or of another version, loses no run.

use assay_store::{STORE_FILE, SqlFormat, Store, StoreError, prune, rebuild, status};

use crate::runs::{ask, two_runs};

#[test]
fn a_file_that_is_damaged_is_set_aside_and_made_anew() {
    for damage in [&b"no database at all"[..], &[0; 9000], b""] {
        let home = two_runs();
        let path = home.path().join(STORE_FILE);
        std::fs::write(&path, damage).unwrap();
        let store = home.open();
        assert_eq!(status(home.path(), &store).unwrap().cases, 8);
        if !damage.is_empty() {
            assert!(store.notices[0].contains("damaged"), "{:?}", store.notices);
            let kept = std::fs::read_dir(home.path())
                .unwrap()
                .flatten()
                .find(|entry| entry.file_name().to_string_lossy().ends_with(".old"));
            assert_eq!(std::fs::read(kept.unwrap().path()).unwrap(), damage);
        }
    }
}

#[test]
fn a_store_with_flipped_bytes_never_loses_a_run() {
    let home = two_runs();
    drop(home.open());
    let path = home.path().join(STORE_FILE);
    let whole = std::fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(whole.len() / 20) {
        let mut flipped = whole.clone();
        flipped[place..]
            .iter_mut()
            .take(64)
            .for_each(|byte| *byte ^= 0xff);
        std::fs::write(&path, flipped).unwrap();
        match Store::open(home.path(), &home.runs)
            .map(|store| ask(&store, "SELECT count(*) AS n FROM cases", SqlFormat::Csv))
        {
            // What DuckDB doesn't look at does no harm.
            Ok(Ok(count)) => assert_eq!(count, "n\r\n8\r\n", "at {place}"),
            // What it finds only when it reads a table is said, and a rebuild mends it.
            Ok(Err(_)) | Err(_) => {
                let (store, aside) = rebuild(home.path(), &home.runs).unwrap();
                assert_eq!(status(home.path(), &store).unwrap().cases, 8);
                assert!(aside.is_some());
            }
        }
    }
}

#[test]
fn a_store_of_another_version_is_refused_and_a_rebuild_keeps_it() {
    let home = two_runs();
    drop(home.open());
    let path = home.path().join(STORE_FILE);
    duckdb::Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE meta SET version = 99")
        .unwrap();
    assert!(matches!(
        Store::open(home.path(), &home.runs),
        Err(StoreError::Version { found: 99, .. })
    ));
    let (store, aside) = rebuild(home.path(), &home.runs).unwrap();
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    assert!(aside.unwrap().exists());
}

#[test]
fn a_store_of_version_1_is_brought_up() {
    let home = two_runs();
    drop(home.open());
    duckdb::Connection::open(home.path().join(STORE_FILE))
        .unwrap()
        .execute_batch(
            "UPDATE meta SET version = 1; UPDATE runs SET log_head = 'old', log_bytes = 1;
            ALTER TABLE subjects DROP COLUMN family; ALTER TABLE compatibility DROP COLUMN state",
        )
        .unwrap();
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    assert_eq!(status(home.path(), &store).unwrap().version, 4);
}

#[test]
fn what_version_3_said_of_a_part_is_not_said_to_work() {
    let folder = tempfile::tempdir().unwrap();
    let ported = assay_model::Platform::of(assay_model::Backend::TorchExport);
    let run = crate::runs::run_on(
        folder.path(),
        "a",
        "2026-01-01T00:00:00Z",
        (ported, &["parity.prepares"]),
        &[("bert", &[assay_model::Outcome::Passed])],
    );
    let open = || Store::open(folder.path(), std::slice::from_ref(&run)).unwrap();
    drop(open());
    duckdb::Connection::open(folder.path().join(STORE_FILE))
        .unwrap()
        .execute_batch(
            "UPDATE meta SET version = 3; UPDATE compatibility SET state = 'works', works = true;
            DROP VIEW compatibility_matrix; DROP VIEW shown_units",
        )
        .unwrap();
    let store = open();
    assert!(store.notices.is_empty(), "{:?}", store.notices);
    let cells = store.matrix(None).unwrap();
    assert_eq!(cells[0].state, assay_model::State::PartlyAsked);
    assert_eq!(status(folder.path(), &store).unwrap().version, 4);
}

#[test]
fn a_table_that_is_gone_is_damage_and_a_file_that_may_not_be_read_is_none() {
    let home = two_runs();
    drop(home.open());
    let path = home.path().join(STORE_FILE);
    duckdb::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "DROP VIEW case_history; DROP TABLE samples; DELETE FROM runs WHERE name = 'b'",
        )
        .unwrap();
    let store = home.open();
    assert!(
        store.notices[0].contains("was damaged"),
        "{:?}",
        store.notices
    );
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    drop(store);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(Store::open(home.path(), &home.runs).is_err());
    assert!(path.is_dir());
}

#[test]
fn a_damaged_store_is_not_pruned_in_silence() {
    let home = two_runs();
    let path = home.path().join(STORE_FILE);
    std::fs::write(&path, [7; 9000]).unwrap();
    let now = jiff::Timestamp::now();
    assert!(matches!(
        prune(home.path(), now, false),
        Err(StoreError::Damaged(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), [7; 9000]);
}
