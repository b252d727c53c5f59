/// Odd constant of `SplitMix64`, and those of its mix: Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, OOPSLA 2014.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// Numbers that a seed draws: the same again for the same seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws(u64);

impl Draws {
    /// Those of one thing of many under a seed.
    pub(super) fn new(seed: u64, of: u64) -> Self {
        let mut first = Self(seed);
        Self(first.word() ^ of.wrapping_mul(GOLDEN_GAMMA))
    }

    /// The next 64 bits.
    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number above 0, up to 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a float64 holds"
    )]
    pub(super) fn fraction(&mut self) -> f64 {
        ((self.word() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}
