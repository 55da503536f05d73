//! Which users are held in memory, and which a crowd computes when a request names them.

use std::borrow::Cow;
use std::ops::Bound;

use uuid::Uuid;

use super::crowd::Crowd;
use crate::tenant::{Tenant, TenantError, User};

impl Tenant {
    /// Adds a crowd of up to 9,999,999 users, named `person-0000001` and so on in the first domain.
    #[must_use]
    pub fn crowd(mut self, seed: u64, users: u64) -> Self {
        let domain = self.domains.first().map_or("", String::as_str);
        self.crowd = Some(Crowd::new(seed, users.min(9_999_999), domain, self.id));
        self
    }

    /// Gives every user of the crowd a licence, by part number or id, and buys as many seats; a mistake
    /// in it is reported when the emulator starts.
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
        // Holding or releasing a user changes no count: every user of the crowd has a seat.
        *self.held.entry(id).or_default() += size;
        self
    }

    /// Whether some users are computed.
    pub(crate) fn has_crowd(&self) -> bool {
        self.crowd.is_some()
    }

    /// How many users there are.
    pub(crate) fn user_count(&self) -> u64 {
        let crowd = self.crowd.as_ref().map_or(0, |crowd| crowd.size - crowd.taken.len() as u64);
        self.users.len() as u64 + crowd
    }

    /// The id of the crowd's user with this name, unless held.
    pub(in crate::tenant) fn in_crowd(&self, key: &str) -> Option<Uuid> {
        let crowd = self.crowd.as_ref()?;
        let number = crowd.number(key)?;
        (!crowd.taken.contains(&number)).then(|| crowd.id(number))
    }

    /// Holds the crowd's user with this name; returns the id unless it was held already.
    pub(crate) fn hold(&mut self, key: &str) -> Option<Uuid> {
        let crowd = self.crowd.as_mut()?;
        let number = crowd.number(key)?;
        if !crowd.taken.insert(number) {
            return None;
        }
        let user = crowd.user(number);
        Some(self.insert_user(user))
    }

    /// Returns an unchanged user to the crowd.
    pub(crate) fn release(&mut self, id: Uuid) {
        let Some(crowd) = self.crowd.as_mut() else { return };
        let number = crowd.number(&id.to_string());
        if let (Some(number), Some(user)) = (number, self.users.remove(&id)) {
            self.index.remove_user(&user);
            crowd.taken.remove(&number);
        }
    }

    /// The users after an id, in the order of their ids, computed one by one.
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
    fn every_user_is_found_by_every_name_and_none_is_held() {
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
        assert_eq!((tenant.users.len(), tenant.user_count()), (1, 1_000_001));
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
        assert_eq!((tenant.users.len(), tenant.user_count()), (2, 1_000_001));
        tenant.release(id);
        assert_eq!((tenant.users.len(), tenant.user_count()), (1, 1_000_001));
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
