//! Which users are held in memory, and which a crowd computes when a request names them.

use std::borrow::Cow;
use std::ops::Bound;

use uuid::Uuid;

use super::columns::Listed;
use super::crowd::{Crowd, MOST_OFFERS, Offer};
use super::row::{License, Row, reports_of};
use crate::tenant::{AppliesTo, Group, Tenant, TenantError, User};

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
        let crowd = self.crowd.as_mut().filter(|crowd| !crowd.lifelike);
        let (Some(crowd), Some(id)) = (crowd, id) else {
            let problem = format!("a plain crowd or its SKU {sku} is not in the tenant");
            return self.note(Some(TenantError::new(problem)));
        };
        crowd.offer(vec![Offer::new(id, Uuid::nil(), None)]);
        let size = crowd.size;
        self.buy(id, size);
        self
    }

    /// Makes the users of the crowd differ as people do: guests, managers, blocked accounts, last sign-ins, and
    /// licences of the first six SKUs, given directly and by a group for each SKU. Buys as many seats as that takes.
    /// A tenant without a crowd is a mistake, reported when the emulator starts.
    #[must_use]
    pub fn lifelike(mut self) -> Self {
        if self.crowd.is_none() {
            return self.note(Some(TenantError::new("there is no crowd in the tenant")));
        }
        let of_users = self.skus.values().filter(|sku| sku.applies_to == AppliesTo::User);
        let skus: Vec<_> = of_users
            .take(MOST_OFFERS)
            .map(|sku| (sku.id, sku.part_number.clone(), sku.plans.first().map(|plan| plan.id)))
            .collect();
        let mut offers = Vec::new();
        for (sku, part_number, plan) in skus {
            let group = Group::security(&format!("Licensed for {part_number}")).licensing(&sku.to_string());
            match self.add_group(group) {
                Ok(group) => offers.push(Offer::new(sku, group, plan)),
                Err(error) => self = self.note(Some(error)),
            }
        }
        let ids: Vec<Uuid> = offers.iter().map(|offer| offer.sku).collect();
        let mut seats = [0; MOST_OFFERS];
        if let Some(crowd) = self.crowd.as_mut() {
            crowd.lifelike = true;
            crowd.offer(offers);
            for row in crowd.after(None) {
                for (at, seats) in seats.iter_mut().enumerate() {
                    *seats += u64::from(!matches!(row.license(at), License::None | License::Failed));
                }
            }
        }
        for (id, seats) in ids.into_iter().zip(seats) {
            self.buy(id, seats);
        }
        self
    }

    /// Buys seats that users of the crowd occupy. Holding or releasing such a user changes no count.
    fn buy(&mut self, id: Uuid, seats: u64) {
        if let Some(sku) = self.skus.get_mut(&id) {
            sku.enabled += seats;
        }
        *self.held.entry(id).or_default() += seats;
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
        let user = Row::new(crowd, number).user();
        for group in &user.member_of {
            if let Some(group) = self.groups.get_mut(group) {
                group.members.insert(user.id);
            }
        }
        Some(self.insert_user(user))
    }

    /// Returns an unchanged user to the crowd.
    pub(crate) fn release(&mut self, id: Uuid) {
        let Some(crowd) = self.crowd.as_mut() else { return };
        let number = crowd.number(&id.to_string());
        if let (Some(number), Some(user)) = (number, self.users.remove(&id)) {
            self.index.remove_user(&user);
            crowd.taken.remove(&number);
            for group in &user.member_of {
                if let Some(group) = self.groups.get_mut(group) {
                    group.members.remove(&id);
                }
            }
        }
    }

    /// The user with this id, held or computed.
    pub(crate) fn listed(&self, id: Uuid) -> Option<Listed<'_>> {
        let held = self.users.get(&id).map(Listed::Held);
        held.or_else(|| Some(Listed::Computed(self.crowd.as_ref()?.row_of(id)?)))
    }

    /// The user with this id, as if it were held.
    pub(crate) fn whole(&self, id: Uuid) -> Option<Cow<'_, User>> {
        self.listed(id).map(whole)
    }

    /// The users after an id, in the order of their ids, computed one by one.
    pub(crate) fn listed_after(&self, last: Option<Uuid>) -> impl Iterator<Item = Listed<'_>> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut held = self.users.range((start, Bound::Unbounded)).map(|(_, user)| user).peekable();
        let mut crowd = self.crowd.iter().flat_map(move |crowd| crowd.after(last)).peekable();
        std::iter::from_fn(move || {
            let held_first = match (held.peek(), crowd.peek()) {
                (Some(held), Some(computed)) => held.id < computed.id(),
                (held, _) => held.is_some(),
            };
            if held_first { held.next().map(Listed::Held) } else { crowd.next().map(Listed::Computed) }
        })
    }

    /// The people whose manager this is, held or computed.
    pub(crate) fn reports_of(&self, manager: Uuid) -> Vec<Uuid> {
        let held = self.users.values().filter(|user| user.manager == Some(manager)).map(|user| user.id);
        let crowd = self.crowd.iter().filter_map(|crowd| Some((crowd, crowd.number_of(manager)?)));
        let computed = crowd.flat_map(|(crowd, number)| {
            let reports = reports_of(number).map(|report| crowd.id(report));
            reports
                .filter_map(|id| crowd.row_of(id))
                .filter(|row| row.manager().is_some())
                .map(|row| row.id())
        });
        held.chain(computed).collect()
    }
}

fn whole(listed: Listed<'_>) -> Cow<'_, User> {
    match listed {
        Listed::Held(user) => Cow::Borrowed(user),
        Listed::Computed(row) => Cow::Owned(row.user()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Sku;

    /// The users after an id, each as if it were held.
    fn users_after(tenant: &Tenant, last: Option<Uuid>) -> impl Iterator<Item = Cow<'_, User>> {
        tenant.listed_after(last).map(whole)
    }

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
            users_after(&tenant, None).find(|user| user.upn.starts_with("person-")).unwrap().into_owned();
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
        let ids: Vec<Uuid> = users_after(&tenant, None).map(|user| user.id).collect();
        assert_eq!(ids.len(), 50);
        assert!(ids.is_sorted_by(|a, b| a < b) && !ids.contains(&gone));
        for (place, id) in ids.iter().enumerate() {
            let rest = users_after(&tenant, Some(*id)).map(|user| user.id);
            assert!(rest.eq(ids[place + 1..].iter().copied()), "after {id}");
        }
    }
}
