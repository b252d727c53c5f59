//! What a server counts of itself: Prometheus' text (`prometheus.io/docs/instrumenting/exposition_formats`).

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use super::results::Sent;
use crate::{Call, Endpoint};

/// How long a server may take to count what it has answered.
pub(crate) const SETTLES: Duration = Duration::from_secs(2);

/// Between two looks.
pub(crate) const AGAIN: Duration = Duration::from_millis(100);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Answers,
    Input,
    Output,
}

/// Counters that servers have, by their names. llama.cpp's tokens of questions are not among them: it counts those that it computed, and
/// leaves out what its cache had.
const COUNTERS: &[(&str, Counted)] = &[
    ("vllm:request_success_total", Counted::Answers),
    ("vllm:prompt_tokens_total", Counted::Input),
    ("vllm:generation_tokens_total", Counted::Output),
    ("tgi_request_success", Counted::Answers),
    ("tgi_request_input_length_sum", Counted::Input),
    ("tgi_request_generated_tokens_sum", Counted::Output),
    ("sglang:num_requests_total", Counted::Answers),
    ("sglang:prompt_tokens_total", Counted::Input),
    ("sglang:generation_tokens_total", Counted::Output),
    ("llamacpp:tokens_predicted_total", Counted::Output),
];

/// Each name with the sum over its series.
pub(crate) type Metrics = BTreeMap<String, f64>;

/// A counter against what was counted here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// The counter's name.
    pub(super) counter: &'static str,
    /// By how much it rose.
    pub(super) theirs: f64,
    /// What was counted here.
    pub(super) ours: u64,
}

impl Compared {
    /// Whether they are the same.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn agrees(&self) -> bool {
        (self.theirs - self.ours as f64).abs() < 0.5
    }
}

/// The first line that is neither a series, a remark nor empty.
pub(crate) fn broken(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with('#') && series(line).is_none())
}

/// Answers in all, by a counter that is known; none where there is none.
pub(crate) fn answers(metrics: &Metrics) -> Option<f64> {
    let mut known = COUNTERS.iter();
    let (name, _) = known
        .find(|(name, counted)| *counted == Counted::Answers && metrics.contains_key(*name))?;
    metrics.get(*name).copied()
}

/// Reads the text. What is no line of it is left out.
pub(crate) fn read(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, value)) = series(line.trim()) {
            *metrics.entry(name.to_owned()).or_default() += value;
        }
    }
    metrics
}

/// `name{label="value",…} number [timestamp]`.
fn series(line: &str) -> Option<(&str, f64)> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    if !name.chars().all(is_name) || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let rest = match rest.strip_prefix('{') {
        Some(labels) => &labels[labels_end(labels)?..],
        None => rest,
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, value))
}

/// Where labels are over: a brace within quotes is none.
fn labels_end(labels: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (place, letter) in labels.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '}' if !is_quoted => return Some(place + 1),
            _ => {}
        }
    }
    None
}

/// Asks the server what it counted.
///
/// # Errors
/// Why it does not say it, in words.
pub(super) async fn scrape(endpoint: &Endpoint, route: &str) -> Result<Metrics, String> {
    let from_root = format!("/{route}");
    let answer = endpoint.make(&Call::of(Method::GET, from_root)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("{route}: {}", answer.status));
    }
    Ok(read(&String::from_utf8_lossy(&answer.body)))
}

/// The counters that there are, against what was sent. A server may count an answer after it was given: it is waited for.
pub(super) async fn compare(
    endpoint: &Endpoint,
    route: &str,
    before: &Metrics,
    sent: Sent,
) -> Result<Vec<Compared>, String> {
    let until = Instant::now() + SETTLES;
    loop {
        let compared = against(before, &scrape(endpoint, route).await?, sent);
        if compared.iter().all(Compared::agrees) || Instant::now() >= until {
            return Ok(compared);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn against(before: &Metrics, after: &Metrics, sent: Sent) -> Vec<Compared> {
    let row = |&(counter, counted): &(&'static str, Counted)| {
        // A counter that nothing was counted by may not be there before.
        let after = after.get(counter)?;
        let theirs = after - before.get(counter).copied().unwrap_or(0.0);
        let ours = match counted {
            Counted::Answers => sent.answered,
            _ if sent.uncounted > 0 => return None,
            Counted::Input => sent.input,
            Counted::Output => sent.output,
        };
        Some(Compared {
            counter,
            theirs,
            ours,
        })
    };
    COUNTERS.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\
# HELP vllm:request_success_total Count of successfully processed requests.
# TYPE vllm:request_success_total counter
vllm:request_success_total{finished_reason=\"stop\",model_name=\"a } b\"} 3.0
vllm:request_success_total{finished_reason=\"length\",model_name=\"a \\\" } b\"} 4.0 1700000000000
vllm:generation_tokens_total{model_name=\"m\"} 1e3
vllm:num_requests_running 2
no number here
vllm:broken{a=\"b} 7
";

    #[test]
    fn the_text_is_read_and_series_are_added_up() {
        let metrics = read(BEFORE);
        assert_eq!(metrics.len(), 3, "{metrics:?}");
        assert!((metrics["vllm:request_success_total"] - 7.0).abs() < 1e-9);
        assert!((metrics["vllm:generation_tokens_total"] - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn counters_are_held_against_what_was_sent() {
        let after = BEFORE.replace("} 3.0", "} 13.0").replace("1e3", "1081");
        let sent = Sent {
            sent: 11,
            answered: 10,
            input: 50,
            output: 80,
            uncounted: 0,
        };
        let compared = against(&read(BEFORE), &read(&after), sent);
        let told: Vec<_> = compared
            .iter()
            .map(|its| (its.counter, its.agrees()))
            .collect();
        assert_eq!(
            told,
            [
                ("vllm:request_success_total", true),
                ("vllm:generation_tokens_total", false)
            ]
        );
        // Tokens that were estimated agree with nobody's.
        let estimated = Sent {
            uncounted: 1,
            ..sent
        };
        assert_eq!(against(&read(BEFORE), &read(&after), estimated).len(), 1);
    }
}
