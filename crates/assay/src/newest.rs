use assay_catalog::filter::{Previous, PreviousRun};

use crate::failure::Failure;
use crate::folders;

/// The cases of the newest run, from its log.
pub(crate) fn read() -> Result<PreviousRun, Failure> {
    let folder = folders::run_folder("latest").map_err(|_| {
        Failure::usage("the filter asks for the newest run, and there is none here")
            .hint("last, provenance and slow need a run before this one")
    })?;
    let run =
        assay_record::read_run(&folder).map_err(|error| Failure::record(error.to_string()))?;
    let mut newest = PreviousRun::default();
    for case in run.cases {
        let previous = Previous {
            outcome: case.outcome,
            provenance: case.provenance,
            flaky: case.flaky,
            seconds: case.seconds,
        };
        newest.insert(
            case.subject,
            case.platform,
            case.check.to_string(),
            previous,
        );
    }
    Ok(newest)
}
