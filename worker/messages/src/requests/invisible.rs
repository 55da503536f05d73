//! Invisible characters in the people of an event: a space copied along, a byte order mark, a mark of direction.
//!
//! An identifier with such a character finds nobody, or creates a second account, and the event looks right. So the
//! refusal names the character.

use serde_json::{Map, Value};

use crate::cloudevent::violation::Violation;

/// Fields by which somebody is found or reached.
const IDENTIFIERS: [&str; 6] =
    ["entra_id", "upn", "employee_id", "usage_location", "email", "personal_email"];

/// Fields that people read.
const TEXTS: [&str; 9] = [
    "given_name",
    "family_name",
    "display_name",
    "job_title",
    "department",
    "office",
    "company",
    "country",
    "phone",
];

/// The violations of the event's person and manager.
pub(crate) fn violations(event: &Value) -> Vec<Violation> {
    let people = ["person", "manager"].into_iter().filter_map(|name| {
        let pointer = format!("/data/{name}");
        let fields = event.pointer(&pointer)?.as_object()?;
        Some((pointer, fields))
    });
    people.flat_map(|(pointer, fields)| of_person(&pointer, fields)).collect()
}

fn of_person(pointer: &str, fields: &Map<String, Value>) -> Vec<Violation> {
    let text = |name: &'static str| Some((name, fields.get(name)?.as_str()?));
    let identifiers = IDENTIFIERS.into_iter().filter_map(text).filter_map(|(name, text)| {
        let found = first(text, is_invisible);
        Some((name, found.or_else(|| outer_space(text))?))
    });
    let texts = TEXTS
        .into_iter()
        .filter_map(text)
        .filter_map(|(name, text)| Some((name, first(text, |c| is_invisible(c) && !is_of_script(c))?)));
    let said = |(name, (position, character)): (&str, (usize, char))| {
        let code = u32::from(character);
        let called = called(character).map(|name| format!(" ({name})")).unwrap_or_default();
        let message = format!(
            "has the invisible character U+{code:04X}{called} as its character {position}; remove it"
        );
        Violation::new(&format!("{pointer}/{name}"), message)
    };
    identifiers.chain(texts).map(said).collect()
}

/// The first such character, and its place counted from one.
fn first(text: &str, is_it: impl Fn(char) -> bool) -> Option<(usize, char)> {
    text.chars().enumerate().find(|(_, c)| is_it(*c)).map(|(place, c)| (place + 1, c))
}

/// A space before or after everything else.
fn outer_space(text: &str) -> Option<(usize, char)> {
    let last = text.chars().count();
    first(text, |_| true)
        .filter(|(_, c)| *c == ' ')
        .or_else(|| text.chars().next_back().filter(|c| *c == ' ').map(|c| (last, c)))
}

/// Controls, white space that is no plain space, and the characters of Unicode's class Cf that occur in text.
fn is_invisible(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    is_format || c.is_control() || (c.is_whitespace() && c != ' ')
}

/// Characters that some languages need in spelling: joiners, marks of direction, and spaces that do not break a line.
fn is_of_script(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{a0}' | '\u{202f}')
}

fn called(c: char) -> Option<&'static str> {
    Some(match c {
        ' ' => "space",
        '\t' => "tab",
        '\n' | '\r' => "line break",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "mark of direction",
        '\u{feff}' => "byte order mark",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(person: Value) -> Vec<String> {
        let event = json!({ "data": { "person": person } });
        violations(&event).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_invisible_character_is_named_with_its_place() {
        let rows = [
            (
                json!({ "upn": "ada\u{200b}@contoso.example" }),
                "upn",
                "U+200B (zero width space) as its character 4",
            ),
            (json!({ "employee_id": "1815 " }), "employee_id", "U+0020 (space) as its character 5"),
            (
                json!({ "employee_id": "\u{a0}1815" }),
                "employee_id",
                "U+00A0 (no-break space) as its character 1",
            ),
            (
                json!({ "entra_id": "\u{feff}5f0c" }),
                "entra_id",
                "U+FEFF (byte order mark) as its character 1",
            ),
            (json!({ "phone": "\u{202a}+44 20" }), "phone", "U+202A (mark of direction) as its character 1"),
            (json!({ "display_name": "Ada\tLovelace" }), "display_name", "U+0009 (tab) as its character 4"),
        ];
        for (person, field, named) in rows {
            let said = said(person);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(
                said[0].starts_with(&format!("/data/person/{field}: ")) && said[0].contains(named),
                "{said:?}"
            );
        }
        let manager = json!({ "data": { "manager": { "upn": "ada@contoso.example\u{200d}" } } });
        assert_eq!(violations(&manager)[0].pointer, "/data/manager/upn");
    }

    #[test]
    fn what_a_language_needs_stays() {
        for name in ["Ada Lovelace", "علی\u{200c}رضا", "Jean\u{a0}Marie", "क्\u{200d}ष"] {
            assert_eq!(
                said(json!({ "display_name": name, "upn": "ada@contoso.example" })),
                Vec::<String>::new()
            );
        }
        assert_eq!(said(json!({ "employee_id": "A 12", "notes": "\u{200b}" })), Vec::<String>::new());
    }
}
