//! Which of the published limits hold: by the size of the tenant.

/// Which of the published limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) size: Size,
    pub(super) scale: u32,
}

/// Entra's sizes of a tenant: below 50 users, from 50 to 500, above 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Medium,
    Large,
}

impl Limits {
    /// The limits of a tenant below 50 users.
    #[must_use]
    pub fn small() -> Self {
        Self { size: Size::Small, scale: 1 }
    }

    /// The limits of a tenant from 50 to 500 users.
    #[must_use]
    pub fn medium() -> Self {
        Self { size: Size::Medium, ..Self::small() }
    }

    /// The limits of a tenant above 500 users; SharePoint's are those of more than 50,000 licences.
    #[must_use]
    pub fn large() -> Self {
        Self { size: Size::Large, ..Self::small() }
    }

    /// Divides every size and every time by this number: the rate stays, tests get short.
    /// `Retry-After` then has fractions of a second, as in a sample of Graph's documentation.
    #[must_use]
    pub fn scaled(mut self, times: u32) -> Self {
        self.scale = times.max(1);
        self
    }
}
