use sha2::{Digest, Sha256};

/// Odd constant of `SplitMix64`: 2^64 divided by the golden ratio. Steele, Lea, Flood: *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014; the three constants of the mix are from the same paper's reference code.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The counter-based generator of weights: the value at an index depends on the nonce, the name of the parameter and the
/// index alone, so one element can be computed without those before it. The worker has the same one
/// (`python/assay/weights/generator.py`); test vectors hold the two together.
#[derive(Debug, Clone, Copy)]
pub struct Generator {
    key: u64,
}

impl Generator {
    /// The generator of one named stream under a nonce.
    #[must_use]
    pub fn new(nonce: u64, name: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(nonce.to_le_bytes())
            .chain_update(name.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self {
            key: u64::from_le_bytes(first),
        }
    }

    /// The word at an index: uniform over 64 bits.
    #[must_use]
    pub fn word(self, index: u64) -> u64 {
        let mut z = self
            .key
            .wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The variate at an index: mean 0, variance 1, bell-shaped, within ±3.47. The sum of the word's four 16-bit parts (Irwin–Hall),
    /// because sums of integers are the same on every machine, where a logarithm is not.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the sum is below 2^18, exact in f32"
    )]
    pub fn variate(self, index: u64) -> f32 {
        let word = self.word(index);
        let sum: i32 = (0..4)
            .map(|part| (word >> (16 * part) & 0xFFFF) as i32)
            .sum();
        (sum - 2 * 65535) as f32 * unit_scale()
    }
}

/// Four uniform integers below 2^16 have the variance 4 · (2^32 − 1) / 12; this is one over its root, rounded to f32 once.
fn unit_scale() -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is meant")]
    let scale = (3.0_f64 / (65536.0_f64 * 65536.0 - 1.0)).sqrt() as f32;
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_worker_on_the_test_vectors() {
        // From a third implementation (plain Python integers); the tests of the worker read the same file.
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/generator.json"))
                .expect("valid JSON");
        let rows = vectors.as_array().expect("a list");
        assert!(rows.len() >= 4);
        for row in rows {
            let nonce: u64 = row["nonce"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a number");
            let generator = Generator::new(nonce, row["name"].as_str().expect("text"));
            let index = row["index"].as_u64().expect("a number");
            assert_eq!(
                generator.word(index).to_string(),
                row["word"].as_str().expect("text"),
                "{row}"
            );
            assert_eq!(
                generator.variate(index).to_bits(),
                u32::try_from(row["variate_bits"].as_u64().expect("a number")).expect("32 bits"),
                "{row}"
            );
        }
    }

    #[test]
    fn variates_have_mean_zero_and_variance_one() {
        let generator = Generator::new(7, "embeddings.weight");
        let n = 100_000_u32;
        let values: Vec<f64> = (0..n)
            .map(|i| f64::from(generator.variate(u64::from(i))))
            .collect();
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n);
        // Three standard errors: 3/√n for the mean; for the variance 3·√((κ−1)/n) with κ = 2.7 for four summands.
        assert!(mean.abs() < 0.0095, "{mean}");
        assert!((variance - 1.0).abs() < 0.0124, "{variance}");
    }

    #[test]
    fn streams_differ_by_nonce_and_by_name() {
        let words = |nonce, name| {
            (0..8)
                .map(|i| Generator::new(nonce, name).word(i))
                .collect::<Vec<_>>()
        };
        assert_ne!(words(1, "a"), words(2, "a"));
        assert_ne!(words(1, "a"), words(1, "b"));
    }
}
