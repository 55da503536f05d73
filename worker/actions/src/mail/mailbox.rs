//! Mailboxes: one that exists, one that Exchange still has to create, and none at all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use msgraph::{AutomaticReplies, LicenseDetails, ServicePlan, UserKey};
use outcome::{Left, Needs, Taken, TakenKind};

use crate::action::backoff;
use crate::licenses::subscriptions as licenses;
use crate::{Account, Error, Person, PersonRef, Plan, View, Wait};

/// When to look again for a mailbox that Exchange still has to create. Each wait is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// Most mailboxes exist within half an hour of the licence (seen in support threads, 2024). If the mailbox is still
/// missing then, an operator has to look into it; it may be kept on premises.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The default of `wait_for_mailbox`: Exchange creates no mailbox for somebody who leaves or is locked out.
pub const WAIT_UNLESS_LEAVING: (&str, &str) = (
    "wait_for_mailbox",
    "{{ event.type not in ['gatehouse.offboarding.requested.v1', 'gatehouse.access.revoke.requested.v1'] }}",
);

/// The defaults of most steps about a mailbox.
pub const DEFAULTS: &[(&str, &str)] = &[("user", "{{ person }}"), WAIT_UNLESS_LEAVING];

/// The value for steps that a worker prepared before `wait_for_mailbox` existed.
pub fn waits() -> bool {
    true
}

/// A person's mailbox.
pub enum Mailbox<T> {
    /// It exists.
    Present {
        /// The account.
        user: Account,
        /// What was read.
        seen: T,
    },
    /// An earlier step of this plan creates the account.
    ToBeCreated,
    /// The account has a licence with a mailbox, and Exchange has not created it yet.
    Awaited {
        /// The account.
        user: Account,
        /// How many looks found nothing before.
        looks: u32,
    },
    /// The account has a licence with a mailbox, but Graph reaches none, and waiting does not help: the mailbox is on
    /// premises, or Exchange did not create it.
    Unreachable {
        /// The account.
        user: Account,
    },
    /// Graph reaches none, and does not tell whether a licence of the account has one.
    Unknown {
        /// The account.
        user: Account,
    },
    /// The account has no licence with a mailbox.
    None {
        /// The account.
        user: Account,
    },
}

/// The automatic replies of a mailbox as they are, before a change.
pub fn replies_taken(mailbox: &Mailbox<AutomaticReplies>) -> Vec<Taken> {
    let Some((user, replies)) = mailbox.present() else { return Vec::new() };
    let taken = user.loses(TakenKind::AutomaticReply).zip(serde_json::to_value(replies).ok());
    taken.into_iter().map(|(taken, text)| taken.with_text(text)).collect()
}

impl<T> Mailbox<T> {
    /// The account and what was read, if the mailbox exists.
    pub fn present(&self) -> Option<(&Account, &T)> {
        match self {
            Self::Present { user, seen } => Some((user, seen)),
            Self::ToBeCreated | Self::Awaited { .. } | Self::Unreachable { .. } => None,
            Self::Unknown { .. } | Self::None { .. } => None,
        }
    }

    /// Reads a person's mailbox by `look`, which returns nothing if there is no mailbox. One that is missing is waited
    /// for only if the step `waits`, and if the licence that gives it is younger than a day.
    ///
    /// # Errors
    ///
    /// `user_not_found`.
    pub async fn look<F>(
        person: &PersonRef,
        waits: bool,
        graph: View<'_>,
        look: impl FnOnce(String) -> F,
    ) -> Result<Self, Error>
    where
        F: Future<Output = Result<Option<T>, Error>>,
    {
        let found = graph.person(person, &["id"]).await?;
        let (Account::Known(id), Person::Present(_)) = (found.account()?.0, &found) else {
            return Ok(Self::ToBeCreated);
        };
        let user = Account::Known(id.clone());
        if let Some(seen) = look(id.clone()).await? {
            return Ok(Self::Present { user, seen });
        }
        let licenses = graph.license_details(&id).await?;
        let giving: Vec<_> = licenses.iter().filter(|license| has_mailbox(license)).collect();
        if giving.is_empty() && licenses.iter().any(|license| license.service_plans.is_none()) {
            return Ok(Self::Unknown { user });
        }
        if giving.is_empty() {
            return Ok(Self::None { user });
        }
        if !waits || is_old(&giving, &id, graph).await? {
            return Ok(Self::Unreachable { user });
        }
        Ok(Self::Awaited { user, looks: backoff::looks(graph) })
    }

    /// The same mailbox, with another reading.
    pub fn map<U>(self, see: impl FnOnce(T) -> U) -> Mailbox<U> {
        match self {
            Self::Present { user, seen } => Mailbox::Present { user, seen: see(seen) },
            Self::ToBeCreated => Mailbox::ToBeCreated,
            Self::Awaited { user, looks } => Mailbox::Awaited { user, looks },
            Self::Unreachable { user } => Mailbox::Unreachable { user },
            Self::Unknown { user } => Mailbox::Unknown { user },
            Self::None { user } => Mailbox::None { user },
        }
    }

    /// What was read, or the plan of a step without a mailbox: nothing to do, or to wait.
    pub fn or_nothing<C>(&self) -> Result<(&Account, &T), Plan<C>> {
        match self {
            Self::Present { user, seen } => Ok((user, seen)),
            Self::ToBeCreated => Err(Plan::nothing()),
            Self::Awaited { user, looks } => Err(Plan::nothing().waiting(until_made(user, *looks))),
            Self::Unreachable { user } => Err(out_of_reach(user)),
            Self::Unknown { user } => Err(Plan::nothing().leaving(vec![licenses::unseen(user)])),
            Self::None { user } => Err(without_mailbox(user)),
        }
    }
}

/// The wait for a mailbox after this many looks.
fn until_made(user: &Account, looks: u32) -> Wait {
    // The writes depend on what the mailbox holds, so the plan names none.
    backoff::wait(FIRST_WAIT, looks, PATIENCE, format!("the mailbox of {user}"))
}

/// The plan of a step for a person without a mailbox.
fn without_mailbox<C>(user: &Account) -> Plan<C> {
    let detail = format!("{user} has no mailbox, and no licence that includes one");
    let left = vec![Left { code: "no_mailbox".to_owned(), detail, needs: Needs::Nobody }];
    Plan::nothing().leaving(left)
}

/// The plan of a step for a person whose mailbox the cloud does not reach.
fn out_of_reach<C>(user: &Account) -> Plan<C> {
    let detail = format!(
        "{user} has a licence with a mailbox, but Microsoft Graph reaches no mailbox; if it is on premises, do there by \
         hand what this step does"
    );
    let left = vec![Left { code: "mailbox_unreachable".to_owned(), detail, needs: Needs::Operator }];
    Plan::nothing().leaving(left)
}

/// Whether one of these licences was assigned so long ago that Exchange would have created the mailbox.
async fn is_old(giving: &[&LicenseDetails], user: &str, graph: View<'_>) -> Result<bool, Error> {
    let key = UserKey::Id(user.to_owned());
    let Some(seen) = graph.user(&key, &["id", "licenseAssignmentStates"]).await? else { return Ok(false) };
    let dates = seen.license_assignment_states.iter().flatten().filter_map(|state| {
        let gives = giving.iter().any(|license| license.sku_id.eq_ignore_ascii_case(&state.sku_id));
        state.last_updated_date_time.filter(|_| gives)
    });
    let patience = SignedDuration::try_from(PATIENCE).unwrap_or(SignedDuration::MAX);
    Ok(dates.min().is_some_and(|date| Timestamp::now().duration_since(date) > patience))
}

/// Names the permission that a refused change of settings or rules needs.
pub fn or_missing_settings(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "changing settings and rules of a mailbox needs MailboxSettings.ReadWrite, for this mailbox"
            .to_owned()
    })
}

/// Names the permission that a refused change of calendars needs.
pub fn or_missing_calendars(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "changing calendars needs Calendars.ReadWrite, for this mailbox".to_owned()
    })
}

fn has_mailbox(license: &LicenseDetails) -> bool {
    license.service_plans.iter().flatten().any(gives_mailbox)
}

/// Nearly every licence has an Exchange plan that is only a foundation for others, and an archive is no mailbox
/// (Microsoft Entra documentation, "Product names and service plan identifiers for licensing", 2026).
fn gives_mailbox(plan: &ServicePlan) -> bool {
    let name = plan.service_plan_name.as_deref().unwrap_or_default();
    let is_off =
        plan.provisioning_status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("Disabled"));
    let is_exchange =
        ["EXCHANGE_S_", "EXCHANGE_B_", "EXCHANGE_L_"].iter().any(|start| name.starts_with(start));
    is_exchange && !is_off && !name.contains("FOUNDATION") && !name.contains("ARCHIVE")
}

#[cfg(test)]
mod tests {
    use msgraph_emulator::{Emulator, Options, Sku, Tenant, User};
    use serde_json::{Value, json};
    use workflow::Earlier;

    use super::*;
    use crate::conformance::client::client;

    const GRACE: &str = "grace@contoso.example";

    fn tenant(plan: &str, mailbox: msgraph_emulator::Mailbox) -> Tenant {
        let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox);
        Tenant::empty().sku(Sku::new("SPE_E3", 1).plan(plan)).user(grace)
    }

    /// A look with these notes.
    async fn look(emulator: &Emulator, notes: &[Value]) -> Mailbox<()> {
        look_and_wait(emulator, true, notes).await
    }

    async fn look_and_wait(emulator: &Emulator, waits: bool, notes: &[Value]) -> Mailbox<()> {
        let (client, memo) = (client(emulator), json!(notes));
        let graph = View::new(client.reader(), Earlier::new(&[]), Some(&memo));
        let person = serde_json::from_value(GRACE.into()).unwrap();
        let look = async |id: String| Ok(graph.inbox_rules(&id).await?.map(|_| ()));
        Mailbox::look(&person, waits, graph, look).await.unwrap()
    }

    #[tokio::test]
    async fn a_mailbox_to_come_differs_from_none_at_all() {
        let there = tenant("EXCHANGE_S_STANDARD", msgraph_emulator::Mailbox::new());
        let there = Emulator::start(Options::new(there)).unwrap();
        assert!(matches!(look(&there, &[]).await, Mailbox::Present { .. }));
        let never = tenant("EXCHANGE_S_FOUNDATION", msgraph_emulator::Mailbox::new());
        let never = Emulator::start(Options::new(never)).unwrap();
        let plan = look(&never, &[]).await.or_nothing::<()>().err().unwrap();
        assert_eq!((plan.left[0].code.as_str(), plan.wait), ("no_mailbox", None));
    }

    #[tokio::test]
    async fn a_mailbox_to_come_is_waited_for_longer_each_time_and_never_longer_than_five_minutes() {
        let pending = tenant("EXCHANGE_S_STANDARD", msgraph_emulator::Mailbox::new().pending());
        let pending = Emulator::start(Options::new(pending)).unwrap();
        let (mut notes, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            let plan = look(&pending, &notes).await.or_nothing::<()>().err().unwrap();
            let wait = plan.wait.unwrap();
            assert!(plan.left.is_empty() && wait.reason.starts_with("the mailbox of user "), "{wait:?}");
            waits.push(wait.after.as_secs());
            notes = wait.notes;
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        let longest = Duration::from_secs(5 * 60);
        assert_eq!(until_made(&Account::Known("1".into()), u32::MAX).after, longest);
        pending.with_tenant(|tenant| tenant.finish_mailbox(GRACE)).unwrap();
        assert!(matches!(look(&pending, &notes).await, Mailbox::Present { .. }));
    }

    #[tokio::test]
    async fn who_leaves_is_not_waited_for_and_an_old_licence_gives_no_mailbox_any_more() {
        let pending = || tenant("EXCHANGE_S_STANDARD", msgraph_emulator::Mailbox::new().pending());
        let new = Emulator::start(Options::new(pending())).unwrap();
        assert!(matches!(look_and_wait(&new, true, &[]).await, Mailbox::Awaited { .. }));
        let plan = look_and_wait(&new, false, &[]).await.or_nothing::<()>().err().unwrap();
        assert_eq!((plan.left[0].code.as_str(), plan.wait), ("mailbox_unreachable", None));
        let mut old = pending();
        old.date_licenses(GRACE, "2026-01-05T08:00:00Z").unwrap();
        let old = Emulator::start(Options::new(old)).unwrap();
        assert!(matches!(look(&old, &[]).await, Mailbox::Unreachable { .. }));
    }

    #[test]
    fn few_exchange_plans_include_a_mailbox() {
        let gives = |name: &str, status: &str| {
            gives_mailbox(&ServicePlan {
                service_plan_name: Some(name.into()),
                provisioning_status: Some(status.into()),
                ..ServicePlan::default()
            })
        };
        assert!(gives("EXCHANGE_S_ENTERPRISE", "Success"));
        assert!(gives("EXCHANGE_S_STANDARD", "PendingProvisioning"));
        assert!(!gives("EXCHANGE_S_ENTERPRISE", "Disabled"));
        for name in ["EXCHANGE_S_FOUNDATION", "EXCHANGE_S_ARCHIVE_ADDON", "EXCHANGE_ANALYTICS", "TEAMS1"] {
            assert!(!gives(name, "Success"), "{name}");
        }
    }
}
