use assay_model::{CapturedLayer, LayerKind};

use crate::Weights;
use crate::weights::Elements;

/// How far the magnitudes of a weight norm are drawn around 1, which keeps the size of the signal: the worker draws each direction so
/// that its norm is about 1 (`python/assay/weights/fill.py`).
const MAGNITUDE_SCALE: f32 = 0.2;

/// Largest epsilon of a standardisation: PyTorch's default for norms. A larger one would let the worker shrink the weight to nothing.
const LARGEST_EPSILON: f64 = 1e-5;

/// Size of a layer's weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Outputs; rows of the table, for an embedding.
    pub(crate) rows: u64,
    /// Inputs that each output adds up; the width, for an embedding.
    pub(crate) inputs: u64,
}

impl Size {
    pub(crate) fn of(layer: &CapturedLayer) -> Result<Self, String> {
        match (&layer.kind, layer.shape.as_slice()) {
            (LayerKind::Linear | LayerKind::Embedding, &[rows, inputs])
            | (LayerKind::Conv1d, &[inputs, rows]) => Ok(Self { rows, inputs }),
            (
                LayerKind::Convolution
                | LayerKind::WeightNormedConvolution { .. }
                | LayerKind::StandardizedConvolution { .. },
                [rows, rest @ ..],
            ) if !rest.is_empty() => rest
                .iter()
                .try_fold(1_u64, |product, &size| product.checked_mul(size))
                .map(|inputs| Self {
                    rows: *rows,
                    inputs,
                })
                .ok_or_else(|| format!("no weight has the shape {:?}", layer.shape)),
            (kind, shape) => Err(format!("a {kind:?} has no weight of the shape {shape:?}")),
        }
    }
}

/// The weights that one output adds up.
pub(crate) struct Row {
    pub(crate) values: Vec<f64>,
    /// What each value's error is measured by: the value, unless it is a difference.
    pub(crate) magnitudes: Vec<f64>,
    /// How many roundings one product goes through.
    pub(crate) roundings: f64,
}

impl Row {
    pub(crate) fn of(
        layer: &CapturedLayer,
        column: u64,
        size: Size,
        weights: &Weights,
    ) -> Result<Self, String> {
        #[expect(clippy::cast_precision_loss, reason = "a count of inputs")]
        let inputs = size.inputs as f64;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded as the worker rounds it"
        )]
        let scale = (1.0 / inputs.sqrt()) as f32;
        let (start, stride) = if layer.kind == LayerKind::Conv1d {
            (column, size.rows)
        } else {
            (column * size.inputs, 1)
        };
        let drawn = weights
            .elements(&Elements {
                name: &layer.weight,
                shape: &layer.shape,
                start,
                stride,
                count: size.inputs,
                centre: 0.0,
                scale,
            })
            .map_err(|error| error.to_string())?;
        match &layer.kind {
            LayerKind::WeightNormedConvolution { magnitude } => {
                let shape: Vec<u64> = (0..layer.shape.len())
                    .map(|axis| if axis == 0 { size.rows } else { 1 })
                    .collect();
                let magnitude = one(weights, magnitude, &shape, column, (1.0, MAGNITUDE_SCALE))?;
                Ok(Self::weight_normed(&drawn, magnitude, inputs))
            }
            LayerKind::StandardizedConvolution { epsilon } => {
                Self::standardized(&drawn, *epsilon, inputs)
            }
            _ => Ok(Self {
                magnitudes: drawn.clone(),
                values: drawn,
                roundings: inputs + 1.0,
            }),
        }
    }

    fn weight_normed(direction: &[f64], magnitude: f64, inputs: f64) -> Self {
        let norm = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        let values: Vec<f64> = direction.iter().map(|v| magnitude * v / norm).collect();
        Self {
            magnitudes: values.clone(),
            values,
            roundings: 2.0 * inputs + 4.0,
        }
    }

    fn standardized(drawn: &[f64], epsilon: f64, inputs: f64) -> Result<Self, String> {
        if !(0.0..=LARGEST_EPSILON).contains(&epsilon) {
            return Err(format!(
                "an epsilon of {epsilon:e}, the largest is {LARGEST_EPSILON:e}"
            ));
        }
        let mean = drawn.iter().sum::<f64>() / inputs;
        let size = drawn.iter().map(|v| v.abs()).sum::<f64>() / inputs;
        let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / inputs;
        let deviation = (variance + epsilon).sqrt();
        Ok(Self {
            values: drawn.iter().map(|v| (v - mean) / deviation).collect(),
            magnitudes: drawn.iter().map(|v| (v.abs() + size) / deviation).collect(),
            roundings: 3.0 * inputs + 4.0,
        })
    }
}

/// One element of a parameter that is drawn with a centre and a scale.
pub(crate) fn one(
    weights: &Weights,
    name: &str,
    shape: &[u64],
    at: u64,
    (centre, scale): (f32, f32),
) -> Result<f64, String> {
    let wanted = Elements {
        name,
        shape,
        start: at,
        stride: 1,
        count: 1,
        centre,
        scale,
    };
    let values = weights
        .elements(&wanted)
        .map_err(|error| error.to_string())?;
    Ok(values[0])
}
