//! SQL reads, ends in time, and answers in four forms.

use std::time::Duration;

use assay_store::{SqlFormat, StoreError, query};

use crate::runs::{ask, two_runs};

#[test]
fn sql_reads_and_nothing_else() {
    let home = two_runs();
    let store = home.open();
    for statement in [
        "DELETE FROM runs",
        "CREATE TABLE x (a INTEGER)",
        "DROP VIEW case_history",
        "COPY runs TO 'x.csv'",
        "SELECT * FROM read_csv('/etc/hosts')",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT 1; DELETE FROM runs",
        "nonsense",
        "",
        "   ",
    ] {
        assert!(
            matches!(
                ask(&store, statement, SqlFormat::Table),
                Err(StoreError::Sql(_))
            ),
            "{statement}"
        );
    }
    assert_eq!(home.open().runs().unwrap(), ["a", "b"]);
    assert!(!home.path().join("x.csv").exists());
}

#[test]
fn a_query_that_never_ends_is_stopped() {
    let store = two_runs().open();
    let endless = "SELECT sum(a.range * b.range) FROM range(10000000000) a, range(10000000000) b";
    let stopped = query(
        &store,
        endless,
        SqlFormat::Table,
        Duration::from_millis(300),
        &mut Vec::new(),
    );
    assert!(
        matches!(stopped, Err(StoreError::Timeout { .. })),
        "{stopped:?}"
    );
    // And the store answers the next one.
    assert!(ask(&store, "SELECT 1 AS one", SqlFormat::Csv).is_ok());
}

#[test]
fn a_result_has_four_forms() {
    let store = two_runs().open();
    let sql = "SELECT 1 AS a, NULL AS b, 'x,\"y\"' AS c, '' AS d, true AS e, TIMESTAMPTZ '2026-01-01 00:00:00+00' IS NOT NULL AS f";
    assert_eq!(
        ask(&store, sql, SqlFormat::Csv).unwrap(),
        "a,b,c,d,e,f\r\n1,,\"x,\"\"y\"\"\",\"\",true,true\r\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&ask(&store, sql, SqlFormat::Json).unwrap()).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{"a": 1, "b": null, "c": "x,\"y\"", "d": "", "e": true, "f": true}])
    );
    assert!(ask(&store, sql, SqlFormat::Table).unwrap().contains("NULL"));
    assert!(
        ask(&store, "SELECT now() AS now", SqlFormat::Csv)
            .unwrap()
            .contains("20")
    );
    let mut parquet = Vec::new();
    query(
        &store,
        "SELECT * FROM case_history",
        SqlFormat::Parquet,
        Duration::from_secs(5),
        &mut parquet,
    )
    .unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}
