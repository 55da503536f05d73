//! Makes true: what Exchange can do with a mailbox and Graph cannot: share it, hide it, forward it, or open it to
//! another person.
//!
//! **Undocumented interface.** It talks to Exchange as Microsoft's PowerShell module for Exchange Online does, which
//! Microsoft does not document. It is off unless `exchange.commands` is set. While it is off, the step is `blocked`
//! and says what an administrator has to do by hand.
//!
//! **Needs** `User.Read.All`; if on, the application permission `Exchange.ManageAsApp` (Office 365 Exchange Online)
//! and the role Exchange Administrator for the application; if off, `MailboxSettings.Read`.
//! **Refuses** `exchange_commands_off`; `user_not_found`; `recipient_not_found`, `own_recipient`,
//! `recipient_without_mail`; `mailbox_too_large` (above 50 GB a shared mailbox needs a licence) and
//! `mailbox_size_unknown`, before anything is written and so before a later step removes the licence;
//! `permission_missing`.
//! **Leaves** a person without a mailbox, with a note.
//! **Idempotent because** it reads the mailbox and sends only the missing commands; each command sets a value.
//! **Caveat:** a shared mailbox on litigation hold, or with an archive, needs its licence whatever its size.

use std::fmt;

use msgraph::{AdministeredMailbox, Writer};
use outcome::{Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::exchange_commands::{self, Command, OtherPerson, by_hand, recipient};
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, Made, PersonRef, Plan, View};

/// See the file's head.
pub struct RunExchangeCommand;

/// The largest shared mailbox without a licence ("About shared mailboxes", Microsoft 365 documentation, 2025).
const LARGEST_UNLICENSED: u64 = 50 << 30;

/// The mailbox and the commands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The commands, in this order.
    commands: Vec<Command>,
    /// Whether forwarded mail also stays in the mailbox.
    #[serde(default = "yes")]
    keep_copy: bool,
}

/// The mailbox as Exchange shows it or, if the interface is off, as Graph does.
pub enum Observed {
    /// The interface is off.
    Off {
        /// The mailbox's account, and its purpose in Graph.
        user: Account,
        purpose: Option<String>,
        others: Vec<OtherPerson>,
    },
    /// The interface is on.
    On {
        /// The mailbox, and its size if needed.
        mailbox: Mailbox<(AdministeredMailbox, Option<u64>)>,
        others: Vec<OtherPerson>,
    },
}

/// Sends a command.
#[derive(Debug, PartialEq)]
pub struct Change {
    user: Account,
    mailbox: String,
    setting: Setting,
}

#[derive(Debug, PartialEq)]
enum Setting {
    Share,
    Hide,
    Forward { to: String, address: String, keep_copy: bool },
    Open { to: String },
}

impl Action for RunExchangeCommand {
    const NAME: &'static str = "run_exchange_command";
    const MAKES_TRUE: &'static str = "The mailbox is shared, hidden, forwarded or opened, as requested (undocumented interface; off by default)";
    const NEEDS: &'static [&'static str] = &["Exchange.ManageAsApp", "MailboxSettings.Read", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        exchange_commands::resolve(&params.commands, graph).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let mut others = Vec::with_capacity(params.commands.len());
        for command in &params.commands {
            let user = match command.other_person() {
                Some(person) => graph.other(person, &["id", "mail"]).await?,
                None => None,
            };
            others.push(OtherPerson { user, has_access: false });
        }
        if !graph.administers_exchange() {
            return off(params, graph, others).await;
        }
        let look = async |id: String| graph.administered_mailbox(&id).await.map_err(explain);
        let mailbox = Mailbox::look(&params.user, params.wait_for_mailbox, graph, look).await?;
        let Mailbox::Present { user, seen } = mailbox else {
            return Ok(Observed::On { mailbox: mailbox.map(|seen| (seen, None)), others });
        };
        let converts = params.commands.contains(&Command::ConvertToShared) && !seen.is_shared();
        let bytes = if converts { graph.mailbox_bytes(&seen.guid).await.map_err(explain)? } else { None };
        for (command, other) in params.commands.iter().zip(&mut others) {
            if let (Command::FullAccess(_), Some(with)) = (command, &other.user) {
                other.has_access = graph.has_full_access(&seen.guid, &with.id).await.map_err(explain)?;
            }
        }
        Ok(Observed::On { mailbox: Mailbox::Present { user, seen: (seen, bytes) }, others })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (mailbox, others) = match observed {
            Observed::Off { user, purpose, others } => {
                let asked = params.commands.iter().zip(others);
                return match by_hand(asked, params.keep_copy, user, purpose.as_deref())? {
                    Some(detail) => Err(Error::blocked("exchange_commands_off", detail)),
                    None => Ok(Plan::nothing()),
                };
            }
            Observed::On { mailbox, others } => (mailbox, others),
        };
        let (user, (seen, bytes)) = match mailbox.or_nothing() {
            Ok(present) => present,
            Err(plan) => return Ok(plan),
        };
        let mut changes = Vec::new();
        for (command, other) in params.commands.iter().zip(others) {
            if let Some(setting) = missing(params, command, other, (user, seen, *bytes))? {
                changes.push(Change { user: user.clone(), mailbox: seen.guid.clone(), setting });
            }
        }
        Ok(Plan::in_order(changes))
    }

    fn takes(_: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let shared = changes.iter().filter(|change| change.setting == Setting::Share);
        shared.filter_map(|change| change.user.loses(TakenKind::Mailbox)).collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let mailbox = &change.mailbox;
        let done = match &change.setting {
            Setting::Share => graph.share_mailbox(mailbox).await,
            Setting::Hide => graph.hide_mailbox(mailbox).await,
            Setting::Forward { address, keep_copy, .. } => {
                graph.forward_mailbox(mailbox, address, *keep_copy).await
            }
            Setting::Open { to } => graph.grant_full_access(mailbox, to).await,
        };
        done.map_err(explain)
    }

    /// If Exchange refuses one setting, the others are still made.
    async fn apply_sequence(changes: &[Change], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        Self::apply_each(changes, graph, made).await
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({
            "user": "grace@contoso.example",
            "commands": [
                "convert_to_shared", "hide_from_address_lists",
                { "forward_to": "ada@contoso.example" }, { "full_access": "ada@contoso.example" },
            ],
        }))
    }
}

fn yes() -> bool {
    true
}

/// Graph shows of all this only whether a mailbox is shared.
async fn off(params: &Params, graph: View<'_>, others: Vec<OtherPerson>) -> Result<Observed, Error> {
    let user = graph.person(&params.user, &["id"]).await?.account()?.0;
    let purpose = match &user {
        Account::Known(id) if params.commands.contains(&Command::ConvertToShared) => {
            graph.mailbox_purpose(id).await?
        }
        _ => None,
    };
    Ok(Observed::Off { user, purpose, others })
}

/// The setting that a command would change, if it is not set yet.
fn missing(
    params: &Params,
    command: &Command,
    other: &OtherPerson,
    (user, seen, bytes): (&Account, &AdministeredMailbox, Option<u64>),
) -> Result<Option<Setting>, Error> {
    Ok(match command {
        Command::ConvertToShared if seen.is_shared() => None,
        Command::ConvertToShared => {
            refuse_too_large(user, bytes)?;
            Some(Setting::Share)
        }
        Command::HideFromAddressLists => (!seen.hidden_from_address_lists_enabled).then_some(Setting::Hide),
        Command::ForwardTo(_) => {
            let (to, address) = recipient(user, other)?;
            let address = address.ok_or_else(|| {
                let detail = format!("user {to} has no mail address to forward to; name another person");
                Error::rejected(&["commands"], "recipient_without_mail", detail)
            })?;
            let is_set =
                seen.forwards_to(&address) && seen.deliver_to_mailbox_and_forward == params.keep_copy;
            (!is_set).then_some(Setting::Forward { to, address, keep_copy: params.keep_copy })
        }
        Command::FullAccess(_) => {
            let (to, _) = recipient(user, other)?;
            (!other.has_access).then_some(Setting::Open { to })
        }
    })
}

fn refuse_too_large(user: &Account, bytes: Option<u64>) -> Result<(), Error> {
    match bytes {
        Some(bytes) if bytes <= LARGEST_UNLICENSED => Ok(()),
        Some(bytes) => Err(Error::blocked(
            "mailbox_too_large",
            format!(
                "the mailbox of {user} holds {} GB, and a shared one without a licence may hold 50 GB; keep its licence, \
                 or make it smaller, then replay",
                bytes >> 30
            ),
        )),
        None => Err(Error::blocked(
            "mailbox_size_unknown",
            format!(
                "Exchange does not show the size of the mailbox of {user}; check it, convert the mailbox by hand, then replay"
            ),
        )),
    }
}

/// Names what a refused command needs. Without the role Exchange answers as if the token were wrong.
fn explain(error: msgraph::Error) -> Error {
    if error.is_forbidden() || error.is_unauthorized() {
        let detail = format!(
            "administering Exchange needs the application permission Exchange.ManageAsApp and the role Exchange \
             Administrator on the application; {error}"
        );
        return Error::blocked("permission_missing", detail).explains(error);
    }
    error.into()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user;
        match &self.setting {
            Setting::Share => write!(f, "make the mailbox of {user} a shared one"),
            Setting::Hide => write!(f, "hide the mailbox of {user} from address lists"),
            Setting::Forward { to, .. } => write!(f, "forward the mailbox of {user} to user {to}"),
            Setting::Open { to } => write!(f, "let user {to} open the mailbox of {user}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use crate::{Entry, Scenario};
    use outcome::{Failure, Mode};
    use serde_json::{Value, json};
    use workflow::Answer;

    /// A bench with these commands and a mailbox of this size.
    fn bench(commands: Value, bytes: u64) -> Bench {
        use msgraph_emulator::{Application, Mailbox, Sku, Tenant, User};
        let (grace, ada) = ("grace@contoso.example", "ada@contoso.example");
        let mailbox = Mailbox::new().sized(bytes);
        let tenant = Tenant::empty()
            .application(Application::default().role("Exchange.ManageAsApp"))
            .sku(Sku::new("SPE_E3", 1).plan("EXCHANGE_S_ENTERPRISE"))
            .user(User::new(ada, "Ada Lovelace"))
            .user(User::new(grace, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox));
        let params = json!({ "user": grace, "commands": commands });
        Bench::with(Entry::of::<RunExchangeCommand>(), Scenario { tenant, params })
    }

    async fn failure(bench: &Bench) -> Failure {
        match bench.run(Mode::Apply).await.answer {
            Answer::Failed(failure) => failure,
            other => panic!("should have failed: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_mailbox_too_large_for_no_licence_is_not_touched() {
        let commands = json!(["hide_from_address_lists", "convert_to_shared"]);
        let too_large = bench(commands.clone(), (50 << 30) + 1);
        assert_eq!(failure(&too_large).await.code, "mailbox_too_large");
        assert_eq!(too_large.effects(), [""; 0], "nothing is done in part");
        let fits = bench(commands, 50 << 30);
        assert!(matches!(fits.run(Mode::Apply).await.answer, Answer::Changed(changes) if changes.len() == 2));
    }

    #[tokio::test]
    async fn while_off_it_says_what_to_do_by_hand_and_sees_that_it_was_done() {
        let all = json!(["convert_to_shared", { "full_access": "ada@contoso.example" }]);
        let mut off = bench(all, 0);
        off.administers_exchange = false;
        let failure = failure(&off).await;
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (outcome::Class::Blocked, "exchange_commands_off")
        );
        for told in
            ["Set-Mailbox -Identity ", "-Type Shared", "Add-MailboxPermission", "Exchange admin center"]
        {
            assert!(failure.message.contains(told), "{failure}");
        }
        assert!(!failure.message.contains('@'), "{failure}");
        let asked = off.emulator.journal().into_iter().filter(|entry| entry.path.contains("adminapi"));
        assert_eq!(asked.count(), 0, "the undocumented interface is not used");

        let mut one = bench(json!(["convert_to_shared"]), 0);
        one.run(Mode::Apply).await;
        one.administers_exchange = false;
        assert_eq!(one.run(Mode::Apply).await.answer, Answer::Unchanged);
    }

    #[tokio::test]
    async fn a_recipient_needs_an_account_and_an_address() {
        let nobody = json!([{ "forward_to": "nobody@contoso.example" }]);
        assert_eq!(failure(&bench(nobody, 0)).await.code, "recipient_not_found");
        let own = json!([{ "full_access": "grace@contoso.example" }]);
        assert_eq!(failure(&bench(own, 0)).await.code, "own_recipient");
        let without_mail = json!([{ "forward_to": "ada@contoso.example" }]);
        assert_eq!(failure(&bench(without_mail, 0)).await.code, "recipient_without_mail");
    }
}
