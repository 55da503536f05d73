//! A user as reports on usage know one: names, and whether there is any use to report.

use std::ops::Bound;

use jiff::civil::Date;
use uuid::Uuid;

use super::columns::Listed;
use super::row::{License, text_of};
use crate::tenant::{Tenant, User};

/// A user, listed or deleted.
#[derive(Clone, Debug)]
pub(crate) struct Person<'a> {
    listed: Listed<'a>,
    is_deleted: bool,
}

/// Where a pass over all people is: the last one seen, and whether that one was deleted.
pub(crate) type Place = Option<(bool, Uuid)>;

impl Tenant {
    /// The people after a place: every listed one, in the order of their ids, then the deleted ones.
    pub(crate) fn people_after(&self, place: Place) -> impl Iterator<Item = Person<'_>> {
        let (listed_after, deleted_after) = match place {
            None => (Some(None), Bound::Unbounded),
            Some((false, last)) => (Some(Some(last)), Bound::Unbounded),
            Some((true, last)) => (None, Bound::Excluded(last)),
        };
        let listed = listed_after.into_iter().flat_map(|last| self.listed_after(last));
        let deleted = self.deleted.range((deleted_after, Bound::Unbounded)).map(|(_, user)| user);
        let listed = listed.map(|listed| Person { listed, is_deleted: false });
        listed.chain(deleted.map(|user| Person { listed: Listed::Held(user), is_deleted: true }))
    }
}

impl<'a> Person<'a> {
    pub(crate) fn id(&self) -> Uuid {
        self.listed.id()
    }

    pub(crate) fn place(&self) -> Place {
        Some((self.is_deleted, self.id()))
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// Whether the person can use anything here: not blocked, not a guest, and with a licence.
    pub(crate) fn can_use(&self) -> bool {
        match &self.listed {
            Listed::Held(user) => {
                // A deleted user has left the groups that gave licences.
                let is_licensed = self.is_deleted
                    || !user.direct.is_empty()
                    || user.inherited.values().any(|inherited| inherited.error.is_none());
                user.enabled && user.text("userType") != Some("Guest") && is_licensed
            }
            Listed::Computed(row) => {
                let mut licenses = (0..row.crowd.offers.len()).map(|offer| row.license(offer));
                row.is_enabled()
                    && !row.is_guest()
                    && licenses.any(|license| !matches!(license, License::None | License::Failed))
            }
        }
    }

    /// The days from and to which the account is there; nothing stands for no bound. Those of a crowd are all older
    /// than any report.
    pub(crate) fn days(&self) -> (Option<Date>, Option<Date>) {
        let day = |moment: &str| moment.get(..10).and_then(|day| day.parse().ok());
        match &self.listed {
            Listed::Held(user) => (day(&user.created), user.deleted.as_deref().and_then(day)),
            Listed::Computed(_) => (None, None),
        }
    }

    /// Writes the user principal name; a deleted user's without the id before it.
    pub(crate) fn put_upn(&self, out: &mut Vec<u8>) {
        match &self.listed {
            Listed::Held(user) => out.extend_from_slice(self.held_upn(user).as_bytes()),
            Listed::Computed(row) => {
                text_of("userPrincipalName")(row, out);
            }
        }
    }

    fn held_upn<'b>(&self, user: &'b User) -> &'b str {
        let id = user.id.simple().to_string();
        let before = self.is_deleted.then(|| user.upn.strip_prefix(&id)).flatten();
        before.unwrap_or(&user.upn)
    }

    /// Writes a text property, if there is one.
    pub(crate) fn put_text(&self, name: &str, out: &mut Vec<u8>) {
        match &self.listed {
            Listed::Held(user) => out.extend_from_slice(user.text(name).unwrap_or_default().as_bytes()),
            Listed::Computed(row) => {
                text_of(name)(row, out);
            }
        }
    }

    /// The SKUs in force.
    pub(crate) fn skus(&self) -> Vec<Uuid> {
        match &self.listed {
            Listed::Held(user) => user.held_skus().into_iter().collect(),
            Listed::Computed(row) => {
                let offers = row.crowd.offers.iter().enumerate();
                let held =
                    offers.filter(|(at, _)| !matches!(row.license(*at), License::None | License::Failed));
                held.map(|(_, offer)| offer.sku).collect()
            }
        }
    }
}
