//! A filter that was read, and whether an object fits it.

use serde_json::Value;

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    /// A number, an id or a moment, as it stands there.
    Bare(String),
    Bool(bool),
    Null,
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A function on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Compare(String, Operator, Literal),
    Among(String, Vec<Literal>),
    Call(Function, String, String),
    /// Whether one of a collection fits; the properties inside are those of its items, the empty name the item itself.
    Any(String, Box<Expression>),
    /// How many a collection has.
    Count(String, Operator, u64),
}

impl Literal {
    fn equals(&self, held: &Value) -> bool {
        match (self, held) {
            (Self::Null, held) => held.is_null(),
            (Self::Bool(wanted), Value::Bool(held)) => wanted == held,
            (Self::Text(wanted) | Self::Bare(wanted), Value::String(held)) => same(wanted, held),
            (Self::Bare(wanted), Value::Number(held)) => *wanted == held.to_string(),
            _ => false,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Bare(text) => Some(text),
            Self::Bool(_) | Self::Null => None,
        }
    }
}

/// The directory does not tell capitals from small letters.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl Operator {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::Below => order.is_lt(),
        }
    }
}

impl Expression {
    /// Whether an object fits, whose properties `get` reads.
    pub(super) fn fits(&self, get: &dyn Fn(&str) -> Option<Value>) -> bool {
        let held = |name: &str| get(name).unwrap_or(Value::Null);
        match self {
            Self::And(left, right) => left.fits(get) && right.fits(get),
            Self::Or(left, right) => left.fits(get) || right.fits(get),
            Self::Not(inner) => !inner.fits(get),
            Self::Compare(name, Operator::Equal, literal) => literal.equals(&held(name)),
            Self::Compare(name, Operator::NotEqual, literal) => !literal.equals(&held(name)),
            Self::Compare(name, operator, literal) => {
                let held = held(name);
                let pair = literal.text().zip(held.as_str());
                pair.is_some_and(|(wanted, held)| {
                    operator.holds(held.to_lowercase().cmp(&wanted.to_lowercase()))
                })
            }
            Self::Among(name, literals) => {
                let held = held(name);
                literals.iter().any(|literal| literal.equals(&held))
            }
            Self::Call(function, name, wanted) => {
                let (held, wanted) = (held(name), wanted.to_lowercase());
                held.as_str().map(str::to_lowercase).is_some_and(|held| match function {
                    Function::StartsWith => held.starts_with(&wanted),
                    Function::EndsWith => held.ends_with(&wanted),
                    Function::Contains => held.contains(&wanted),
                })
            }
            Self::Any(name, inner) => {
                let held = held(name);
                let mut items = held.as_array().into_iter().flatten();
                items.any(|item| {
                    inner.fits(&|name| {
                        if name.is_empty() { Some(item.clone()) } else { item.get(name).cloned() }
                    })
                })
            }
            Self::Count(name, operator, wanted) => {
                let count = held(name).as_array().map_or(0, Vec::len) as u64;
                operator.holds(count.cmp(wanted))
            }
        }
    }

    /// How many comparisons it has.
    pub(super) fn clauses(&self) -> usize {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.clauses() + right.clauses(),
            Self::Not(inner) | Self::Any(_, inner) => inner.clauses(),
            Self::Among(_, literals) => literals.len(),
            Self::Compare(..) | Self::Call(..) | Self::Count(..) => 1,
        }
    }

    /// Whether one of several has to fit.
    pub(super) fn is_choice(&self) -> bool {
        match self {
            Self::Or(..) | Self::Among(..) => true,
            Self::And(left, right) => left.is_choice() || right.is_choice(),
            Self::Not(inner) | Self::Any(_, inner) => inner.is_choice(),
            Self::Compare(..) | Self::Call(..) | Self::Count(..) => false,
        }
    }
}
