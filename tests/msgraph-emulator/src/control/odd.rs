//! Answers that are right but for figures and lists in them: a quota below zero (onedrive-api-docs issue 1869, 2024-08-01),
//! numbers that are all zero or withheld (issue 1353, 2020), `null` where a list belongs (of objects that may not be
//! read).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is odd about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Odd {
    /// Every list in a row is `null`.
    NullLists,
    /// A listing has `null` in place of its list.
    NullListing,
    /// Every number is below zero.
    Negative,
    /// Every number is zero.
    Zero,
    /// No number is there.
    NoNumbers,
}

impl Odd {
    /// The body with what is odd about it. The list of a listing stays, unless it is that.
    pub(crate) fn answer(self, body: &[u8]) -> Option<Vec<u8>> {
        let mut body: Value = serde_json::from_slice(body).ok()?;
        match body.get_mut("value") {
            Some(rows @ Value::Array(_)) if self == Self::NullListing => *rows = Value::Null,
            Some(Value::Array(rows)) => rows.iter_mut().for_each(|row| self.spoil(row)),
            _ => self.spoil(&mut body),
        }
        serde_json::to_vec(&body).ok()
    }

    fn spoil(self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, field| !(self == Self::NoNumbers && field.is_number()));
                fields.values_mut().for_each(|field| self.spoil(field));
            }
            list @ Value::Array(_) if self == Self::NullLists => *list = Value::Null,
            Value::Array(list) => list.iter_mut().for_each(|field| self.spoil(field)),
            number @ Value::Number(_) if self == Self::Negative => *number = (-1).into(),
            number @ Value::Number(_) if self == Self::Zero => *number = 0.into(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_odd_changes() {
        let body = json!({ "@odata.count": 2, "value": [{ "id": "1", "quota": { "used": 7 }, "roles": ["owner"] }] });
        let odd = |odd: Odd| -> Value {
            let answer = odd.answer(body.to_string().as_bytes()).unwrap();
            serde_json::from_slice::<Value>(&answer).unwrap()["value"][0].clone()
        };
        assert_eq!(odd(Odd::NullLists), json!({ "id": "1", "quota": { "used": 7 }, "roles": null }));
        assert_eq!(odd(Odd::Negative), json!({ "id": "1", "quota": { "used": -1 }, "roles": ["owner"] }));
        assert_eq!(odd(Odd::Zero), json!({ "id": "1", "quota": { "used": 0 }, "roles": ["owner"] }));
        assert_eq!(odd(Odd::NoNumbers), json!({ "id": "1", "quota": {}, "roles": ["owner"] }));
        assert_eq!(Odd::Zero.answer(b"no JSON"), None);
        let listing = Odd::NullListing.answer(body.to_string().as_bytes()).unwrap();
        let listing: Value = serde_json::from_slice(&listing).unwrap();
        assert_eq!(listing, json!({ "@odata.count": 2, "value": null }));
    }
}
