//! The words of a filter.

use crate::http::query::quoted;
use crate::http::refusal::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword, a number, an id or a moment.
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
    Colon,
}

/// Splits a filter into its words. A single quote inside a text is doubled.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            ':' => Some(Token::Colon),
            _ => None,
        };
        if let Some(token) = single {
            tokens.push(token);
            rest = rest.get(1..).unwrap_or_default();
        } else if first == '\'' {
            let (value, after) = quoted(rest.get(1..).unwrap_or_default())?;
            tokens.push(Token::Text(value));
            rest = after;
        } else {
            let end = end_of_word(rest);
            let (word, after) = rest.split_at(end);
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// Where the first word ends. A colon between digits is part of a moment.
fn end_of_word(text: &str) -> usize {
    let is_moment = text.starts_with(|c: char| c.is_ascii_digit());
    let ends = |c: char| c.is_whitespace() || "(),'".contains(c) || (c == ':' && !is_moment);
    text.find(ends).unwrap_or(text.len()).max(1)
}
