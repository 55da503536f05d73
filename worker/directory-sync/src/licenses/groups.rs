//! The names of groups that give licences.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use futures_util::future::join_all;
use msgraph::Reader;
use uuid::Uuid;

use crate::note::{Note, Subject};

/// How many groups are read at the same time: a batch.
const TOGETHER: usize = 20;

/// The names that were read. A tenant has few groups that give licences, however many people it has.
#[derive(Default)]
pub(crate) struct GroupNames {
    names: HashMap<Uuid, Option<String>>,
    is_forbidden: bool,
}

impl GroupNames {
    /// Reads the names of these groups, each once. Returns a note if they may not be read.
    pub(crate) async fn learn(
        &mut self,
        reader: Reader<'_>,
        groups: impl Iterator<Item = Uuid>,
    ) -> Result<Option<Note>, msgraph::Error> {
        let new: BTreeSet<Uuid> = groups.filter(|group| !self.names.contains_key(group)).collect();
        let new: Vec<Uuid> = new.into_iter().collect();
        let mut note = None;
        for some in new.chunks(TOGETHER) {
            if self.is_forbidden {
                break;
            }
            let found =
                some.iter().map(|group| async move { (*group, reader.group(&group.to_string()).await) });
            for (group, found) in join_all(found).await {
                match found {
                    Ok(found) => {
                        self.names.insert(group, found.and_then(|group| group.display_name));
                    }
                    Err(error) if error.is_forbidden() => {
                        self.is_forbidden = true;
                        note = Some(Note::new(Subject::GroupNames, "grant GroupMember.Read.All"));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(note)
    }

    /// The name, or the id of a group whose name is unknown.
    pub(crate) fn name(&self, group: Uuid) -> Cow<'_, str> {
        match self.names.get(&group) {
            Some(Some(name)) => Cow::Borrowed(name),
            _ => Cow::Owned(group.to_string()),
        }
    }
}
