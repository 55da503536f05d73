//! Which users changed, in order: the source of delta answers.

use uuid::Uuid;

/// Every change since the start, the ids only.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    touched: Vec<Uuid>,
    /// How often all earlier tokens were expired.
    pub(crate) epoch: u32,
}

impl History {
    /// How many changes there were.
    pub(crate) fn len(&self) -> usize {
        self.touched.len()
    }

    /// The users changed between two counts of changes; `None` beyond the last change.
    pub(crate) fn between(&self, from: usize, to: usize) -> Option<&[Uuid]> {
        self.touched.get(from..to)
    }

    pub(in crate::tenant) fn touch(&mut self, user: Uuid) {
        self.touched.push(user);
    }
}
