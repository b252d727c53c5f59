use assay_model::{Cell, State};
use minijinja::{Environment, context};

use super::{Matrix, Totals, short, times, why};

const PAGE: &str = include_str!("matrix.html");

/// As a page by itself: filtered and sorted in the browser, without anything from elsewhere. `about` says what is shown.
///
/// # Errors
/// None that can be met: the template is tested.
pub fn html(matrix: &Matrix, about: &str) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    environment.add_template("matrix", PAGE)?;
    let counted = |totals: &[Totals]| totals.iter().map(|its| its.words()).collect::<Vec<_>>();
    let cell = |cell: &Option<Cell>| match cell {
        None => context! { state => "", text => "", title => "", error => "", latency => "" },
        Some(cell) => context! {
            state => cell.state.name(),
            text => short(cell),
            title => title(cell),
            error => cell.figures.error_ratio,
            latency => cell.figures.latency_ratio,
        },
    };
    let families: Vec<_> = matrix
        .families
        .iter()
        .map(|family| {
            let rows: Vec<_> = family
                .rows
                .iter()
                .map(|row| {
                    context! { subject => row.subject, cells => row.cells.iter().map(cell).collect::<Vec<_>>() }
                })
                .collect();
            context! { name => family.name, totals => counted(&family.totals), rows }
        })
        .collect();
    let broken: Vec<_> = matrix
        .in_the_way()
        .map(|cell| {
            context! {
                subject => cell.subject, platform => cell.platform, state => cell.state.name(),
                stage => cell.stage, why => why(cell), mend => cell.mend,
            }
        })
        .collect();
    let absent: Vec<_> = matrix
        .absent()
        .into_iter()
        .map(|(name, why)| context! { name, why })
        .collect();
    environment.get_template("matrix")?.render(context! {
        about, platforms => matrix.platforms, families, totals => counted(&matrix.totals), broken, absent,
    })
}

/// What a cell says when it is pointed at.
fn title(cell: &Cell) -> String {
    let nothing = match cell.state {
        State::Skipped => "nothing ran",
        _ => "unproven",
    };
    let figures = [
        cell.figures
            .error_ratio
            .map(|ratio| format!("error {} that of eager torch", times(ratio))),
        cell.figures.latency_ratio.map(|ratio| {
            format!(
                "{} the time of eager torch ({:.2} ms)",
                times(ratio),
                cell.figures.forward_milliseconds.unwrap_or_default()
            )
        }),
        cell.figures
            .peak_bytes
            .map(|bytes| format!("{:.1} MiB at the most", bytes / f64::from(1 << 20))),
        Some(format!(
            "{} of {} cases passed, {}, run {}",
            cell.passed,
            cell.cases,
            cell.provenance.as_deref().unwrap_or(nothing),
            cell.run
        )),
    ];
    let why = Some(why(cell)).filter(|words| !words.is_empty());
    let lines: Vec<String> = why
        .into_iter()
        .chain(figures.into_iter().flatten())
        .collect();
    lines.join("\n")
}
