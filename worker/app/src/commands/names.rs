//! The names of the objects in a plan. A plan has only object ids, because it is kept. People who read it on a terminal
//! know names, so these are looked up to be printed. They are not stored.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use messages::PlannedStep;
use msgraph::{Client, UserKey};
use uuid::Uuid;

/// How many objects are looked up: a plan about more is longer than anybody reads.
const MOST: usize = 200;
/// How many at the same time; Graph takes that many in one batch.
const AT_ONCE: usize = 20;

/// Kinds of objects, as sentences about changes call them.
const KINDS: [(&str, Kind); 3] = [("user ", Kind::User), ("group ", Kind::Group), ("team ", Kind::Group)];

#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
}

/// Names by object id.
#[derive(Default)]
pub struct Names(BTreeMap<Uuid, String>);

impl Names {
    /// Looks up the objects that the steps of a plan name. An object that is not found keeps its id.
    pub async fn of(steps: &[PlannedStep], graph: &Client) -> Self {
        let mut sought = BTreeMap::new();
        for text in steps.iter().flat_map(texts) {
            sought.extend(objects_in(text).map(|(_, kind, id)| (id, kind)));
        }
        let look =
            sought.into_iter().take(MOST).map(async |(id, kind)| Some((id, name(kind, id, graph).await?)));
        let found: Vec<_> = stream::iter(look).buffer_unordered(AT_ONCE).collect().await;
        Self(found.into_iter().flatten().collect())
    }

    /// The steps with names in place of ids.
    pub fn put_into(&self, steps: &mut [PlannedStep]) {
        for step in steps {
            let changes = step.changes.iter_mut();
            let left = step.left.iter_mut().map(|left| &mut left.detail);
            let failure = step.failure.iter_mut().map(|failure| &mut failure.message);
            for text in changes.chain(left).chain(failure).chain(&mut step.reason) {
                *text = self.named(text);
            }
        }
    }

    fn named(&self, text: &str) -> String {
        let (mut named, mut rest) = (String::with_capacity(text.len()), 0);
        for (start, _, id) in objects_in(text) {
            let Some(name) = self.0.get(&id) else { continue };
            named.push_str(text.get(rest..start).unwrap_or_default());
            named.push_str(name);
            rest = start + UUID;
        }
        named.push_str(text.get(rest..).unwrap_or_default());
        named
    }
}

/// The length of an object id in text.
const UUID: usize = 36;

fn texts(step: &PlannedStep) -> impl Iterator<Item = &str> {
    let left = step.left.iter().map(|left| left.detail.as_str());
    let failure = step.failure.iter().map(|failure| failure.message.as_str());
    step.changes.iter().map(String::as_str).chain(left).chain(failure).chain(step.reason.as_deref())
}

/// Where the ids of objects begin in a text, and what they are of.
fn objects_in(text: &str) -> impl Iterator<Item = (usize, Kind, Uuid)> {
    text.char_indices().filter_map(move |(start, _)| {
        let id = Uuid::try_parse(text.get(start..start + UUID)?).ok()?;
        let before = text.get(..start)?;
        let (_, kind) = KINDS.into_iter().find(|(word, _)| before.ends_with(word))?;
        Some((start, kind, id))
    })
}

async fn name(kind: Kind, id: Uuid, graph: &Client) -> Option<String> {
    let id = id.to_string();
    match kind {
        Kind::User => {
            let key = UserKey::Id(id);
            graph.reader().user(&key, &["id", "userPrincipalName"]).await.ok()??.user_principal_name
        }
        Kind::Group => {
            let name = graph.reader().group(&id).await.ok()??.display_name?;
            Some(format!("'{name}'"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_where_a_name_is_known() {
        let (ada, nobody) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let engineers = Uuid::from_u128(3);
        let known = [(ada, "ada@contoso.example".to_owned()), (engineers, "'Engineers'".to_owned())];
        let names = Names(known.into());
        let text = format!("add user {ada} to group {engineers} for user {nobody}, run {ada}");
        let named = format!("add user ada@contoso.example to group 'Engineers' for user {nobody}, run {ada}");
        assert_eq!(names.named(&text), named);
        assert_eq!(names.named("ü user "), "ü user ");
    }
}
