use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Raised;

/// What a worker must answer to show that a real model ran: `assay-judge` recomputes it from the nonce (for a
/// checkpoint, from its safetensors file) and believes nothing else.
///
/// Three forwards are made: nonce 1 with input A, nonce 1 with input B, nonce 2 with input A (a checkpoint keeps its
/// weights: there the third is input C). Layers are captured during the first two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Class of the model object, with its module: `transformers.models.bert.modeling_bert.BertModel`.
    pub model_class: String,
    /// Every layer that could be captured (see [`LayerKind`]), was called in both forwards with its weight as it was drawn, and
    /// had finite values in both, in sorted order: the nonce picks from these, so that the worker doesn't choose what it shows. Where
    /// the outputs of some move with the input, those alone: a layer that sees positions or queries only shows nothing of a model.
    pub eligible: Vec<String>,
    /// Number of layers that were called in both forwards and gave out the same in both.
    pub unmoved: u64,
    /// Number of layers of the model whose arithmetic is known (see [`LayerKind`]), called or not; none where an older worker did not say.
    pub known_layers: Option<u64>,
    /// The layers that the nonce picks, captured in the first forward.
    pub first: Vec<CapturedLayer>,
    /// The same layers, captured in the second forward.
    pub second: Vec<CapturedLayer>,
    /// Samples of the outputs of the three forwards.
    pub sketches: Vec<Sketch>,
    /// Types of device on which parameters and outputs were seen.
    pub devices: Vec<String>,
    /// The exception that one of the forwards raised: then nothing can be said about provenance, and the checks say what
    /// is wrong.
    pub raised: Option<Raised>,
    /// Why there is nothing to show although the forwards came to their end, in words: `the output holds no tensor`.
    pub lacking: Option<String>,
    /// A workflow's: what each of its links shows of itself while the whole chain runs, by the link's name. Then all but `raised` and
    /// `lacking` is empty here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Evidence>,
    /// An endpoint's: what it answered to questions that the nonce made. Then all but `raised` is empty here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// A question to an endpoint, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What was asked.
    pub question: String,
    /// What was answered, thoughts included.
    pub answer: String,
}

/// The arithmetic of a captured layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerKind {
    /// `y[j] = Σ x[k] · weight[j, k] + bias[j]` (`torch.nn.Linear`).
    Linear,
    /// `y[j] = Σ x[k] · weight[k, j] + bias[j]` (`transformers.pytorch_utils.Conv1D`).
    Conv1d,
    /// `y[j] = weight[index, j]` (`torch.nn.Embedding`); `input` holds the index alone.
    Embedding,
    /// `y[j] = Σ x[k] · weight[j, k] + bias[j]` with the weight of a convolution flattened per output channel and `x` the
    /// patch that one output position sees (`torch.nn.Conv1d`, `Conv2d`, `Conv3d`, one group).
    Convolution,
    /// A convolution by `g[j] · weight[j, k] / ‖weight[j]‖`: `torch.nn.utils.parametrizations.weight_norm` over the first dimension
    /// (Salimans, Kingma: *Weight normalization*, 2016).
    WeightNormedConvolution {
        /// Name of `g` in the model's `named_parameters()`: one value for each output channel.
        magnitude: String,
    },
    /// A convolution by `(weight[j, k] − mean(weight[j])) / √(var(weight[j]) + epsilon)`: `WeightStandardizedConv2d` of
    /// `transformers.models.bit` (Qiao and others: *Micro-batch training with batch-channel normalization and weight
    /// standardization*, 2019).
    StandardizedConvolution {
        /// What is added to the variance.
        epsilon: f64,
    },
}

/// Input and output of one layer at one position, taken by a hook during the model's own forward: the last position at which the
/// outputs of both forwards differ, or else the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapturedLayer {
    /// The layer's dotted name.
    pub layer: String,
    /// Its arithmetic.
    pub kind: LayerKind,
    /// Name of the weight in the model's `named_parameters()` (a tied weight has the name that comes first there). A layer that makes
    /// its weight anew for each call: what it makes it from.
    pub weight: String,
    /// Shape of the weight.
    pub shape: Vec<u64>,
    /// Name of the bias, if there is one.
    pub bias: Option<String>,
    /// The input vector, float32.
    pub input: Vec<f32>,
    /// Positions in the output vector that `output` gives; at most 16.
    pub columns: Vec<u64>,
    /// The output at those positions, float32.
    pub output: Vec<f32>,
}

/// Samples of the outputs of one forward: the same positions each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sketch {
    /// `first`, `other_input` or `other_weights`.
    pub of: String,
    /// At most 64 values of the floating-point outputs; non-finite ones are left out.
    pub values: Vec<f32>,
}
