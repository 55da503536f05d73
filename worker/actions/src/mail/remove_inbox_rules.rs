//! Makes true: the inbox has no rules but the one by which Gatehouse forwards.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`; after a pause `person_returned`, `person_changed`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** read-only rules, which an operator has to remove in Outlook or Exchange, with a note for each; the rule
//! of `forward_mail`, unless told to remove it; a person without a mailbox, with a note. Graph does not show forwarding
//! that is set on the mailbox itself (microsoft-graph-docs issue 9830, 2020): `mailbox_forwarding_unseen`, or
//! `mailbox_forwards` where the settings allow a look at the administration of Exchange.
//! **Idempotent because** it reads the rules and removes those it finds; "not found" counts as removed.

use std::fmt;

use msgraph::{InboxRule, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::forwarding_rule::is_forwarding;
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveInboxRules;

/// The person, and which rules to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// What to do with the rule of `forward_mail`.
    #[serde(default)]
    forwarding: Forwarding,
}

/// What to do with the rule of `forward_mail`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forwarding {
    /// Keep it: mail is still forwarded.
    #[default]
    Keep,
    /// Remove it like any other rule.
    Remove,
    /// Remove it alone: a person who comes back keeps the other rules.
    Only,
}

/// What is known of forwarding by the mailbox itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Itself {
    /// Nobody has looked.
    Unseen,
    /// It forwards nothing, or what an earlier step of this run told it to.
    Fine,
    /// It forwards mail.
    Forwards,
}

/// Removes a rule.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    rule: String,
}

impl Action for RemoveInboxRules {
    const NAME: &'static str = "remove_inbox_rules";
    const MAKES_TRUE: &'static str = "The inbox has no rules except that of `forward_mail`";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<(Vec<InboxRule>, Itself)>;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Self::Observed, Error> {
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            let Some(rules) = graph.inbox_rules(&id).await? else { return Ok(None) };
            Ok(Some((rules, Itself::look(&id, graph).await?)))
        })
        .await
    }

    fn plan(params: &Params, mailbox: &Self::Observed) -> Result<Plan<Remove>, Error> {
        let (user, (rules, itself)) = match mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        let stays = |rule: &&InboxRule| match params.forwarding {
            Forwarding::Keep => is_forwarding(rule),
            Forwarding::Remove => false,
            Forwarding::Only => !is_forwarding(rule),
        };
        for rule in rules.iter().filter(|rule| !stays(rule)) {
            match rule.is_read_only {
                Some(true) => left.push(read_only(user, rule)),
                _ => changes.push(Remove { user: user.clone(), rule: rule.id.clone() }),
            }
        }
        if params.forwarding != Forwarding::Only {
            left.extend(itself.left(user));
        }
        Ok(Plan::together(changes).leaving(left))
    }

    fn takes(mailbox: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let Some((user, (rules, _))) = mailbox.present() else { return Vec::new() };
        let gone = |rule: &&InboxRule| changes.iter().any(|change| change.rule == rule.id);
        let ours = |rule: &InboxRule| is_forwarding(rule);
        let taken = rules.iter().filter(gone).filter(|rule| !ours(rule)).filter_map(|rule| {
            let text = serde_json::to_value(rule).ok()?;
            Some(user.loses(TakenKind::InboxRule)?.with("rule", rule.id.clone()).with_text(text))
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.delete_inbox_rule(change.user.id()?, &change.rule).await;
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

impl Itself {
    async fn look(user: &str, graph: View<'_>) -> Result<Self, Error> {
        if graph.has_run("run_exchange_command") {
            return Ok(Self::Fine);
        }
        if !graph.administers_exchange() {
            return Ok(Self::Unseen);
        }
        match graph.administered_mailbox(user).await {
            Ok(mailbox) => {
                let forwards = mailbox.is_some_and(|mailbox| mailbox.forwards());
                Ok(if forwards { Self::Forwards } else { Self::Fine })
            }
            Err(error) if error.is_forbidden() || error.is_credentials() => Ok(Self::Unseen),
            Err(error) => Err(error.into()),
        }
    }

    fn left(self, user: &Account) -> Option<Left> {
        let how = "Set-Mailbox with -ForwardingAddress and -ForwardingSmtpAddress ends it";
        let (code, detail, needs) = match self {
            Self::Fine => return None,
            Self::Unseen => (
                "mailbox_forwarding_unseen",
                format!(
                    "Microsoft Graph does not show whether the mailbox of {user} itself forwards mail; look at it in the Exchange admin \
                     center, or set exchange.commands: {how}"
                ),
                Needs::Nobody,
            ),
            Self::Forwards => (
                "mailbox_forwards",
                format!("the mailbox of {user} itself forwards mail; {how}"),
                Needs::Operator,
            ),
        };
        Some(Left { code: code.to_owned(), detail, needs })
    }
}

fn read_only(user: &Account, rule: &InboxRule) -> Left {
    let detail = format!("inbox rule {} of {user} is read-only; remove it in Outlook or Exchange", rule.id);
    Left { code: "read_only_rule".to_owned(), detail, needs: Needs::Operator }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove inbox rule {} of {}", self.rule, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, name: &str) -> InboxRule {
        InboxRule { id: id.into(), display_name: Some(name.into()), ..InboxRule::default() }
    }

    fn plan(forwarding: Forwarding) -> (Vec<String>, Vec<String>) {
        let user = serde_json::from_value("ada@contoso.example".into()).unwrap();
        let seen = vec![
            rule("1", "Junk"),
            InboxRule { is_read_only: Some(true), ..rule("2", "Policy") },
            rule("3", crate::mail::forwarding_rule::FORWARDING),
        ];
        let seen = (seen, Itself::Forwards);
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let plan =
            RemoveInboxRules::plan(&Params { user, wait_for_mailbox: true, forwarding }, &mailbox).unwrap();
        let removed = plan.changes().map(|change| change.rule.clone()).collect();
        (removed, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn removable_rules_go_and_the_forwarding_one_goes_if_told() {
        let left = ["read_only_rule", "mailbox_forwards"].map(str::to_owned).to_vec();
        assert_eq!(plan(Forwarding::Keep), (vec!["1".to_owned()], left.clone()));
        assert_eq!(plan(Forwarding::Remove), (vec!["1".to_owned(), "3".to_owned()], left));
        assert_eq!(plan(Forwarding::Only), (vec!["3".to_owned()], Vec::new()));
    }

    #[tokio::test]
    async fn forwarding_by_the_mailbox_itself_is_said_where_it_cannot_be_seen_and_told_where_it_can() {
        use crate::conformance::bench::Bench;
        use crate::{Entry, Scenario};
        use msgraph_emulator::{Application, Mailbox as Box, Sku, Tenant, User};
        let left = async |forwards: bool, looks: bool| {
            let mailbox = if forwards { Box::new().forwarding("ada@elsewhere.example") } else { Box::new() };
            let ada = User::new("ada@contoso.example", "Ada Lovelace").located("GB").licensed("SPE_E3");
            let ada = ada.mailbox(mailbox);
            let application = Application::default().role("Exchange.ManageAsApp");
            let sku = Sku::new("SPE_E3", 1).plan("EXCHANGE_S_ENTERPRISE");
            let tenant = Tenant::empty().application(application).sku(sku).user(ada);
            let params = serde_json::json!({ "user": "ada@contoso.example" });
            let mut bench = Bench::with(Entry::of::<RemoveInboxRules>(), Scenario { tenant, params });
            bench.administers_exchange = looks;
            let report = bench.run(outcome::Mode::Apply).await;
            report.left.into_iter().map(|left| (left.code, left.needs)).collect::<Vec<_>>()
        };
        let unseen = [("mailbox_forwarding_unseen".to_owned(), Needs::Nobody)];
        assert_eq!(left(true, false).await, unseen);
        assert_eq!(left(false, false).await, unseen);
        assert_eq!(left(true, true).await, [("mailbox_forwards".to_owned(), Needs::Operator)]);
        assert_eq!(left(false, true).await, []);
    }
}
