//! A server that is right passes every check; one with a fault is noticed by the check that is there for it.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_api::check::{Asking, CHECKS};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::{FAULTS, Fault, KEY, MODEL, Serving, Settings};
use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, Key};
use assay_judge::{Proof, judge};
use assay_model::{Ending, Observation, Outcome, Platform, Provenance, Rule};

/// Small ones, so that a server that never ends costs a test little.
fn bounds() -> Bounds {
    Bounds {
        connect: Duration::from_secs(1),
        head: Duration::from_secs(2),
        between: Duration::from_secs(1),
        total: Duration::from_secs(3),
        head_bytes: 64 << 10,
        body_bytes: 4 << 20,
        event_bytes: 1 << 20,
    }
}

async fn observed(
    dialect: &'static Dialect,
    fault: Option<Fault>,
    only: Option<&str>,
) -> BTreeMap<&'static str, Observation> {
    let serving = Serving::start(
        Settings {
            fault,
            ..Settings::new(dialect)
        },
        0,
    )
    .await
    .expect("a port");
    let wire = Wire::new(bounds()).expect("a client");
    let endpoint = Endpoint::new(dialect, &serving.base(), MODEL, Some(Key::new(KEY)), wire)
        .expect("an address");
    let asking = Asking {
        endpoint: &endpoint,
        nonce: 0x00a5_5a19,
    };
    let mut seen = BTreeMap::new();
    for check in CHECKS
        .iter()
        .filter(|check| check.applies_to(&endpoint) && only.is_none_or(|only| only == check.id))
    {
        seen.insert(check.id, check.observe(&asking).await);
    }
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
        for (check, observation) in observed(dialect, None, None).await {
            assert_eq!(
                outcome(&observation),
                Outcome::Passed,
                "{} {check}: {observation:?}",
                dialect.name
            );
        }
    }
}

#[tokio::test]
async fn each_fault_is_noticed_by_its_check() {
    let mut survivors = Vec::new();
    let mut planted = 0;
    for dialect in ALL {
        for row in FAULTS
            .iter()
            .filter(|row| row.dialects.is_empty() || row.dialects.contains(&dialect.name))
        {
            planted += 1;
            let seen = observed(dialect, Some(row.fault), Some(row.check)).await;
            match seen.get(row.check) {
                Some(observation) if outcome(observation) == Outcome::Failed => {}
                other => survivors.push(format!(
                    "{} {} ({}): {other:?}",
                    dialect.name, row.name, row.check
                )),
            }
        }
    }
    assert!(planted > 100, "{planted}");
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}
