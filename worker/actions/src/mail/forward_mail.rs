//! Makes true: an inbox rule, found again by its name, forwards new mail to the recipient.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `recipient_not_found`, `recipient_without_address` and `own_recipient`;
//! `outside_not_allowed` (the settings do not let mail leave to that domain); `read_only_rule`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** a warning if mail goes outside: by default the outbound spam policy drops it, and Graph does not say
//! so; a person without a mailbox, with a note.
//! **Idempotent because** it reads the rules and looks for its own by name: a correct rule stays, a different one is
//! replaced, the new rule first, and a second rule of the name is removed.

use std::fmt;

use msgraph::{InboxRule, NewInboxRule, RuleActions, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::forwarding_rule::{FORWARDING, is_forwarding};
use crate::mail::mailbox::{self, Mailbox};
use crate::mail::recipient::Recipient;
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct ForwardMail;

/// The person, the recipient and the method.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The recipient. Defaults to the manager. A text that is nobody's UPN is an address if `mail.outside_domains` has its
    /// domain.
    to: PersonRef,
    /// How to forward it.
    #[serde(default)]
    method: Method,
}

/// How mail is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The person is the sender.
    #[default]
    Forward,
    /// The original sender stays, as if the mail had been written to the recipient.
    Redirect,
}

/// The rules of the inbox, and the recipient.
pub struct Observed {
    mailbox: Mailbox<Vec<InboxRule>>,
    recipient: Option<Recipient>,
}

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Creates the rule.
    Create {
        /// The account.
        user: Account,
        /// The rule's actions.
        actions: RuleActions,
        /// The recipient, without the address.
        recipient: String,
    },
    /// Removes a different or second rule of this name.
    Remove {
        /// The account.
        user: Account,
        /// Its id.
        rule: String,
    },
}

impl Action for ForwardMail {
    const NAME: &'static str = "forward_mail";
    const MAKES_TRUE: &'static str = "New mail is forwarded to the manager or another recipient";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const READS_ORGANIZATION: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("to", "{{ manager }}"), mailbox::WAIT_UNLESS_LEAVING];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        Recipient::resolve(&params.to, graph).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let mailbox = Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.inbox_rules(&id).await?)
        })
        .await?;
        Ok(Observed { mailbox, recipient: Recipient::find(&params.to, graph).await? })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, rules) = match (&observed.mailbox, observed.mailbox.or_nothing()) {
            (Mailbox::ToBeCreated, _) => (&Account::ToBeCreated, [].as_slice()),
            (_, Ok((user, rules))) => (user, rules.as_slice()),
            (_, Err(plan)) => return Ok(plan),
        };
        let recipient = Recipient::checked(user, observed.recipient.as_ref())?;
        let wanted = actions(params.method, recipient);
        let mut changes = Vec::new();
        let left = recipient.is_outside.then(|| outside(user));
        let ours = || rules.iter().filter(|rule| is_forwarding(rule));
        let good = ours().find(|rule| is_as_requested(rule, &wanted));
        if good.is_none() {
            let recipient = recipient.to_string();
            changes.push(Change::Create { user: user.clone(), actions: wanted, recipient });
        }
        for rule in ours().filter(|rule| good.is_none_or(|good| good.id != rule.id)) {
            if rule.is_read_only == Some(true) {
                let detail = format!(
                    "inbox rule {} of {user} has the name of Gatehouse's rule and is read-only; remove it in Exchange",
                    rule.id
                );
                return Err(Error::blocked("read_only_rule", detail));
            }
            changes.push(Change::Remove { user: user.clone(), rule: rule.id.clone() });
        }
        Ok(Plan::in_order(changes).leaving(left))
    }

    fn takes(_: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let created = changes.iter().filter_map(|change| match change {
            Change::Create { user, .. } => user.loses(TakenKind::MailDelivery),
            Change::Remove { .. } => None,
        });
        created.collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = match change {
            Change::Create { user, actions, .. } => {
                // The first rule, so that no other one stops or deletes a message before.
                let rule = NewInboxRule {
                    display_name: FORWARDING.to_owned(),
                    sequence: 1,
                    is_enabled: true,
                    actions: actions.clone(),
                    ..NewInboxRule::default()
                };
                graph.create_inbox_rule(user.id()?, &rule).await
            }
            Change::Remove { user, rule } => graph.delete_inbox_rule(user.id()?, rule).await,
        };
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "grace@contoso.example", "to": "ada@contoso.example", "method": "redirect",
        }))
    }
}

fn actions(method: Method, recipient: &Recipient) -> RuleActions {
    let recipients = recipient.address.iter().map(|address| msgraph::Recipient::at(address)).collect();
    // No later rule files or deletes a forwarded message.
    let actions = RuleActions { stop_processing_rules: Some(true), ..RuleActions::default() };
    match method {
        Method::Forward => RuleActions { forward_to: recipients, ..actions },
        Method::Redirect => RuleActions { redirect_to: recipients, ..actions },
    }
}

/// Compares addresses only, in any case: Outlook adds names.
fn is_as_requested(rule: &InboxRule, wanted: &RuleActions) -> bool {
    let addresses = |recipients: &[msgraph::Recipient]| -> Vec<String> {
        let addresses = recipients.iter().filter_map(|recipient| recipient.email_address.address.as_ref());
        addresses.map(|address| address.to_lowercase()).collect()
    };
    let does = |actions: &RuleActions| {
        addresses(&actions.forward_to) == addresses(&wanted.forward_to)
            && addresses(&actions.redirect_to) == addresses(&wanted.redirect_to)
            && actions.stop_processing_rules == wanted.stop_processing_rules
            && actions.only_send_on()
    };
    rule.is_enabled == Some(true)
        && rule.has_error != Some(true)
        && rule.is_unconditional()
        && rule.actions.as_ref().is_some_and(does)
}

/// Microsoft Defender documentation, "External email forwarding", 2024: automatic forwarding is off by default.
fn outside(user: &Account) -> Left {
    let detail = format!(
        "mail of {user} goes to an address outside; the outbound spam policy drops it silently unless it allows \
         automatic forwarding; check the policy"
    );
    Left { code: "recipient_outside".to_owned(), detail, needs: Needs::Operator }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { user, actions, recipient } if actions.redirect_to.is_empty() => {
                write!(f, "forward mail of {user} to {recipient}")
            }
            Self::Create { user, recipient, .. } => write!(f, "redirect mail of {user} to {recipient}"),
            Self::Remove { user, rule } => write!(f, "remove inbox rule {rule} of {user}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "Ada@contoso.example";

    fn ada() -> Recipient {
        Recipient { id: Some("2".into()), address: Some(ADA.into()), is_outside: false }
    }

    fn rule(id: &str, actions: RuleActions) -> InboxRule {
        InboxRule {
            id: id.into(),
            display_name: Some(FORWARDING.into()),
            is_enabled: Some(true),
            actions: Some(actions),
            ..InboxRule::default()
        }
    }

    fn plan(
        rules: Vec<InboxRule>,
        recipient: Option<Recipient>,
    ) -> Result<(Vec<String>, Vec<String>), String> {
        let person = || serde_json::from_value("grace@contoso.example".into()).unwrap();
        let params = Params { user: person(), wait_for_mailbox: true, to: person(), method: Method::Forward };
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen: rules };
        let plan = ForwardMail::plan(&params, &Observed { mailbox, recipient });
        let plan = plan.map_err(|error| outcome::Failure::from(error).code)?;
        let changes = plan.changes().map(ToString::to_string).collect();
        Ok((changes, plan.left.into_iter().map(|left| left.code).collect()))
    }

    #[test]
    fn one_correct_rule_of_the_name_stays() {
        let wanted = actions(Method::Forward, &ada());
        let lower = Recipient { address: Some(ADA.to_lowercase()), ..ada() };
        let create = "forward mail of user 1 to user 2".to_owned();
        let remove = |rule: &str| format!("remove inbox rule {rule} of user 1");
        let strange = InboxRule { display_name: Some("Junk".into()), ..rule("9", wanted.clone()) };
        let correct = || rule("7", actions(Method::Forward, &lower));
        assert_eq!(plan(vec![strange], Some(ada())), Ok((vec![create.clone()], vec![])));
        assert_eq!(plan(vec![correct()], Some(ada())), Ok((vec![], vec![])));
        assert_eq!(plan(vec![correct(), rule("8", wanted)], Some(ada())), Ok((vec![remove("8")], vec![])));
        let others = [
            rule("7", actions(Method::Redirect, &ada())),
            InboxRule { is_enabled: Some(false), ..correct() },
            InboxRule { has_error: Some(true), ..correct() },
            InboxRule { conditions: serde_json::from_str(r#"{"sentToMe":true}"#).unwrap(), ..correct() },
        ];
        for other in others {
            let replaced = Ok((vec![create.clone(), remove("7")], vec![]));
            assert_eq!(plan(vec![other.clone()], Some(ada())), replaced, "{other:?}");
        }
    }

    #[test]
    fn mail_to_an_address_outside_gets_a_warning_without_the_address() {
        let outside = Recipient { id: None, address: Some("ada@fabrikam.example".into()), is_outside: true };
        let changes = vec!["forward mail of user 1 to an address outside".to_owned()];
        let warned = Ok((changes, vec!["recipient_outside".to_owned()]));
        assert_eq!(plan(vec![], Some(outside)), warned);
    }

    #[test]
    fn mail_that_cannot_be_forwarded_is_refused() {
        assert_eq!(plan(vec![], None), Err("recipient_not_found".to_owned()));
        let nowhere = Recipient { address: None, ..ada() };
        assert_eq!(plan(vec![], Some(nowhere)), Err("recipient_without_address".to_owned()));
        let own = Recipient { id: Some("1".into()), ..ada() };
        assert_eq!(plan(vec![], Some(own)), Err("own_recipient".to_owned()));
        let locked = InboxRule { is_read_only: Some(true), ..rule("7", RuleActions::default()) };
        assert_eq!(plan(vec![locked], Some(ada())), Err("read_only_rule".to_owned()));
    }
}
