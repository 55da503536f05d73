//! Makes true: the inbox has no rules but the one by which Gatehouse forwards.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Waits** while Exchange makes the mailbox.
//! **Leaves** rules that Graph lets nobody change, which somebody has to remove in Outlook or Exchange; the rule of
//! `forward_mail`, unless asked to take it too; somebody without a mailbox. Each is named in the result but that rule.
//! **Idempotent because** it reads the rules and removes those it finds; a rule that is gone is taken for what it is.

use std::fmt;

use msgraph::{InboxRule, Writer};
use schemars::JsonSchema;
use serde::Deserialize;
use workflow::{Left, Needs};

use crate::mail::forwarding_rule::is_forwarding;
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveInboxRules;

/// Whose rules, and what to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person; the event's unless given.
    user: PersonRef,
    /// What to do with the rule that `forward_mail` made.
    #[serde(default)]
    forwarding: Forwarding,
}

/// What to do with the rule that `forward_mail` made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forwarding {
    /// Leave it: mail goes on to whoever it was handed over to.
    #[default]
    Keep,
    /// Remove it like any other.
    Remove,
    /// Remove it and no other: whoever comes back finds the rules of their own.
    Only,
}

/// A rule is to go.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    rule: String,
}

impl Action for RemoveInboxRules {
    const NAME: &'static str = "remove_inbox_rules";
    const MAKES_TRUE: &'static str = "The inbox has no rules but that of `forward_mail`";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Mailbox<Vec<InboxRule>>;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<Vec<InboxRule>>, Error> {
        Mailbox::look(&params.user, graph, async |id| Ok(graph.inbox_rules(&id).await?)).await
    }

    fn plan(params: &Params, mailbox: &Mailbox<Vec<InboxRule>>) -> Result<Plan<Remove>, Error> {
        let (user, rules) = match mailbox.or_nothing() {
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
        Ok(Plan::together(changes).leaving(left))
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
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let plan = RemoveInboxRules::plan(&Params { user, forwarding }, &mailbox).unwrap();
        let removed = plan.changes().map(|change| change.rule.clone()).collect();
        (removed, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn what_can_be_removed_is_but_what_forwards_for_us() {
        let left = vec!["read_only_rule".to_owned()];
        assert_eq!(plan(Forwarding::Keep), (vec!["1".to_owned()], left.clone()));
        assert_eq!(plan(Forwarding::Remove), (vec!["1".to_owned(), "3".to_owned()], left));
        assert_eq!(plan(Forwarding::Only), (vec!["3".to_owned()], Vec::new()));
    }
}
