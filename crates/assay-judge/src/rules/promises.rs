use assay_model::{Observation, OutputFact, ReasonKind, Verdict};

/// The outputs have the shapes and types that the conventions of `transformers` promise:
///
/// - there is a floating-point output, and none of another floating type than float32, in which the model runs
/// - no dimension is zero
/// - `last_hidden_state` and `pooler_output` have the batch first; a `last_hidden_state` of rank 3 that was made of tokens has
///   their number second (the decoder's, if it has one), and a width that the configuration names is one of its dimensions
pub(super) fn apply(observation: &Observation) -> Verdict {
    if observation.outputs.is_empty() {
        return super::nothing("output");
    }
    match observation
        .outputs
        .iter()
        .find_map(|output| broken(output, observation))
    {
        Some(detail) => super::failed(ReasonKind::BrokenPromise, detail),
        None if !observation
            .outputs
            .iter()
            .any(|output| output.dtype == "float32") =>
        {
            super::failed(
                ReasonKind::BrokenPromise,
                "no output of type float32".into(),
            )
        }
        None => Verdict::passed(),
    }
}

fn broken(output: &OutputFact, observation: &Observation) -> Option<String> {
    let OutputFact {
        name,
        shape,
        dtype,
        widths,
    } = output;
    if dtype.contains("float") && dtype != "float32" {
        return Some(format!("{name} is {dtype} where the model runs in float32"));
    }
    if shape.contains(&0) {
        return Some(format!("{name} has the shape {shape:?}"));
    }
    if !matches!(name.as_str(), "last_hidden_state" | "pooler_output") {
        return None;
    }
    let batch = observation
        .inputs
        .iter()
        .find_map(|input| input.shape.first());
    if let (Some(batch), first) = (batch, shape.first())
        && first != Some(batch)
    {
        return Some(format!(
            "{name} has the shape {shape:?}, the batch is {batch}"
        ));
    }
    if name == "last_hidden_state"
        && let ([_, length, _], Some(tokens)) = (shape.as_slice(), tokens(observation))
        && *length != tokens
    {
        return Some(format!(
            "{name} has the shape {shape:?} for {tokens} tokens"
        ));
    }
    if name == "last_hidden_state"
        && !widths.is_empty()
        && !widths.iter().any(|width| shape.contains(width))
    {
        return Some(format!(
            "{name} has the shape {shape:?}, the configuration says a width of {}",
            widths
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(" or ")
        ));
    }
    None
}

/// Number of tokens that `last_hidden_state` is made of.
fn tokens(observation: &Observation) -> Option<u64> {
    ["decoder_input_ids", "input_ids"].iter().find_map(|name| {
        let input = observation
            .inputs
            .iter()
            .find(|input| input.name == *name)?;
        input.shape.get(1).copied()
    })
}

#[cfg(test)]
mod tests {
    use assay_model::{InputFact, Outcome};

    use super::*;

    fn outcome(name: &str, shape: &[u64], dtype: &str) -> Outcome {
        let inputs = vec![InputFact {
            name: "input_ids".into(),
            shape: vec![2, 12],
            dtype: "int64".into(),
        }];
        let outputs = vec![OutputFact {
            name: name.into(),
            shape: shape.into(),
            dtype: dtype.into(),
            widths: vec![32],
        }];
        apply(&Observation {
            inputs,
            outputs,
            ..Observation::default()
        })
        .outcome
    }

    #[test]
    fn a_hidden_state_is_batch_by_tokens_by_width() {
        assert_eq!(
            outcome("last_hidden_state", &[2, 12, 32], "float32"),
            Outcome::Passed
        );
        assert_eq!(
            outcome("last_hidden_state", &[12, 2, 32], "float32"),
            Outcome::Failed
        );
        assert_eq!(
            outcome("last_hidden_state", &[2, 11, 32], "float32"),
            Outcome::Failed
        );
        assert_eq!(
            outcome("last_hidden_state", &[2, 12, 31], "float32"),
            Outcome::Failed
        );
        assert_eq!(
            outcome("last_hidden_state", &[2, 12, 32], "float16"),
            Outcome::Failed
        );
    }

    #[test]
    fn an_empty_dimension_or_no_float_at_all_is_broken() {
        assert_eq!(outcome("logits", &[2, 0], "float32"), Outcome::Failed);
        assert_eq!(outcome("codes", &[2, 4], "int64"), Outcome::Failed);
    }
}
