//! Tenants of any size from a seed: the same seed and size make the same tenant.

use crate::tenant::{Group, Tenant, TenantError, User};

pub(in crate::tenant) const DEPARTMENTS: [&str; 8] =
    ["Engineering", "Research", "Sales", "Finance", "Legal", "Support", "Marketing", "Operations"];
pub(in crate::tenant) const COUNTRIES: [&str; 6] = ["DE", "FR", "GB", "NL", "SE", "US"];

/// A small generator whose numbers never change: xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero would stay zero for ever.
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
        // 53 bits are what a double holds exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(in crate::tenant) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let length = from.len() as u64;
        let index = self.next().checked_rem(length).unwrap_or_default();
        usize::try_from(index).ok().and_then(|index| from.get(index)).copied().unwrap_or_default()
    }
}

impl Tenant {
    /// Adds this many users, and a group of every department that has some of them.
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
