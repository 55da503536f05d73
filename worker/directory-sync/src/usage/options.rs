//! What a pass over usage reads, and how it shows people.

use super::privacy::Privacy;
use super::state::KnownDay;
use crate::licenses::prices::Prices;

/// What a pass over usage reads.
#[derive(Clone)]
pub struct UsageOptions {
    /// How many days, up to the last one with figures; 1 to 28.
    pub days: u8,
    /// Days that the caller has: they are read only if Microsoft may have other figures by now.
    pub known: Vec<KnownDay>,
    /// Whether to count over several days, by person. It needs memory for everyone who used something.
    pub by_person: bool,
    /// What of a person is shown.
    pub privacy: Privacy,
    /// What licences cost.
    pub prices: Prices,
}
