use std::time::Duration;

use assay_model::{CaseRecord, KnownState, Outcome};
use assay_record::Run;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use crate::ReportError;
use crate::rows::{label, reasons};

/// The report of a run as JUnit XML: a suite per subject and platform. What could not be judged is an error, what does not hold a failure;
/// a case that was not run is a skip for want of a better word there, and says so.
///
/// # Errors
/// [`ReportError::Junit`] if the text can't be written as XML.
pub fn junit(run: &Run) -> Result<String, ReportError> {
    let mut report = Report::new(format!("assay {}", run.header.run));
    for (row, unit) in crate::rows::rows(run).iter().zip(&run.units) {
        let mut suite = TestSuite::new(clean(&format!("{} {}", row.subject, row.platform)));
        suite.add_test_cases(row.cases.iter().map(case));
        if row.cases.iter().any(CaseRecord::is_red) && unit.output.total_bytes > 0 {
            suite.set_system_out(clean(&format!("{}{}", unit.output.head, unit.output.tail)));
        }
        report.add_test_suite(suite);
    }
    report
        .to_string()
        .map_err(|error| ReportError::Junit(error.to_string()))
}

fn case(record: &CaseRecord) -> TestCase {
    let reason = record.reason.as_ref();
    let known = record.known_issue.as_ref().map(|known| known.state);
    let mut status = match record.outcome {
        // A failure that is known does not fail a build, and a known issue that is gone does.
        _ if known == Some(KnownState::Excuses) => TestCaseStatus::skipped(),
        _ if known == Some(KnownState::Stale) => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Skipped | Outcome::NotRun => TestCaseStatus::skipped(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Crashed | Outcome::TimedOut | Outcome::OutOfMemory | Outcome::Errored => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if let Some(reason) = reason {
        status.set_message(clean(&format!("{}: {reason}", record.outcome)));
        status.set_type(reason.kind.name());
    }
    if known.is_some() {
        status.set_message(clean(&format!(
            "{}: {}",
            label(record),
            reasons(record).join("; ")
        )));
    }
    if record.flaky {
        let before = record
            .attempts
            .iter()
            .filter(|attempt| attempt.outcome != Outcome::Passed);
        for attempt in before {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            if let Some(reason) = &attempt.reason {
                rerun.set_message(clean(&format!("{}: {reason}", attempt.outcome)));
                rerun.set_type(reason.kind.name());
            }
            status.add_rerun(rerun);
        }
    }
    let mut case = TestCase::new(record.check.to_string(), status);
    case.set_classname(clean(&format!("{}.{}", record.subject, record.platform)));
    case.set_time(Duration::try_from_secs_f64(record.seconds).unwrap_or_default());
    if let Some(provenance) = record.provenance {
        case.add_property(("provenance", provenance.name()));
    }
    case
}

/// Characters that XML can't hold are replaced, so that no output of a worker can break the report.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && !matches!(c, '\n' | '\t') {
                '\u{FFFD}'
            } else {
                c
            }
        })
        .collect()
}
