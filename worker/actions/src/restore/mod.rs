//! What a restore gives back: the things that a run took, sorted by how each can come back.
//!
//! The workflow `restore` reads the answer as its variable `snapshot`, and gives back what stands there with ordinary
//! actions. What cannot come back, or must not without an operator, is reported with the reason: what gives power, what
//! others decide, and what is gone for good.

mod account;
mod objects;
mod report;
mod settings;

use futures_util::future::try_join3;
use msgraph::Priority;
use outcome::{Failure, Left, Needs, Taken, TakenKind};
use serde_json::{Map, Value};
use workflow::Earlier;

use crate::{Error, View, World};

pub use report::{ReportUnrestored, report_unrestored};

/// One thing that a run took.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// The thing.
    pub taken: Taken,
    /// Why its names and texts are not known, if it had any.
    pub lacks: Option<String>,
}

/// What can be given back.
#[derive(Debug, Default)]
pub struct Restorable {
    /// The variable `snapshot` of templates.
    pub snapshot: Map<String, Value>,
    /// The properties of the account that come back, as the variable `person` of templates names them.
    pub person: Map<String, Value>,
    /// What cannot come back, and why.
    pub left: Vec<Left>,
}

/// The things of one account that a run took, each once: as it was before the run.
struct Things(Vec<Remembered>);

/// Sorts what a run took from the account with this object id by how it can come back.
///
/// # Errors
///
/// When the account is gone for good and the run kept too little to make it anew; outages and missing permissions.
pub async fn restorable(
    user: &str,
    remembered: Vec<Remembered>,
    world: &World,
) -> Result<Restorable, Failure> {
    let things = Things::of(user, remembered);
    let client = world.client().with_priority(Priority::Lifecycle);
    let view = View::new(client.reader(), Earlier::new(&[]), None).remembering(world.known());
    let found = try_join3(
        account::look(user, &things, view),
        objects::look(&things, view),
        objects::licenses(&things, view),
    );
    let (account, objects, licenses) = found.await?;
    let mut restorable = Restorable::default();
    for part in [account, objects, licenses, settings::of(&things)] {
        restorable.snapshot.extend(part.snapshot);
        restorable.person.extend(part.person);
        restorable.left.extend(part.left);
    }
    Ok(restorable)
}

impl Things {
    /// A step that was repeated may name a thing again: the first time it was as the run found it.
    fn of(user: &str, remembered: Vec<Remembered>) -> Self {
        let mut things: Vec<Remembered> = Vec::with_capacity(remembered.len());
        for thing in remembered.into_iter().filter(|thing| thing.taken.user.eq_ignore_ascii_case(user)) {
            let is_same = |known: &&Remembered| {
                let (known, taken) = (&known.taken, &thing.taken);
                known.kind == taken.kind && (has_one_value(taken.kind) || known.object == taken.object)
            };
            if things.iter().find(is_same).is_none() {
                things.push(thing);
            }
        }
        Self(things)
    }

    fn of_kind(&self, kind: TakenKind) -> impl Iterator<Item = &Remembered> {
        self.0.iter().filter(move |thing| thing.taken.kind == kind)
    }

    /// The texts of this kind, and a reason for each that is not known.
    fn texts(&self, kind: TakenKind, what: &str) -> (Vec<(&Taken, Value)>, Vec<Left>) {
        let (mut texts, mut left) = (Vec::new(), Vec::new());
        for Remembered { taken, lacks } in self.of_kind(kind) {
            match (&taken.text, lacks) {
                (Some(text), _) => texts.push((taken, text.clone())),
                (None, Some(why)) => left.push(lost("text_not_kept", format!("{what} is not known: {why}"))),
                (None, None) => {}
            }
        }
        (texts, left)
    }
}

/// Whether an account has one of this kind, which a run may change more than once.
fn has_one_value(kind: TakenKind) -> bool {
    use TakenKind::{Account, AutomaticReply, MailDelivery, Mailbox, Manager, Password, SignIn, UserType};
    let single = [Account, AutomaticReply, MailDelivery, Mailbox, Manager, Password, SignIn, UserType];
    single.contains(&kind)
}

/// The id with this name in what was taken.
fn id<'a>(taken: &'a Taken, name: &str) -> Option<&'a str> {
    taken.object.get(name)?.as_str()
}

/// Something that an operator has to give back, or to do without.
fn lost(code: &str, detail: String) -> Left {
    Left { code: code.to_owned(), detail, needs: Needs::Operator }
}

/// Rejects a restore before it has begun.
fn refused(code: &'static str, detail: impl Into<String>) -> Error {
    Error::rejected(&[], code, detail)
}

#[cfg(test)]
mod tests;
