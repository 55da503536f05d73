//! Makes true: the mailbox does not answer automatically.
//!
//! **Needs** `MailboxSettings.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** a person without a mailbox, with a note. The texts stay in the settings.
//! **Idempotent because** it reads whether the mailbox answers and writes only if it does.

use std::fmt;

use msgraph::{AutomaticReplies, AutomaticRepliesStatus, Writer};
use outcome::Taken;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct DisableAutomaticReply;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
}

/// Turns automatic replies off.
#[derive(Debug, PartialEq)]
pub struct Disable {
    user: Account,
}

impl Action for DisableAutomaticReply {
    const NAME: &'static str = "disable_automatic_reply";
    const MAKES_TRUE: &'static str = "The mailbox does not answer automatically";
    const NEEDS: &'static [&'static str] = &["MailboxSettings.ReadWrite", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<AutomaticReplies>;
    type Change = Disable;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<AutomaticReplies>, Error> {
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.automatic_replies(&id).await?)
        })
        .await
    }

    fn plan(_: &Params, mailbox: &Mailbox<AutomaticReplies>) -> Result<Plan<Disable>, Error> {
        let (user, replies) = match mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        if replies.status == AutomaticRepliesStatus::Disabled {
            return Ok(Plan::nothing());
        }
        Ok(Plan::in_order([Disable { user: user.clone() }]))
    }

    fn takes(mailbox: &Mailbox<AutomaticReplies>, _: &[&Disable]) -> Vec<Taken> {
        mailbox::replies_taken(mailbox)
    }

    async fn apply(change: &Disable, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.disable_automatic_replies(change.user.id()?).await;
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

impl fmt::Display for Disable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn automatic replies of {} off", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(mailbox: Mailbox<AutomaticReplies>) -> (Vec<String>, Vec<String>) {
        let params: Params = serde_json::from_value(json!({ "user": "ada@contoso.example" })).unwrap();
        let plan = DisableAutomaticReply::plan(&params, &mailbox).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn a_mailbox_that_answers_is_turned_off() {
        let user = || Account::Known("1".into());
        let seen = |status| AutomaticReplies { status, ..AutomaticReplies::default() };
        let present = |status| plan(Mailbox::Present { user: user(), seen: seen(status) });
        let off = (vec!["turn automatic replies of user 1 off".to_owned()], vec![]);
        assert_eq!(present(AutomaticRepliesStatus::AlwaysEnabled), off);
        assert_eq!(present(AutomaticRepliesStatus::Scheduled), off);
        assert_eq!(present(AutomaticRepliesStatus::Disabled), (vec![], vec![]));
        assert_eq!(plan(Mailbox::ToBeCreated), (vec![], vec![]));
        assert_eq!(plan(Mailbox::None { user: user() }), (vec![], vec!["no_mailbox".to_owned()]));
    }
}
