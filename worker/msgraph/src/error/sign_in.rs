//! Why the sign-in service refuses a token, and how an operator can fix it.

use std::fmt;
use std::sync::Arc;

use super::{Error, Inner, Kind};

/// A refusal of the token endpoint, by its `AADSTS` number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignInRefusal {
    /// The number after `AADSTS`; zero if the answer holds none.
    number: u32,
    status: u16,
    /// Whether the token was for the administration of Exchange.
    for_exchange_admin: bool,
}

impl SignInRefusal {
    pub(crate) fn new(number: u32, status: u16) -> Self {
        Self { number, status, for_exchange_admin: false }
    }

    /// A retry may succeed: the service is busy or down, or it detected a loop (50196).
    pub(crate) fn is_transient(self) -> bool {
        matches!(self.number, 90_006 | 90_033 | 50_196) || matches!(self.status, 408 | 429 | 500..=599)
    }

    /// A refusal that may end within minutes by itself, because not every server knows a new secret, certificate,
    /// federated credential or application yet. It can as well be a mistake that stays.
    pub(crate) fn may_settle(self) -> bool {
        matches!(self.number, 70_021 | 700_211..=700_213 | 700_016 | 700_027 | 7_000_215)
    }

    /// What is wrong, and how to fix it.
    fn sentence(self) -> &'static str {
        let known = SENTENCES.iter().find(|(numbers, _)| numbers.contains(&self.number));
        match known {
            Some((_, sentence)) => sentence,
            None if self.is_transient() => "the sign-in service is not available at the moment",
            None => {
                "the sign-in service refuses the application; look up its code in the Microsoft Entra documentation"
            }
        }
    }
}

/// What the numbers mean and how to fix it, from "Microsoft Entra authentication and authorization error codes" and
/// from real errors (2025). Microsoft may add a number at any time; the text then names the number alone.
const SENTENCES: [(&[u32], &str); 24] = [
    (
        &[7_000_215],
        "the client secret is wrong; set it to the secret's value, which is shown once when it is created, not to its id",
    ),
    (&[7_000_222], "the client secret has expired; create a new one for the application and set it"),
    (&[7_000_216], "the client secret is missing; set it"),
    (
        &[7_000_218],
        "the application must authenticate; for a service account, allow public client flows for the application",
    ),
    (
        &[700_025],
        "the application is a public client; set no client secret, certificate or federated token for it",
    ),
    (
        &[700_027, 700_021, 50_027, 5_002_723],
        "the certificate is not registered for the application; upload it to the application, or set the registered one",
    ),
    (
        &[700_024],
        "the assertion is not valid at this time; check the machine's clock and that the federated token is renewed",
    ),
    (
        &[700_023, 50_013],
        "the assertion was issued for another address; check the tenant id and the login address",
    ),
    (
        &[70_021, 700_211, 700_212, 700_213],
        "no federated credential matches the token; set issuer, subject and audience of the application's federated \
         credential to those of the token",
    ),
    (
        &[700_016, 7_000_229],
        "the application is unknown in this tenant; check the client id and the tenant id, and grant admin consent",
    ),
    (&[7_000_112], "the application is disabled in this tenant; enable its enterprise application"),
    (
        &[90_002, 900_021, 900_023, 5_000_224],
        "the tenant is unknown; check the tenant id and that the login address belongs to its cloud",
    ),
    (&[900_382, 900_432], "the application belongs to another cloud; set the cloud of its tenant"),
    (
        &[70_011, 500_011, 1_002_012],
        "the sign-in service does not know the scope; check that the Graph address and the login address belong to the \
         same cloud",
    ),
    (
        &[65_001, 90_094, 90_095],
        "the application has no consent; an administrator has to grant admin consent",
    ),
    (
        &[70_008, 700_082, 700_084],
        "the service account's sign-in has expired; run `gatehouse connect` to sign it in again",
    ),
    (
        &[50_173, 70_000, 70_043, 50_078, 50_132, 50_133],
        "the service account's sign-in was revoked, for example by a new password; run `gatehouse connect` to sign it \
         in again",
    ),
    (
        &[50_074, 50_076, 50_079, 50_158],
        "the service account must pass multifactor authentication; run `gatehouse connect` and pass it, or exclude the \
         account by policy",
    ),
    (&[50_055], "the service account's password has expired; set a new one and run `gatehouse connect`"),
    (&[50_057], "the service account is disabled; enable it, or connect another"),
    (&[50_053], "the service account is locked; wait, unlock it, and run `gatehouse connect`"),
    (
        &[50_020, 50_034, 50_105],
        "the service account may not use the application in this tenant; connect an account of the tenant, and assign \
         it to the application",
    ),
    (
        &[53_000, 53_001, 53_002, 53_003, 53_004],
        "a conditional access policy blocks the application; exclude the application or allow this network for it",
    ),
    (
        &[9_002_313, 900_144],
        "the request is malformed; check the client id and the client secret for stray characters",
    ),
];

/// What is wrong with a token.
impl Error {
    /// No token: the tenant, the application or its credential is wrong, and an administrator has to fix it.
    pub fn is_credentials(&self) -> bool {
        match &self.0.kind {
            Kind::SignIn(refusal) => !refusal.is_transient(),
            Kind::Credential(_) => true,
            _ => false,
        }
    }

    /// No token for Graph itself: nothing can be done in the tenant. A token for the administration of Exchange alone can
    /// be refused as well.
    pub fn is_shut_out(&self) -> bool {
        let is_partial = matches!(&self.0.kind, Kind::SignIn(refusal) if refusal.for_exchange_admin);
        self.is_credentials() && !is_partial
    }

    /// No token, for a reason that may end by itself within minutes: a new credential is not known everywhere yet.
    pub fn may_settle(&self) -> bool {
        matches!(&self.0.kind, Kind::SignIn(refusal) if refusal.may_settle())
    }

    /// What happened and what to do, without the request: the same for the same error.
    pub fn reason(&self) -> String {
        match &self.0.kind {
            Kind::SignIn(refusal) => refusal.to_string(),
            Kind::Credential(text) => text.clone(),
            _ => self.to_string(),
        }
    }

    /// The same failure to get a token, which was for the administration of Exchange.
    pub(crate) fn of_exchange_admin(self) -> Self {
        let Inner { kind: Kind::SignIn(refusal), peer, method, address, request_id, answer, .. } = &*self.0
        else {
            return self;
        };
        Self(Arc::new(Inner {
            kind: Kind::SignIn(SignInRefusal { for_exchange_admin: true, ..*refusal }),
            peer: *peer,
            method: method.clone(),
            address: address.clone(),
            request_id: request_id.clone(),
            answer: answer.clone(),
            source: None,
        }))
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
    fn an_outage_is_transient_and_a_wrong_credential_is_not() {
        for number in [7_000_215, 7_000_222, 700_016, 90_002, 70_011, 65_001, 12_345, 0] {
            assert!(!SignInRefusal::new(number, 401).is_transient(), "{number}");
        }
        for (number, status) in [(90_033, 400), (50_196, 400), (0, 429), (0, 503), (7_000_215, 503)] {
            assert!(SignInRefusal::new(number, status).is_transient(), "{number} {status}");
        }
    }

    #[test]
    fn every_number_has_one_sentence_and_each_says_what_to_do() {
        let mut numbers: Vec<_> = SENTENCES.iter().flat_map(|(numbers, _)| *numbers).collect();
        let all = numbers.len();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
        for (numbers, sentence) in SENTENCES {
            assert!(sentence.contains("; "), "{sentence}");
            for number in numbers {
                let refusal = SignInRefusal::new(*number, 400);
                assert!(!refusal.is_transient());
                assert_eq!(refusal.to_string(), format!("{sentence} (AADSTS{number})"));
            }
        }
    }

    #[test]
    fn the_text_says_what_to_do() {
        let text = SignInRefusal::new(7_000_222, 401).to_string();
        assert!(text.contains("expired; create a new one") && text.ends_with("(AADSTS7000222)"), "{text}");
        assert!(SignInRefusal::new(0, 503).to_string().ends_with("not available at the moment (status 503)"));
    }
}
