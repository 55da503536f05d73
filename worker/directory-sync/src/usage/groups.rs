//! Use by department, and no group so small that it shows what a person does.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apps::{Counts, Use};
use super::state::Window;
use crate::rows::usage_group::UsageGroup;

/// A tenant with more departments than this has one for each person.
const MOST: usize = 5_000;

/// People and their use, by department.
#[derive(Default)]
pub(crate) struct Groups {
    by_department: BTreeMap<Option<String>, (u64, Counts)>,
    /// Whether there are too many departments to show any.
    pub(crate) too_many: bool,
}

impl Groups {
    pub(crate) fn add(&mut self, department: Option<&str>, used: Use) {
        let department = department.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        if self.too_many {
            return;
        }
        if self.by_department.len() >= MOST && !self.by_department.contains_key(&department) {
            self.too_many = true;
            self.by_department.clear();
            return;
        }
        let (people, active) = self.by_department.entry(department).or_default();
        *people += 1;
        active.add(used);
    }

    /// A row for each department of at least so many people. The smaller ones are one row together; if even that is
    /// too small, or hides a single department that a sum would show, the next larger one joins them.
    pub(crate) fn rows(self, least: u64, window: &Arc<Window>) -> Vec<UsageGroup> {
        let mut groups: Vec<_> = self.by_department.into_iter().collect();
        groups.sort_by(|(one, (few, _)), (other, (many, _))| (few, one).cmp(&(many, other)));
        let (mut smaller, mut people, mut active) = (0, 0, Counts::default());
        let mut shown = Vec::new();
        for (department, (members, used)) in groups {
            let is_small = members < least;
            if is_small || (smaller > 0 && (people < least || smaller < 2)) {
                (smaller, people) = (smaller + 1, people + members);
                active.join(&used);
                continue;
            }
            let window = Arc::clone(window);
            shown.push(UsageGroup { department, smaller: 0, window, people: members, active: used });
        }
        // The order says nothing about use.
        shown.sort_by(|one, other| one.department.cmp(&other.department));
        if smaller > 0 && people >= least {
            let window = Arc::clone(window);
            shown.push(UsageGroup { department: None, smaller, window, people, active });
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::super::apps::{App, Facet, Platform};
    use super::super::state::WindowState;
    use super::*;

    fn rows(groups: &[(&str, u64)], least: u64) -> Vec<(Option<String>, u64, u64)> {
        let mut all = Groups::default();
        for (name, people) in groups {
            (0..*people).for_each(|_| all.add(Some(name), Use::of(App::Word, Platform::Web)));
        }
        let window = Window {
            length: 7,
            from: None,
            to: None,
            days: Vec::new(),
            expected: 0,
            state: WindowState::Complete,
            refresh_date: None,
        };
        let rows = all.rows(least, &Arc::new(window)).into_iter();
        rows.map(|row| {
            assert_eq!(row.active(Facet::suite()), row.people);
            (row.department, row.smaller, row.people)
        })
        .collect()
    }

    #[test]
    fn no_group_below_five_is_shown_and_none_can_be_found_by_subtraction() {
        let shown = |name: &str, people| (Some(name.to_owned()), 0, people);
        assert_eq!(rows(&[("A", 5), ("B", 9)], 5), [shown("A", 5), shown("B", 9)]);
        assert_eq!(rows(&[("A", 2), ("B", 4), ("C", 9)], 5), [shown("C", 9), (None, 2, 6)]);
        // The two people of A would be the difference between everyone and B and C.
        assert_eq!(rows(&[("A", 2), ("B", 6), ("C", 9)], 5), [shown("C", 9), (None, 2, 8)]);
        assert_eq!(rows(&[("A", 1), ("B", 1), ("C", 9), ("D", 10)], 5), [shown("D", 10), (None, 3, 11)]);
        assert_eq!(rows(&[("A", 1), ("B", 2)], 5), [], "too few to show anything");
        assert_eq!(rows(&[("A", 1), ("B", 2)], 1), [shown("A", 1), shown("B", 2)]);
    }

    #[test]
    fn a_department_for_each_person_is_no_group() {
        let mut all = Groups::default();
        (0..=MOST).for_each(|number| all.add(Some(&number.to_string()), Use::default()));
        assert!(all.too_many && all.by_department.is_empty());
    }
}
