//! A crowd: users computed from a seed and a number, so that a tenant of a million needs no memory.
//!
//! A user of the crowd is held in memory only while a request that names it runs, and for good from its
//! first change. Ids hold the number and come in its order, so that a page is a range of
//! numbers and a user is found by id, name, address or employee id without looking at any other. The
//! users of a crowd have no group and no manager until a request changes that, and no licence but
//! the one the whole crowd has.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::user::Direct;
use super::user::User;
use crate::clock::CREATED;
use crate::random::Numbers;

/// The first two bits of an id's second half (RFC 9562).
const VARIANT: u64 = 1 << 63;

pub(super) const DEPARTMENTS: [&str; 8] =
    ["Engineering", "Research", "Sales", "Finance", "Legal", "Support", "Marketing", "Operations"];
pub(super) const COUNTRIES: [&str; 6] = ["DE", "FR", "GB", "NL", "SE", "US"];

#[derive(Clone, Debug)]
pub(in crate::tenant) struct Crowd {
    pub(super) seed: u64,
    pub(super) size: u64,
    pub(super) domain: String,
    /// The first half of every id.
    pub(super) family: u64,
    /// The numbers of users held, and of those deleted since.
    pub(super) taken: BTreeSet<u64>,
    /// The licence of every user.
    pub(super) license: Option<Uuid>,
}

impl Crowd {
    pub(super) fn new(seed: u64, size: u64, domain: &str, tenant: Uuid) -> Self {
        let (family, _) = Uuid::new_v5(&tenant, format!("crowd/{seed}").as_bytes()).as_u64_pair();
        let domain = domain.to_owned();
        Self { seed, size, domain, family, taken: BTreeSet::new(), license: None }
    }

    /// The number of the user with this id, name, address or employee id.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let number = match Uuid::try_parse(key) {
            Ok(id) => {
                let (family, rest) = id.as_u64_pair();
                (family == self.family && rest & VARIANT != 0).then_some(rest & !VARIANT)
            }
            Err(_) => {
                let key = key.to_lowercase();
                let digits = match key.split_once('@') {
                    Some((local, domain)) if domain == self.domain.to_lowercase() => {
                        local.strip_prefix("person-")
                    }
                    Some(_) => None,
                    None => key.strip_prefix('p'),
                };
                // A number has one spelling only.
                digits.filter(|digits| digits.len() == 7).and_then(|digits| digits.parse().ok())
            }
        };
        number.filter(|number| (1..=self.size).contains(number))
    }

    pub(super) fn id(&self, number: u64) -> Uuid {
        Uuid::from_u64_pair(self.family, VARIANT | number)
    }

    pub(super) fn user(&self, number: u64) -> User {
        let mut numbers = Numbers::new(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let upn = format!("person-{number:07}@{}", self.domain);
        let mut user = User::new(&upn, &format!("Person {number}")).id(self.id(number));
        let properties = [
            ("mail", upn.as_str()),
            ("employeeId", &format!("P{number:07}")),
            ("department", numbers.pick(&DEPARTMENTS)),
            ("usageLocation", numbers.pick(&COUNTRIES)),
        ];
        for (name, value) in properties {
            // Entra accepts each of them, as the tests of `held` show.
            let _ = user.write(name, &json!(value));
        }
        if let Some(sku) = self.license {
            user.direct.insert(sku, Direct { disabled: BTreeSet::new(), since: CREATED.to_owned() });
        }
        user
    }

    /// The users after an id that are not held, computed one by one.
    pub(super) fn after(&self, last: Option<Uuid>) -> impl Iterator<Item = User> {
        let first = last.map_or(1, |last| {
            let (family, rest) = last.as_u64_pair();
            match family.cmp(&self.family) {
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Greater => self.size + 1,
                std::cmp::Ordering::Equal => rest.checked_sub(VARIANT).map_or(1, |number| number + 1),
            }
        });
        let numbers = (first..=self.size).filter(|number| !self.taken.contains(number));
        numbers.map(|number| self.user(number))
    }
}
