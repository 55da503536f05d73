//! Names for ids. Results, logs and dead letters hold ids only; this tenant is invented, so the demo may show names.

use std::collections::BTreeMap;

use msgraph_emulator::Emulator;
use serde_json::Value;

/// The names of the tenant's objects.
pub struct Names {
    /// By id.
    objects: BTreeMap<String, String>,
    /// By the name they sign in with.
    people: BTreeMap<String, String>,
}

impl Names {
    /// The names as they are now.
    pub fn of(emulator: &Emulator) -> Self {
        let state = emulator.state();
        let objects = [("users", "displayName"), ("groups", "displayName"), ("skus", "skuPartNumber")];
        let objects = objects.iter().flat_map(|(kind, name)| {
            let all = objects_of(&state, kind);
            all.filter_map(|(id, object)| Some((id.clone(), text(object, name)?)))
        });
        let people = objects_of(&state, "users").filter_map(|(_, person)| {
            Some((text(person, "userPrincipalName")?, text(person, "displayName")?))
        });
        Self { objects: objects.collect(), people: people.collect() }
    }

    /// The id of what has this name.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.objects.iter().find(|(_, known)| *known == name).map(|(id, _)| id.as_str())
    }

    /// The name of what the text is about: the first thing in it that has one.
    pub fn first_in(&self, text: &str) -> Option<&str> {
        let found = self.all().filter_map(|(key, name)| Some((text.find(key)?, name)));
        found.min().map(|(_, name)| name)
    }

    /// The text without the person's own name: `add user <id> to group <id>` becomes `add to group Analysts`.
    pub fn about(&self, person: &str, text: &str) -> String {
        let text = self.all().fold(text.to_owned(), |text, (key, name)| {
            text.replace(&format!("user {key}"), name).replace(key, name)
        });
        let phrases = [" of ", " from ", " to ", " "];
        let text = phrases.iter().fold(text, |text, phrase| text.replace(&format!("{phrase}{person}"), ""));
        let words: Vec<_> = text.split(' ').map(|word| if is_nameless(word) { "…" } else { word }).collect();
        words.join(" ")
    }

    /// A change to a person as a sign and a noun; one without a rule below keeps the emulator's words.
    pub fn signed(&self, person: &str, effect: &str) -> String {
        let effect = self.about(person, effect);
        let effect = effect.strip_suffix(", told 1 attendees").unwrap_or(&effect);
        let signs = [
            ("create inbox rule Gatehouse: forward mail: forwardTo, stopProcessingRules", "+ forwarding"),
            ("create", "+ account"),
            ("set manager to ", "+ manager "),
            ("assign license ", "+ "),
            ("add to group ", "+ "),
            ("add to team ", "+ "),
            ("set automatic replies: alwaysEnabled", "+ automatic reply"),
            ("set whether must change the password", "+ password to be changed"),
            ("disable", "- sign-in"),
            ("revoke sessions", "- sessions"),
            ("set password", "- password"),
            ("cancel meeting ", "- meeting "),
            ("delete event ", "- event "),
            ("remove permission on calendar ", "- share of "),
            ("remove license ", "- "),
            ("remove from group ", "- "),
            ("remove from team ", "- "),
            ("remove phone", "- phone"),
        ];
        let signed =
            signs.iter().find_map(|(words, sign)| Some(format!("{sign}{}", effect.strip_prefix(words)?)));
        signed.unwrap_or_else(|| effect.to_owned())
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.objects.iter().chain(&self.people).map(|(key, name)| (key.as_str(), name.as_str()))
    }
}

/// Whether a word is the id of an object without a name.
fn is_nameless(word: &str) -> bool {
    let word = word.trim_end_matches([';', ',']);
    word.len() > 30 && word.bytes().any(|byte| byte.is_ascii_digit())
}

fn objects_of<'a>(state: &'a Value, kind: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    state.get(kind).and_then(Value::as_object).into_iter().flatten()
}

fn text(object: &Value, property: &str) -> Option<String> {
    object.get(property)?.as_str().map(str::to_owned)
}
