//! Mailboxes: one that is there, one that is on its way, and none at all.

use msgraph::{InboxRule, LicenseDetails, ServicePlan};
use workflow::{Left, Needs};

use crate::action::Plan;
use crate::error::Error;
use crate::person::{Account, Person, PersonRef, Reader};

/// A person's mailbox as it was seen.
pub enum Mailbox<T> {
    /// It is there, and this was seen in it.
    Present {
        /// Whose.
        user: Account,
        /// What was seen.
        seen: T,
    },
    /// An earlier step of this plan is to make its account.
    Promised,
    /// The account has no licence with a mailbox.
    None {
        /// Whose it would be.
        user: Account,
    },
}

impl<T> Mailbox<T> {
    /// Looks into a person's mailbox, as `look` does; it sees nothing where there is no mailbox.
    ///
    /// # Errors
    ///
    /// [`Error::MailboxNotReady`] where the person is licensed for a mailbox and has none yet; `user_not_found`.
    pub async fn look<F>(
        person: &PersonRef,
        graph: Reader<'_>,
        look: impl FnOnce(String) -> F,
    ) -> Result<Self, Error>
    where
        F: Future<Output = Result<Option<T>, Error>>,
    {
        let found = graph.person(person, &["id"]).await?;
        let (Account::Known(id), Person::Present(_)) = (found.account()?.0, &found) else {
            return Ok(Self::Promised);
        };
        let user = Account::Known(id.clone());
        if let Some(seen) = look(id.clone()).await? {
            return Ok(Self::Present { user, seen });
        }
        if graph.license_details(&id).await?.iter().any(has_mailbox) {
            return Err(Error::MailboxNotReady(id));
        }
        Ok(Self::None { user })
    }

    /// What is seen of the mailbox, or else the plan of a step that finds none.
    pub fn or_nothing<C>(&self) -> Result<(&Account, &T), Plan<C>> {
        match self {
            Self::Present { user, seen } => Ok((user, seen)),
            Self::Promised => Err(Plan::nothing()),
            Self::None { user } => Err(without_mailbox(user)),
        }
    }
}

/// The plan of a step for somebody who has no mailbox.
fn without_mailbox<C>(user: &Account) -> Plan<C> {
    let detail = format!("{user} has no mailbox, and no licence that would give one");
    let left = vec![Left { code: "no_mailbox".to_owned(), detail, needs: Needs::Nobody }];
    Plan { left, ..Plan::nothing() }
}

/// The name by which Gatehouse finds the rule again that it made.
pub const FORWARDING: &str = "Gatehouse: forward mail";

/// Whether a rule is the one by which Gatehouse forwards.
pub fn is_forwarding(rule: &InboxRule) -> bool {
    rule.display_name.as_deref() == Some(FORWARDING)
}

/// Names the permission that a refused change of settings or rules is missing.
pub fn or_missing_settings(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "changing settings and rules of a mailbox needs MailboxSettings.ReadWrite, for this mailbox"
            .to_owned()
    })
}

/// Names the permission that a refused change of calendars is missing.
pub fn or_missing_calendars(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "changing calendars needs Calendars.ReadWrite, for this mailbox".to_owned()
    })
}

fn has_mailbox(license: &LicenseDetails) -> bool {
    license.service_plans.iter().any(gives_mailbox)
}

/// Nearly every licence has a plan of Exchange that is only the ground others stand on, and an archive is no mailbox
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
    use std::sync::Arc;

    use msgraph::{Client, Observer, Settings};
    use msgraph_emulator::{Emulator, Options, Sku, Tenant, User};
    use workflow::{Earlier, Failure};

    use super::*;

    const GRACE: &str = "grace@contoso.example";

    struct Quiet;

    impl Observer for Quiet {}

    fn client(emulator: &Emulator) -> Client {
        let application = emulator.application();
        let settings = Settings {
            login_url: emulator.url(),
            graph_url: emulator.url(),
            ..Settings::new(application.tenant_id, application.client_id, application.client_secret.into())
        };
        Client::new(settings, Arc::new(Quiet)).unwrap()
    }

    /// What is seen of the mailbox of somebody with this licence.
    async fn looked(sku: Sku, is_pending: bool) -> Result<Mailbox<()>, Failure> {
        let mailbox = msgraph_emulator::Mailbox::new();
        let mailbox = if is_pending { mailbox.pending() } else { mailbox };
        let grace = User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox);
        let emulator = Emulator::start(Options::new(Tenant::empty().sku(sku).user(grace))).unwrap();
        let client = client(&emulator);
        let graph = Reader::new(client.reader(), Earlier::new(&[]), None);
        let person = serde_json::from_value(GRACE.into()).unwrap();
        let look = async |id: String| Ok(graph.inbox_rules(&id).await?.map(|_| ()));
        Mailbox::look(&person, graph, look).await.map_err(Failure::from)
    }

    #[tokio::test]
    async fn a_mailbox_to_come_is_told_from_none_at_all() {
        let sku = |plan: &str| Sku::new("SPE_E3", 1).plan(plan);
        let there = looked(sku("EXCHANGE_S_STANDARD"), false).await.unwrap();
        assert!(matches!(there, Mailbox::Present { .. }));
        let never = looked(sku("EXCHANGE_S_FOUNDATION"), false).await.unwrap();
        assert!(matches!(never, Mailbox::None { .. }));
        let failure = looked(sku("EXCHANGE_S_STANDARD"), true).await.err().unwrap();
        assert_eq!((failure.class, failure.code.as_str()), (workflow::Class::Retry, "mailbox_not_ready"));
        assert!(failure.retry_after.is_some_and(|wait| wait.as_secs() >= 60), "{failure:?}");
    }

    #[test]
    fn few_plans_of_exchange_come_with_a_mailbox() {
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
