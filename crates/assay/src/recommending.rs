use assay_model::{Backend, Cell, Dtype, ExitCode, Figures, Platform, State};
use serde::Serialize;

use crate::arguments::{Goal, RecommendArguments};
use crate::failure::Failure;
use crate::history::{open, unknown_subject};
use crate::reporting::print_json;

/// The answer: platforms that were measured, the best first, those on which something is in the way, and those of which nothing is known.
#[derive(Debug, Serialize)]
struct Answer {
    subject: String,
    goal: &'static str,
    ranked: Vec<Ranked>,
    in_the_way: Vec<Obstacle>,
    not_measured: Vec<Estimate>,
}

#[derive(Debug, Serialize)]
struct Ranked {
    platform: String,
    /// What the goal ranks by, in `unit`; the less the better, but for rows per second.
    value: f64,
    unit: &'static str,
    /// Where the median lies in 98 % of all cases; none for what is counted and not timed.
    interval: Option<(f64, f64)>,
    /// The intervals of this one and of the one before meet: no difference is shown.
    ties_with_the_one_before: bool,
    run: String,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize)]
struct Obstacle {
    platform: String,
    state: State,
    why: String,
}

#[derive(Debug, Serialize)]
struct Estimate {
    platform: String,
    /// Bytes of parameters, inputs and outputs in its numbers: no less can be held at a time.
    least_bytes: Option<f64>,
}

/// `assay recommend`.
pub(crate) fn recommend(arguments: &RecommendArguments) -> Result<ExitCode, Failure> {
    let store = open()?;
    let cells: Vec<Cell> = store
        .matrix(None)?
        .into_iter()
        .filter(|cell| cell.subject == arguments.subject)
        .collect();
    if cells.is_empty() {
        return Err(unknown_subject(&store, &arguments.subject)?);
    }
    let answer = answer(&arguments.subject, &cells, arguments.goal);
    if arguments.shown.as_json() {
        print_json(&answer)?;
    } else {
        print(&answer, arguments.goal);
    }
    Ok(ExitCode::Passed)
}

fn answer(subject: &str, cells: &[Cell], goal: Goal) -> Answer {
    let works = || cells.iter().filter(|cell| cell.state == State::Works);
    let eager = median(works().filter_map(|cell| cell.figures.eager_milliseconds));
    let mut ranked: Vec<Ranked> = works().filter_map(|cell| rank(cell, goal, eager)).collect();
    ranked.extend(reference(works(), &ranked, goal, eager));
    let is_best_large = goal == Goal::Throughput;
    ranked.sort_by(|a, b| {
        let order = a.value.total_cmp(&b.value);
        if is_best_large {
            order.reverse()
        } else {
            order
        }
    });
    let mut before: Option<(f64, f64)> = None;
    for row in &mut ranked {
        row.ties_with_the_one_before = match (before, row.interval) {
            (Some((low, high)), Some((least, most))) => least <= high && low <= most,
            _ => false,
        };
        before = row.interval;
    }
    let in_the_way = cells
        .iter()
        .filter(|cell| cell.state != State::Works)
        .map(|cell| Obstacle {
            platform: cell.platform.clone(),
            state: cell.state,
            why: [&cell.stage, &cell.detail]
                .into_iter()
                // Of what did not run there is no stage.
                .skip(usize::from(cell.state == State::Skipped))
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(": "),
        })
        .collect();
    let known = |name: &str| {
        let of = cells.iter().find(|cell| cell.platform == name);
        let is_ranked = of.is_some_and(|cell| rank(cell, goal, eager).is_some());
        of.is_some_and(|cell| cell.state != State::Works)
            || is_ranked
            || ranked.iter().any(|row| row.platform == name)
    };
    let largest = |of: fn(&Figures) -> Option<f64>| {
        let found = cells.iter().filter_map(|cell| of(&cell.figures));
        found.reduce(f64::max)
    };
    let counts = largest(|its| its.parameters).zip(largest(|its| its.values));
    let not_measured = Backend::ALL
        .into_iter()
        .flat_map(Backend::every)
        .filter(|platform| !known(&platform.to_string()))
        .map(|platform| Estimate {
            platform: platform.to_string(),
            least_bytes: counts
                .map(|(parameters, values)| least_bytes(platform, parameters, values)),
        })
        .collect();
    Answer {
        subject: subject.to_owned(),
        goal: goal_name(goal),
        ranked,
        in_the_way,
        not_measured,
    }
}

fn goal_name(goal: Goal) -> &'static str {
    match goal {
        Goal::Latency => "latency",
        Goal::Throughput => "throughput",
        Goal::Memory => "memory",
        Goal::Accuracy => "accuracy",
    }
}

/// The middle one; none of none.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// `cpu`, which every other platform was timed against: it takes once the time of itself.
fn reference<'a>(
    mut works: impl Iterator<Item = &'a Cell>,
    ranked: &[Ranked],
    goal: Goal,
    eager: Option<f64>,
) -> Option<Ranked> {
    let cpu = Platform::CPU.to_string();
    if !matches!(goal, Goal::Latency | Goal::Throughput)
        || ranked.iter().any(|row| row.platform == cpu)
    {
        return None;
    }
    let beside = works.find(|cell| cell.figures.latency_ratio.is_some())?;
    let figures = Figures {
        // What the others are measured in has no error of its own: theirs are those of the ratio.
        latency_ratio: Some(1.0),
        latency_ratio_low: Some(1.0),
        latency_ratio_high: Some(1.0),
        eager_milliseconds: eager,
        rows: beside.figures.rows,
        ..Figures::default()
    };
    let cell = Cell {
        platform: cpu,
        figures,
        ..beside.clone()
    };
    rank(&cell, goal, eager)
}

/// A platform by what was measured of the goal; none if nothing was. `eager` are the milliseconds that a forward takes eager torch.
fn rank(cell: &Cell, goal: Goal, eager: Option<f64>) -> Option<Ranked> {
    let its = cell.figures;
    let (value, unit, interval) = match goal {
        Goal::Latency => (
            its.latency_ratio?,
            "× the time of cpu",
            its.latency_ratio_low.zip(its.latency_ratio_high),
        ),
        Goal::Throughput => {
            // In units of what eager torch took beside all of them in the middle: what held it up beside one is no merit of that one.
            let eager = its.rows? * 1e3 / eager?;
            (
                eager / its.latency_ratio?,
                "rows per second",
                its.latency_ratio_low
                    .zip(its.latency_ratio_high)
                    .map(|(low, high)| (eager / high, eager / low)),
            )
        }
        Goal::Memory => (
            its.peak_bytes? / f64::from(1 << 20),
            "MiB at the most",
            None,
        ),
        Goal::Accuracy => (its.relative_error?, "of an output's size off float64", None),
    };
    Some(Ranked {
        platform: cell.platform.clone(),
        value,
        unit,
        interval,
        ties_with_the_one_before: false,
        run: cell.run.clone(),
        figures: its,
    })
}

/// Bytes of the parameters in the platform's numbers, and of what goes in and out.
fn least_bytes(platform: Platform, parameters: f64, values: f64) -> f64 {
    let (of_weights, of_values) = match platform.dtype {
        Dtype::Float32 | Dtype::Default => (4.0, 4.0),
        Dtype::Bfloat16 | Dtype::Float16 => (2.0, 2.0),
        Dtype::Int8 => (1.0, 4.0),
    };
    of_weights * parameters + of_values * values
}

/// With at least two digits that count.
fn figure(value: f64) -> String {
    if value != 0.0 && value < 0.1 {
        format!("{value:.1e}")
    } else {
        format!("{value:.2}")
    }
}

fn print(answer: &Answer, goal: Goal) {
    say!("{} for {}", answer.subject, answer.goal);
    if answer.ranked.is_empty() {
        say!(
            "nothing of it was measured: `assay run {} --platform torch-compile,onnxruntime,openvino` does",
            answer.subject
        );
    }
    for (place, row) in (1..).zip(&answer.ranked) {
        let interval = row.interval.filter(|(low, high)| low < high);
        let interval = interval.map_or_else(String::new, |(low, high)| {
            format!(" ({low:.2} to {high:.2})")
        });
        let tie = if row.ties_with_the_one_before {
            "; no difference to the one before is shown"
        } else {
            ""
        };
        say!(
            "{place:>3}  {:<22} {} {}{interval}{tie}",
            row.platform,
            figure(row.value),
            row.unit
        );
        let besides = [
            row.figures
                .latency_ratio
                .filter(|_| !matches!(goal, Goal::Latency | Goal::Throughput))
                .map(|ratio| format!("{ratio:.2} × the time of cpu")),
            row.figures
                .relative_error
                .filter(|_| goal != Goal::Accuracy)
                .map(|error| format!("{error:.1e} off float64")),
            row.figures
                .peak_bytes
                .filter(|_| goal != Goal::Memory)
                .map(|bytes| format!("{:.1} MiB at the most", bytes / f64::from(1 << 20))),
            Some(format!("run {}", row.run)),
        ];
        let besides: Vec<String> = besides.into_iter().flatten().collect();
        say!("     {}", besides.join(", "));
    }
    for row in &answer.in_the_way {
        say!(
            "  -  {:<22} {}: {}",
            row.platform,
            row.state.name(),
            row.why
        );
    }
    if !answer.not_measured.is_empty() {
        say!("not measured, with what parameters, inputs and outputs alone take:");
    }
    for row in &answer.not_measured {
        let least = row.least_bytes.map_or_else(
            || "unknown: nothing has counted its parameters".to_owned(),
            |bytes| format!("{:.1} MiB or more", bytes / f64::from(1 << 20)),
        );
        say!("     {:<22} {least}", row.platform);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(platform: &str, state: State, figures: Figures) -> Cell {
        Cell {
            subject: "bert".into(),
            architecture: Some("bert".into()),
            family: None,
            platform: platform.into(),
            run: "a".into(),
            started: None,
            state,
            stage: (state != State::Works).then(|| "export".into()),
            kind: None,
            detail: (state != State::Works).then(|| "boom".into()),
            mend: None,
            provenance: None,
            cases: 6,
            passed: 6,
            figures,
        }
    }

    fn timed(ratio: f64, low: f64, high: f64) -> Figures {
        Figures {
            latency_ratio: Some(ratio),
            latency_ratio_low: Some(low),
            latency_ratio_high: Some(high),
            eager_milliseconds: Some(10.0),
            rows: Some(2.0),
            peak_bytes: Some(1_048_576.0 * ratio),
            parameters: Some(1e6),
            values: Some(0.0),
            ..Figures::default()
        }
    }

    #[test]
    fn the_fastest_that_works_comes_first_and_a_tie_is_said() {
        let cells = [
            cell("openvino", State::Works, timed(0.9, 0.8, 1.0)),
            cell("onnxruntime", State::Works, timed(0.4, 0.3, 0.5)),
            cell("torch-compile", State::Works, timed(0.5, 0.45, 0.7)),
            cell("torch-export", State::Fails, timed(0.1, 0.1, 0.1)),
            cell("cpu", State::Works, Figures::default()),
        ];
        let found = answer("bert", &cells, Goal::Latency);
        let names: Vec<_> = found
            .ranked
            .iter()
            .map(|row| row.platform.as_str())
            .collect();
        assert_eq!(names, ["onnxruntime", "torch-compile", "openvino", "cpu"]);
        let ties: Vec<_> = found
            .ranked
            .iter()
            .map(|row| row.ties_with_the_one_before)
            .collect();
        assert_eq!(ties, [false, true, false, true]);
        assert_eq!(found.in_the_way[0].why, "export: boom");
        let of = |name: &str| found.not_measured.iter().find(|row| row.platform == name);
        assert_eq!(of("cpu@bfloat16").unwrap().least_bytes, Some(2e6));
        assert_eq!(of("openvino@int8").unwrap().least_bytes, Some(1e6));
        assert!(
            of("cuda").is_some(),
            "what nobody measured is no measurement"
        );
        assert!(of("cpu").is_none() && of("onnxruntime").is_none() && of("torch-export").is_none());
    }

    #[test]
    fn a_small_error_keeps_two_digits() {
        let shown = [1.6e-3, 9.9e-2, 0.12, 3.0, 2e-7].map(figure);
        assert_eq!(shown, ["1.6e-3", "9.9e-2", "0.12", "3.00", "2.0e-7"]);
    }

    #[test]
    fn throughput_is_the_more_the_better_and_ranks_as_latency_does() {
        let held_up = Figures {
            eager_milliseconds: Some(1.0),
            ..timed(2.0, 1.0, 4.0)
        };
        let cells = [
            cell("openvino", State::Works, held_up),
            cell("onnxruntime", State::Works, timed(0.5, 0.5, 0.5)),
            cell("torch-compile", State::Works, timed(4.0, 4.0, 4.0)),
        ];
        let found = answer("bert", &cells, Goal::Throughput);
        let rows: Vec<_> = found
            .ranked
            .iter()
            .map(|row| (row.value, row.interval))
            .collect();
        assert_eq!(
            rows,
            [
                (400.0, Some((400.0, 400.0))),
                (200.0, Some((200.0, 200.0))),
                (100.0, Some((50.0, 200.0))),
                (50.0, Some((50.0, 50.0)))
            ]
        );
    }
}
