//! Generated users: the same seed and number add the same users.

use super::crowd::{COUNTRIES, DEPARTMENTS};
use crate::random::Numbers;
use crate::tenant::{Group, Tenant, TenantError, User};

impl Tenant {
    /// Adds this many users, and a group for each of their departments.
    ///
    /// # Errors
    ///
    /// A generated name is taken already.
    pub fn grow(&mut self, seed: u64, users: u64) -> Result<(), TenantError> {
        let mut numbers = Numbers::new(seed);
        let domain = self.domains.first().cloned().unwrap_or_default();
        let mut departments: Vec<(&str, Group)> =
            DEPARTMENTS.iter().map(|&name| (name, Group::security(&format!("Department {name}")))).collect();
        for number in 1..=users {
            let department = numbers.pick(&DEPARTMENTS);
            let upn = format!("person-{number:07}@{domain}");
            let user = User::new(&upn, &format!("Person {number}"))
                .with("mail", upn.as_str())
                .with("employeeId", format!("P{number:07}"))
                .with("department", department)
                .located(numbers.pick(&COUNTRIES));
            let id = self.add_user(user)?;
            if let Some((_, group)) = departments.iter_mut().find(|(name, _)| *name == department) {
                group.wishes.members.push(id.to_string());
            }
        }
        for (_, group) in departments {
            if !group.wishes.members.is_empty() {
                self.add_group(group)?;
            }
        }
        Ok(())
    }
}
