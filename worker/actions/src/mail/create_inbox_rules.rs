//! Makes true: the inbox has these rules, except those that send mail on.
//!
//! **Needs** `MailboxSettings.ReadWrite`, `Mail.ReadBasic.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** `forwarding_rule` (the rule sends mail to an address: giving it back could open a leak, so an operator
//! decides); `mail_folder_not_found` (the folder that it names is gone); `inbox_rule_differs` (another rule has its
//! name); `inbox_rule_unsupported` (it has no action, or one that Gatehouse does not know). The rule of `forward_mail`
//! is ignored. A person without a mailbox gets a note.
//! **Idempotent because** it reads the rules and compares name, conditions, exceptions and actions: a rule that is
//! created again has a new id. If Exchange rewrites a rule, the name is taken, and no copy is created.
//! **Caveat:** an existing rule stays as it is, even if it is disabled or has another place in the sequence.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::try_join_all;
use msgraph::{InboxRule, NewInboxRule, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::mail::mailbox::{self, Mailbox};
use crate::mail::rule_content::{self, Content};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct CreateInboxRules;

/// The person and the rules.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The rules.
    rules: Vec<Rule>,
}

/// A rule of the inbox, with its parts as Graph writes them (`messageRule`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name.
    display_name: String,
    /// The place among the rules; 1 is first.
    #[serde(default = "first")]
    sequence: u32,
    /// Whether it is enabled.
    #[serde(default = "yes")]
    is_enabled: bool,
    /// The messages to which it applies (`messageRulePredicates`). Defaults to all.
    #[serde(default)]
    conditions: Option<Map<String, Value>>,
    /// The messages to which it does not apply (`messageRulePredicates`).
    #[serde(default)]
    exceptions: Option<Map<String, Value>>,
    /// What it does with a message (`messageRuleActions`).
    actions: Map<String, Value>,
}

fn first() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// The rules of the inbox, and which of the named folders exist.
#[derive(Default)]
pub struct Seen {
    rules: Vec<InboxRule>,
    folders: BTreeSet<String>,
}

/// Creates a rule.
#[derive(Debug, PartialEq)]
pub struct Create {
    user: Account,
    /// The place of the rule in the parameter: a name can be somebody's.
    entry: usize,
    rule: NewInboxRule,
}

impl Action for CreateInboxRules {
    const NAME: &'static str = "create_inbox_rules";
    const MAKES_TRUE: &'static str = "The inbox has these rules, except those that send mail on";
    const NEEDS: &'static [&'static str] =
        &["MailboxSettings.ReadWrite", "Mail.ReadBasic.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<Seen>;
    type Change = Create;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<Seen>, Error> {
        let named: BTreeSet<_> = params.rules.iter().flat_map(Rule::folders).collect();
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            let Some(rules) = graph.inbox_rules(&id).await? else { return Ok(None) };
            let id = id.as_str();
            let found = named.into_iter().map(async |folder| {
                let is_there = graph.has_mail_folder(id, folder).await.map_err(or_missing_folders)?;
                Ok::<_, Error>(is_there.then(|| folder.to_owned()))
            });
            let folders = try_join_all(found).await?.into_iter().flatten().collect();
            Ok(Some(Seen { rules, folders }))
        })
        .await
    }

    fn plan(params: &Params, mailbox: &Mailbox<Seen>) -> Result<Plan<Create>, Error> {
        let nothing = Seen::default();
        let (user, seen) = match (mailbox, mailbox.or_nothing()) {
            (Mailbox::ToBeCreated, _) => (&Account::ToBeCreated, &nothing),
            (_, Ok(seen)) => seen,
            (_, Err(plan)) => return Ok(plan),
        };
        let mut there: Vec<_> = seen.rules.iter().map(Content::of).collect();
        let wanted: Vec<_> =
            (1..).zip(&params.rules).map(|(entry, rule)| (entry, rule, rule.content())).collect();
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for (entry, rule, content) in &wanted {
            if content.is_ours() || there.contains(content) {
                continue;
            }
            let is_other = |other: &Content| {
                other.has_name_of(content) && !wanted.iter().any(|(_, _, content)| content == other)
            };
            match left_alone(rule, seen, there.iter().any(is_other)) {
                Some((code, why)) => left.push(Left {
                    code: code.to_owned(),
                    detail: format!("entry {entry} of the inbox rules of {user} {why}"),
                    needs: Needs::Operator,
                }),
                None => {
                    there.push(content.clone());
                    changes.push(Create { user: user.clone(), entry: *entry, rule: rule.as_new() });
                }
            }
        }
        // Each takes its place before the next one is added, and none is made without those before it: what a rule does
        // depends on them.
        changes.sort_by_key(|change| change.rule.sequence);
        Ok(Plan::in_order(changes).leaving(left))
    }

    async fn apply(change: &Create, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.create_inbox_rule(change.user.id()?, &change.rule).await;
        outcome.map_err(mailbox::or_missing_settings)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        use serde_json::json;

        let ships = msgraph_emulator::Mailbox::folder_id("Ships");
        let to_ada = json!([{ "emailAddress": { "address": "ada@contoso.example" } }]);
        let harbour = json!({ "senderContains": ["harbour"], "hasAttachments": null });
        let filed = json!({ "moveToFolder": ships, "stopProcessingRules": true });
        crate::Scenario::new(json!({
            "user": "grace@contoso.example",
            "rules": [
                { "display_name": "Newsletters", "sequence": 1, "actions": { "delete": true, "forwardTo": [] } },
                { "display_name": "Quiet", "sequence": 4, "is_enabled": false, "conditions": null,
                  "exceptions": { "importance": "high" }, "actions": { "markAsRead": true } },
                { "display_name": "Harbour", "sequence": 2, "conditions": harbour, "actions": filed },
                { "display_name": "Old", "actions": { "moveToFolder": "AAMkgone=" } },
                { "display_name": "Elsewhere", "actions": { "forwardTo": to_ada } },
                { "display_name": crate::mail::forwarding_rule::FORWARDING, "actions": { "redirectTo": to_ada } },
            ],
        }))
    }
}

/// Why a rule is not created, if so: a code, and the rest of a sentence that begins with the rule.
fn left_alone(rule: &Rule, seen: &Seen, is_name_taken: bool) -> Option<(&'static str, &'static str)> {
    let unknown = "does what Gatehouse does not know; create it in Outlook if it is still wanted";
    let actions = rule_content::said(&rule.actions);
    if rule_content::sends_on(&actions) {
        Some(("forwarding_rule", "sends mail on; create it in Outlook if that is still wanted"))
    } else if !rule_content::is_known(&actions) || actions.is_empty() {
        Some(("inbox_rule_unsupported", unknown))
    } else if is_name_taken {
        Some((
            "inbox_rule_differs",
            "has the name of a rule that does something else; compare them in Outlook",
        ))
    } else if rule.folders().any(|folder| !seen.folders.contains(folder)) {
        Some((
            "mail_folder_not_found",
            "names a mail folder that does not exist; create it in Outlook with another one",
        ))
    } else {
        None
    }
}

/// Names the permission that a refused look at folders needs.
fn or_missing_folders(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "to see whether the folders of a rule exist needs Mail.ReadBasic.All, for this mailbox".to_owned()
    })
}

impl Rule {
    /// The ids of the folders that it names.
    fn folders(&self) -> impl Iterator<Item = &str> {
        ["copyToFolder", "moveToFolder"].into_iter().filter_map(|name| self.actions.get(name)?.as_str())
    }

    fn content(&self) -> Content {
        let parts = [self.conditions.as_ref(), self.exceptions.as_ref()];
        Content::new(&self.display_name, parts, Some(&self.actions))
    }

    fn as_new(&self) -> NewInboxRule {
        let predicates =
            |part: &Option<Map<String, Value>>| part.as_ref().map(rule_content::said).unwrap_or_default();
        NewInboxRule {
            display_name: self.display_name.clone(),
            sequence: self.sequence,
            is_enabled: self.is_enabled,
            conditions: predicates(&self.conditions),
            exceptions: predicates(&self.exceptions),
            actions: rule_content::without_recipients(rule_content::said(&self.actions)),
        }
    }
}

impl fmt::Display for Create {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create entry {} of the inbox rules of {}", self.entry, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The entries that are created, and the codes of what is left.
    fn plan(seen: Value, wanted: Value) -> (Vec<usize>, Vec<String>) {
        let params = json!({ "user": "ada@contoso.example", "rules": wanted });
        let params: Params = serde_json::from_value(params).unwrap();
        let rules = serde_json::from_value(seen).unwrap();
        let folders = BTreeSet::from(["ships".to_owned()]);
        let user = Account::Known("1".into());
        let mailbox = Mailbox::Present { user, seen: Seen { rules, folders } };
        let plan = CreateInboxRules::plan(&params, &mailbox).unwrap();
        let created = plan.changes().map(|change| change.entry).collect();
        (created, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn a_rule_is_known_by_its_content_and_made_in_its_place() {
        let seen = json!([
            { "id": "7", "displayName": "Harbour", "sequence": 9, "isEnabled": false,
              "conditions": { "senderContains": ["HARBOUR"], "fromAddresses": [
                  { "emailAddress": { "name": "Ada", "address": "Ada@contoso.example" } }] },
              "exceptions": null, "actions": { "markAsRead": true, "delete": false } },
        ]);
        let from = json!([{ "emailAddress": { "address": "ada@contoso.example" } }]);
        let harbour = json!({ "senderContains": ["harbour"], "fromAddresses": from, "sentToMe": null });
        let wanted = json!([
            { "display_name": "Late", "sequence": 5, "actions": { "markAsRead": true } },
            { "display_name": "Harbour", "conditions": harbour, "actions": { "markAsRead": true } },
            { "display_name": "Ships", "sequence": 2, "actions": { "moveToFolder": "ships" } },
            { "display_name": "Ships", "sequence": 3, "actions": { "moveToFolder": "ships" } },
            { "display_name": "Ships", "sequence": 3, "actions": { "copyToFolder": "ships" } },
        ]);
        assert_eq!(plan(seen, wanted), (vec![3, 5, 1], vec![]));
    }

    #[test]
    fn what_sends_mail_on_is_left_however_it_is_written() {
        let to = json!([{ "emailAddress": { "address": "ada@contoso.example" } }]);
        let rule = |actions: Value| json!({ "display_name": "Mine", "actions": actions });
        for name in ["forwardTo", "redirectTo", "forwardAsAttachmentTo", "ForwardTo"] {
            let wanted = json!([rule(json!({ name: to, "markAsRead": true }))]);
            assert_eq!(plan(json!([]), wanted), (vec![], vec!["forwarding_rule".to_owned()]), "{name}");
        }
        let there = json!([{ "id": "1", "displayName": "Mine", "actions": { "forwardTo": to } }]);
        assert_eq!(plan(there, json!([rule(json!({ "forwardTo": to }))])), (vec![], vec![]), "it is there");
        let ours = crate::mail::forwarding_rule::FORWARDING;
        let ours = json!([{ "display_name": ours, "actions": { "redirectTo": to } }]);
        assert_eq!(plan(json!([]), ours), (vec![], vec![]));
    }

    #[test]
    fn what_cannot_be_made_is_left_and_keeps_nobody_from_the_rest() {
        let wanted = json!([
            { "display_name": "Gone", "actions": { "moveToFolder": "gone" } },
            { "display_name": "New", "actions": { "sendToMoon": true, "markAsRead": true } },
            { "display_name": "Idle", "actions": { "delete": false, "@odata.type": "x" } },
            { "display_name": "Changed", "actions": { "markAsRead": true } },
            { "display_name": "Good", "actions": { "delete": true } },
        ]);
        let seen = json!([{ "id": "1", "displayName": "Changed", "actions": { "delete": true } }]);
        let left = [
            "mail_folder_not_found",
            "inbox_rule_unsupported",
            "inbox_rule_unsupported",
            "inbox_rule_differs",
        ];
        assert_eq!(plan(seen, wanted), (vec![5], left.map(str::to_owned).to_vec()));
    }
}
