//! Makes true: a Temporary Access Pass for the person's first sign-in was issued and mailed, once.
//!
//! **Needs** `UserAuthMethod-TAP.ReadWrite.All`, `UserAuthenticationMethod.Read.All`, `User.Read.All`;
//! `Mail.ReadWrite` and `Mail.Send`, which an administrator can limit to the sender's mailbox with an application
//! access policy.
//! **Refuses** `user_not_found`, `sender_not_found`; `recipient_not_found`, `recipient_without_address`,
//! `own_recipient`, `outside_not_allowed` (the settings do not let mail leave to that domain); `role_holder` (the person
//! holds a directory role, may activate one, or is in a group that can hold roles); `no_place_for_pass`; `invalid_lifetime`; `pass_refused`, `pass_against_policy`;
//! `permission_missing`; a sender without a mailbox (`mailbox_missing`).
//! **Leaves** a person with another registered sign-in method, an account that is older than the run and has a password
//! that somebody may use (`account_in_use`), and a valid pass from before the event, whose value
//! nobody can read any more. If the pass goes to an address outside the organization, the result says so.
//! **Idempotent because** the mail is first a draft, found again by an `internetMessageId` derived from the event and
//! the person: a draft is sent while its pass is valid, and after a sent mail nothing is left to do.
//! **Caveat:** Graph shows the value once, and only memory carries it into the draft. If a worker dies in between,
//! the value is lost: the next run withdraws that pass, which ends the person's sessions, and issues another. Until
//! the pass expires it can be read in the sender's sent items: choose a mailbox that few people can open. Like
//! `send_mail`, it sends a second mail if a worker dies, and the run is repeated, while Exchange moves the first.

use futures_util::future::try_join3;
use jiff::Timestamp;
use msgraph::{Message, NewTemporaryAccessPass, Writer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::parameters::Moment;
use crate::mail::message_id::message_id;
use crate::mail::recipient::Recipient;
use crate::sign_in::pass_changes::Change;
use crate::sign_in::pass_mail::{self, PassMail};
use crate::sign_in::passes::{self, SignIn};
use crate::{Account, Action, Error, Made, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct IssueTemporaryAccessPass;

/// The person, the mail and the pass.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The person from whose mailbox the pass is sent.
    from: PersonRef,
    /// The recipient. Defaults to the manager. A text that is nobody's UPN is an address if `mail.outside_domains` has
    /// its domain.
    to: PersonRef,
    /// The mail's subject.
    #[serde(default = "pass_mail::subject")]
    subject: String,
    /// The mail's text. `[pass]` stands for the pass, `[user]` for the person, `[minutes]` and `[start]` for its
    /// validity.
    #[serde(default = "pass_mail::text")]
    text: String,
    /// How long the pass is valid. Defaults to the tenant's policy.
    #[serde(default)]
    #[schemars(range(max = u32::MAX))]
    lifetime_minutes: Option<u32>,
    /// When the pass becomes valid. Defaults to at once.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    starts_at: Option<Timestamp>,
    /// Whether the pass works for one sign-in only. Defaults to the tenant's policy.
    #[serde(default)]
    once: Option<bool>,
    /// A pass from before this moment is not replaced. Defaults to the event's time.
    #[schemars(with = "Moment")]
    issued_after: Timestamp,
    /// Identifies the mail, together with the person. Defaults to the event's source and id.
    id: String,
}

/// The person and the sign-in methods, the sender, the recipient, and the mail if it exists.
pub struct Observed {
    person: Person,
    sign_in: SignIn,
    sender: Option<String>,
    recipient: Option<Recipient>,
    written: Option<Message>,
}

impl Action for IssueTemporaryAccessPass {
    const NAME: &'static str = "issue_temporary_access_pass";
    const MAKES_TRUE: &'static str =
        "A pass for the person's first sign-in was mailed to the manager or another recipient";
    const NEEDS: &'static [&'static str] = &[
        "UserAuthMethod-TAP.ReadWrite.All",
        "UserAuthenticationMethod.Read.All",
        "Mail.ReadWrite",
        "Mail.Send",
        "User.Read.All",
    ];
    const READS_ORGANIZATION: bool = true;
    const OF_AUTHOR: &'static [&'static str] = &["from"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[
        ("user", "{{ person }}"),
        ("to", "{{ manager }}"),
        ("issued_after", "{{ event.time }}"),
        ("id", "{{ event.source }} {{ event.id }}"),
    ];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        pass_mail::check(&params.text)?;
        let sender = graph.must_find(&params.from, sender_not_found);
        let holder = Box::pin(refuse_role_holder(&params.user, graph));
        try_join3(sender, Recipient::resolve(&params.to, graph), holder).await.map(drop)
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, passes::SELECT).await?;
        let sender = graph.other(&params.from, &["id"]).await?.map(|user| user.id);
        let recipient = Recipient::find(&params.to, graph).await?;
        let Person::Present(user) = &person else {
            return Ok(Observed { person, sign_in: SignIn::default(), sender, recipient, written: None });
        };
        let written = match &sender {
            Some(sender) => {
                graph.message_by_internet_id(sender, &internet_message_id(params, &user.id)).await?
            }
            None => None,
        };
        let sign_in = SignIn::of(user, graph).await?;
        Ok(Observed { person, sign_in, sender, recipient, written })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        pass_mail::check(&params.text)?;
        let (user, seen) = observed.person.account()?;
        if observed.sign_in.administers {
            return Err(role_holder(&user));
        }
        let recipient = Recipient::checked(&user, observed.recipient.as_ref())?;
        let Some(sender) = observed.sender.clone() else {
            return Err(sender_not_found());
        };
        let send = |draft| Change::Send { sender: sender.clone(), recipient: recipient.to_string(), draft };
        let mut changes = Vec::new();
        let left = recipient.is_outside.then(|| pass_mail::sent_outside(&user));
        match &observed.written {
            Some(mail) if mail.is_draft != Some(true) => return Ok(Plan::nothing()),
            Some(draft) if observed.sign_in.has_pass_since(params.issued_after) => {
                return Ok(Plan::in_order([send(Some(draft.id.clone()))]).leaving(left));
            }
            Some(draft) => {
                changes.push(Change::Discard { sender: sender.clone(), draft: draft.id.clone() });
            }
            None => {}
        }
        if let Some(reason) = observed.sign_in.reason_to_issue_none(&user, params.issued_after) {
            return Ok(Plan::in_order(changes).leaving([reason]));
        }
        let stale = observed.sign_in.passes.iter().map(|pass| pass.id.clone());
        changes.extend(stale.map(|pass| Change::Withdraw { user: user.clone(), pass }));
        let terms = NewTemporaryAccessPass {
            start_date_time: params.starts_at,
            lifetime_in_minutes: params.lifetime_minutes,
            is_usable_once: params.once,
        };
        let name = seen.and_then(|seen| seen.user_principal_name.as_deref());
        let mail = PassMail {
            internet_message_id: seen.map(|seen| internet_message_id(params, &seen.id)).unwrap_or_default(),
            to: recipient.address.clone().unwrap_or_default(),
            subject: params.subject.clone(),
            text: params.text.replace("[user]", name.unwrap_or_default()),
        };
        changes.extend([
            Change::Issue { user, terms },
            Change::Write { sender: sender.clone(), mail },
            send(None),
        ]);
        Ok(Plan::in_order(changes).leaving(left))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        Self::apply_sequence(std::slice::from_ref(change), graph, &mut Made::default()).await
    }

    async fn apply_sequence(changes: &[Change], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        Change::apply_in_order(changes, graph, made).await
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "ada@contoso.example", "from": "grace@contoso.example", "to": "edsger@contoso.example",
            "issued_after": "2024-03-02T08:00:00Z", "id": "hr 1", "text": "[user]: [pass]",
        }))
    }
}

fn internet_message_id(params: &Params, user: &str) -> String {
    message_id([IssueTemporaryAccessPass::NAME, &params.id, user])
}

/// Refuses an administrator before the run writes anything. Whoever is not found, or not for certain, is looked for when
/// the step runs.
async fn refuse_role_holder(person: &PersonRef, graph: View<'_>) -> Result<(), Error> {
    match graph.person(person, &["id"]).await {
        Ok(Person::Present(user)) if passes::administers(&user.id, graph).await? => {
            Err(role_holder(&Account::Known(user.id)))
        }
        _ => Ok(()),
    }
}

fn role_holder(user: &Account) -> Error {
    let detail = format!(
        "{user} holds a directory role, may activate one, or is in a group that can hold roles; no pass is issued for \
         administrators, hand one over in person"
    );
    Error::rejected(&["user"], "role_holder", detail)
}

fn sender_not_found() -> Error {
    Error::rejected(&["from"], "sender_not_found", "no account found for the sender; check `from`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::passes::made;
    use msgraph::{TemporaryAccessPass, User};
    use serde_json::{Value, json};

    fn observed() -> Observed {
        let recipient =
            Recipient { id: Some("2".into()), address: Some("g@contoso.example".into()), is_outside: false };
        Observed {
            person: Person::Present(Box::new(User { id: "1".into(), ..User::default() })),
            sign_in: SignIn::default(),
            sender: Some("3".into()),
            recipient: Some(recipient),
            written: None,
        }
    }

    /// The first words of each change, and the codes of what is left.
    fn plan(observed: &Observed, more: Value) -> Result<(String, Vec<String>), &'static str> {
        let mut params = json!({
            "user": "ada@contoso.example", "from": "it@contoso.example", "to": "grace@contoso.example",
            "issued_after": "2026-03-02T08:00:00Z", "id": "hr 1",
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match IssueTemporaryAccessPass::plan(&serde_json::from_value(params).unwrap(), observed) {
            Ok(plan) => {
                let verb = |change: &Change| change.to_string().split(' ').next().unwrap().to_owned();
                let verbs: Vec<_> = plan.changes().map(verb).collect();
                Ok((verbs.join(" "), plan.left.into_iter().map(|left| left.code).collect()))
            }
            Err(Error::Rejected { code, .. }) => Err(code),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_pass_whose_value_is_lost_is_replaced_and_one_in_a_draft_is_sent() {
        let planned = |passes: Vec<TemporaryAccessPass>, is_draft: Option<bool>| {
            let written = is_draft.map(|is_draft| Message { id: "m".into(), is_draft: Some(is_draft) });
            let sign_in = SignIn { passes, ..SignIn::default() };
            plan(&Observed { sign_in, written, ..observed() }, json!({})).unwrap().0
        };
        let pass = |is_good| vec![made("2026-03-02T08:00:01Z", is_good)];
        assert_eq!(planned(vec![], None), "issue write send");
        assert_eq!(planned(pass(true), None), "withdraw issue write send");
        assert_eq!(planned(pass(false), None), "withdraw issue write send");
        assert_eq!(planned(pass(true), Some(true)), "send");
        assert_eq!(planned(pass(false), Some(true)), "delete withdraw issue write send");
        assert_eq!(planned(vec![], Some(true)), "delete issue write send");
        assert_eq!(planned(pass(false), Some(false)), "", "a sent mail stays");
        let earlier = SignIn { passes: vec![made("2026-03-01T08:00:00Z", true)], ..SignIn::default() };
        let left = plan(&Observed { sign_in: earlier, ..observed() }, json!({}));
        assert_eq!(left, Ok((String::new(), vec!["pass_exists".to_owned()])));
    }

    #[test]
    fn what_cannot_be_mailed_is_not_issued() {
        assert_eq!(plan(&observed(), json!({ "text": "Welcome!" })), Err("no_place_for_pass"));
        assert_eq!(plan(&Observed { sender: None, ..observed() }, json!({})), Err("sender_not_found"));
        assert_eq!(plan(&Observed { recipient: None, ..observed() }, json!({})), Err("recipient_not_found"));
        let to = |id: &str| Recipient {
            id: Some(id.into()),
            address: Some("a@b.example".into()),
            is_outside: true,
        };
        let own = Observed { recipient: Some(to("1")), ..observed() };
        assert_eq!(plan(&own, json!({})), Err("own_recipient"));
        let outside = Observed { recipient: Some(to("4")), ..observed() };
        assert_eq!(plan(&outside, json!({})).unwrap().1, ["recipient_outside"]);
        let administrator = SignIn { administers: true, ..SignIn::default() };
        assert_eq!(plan(&Observed { sign_in: administrator, ..observed() }, json!({})), Err("role_holder"));
        let promised = Observed { person: Person::ToBeCreated, ..observed() };
        assert_eq!(plan(&promised, json!({})).unwrap().0, "issue write send");
    }
}
