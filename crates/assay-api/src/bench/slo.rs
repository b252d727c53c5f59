use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::Record;

/// What is promised of each request (a service level objective). Goodput is what keeps all of it: `DistServe`, OSDI 2024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// Time to first token at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft: Option<Duration>,
    /// Inter-token latency at most, the mean of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itl: Option<Duration>,
    /// From when it was due to its end at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e2e: Option<Duration>,
}

impl Slo {
    /// Whether a request kept it. One that was not answered did not; a single token has nothing between.
    #[must_use]
    pub fn is_kept_by(&self, record: &Record) -> bool {
        let within = |most: Option<Duration>, took: Option<Duration>| match (most, took) {
            (Some(most), Some(took)) => took <= most,
            _ => true,
        };
        record.is_answered()
            && within(self.ttft, record.ttft())
            && within(self.itl, record.inter_token())
            && within(self.e2e, Some(record.end_to_end()))
    }
}

impl FromStr for Slo {
    type Err = String;

    /// `ttft=200ms,itl=50ms,e2e=2s`, any of them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut slo = Self::default();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is none of ttft=…, itl=…, e2e=…"))?;
            let place = match name.trim() {
                "ttft" => &mut slo.ttft,
                "itl" => &mut slo.itl,
                "e2e" => &mut slo.e2e,
                other => return Err(format!("`{other}` is none of ttft, itl and e2e")),
            };
            if place.replace(duration(value.trim())?).is_some() {
                return Err(format!("`{name}` is said twice"));
            }
        }
        Ok(slo)
    }
}

/// `50ms`, `2s`, `800us`: without a unit nobody knows which was meant.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    read.filter(|time| !time.is_zero())
        .ok_or_else(|| format!("`{text}` is no time: 50ms, 2s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_read_and_what_is_no_promise_is_told() {
        let slo: Slo = "ttft=200ms, itl=50ms,e2e=2s".parse().expect("a promise");
        assert_eq!(slo.ttft, Some(Duration::from_millis(200)));
        assert_eq!(slo.itl, Some(Duration::from_millis(50)));
        assert_eq!(slo.e2e, Some(Duration::from_secs(2)));
        for wrong in [
            "",
            "ttft",
            "ttft=",
            "ttft=5",
            "ttft=-1s",
            "tpot=5ms",
            "e2e=1s,e2e=2s",
        ] {
            assert!(wrong.parse::<Slo>().is_err(), "{wrong}");
        }
    }
}
