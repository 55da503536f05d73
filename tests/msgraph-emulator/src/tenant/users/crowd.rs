//! A crowd: users computed from a seed and a number, so that a tenant of a million needs no memory.
//!
//! A user of the crowd is held in memory only while a request that names it runs, and for good from its
//! first change. Ids hold the number and come in its order, so that a page is a range of
//! numbers and a user is found by id, name, address or employee id without looking at any other. A plain crowd
//! has members without group or manager, and no licence but the one the whole crowd has; a lifelike one has guests,
//! managers, blocked accounts, and licences given directly and by groups.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use uuid::Uuid;

use super::row::{License, PARTNER, Row, day_number};
use super::sign_ins::SignIns;
use super::user::{Direct, Inherited, User};
use crate::clock::CREATED;

/// The first two bits of an id's second half (RFC 9562).
const VARIANT: u64 = 1 << 63;

pub(super) const DEPARTMENTS: [&str; 8] =
    ["Engineering", "Research", "Sales", "Finance", "Legal", "Support", "Marketing", "Operations"];
pub(super) const COUNTRIES: [&str; 6] = ["DE", "FR", "GB", "NL", "SE", "US"];
/// How many SKUs a lifelike crowd has.
pub(super) const MOST_OFFERS: usize = 6;

/// A SKU that users of the crowd have, and its parts of their JSON.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) sku: Uuid,
    /// The group that gives it.
    pub(super) group: Uuid,
    /// The first plan, which some have switched off.
    plan: Option<Uuid>,
    assigned: String,
    assigned_trimmed: String,
    direct: String,
    direct_trimmed: String,
    inherited: String,
    failed: String,
}

impl Offer {
    pub(super) fn new(sku: Uuid, group: Uuid, plan: Option<Uuid>) -> Self {
        let off: Vec<Uuid> = plan.into_iter().collect();
        let assigned = |off: &[Uuid]| json!({ "disabledPlans": off, "skuId": sku }).to_string();
        let state = |off: &[Uuid], group: Option<Uuid>, error: &str, state: &str| {
            json!({
                "assignedByGroup": group, "disabledPlans": off, "error": error,
                "lastUpdatedDateTime": CREATED, "skuId": sku, "state": state,
            })
            .to_string()
        };
        Self {
            sku,
            group,
            plan,
            assigned: assigned(&[]),
            assigned_trimmed: assigned(&off),
            direct: state(&[], None, "None", "Active"),
            direct_trimmed: state(&off, None, "None", "Active"),
            inherited: state(&[], Some(group), "None", "Active"),
            failed: state(&[], Some(group), "CountViolation", "Error"),
        }
    }
}

#[derive(Clone, Debug)]
pub(in crate::tenant) struct Crowd {
    pub(super) seed: u64,
    pub(super) size: u64,
    pub(super) domain: String,
    /// The first half of every id.
    pub(super) family: u64,
    /// The numbers of users held, and of those deleted since.
    pub(super) taken: BTreeSet<u64>,
    /// Whether users differ as people do.
    pub(super) lifelike: bool,
    /// The number of the day of the start; sign-ins are counted back from it.
    pub(super) today: u64,
    /// The licences users have, by the SKU's id.
    pub(super) offers: Vec<Offer>,
    /// The places of `offers`, by the group's id.
    pub(super) by_group: Vec<usize>,
}

impl Crowd {
    pub(super) fn new(seed: u64, size: u64, domain: &str, tenant: Uuid) -> Self {
        let (family, _) = Uuid::new_v5(&tenant, format!("crowd/{seed}").as_bytes()).as_u64_pair();
        Self {
            seed,
            size,
            domain: domain.to_owned(),
            family,
            taken: BTreeSet::new(),
            lifelike: false,
            today: day_number(Timestamp::now().to_zoned(TimeZone::UTC).date()),
            offers: Vec::new(),
            by_group: Vec::new(),
        }
    }

    /// Sets the licences users have.
    pub(super) fn offer(&mut self, offers: Vec<Offer>) {
        self.by_group = (0..offers.len()).collect();
        self.by_group.sort_by_key(|&at| offers.get(at).map(|offer| offer.group));
        self.offers = offers;
    }

    /// The number of the user with this id, name, address or employee id.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let number = match Uuid::try_parse(key) {
            Ok(id) => self.number_of(id),
            Err(_) => {
                let key = key.to_lowercase();
                let digits = match key.split_once('@') {
                    Some((local, domain)) if domain == self.domain.to_lowercase() || domain == PARTNER => {
                        let local = local.strip_prefix("person-");
                        local.map(|local| local.split('_').next().unwrap_or(local))
                    }
                    Some(_) => None,
                    None => key.strip_prefix('p'),
                };
                // A number has one spelling only.
                let digits = digits.filter(|digits| digits.len() == 7);
                let number = digits.and_then(|digits| digits.parse().ok());
                number.filter(|number| {
                    let row = Row::new(self, *number);
                    let mut names = ["userPrincipalName", "mail", "employeeId"].into_iter();
                    names.any(|name| row.text(name).is_some_and(|text| text.eq_ignore_ascii_case(&key)))
                })
            }
        };
        number.filter(|number| (1..=self.size).contains(number))
    }

    pub(super) fn number_of(&self, id: Uuid) -> Option<u64> {
        let (family, rest) = id.as_u64_pair();
        (family == self.family && rest & VARIANT != 0).then_some(rest & !VARIANT)
    }

    pub(super) fn id(&self, number: u64) -> Uuid {
        Uuid::from_u64_pair(self.family, VARIANT | number)
    }

    /// The user with this id, unless it is held or deleted.
    pub(super) fn row_of(&self, id: Uuid) -> Option<Row<'_>> {
        let number = self.number_of(id).filter(|number| (1..=self.size).contains(number))?;
        (!self.taken.contains(&number)).then(|| Row::new(self, number))
    }

    /// The users after an id that are not held, computed one by one.
    pub(super) fn after(&self, last: Option<Uuid>) -> impl Iterator<Item = Row<'_>> {
        let first = last.map_or(1, |last| {
            let (family, rest) = last.as_u64_pair();
            match family.cmp(&self.family) {
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Greater => self.size + 1,
                std::cmp::Ordering::Equal => rest.checked_sub(VARIANT).map_or(1, |number| number + 1),
            }
        });
        let numbers = (first..=self.size).filter(|number| !self.taken.contains(number));
        numbers.map(|number| Row::new(self, number))
    }
}

impl Row<'_> {
    /// The user as it is held.
    pub(super) fn user(&self) -> User {
        let text = |name: &str| self.text(name).unwrap_or_default();
        let mut user = User::new(&text("userPrincipalName"), &text("displayName")).id(self.id());
        user.fill(|name| self.text(name));
        user.enabled = self.is_enabled();
        user.synced = self.is_synced();
        user.created = text("createdDateTime");
        user.manager = self.manager().map(|manager| self.crowd.id(manager));
        user.sign_ins = self.sign_ins().map(|moments| {
            let [interactive, non_interactive, successful] = moments.map(super::row::Moment::text);
            SignIns { interactive, non_interactive, successful }
        });
        for (at, offer) in self.crowd.offers.iter().enumerate() {
            let license = self.license(at);
            if let License::Direct { .. } | License::Both = license {
                let trimmed = license == License::Direct { trimmed: true };
                let disabled = offer.plan.filter(|_| trimmed).into_iter().collect();
                user.direct.insert(offer.sku, Direct { disabled, since: CREATED.to_owned() });
            }
            if let License::Group | License::Both | License::Failed = license {
                let error = (license == License::Failed).then_some("CountViolation");
                let since = CREATED.to_owned();
                let inherited = Inherited { disabled: BTreeSet::new(), error, since };
                user.inherited.insert((offer.group, offer.sku), inherited);
                user.member_of.insert(offer.group);
            }
        }
        user
    }

    /// Writes `assignedLicenses`.
    pub(super) fn put_licenses(&self, out: &mut Vec<u8>) -> bool {
        let offers = self.crowd.offers.iter().enumerate();
        put_list(
            out,
            offers.filter_map(|(at, offer)| match self.license(at) {
                License::Direct { trimmed: true } => Some(offer.assigned_trimmed.as_str()),
                License::Direct { .. } | License::Group | License::Both => Some(offer.assigned.as_str()),
                License::Failed | License::None => None,
            }),
        )
    }

    /// Writes `licenseAssignmentStates`.
    pub(super) fn put_states(&self, out: &mut Vec<u8>) -> bool {
        let offers = self.crowd.offers.iter().enumerate();
        let direct = offers.filter_map(|(at, offer)| match self.license(at) {
            License::Direct { trimmed: true } => Some(offer.direct_trimmed.as_str()),
            License::Direct { .. } | License::Both => Some(offer.direct.as_str()),
            _ => None,
        });
        let by_group = self.crowd.by_group.iter();
        let inherited = by_group.filter_map(|&at| {
            let offer = self.crowd.offers.get(at)?;
            match self.license(at) {
                License::Group | License::Both => Some(offer.inherited.as_str()),
                License::Failed => Some(offer.failed.as_str()),
                _ => None,
            }
        });
        put_list(out, direct.chain(inherited))
    }
}

/// Writes a list of values that are JSON already.
fn put_list<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a str>) -> bool {
    out.push(b'[');
    let start = out.len();
    for value in values {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b']');
    true
}
