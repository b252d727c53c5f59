use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::rows::PEERS;
use super::{Checked, Run, is_failure, known};
use crate::coverage::between;
use crate::setup::root;
use crate::step::Failed;
use crate::summary::Case;

const PAGE: &str = "docs/api-peers.md";
const BEGIN: &str = "<!-- peers: written by `cargo xtask api-peers` -->\n";
const END: &str = "<!-- end of peers -->";
/// What a peer's part of the page begins with.
const HEADING: &str = "## ";
/// Letters of a reason.
const TOLD: usize = 320;

/// How cases are counted.
#[derive(Clone, Copy)]
pub(super) enum Counted {
    Passed,
    Failed,
    Skipped,
}

pub(super) fn count(cases: &[Case], counted: Counted) -> usize {
    let is_it = |case: &&Case| match counted {
        Counted::Passed => case.outcome == "passed",
        Counted::Skipped => case.outcome == "skipped",
        Counted::Failed => is_failure(case),
    };
    cases.iter().filter(is_it).count()
}

/// Makes the parts of these peers anew; the others' stay.
pub(super) fn write(checked: &[Checked]) -> Result<(), Failed> {
    let target = root().join(PAGE);
    let failed = |error: std::io::Error| format!("{}: {error}", target.display());
    let text = std::fs::read_to_string(&target).map_err(failed)?;
    let mut parts = parts(&text);
    for one in checked {
        parts.insert(one.peer.name.to_owned(), part(one));
    }
    let whole: String = PEERS
        .iter()
        .filter_map(|peer| parts.get(peer.name))
        .cloned()
        .collect();
    let text = between(&text, BEGIN, END, &whole);
    let text = text.map_err(|error| format!("{}: {error}", target.display()))?;
    std::fs::write(&target, text).map_err(failed)?;
    println!("{}", target.display());
    Ok(())
}

/// The part of each peer that the page has.
fn parts(text: &str) -> BTreeMap<String, String> {
    let inner = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END));
    let Some((inner, _)) = inner else {
        return BTreeMap::new();
    };
    let named = |part: &str| {
        let name = part.split_whitespace().next()?;
        Some((name.to_owned(), format!("{HEADING}{part}")))
    };
    inner.split(HEADING).filter_map(named).collect()
}

/// What came of a peer.
fn part(one: &Checked) -> String {
    let mut text = format!("{HEADING}{} {}\n", one.peer.name, one.version);
    let _ = write!(text, "Kind: {}.", one.peer.kind);
    if let Some(behind) = one.peer.behind {
        let _ = write!(text, " In front of {behind}.");
    }
    let runs = match &one.runs {
        Ok(runs) => runs,
        Err(gap) => {
            let known = gap.kind.known().map_or("not known", |why| why);
            let _ = writeln!(
                text,
                "\n\nNothing was asked: {} ({known}).\n",
                cell(&gap.to_string())
            );
            return text;
        }
    };
    text += "\n\n| dialect | day | its answers | passed | failed | skipped | wall |\n| --- | --- | --- | --: | --: | --: | --: |\n";
    for run in runs {
        line(&mut text, run);
    }
    failures(&mut text, one.peer.name, runs);
    text += "\n";
    text
}

fn line(text: &mut String, run: &Run) {
    let seconds = run.wall.as_secs_f64();
    let _ = match &run.summary {
        Err(gap) => writeln!(
            text,
            "| {} | | {} | | | | {seconds:.0} s |",
            run.dialect,
            cell(&gap.to_string())
        ),
        Ok(summary) => writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {seconds:.0} s |",
            run.dialect,
            summary.day(),
            summary
                .cases
                .iter()
                .find_map(|case| case.provenance.as_deref())
                .unwrap_or("-"),
            count(&summary.cases, Counted::Passed),
            count(&summary.cases, Counted::Failed),
            count(&summary.cases, Counted::Skipped),
        ),
    };
}

/// What failed, what was seen, and why that is known.
fn failures(text: &mut String, peer: &str, runs: &[Run]) {
    let mut lines = String::new();
    for run in runs {
        let row = format!("{peer}-{}", run.dialect);
        let cases = run.summary.iter().flat_map(|summary| &summary.cases);
        let (mocks, failed): (Vec<&Case>, Vec<&Case>) = cases
            .filter(|case| is_failure(case))
            .partition(|case| kind(case) == "mock");
        if let Some(case) = mocks.first() {
            let why = known::of(&row, case).map_or("**not known**".into(), known::Known::words);
            let all = format!("{} of them", mocks.len());
            let _ = writeln!(
                lines,
                "| {} | {all} | {} | {why} |",
                run.dialect,
                told(case)
            );
        }
        for case in failed {
            let why = known::of(&row, case).map_or("**not known**".into(), known::Known::words);
            let _ = writeln!(
                lines,
                "| {} | {} | {} | {why} |",
                run.dialect,
                case.check,
                told(case)
            );
        }
    }
    if !lines.is_empty() {
        let _ = write!(
            text,
            "\n| dialect | check | what was seen | why |\n| --- | --- | --- | --- |\n{lines}"
        );
    }
}

fn kind(case: &Case) -> &str {
    case.reason
        .as_ref()
        .map_or("", |reason| reason.kind.as_str())
}

fn told(case: &Case) -> String {
    let Some(reason) = &case.reason else {
        return case.outcome.clone();
    };
    cell(&format!("{}: {}", reason.kind, reason.detail))
}

/// Words of others in a cell: one line, no mark of a table or of HTML, no letters that don't print.
fn cell(words: &str) -> String {
    let mut told = String::new();
    for letter in words.chars() {
        match letter {
            '|' | '<' | '>' => told.push(' '),
            _ if letter.is_whitespace() => told.push(' '),
            _ if letter.is_control() || letter == '\u{fffd}' => told.push('·'),
            _ => told.push(letter),
        }
    }
    if told.chars().count() > TOLD {
        told = told.chars().take(TOLD).collect::<String>() + " …";
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_made_anew_stays() {
        let text =
            format!("before\n{BEGIN}{HEADING}one 1.0\nwords\n\n{HEADING}two 2.0\nmore\n{END}after");
        let parts = parts(&text);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts["two"], format!("{HEADING}two 2.0\nmore\n"));
    }

    #[test]
    fn what_a_server_says_breaks_no_table() {
        assert_eq!(cell("a | b\n<c>\u{1b}"), "a   b  c ·");
    }
}
