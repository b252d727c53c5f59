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

use Profile::{Full, Quick, Standard};

/// The check that stands for the probe. It is planned for every subject whose probe failed, whatever else is selected, so that an
/// architecture can't vanish by failing early.
pub const PROBE: &str = "load.probe";

/// The fact of a platform that is held against the reference, and is none itself.
pub const PORTED: &str = "ported";

/// The fact of a platform that is asked for numbers, which it does not choose for itself.
pub const NUMBERS: &str = "numbers";

/// The fact that an expectation is kept of a subject, which no probe finds.
pub const EXPECTATION: &str = "expectation";

// The configuration and the build come first, so that their seconds are those of importing and building.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("load.config", Quick, &[], Rule::Completes, "the default configuration and the one under test can be made", "a default that no longer validates after an upgrade"),
    row("load.build", Quick, &[], Rule::Completes, "the model can be built from its configuration", "a renamed field, a missing import"),
    row(PROBE, Quick, &[], Rule::Full, "what the probe finds now is what the plan was made of", "an architecture that can't be built or fed, or is another one than planned"),
    row("load.initialised", Quick, &[], Rule::Full, "the library itself initialises every tensor, and registers it", "weights left unset after an upgrade"),
    row("load.parameters", Quick, &[], Rule::Full, "the model has the parameters that the same model on `meta` has, all in its state dict", "a parameter made only on one path, or kept out of the state dict"),
    row("load.checkpoint", Quick, &["checkpoint"], Rule::Full, "every tensor of the model comes out of the checkpoint's files, and each of theirs has its place in it", "a part of the model made up, since its tensors are lacking or renamed"),
    row("forward.runs", Quick, &[], Rule::Completes, "a forward on valid inputs comes to its end", "a wrong axis, a missing argument"),
    row("forward.reaches", Quick, &[], Rule::Full, "every leaf module that holds parameters is called for some input", "a tower or branch that is skipped"),
    row("forward.finite", Quick, &[], Rule::Finite, "every output element is finite", "overflow, division by zero, a mask of infinities"),
    row("forward.long", Standard, &["body", "long"], Rule::Finite, "every output element is finite for a long text", "NaN beyond a window, a chunk or the lengths that were tried"),
    row("forward.longest", Full, &["body", "long"], Rule::Finite, "every output element is finite for a text that fills the tables of positions", "NaN at the end of what is allowed"),
    row("forward.draws", Full, &["body", "filled"], Rule::Finite, "every output element is finite for four more draws of all weights and inputs", "a root or a logarithm of what is positive by luck"),
    row("forward.shapes", Quick, &[], Rule::Promises, "outputs have the shapes, types and names that the family promises", "a wrong axis, a type that changed on the way"),
    row("forward.deterministic", Quick, &["deterministic"], Rule::Bitwise, "the same input gives the same bits in eval mode, whatever the random state", "dropout left on"),
    row("forward.inputs_unmodified", Quick, &[], Rule::Bitwise, "the inputs are the same after the forward", "in-place edits"),
    row("forward.repeatable", Quick, &[], Rule::Bitwise, "an input gives the same bits after another one was fed in between", "state that is kept between calls"),
    row("sensitivity.input", Quick, &[], Rule::Moves, "the output depends on every content input", "an input that is ignored, a constant, a mock"),
    row("sensitivity.mask", Standard, &["masks"], Rule::Moves, "the output depends on every mask over other things than text", "a mask over an image, a sound or a series that is dropped"),
    row("sensitivity.weights", Quick, &[], Rule::Full, "the output depends on every module that is called", "a branch whose result is thrown away, a mock"),
    row("attention.causal", Standard, &["body", "causal", "one_state_per_token"], Rule::Oracle, "a later token changes no earlier output, nor does a later image", "a causal mask that is lost, or off by one, or lost beside padding"),
    row("attention.bidirectional", Standard, &["body", "bidirectional"], Rule::Moves, "another token changes the output at the first", "a causal mask where there must be none"),
    row("attention.mask", Standard, &["body", "mask"], Rule::Oracle, "a token that the mask hides changes no other output", "a mask that is lost, in one layer or between encoder and decoder"),
    row("attention.implementations", Standard, &["body", "sdpa"], Rule::Oracle, "eager attention equals the fused one (SDPA), and is really another", "a scale, a mask or heads that one of the two gets wrong"),
    row("attention.window", Standard, &["body", "windows"], Rule::Full, "each layer sees as many tokens back as its window holds", "a sliding window that is lost, or off by one"),
    row("attention.covered", Standard, &["covering_masks"], Rule::Oracle, "what a mask over an image, a sound or the states of an encoder hides changes nothing in the first quarter of the outputs, far before it", "a mask that one layer, a decoder or a pooling head does not get"),
    row("batch.rows", Quick, &["batch"], Rule::Oracle, "row i of a batch equals the run of that row alone", "rows that leak into each other"),
    row("batch.order", Quick, &["body", "batch"], Rule::Oracle, "the order of the rows doesn't matter", "a row treated by its position"),
    row("batch.right_padding", Quick, &["right_padding"], Rule::Oracle, "padding on the right under the mask changes nothing before it", "a mask that is dropped, pooling over padding"),
    row("batch.left_padding", Quick, &["body", "left_padding"], Rule::Oracle, "padding on the left, with position ids from the mask, changes nothing after it", "position ids that are ignored"),
    row("generate.greedy", Standard, &["generates"], Rule::Bitwise, "greedy generation gives the tokens of the highest scores, from the right start", "a decoder that starts with another token, scores of another step"),
    row("generate.cache", Standard, &["generates", "continues", "deterministic"], Rule::Oracle, "generation with the cache gives the scores of one forward over all tokens", "a cache position, a past length or a mask that is wrong from the second token on"),
    row("generate.static_cache", Standard, &["generates", "static_cache", "continues", "deterministic"], Rule::Oracle, "generation with a cache that is allocated before gives those scores, too", "places of a cache that are read before they are written"),
    row("generate.left_padding", Standard, &["generates", "left_padding", "deterministic"], Rule::Oracle, "padding before a prompt changes no score", "position ids or a mask that count the padding"),
    row("generate.beam", Standard, &["generates", "beams", "continues", "deterministic"], Rule::Oracle, "the score of a sequence that beams found is its log-probability", "a cache that does not follow its beam"),
    row("save_load.roundtrip", Standard, &["loads"], Rule::Bitwise, "a model saved and loaded gives the same bits", "a weight or buffer that is not saved, or not loaded"),
    row("save_load.keys", Standard, &["loads"], Rule::Full, "no key is missing, unexpected or of another shape", "a renamed key"),
    row("save_load.tied", Standard, &["loads", "tied_weights"], Rule::Full, "weights that were shared still are", "weights untied by loading"),
    row("save_load.twice", Standard, &["loads"], Rule::Bitwise, "saving what was loaded gives the same tensors", "a conversion that is applied twice"),
    row("precision.bfloat16", Standard, &["body", "deterministic"], Rule::Oracle, "in bfloat16 the outputs, loud norms and far positions are as near to float64 as storage in that type allows", "angles of positions computed in half, a missing upcast"),
    row("precision.float16", Standard, &["body", "deterministic"], Rule::Oracle, "in float16 the outputs, loud norms and far positions are as near to float64 as storage in that type allows", "overflow in a norm whose upcast was removed"),
    row("train.gradients", Standard, &["body", "trains"], Rule::Full, "gradients are finite, and reach every parameter that the output depends on and every expert", "a detached branch, an expert that is never routed to"),
    row("train.mode", Standard, &["body", "trains"], Rule::Oracle, "in train mode, in which nothing is dropped, the outputs are those in eval mode", "dropout that keeps what it should drop, a step that only one of the modes takes"),
    row("train.slope", Standard, &["body", "trains", "small"], Rule::Full, "in float64, gradients along a random direction are how far a small step that way moves the outputs", "a branch that is detached beside one that is not, a backward by hand that is wrong"),
    row("train.loss", Standard, &["trains", "loss"], Rule::Full, "the loss is finite, follows its labels, and trains the head", "labels that are ignored, or read where there are none"),
    row("train.loss_value", Standard, &["loss"], Rule::Full, "the loss of tokens, rows and spans is the cross entropy of the scores; a decoder is fed the labels, each one place later; labels stay as they are", "labels that are not shifted, or shifted twice, or edited"),
    row("train.checkpointing", Standard, &["body", "trains", "gradient_checkpointing"], Rule::Oracle, "layers are computed again in the backward, and gradients stay the same", "checkpointing that does nothing, or loses a gradient"),
    row("negative.token_out_of_vocabulary", Standard, &["body", "tokens", "vocabulary"], Rule::Refuses, "a token beyond the vocabulary is refused", "ids that are clamped or wrapped"),
    row("negative.missing_input", Standard, &["body", "needs_input"], Rule::Refuses, "a call without the main input is refused", "a default that makes up an input"),
    row("negative.wrong_rank", Standard, &["body"], Rule::RefusesOrAnswers, "an input of another rank is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.wrong_dtype", Standard, &["body"], Rule::RefusesOrAnswers, "an input of another type is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.empty_input", Standard, &["body"], Rule::RefusesOrAnswers, "an empty input is refused or answered finitely", "a crash, a hang or NaN instead of an error"),
    row("negative.absurd_length", Standard, &["body", "tokens"], Rule::RefusesOrAnswers, "a length beyond the model's is refused or answered finitely", "reads out of bounds, NaN beyond the table of positions"),
    row("golden.reproducible", Standard, &["body"], Rule::Bitwise, "the model built once more, while the library's generators are in another state, and filled alike (a checkpoint: loaded once more) gives the same bits", "a random table that nobody registers or initialises by design"),
    row("golden.output", Standard, &["body", EXPECTATION], Rule::Golden, "the outputs are the accepted ones, within their noise, and so are the names and shapes of all tensors", "drift after an upgrade, a renamed parameter"),
    row("embedding.similarity", Standard, &["sentence_encoder"], Rule::Full, "sentences of one meaning are nearer than those of two", "weights that are loaded and wrong, a tokenizer of another model"),
    row("memory.leak", Standard, &["body"], Rule::Flat, "live bytes do not grow from call to call", "a tensor that is kept at each call"),
    row("memory.release", Standard, &["body"], Rule::Full, "a model that is deleted is gone, with its tensors and what it gave out", "a hook or a cache that holds a model"),
    row("memory.out_of_memory", Full, &["body", "batch"], Rule::Recovers, "a forward that can't have its memory raises, and the next one works", "a state that an exception leaves half changed"),
    row("memory.offload", Full, &["body", "trains"], Rule::Bitwise, "gradients are the same where what they are made of lies in a file meanwhile", "a backward that counts on the very tensor it saved"),
    row("memory.int8", Full, &["body", "linear"], Rule::Bitwise, "weights held in eight bits compute as the numbers that they stand for", "code that reads a layer's weight, or its type, for itself"),
    row("checkpoint.truncated", Full, &["small", "loads"], Rule::Refuses, "a file that is cut off is refused", "what is there is loaded, and the rest made up"),
    row("checkpoint.header", Full, &["small", "loads"], Rule::Refuses, "a file with a flipped bit in its header is refused", "tensors of another type, shape or place"),
    row("checkpoint.wrong_shape", Full, &["small", "loads"], Rule::Refuses, "a tensor of another shape is refused", "weights that are dropped without a word"),
    row("checkpoint.missing_shard", Full, &["small", "loads"], Rule::Refuses, "a file that the index names and nobody has is refused", "a part of the model left as it was made"),
    row("checkpoint.missing_keys", Full, &["small", "loads"], Rule::Full, "loading lists every tensor that it did not find", "a part of the model left as it was made, without a word"),
    row("checkpoint.pickle", Full, &["small", "loads"], Rule::Refuses, "a pickle is refused where tensors are expected, and its code never runs", "code in a file of weights is executed"),
    row("workflow.fits", Full, &["workflow"], Rule::Full, "what each link gives has the shape and type that the next one takes, and is finite", "an axis, a width or a vocabulary that changed between two models"),
    row("workflow.moves", Full, &["workflow"], Rule::Moves, "all that flows moves with what comes in, and the result with each input", "a link that answers the same whatever it is given"),
    row("workflow.used", Full, &["workflow"], Rule::Moves, "what a link hands on changes what comes of the next one", "states, boxes or tokens that the next model ignores"),
    row("workflow.order", Full, &["workflow"], Rule::Oracle, "the order of the rows doesn't matter to anything that flows", "rows that are mixed up between two models"),
    row("workflow.drafted", Full, &["workflow", "drafted"], Rule::Bitwise, "greedily, a verifier writes with a draft what it writes alone", "a guess that is kept though it was rejected, a cache that keeps rejected tokens"),
    row("tokenizer.roundtrip", Standard, &["tokenizer"], Rule::Full, "tokens of a text give the same tokens again, by another implementation and after saving too; all are in the model's table, and offsets cover the text", "a tokenizer of another model, special tokens that are split or lost"),
    row("pipeline.task", Standard, &["pipeline"], Rule::Full, "the task of the model card gives what `transformers.pipeline` promises, in finite numbers", "a head or a processor that does not fit its card"),
    row("pipeline.moves", Standard, &["pipeline"], Rule::Moves, "the answer moves with the example", "an input that is lost before the model"),
    row("pipeline.batch", Standard, &["pipeline"], Rule::Oracle, "two examples at once get the answers that each gets by itself", "padding that is read, on the wrong side or under no mask"),
    row("parity.prepares", Quick, &[PORTED], Rule::Completes, "the platform takes the model: it is exported, compiled or moved", "an operation that no exporter knows, control flow that depends on data"),
    row("parity.loads", Quick, &[PORTED], Rule::Completes, "what was made of the model is ready to run", "a graph that the runtime refuses"),
    row("parity.numbers", Quick, &[PORTED, NUMBERS], Rule::Full, "weights are held and products computed in the numbers that were asked for, by the backend's own word", "a precision that nobody takes up, weights that nothing compressed"),
    row("parity.outputs", Quick, &[PORTED], Rule::Oracle, "the outputs are those of eager torch, as near to float64 as its own", "wrong numbers, an output that is lost or turned"),
    row("parity.other_inputs", Quick, &[PORTED], Rule::Oracle, "so are those for other values of the same shapes, and where a mask hides a token", "what was computed while tracing, and kept as a constant; a mask that nobody reads"),
    row("parity.repeatable", Standard, &[PORTED], Rule::Bitwise, "an input gives the same bits after another one was fed in between", "state that a session keeps"),
    row("parity.executes", Quick, &[PORTED], Rule::Executes, "the backend itself executed every operation of each run, by its own word", "a silent fall-back to torch, or to another provider"),
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
