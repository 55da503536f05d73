//! A crowd: users computed from a seed and a number, so that a tenant of a million needs no memory.
//!
//! A user of the crowd is held only while a request that names it is carried out, and from the first
//! change on that names it. Ids hold the number and come in its order, so that a page is a range of
//! numbers and a user is found by id, name, address or employee id without looking at any other. The
//! users of a crowd are in no group and have no manager until somebody changes that, and no licence but
//! the one the whole crowd has.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::json;
use uuid::Uuid;

use crate::clock::CREATED;
use crate::tenant::users::seed::{COUNTRIES, DEPARTMENTS, Numbers};
use crate::tenant::users::user::Direct;
use crate::tenant::{Tenant, TenantError, User};

/// The first two bits of an id's second half, as RFC 9562 wants them.
const VARIANT: u64 = 1 << 63;

#[derive(Clone, Debug)]
pub(in crate::tenant) struct Crowd {
    seed: u64,
    size: u64,
    domain: String,
    /// The first half of every id.
    family: u64,
    /// The numbers of those who are held, or were and are deleted.
    taken: BTreeSet<u64>,
    /// The licence everybody has.
    license: Option<Uuid>,
}

impl Crowd {
    fn new(seed: u64, size: u64, domain: &str, tenant: Uuid) -> Self {
        let (family, _) = Uuid::new_v5(&tenant, format!("crowd/{seed}").as_bytes()).as_u64_pair();
        let domain = domain.to_owned();
        Self { seed, size, domain, family, taken: BTreeSet::new(), license: None }
    }

    /// The number of the user who has this as an id, a name, an address or an employee id.
    fn number(&self, key: &str) -> Option<u64> {
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
                // A number is spelled in one way only.
                digits.filter(|digits| digits.len() == 7).and_then(|digits| digits.parse().ok())
            }
        };
        number.filter(|number| (1..=self.size).contains(number))
    }

    fn id(&self, number: u64) -> Uuid {
        Uuid::from_u64_pair(self.family, VARIANT | number)
    }

    fn user(&self, number: u64) -> User {
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
            // Each is one Entra takes, as the test below shows.
            let _ = user.write(name, &json!(value));
        }
        if let Some(sku) = self.license {
            user.direct.insert(sku, Direct { disabled: BTreeSet::new(), since: CREATED.to_owned() });
        }
        user
    }

    /// The users after an id that are not held, computed one by one.
    fn after(&self, last: Option<Uuid>) -> impl Iterator<Item = User> {
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

impl Tenant {
    /// Adds a crowd of up to 9,999,999 users, named `person-0000001` and so on in the first domain.
    #[must_use]
    pub fn crowd(mut self, seed: u64, users: u64) -> Self {
        let domain = self.domains.first().map_or("", String::as_str);
        self.crowd = Some(Crowd::new(seed, users.min(9_999_999), domain, self.id));
        self
    }

    /// Gives everybody of the crowd a licence, by part number or id, and buys as many seats; what is wrong
    /// with it is reported when the emulator starts.
    #[must_use]
    pub fn crowd_licensed(mut self, sku: &str) -> Self {
        let id = self.sku_id(sku);
        let (Some(crowd), Some(id)) = (self.crowd.as_mut(), id) else {
            let problem = format!("the crowd or its SKU {sku} is not in the tenant");
            return self.note(Some(TenantError::new(problem)));
        };
        crowd.license = Some(id);
        let size = crowd.size;
        if let Some(sku) = self.skus.get_mut(&id) {
            sku.enabled += size;
        }
        // Being held or given back changes no count: a seat is taken by whoever is in the crowd.
        *self.held.entry(id).or_default() += size;
        self
    }

    /// Whether some users are computed.
    pub(crate) fn has_crowd(&self) -> bool {
        self.crowd.is_some()
    }

    /// How many users are held in memory: all but those of a crowd that nobody has changed.
    #[must_use]
    pub fn held_users(&self) -> usize {
        self.users.len()
    }

    /// How many users there are.
    pub(crate) fn user_count(&self) -> u64 {
        let crowd = self.crowd.as_ref().map_or(0, |crowd| crowd.size - crowd.taken.len() as u64);
        self.users.len() as u64 + crowd
    }

    /// The id of the user of the crowd who is named this and is not held.
    pub(in crate::tenant) fn in_crowd(&self, key: &str) -> Option<Uuid> {
        let crowd = self.crowd.as_ref()?;
        let number = crowd.number(key)?;
        (!crowd.taken.contains(&number)).then(|| crowd.id(number))
    }

    /// Holds the user of the crowd who is named this, unless held already; hands back the id.
    pub(crate) fn hold(&mut self, key: &str) -> Option<Uuid> {
        let crowd = self.crowd.as_mut()?;
        let number = crowd.number(key)?;
        if !crowd.taken.insert(number) {
            return None;
        }
        let user = crowd.user(number);
        Some(self.insert_user(user))
    }

    /// Gives a user whom nobody has changed back to the crowd.
    pub(crate) fn release(&mut self, id: Uuid) {
        let Some(crowd) = self.crowd.as_mut() else { return };
        let number = crowd.number(&id.to_string());
        if let (Some(number), Some(user)) = (number, self.users.remove(&id)) {
            self.index.remove_user(&user);
            crowd.taken.remove(&number);
        }
    }

    /// The users after an id, in the order of their ids, computed as they are asked for.
    pub(crate) fn users_after(&self, last: Option<Uuid>) -> impl Iterator<Item = Cow<'_, User>> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut held = self.users.range((start, Bound::Unbounded)).map(|(_, user)| user).peekable();
        let mut crowd = self.crowd.iter().flat_map(move |crowd| crowd.after(last)).peekable();
        std::iter::from_fn(move || {
            let held_first = match (held.peek(), crowd.peek()) {
                (Some(held), Some(computed)) => held.id < computed.id,
                (held, _) => held.is_some(),
            };
            if held_first { held.next().map(Cow::Borrowed) } else { crowd.next().map(Cow::Owned) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Sku;

    fn tenant() -> Tenant {
        Tenant::empty().user(User::new("ada@contoso.example", "Ada Lovelace")).crowd(7, 1_000_000)
    }

    #[test]
    fn everybody_is_found_by_every_name_and_nobody_is_held() {
        let tenant = tenant();
        for number in [1, 2, 999, 500_000, 1_000_000] {
            let upn = format!("Person-{number:07}@Contoso.example");
            let id = tenant.user_id(&upn).unwrap();
            assert_eq!(tenant.user_id(&id.to_string()), Some(id));
            assert_eq!(tenant.in_crowd(&format!("P{number:07}")), Some(id));
        }
        for nobody in ["person-0000000", "person-1000001", "person-1", "person-00000001", "person-abcdefg"] {
            assert_eq!(tenant.user_id(&format!("{nobody}@contoso.example")), None, "{nobody}");
        }
        assert_eq!((tenant.held_users(), tenant.user_count()), (1, 1_000_001));
    }

    #[test]
    fn a_user_is_the_same_however_it_is_reached() {
        let mut tenant = tenant();
        let listed =
            tenant.users_after(None).find(|user| user.upn.starts_with("person-")).unwrap().into_owned();
        let id = tenant.hold(&listed.upn).unwrap();
        let properties = |user: &User| User::properties().map(|name| user.property(name)).collect::<Vec<_>>();
        assert_eq!(properties(&tenant.users[&id]), properties(&listed));
        assert!(
            ["mail", "employeeId", "department", "usageLocation"]
                .iter()
                .all(|name| listed.text(name).is_some())
        );
        assert_eq!(tenant.hold(&listed.upn), None, "held already");
        assert_eq!((tenant.held_users(), tenant.user_count()), (2, 1_000_001));
        tenant.release(id);
        assert_eq!((tenant.held_users(), tenant.user_count()), (1, 1_000_001));
    }

    #[test]
    fn a_licensed_crowd_takes_a_seat_each_and_gives_it_back() {
        let tenant = Tenant::empty().sku(Sku::new("EMS", 3)).crowd(7, 1_000).crowd_licensed("EMS");
        assert_eq!(tenant.check(), Ok(()));
        let mut tenant = tenant;
        let ems = tenant.sku_id("EMS").unwrap();
        assert_eq!((tenant.skus[&ems].enabled, tenant.consumed(ems)), (1_003, 1_000));
        let one = tenant.hold("person-0000001@contoso.example").unwrap();
        assert_eq!(tenant.consumed(ems), 1_000);
        tenant.assign_licenses(one, &[], &[ems]).unwrap();
        assert_eq!(tenant.consumed(ems), 999);
        let two = tenant.hold("person-0000002@contoso.example").unwrap();
        assert!(tenant.soft_delete(two));
        assert_eq!(tenant.consumed(ems), 998);
        assert!(Tenant::empty().crowd(7, 5).crowd_licensed("NOPE").check().is_err());
        assert!(Tenant::empty().sku(Sku::new("EMS", 3)).crowd_licensed("EMS").check().is_err());
    }

    #[test]
    fn the_crowd_and_the_held_are_listed_in_one_order_and_once() {
        let mut tenant = Tenant::empty().user(User::new("ada@contoso.example", "Ada Lovelace")).crowd(7, 50);
        tenant.hold("person-0000020@contoso.example").unwrap();
        let gone = tenant.hold("person-0000030@contoso.example").unwrap();
        assert!(tenant.soft_delete(gone));
        let ids: Vec<Uuid> = tenant.users_after(None).map(|user| user.id).collect();
        assert_eq!(ids.len(), 50);
        assert!(ids.is_sorted_by(|a, b| a < b) && !ids.contains(&gone));
        for (place, id) in ids.iter().enumerate() {
            let rest = tenant.users_after(Some(*id)).map(|user| user.id);
            assert!(rest.eq(ids[place + 1..].iter().copied()), "after {id}");
        }
    }
}
