//! What the store, the log, planning and filters cost: `cargo xtask bench store`. Prints figures; asserts nothing but that the work was done.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a measurement may panic, and its figures are for a person"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_catalog::filter::{PreviousRun, parse};
use assay_catalog::{Candidate, ProbeOutcome, Selection, battery, plan};
use assay_model::event::{Event, Header};
use assay_model::{
    CheckId, Comparison, Ending, Facts, Family, Observation, Outcome, Platform, Probed, Provenance,
    Reason, ReasonKind, SCHEMA_VERSION, Subject,
};
use assay_record::{LogWriter, read_run};
use assay_store::{SqlFormat, Store, query, rebuild, status};

/// Units of a run: with all checks of the battery this makes 100,000 cases.
const UNITS: usize = 3449;
const RUNS: usize = 10;

fn candidates() -> Vec<Candidate> {
    let all: std::collections::BTreeSet<String> = battery::battery()
        .into_iter()
        .flat_map(|spec| spec.needs)
        .collect();
    (0..UNITS)
        .map(|number| Candidate {
            subject: Subject::architecture(format!("model_{number}")),
            platform: Platform::CPU,
            family: Some(Family::ALL[number % Family::ALL.len()]),
            class: Some(format!("Model{number}ForCausalLM")),
            expected: None,
            probe: ProbeOutcome::Answered(Probed::Ready {
                facts: Box::new(Facts {
                    class: format!("Model{number}ForCausalLM"),
                    family: Family::DecoderOnly,
                    parameters: number as u64 * 1000,
                    has: all.clone(),
                    inputs: vec![],
                    changes: vec![],
                    seconds: 0.1,
                    mode: String::new(),
                    lost: vec![],
                    reach: assay_model::Reach::default(),
                }),
                recipe: serde_json::json!({"config": {}}),
            }),
        })
        .collect()
}

fn planned(candidates: &[Candidate], filter: &str) -> assay_catalog::Planned {
    let battery = battery::battery();
    let checks: Vec<_> = battery.iter().collect();
    let probe = checks
        .iter()
        .find(|spec| spec.id.as_str() == battery::PROBE);
    plan(
        candidates,
        &Selection {
            checks: &checks,
            probe: probe.expect("the battery has a probe"),
            filter: &parse(filter).unwrap(),
            overrides: &[],
            previous: Some(&PreviousRun::default()),
            share_base: true,
        },
    )
}

/// What a worker says of a case: with the mean length that such an entry has in a log of the sampler, 850 bytes.
fn observation() -> Observation {
    const COMPARISON: &str = r#"{"label":"last_hidden_state, row 0","dtype":"float32","shape":[1,17,64],"shape_mismatch":null,"elements":1088,
        "differing":25,"max_difference":1.1920928955078125e-7,"rms_difference":4.007934553800153e-8,"max_reference":3.468435764312744,
        "rms_reference":1.0154016363395795,"non_finite_mismatch":0,"worst_index":[0,0,0],
        "oracle":{"result":4.244736792773631e-7,"reference":4.244736792773631e-7}}"#;
    let comparison: Comparison = serde_json::from_str(COMPARISON).unwrap();
    Observation {
        comparisons: vec![comparison; 2],
        devices: vec!["cpu".into()],
        ..Observation::default()
    }
}

/// A log like that of a run over every case of the plan, one case in a hundred failed.
fn write_run(home: &Path, number: usize, candidates: &[Candidate]) -> PathBuf {
    let name = format!("202601{:02}-000000-0000", number + 1);
    let folder = home.join("reports").join(&name);
    let plan = planned(candidates, "all()").plan;
    let mut log = LogWriter::create(&folder).unwrap();
    log.append(&Event::RunStarted(Box::new(Header {
        schema: SCHEMA_VERSION,
        run: name,
        started: format!("2026-01-{:02}T00:00:00Z", number + 1),
        nonce: number.to_string(),
        ..Header::default()
    })))
    .unwrap();
    log.append(&Event::Planned { plan: plan.clone() }).unwrap();
    let ending = Ending::Observed(Box::new(observation()));
    for (unit, planned) in (0..).zip(&plan.units) {
        for &index in &planned.checks {
            let check = plan.check(index).unwrap().id.clone();
            log.append(&Event::CheckStarted {
                unit,
                check: check.clone(),
            })
            .unwrap();
            log.append(&Event::CaseEnded {
                unit,
                check,
                ending: ending.clone(),
                seconds: 0.01,
            })
            .unwrap();
        }
        for &index in &planned.checks {
            let failed = (unit as usize * 31 + index as usize + number).is_multiple_of(100);
            let outcome = if failed {
                Outcome::Failed
            } else {
                Outcome::Passed
            };
            let reason = failed.then(|| Reason {
                kind: ReasonKind::Differs,
                detail: "last_hidden_state: largest difference 6.522e-1 at [0, 0, 41]".into(),
            });
            let check = plan.check(index).unwrap().id.clone();
            log.append(&Event::CaseJudged {
                unit,
                check,
                outcome,
                reason,
                provenance: Some(Provenance::Real),
                other_inputs: None,
                measured: None,
                seconds: 0.01,
            })
            .unwrap();
        }
    }
    log.append(&Event::RunFinished {
        counts: assay_model::Counts::default(),
        wall_seconds: 60.0,
        cpu_seconds: 100.0,
        exit_code: 1,
    })
    .unwrap();
    log.finish().unwrap();
    folder
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64())
}

/// The median of some tries, in milliseconds.
fn median(tries: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..tries).map(|_| timed(&mut work).1 * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times[tries / 2]
}

fn main() {
    let home = std::env::temp_dir().join(format!("assay-bench-store-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    planning();
    appending(&home);
    let candidates = candidates();
    let (runs, seconds) = timed(|| {
        (0..RUNS)
            .map(|number| write_run(&home, number, &candidates))
            .collect::<Vec<_>>()
    });
    let bytes: u64 = runs
        .iter()
        .map(|run| std::fs::metadata(run.join("events.jsonl")).unwrap().len())
        .sum();
    println!(
        "{RUNS} logs of 100,000 cases written: {} MB, {seconds:.1} s",
        bytes >> 20
    );
    let (folded, seconds) = timed(|| read_run(&runs[0]).unwrap());
    println!(
        "one log read and folded: {:.0} cases/s",
        folded.cases.len() as f64 / seconds
    );
    let (store, seconds) = timed(|| Store::open(&home, &runs).unwrap());
    let cases = status(&home, &store).unwrap().cases;
    println!(
        "ingest of {cases} cases: {seconds:.1} s, {:.0} cases/s (aim: over 100,000)",
        cases as f64 / seconds
    );
    drop(store);
    let ((store, _), seconds) = timed(|| rebuild(&home, &runs).unwrap());
    println!(
        "rebuild from the logs: {seconds:.1} s, {:.0} cases/s (aim: over 100,000)",
        cases as f64 / seconds
    );
    drop(store);
    grow(&home);
    queries(&home, &runs);
    std::fs::remove_dir_all(&home).unwrap();
}

fn planning() {
    let candidates = candidates();
    let cases = planned(&candidates, "all()").plan.cases();
    println!(
        "planning of {cases} cases: {:.1} ms (aim: under 200)",
        median(9, || drop(planned(&candidates, "all()")))
    );
    for filter in [
        "arch(model_1*) & check(batch.*)",
        "family(vision) - check(/^forward/) | params(<500k) & not last(failed)",
    ] {
        let filter = parse(filter).unwrap();
        let names: Vec<String> = candidates
            .iter()
            .map(|candidate| candidate.subject.to_string())
            .collect();
        let checks = battery::battery();
        let milliseconds = median(9, || {
            let mut taken = 0;
            for (candidate, name) in candidates.iter().zip(&names) {
                let facts = candidate.facts(name);
                for spec in &checks {
                    let case = assay_catalog::filter::CaseFacts {
                        check: Some((spec.id.as_str(), spec.profile)),
                        previous: Some(None),
                        ..facts
                    };
                    taken += u32::from(filter.evaluate(&case) == Some(true));
                }
            }
            assert!(taken > 0);
        });
        println!(
            "filter over {cases} cases: {milliseconds:.1} ms (aim: under 20)  {}",
            filter.source()
        );
    }
}

/// What an entry costs: as it is (one `write`, safe from `kill -9`), and the alternative that is safe from a loss of power, too (`fdatasync` after
/// each).
fn appending(home: &Path) {
    let event = Event::CaseEnded {
        unit: 7,
        check: CheckId::from("batch.rows"),
        ending: Ending::Observed(Box::new(observation())),
        seconds: 0.01,
    };
    let mut log = LogWriter::create(&home.join("append")).unwrap();
    let count = 100_000;
    let (_, seconds) = timed(|| (0..count).map(|_| log.append(&event).unwrap()).sum::<u64>());
    println!(
        "log append: {:.2} µs an event, safe from kill -9; flushed to the disk when the run ends",
        seconds / f64::from(count) * 1e6
    );
    let line = serde_json::to_vec(&event).unwrap();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(home.join("append/flushed"))
        .unwrap();
    let count = 200;
    let (_, seconds) = timed(|| {
        for _ in 0..count {
            file.write_all(&line).unwrap();
            file.sync_data().unwrap();
        }
    });
    println!(
        "the same with fdatasync after each, safe from a loss of power: {:.0} µs an event",
        seconds / f64::from(count) * 1e6
    );
}

/// Ten times as many runs, copied inside the store: ten million cases.
fn grow(home: &Path) {
    let connection = duckdb::Connection::open(home.join("store.duckdb")).unwrap();
    for copy in 1..10 {
        connection
            .execute_batch(&format!(
                "INSERT INTO runs SELECT * REPLACE (run + {0} AS run, name || '-{copy}' AS name, log || '-{copy}' AS log, started + INTERVAL {0} DAY AS started)
                    FROM runs WHERE run < {RUNS};
                INSERT INTO cases SELECT * REPLACE (run + {0} AS run) FROM cases WHERE run < {RUNS};
                INSERT INTO compatibility SELECT * REPLACE (run + {0} AS run) FROM compatibility WHERE run < {RUNS};
                INSERT INTO samples SELECT * REPLACE (run + {0} AS run) FROM samples WHERE run < {RUNS};",
                copy * RUNS
            ))
            .unwrap();
    }
    connection.execute_batch("CHECKPOINT").unwrap();
}

fn queries(home: &Path, runs: &[PathBuf]) {
    let open = median(5, || drop(Store::open(home, runs).unwrap()));
    let store = Store::open(home, runs).unwrap();
    let cases = status(home, &store).unwrap().cases;
    println!("queries on {cases} cases (aim: each under 100 ms), opening the store {open:.0} ms:");
    let shown = |what: &str, milliseconds: f64| println!("  {what}: {milliseconds:.0} ms");
    shown(
        "assay history",
        median(5, || {
            assert_eq!(store.history("model_77", 20).unwrap().len(), 20)
        }),
    );
    let names = store.runs().unwrap();
    let [.., before, after] = names.as_slice() else {
        panic!()
    };
    shown(
        "assay diff",
        median(5, || {
            assert!(!store.diff(before, after).unwrap().new_failures.is_empty())
        }),
    );
    shown(
        "assay store status",
        median(5, || drop(status(home, &store).unwrap())),
    );
    for sql in [
        "SELECT outcome, count(*) FROM cases GROUP BY ALL",
        "SELECT run, subject, \"check\" FROM case_history WHERE subject = 'model_77' AND outcome = 'failed'",
        "SELECT stage, error_kind, count(*) FROM compatibility_matrix GROUP BY ALL",
    ] {
        shown(
            sql,
            median(5, || {
                query(
                    &store,
                    sql,
                    SqlFormat::Csv,
                    Duration::from_secs(60),
                    &mut Vec::new(),
                )
                .unwrap()
            }),
        );
    }
}
