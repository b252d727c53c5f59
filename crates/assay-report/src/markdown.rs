use std::fmt::Write;

use assay_model::{ENDPOINT, Outcome, Provenance, PythonEnvironment};
use assay_record::Run;

use crate::rows::{cautions, endpoints, label, not_passed, peer, reasons, rows, totals};

/// The report of a run as Markdown.
#[must_use]
pub fn markdown(run: &Run) -> String {
    let mut text = String::new();
    let header = &run.header;
    let _ = writeln!(text, "# Assay run {}\n\n{}\n", header.run, totals(run));
    for caution in cautions(run) {
        let _ = writeln!(text, "> **{}**\n", escaped(&caution));
    }
    let _ = writeln!(
        text,
        "| subject | platform | proof | passed | otherwise | seconds |\n| --- | --- | --- | --: | --- | --: |"
    );
    for row in rows(run) {
        let proof = match row.provenance {
            Some(provenance @ (Provenance::Real | Provenance::Mock)) => {
                format!("{} {}", provenance.mark(), provenance.name())
            }
            None => "–".into(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {proof} | {}/{} | {} | {:.2} |",
            escaped(&row.subject),
            row.platform,
            row.count(Outcome::Passed),
            row.cases.len(),
            row.rest(),
            row.seconds
        );
    }
    if endpoints(run).next().is_some() {
        let _ = writeln!(
            text,
            "\n## Endpoints\n\n| endpoint | dialect | address | model | peer |\n| --- | --- | --- | --- | --- |"
        );
    }
    for its in endpoints(run) {
        let cells = [&its.name, &its.dialect, &its.base, &its.model].map(|cell| escaped(cell));
        let _ = writeln!(
            text,
            "| {ENDPOINT}:{} | {} |",
            cells.join(" | "),
            peer(its.peer)
        );
    }
    let broken = not_passed(run);
    if !broken.is_empty() {
        let _ = writeln!(
            text,
            "\n## Cases that are no pass\n\n| outcome | case | reason |\n| --- | --- | --- |"
        );
    }
    for case in broken {
        let name = escaped(&format!(
            "{} {} {}",
            case.subject, case.platform, case.check
        ));
        let _ = writeln!(
            text,
            "| {} | {name} | {} |",
            label(case),
            escaped(&reasons(case).join("; "))
        );
    }
    let print = &header.fingerprint;
    let said = |python: &PythonEnvironment| {
        let packages = python.packages.iter();
        let packages: Vec<String> = packages
            .map(|(name, its)| format!("{name} {its}"))
            .collect();
        format!("{} with {}", python.version, packages.join(", "))
    };
    let rows = [
        ("started", header.started.clone()),
        ("command", format!("`{}`", header.command.join(" "))),
        ("seed", header.seed.to_string()),
        ("assay", print.assay.clone()),
        ("python", said(&print.python)),
        (
            "machine",
            format!(
                "{}, {} processors, {} MiB, {}",
                print.cpu,
                print.cpus,
                print.memory_bytes >> 20,
                print.machine
            ),
        ),
        (
            "system",
            format!("{}, kernel {}", print.system, print.kernel),
        ),
        (
            "commit",
            print.git_commit.clone().unwrap_or_else(|| "–".into()),
        ),
        (
            "preloads",
            print
                .preloads
                .iter()
                .map(|file| format!("{} ({})", file.path.display(), file.sha256))
                .collect::<Vec<_>>()
                .join(", "),
        ),
    ];
    let _ = writeln!(text, "\n## Environment\n\n| | |\n| --- | --- |");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {} |", escaped(&value));
    }
    for (platform, python) in &print.platforms {
        let _ = writeln!(
            text,
            "| python of {platform} | {} |",
            escaped(&said(python))
        );
    }
    text
}

/// Text that can't leave its cell.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace(['\n', '\r'], " ")
}
