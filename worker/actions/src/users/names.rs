//! Sign-in names: written in the letters that Entra accepts, and alternatives for when one is taken.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Error;

/// The characters of a name besides letters and digits ("userPrincipalName", Microsoft Graph documentation, 2025).
const MARKS: &str = "'.-_!#^~";
/// The characters of an alias besides letters and digits ("mailNickname", Microsoft Graph documentation, 2025).
const ALIAS_MARKS: &str = "!#$%&'*+-/=?^_`{|}~.";
/// The longest part before and after the `@` (IdFix documentation, 2024).
const LONGEST: (usize, usize) = (64, 48);
/// The highest number that is appended to a name.
const HIGHEST_NUMBER: u32 = 99;

/// Letters of the Latin script, and their spelling without marks.
const LETTERS: &[(&str, &str)] = &[
    ("ÀÁÂÃÄÅĀĂĄǍǞǠǺȀȂȦḀẠẢẤẦẨẪẬẮẰẲẴẶ", "A"),
    ("àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặª", "a"),
    ("ÆǢǼ", "Ae"),
    ("æǣǽ", "ae"),
    ("ḂḄḆƁ", "B"),
    ("ḃḅḇɓ", "b"),
    ("ÇĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ÐĎĐḊḌḎḐḒƊ", "D"),
    ("ðďđḋḍḏḑḓɗ", "d"),
    ("ÈÉÊËĒĔĖĘĚȄȆȨẸẺẼẾỀỂỄỆƏ", "E"),
    ("èéêëēĕėęěȅȇȩẹẻẽếềểễệə", "e"),
    ("ĜĞĠĢǤǦǴḠ", "G"),
    ("ĝğġģǥǧǵḡ", "g"),
    ("ĤĦȞḢḤḦḨḪ", "H"),
    ("ĥħȟḣḥḧḩḫ", "h"),
    ("ÌÍÎÏĨĪĬĮİǏȈȊỈỊ", "I"),
    ("ìíîïĩīĭįıǐȉȋỉị", "i"),
    ("Ĳ", "Ij"),
    ("ĳ", "ij"),
    ("Ĵ", "J"),
    ("ĵǰ", "j"),
    ("ĶǨḰḲḴƘ", "K"),
    ("ķǩḱḳḵƙĸ", "k"),
    ("ĹĻĽĿŁḶḸḺḼ", "L"),
    ("ĺļľŀłḷḹḻḽ", "l"),
    ("ḾṀṂ", "M"),
    ("ḿṁṃ", "m"),
    ("ÑŃŅŇŊǸṄṆṈṊ", "N"),
    ("ñńņňŋǹṅṇṉṋŉ", "n"),
    ("ÒÓÔÕÖØŌŎŐƠǑǪǬǾȌȎȪȬȮȰỌỎỐỒỔỖỘỚỜỞỠỢ", "O"),
    ("òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱọỏốồổỗộớờởỡợº", "o"),
    ("Œ", "Oe"),
    ("œ", "oe"),
    ("ṔṖ", "P"),
    ("ṕṗ", "p"),
    ("ŔŖŘȐȒṘṚṞ", "R"),
    ("ŕŗřȑȓṙṛṟ", "r"),
    ("ŚŜŞŠȘṠṢ", "S"),
    ("śŝşšșṡṣſ", "s"),
    ("ẞ", "SS"),
    ("ß", "ss"),
    ("ŢŤŦȚṪṬṮṰ", "T"),
    ("ţťŧțṫṭṯṱ", "t"),
    ("Þ", "Th"),
    ("þ", "th"),
    ("ÙÚÛÜŨŪŬŮŰŲƯǓǕǗǙǛȔȖỤỦỨỪỬỮỰ", "U"),
    ("ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữự", "u"),
    ("ẀẂẄŴ", "W"),
    ("ẁẃẅŵ", "w"),
    ("ÝŶŸȲỲỴỶỸ", "Y"),
    ("ýÿŷȳỳỵỷỹ", "y"),
    ("ŹŻŽẐẒẔƵ", "Z"),
    ("źżžẑẓẕƶ", "z"),
    // Apostrophes as typed and as printed, and letters that look like one.
    ("’‘ʼʹ`´", "'"),
    ("‐‑–—", "-"),
];

/// The names to try when another person has the first one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IfTaken {
    names: Vec<String>,
    then_number: bool,
}

/// The word for a number behind the first name.
const NUMBER: &str = "number";
/// A name, or that word, as the published schema has it.
const NAME_OR_NUMBER: &str = "@|^number$";

impl<'de> Deserialize<'de> for IfTaken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "if_taken: expected `number`, or a list of names with an @, of which the last may be `number`";
        let mut names = match Option::<Value>::deserialize(deserializer)? {
            None => Vec::new(),
            Some(Value::String(word)) => vec![word],
            Some(list) => Vec::<String>::deserialize(list).map_err(|_| serde::de::Error::custom(EXPECTED))?,
        };
        let then_number = names.last().is_some_and(|last| last == NUMBER);
        names.truncate(names.len() - usize::from(then_number));
        let is_name = |name: &String| name.contains('@');
        if !names.iter().all(is_name) {
            return Err(serde::de::Error::custom(EXPECTED));
        }
        Ok(Self { names, then_number })
    }
}

impl JsonSchema for IfTaken {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IfTaken".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "null" },
                { "type": "string", "pattern": NAME_OR_NUMBER },
                {
                    "type": "array",
                    "items": {
                        "type": "string", "pattern": NAME_OR_NUMBER, "examples": ["a.lovelace@contoso.example"],
                    },
                    // It has to be the last, which JSON Schema cannot say.
                    "contains": { "const": NUMBER }, "minContains": 0, "maxContains": 1,
                },
            ],
        })
    }
}

/// The names to try, in order: the first, then the others, then the first with a number behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    names: Vec<String>,
    /// Whether the account's name can be another than the one in the event.
    is_choice: bool,
}

impl Names {
    /// Writes each in the letters that Entra accepts.
    ///
    /// # Errors
    ///
    /// `upn_invalid`, if one cannot be written so.
    pub fn of(first: &str, if_taken: &IfTaken) -> Result<Self, Error> {
        let written = written(first)?;
        let is_choice = *if_taken != IfTaken::default() || written != first;
        let (local, domain) = written.split_once('@').unwrap_or_default();
        let mut names = vec![written.clone()];
        for name in &if_taken.names {
            names.push(self::written(name)?);
        }
        if if_taken.then_number {
            let numbered = (2..=HIGHEST_NUMBER).map(|number| with_number(local, number, domain));
            names.extend(numbered);
        }
        let mut distinct: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            if !distinct.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                distinct.push(name);
            }
        }
        Ok(Self { names: distinct, is_choice })
    }

    /// Refuses to choose among names for a person without an employee id: the next run could take another person's
    /// account for theirs.
    pub fn refuse_choice(&self) -> Result<(), Error> {
        let detail = "several sign-in names are possible, or the name has other letters than the event gives, so only \
                      an employee id tells this person from others of the name; set person.employee_id, or give one \
                      name in plain letters";
        if self.is_choice {
            Err(Error::rejected(&["employee_id"], "employee_id_missing", detail))
        } else {
            Ok(())
        }
    }

    /// All of them, in order.
    pub fn all(&self) -> &[String] {
        &self.names
    }
}

/// Shortens a name that would become too long; the number stays.
fn with_number(local: &str, number: u32, domain: &str) -> String {
    let number = number.to_string();
    let kept = local.get(..LONGEST.0 - number.len()).unwrap_or(local);
    format!("{kept}{number}@{domain}")
}

/// A name in the letters that Entra accepts, without accents and without spaces between words.
fn written(name: &str) -> Result<String, Error> {
    let (local, domain) = name.split_once('@').ok_or_else(|| invalid("has no @ followed by a domain"))?;
    if domain.is_empty() || domain.contains('@') {
        return Err(invalid("needs exactly one @ followed by a domain"));
    }
    let local = plain(local, MARKS)
        .ok_or_else(|| invalid("has a letter that is not Latin; set person.upn in Latin letters"))?;
    if local.is_empty() {
        return Err(invalid("has nothing before the @"));
    }
    if local.len() > LONGEST.0 || domain.len() > LONGEST.1 {
        let rule =
            format!("is too long: at most {} characters before the @ and {} after it", LONGEST.0, LONGEST.1);
        return Err(invalid(&rule));
    }
    Ok(format!("{local}@{domain}"))
}

/// A text in the letters that Entra accepts and these marks. Entra accepts no dot at either end, and mail no two dots side by side
/// (RFC 5321).
fn plain(text: &str, marks: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || marks.contains(letter) {
            plain.push(letter);
        } else if let Some((_, latin)) = LETTERS.iter().find(|(letters, _)| letters.contains(letter)) {
            plain.push_str(latin);
        } else if letter.is_alphanumeric() {
            return None;
        }
    }
    let words: Vec<_> = plain.split('.').filter(|word| !word.is_empty()).collect();
    Some(words.join("."))
}

/// An e-mail alias in the letters that Exchange accepts (`mailNickname`, Microsoft Graph documentation, 2025).
///
/// # Errors
///
/// `alias_invalid`, if it cannot be written so.
pub fn alias(asked: &str) -> Result<String, Error> {
    let refused =
        |why: &str| Error::rejected(&["mail_nickname"], "alias_invalid", format!("mail_nickname {why}"));
    if asked.contains('@') {
        return Err(refused("is an alias, not an address: leave out the @ and what follows"));
    }
    let alias = plain(asked, ALIAS_MARKS)
        .ok_or_else(|| refused("has a letter that is not Latin; write it in Latin letters"))?;
    match alias.len() {
        0 => Err(refused("has no letter or digit")),
        length if length > LONGEST.0 => {
            Err(refused(&format!("is too long: at most {} characters", LONGEST.0)))
        }
        _ => Ok(alias),
    }
}

fn invalid(why: &str) -> Error {
    Error::rejected(&["user_principal_name", "if_taken"], "upn_invalid", format!("a sign-in name {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::parameters::tests::assert_agree;
    use outcome::Failure;
    use serde_json::json;

    fn names(first: &str, if_taken: Value) -> Names {
        Names::of(first, &serde_json::from_value(if_taken).unwrap()).unwrap()
    }

    #[test]
    fn accents_and_what_separates_words_are_not_written() {
        let rows = [
            ("Ada.Lovelace", "Ada.Lovelace"),
            ("Zoë.Ångström-Ibáñez", "Zoe.Angstrom-Ibanez"),
            ("Łukasz.Žižka", "Lukasz.Zizka"),
            ("Jürgen.Weiß", "Jurgen.Weiss"),
            ("Þóra.Æsirsdóttir", "Thora.Aesirsdottir"),
            ("Maeve.O’Neill", "Maeve.O'Neill"),
            ("Mary Ann.de la Cruz", "MaryAnn.delaCruz"),
            // Decomposed: the accent is a character of its own.
            ("Rene\u{301}.Nguye\u{302}\u{303}n", "Rene.Nguyen"),
            (".Ada..Lovelace, PhD.", "Ada.LovelacePhD"),
        ];
        for (name, expected) in rows {
            let names = names(&format!("{name}@contoso.example"), Value::Null);
            assert_eq!(names.all(), [format!("{expected}@contoso.example")]);
            assert_eq!(names.is_choice, name != expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_written_is_refused_and_not_quoted() {
        let long = "a".repeat(65);
        for name in [
            "Ada",
            "ada@home@contoso.example",
            "ada@",
            "@contoso.example",
            "..@contoso.example",
            "Ада@contoso.example",
            "愛@x",
            &long,
        ] {
            let name = if name.len() == 65 { format!("{name}@contoso.example") } else { name.to_owned() };
            let failure = Failure::from(Names::of(&name, &IfTaken::default()).unwrap_err());
            assert_eq!(failure.code, "upn_invalid");
            assert!(!failure.message.contains(&name), "{failure}");
        }
    }

    #[test]
    fn an_alias_is_made_valid_or_refused_by_name() {
        for (asked, expected) in
            [("ada", "ada"), ("Ada Lovelace", "AdaLovelace"), ("zoë..a.", "zoe.a"), ("r&d+zoe", "r&d+zoe")]
        {
            assert_eq!(alias(asked).ok().as_deref(), Some(expected), "{asked}");
        }
        for asked in ["ada@contoso.example", "Ада", " ", "…", &"a".repeat(65)] {
            let failure = Failure::from(alias(asked).unwrap_err());
            assert_eq!(failure.code, "alias_invalid", "{asked}");
            assert!(failure.message.starts_with("mail_nickname "), "{failure}");
        }
    }

    #[test]
    fn others_are_tried_in_order_and_then_numbers() {
        let one = "ada.lovelace@contoso.example";
        assert_eq!(names(one, Value::Null).all(), [one]);
        assert!(!names(one, Value::Null).is_choice);
        let all = names(one, json!(["Ada.Lovelace@contoso.example", "a.lovelace@contoso.example", "number"]));
        assert!(all.is_choice);
        assert_eq!(all.all().len(), 2 + 98);
        assert_eq!(
            all.all()[..4],
            [
                one,
                "a.lovelace@contoso.example",
                "ada.lovelace2@contoso.example",
                "ada.lovelace3@contoso.example"
            ]
        );
        assert_eq!(names(one, json!("number")).all()[98], "ada.lovelace99@contoso.example");
        let long = format!("{}@contoso.example", "a".repeat(64));
        assert_eq!(names(&long, json!("number")).all()[1], format!("{}2@contoso.example", "a".repeat(63)));
        for wrong in [json!("twice"), json!(["number", one]), json!(7), json!([7])] {
            assert!(serde_json::from_value::<IfTaken>(wrong).is_err());
        }
    }
    #[test]
    fn alternatives_are_published_as_they_are_read() {
        let one = "a.lovelace@contoso.example";
        assert_agree::<IfTaken, IfTaken>(&[
            (json!(null), true),
            (json!("number"), true),
            (json!(one), true),
            (json!([]), true),
            (json!([one, "number"]), true),
            (json!("twice"), false),
            (json!(["number", "number"]), false),
            (json!(["ada"]), false),
            (json!([7]), false),
            (json!(7), false),
            (json!({}), false),
        ]);
    }
}
