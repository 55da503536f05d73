//! Names in place of ids, so that a golden reads as what is done to people: people by the name they sign in with,
//! groups and teams by their display name in quotes, and anything the tenant does not know as `<id>`.

use std::collections::BTreeMap;

use serde_json::Value;

const ID_LENGTH: usize = 36;

/// What the objects of a tenant are called.
#[derive(Default)]
pub struct Names {
    by_id: BTreeMap<String, String>,
    /// Every id that the tenant mentions anywhere.
    known: String,
}

impl Names {
    /// Learns the names in a state of the tenant. A name learned earlier stays, also when the object is renamed.
    pub fn learn(&mut self, state: &Value) {
        self.known.push_str(&state.to_string());
        for kind in ["users", "deletedUsers"] {
            for (id, user) in objects(state, kind) {
                let name = user["userPrincipalName"].as_str().unwrap();
                self.by_id.entry(id.clone()).or_insert_with(|| name.to_owned());
            }
        }
        let groups: Vec<_> = objects(state, "groups").collect();
        for (id, group) in &groups {
            let name = group["displayName"].as_str().unwrap();
            let alike = groups.iter().filter(|(_, other)| other["displayName"] == name);
            let alike: Vec<_> = alike.map(|(other, _)| other).collect();
            let place = alike.iter().position(|other| *other == id).unwrap();
            // Two groups may have the same name: each keeps a number of its own.
            let number = if alike.len() > 1 { format!(" #{}", place + 1) } else { String::new() };
            self.by_id.entry((*id).clone()).or_insert_with(|| format!("'{name}'{number}"));
        }
    }

    /// The text with names for ids. Ids that the tenant never mentions become `<id>`.
    pub fn insert(&self, text: &str) -> String {
        replace_ids(text, |id| match self.by_id.get(id) {
            Some(name) => Some(name.clone()),
            None if self.known.contains(id) => None,
            None => Some("<id>".to_owned()),
        })
    }

    /// As [`Names::insert`], but leaves an id that the tenant never mentions as it is.
    pub fn insert_known(&self, text: &str) -> String {
        replace_ids(text, |id| self.by_id.get(id).cloned())
    }
}

fn objects<'a>(state: &'a Value, kind: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    state[kind].as_object().into_iter().flatten()
}

fn replace_ids(text: &str, replacement: impl Fn(&str) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = rest.get(..ID_LENGTH).filter(|word| is_id(word));
        match id.and_then(&replacement) {
            Some(name) => {
                replaced.push_str(&name);
                rest = &rest[ID_LENGTH..];
            }
            None => {
                replaced.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    replaced
}

fn is_id(word: &str) -> bool {
    word.chars().enumerate().all(|(at, c)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(number: u8) -> String {
        format!("6f0a8a6c-0001-4000-8000-0000000000{number:02}")
    }

    #[test]
    fn people_and_groups_get_their_names_and_strange_ids_are_struck_out() {
        let mut names = Names::default();
        names.learn(&json!({
            "tenantId": id(5),
            "users": { id(1): { "userPrincipalName": "ada@contoso.example" } },
            "groups": {
                id(2): { "displayName": "Engineers" },
                id(3): { "displayName": "Project Kiruna" },
                id(4): { "displayName": "Project Kiruna" },
            },
        }));
        names.learn(&json!({ "users": { id(1): { "userPrincipalName": "ada.king@contoso.example" } } }));
        let [ada, engineers, kiruna, other, tenant, strange] = [1, 2, 3, 4, 5, 6].map(id);
        let text = format!(
            "é add user {ada} to {engineers}, {kiruna}, {other}; tenant {tenant}, request {strange}."
        );
        let expected = |strange: &str| {
            format!(
                "é add user ada@contoso.example to 'Engineers', 'Project Kiruna' #1, 'Project Kiruna' #2; \
                 tenant {tenant}, request {strange}."
            )
        };
        assert_eq!(names.insert(&text), expected("<id>"));
        assert_eq!(names.insert_known(&text), expected(&strange));
    }
}
