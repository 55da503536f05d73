//! Which users have changed, in order: what a delta tells from.

use uuid::Uuid;

/// Every change since the start, the ids only.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    touched: Vec<Uuid>,
    /// Counts how often everything before was made unknown.
    pub(crate) epoch: u32,
}

impl History {
    /// How many changes there were.
    pub(crate) fn len(&self) -> usize {
        self.touched.len()
    }

    /// Who changed from one count of changes to another; `None` where there were never so many.
    pub(crate) fn between(&self, from: usize, to: usize) -> Option<&[Uuid]> {
        self.touched.get(from..to)
    }

    pub(in crate::tenant) fn touch(&mut self, user: Uuid) {
        self.touched.push(user);
    }
}
