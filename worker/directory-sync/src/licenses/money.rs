//! Money without rounding: whole millionths of a currency's unit.
//!
//! A price of a list has at most six decimals here, and a sum of a million seats at a thousand a month is far below
//! what 64 bits hold; a sum beyond that stays at the largest amount instead of wrapping round.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

const MILLION: i64 = 1_000_000;

/// An amount in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i64);

impl Amount {
    /// Reads an amount like `12`, `12.5` or `0.000001`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(decimals) || decimals.len() > 6 {
            return None;
        }
        if text.ends_with('.') {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let decimals: i64 = format!("{decimals:0<6}").parse().ok()?;
        whole.checked_mul(MILLION)?.checked_add(decimals).map(Self)
    }

    /// The amount for this many seats.
    pub(crate) fn times(self, seats: i64) -> Self {
        Self(self.0.saturating_mul(seats))
    }
}

/// With two decimals, or as many as it has.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:06}", (self.0 % MILLION).abs());
        let shown = decimals.trim_end_matches('0');
        write!(f, "{}.{shown:0<2}", self.0 / MILLION)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Amounts by currency. Amounts of different currencies are never added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Money(BTreeMap<String, Amount>);

impl Money {
    pub(crate) fn of(amount: Option<Amount>, currency: Option<&str>) -> Self {
        let mut money = Self::default();
        if let (Some(amount), Some(currency)) = (amount, currency) {
            money.add(amount, currency);
        }
        money
    }

    pub(crate) fn add(&mut self, amount: Amount, currency: &str) {
        let sum = self.0.entry(currency.to_owned()).or_default();
        sum.0 = sum.0.saturating_add(amount.0);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing that there is costs anything.
    pub fn is_zero(&self) -> bool {
        self.0.values().all(|amount| amount.0 == 0)
    }
}

/// Like `1,234.50 EUR, 3.00 USD`: to read. Data have their amounts as plain numbers.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (currency, amount)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} {currency}", grouped(&amount.to_string()))?;
        }
        Ok(())
    }
}

/// An amount with its thousands apart.
fn grouped(amount: &str) -> String {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}.{decimals}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, shown) in [("12", "12.00"), ("12.5", "12.50"), ("0.000001", "0.000001"), ("00.10", "0.10")]
        {
            assert_eq!(Amount::parse(text).unwrap().to_string(), shown);
        }
        for text in
            ["", ".5", "5.", "-1", "+1", "1e3", "1,5", "1.0000001", " 1", "9999999999999999999", "NaN"]
        {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        assert_eq!(Amount::parse("0.1").unwrap().times(3).to_string(), "0.30");
        assert_eq!(Amount(i64::MAX).times(2), Amount(i64::MAX));
    }

    #[test]
    fn currencies_are_not_mixed() {
        let mut money = Money::default();
        money.add(Amount::parse("1.10").unwrap(), "USD");
        money.add(Amount::parse("2").unwrap(), "EUR");
        money.add(Amount::parse("2.20").unwrap(), "USD");
        assert_eq!(money.to_string(), "2.00 EUR, 3.30 USD");
        assert_eq!(serde_json::to_string(&money).unwrap(), r#"{"EUR":"2.00","USD":"3.30"}"#);
    }

    #[test]
    fn thousands_are_apart_for_people_and_not_in_data() {
        for (amount, shown) in [("999", "999.00"), ("1000.5", "1,000.50"), ("1234567.005", "1,234,567.005")] {
            let money = Money::of(Amount::parse(amount), Some("EUR"));
            assert_eq!(money.to_string(), format!("{shown} EUR"));
            assert!(!serde_json::to_string(&money).unwrap().contains(','), "{amount}");
        }
    }
}
