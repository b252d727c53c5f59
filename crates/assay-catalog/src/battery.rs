//! The built-in checks. A row here, an observer of the same name in `python/assay/checks/`, and a mutant in
//! `tests/mutants/` that it catches: that is a check.

use assay_model::{CheckSpec, Profile, Rule};

/// Every built-in check, in the order in which a unit runs them.
#[must_use]
pub fn battery() -> Vec<CheckSpec> {
    ROWS.iter()
        .map(|row| CheckSpec {
            id: row.id.into(),
            profile: row.profile,
            asserts: row.asserts.into(),
            bug: row.bug.into(),
            needs: row.needs.iter().map(|&fact| fact.into()).collect(),
            rule: row.rule,
        })
        .collect()
}

struct Row {
    id: &'static str,
    profile: Profile,
    needs: &'static [&'static str],
    rule: Rule,
    asserts: &'static str,
    bug: &'static str,
}

const fn row(
    id: &'static str,
    profile: Profile,
    needs: &'static [&'static str],
    rule: Rule,
    asserts: &'static str,
    bug: &'static str,
) -> Row {
    Row {
        id,
        profile,
        needs,
        rule,
        asserts,
        bug,
    }
}

use Profile::{Quick, Standard};

/// The check that stands for the probe. It is planned for every subject whose probe failed, whatever else is selected, so that an
/// architecture can't vanish by failing early.
pub const PROBE: &str = "load.probe";

// The configuration and the build come first, so that their seconds are those of importing and building.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("load.config", Quick, &[], Rule::Completes, "the default configuration and the one under test can be made", "a default that no longer validates after an upgrade"),
    row("load.build", Quick, &[], Rule::Completes, "the model can be built from its configuration", "a renamed field, a missing import"),
    row(PROBE, Quick, &[], Rule::Full, "what the probe finds now is what the plan was made of", "an architecture that can't be built or fed, or is another one than planned"),
    row("load.initialised", Quick, &[], Rule::Full, "the library itself initialises every tensor, and registers it", "weights left unset after an upgrade"),
    row("load.parameters", Quick, &[], Rule::Full, "the model has the parameters that the same model on `meta` has, all in its state dict", "a parameter made only on one path, or kept out of the state dict"),
    row("forward.runs", Quick, &[], Rule::Completes, "a forward on valid inputs comes to its end", "a wrong axis, a missing argument"),
    row("forward.reaches", Quick, &[], Rule::Full, "every leaf module that holds parameters is called for some input", "a tower or branch that is skipped"),
    row("forward.finite", Quick, &[], Rule::Finite, "every output element is finite", "overflow, division by zero, a mask of infinities"),
    row("forward.long", Standard, &["body", "long"], Rule::Finite, "every output element is finite for a long text", "NaN beyond a window, a chunk or the lengths that were tried"),
    row("forward.shapes", Quick, &[], Rule::Promises, "outputs have the shapes, types and names that the family promises", "a wrong axis, a type that changed on the way"),
    row("forward.deterministic", Quick, &["deterministic"], Rule::Bitwise, "the same input gives the same bits in eval mode, whatever the random state", "dropout left on"),
    row("forward.inputs_unmodified", Quick, &[], Rule::Bitwise, "the inputs are the same after the forward", "in-place edits"),
    row("forward.repeatable", Quick, &[], Rule::Bitwise, "an input gives the same bits after another one was fed in between", "state that is kept between calls"),
    row("sensitivity.input", Quick, &[], Rule::Moves, "the output depends on every content input", "an input that is ignored, a constant, a mock"),
    row("sensitivity.weights", Quick, &[], Rule::Full, "the output depends on every module that is called", "a branch whose result is thrown away, a mock"),
    row("attention.causal", Standard, &["body", "causal"], Rule::Oracle, "a later token changes no earlier output", "a causal mask that is lost, or off by one"),
    row("attention.bidirectional", Standard, &["body", "bidirectional"], Rule::Moves, "the last token changes the output at the first", "a causal mask where there must be none"),
    row("attention.mask", Standard, &["body", "mask"], Rule::Oracle, "a token that the mask hides changes no other output", "a mask that is lost, in one layer or between encoder and decoder"),
    row("attention.implementations", Standard, &["body", "sdpa"], Rule::Oracle, "eager attention equals the fused one (SDPA), and is really another", "a scale, a mask or heads that one of the two gets wrong"),
    row("attention.window", Standard, &["body", "windows"], Rule::Full, "each layer sees as many tokens back as its window holds", "a sliding window that is lost, or off by one"),
    row("batch.rows", Quick, &["batch"], Rule::Oracle, "row i of a batch equals the run of that row alone", "rows that leak into each other"),
    row("batch.order", Quick, &["batch"], Rule::Oracle, "the order of the rows doesn't matter", "a row treated by its position"),
    row("batch.right_padding", Quick, &["right_padding"], Rule::Oracle, "padding on the right under the mask changes nothing before it", "a mask that is dropped, pooling over padding"),
    row("batch.left_padding", Quick, &["left_padding"], Rule::Oracle, "padding on the left, with position ids from the mask, changes nothing after it", "position ids that are ignored"),
    row("generate.greedy", Standard, &["generates"], Rule::Bitwise, "greedy generation gives the tokens of the highest scores, from the right start", "a decoder that starts with another token, scores of another step"),
    row("generate.cache", Standard, &["generates"], Rule::Oracle, "generation with the cache gives the scores of one forward over all tokens", "a cache position, a past length or a mask that is wrong from the second token on"),
    row("generate.static_cache", Standard, &["generates", "static_cache"], Rule::Oracle, "so it does with a cache that is allocated before", "places of a cache that are read before they are written"),
    row("generate.left_padding", Standard, &["generates", "left_padding"], Rule::Oracle, "padding before a prompt changes no score", "position ids or a mask that count the padding"),
    row("generate.beam", Standard, &["generates"], Rule::Oracle, "the score of a sequence that beams found is its log-probability", "a cache that does not follow its beam"),
    row("save_load.roundtrip", Standard, &[], Rule::Bitwise, "a model saved and loaded gives the same bits", "a weight or buffer that is not saved, or not loaded"),
    row("save_load.keys", Standard, &[], Rule::Full, "no key is missing, unexpected or of another shape", "a renamed key"),
    row("save_load.tied", Standard, &["tied_weights"], Rule::Full, "weights that were shared still are", "weights untied by loading"),
    row("save_load.twice", Standard, &[], Rule::Bitwise, "saving what was loaded gives the same tensors", "a conversion that is applied twice"),
    row("negative.token_out_of_vocabulary", Standard, &["tokens"], Rule::Refuses, "a token beyond the vocabulary is refused", "ids that are clamped or wrapped"),
    row("negative.missing_input", Standard, &[], Rule::Refuses, "a call without the main input is refused", "a default that makes up an input"),
    row("negative.wrong_rank", Standard, &[], Rule::RefusesOrAnswers, "an input of another rank is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.wrong_dtype", Standard, &[], Rule::RefusesOrAnswers, "an input of another type is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.empty_input", Standard, &[], Rule::RefusesOrAnswers, "an empty input is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.absurd_length", Standard, &["tokens"], Rule::RefusesOrAnswers, "a length beyond the model's is refused or answered finitely", "reads out of bounds, NaN beyond the table of positions"),
    row("embedding.similarity", Standard, &["sentence_encoder"], Rule::Full, "sentences of one meaning are nearer than those of two", "weights that are loaded and wrong, a tokenizer of another model"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_have_a_group() {
        let battery = battery();
        let names: BTreeSet<&str> = battery.iter().map(|spec| spec.id.as_str()).collect();
        assert_eq!(names.len(), battery.len());
        assert!(names.iter().all(|name| {
            name.split_once('.')
                .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        }));
    }
}
