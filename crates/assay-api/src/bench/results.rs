use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::drive::Span;
use super::histogram::Latencies;
use super::record::Record;
use super::slo::Slo;

/// Words of errors that are kept, for each kind.
const WORDS: usize = 200;

/// What many requests come to. Latencies are those of what was answered, from when it was due.
#[derive(Debug, Clone)]
pub struct Results {
    /// Requests that were due within the span.
    pub requests: u64,
    /// Those of them that were answered.
    pub answered: u64,
    /// Those of them that kept the objective.
    pub kept: u64,
    /// Errors by kind: how many, and the words of the first.
    pub errors: BTreeMap<&'static str, (u64, String)>,
    /// Tokens of the questions, where the server counted them.
    pub input: u64,
    /// Tokens of the answers.
    pub output: u64,
    /// Answers whose tokens nobody counted: each event is taken for one.
    pub estimated: u64,
    /// To the first token of either channel.
    pub ttft: Latencies,
    /// To the first that is said.
    pub ttft_content: Latencies,
    /// To the first that is thought.
    pub ttft_reasoning: Latencies,
    /// To the first token, from when the request went out.
    pub ttft_service: Latencies,
    /// To the first byte of the body.
    pub first_byte: Latencies,
    /// Per token behind the first, of each request.
    pub inter_token: Latencies,
    /// Between chunks, of all requests together.
    pub inter_chunk: Latencies,
    /// To the end.
    pub end_to_end: Latencies,
    /// To the end, from when the request went out.
    pub service: Latencies,
    /// From when it was due to when it went out.
    pub queueing: Latencies,
    /// Everything that was sent, before and within the span.
    pub all: Sent,
    /// What was due and was not sent, before and within the span: the load was not put on.
    pub unsent: u64,
    slo: Option<Slo>,
    from: Instant,
    lasts: Duration,
    last: Option<Instant>,
    steady: Steady,
}

/// What a server should have counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Requests.
    pub sent: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Tokens of the questions.
    pub input: u64,
    /// Tokens of the answers.
    pub output: u64,
    /// Answers without a count of tokens.
    pub uncounted: u64,
}

/// Requests that were due within the span, and those that ended within it, whenever they were due.
#[derive(Debug, Clone, Copy, Default)]
struct Steady {
    due: u64,
    ended: u64,
}

impl Results {
    /// None yet, of a load that began then.
    #[must_use]
    pub fn new(began: Instant, span: Span, slo: Option<Slo>) -> Self {
        Self {
            requests: 0,
            answered: 0,
            kept: 0,
            errors: BTreeMap::new(),
            input: 0,
            output: 0,
            estimated: 0,
            ttft: Latencies::default(),
            ttft_content: Latencies::default(),
            ttft_reasoning: Latencies::default(),
            ttft_service: Latencies::default(),
            first_byte: Latencies::default(),
            inter_token: Latencies::default(),
            inter_chunk: Latencies::default(),
            end_to_end: Latencies::default(),
            service: Latencies::default(),
            queueing: Latencies::default(),
            all: Sent::default(),
            unsent: 0,
            slo,
            from: began + span.warmup,
            lasts: span.lasts,
            last: None,
            steady: Steady::default(),
        }
    }

    /// Adds one.
    pub fn take(&mut self, record: &Record) {
        self.count(record);
        if record.intended < self.from {
            return;
        }
        self.requests += 1;
        self.last = self.last.max(Some(record.ended));
        if let Some((kind, words)) = &record.error {
            let seen = self.errors.entry(kind).or_default();
            if seen.0 == 0 {
                seen.1 = words.chars().take(WORDS).collect();
            }
            seen.0 += 1;
            return;
        }
        self.answered += 1;
        self.kept += u64::from(self.slo.is_some_and(|slo| slo.is_kept_by(record)));
        self.input += record.usage.map_or(0, |usage| usage.input.unwrap_or(0));
        self.output += record.tokens();
        self.estimated += u64::from(record.usage.is_none());
        self.time(record);
    }

    fn time(&mut self, record: &Record) {
        let since_due = |moment: Instant| record.since_due(moment);
        for (latencies, time) in [
            (&mut self.ttft, record.ttft()),
            (&mut self.ttft_content, record.first_content.map(since_due)),
            (
                &mut self.ttft_reasoning,
                record.first_reasoning.map(since_due),
            ),
            (&mut self.ttft_service, record.service_ttft()),
            (&mut self.first_byte, record.first_byte.map(since_due)),
            (&mut self.inter_token, record.inter_token()),
            (&mut self.end_to_end, Some(record.end_to_end())),
            (&mut self.service, Some(record.service())),
            (&mut self.queueing, Some(record.queueing())),
        ] {
            if let Some(time) = time {
                latencies.add(time);
            }
        }
        for time in record.inter_chunk() {
            self.inter_chunk.add(time);
        }
    }

    /// What counts whether or not it was due within the span.
    fn count(&mut self, record: &Record) {
        let span = self.from..self.from + self.lasts;
        self.steady.due += u64::from(span.contains(&record.intended));
        if !record.is_sent() {
            self.unsent += 1;
            return;
        }
        self.all.sent += 1;
        self.steady.ended += u64::from(span.contains(&record.ended));
        if record.is_answered() {
            self.all.answered += 1;
            match record.usage {
                Some(usage) => {
                    self.all.input += usage.input.unwrap_or(0);
                    self.all.output += usage.output;
                }
                None => self.all.uncounted += 1,
            }
        }
    }

    /// Seconds from when the first was due to the end of the last.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.last.map_or(0.0, |last| {
            last.saturating_duration_since(self.from).as_secs_f64()
        })
    }

    /// So many a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of requests and tokens")]
    pub fn per_second(&self, count: u64) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 {
            count as f64 / seconds
        } else {
            0.0
        }
    }

    /// The share of requests that kept the objective; none without one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    pub fn goodput(&self) -> Option<f64> {
        self.slo?;
        Some(self.kept as f64 / self.requests.max(1) as f64)
    }

    /// Whether fewer requests came to their end than were due: what a server can't do piles up. By more than a tenth, and more than chance
    /// (the root of their number) has it. A warm-up as long as an answer takes has what ended of those before in it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    pub fn falls_behind(&self) -> bool {
        let due = self.steady.due as f64;
        due - self.steady.ended as f64 > 0.1 * due + due.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Usage;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn span() -> Span {
        Span {
            warmup: Duration::ZERO,
            lasts: Duration::from_secs(1),
            requests: None,
        }
    }

    /// A request whose chunks come at these milliseconds after it was due.
    fn record(due: Instant, chunks: &[u32], tokens: Option<u64>) -> Record {
        let at = |milliseconds: u32| due + milliseconds * MILLISECOND;
        Record {
            chunks: chunks.iter().map(|&after| at(after)).collect(),
            pieces: chunks.len() as u64,
            first_content: chunks.first().map(|&after| at(after)),
            usage: tokens.map(|output| Usage {
                input: Some(5),
                output,
                total: None,
            }),
            sent: at(10),
            ended: at(chunks.last().copied().unwrap_or(0)),
            ..Record::due(due)
        }
    }

    fn near(found: f64, known: f64) {
        assert!((found - known).abs() < 2e-3 * known, "{found}, not {known}");
    }

    #[test]
    fn several_tokens_in_a_chunk_count_each_and_gaps_between_chunks_are_told_apart() {
        let due = Instant::now();
        let mut results = Results::new(due, span(), None);
        results.take(&record(due, &[100, 200, 300], Some(21)));
        near(results.ttft.quantile(0.5), 100.0);
        near(results.ttft_service.quantile(0.5), 90.0);
        near(results.queueing.quantile(0.5), 10.0);
        near(results.inter_token.quantile(0.5), 10.0);
        near(results.inter_chunk.quantile(0.5), 100.0);
        near(results.end_to_end.quantile(0.5), 300.0);
        near(results.service.quantile(0.5), 290.0);
        assert_eq!(
            (results.input, results.output, results.estimated),
            (5, 21, 0)
        );
        assert_eq!(results.ttft_reasoning.quantiles(), None);
    }

    #[test]
    fn tokens_that_nobody_counted_are_marked() {
        let due = Instant::now();
        let mut results = Results::new(due, span(), None);
        results.take(&record(due, &[100, 200, 300], None));
        assert_eq!((results.output, results.estimated), (3, 1));
        near(results.inter_token.quantile(0.5), 100.0);
    }

    #[test]
    fn one_token_has_no_time_between() {
        let due = Instant::now();
        let mut results = Results::new(due, span(), None);
        results.take(&record(due, &[100], Some(1)));
        assert_eq!(results.inter_token.quantiles(), None);
        assert_eq!(results.ttft.quantiles().map(|its| its.count), Some(1));
    }

    #[test]
    fn goodput_is_what_keeps_everything_that_was_promised() {
        let slo = "ttft=150ms,itl=20ms,e2e=1s".parse().ok();
        let due = Instant::now();
        let mut results = Results::new(due, span(), slo);
        results.take(&record(due, &[100, 300], Some(21)));
        assert_eq!(results.kept, 1);
        results.take(&record(due, &[160, 300], Some(21)));
        results.take(&record(due, &[100, 300], Some(3)));
        results.take(&record(due, &[100, 1100], Some(100)));
        let failed = Record {
            error: Some(("timeout", "late".into())),
            ..record(due, &[100], Some(1))
        };
        results.take(&failed);
        assert_eq!((results.kept, results.requests), (1, 5));
        assert_eq!(results.goodput(), Some(0.2));
        assert_eq!(results.errors["timeout"], (1, "late".into()));
        assert_eq!(results.end_to_end.quantiles().map(|its| its.count), Some(4));
    }

    #[test]
    fn who_answers_half_of_what_is_due_falls_behind() {
        let due = Instant::now();
        let steady = |takes: fn(u32) -> u32| {
            let mut results = Results::new(due, span(), None);
            for number in 0..200 {
                let at = due + number * 5 * MILLISECOND;
                results.take(&record(at, &[takes(number)], Some(1)));
            }
            results.falls_behind()
        };
        assert!(!steady(|_| 100));
        assert!(steady(|number| 5 * number));
    }
}
