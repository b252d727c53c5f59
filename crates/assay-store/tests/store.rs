//! The store is what the logs say, whatever happens to its file.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Outcome, Plan, PlannedCheck, Platform, Provenance, Reason, ReasonKind, Rule,
    SCHEMA_VERSION, Subject, UnitPlan,
};
use assay_record::{LOG_FILE, LogWriter};
use assay_store::{
    STORE_FILE, SqlFormat, Store, StoreError, archive, prune, query, rebuild, status,
};

const CHECKS: [&str; 3] = ["load.build", "forward.runs", "batch.rows"];

/// Writes the log of a run: per subject the outcomes of its checks.
fn run(home: &Path, name: &str, started: &str, subjects: &[(&str, &[Outcome])]) -> PathBuf {
    let folder = home.join("reports").join(name);
    let mut log = LogWriter::create(&folder).unwrap();
    let mut append = |event: Event| log.append(&event).unwrap();
    append(Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        run: name.into(),
        started: started.into(),
        nonce: name.len().to_string(),
        ..Header::default()
    })));
    let checks = CHECKS
        .map(|id| PlannedCheck {
            id: id.into(),
            rule: Rule::Completes,
        })
        .to_vec();
    let units = subjects.iter().map(|(subject, outcomes)| {
        let checks = (0..u32::try_from(outcomes.len()).unwrap()).collect();
        UnitPlan::new(Subject::architecture(*subject), Platform::Cpu, checks)
    });
    append(Event::Planned {
        plan: Plan {
            checks,
            units: units.collect(),
            ..Plan::default()
        },
    });
    for (unit, (_, outcomes)) in (0..).zip(subjects) {
        for (check, &outcome) in CHECKS.iter().zip(*outcomes) {
            append(Event::CaseJudged {
                unit,
                check: CheckId::from(*check),
                outcome,
                reason: (outcome != Outcome::Passed).then(|| Reason {
                    kind: ReasonKind::Differs,
                    detail: "it's \"different\", here".into(),
                }),
                provenance: Some(Provenance::Real),
                seconds: 0.5,
            });
        }
    }
    append(Event::RunFinished {
        counts: assay_model::Counts::default(),
        wall_seconds: 3.0,
        cpu_seconds: 2.0,
        exit_code: 0,
    });
    log.finish().unwrap();
    folder
}

use Outcome::{Crashed, Failed, Passed, Skipped};

struct Home {
    folder: tempfile::TempDir,
    runs: Vec<PathBuf>,
}

/// Two runs: in the second `bert` fails a check that it passed, mends one, and has lost one; `vit` is gone, `t5` new.
fn two_runs() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let runs = vec![
        run(
            home,
            "a",
            "2026-01-01T00:00:00Z",
            &[("bert", &[Passed, Failed, Passed]), ("vit", &[Passed])],
        ),
        run(
            home,
            "b",
            "2026-01-02T00:00:00Z",
            &[("bert", &[Crashed, Passed]), ("t5", &[Passed, Skipped])],
        ),
    ];
    Home { folder, runs }
}

impl Home {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn open(&self) -> Store {
        Store::open(self.path(), &self.runs).unwrap()
    }
}

fn ask(store: &Store, sql: &str, format: SqlFormat) -> Result<String, StoreError> {
    let mut output = Vec::new();
    query(store, sql, format, Duration::from_secs(20), &mut output)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

#[test]
fn every_case_of_every_log_is_in_it_once_however_often_it_is_opened() {
    let home = two_runs();
    for _ in 0..3 {
        let store = home.open();
        assert_eq!(store.notices, Vec::<String>::new());
        let status = status(home.path(), &store).unwrap();
        assert_eq!((status.runs, status.cases, status.without_log), (2, 8, 0));
    }
}

#[test]
fn a_log_that_grew_is_read_again() {
    let home = two_runs();
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    // Without its end and its last verdict the run is an interrupted one.
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&log, lines[..lines.len() - 2].join("\n") + "\n").unwrap();
    let store = home.open();
    let states = ask(
        &store,
        "SELECT state, passed FROM runs ORDER BY name",
        SqlFormat::Csv,
    )
    .unwrap();
    assert_eq!(states, "state,passed\r\nfailed,3\r\ninterrupted,2\r\n");
    drop(store);
    std::fs::write(&log, text).unwrap();
    let store = home.open();
    assert_eq!(status(home.path(), &store).unwrap().cases, 8);
    let states = ask(
        &store,
        "SELECT state FROM runs ORDER BY name",
        SqlFormat::Csv,
    );
    assert_eq!(states.unwrap(), "state\r\nfailed\r\nfailed\r\n");
}

#[test]
fn history_is_the_newest_first() {
    let rows = two_runs().open().history("bert", 10).unwrap();
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row.run.as_str(), row.cases, row.passed, row.failed))
        .collect();
    assert_eq!(short, [("b", 2, 1, 1), ("a", 3, 2, 1)]);
    assert_eq!(
        rows[0].first_failure.as_deref(),
        Some("load.build: differs: it's \"different\", here")
    );
    assert_eq!(rows[1].started.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert!(two_runs().open().history("nobody", 10).unwrap().is_empty());
}

#[test]
fn a_difference_names_each_kind_of_change() {
    let home = two_runs();
    let difference = home.open().diff("a", "b").unwrap();
    let names = |list: &[assay_store::Changed]| {
        list.iter()
            .map(|case| format!("{} {}", case.subject, case.check))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&difference.new_failures), ["bert load.build"]);
    assert_eq!(names(&difference.fixed), ["bert forward.runs"]);
    assert_eq!(names(&difference.ceased), ["bert batch.rows"]);
    assert_eq!(difference.subjects_gone, ["vit cpu"]);
    assert_eq!(difference.subjects_new, ["t5 cpu"]);
    assert_eq!(
        (
            difference.same,
            difference.began.len(),
            difference.changed.len()
        ),
        (0, 0, 0)
    );
    assert_eq!(difference.common_seconds, (1.0, 1.0));
    assert!(matches!(
        home.open().diff("a", "x"),
        Err(StoreError::UnknownRun { .. })
    ));
    let itself = home.open().diff("a", "a").unwrap();
    assert_eq!((itself.same, itself.new_failures.len()), (4, 0));
}

#[test]
fn compatibility_says_stage_kind_and_mend() {
    let store = two_runs().open();
    let matrix = ask(&store, "SELECT subject, works, stage, error_kind, mend IS NOT NULL AS mend FROM compatibility_matrix ORDER BY subject", SqlFormat::Csv).unwrap();
    assert_eq!(
        matrix,
        "subject,works,stage,error_kind,mend\r\nbert,false,load,differs,true\r\nt5,false,forward,differs,true\r\nvit,true,,,false\r\n"
    );
}

#[test]
fn a_unit_of_which_a_part_was_not_run_is_not_said_to_work() {
    let mut home = two_runs();
    let outcomes = [Passed, Outcome::NotRun];
    let run = run(
        home.path(),
        "c",
        "2026-01-03T00:00:00Z",
        &[("gpt2", &outcomes)],
    );
    home.runs.push(run);
    let rows = ask(
        &home.open(),
        "SELECT count(*) AS n FROM compatibility_matrix WHERE subject = 'gpt2'",
        SqlFormat::Csv,
    );
    assert_eq!(rows.unwrap(), "n\r\n0\r\n");
}

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
fn two_runs_of_one_name_are_two_and_a_copy_is_one() {
    let mut home = two_runs();
    let other = home.path().join("elsewhere");
    home.runs.push(run(
        &other,
        "a",
        "2026-01-03T00:00:00Z",
        &[("bert", &[Passed])],
    ));
    let copy = home.path().join("copy/b");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::copy(home.runs[1].join(LOG_FILE), copy.join(LOG_FILE)).unwrap();
    home.runs.push(copy);
    let store = home.open();
    let runs = store.runs().unwrap();
    assert_eq!(
        (runs.len(), runs[0].as_str(), runs[1].as_str()),
        (3, "a", "b")
    );
    assert!(runs[2].starts_with("a~"), "{runs:?}");
    assert!(
        store.notices[0].contains("two runs are named a"),
        "{:?}",
        store.notices
    );
    assert!(
        store.notices[1].contains("is a copy of"),
        "{:?}",
        store.notices
    );
}

/// Changes bytes of a log's first line.
fn damage_header(run: &Path) {
    let path = run.join(LOG_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replacen("started\":\"2026", "started\":\"2O26", 1),
    )
    .unwrap();
}

#[test]
fn two_runs_without_a_header_are_two() {
    let home = two_runs();
    home.runs.iter().for_each(|run| damage_header(run));
    let store = home.open();
    assert_eq!(store.runs().unwrap().len(), 2, "{:?}", store.notices);
    assert_eq!(status(home.path(), &store).unwrap().cases, 8);
}

#[test]
fn a_header_that_is_damaged_later_makes_no_second_run() {
    let home = two_runs();
    drop(home.open());
    damage_header(&home.runs[0]);
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    assert!(
        store.notices[0].contains("was damaged after it was read"),
        "{:?}",
        store.notices
    );
    drop(store);
    assert!(home.open().notices.is_empty());
}

#[test]
fn a_run_in_the_place_of_another_leaves_that_one_in() {
    let home = two_runs();
    drop(home.open());
    std::fs::remove_dir_all(&home.runs[0]).unwrap();
    let other = home.path().join("other");
    let new = run(&other, "c", "2026-01-03T00:00:00Z", &[("bert", &[Passed])]);
    std::fs::rename(new, &home.runs[0]).unwrap();
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b", "c"]);
    assert_eq!(status(home.path(), &store).unwrap().without_log, 1);
}

#[test]
fn a_namesake_that_is_moved_is_the_same_run() {
    let mut home = two_runs();
    let other = home.path().join("elsewhere");
    home.runs.push(run(
        &other,
        "a",
        "2026-01-03T00:00:00Z",
        &[("bert", &[Passed])],
    ));
    let before = home.open().runs().unwrap();
    let moved = home.path().join("moved");
    std::fs::rename(&home.runs[2], &moved).unwrap();
    home.runs[2] = moved;
    let store = home.open();
    assert_eq!(store.runs().unwrap(), before);
    assert_eq!(status(home.path(), &store).unwrap().without_log, 0);
}

#[test]
fn a_copy_that_was_taken_up_again_counts_for_the_run() {
    let mut home = two_runs();
    // The original is cut short, as if it was killed; its copy went on to the end.
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    let short: String = text
        .lines()
        .take(4)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&log, short).unwrap();
    drop(home.open());
    let copy = home.path().join("copy/b");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::write(copy.join(LOG_FILE), text).unwrap();
    home.runs.push(copy);
    for _ in 0..2 {
        let store = home.open();
        assert_eq!(store.runs().unwrap(), ["a", "b"]);
        let states = ask(
            &store,
            "SELECT state FROM runs WHERE name = 'b'",
            SqlFormat::Csv,
        );
        assert_eq!(states.unwrap(), "state\r\nfailed\r\n");
    }
}

#[test]
fn an_older_copy_takes_nothing_back_and_two_that_were_taken_up_on_their_own_are_two() {
    let mut home = two_runs();
    drop(home.open());
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    let short: String = text
        .lines()
        .take(4)
        .map(|line| format!("{line}\n"))
        .collect();
    let copy = home.path().join("copy/b");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::write(copy.join(LOG_FILE), &short).unwrap();
    std::fs::remove_dir_all(&home.runs[1]).unwrap();
    home.runs[1] = copy.clone();
    let state = |store: &Store| {
        ask(
            store,
            "SELECT state FROM runs WHERE name = 'b'",
            SqlFormat::Csv,
        )
        .unwrap()
    };
    let store = home.open();
    assert_eq!(state(&store), "state\r\nfailed\r\n");
    assert!(
        store.notices[0].contains("an older copy"),
        "{:?}",
        store.notices
    );
    drop(store);
    // Another end than the one that the store knows, and longer.
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, &text).unwrap();
    home.runs.push(log.parent().unwrap().into());
    drop(home.open());
    let tail = text.lines().last().unwrap().repeat(9);
    std::fs::write(copy.join(LOG_FILE), format!("{short}{tail}\n")).unwrap();
    let runs = home.open().runs().unwrap();
    assert_eq!(runs.len(), 3, "{runs:?}");
    // A third end, shorter than both: it may hold the failure.
    let third = home.path().join("third/b");
    std::fs::create_dir_all(&third).unwrap();
    std::fs::write(third.join(LOG_FILE), format!("{short}another end\n")).unwrap();
    home.runs.push(third);
    for _ in 0..2 {
        let runs = home.open().runs().unwrap();
        assert_eq!(runs.len(), 4, "{runs:?}");
    }
}

#[test]
fn a_store_of_version_1_is_brought_up() {
    let home = two_runs();
    drop(home.open());
    duckdb::Connection::open(home.path().join(STORE_FILE))
        .unwrap()
        .execute_batch(
            "UPDATE meta SET version = 1; UPDATE runs SET log_head = 'old', log_bytes = 1",
        )
        .unwrap();
    let store = home.open();
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
    assert_eq!(status(home.path(), &store).unwrap().version, 2);
}

#[test]
fn a_run_that_was_read_while_it_went_on_is_read_again() {
    let home = two_runs();
    let log = home.runs[1].join(LOG_FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    let short: String = text
        .lines()
        .take(4)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&log, &short).unwrap();
    // Somebody who holds the lock is somebody who writes.
    let writer = std::fs::File::open(&log).unwrap();
    writer.lock().unwrap();
    let state = |store: &Store| {
        ask(
            store,
            "SELECT state FROM runs WHERE name = 'b'",
            SqlFormat::Csv,
        )
        .unwrap()
    };
    assert_eq!(state(&home.open()), "state\r\nrunning\r\n");
    // Killed: the log is what it was, to the byte.
    writer.unlock().unwrap();
    assert_eq!(state(&home.open()), "state\r\ninterrupted\r\n");
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

#[test]
fn a_log_that_can_not_be_read_is_named_and_the_others_are_in() {
    let mut home = two_runs();
    let broken = home.path().join("reports/c");
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join(LOG_FILE), "").unwrap();
    home.runs.push(broken);
    let store = home.open();
    assert!(
        store.notices[0].starts_with("c is not in the store"),
        "{:?}",
        store.notices
    );
    assert_eq!(store.runs().unwrap(), ["a", "b"]);
}

#[test]
fn clocks_that_jump_leave_every_run_in() {
    let mut home = two_runs();
    for (name, started) in [
        ("c", "1969-01-01T00:00:00Z"),
        ("d", "9999-01-01T00:00:00Z"),
        ("e", "yesterday"),
    ] {
        home.runs
            .push(run(home.path(), name, started, &[("bert", &[Passed])]));
    }
    let store = home.open();
    assert_eq!(store.history("bert", 10).unwrap().len(), 5);
    assert_eq!(store.diff("d", "c").unwrap().same, 1);
}

#[test]
fn somebody_who_reads_the_file_hides_no_run() {
    let home = two_runs();
    drop(Store::open(home.path(), &home.runs[..1]).unwrap());
    // Another process, since DuckDB shares a file within one.
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_the_file_open", "--ignored", "--nocapture"])
        .env("ASSAY_TEST_HOLD", home.path().join(STORE_FILE))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(other.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("holding")));
    let store = Store::open(home.path(), &home.runs).unwrap();
    assert!(
        store.notices[0].contains("open elsewhere"),
        "{:?}",
        store.notices
    );
    assert_eq!(store.runs().unwrap(), ["a"]);
    drop(store);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(home.open().runs().unwrap(), ["a", "b"]);
}

#[test]
#[ignore = "the other process of the test above"]
fn holds_the_file_open() {
    let path = std::env::var_os("ASSAY_TEST_HOLD").unwrap();
    let config = duckdb::Config::default()
        .access_mode(duckdb::AccessMode::ReadOnly)
        .unwrap();
    let _connection = duckdb::Connection::open_with_flags(path, config).unwrap();
    println!("holding");
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap();
}

#[test]
fn many_at_once_all_see_every_run() {
    let home = two_runs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // Each with a connection of its own; the lock is per open file, so it holds between threads, too.
            scope.spawn(|| assert_eq!(home.open().runs().unwrap(), ["a", "b"]));
        }
    });
}

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
