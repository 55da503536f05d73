//! Random moments that are the same in every run.

/// A stream of numbers that follows from a seed (xorshift64).
pub struct Random(u64);

impl Random {
    /// Equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        // xorshift stands still at zero.
        Self(seed.max(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let span = u64::try_from(most - least).unwrap() + 1;
        least + usize::try_from(self.0 % span).unwrap()
    }
}
