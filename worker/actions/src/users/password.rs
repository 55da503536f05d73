//! Passwords that nobody knows.

use secrecy::SecretString;
use uuid::Uuid;

/// A random password: 244 bits from the operating system, with a character of every class that a policy may require.
pub fn new_password() -> SecretString {
    let (one, two) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!("{one:x}-{two:X}aZ9!").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_password_has_every_class_of_character_and_comes_once() {
        let (one, two) = (new_password(), new_password());
        assert_ne!(one.expose_secret(), two.expose_secret());
        let has = |test: fn(&char) -> bool| one.expose_secret().chars().any(|c| test(&c));
        assert!(has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase));
        assert!(has(char::is_ascii_digit) && has(char::is_ascii_punctuation));
    }
}
