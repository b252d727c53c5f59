//! A server that is right passes every check; one with a fault is noticed by the check that is there for it.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_api::check::{Asking, CHECKS, CheckRow};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{FAULTS, Fault, KEY, MODEL, Serving, Settings};
use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, Key, Signer};
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
        body_bytes: 8 << 20,
        event_bytes: 1 << 20,
    }
}

/// Makes the questions.
const NONCE: u64 = 0x00a5_5a19;

/// What a check sees of a server; none where it can't be asked of the dialect.
async fn observed(
    dialect: &'static Dialect,
    fault: Option<Fault>,
    check: &'static CheckRow,
    nonce: u64,
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
    let endpoint = endpoint.with_signer(Signer {
        id: "assay".into(),
        region: "us-east-1".into(),
        session: None,
    });
    let asking = Asking {
        endpoint: &endpoint,
        nonce,
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
        running.spawn(async move {
            (
                dialect.name,
                observed(dialect, Some(fault), check, NONCE).await,
            )
        });
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
    // What is answered hangs on the question: by chance an answer ends where it would be cut.
    let nonces = std::env::var("ASSAY_TEST_NONCES").ok();
    let nonces: u64 = nonces.and_then(|count| count.parse().ok()).unwrap_or(2);
    let mut asked = 0;
    for nonce in (0..nonces).map(|number| NONCE.wrapping_mul(2 * number + 1)) {
        for check in CHECKS {
            let mut running = JoinSet::new();
            for dialect in ALL {
                running.spawn(async move {
                    (dialect.name, observed(dialect, None, check, nonce).await)
                });
            }
            for (dialect, observation) in running.join_all().await {
                let Some(observation) = observation else {
                    continue;
                };
                assert_eq!(
                    outcome(&observation),
                    Outcome::Passed,
                    "{dialect} {} {nonce}: {observation:?}",
                    check.id
                );
                asked += 1;
            }
        }
    }
    println!(
        "right servers: {} dialects, {asked} checks asked of them; falsely accused: none",
        ALL.len()
    );
}

#[tokio::test]
async fn each_fault_is_noticed_by_its_check() {
    let mut survivors = Vec::new();
    let mut planted = 0;
    let mut by_check: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for row in FAULTS {
        let check = CheckRow::named(row.check).expect("a check");
        let having_it = ALL.iter().filter(|dialect| row.is_of(dialect));
        for (dialect, seen) in observed_of(having_it, row.fault, check).await {
            planted += 1;
            let [killed, of] = by_check.entry(row.check).or_default();
            (*killed, *of) = (*killed + 1, *of + 1);
            let outcome = seen.as_ref().map(outcome);
            // A server that does not answer in time is noticed by the check that is there for it, and is no proof of another.
            let is_late = check.id != "connection.answers"
                && seen.as_ref().is_some_and(|seen| {
                    seen.raised
                        .as_ref()
                        .is_some_and(|its| its.exception == "timeout")
                });
            if outcome != Some(Outcome::Failed) || is_late {
                *killed -= 1;
                let check = row.check;
                survivors.push(format!("{dialect} {} ({check}): {seen:?}", row.name));
            }
        }
    }
    for (check, [killed, of]) in &by_check {
        println!("{check:28} {killed} of {of}");
    }
    println!(
        "servers with a fault: killed {} of {planted} ({} faults, in each dialect that has what they break); survivors: {}",
        planted - survivors.len(),
        FAULTS.len(),
        if survivors.is_empty() {
            "none"
        } else {
            "below"
        }
    );
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
