//! A server that is right passes every check; one with a fault is noticed by the check that is there for it.

use std::time::Duration;

use assay_api::check::{Asking, CHECKS, CheckRow};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{FAULTS, Fault, KEY, MODEL, Serving, Settings};
use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, Key};
use assay_judge::{Proof, judge};
use assay_model::{Ending, Observation, Outcome, Platform, Provenance, Rule};
use tokio::task::JoinSet;

/// Small ones, so that a server that never ends costs a test little; on a machine that is busy, one that is right keeps them.
fn bounds() -> Bounds {
    Bounds {
        connect: Duration::from_secs(2),
        head: Duration::from_secs(3),
        between: Duration::from_secs(3),
        total: Duration::from_secs(4),
        head_bytes: 64 << 10,
        body_bytes: 4 << 20,
        event_bytes: 1 << 20,
    }
}

/// What a check sees of a server; none where it can't be asked of the dialect.
async fn observed(
    dialect: &'static Dialect,
    fault: Option<Fault>,
    check: &'static CheckRow,
) -> Option<Observation> {
    let mut settings = Settings {
        fault,
        ..Settings::new(dialect)
    };
    if fault == Some(Fault::AllAtOnce) {
        // So slow that how long the pieces take to be read is nothing to it.
        settings.pace = Duration::from_millis(10);
    }
    let serving = Serving::start(settings, 0).await.expect("a port");
    let wire = Wire::without_keeping(bounds()).expect("a client");
    let endpoint = Endpoint::new(dialect, &serving.base(), MODEL, Some(Key::new(KEY)), wire)
        .expect("an address");
    let asking = Asking {
        endpoint: &endpoint,
        nonce: 0x00a5_5a19,
    };
    if !check.applies_to(&endpoint) {
        return None;
    }
    Some(check.observe(&asking).await)
}

/// The same of several dialects at once.
async fn observed_of(
    dialects: impl Iterator<Item = &'static Dialect>,
    fault: Fault,
    check: &'static CheckRow,
) -> Vec<(&'static str, Option<Observation>)> {
    let mut seen = Vec::new();
    let mut running = JoinSet::new();
    for dialect in dialects {
        running.spawn(async move { (dialect.name, observed(dialect, Some(fault), check).await) });
        // Of megabytes: they keep this machine busy.
        if check.id == "request.oversized" {
            seen.push(running.join_next().await.expect("one").expect("no panic"));
        }
    }
    seen.extend(running.join_all().await);
    seen
}

/// By the judge's own rule.
fn outcome(observation: &Observation) -> Outcome {
    let real = Proof {
        provenance: Some(Provenance::Real),
        detail: String::new(),
    };
    let ending = Ending::Observed(Box::new(observation.clone()));
    judge(Rule::Full, &ending, Platform::CPU, Some(&real), None).outcome
}

#[tokio::test]
async fn a_server_that_is_right_passes_every_check() {
    for dialect in ALL {
        for check in CHECKS {
            let Some(observation) = observed(dialect, None, check).await else {
                continue;
            };
            assert_eq!(
                outcome(&observation),
                Outcome::Passed,
                "{} {}: {observation:?}",
                dialect.name,
                check.id
            );
        }
    }
}

#[tokio::test]
async fn each_fault_is_noticed_by_its_check() {
    let mut survivors = Vec::new();
    let mut planted = 0;
    for row in FAULTS {
        let check = CheckRow::named(row.check).expect("a check");
        let has_it = |dialect: &&'static Dialect| {
            row.dialects.is_empty() || row.dialects.contains(&dialect.name)
        };
        for (dialect, seen) in observed_of(ALL.iter().filter(has_it), row.fault, check).await {
            planted += 1;
            let outcome = seen.as_ref().map(outcome);
            // A server that does not answer in time is noticed by the check that is there for it, and is no proof of another.
            let is_late = check.id != "connection.answers"
                && seen.as_ref().is_some_and(|seen| {
                    seen.raised
                        .as_ref()
                        .is_some_and(|its| its.exception == "timeout")
                });
            if outcome != Some(Outcome::Failed) || is_late {
                let check = row.check;
                survivors.push(format!("{dialect} {} ({check}): {seen:?}", row.name));
            }
        }
    }
    assert!(planted > 500, "{planted}");
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

#[test]
fn a_fault_names_dialects_that_there_are() {
    for row in FAULTS {
        for name in row.dialects {
            assert!(Dialect::named(name).is_some(), "{}: {name}", row.name);
        }
    }
}
