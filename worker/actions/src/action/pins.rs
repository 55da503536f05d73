//! The right person: an account that the run has found once is found by its object id from then on.
//!
//! Names are given to other people and people come back while a run sleeps. So a reference means the account that it
//! meant at first, and an action that removes for good looks again whether the person has returned.

use jiff::{SignedDuration, Timestamp};
use msgraph::{User, UserKey};
use outcome::{Left, Outcome, Pinned};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use workflow::{Earlier, People};

use super::error::Error;
use super::person::PersonRef;

/// The namespace of the digests: references without names or addresses.
const DIGESTS: Uuid = Uuid::from_u128(0x0e6d_53f1_7c0b_4e0f_9d2a_51c8_66a3_b704);
/// How long a run may take before it counts as having slept, as one that waited for an operator has.
const A_LONG_TIME: SignedDuration = SignedDuration::from_hours(1);
/// How far the worker's clock and Graph's may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);

const CREATES: &str = "create_user";
const DISABLES: &str = "disable_account";
const ENABLES: &str = "enable_account";
const RENUMBERS: [&str; 2] = [CREATES, "update_user"];

/// What the run knows of people when a step looks for one.
#[derive(Clone, Copy)]
pub struct Pins<'a> {
    pub(super) people: &'a People,
    /// What the run had done when this attempt began.
    pub(super) before: Earlier<'a>,
    pub(super) first_seen: Timestamp,
    pub(super) first_sight: Option<Timestamp>,
    /// How often the run has slept.
    pub(super) sleeps: u32,
    /// Whether the action removes something for good.
    pub(super) removes_for_good: bool,
}

impl Pins<'_> {
    /// The account that this person was, when the run looked first.
    pub(super) fn find(&self, person: &PersonRef) -> Option<Pinned> {
        let find = |reference: String| self.people.find(&digest(&reference));
        find(person.reference()).or_else(|| find(reference_of(person.key())))
    }

    /// The properties to read besides, at first sight and later.
    pub(super) fn select<'s>(&self, select: &[&'s str], is_first: bool) -> Vec<&'s str> {
        let mut all = select.to_vec();
        let looks_again = self.looks_again();
        let more = [
            ("employeeId", true),
            ("userPrincipalName", is_first),
            ("accountEnabled", is_first || looks_again),
            ("createdDateTime", looks_again),
        ];
        for (property, is_needed) in more {
            if is_needed && !all.contains(&property) {
                all.push(property);
            }
        }
        all
    }

    /// Remembers the account that a reference means, under every identifier of the reference that the account has, and
    /// what was noticed at its first sight.
    pub(super) fn pin(&self, person: &PersonRef, user: &User, notices: &[Left]) {
        let mut references = vec![digest(&person.reference())];
        let verified = person.keys().filter(|key| is_of(key, user));
        references.extend(verified.map(|key| digest(&reference_of(&key))));
        references.dedup();
        self.people.pin(Pinned {
            object_id: user.id.clone(),
            references,
            employee_id: user.employee_id.as_deref().map(digest),
            was_disabled: user.account_enabled == Some(false),
            notices: notices.to_vec(),
        });
    }

    /// Refuses a pinned account that has become somebody else's.
    pub(super) fn check_number(
        &self,
        person: &PersonRef,
        pinned: &Pinned,
        user: &User,
        earlier: Earlier<'_>,
    ) -> Result<(), Error> {
        let Some(number) = user.employee_id.as_deref() else { return Ok(()) };
        let is_known = person.employee_id.is_some() || pinned.employee_id.is_some();
        let fits = person.employee_id.as_deref() == Some(number)
            || pinned.employee_id.as_deref() == Some(digest(number).as_str());
        let is_renumbered =
            RENUMBERS.iter().any(|action| earlier.outcome_of(action) == Some(Outcome::Changed));
        if fits || !is_known || is_renumbered {
            return Ok(());
        }
        let detail = format!(
            "user {} has another employee id than when the run began, so it is somebody else's account now; find out \
             whose it is, correct it and replay the dead letter, or discard it",
            user.id
        );
        Err(Error::blocked("person_changed", detail))
    }

    /// Whether the name by which the account was found can show who has it now.
    pub(super) fn had_name(&self, person: &PersonRef, pinned: &Pinned) -> bool {
        !matches!(person.key(), UserKey::Id(_))
            && pinned.references.contains(&digest(&reference_of(person.key())))
    }

    /// Refuses what removes for good if the account was disabled before the run paused, and is enabled again; or if
    /// it is newer than the run.
    pub(super) fn check_returned(&self, user: &User, was_disabled: bool) -> Result<(), Error> {
        if !self.looks_again() {
            return Ok(());
        }
        // A run that waited for its date began on that day: the hire that came with a planned end was made before.
        let began = self.first_sight.unwrap_or(self.first_seen);
        let is_newer =
            user.created_date_time.is_some_and(|created| created.duration_since(began) > CLOCKS_APART);
        if is_newer && self.before.outcome_of(CREATES).is_none() {
            let detail = format!(
                "user {} was created after the run began, so it is another person's account; discard the dead letter, \
                 or publish an event with the object id of the account that is meant",
                user.id
            );
            return Err(Error::blocked("person_changed", detail));
        }
        let was_disabled = match self.before.last_done(&[DISABLES, ENABLES]) {
            Some(action) => action == DISABLES,
            None => was_disabled,
        };
        if was_disabled && user.account_enabled != Some(false) {
            let detail = format!(
                "user {} was disabled and is enabled again, so the person may have returned and nothing is removed for \
                 good; discard the dead letter, or disable the account and replay it",
                user.id
            );
            return Err(Error::blocked("person_returned", detail));
        }
        Ok(())
    }

    fn looks_again(&self) -> bool {
        let has_paused = self.sleeps > 0 || Timestamp::now().duration_since(self.first_seen) > A_LONG_TIME;
        self.removes_for_good && has_paused
    }
}

/// The object id of the account that the run has found for a person with these identifiers; nothing if it has found
/// none.
pub fn account_of(person: &Value, people: &People) -> Option<String> {
    let person = PersonRef::deserialize(person).ok()?;
    let references = std::iter::once(person.reference()).chain(person.keys().map(|key| reference_of(&key)));
    let pinned = references.map(|reference| digest(&reference)).find_map(|digest| people.find(&digest))?;
    Some(pinned.object_id)
}

/// The refusal of a step for an account that is gone, whose name somebody else has.
pub(super) fn replaced(gone: &Pinned, other: &User) -> Error {
    let detail = format!(
        "user {}, whom the run began with, is gone, and user {} has the name now; restore the former and replay the \
         dead letter, or discard it",
        gone.object_id, other.id
    );
    Error::blocked("person_changed", detail)
}

/// Whether the employee id of a pinned account is this one.
pub(super) fn has_number(pinned: &Pinned, number: &str) -> bool {
    pinned.employee_id.as_deref() == Some(digest(number).as_str())
}

/// A key as text. Entra compares names without regard to case.
pub(super) fn reference_of(key: &UserKey) -> String {
    match key {
        UserKey::Id(id) => format!("id {}", id.to_lowercase()),
        UserKey::Upn(upn) => format!("upn {}", upn.to_lowercase()),
        UserKey::EmployeeId(number) => format!("employee_id {number}"),
    }
}

fn is_of(key: &UserKey, user: &User) -> bool {
    match key {
        UserKey::Id(id) => user.id.eq_ignore_ascii_case(id),
        UserKey::Upn(upn) => {
            user.user_principal_name.as_ref().is_some_and(|its| its.to_lowercase() == upn.to_lowercase())
        }
        UserKey::EmployeeId(number) => user.employee_id.as_ref() == Some(number),
    }
}

fn digest(text: &str) -> String {
    Uuid::new_v5(&DIGESTS, text.as_bytes()).simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcome::Progress;

    #[test]
    fn an_account_is_newer_than_a_run_only_if_it_was_made_after_the_run_began() {
        let on_day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let user = User { id: "7".to_owned(), created_date_time: Some(on_day(5)), ..User::default() };
        let people = People::of(&Progress::new(on_day(0)));
        let pins = |first_sight| Pins {
            people: &people,
            before: Earlier::new(&[]),
            first_seen: on_day(0),
            first_sight,
            sleeps: 1,
            removes_for_good: true,
        };
        assert!(pins(Some(on_day(0))).check_returned(&user, false).is_err());
        assert!(pins(None).check_returned(&user, false).is_err(), "begun by a version that did not say");
        // A planned end that came with the hire, and waited for its date.
        assert!(pins(Some(on_day(60))).check_returned(&user, false).is_ok());
    }
}
