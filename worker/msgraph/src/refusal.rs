//! Why the sign-in service refuses a token, and what somebody can do about it.

use std::fmt;

/// A refusal of the token endpoint, by its `AADSTS` number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignInRefusal {
    /// The number after `AADSTS`; zero if the answer holds none.
    number: u32,
    status: u16,
}

impl SignInRefusal {
    pub(crate) fn new(number: u32, status: u16) -> Self {
        Self { number, status }
    }

    /// Waiting helps: the service is busy, down, or takes us for a loop (50196).
    pub(crate) fn is_transient(self) -> bool {
        matches!(self.number, 90_006 | 90_033 | 50_196) || matches!(self.status, 408 | 429 | 500..=599)
    }

    /// What is wrong and what to do next; numbers as Microsoft Entra documents its error codes (2025).
    fn sentence(self) -> &'static str {
        match self.number {
            7_000_215 => {
                "the client secret is wrong; set it to the secret's value, which is shown once when it is made, not to its id"
            }
            7_000_222 => "the client secret has expired; make a new one for the application and set it",
            7_000_216 => "the client secret is missing; set it",
            700_016 => {
                "the application is unknown in this tenant; check the client id and the tenant id, and grant admin consent"
            }
            7_000_112 => "the application is disabled in this tenant; enable its enterprise application",
            90_002 | 900_021 | 900_023 | 5_000_224 => {
                "the tenant is unknown; check the tenant id and that the login address belongs to its cloud"
            }
            70_011 | 500_011 | 1_002_012 => {
                "the scope is not known there; check that the Graph address belongs to the same cloud as the login address"
            }
            65_001 => "nobody has consented to the application; an administrator has to grant admin consent",
            53_003 => {
                "a conditional access policy blocks the application; exclude it or allow this network for it"
            }
            9_002_313 | 900_144 => {
                "the request is malformed; check the client id and the client secret for stray characters"
            }
            _ if self.is_transient() => "the sign-in service is not available at the moment",
            _ => {
                "the sign-in service refuses the application; look its code up in the Microsoft Entra documentation"
            }
        }
    }
}

impl fmt::Display for SignInRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())?;
        match self.number {
            0 => write!(f, " (status {})", self.status),
            number => write!(f, " (AADSTS{number})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_credentials_are_for_an_administrator_and_outages_for_time() {
        for number in [7_000_215, 7_000_222, 700_016, 90_002, 70_011, 65_001, 12_345, 0] {
            assert!(!SignInRefusal::new(number, 401).is_transient(), "{number}");
        }
        for (number, status) in [(90_033, 400), (50_196, 400), (0, 429), (0, 503), (7_000_215, 503)] {
            assert!(SignInRefusal::new(number, status).is_transient(), "{number} {status}");
        }
    }

    #[test]
    fn the_text_says_what_to_do() {
        let text = SignInRefusal::new(7_000_222, 401).to_string();
        assert!(text.contains("expired; make a new one") && text.ends_with("(AADSTS7000222)"), "{text}");
        assert!(SignInRefusal::new(0, 503).to_string().ends_with("not available at the moment (status 503)"));
    }
}
