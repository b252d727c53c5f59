use super::load::Load;
use super::plan::{Plan, STEPS};
use super::results::Results;

/// What more has to come of twice as many users.
const GROWS: f64 = 1.1;

/// The share of requests that have to keep the objective where no other was named: vLLM's guides and `DistServe` have 90 %, 95 % and 99 %.
const GOODPUT: f64 = 0.95;

/// One load of a sweep, and what came of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// The load.
    pub load: Load,
    /// What came of it.
    pub results: Results,
    /// Requests at a time, at most.
    pub peak: usize,
}

/// Why a load is too much for the server; none where it is not.
pub(super) fn overloaded(plan: &Plan, before: Option<&Step>, step: &Step) -> Option<String> {
    let results = &step.results;
    if results.unsent > 0 {
        return Some(format!("{} that were due were not sent", results.unsent));
    }
    if results.answered == 0 {
        return Some("nothing was answered".into());
    }
    let wanted = plan.goodput.unwrap_or(GOODPUT);
    if let Some(share) = results.goodput().filter(|share| *share < wanted) {
        return Some(format!(
            "{:.1} % kept the objective, fewer than {:.0} %",
            100.0 * share,
            100.0 * wanted
        ));
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let answered = results.answered as f64 / results.requests.max(1) as f64;
    if answered < wanted {
        return Some(format!("{:.1} % were answered", 100.0 * answered));
    }
    match step.load {
        Load::Open { .. } => results
            .falls_behind()
            .then(|| "fewer requests ended than were due".into()),
        Load::Closed { .. } => {
            let rate = |step: &Step| step.results.per_second(step.results.answered);
            before
                .filter(|before| rate(step) < GROWS * rate(before))
                .map(|before| {
                    format!(
                        "{:.2} requests/s, after {:.2} with half the users",
                        rate(step),
                        rate(before)
                    )
                })
        }
    }
}

/// Whether another load is to be tried.
pub(super) fn goes_on(tried: usize) -> bool {
    u32::try_from(tried).is_ok_and(|tried| tried < STEPS)
}
