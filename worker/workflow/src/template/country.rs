//! Countries as people write them, and the code that Microsoft Graph knows them by.

use std::str::FromStr;

use celes::Country;

/// Codes that ISO 3166-1 does not assign and people write all the same: of the United Kingdom, and of Greece in the
/// European Union's own documents (Interinstitutional style guide, 2024).
const COMMON: [(&str, &str); 2] = [("UK", "GB"), ("EL", "GR")];

/// The longest text that is meant as a code.
const CODE: usize = 3;

/// The ISO 3166-1 alpha-2 code of a country: of a code of two or three letters in any case, or of an English name.
pub fn code_of(country: &str) -> Option<&'static str> {
    let letters: String = country.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    if letters.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    let common = COMMON.iter().find(|(written, _)| written.eq_ignore_ascii_case(&letters));
    common.map(|(_, code)| *code).or_else(|| Country::from_str(&letters).ok().map(|country| country.alpha2))
}

/// The filter `country_code`: the code of a country, or nothing for a name that is not known. What is as short as a
/// code and is none stays, so that whoever takes it can refuse it.
pub(super) fn country_code(country: &str) -> Option<String> {
    let is_short = country.trim().chars().count() <= CODE;
    code_of(country).map(ToOwned::to_owned).or_else(|| is_short.then(|| country.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_codes_and_its_english_name() {
        let rows = [
            ("GB", Some("GB")),
            ("gb", Some("GB")),
            (" gb ", Some("GB")),
            ("UK", Some("GB")),
            ("U.K.", Some("GB")),
            ("GBR", Some("GB")),
            ("United Kingdom", Some("GB")),
            ("EL", Some("GR")),
            ("deu", Some("DE")),
            ("Germany", Some("DE")),
            ("The Netherlands", Some("NL")),
            ("EN", None),
            ("ZZ", None),
            ("276", None),
            ("Deutschland", None),
            ("", None),
        ];
        for (country, code) in rows {
            assert_eq!(code_of(country), code, "{country}");
        }
    }

    #[test]
    fn an_unknown_code_stays_and_an_unknown_name_does_not() {
        assert_eq!(country_code("uk").as_deref(), Some("GB"));
        assert_eq!(country_code("EN").as_deref(), Some("EN"));
        assert_eq!(country_code("Deutschland"), None);
    }

    #[test]
    fn every_code_is_two_capital_letters() {
        for country in Country::get_countries() {
            assert!(country.alpha2.len() == 2 && country.alpha2.chars().all(|c| c.is_ascii_uppercase()));
            assert_eq!(code_of(country.alpha2), Some(country.alpha2));
        }
    }
}
