//! `$search`: clauses like `"displayName:ada"`, joined by AND and OR.

use serde_json::Value;

use super::rules::Kind;
use crate::http::refusal::Refusal;

/// The properties whose words are looked through. In the others the text is looked for at the start ("Use the $search
/// query parameter", 2024).
const BY_WORDS: [&str; 2] = ["displayName", "description"];

/// A search: one of the inner lists has to fit as a whole.
#[derive(Debug)]
pub(super) struct Search(Vec<Vec<Clause>>);

#[derive(Debug)]
struct Clause {
    property: String,
    wanted: String,
}

impl Search {
    pub(super) fn read(text: &str, kind: &Kind) -> Result<Self, Refusal> {
        let mut choices = vec![Vec::new()];
        let mut rest = text.trim();
        loop {
            let inside = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (clause, after) = inside.ok_or_else(|| colon(rest))?;
            let clause = Clause::read(clause, kind)?;
            if let Some(all) = choices.last_mut() {
                all.push(clause);
            }
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self(choices));
            }
            let (word, after) = rest.split_once(' ').ok_or_else(|| colon(rest))?;
            match word {
                "AND" => {}
                "OR" => choices.push(Vec::new()),
                _ => return Err(colon(rest)),
            }
            rest = after.trim_start();
        }
    }

    pub(super) fn fits(&self, get: &dyn Fn(&str) -> Option<Value>) -> bool {
        self.0.iter().any(|all| all.iter().all(|clause| clause.fits(get)))
    }
}

impl Clause {
    fn read(text: &str, kind: &Kind) -> Result<Self, Refusal> {
        // The wording is ours: no sample of Microsoft's was found.
        let (property, wanted) = text
            .split_once(':')
            .ok_or_else(|| Refusal::malformed("Invalid search clause: it names no property."))?;
        if !kind.searches(property) {
            return Err(Refusal::unsupported_query("An unsupported property was specified."));
        }
        Ok(Self { property: property.to_owned(), wanted: wanted.trim().to_lowercase() })
    }

    fn fits(&self, get: &dyn Fn(&str) -> Option<Value>) -> bool {
        let held = get(&self.property);
        let Some(held) = held.as_ref().and_then(Value::as_str) else { return false };
        if !BY_WORDS.contains(&self.property.as_str()) {
            return held.to_lowercase().starts_with(&self.wanted);
        }
        let words = words(held);
        let mut wanted = self.wanted.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        wanted.all(|wanted| words.iter().any(|word| word.starts_with(wanted)))
    }
}

/// The words of a text in small letters: they end where spaces, digits, signs and capitals begin. The text itself is
/// one, too.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![text.to_lowercase()];
    let mut last = None::<char>;
    let mut starts_anew = true;
    for c in text.chars() {
        let changes = last.is_some_and(|last| {
            (last.is_lowercase() && c.is_uppercase()) || last.is_numeric() != c.is_numeric()
        });
        if !c.is_alphanumeric() {
            starts_anew = true;
        } else if starts_anew || changes {
            words.push(c.to_lowercase().collect());
            starts_anew = false;
        } else {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        last = Some(c);
    }
    // What is written together is found together, too.
    words.extend(text.split_whitespace().map(str::to_lowercase));
    words
}

/// OData's refusal of a clause without double quotes.
fn colon(text: &str) -> Refusal {
    let at = text.find(|c: char| !c.is_alphanumeric() && !c.is_whitespace());
    let (position, character) =
        at.and_then(|at| Some((at, text.get(at..)?.chars().next()?))).unwrap_or((text.len(), '"'));
    Refusal::malformed(format!(
        "Syntax error: character '{character}' is not valid at position {position} in '{text}'."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rules::USERS;
    use super::{Search, words};

    #[test]
    fn words_end_at_spaces_signs_digits_and_capitals() {
        assert_eq!(
            words("OneVideo-7 Team"),
            ["onevideo-7 team", "one", "video", "7", "team", "onevideo-7", "team"]
        );
    }

    #[test]
    fn a_search_looks_for_words_or_for_a_start() {
        let fits = |text: &str| {
            let get = |name: &str| match name {
                "displayName" => Some(json!("Ada King Lovelace")),
                "mail" => Some(json!("ada@contoso.example")),
                _ => None,
            };
            Search::read(text, &USERS).unwrap().fits(&get)
        };
        for yes in
            [r#""displayName:love""#, r#""displayName:king ada""#, r#""mail:ADA@" AND "displayName:ada""#]
        {
            assert!(fits(yes), "{yes}");
        }
        assert!(fits(r#""displayName:grace" OR "mail:ada""#));
        for no in [r#""displayName:ove""#, r#""mail:contoso""#, r#""mail:ada" AND "displayName:grace""#] {
            assert!(!fits(no), "{no}");
        }
        let refused = |text: &str| Search::read(text, &USERS).unwrap_err();
        assert!(
            refused("displayName:ada")
                .message
                .starts_with("Syntax error: character ':' is not valid at position 11")
        );
        assert_eq!(refused(r#""ada""#).code, "BadRequest");
        assert_eq!(refused(r#""assignedLicenses:ada""#).code, "Request_UnsupportedQuery");
    }
}
