//! The one source of randomness: numbers that follow from a seed, and ids that cannot be guessed.

use uuid::Uuid;

/// A small generator with the same numbers in every start: xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero would stay zero forever.
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below one.
    pub(crate) fn fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let length = from.len() as u64;
        let index = self.next().checked_rem(length).unwrap_or_default();
        usize::try_from(index).ok().and_then(|index| from.get(index)).copied().unwrap_or_default()
    }
}

/// An id or a part of a secret that cannot be guessed, new in every start.
pub(crate) fn unguessable() -> Uuid {
    Uuid::new_v4()
}
