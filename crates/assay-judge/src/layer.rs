use assay_model::{CapturedLayer, LayerKind};

use crate::Weights;
use crate::row::{Row, Size, one};

/// Scale of a bias that is drawn from the nonce (`CHECKS.md`, weights and inputs).
const BIAS_SCALE: f32 = 0.1;

/// Computes what a captured layer shows again, or says what is wrong with it.
///
/// An output is accepted within the classic bound of a dot product in float32, n·ε·Σ|x·w| (Higham, *Accuracy and Stability of
/// Numerical Algorithms*, §3.1), doubled since convolutions may be computed by transforms; an embedding must agree exactly. A weight
/// that is normed first goes through another sum over as many elements, whose error is added.
pub(crate) fn recompute(layer: &CapturedLayer, weights: &Weights) -> Result<(), String> {
    if layer.columns.is_empty() || layer.columns.len() != layer.output.len() {
        return Err("it shows no output".into());
    }
    let size = Size::of(layer)?;
    if layer.kind != LayerKind::Embedding && layer.input.len() as u64 != size.inputs {
        return Err(format!(
            "it shows {} inputs, the weight has {}",
            layer.input.len(),
            size.inputs
        ));
    }
    for (&column, &shown) in layer.columns.iter().zip(&layer.output) {
        let (value, bound) = if layer.kind == LayerKind::Embedding {
            (entry(layer, column, size, weights)?, 0.0)
        } else {
            product(layer, column, size, weights)?
        };
        // Written so that a NaN is refused.
        let close = (f64::from(shown) - value).abs() <= bound;
        if !close {
            return Err(format!(
                "output {column} is {shown:e}, computed again it is {value:e} ± {bound:.1e}"
            ));
        }
    }
    Ok(())
}

/// One value of an embedding's table.
fn entry(layer: &CapturedLayer, column: u64, size: Size, weights: &Weights) -> Result<f64, String> {
    let index = layer.input.first().copied().unwrap_or(-1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked on the line itself"
    )]
    let row = if index >= 0.0 && index.fract() == 0.0 {
        index as u64
    } else {
        size.rows
    };
    if row >= size.rows || column >= size.inputs {
        return Err(format!(
            "row {index}, column {column} of an embedding of {} × {}",
            size.rows, size.inputs
        ));
    }
    let start = row * size.inputs + column;
    one(weights, &layer.weight, &layer.shape, start, (0.0, 1.0))
}

/// The value that an output must have, and how far off float32 may be.
fn product(
    layer: &CapturedLayer,
    column: u64,
    size: Size,
    weights: &Weights,
) -> Result<(f64, f64), String> {
    if column >= size.rows {
        return Err(format!("it shows output {column} of {}", size.rows));
    }
    let row = Row::of(layer, column, size, weights)?;
    let bias = match &layer.bias {
        Some(name) => one(weights, name, &[size.rows], column, (0.0, BIAS_SCALE))?,
        None => 0.0,
    };
    let against = |values: &[f64], of: fn(f64) -> f64| -> f64 {
        let products = values.iter().zip(&layer.input);
        products.map(|(w, x)| of(w * f64::from(*x))).sum()
    };
    let value = against(&row.values, |product| product) + bias;
    let magnitude = against(&row.magnitudes, f64::abs) + bias.abs();
    Ok((
        value,
        2.0 * row.roundings * f64::from(f32::EPSILON) * magnitude,
    ))
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;
    use safetensors::tensor::TensorView;
    use serde::Deserialize;

    use super::*;

    /// One captured layer of each kind with its nonce, from a third implementation (plain Python integers and doubles); the tests
    /// of the worker read the same file.
    fn vectors() -> Vec<(Weights, CapturedLayer)> {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../../tests/vectors/layers.json"))
                .expect("valid JSON");
        rows.iter()
            .map(|row| {
                let nonce = row["nonce"].as_str().expect("text");
                let layer = CapturedLayer::deserialize(&row["layer"]).expect("a layer");
                (Weights::Nonce(nonce.parse().expect("a number")), layer)
            })
            .collect()
    }

    fn vector(is: fn(&LayerKind) -> bool) -> (Weights, CapturedLayer) {
        vectors()
            .into_iter()
            .find(|(_, layer)| is(&layer.kind))
            .expect("a layer of each kind")
    }

    fn weight_normed() -> (Weights, CapturedLayer) {
        vector(|kind| matches!(kind, LayerKind::WeightNormedConvolution { .. }))
    }

    fn standardized() -> (Weights, CapturedLayer) {
        vector(|kind| matches!(kind, LayerKind::StandardizedConvolution { .. }))
    }

    /// What the layer would show if it were another: the same input, the outputs of these weights.
    fn with_rows(
        layer: &CapturedLayer,
        weights: &Weights,
        row_of: impl Fn(u64) -> Vec<f64>,
    ) -> CapturedLayer {
        let output_of = |&column: &u64| {
            let bias = layer.bias.as_ref().map_or(0.0, |name| {
                one(weights, name, &layer.shape[..1], column, (0.0, BIAS_SCALE)).unwrap()
            });
            let products = row_of(column).into_iter().zip(&layer.input);
            #[expect(clippy::cast_possible_truncation, reason = "as a layer in float32")]
            let output = (products.map(|(w, x)| w * f64::from(*x)).sum::<f64>() + bias) as f32;
            output
        };
        CapturedLayer {
            output: layer.columns.iter().map(output_of).collect(),
            ..layer.clone()
        }
    }

    fn row_of(layer: &CapturedLayer, kind: LayerKind, weights: &Weights, column: u64) -> Vec<f64> {
        let plain = CapturedLayer {
            kind,
            ..layer.clone()
        };
        let size = Size::of(&plain).unwrap();
        Row::of(&plain, column, size, weights).unwrap().values
    }

    #[test]
    fn each_kind_is_computed_again() {
        for (weights, layer) in vectors() {
            assert_eq!(recompute(&layer, &weights), Ok(()), "{:?}", layer.kind);
        }
        let mut kinds: Vec<String> = vectors()
            .iter()
            .map(|(_, layer)| format!("{:?}", layer.kind))
            .collect();
        kinds.dedup();
        assert_eq!(kinds.len(), 6);
    }

    #[test]
    fn one_wrong_value_is_refused_in_each_kind() {
        for (weights, honest) in vectors() {
            for at in 0..honest.output.len() {
                let mut layer = honest.clone();
                layer.output[at] += 1e-3;
                assert!(recompute(&layer, &weights).is_err(), "{:?}", layer.kind);
            }
        }
    }

    #[test]
    fn a_weight_norm_that_was_skipped_is_refused() {
        let (weights, layer) = weight_normed();
        let direction = |j| row_of(&layer, LayerKind::Convolution, &weights, j);
        let norm = |j| direction(j).iter().map(|v| v * v).sum::<f64>().sqrt();
        let normed = |j| row_of(&layer, layer.kind.clone(), &weights, j);
        let magnitude = |j| normed(j)[0] / direction(j)[0] * norm(j);
        let scaled = |j, by: f64| {
            direction(j)
                .into_iter()
                .map(|v| v * by)
                .collect::<Vec<f64>>()
        };
        let forged = [
            ("direction alone", with_rows(&layer, &weights, direction)),
            (
                "unit direction",
                with_rows(&layer, &weights, |j| scaled(j, 1.0 / norm(j))),
            ),
            (
                "magnitude without the norm",
                with_rows(&layer, &weights, |j| scaled(j, magnitude(j))),
            ),
        ];
        assert_eq!(
            recompute(&with_rows(&layer, &weights, normed), &weights),
            Ok(())
        );
        for (name, layer) in forged {
            assert!(recompute(&layer, &weights).is_err(), "{name}");
        }
    }

    #[test]
    fn the_magnitude_is_that_of_the_parameter_it_names() {
        let (weights, mut layer) = weight_normed();
        layer.kind = LayerKind::WeightNormedConvolution {
            magnitude: "other".into(),
        };
        assert!(recompute(&layer, &weights).is_err());
    }

    #[test]
    fn a_standardisation_that_was_skipped_is_refused() {
        let (weights, layer) = standardized();
        let drawn = |j| row_of(&layer, LayerKind::Convolution, &weights, j);
        let standard = |j| row_of(&layer, layer.kind.clone(), &weights, j);
        #[expect(clippy::cast_precision_loss, reason = "a few weights")]
        let mean = |j| drawn(j).iter().sum::<f64>() / drawn(j).len() as f64;
        let forged = [
            ("as drawn", with_rows(&layer, &weights, drawn)),
            (
                "centred alone",
                with_rows(&layer, &weights, |j| {
                    drawn(j).iter().map(|v| v - mean(j)).collect()
                }),
            ),
        ];
        assert_eq!(
            recompute(&with_rows(&layer, &weights, standard), &weights),
            Ok(())
        );
        for (name, layer) in forged {
            assert!(recompute(&layer, &weights).is_err(), "{name}");
        }
    }

    #[test]
    fn an_epsilon_that_hides_the_weight_is_refused() {
        let (weights, layer) = standardized();
        for epsilon in [1e30, 2e-5, -1e-6, f64::NAN, f64::INFINITY] {
            let silent = CapturedLayer {
                kind: LayerKind::StandardizedConvolution { epsilon },
                output: vec![0.0; layer.output.len()],
                ..layer.clone()
            };
            let refused = recompute(&silent, &weights).unwrap_err();
            assert!(refused.contains("epsilon"), "{refused}");
        }
    }

    #[test]
    fn a_weight_normed_layer_of_a_checkpoint_is_read_from_its_file() {
        let (_, mut layer) = weight_normed();
        let folder = tempfile::tempdir().unwrap();
        let direction: Vec<u8> = (1..=18_u8)
            .flat_map(|v| f32::from(v).to_le_bytes())
            .collect();
        let magnitude: Vec<u8> = [2.0_f32, 3.0, 4.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let view = |shape, bytes| TensorView::new(Dtype::F32, shape, bytes).unwrap();
        let tensors = [
            ("layer.weight_g", view(vec![3, 1, 1], &magnitude)),
            ("layer.weight_v", view(vec![3, 2, 3], &direction)),
        ];
        safetensors::serialize_to_file(tensors, None, &folder.path().join("model.safetensors"))
            .unwrap();
        layer.bias = None;
        layer.input = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        layer.columns = vec![1];
        // 3 · 7 / √(7² + … + 12²)
        layer.output = vec![21.0 / 559_f32.sqrt()];
        let weights = Weights::of_checkpoint(folder.path()).unwrap();
        assert_eq!(recompute(&layer, &weights), Ok(()));
        layer.output = vec![7.0 / 559_f32.sqrt()];
        assert!(recompute(&layer, &weights).is_err());
    }

    #[test]
    fn a_shape_that_no_weight_has_is_refused() {
        let (weights, mut layer) = weight_normed();
        for shape in [vec![3], vec![3, u64::MAX, u64::MAX], vec![]] {
            layer.shape = shape;
            assert!(recompute(&layer, &weights).is_err(), "{:?}", layer.shape);
        }
    }
}
