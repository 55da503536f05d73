//! Reads a filter. The words of its refusals are OData's where a sample was found, or else ours.

use super::expression::{Expression, Function, Literal, Operator};
use super::tokens::{Token, tokens};
use crate::http::refusal::Refusal;

/// How deep a filter may be nested: more than Graph takes, and less than the stack.
const DEEPEST: usize = 50;

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
    /// The names that stand for the items of collections.
    variables: Vec<String>,
}

/// Reads a whole filter.
pub(super) fn filter(text: &str) -> Result<Expression, Refusal> {
    let tokens = tokens(text)?.into_iter().peekable();
    let mut parser = Parser { tokens, depth: 0, variables: Vec::new() };
    let expression = parser.or()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(_) => Err(syntax()),
    }
}

fn syntax() -> Refusal {
    Refusal::malformed("Invalid filter clause: Syntax error in the filter.")
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "ge" => Operator::AtLeast,
        "le" => Operator::AtMost,
        "gt" => Operator::Above,
        "lt" => Operator::Below,
        _ => return None,
    })
}

fn function(word: &str) -> Option<Function> {
    Some(match word.to_ascii_lowercase().as_str() {
        "startswith" => Function::StartsWith,
        "endswith" => Function::EndsWith,
        "contains" => Function::Contains,
        _ => return None,
    })
}

impl Parser {
    fn or(&mut self) -> Result<Expression, Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(syntax());
        }
        let mut left = self.and()?;
        while self.takes_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, Refusal> {
        let mut left = self.not()?;
        while self.takes_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, Refusal> {
        if !self.takes_word("not") {
            return self.clause();
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(syntax());
        }
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Expression::Not(Box::new(inner)))
    }

    fn clause(&mut self) -> Result<Expression, Refusal> {
        if self.takes(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let word = self.word()?;
        if let Some(function) = function(&word) {
            self.expect(&Token::Open)?;
            let name = self.word()?;
            let name = self.property(&name);
            self.expect(&Token::Comma)?;
            let Some(Token::Text(text)) = self.tokens.next() else { return Err(syntax()) };
            self.expect(&Token::Close)?;
            return Ok(Expression::Call(function, name, text));
        }
        if let Some((name, "any")) =
            word.to_ascii_lowercase().rsplit_once('/').map(|(name, any)| (name.len(), any))
        {
            return self.any(word.get(..name).unwrap_or_default());
        }
        let comparison = self.word()?;
        if comparison.eq_ignore_ascii_case("in") {
            return Ok(Expression::Among(self.property(&word), self.literals()?));
        }
        let operator = operator(&comparison).ok_or_else(syntax)?;
        let literal = self.literal()?;
        match (word.strip_suffix("/$count"), &literal) {
            (None, _) => Ok(Expression::Compare(self.property(&word), operator, literal)),
            (Some(name), Literal::Bare(number)) => {
                let number = number.parse().map_err(|_| syntax())?;
                Ok(Expression::Count(self.property(name), operator, number))
            }
            (Some(_), _) => Err(syntax()),
        }
    }

    /// The rest of `collection/any(item: …)`.
    fn any(&mut self, collection: &str) -> Result<Expression, Refusal> {
        self.expect(&Token::Open)?;
        let variable = self.word()?;
        self.expect(&Token::Colon)?;
        let name = self.property(collection);
        self.variables.push(variable);
        let inner = self.or()?;
        self.variables.pop();
        self.expect(&Token::Close)?;
        Ok(Expression::Any(name, Box::new(inner)))
    }

    /// The property a path names, of an item where it begins with the item's variable.
    fn property(&self, path: &str) -> String {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match self.variables.iter().any(|variable| variable == first) {
            true => rest.to_owned(),
            false => path.to_owned(),
        }
    }

    fn literals(&mut self) -> Result<Vec<Literal>, Refusal> {
        self.expect(&Token::Open)?;
        let mut all = vec![self.literal()?];
        while self.takes(&Token::Comma) {
            all.push(self.literal()?);
        }
        self.expect(&Token::Close)?;
        Ok(all)
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => Ok(match word.as_str() {
                "null" => Literal::Null,
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                _ if word.starts_with(|c: char| c.is_ascii_hexdigit()) => Literal::Bare(word),
                _ => return Err(syntax()),
            }),
            _ => Err(syntax()),
        }
    }

    fn word(&mut self) -> Result<String, Refusal> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(syntax()),
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        self.tokens.next_if_eq(token).is_some()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.tokens.next_if(is_it).is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        self.takes(token).then_some(()).ok_or_else(syntax)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::filter;

    fn fits(text: &str) -> bool {
        let object = json!({
            "name": "O'Brien", "age": "40", "mail": null, "on": true, "made": "2026-03-02T08:00:00Z",
            "plans": [{ "id": "A1" }, { "id": "b2" }], "tags": ["Unified", "x"],
        });
        filter(text).unwrap().fits(&|name: &str| object.get(name).cloned() as Option<Value>)
    }

    #[test]
    fn a_filter_decides_which_objects_fit() {
        for yes in [
            "name eq 'o''brien'",
            "name in ('x', 'O''Brien')",
            "startswith(name,'o') and endsWith(name,'en')",
            "not(startswith(name,'x')) and mail eq null",
            "on eq true and (name eq 'x' or made ge 2026-03-02T08:00:00Z)",
            "plans/any(p:p/id eq 'B2')",
            "tags/Any(t: t eq 'unified')",
            "plans/$count eq 2 and tags/$count ne 0",
            "name ne 'x' or name eq 'x' and on eq false",
        ] {
            assert!(fits(yes), "{yes}");
        }
        for no in
            ["name eq 'Brien'", "on ne true", "made lt 2026-03-02T08:00:00Z", "plans/any(p:p/id eq 'c')"]
        {
            assert!(!fits(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = "(".repeat(5_000);
        let not = "not ".repeat(5_000);
        for wrong in [
            "",
            "name",
            "name eq",
            "name eq 'x",
            "name is 'x'",
            "(name eq 'x'",
            "name eq 'x' name",
            &deep,
            &not,
        ] {
            assert_eq!(filter(wrong).unwrap_err().code, "BadRequest", "{wrong:.20}");
        }
    }
}
