//! What licences cost: a CSV file with a line for each licence.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use uuid::Uuid;

use super::money::Amount;

/// Prices by licence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    by_id: BTreeMap<Uuid, Price>,
    /// In capitals.
    by_part_number: BTreeMap<String, Price>,
}

/// The price of a seat for a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) monthly: Amount,
    pub(crate) currency: String,
}

impl Prices {
    /// Reads a file with the columns licence (part number or id), monthly price and currency, with or without a header.
    ///
    /// # Errors
    ///
    /// What is wrong, for each line that is wrong.
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let mut prices = Self::default();
        let mut problems = Vec::new();
        let mut lines = csv::ReaderBuilder::new();
        lines.has_headers(false).flexible(true).trim(csv::Trim::All);
        for record in lines.from_reader(text.trim_start_matches('\u{feff}').as_bytes()).records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    problems.push(error.to_string());
                    continue;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            let fields: Vec<&str> = record.iter().collect();
            let is_header = line == 1 && fields.get(1).is_some_and(|price| !price.contains(char::is_numeric));
            if is_header || fields.iter().all(|field| field.is_empty()) {
                continue;
            }
            if let Err(problem) = prices.add(&fields) {
                problems.push(format!("line {line}: {problem}"));
            }
        }
        if problems.is_empty() { Ok(prices) } else { Err(problems) }
    }

    fn add(&mut self, fields: &[&str]) -> Result<(), String> {
        let [license, monthly, currency] = fields else {
            return Err(format!(
                "it has {} columns; there must be three: licence, monthly price, currency",
                fields.len()
            ));
        };
        if license.is_empty() {
            return Err("it names no licence".to_owned());
        }
        let monthly = Amount::parse(monthly).ok_or_else(|| {
            format!("`{monthly}` is no price; write it like 12.50, with at most six decimals")
        })?;
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_code {
            return Err(format!("`{currency}` is no currency; write its three letters, like EUR"));
        }
        let price = Price { monthly, currency: currency.to_ascii_uppercase() };
        let is_new = match Uuid::try_parse(license) {
            Ok(id) => insert(self.by_id.entry(id), price),
            Err(_) => insert(self.by_part_number.entry(license.to_uppercase()), price),
        };
        if is_new { Ok(()) } else { Err(format!("`{license}` has a price already")) }
    }

    /// The price of a licence; a price of its id counts before one of its part number.
    pub(crate) fn of(&self, id: Uuid, part_number: &str) -> Option<&Price> {
        self.by_id.get(&id).or_else(|| self.by_part_number.get(&part_number.to_uppercase()))
    }
}

fn insert<K: Ord>(entry: Entry<'_, K, Price>, price: Price) -> bool {
    match entry {
        Entry::Vacant(vacant) => {
            vacant.insert(price);
            true
        }
        Entry::Occupied(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_found_by_id_and_by_part_number() {
        let id = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
        let text = format!(
            "\u{feff}sku,price,currency\r\nspe_e3, 36.00 ,eur\r\n\r\n\"{}\",57,USD\r\n",
            id.to_uppercase()
        );
        let prices = Prices::read(&text).unwrap();
        let shown = |id: &str, part: &str| {
            let price = prices.of(id.parse().unwrap(), part);
            price.map(|price| format!("{} {}", price.monthly, price.currency))
        };
        assert_eq!(shown(id, "SPE_E3").as_deref(), Some("57.00 USD"));
        assert_eq!(shown("00000000-0000-0000-0000-000000000001", "SPE_E3").as_deref(), Some("36.00 EUR"));
        assert_eq!(shown("00000000-0000-0000-0000-000000000001", "EMS"), None);
    }

    #[test]
    fn every_line_that_is_wrong_is_named_with_its_number() {
        let text =
            "SPE_E3,36,EUR\nEMS,cheap 1,EUR\nSPE_E5,-1,EUR\nSPE_E1,10\nX,1,Euro\n,1,EUR\nspe_e3,1,EUR\n";
        let problems = Prices::read(text).unwrap_err();
        let starts: Vec<_> = problems.iter().map(|problem| problem.split(':').next().unwrap()).collect();
        assert_eq!(starts, ["line 2", "line 3", "line 4", "line 5", "line 6", "line 7"], "{problems:?}");
    }
}
