use serde_json::Value;

use crate::server::Fault;
use crate::server::answers::{Call, failed, invalid};
use crate::server::voice::Refused;
use crate::server::words::hash;

/// Numbers of a vector.
const NUMBERS: usize = 16;

impl Call {
    /// A vector a text.
    pub(super) fn embedded(&self, body: &Value) -> Result<Value, Refused> {
        let voice = self.voice().embeddings.ok_or_else(failed)?;
        let texts = (voice.texts)(body).filter(|texts| !texts.is_empty());
        let texts = texts.ok_or_else(|| invalid("there are no texts".into()))?;
        let mut vectors: Vec<Vec<f64>> = texts.iter().map(|text| vector(text)).collect();
        match self.settings.fault {
            Some(Fault::EmbeddingsAreConstant) => {
                vectors = vec![vector("the same"); texts.len()];
            }
            Some(Fault::EmbeddingsOutOfOrder) => vectors.reverse(),
            Some(Fault::EmbeddingsLoseOne) if texts.len() > 1 => {
                vectors.pop();
            }
            Some(Fault::EmbeddingsDependOnTheBatch) => {
                for vector in &mut vectors {
                    vector[0] += 0.1 * texts.len() as f64;
                    norm(vector);
                }
            }
            Some(Fault::EmbeddingsAreNotNormed) => {
                for number in vectors.iter_mut().flatten() {
                    *number *= 3.0;
                }
            }
            // JSON has no such number: it becomes null.
            Some(Fault::EmbeddingsAreNotNumbers) => vectors[0][0] = f64::NAN,
            _ => {}
        }
        Ok((voice.vectors)(&vectors, self.settings.fault))
    }
}

/// A vector of length 1 that depends on the text.
pub(in crate::server) fn vector(text: &str) -> Vec<f64> {
    let mut state = hash(text);
    let mut vector: Vec<f64> = (0..NUMBERS)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        })
        .collect();
    norm(&mut vector);
    vector
}

fn norm(vector: &mut [f64]) {
    let length = vector.iter().map(|its| its * its).sum::<f64>().sqrt();
    for number in vector {
        *number /= length;
    }
}
