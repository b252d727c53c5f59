use std::collections::BTreeMap;

use assay_catalog::SelectionError;
use assay_catalog::filter::{self, CaseFacts, Filter};
use assay_model::{Cell, ExitCode, Family, Platform, State};
use assay_report::matrix::{Matrix, Order, csv, html, markdown, terminal};
use serde::Serialize;

use crate::arguments::{
    CellState, DiffArguments, MatrixAction, MatrixArguments, MatrixFormat, MatrixOrder,
};
use crate::failure::Failure;
use crate::history::{open, store_of};
use crate::reporting::{look, print_json};

/// `assay matrix`.
pub(crate) fn matrix(arguments: &MatrixArguments) -> Result<ExitCode, Failure> {
    if let Some(MatrixAction::Diff(arguments)) = &arguments.action {
        return diff(arguments);
    }
    // Endpoints are shown, too: `remote` is a platform here, though none to run on.
    let named = |name: &String| match name.parse::<Platform>() {
        Ok(platform) => Ok(platform.to_string()),
        Err(unknown) => Err(SelectionError::UnknownPlatform {
            name: name.clone(),
            unknown,
        }),
    };
    let platforms: Vec<String> = arguments
        .platform
        .iter()
        .map(named)
        .collect::<Result<_, _>>()?;
    let filters: Result<Vec<Filter>, _> = arguments
        .filter
        .iter()
        .map(|text| filter::parse(text))
        .collect();
    let filters = filters?;
    let (mut cells, about) = match &arguments.run {
        Some(run) => {
            let (store, [name]) = store_of([run.as_str()])?;
            (store.matrix(Some(&name))?, format!("Run {name}."))
        }
        None => (
            open()?.matrix(None)?,
            "Of each subject on each platform the newest run that asked enough.".to_owned(),
        ),
    };
    cells.retain(|cell| {
        let is_meant = filters.is_empty() || filters.iter().any(|filter| takes(filter, cell));
        is_meant && (platforms.is_empty() || platforms.contains(&cell.platform))
    });
    if !arguments.state.is_empty() {
        let wanted: Vec<State> = arguments
            .state
            .iter()
            .map(|&state| state_of(state))
            .collect();
        let kept: Vec<String> = cells
            .iter()
            .filter(|cell| wanted.contains(&cell.state))
            .map(|cell| cell.subject.clone())
            .collect();
        cells.retain(|cell| kept.contains(&cell.subject));
    }
    if cells.is_empty() {
        return Err(Failure::usage("no run says anything of what was asked for")
            .hint("`assay run --all --platform torch-export` makes cells; `assay matrix` without options shows all there are"));
    }
    let order = match arguments.sort {
        MatrixOrder::Subject => Order::Subject,
        MatrixOrder::State => Order::State,
        MatrixOrder::Error => Order::Error,
        MatrixOrder::Latency => Order::Latency,
    };
    let table = Matrix::new(cells, order);
    let failed = |error: &dyn std::fmt::Display| Failure::internal(error.to_string());
    match arguments.format {
        MatrixFormat::Terminal => say!("{}", terminal(&table, look().color, columns()).trim_end()),
        MatrixFormat::Md => say!("{}", markdown(&table).trim_end()),
        MatrixFormat::Html => say!("{}", html(&table, &about).map_err(|error| failed(&error))?),
        MatrixFormat::Csv => say!(
            "{}",
            csv(&table).map_err(|error| failed(&error))?.trim_end()
        ),
        MatrixFormat::Json => {
            let rows = table.families.iter().flat_map(|family| &family.rows);
            let cells: Vec<&Cell> = rows.flat_map(|row| &row.cells).flatten().collect();
            print_json(&cells)?;
        }
    }
    Ok(ExitCode::Passed)
}

/// Columns of the terminal; as many as there are to be where there is none.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(usize::MAX, |size| usize::from(size.ws_col).max(40))
}

fn state_of(state: CellState) -> State {
    match state {
        CellState::Fails => State::Fails,
        CellState::Mock => State::Mock,
        CellState::Known => State::Known,
        CellState::Skipped => State::Skipped,
        CellState::PartlyAsked => State::PartlyAsked,
        CellState::Works => State::Works,
    }
}

/// Whether a filter may mean a cell, by what a cell says.
fn takes(filter: &Filter, cell: &Cell) -> bool {
    let Ok(platform) = cell.platform.parse() else {
        return false;
    };
    let family = cell.family.as_deref();
    let facts = CaseFacts {
        subject: &cell.subject,
        architecture: cell.architecture.as_deref(),
        class: None,
        family: Family::ALL
            .into_iter()
            .find(|its| Some(its.name()) == family),
        platform,
        check: None,
        parameters: None,
        previous: None,
    };
    filter.evaluate(&facts) != Some(false)
}

/// A cell whose state is another one.
#[derive(Debug, Serialize)]
struct Turned {
    subject: String,
    platform: String,
    /// None: not in that run.
    before: Option<Cell>,
    after: Option<Cell>,
}

#[derive(Debug, Serialize)]
struct Difference {
    before: String,
    after: String,
    /// Cells that fail and did not, though they are in both runs.
    broke: Vec<Turned>,
    /// Cells that failed and work.
    mended: Vec<Turned>,
    /// Cells that are skipped or were asked too little, and were not so before.
    left_open: Vec<Turned>,
    /// Cells that are in another state, or fail at another stage.
    turned: Vec<Turned>,
    /// Cells of the older run alone.
    gone: Vec<Turned>,
    /// Cells of the newer run alone.
    new: Vec<Turned>,
    /// Cells in the same state in both.
    same: usize,
}

impl Difference {
    /// What worked and can't be shown any more is as bad as a failure.
    fn exit_code(&self) -> ExitCode {
        let of = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.state);
        let is_lost = |turned: &Turned| {
            of(&turned.before) == Some(State::Works) && of(&turned.after) == Some(State::Skipped)
        };
        if self.broke.is_empty() && !self.left_open.iter().any(is_lost) {
            ExitCode::Passed
        } else {
            ExitCode::Failed
        }
    }
}

/// `assay matrix diff`.
fn diff(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let (store, [before, after]) = store_of([&arguments.before, &arguments.after])?;
    let difference = difference(
        (&before, store.matrix(Some(&before))?),
        (&after, store.matrix(Some(&after))?),
    );
    let code = difference.exit_code();
    if arguments.shown.as_json() {
        print_json(&difference)?;
    } else {
        print(&difference);
    }
    Ok(code)
}

fn difference((before, older): (&str, Vec<Cell>), (after, newer): (&str, Vec<Cell>)) -> Difference {
    let mut found = Difference {
        before: before.to_owned(),
        after: after.to_owned(),
        broke: Vec::new(),
        mended: Vec::new(),
        left_open: Vec::new(),
        turned: Vec::new(),
        gone: Vec::new(),
        new: Vec::new(),
        same: 0,
    };
    let mut both: BTreeMap<(String, String), (Option<Cell>, Option<Cell>)> = BTreeMap::new();
    let key = |cell: &Cell| (cell.subject.clone(), cell.platform.clone());
    for cell in older {
        let name = key(&cell);
        both.entry(name).or_default().0 = Some(cell);
    }
    for cell in newer {
        let name = key(&cell);
        both.entry(name).or_default().1 = Some(cell);
    }
    let is_bad = |cell: &Cell| matches!(cell.state, State::Fails | State::Mock);
    let is_open = |cell: &Cell| matches!(cell.state, State::Skipped | State::PartlyAsked);
    for ((subject, platform), (before, after)) in both {
        let list = match (&before, &after) {
            (Some(one), Some(other)) if one.state == other.state && one.stage == other.stage => {
                found.same += 1;
                continue;
            }
            (Some(one), Some(other)) if !is_bad(one) && is_bad(other) => &mut found.broke,
            (Some(_), Some(other)) if is_open(other) => &mut found.left_open,
            (Some(one), Some(other)) if is_bad(one) && other.state == State::Works => {
                &mut found.mended
            }
            (Some(_), Some(_)) => &mut found.turned,
            (Some(_), None) => &mut found.gone,
            _ => &mut found.new,
        };
        list.push(Turned {
            subject,
            platform,
            before,
            after,
        });
    }
    found
}

fn print(difference: &Difference) {
    say!("{} → {}", difference.before, difference.after);
    let words = |cell: &Option<Cell>| match cell {
        None => "not run".to_owned(),
        Some(cell) => match &cell.stage {
            Some(stage) => format!("{} ({stage})", cell.state.name()),
            None => cell.state.name().to_owned(),
        },
    };
    for (title, list) in [
        ("broke", &difference.broke),
        ("mended", &difference.mended),
        ("left open", &difference.left_open),
        ("otherwise", &difference.turned),
        ("gone", &difference.gone),
        ("new", &difference.new),
    ] {
        if list.is_empty() {
            continue;
        }
        say!("{title}: {}", list.len());
        for turned in list {
            say!(
                "    {} {}: {} → {}",
                turned.subject,
                turned.platform,
                words(&turned.before),
                words(&turned.after)
            );
            let detail = turned.after.as_ref().and_then(|cell| cell.detail.as_ref());
            if let Some(detail) = detail {
                say!("        {detail}");
            }
        }
    }
    say!("the same: {}", difference.same);
}

#[cfg(test)]
mod tests {
    use assay_model::Figures;

    use super::*;

    fn cell(subject: &str, state: State, stage: Option<&str>) -> Cell {
        Cell {
            subject: subject.into(),
            architecture: Some(subject.into()),
            family: Some("vision".into()),
            platform: "openvino@int8".into(),
            run: "a".into(),
            started: None,
            state,
            stage: stage.map(str::to_owned),
            kind: None,
            detail: None,
            mend: None,
            provenance: Some("real".into()),
            cases: 6,
            passed: 6,
            figures: Figures::default(),
        }
    }

    #[test]
    fn what_broke_is_told_from_what_was_never_run() {
        let works = |name| cell(name, State::Works, None);
        let fails = |name, stage| cell(name, State::Fails, Some(stage));
        let older = vec![
            works("broke"),
            fails("mended", "load"),
            fails("later", "export"),
            works("gone"),
            works("same"),
            cell("known", State::Known, Some("load")),
        ];
        let newer = vec![
            fails("broke", "export"),
            works("mended"),
            fails("later", "wrong numbers"),
            fails("new", "export"),
            works("same"),
            fails("known", "load"),
        ];
        let found = difference(("a", older), ("b", newer));
        let names = |list: &[Turned]| -> Vec<String> {
            list.iter().map(|turned| turned.subject.clone()).collect()
        };
        assert_eq!(names(&found.broke), ["broke", "known"]);
        assert_eq!(names(&found.mended), ["mended"]);
        assert_eq!(names(&found.turned), ["later"]);
        assert_eq!(names(&found.gone), ["gone"]);
        assert_eq!(names(&found.new), ["new"]);
        assert_eq!(found.same, 1);
    }

    #[test]
    fn only_what_works_is_mended_and_what_worked_is_not_skipped_in_silence() {
        let turn = |before, after| {
            let (older, newer) = (cell("bert", before, None), cell("bert", after, None));
            let found = difference(("a", vec![older]), ("b", vec![newer]));
            let counts = [&found.broke, &found.mended, &found.left_open].map(Vec::len);
            (counts, found.exit_code())
        };
        use ExitCode::{Failed, Passed};
        use State::{Fails, PartlyAsked, Skipped, Works};
        assert_eq!(turn(Fails, Works), ([0, 1, 0], Passed));
        assert_eq!(turn(Fails, Skipped), ([0, 0, 1], Passed));
        assert_eq!(turn(Fails, PartlyAsked), ([0, 0, 1], Passed));
        assert_eq!(turn(Works, PartlyAsked), ([0, 0, 1], Passed));
        assert_eq!(turn(Works, Skipped), ([0, 0, 1], Failed));
        assert_eq!(turn(Works, Fails), ([1, 0, 0], Failed));
    }

    #[test]
    fn a_filter_takes_what_a_cell_says() {
        let takes = |text: &str| {
            takes(
                &filter::parse(text).unwrap(),
                &cell("vit", State::Works, None),
            )
        };
        assert!(takes("family(vision)"));
        assert!(!takes("family(audio)"));
        assert!(takes("platform(openvino@*)"));
        assert!(!takes("platform(openvino)"));
        assert!(
            takes("arch(vit) & check(parity.outputs)"),
            "a cell is of all"
        );
    }
}
