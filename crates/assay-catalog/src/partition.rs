use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use assay_model::{Part, Plan, Subject};
use sha2::{Digest, Sha256};

use crate::Planned;

/// One part of a plan that is cut into several: `hash:2/3` or `slice:2/3`.
///
/// A unit (a subject on a platform) is never cut: its cases share a worker and the proof that a real model ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    how: How,
    number: u32,
    of: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By a hash of subject and platform: a unit stays in its part when others come or go.
    Hash,
    /// Every n-th unit: the parts are of one size.
    Slice,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Hash => "hash",
            How::Slice => "slice",
        };
        write!(f, "{how}:{}/{}", self.number, self.of)
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (how, rest) = text.split_once(':')?;
            let (number, of) = rest.split_once('/')?;
            let how = match how {
                "hash" => How::Hash,
                "slice" => How::Slice,
                _ => return None,
            };
            Some((how, number.parse::<u32>().ok()?, of.parse::<u32>().ok()?))
        };
        match read() {
            Some((how, number, of)) if (1..=of).contains(&number) => Ok(Self { how, number, of }),
            _ => Err("hash:k/n or slice:k/n with 1 ≤ k ≤ n".into()),
        }
    }
}

impl Partition {
    /// This part of a plan, which says of what it is a part.
    #[must_use]
    pub fn of(self, planned: Planned) -> Planned {
        let whole = plan_digest(&planned.plan);
        let mut positions = Vec::new();
        let mut part = Planned {
            plan: Plan {
                checks: planned.plan.checks,
                units: Vec::new(),
                known_issues: planned.plan.known_issues,
                part: None,
            },
            jobs: Vec::new(),
            not_applicable: planned.not_applicable,
        };
        for (position, (unit, job)) in
            (0_u32..).zip(planned.plan.units.into_iter().zip(planned.jobs))
        {
            let place = match self.how {
                How::Hash => hash(&format!("{}\0{}", unit.subject, unit.platform)),
                How::Slice => u64::from(position),
            };
            if place % u64::from(self.of) == u64::from(self.number - 1) {
                positions.push(position);
                part.plan.units.push(unit);
                part.jobs.push(job);
            }
        }
        part.plan.part = Some(Part {
            partition: self.to_string(),
            number: self.number,
            of: self.of,
            whole,
            positions,
        });
        part
    }
}

/// SHA-256 of a plan in hex: two plans with the same digest are the same.
#[must_use]
pub fn plan_digest(plan: &Plan) -> String {
    let mut plan = Plan {
        part: None,
        ..plan.clone()
    };
    for unit in &mut plan.units {
        // What is in a checkpoint counts, not where a machine keeps it.
        if let Subject::Checkpoint { path, .. } = &mut unit.subject {
            *path = PathBuf::new();
        }
    }
    let text = serde_json::to_vec(&plan).unwrap_or_default();
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(8)
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use assay_model::{Platform, Recipe, Subject, UnitPlan};

    use super::*;
    use crate::UnitJob;

    fn planned(count: usize) -> Planned {
        let mut planned = Planned::default();
        for number in 0..count {
            planned.plan.units.push(UnitPlan::new(
                Subject::architecture(format!("model{number}")),
                Platform::CPU,
                vec![0],
            ));
            planned.jobs.push(UnitJob {
                recipe: Recipe::Null,
                estimate_seconds: None,
            });
        }
        planned
    }

    #[test]
    fn the_parts_hold_every_unit_once() {
        for how in ["hash", "slice"] {
            let mut positions: Vec<u32> = Vec::new();
            for number in 1..=3 {
                let part = format!("{how}:{number}/3")
                    .parse::<Partition>()
                    .unwrap()
                    .of(planned(100));
                let said = part.plan.part.clone().unwrap();
                assert_eq!(part.jobs.len(), part.plan.units.len());
                assert!(said.positions.len() > 20, "{how} {}", said.positions.len());
                for (position, unit) in said.positions.iter().zip(&part.plan.units) {
                    assert_eq!(unit.subject.to_string(), format!("model{position}"));
                }
                assert_eq!(said.whole, plan_digest(&planned(100).plan));
                positions.extend(said.positions);
            }
            positions.sort_unstable();
            assert_eq!(positions, (0..100).collect::<Vec<_>>(), "{how}");
        }
    }

    #[test]
    fn a_unit_stays_in_its_part_when_others_come() {
        let partition: Partition = "hash:1/2".parse().unwrap();
        let few = partition.of(planned(10)).plan.units;
        let many = partition.of(planned(50)).plan.units;
        assert!(few.iter().all(|unit| many.contains(unit)));
    }

    #[test]
    fn what_is_no_partition_is_refused() {
        for wrong in [
            "",
            "hash",
            "hash:1",
            "hash:0/2",
            "hash:3/2",
            "slice:1/0",
            "slice:a/b",
            "count:1/2",
            "hash:1/2/3",
            "hash:-1/2",
        ] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
