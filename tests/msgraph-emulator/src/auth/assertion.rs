//! Assertions: an application that proves itself with a certificate, or with another issuer's token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use pki_types::CertificateDer;
use serde_json::Value;
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;
use webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY;

use super::refusal::NoToken;
use crate::tenant::Application;

/// The longest life of an assertion that Entra's documentation recommends (2025-01), taken as a limit.
const LONGEST_LIFE: i64 = 10 * 60;

/// A JWT, decoded and not yet believed.
struct Assertion<'a> {
    header: Value,
    claims: Value,
    /// The signed text.
    signed: &'a str,
    signature: Vec<u8>,
}

/// Refuses an assertion that does not prove the application to the endpoint it was sent to.
pub(super) fn check(text: &str, application: &Application, endpoint: &str) -> Result<(), NoToken> {
    let assertion = Assertion::parse(text)
        .ok_or_else(|| NoToken::unauthorized(50_027, "Invalid JWT token. Token format not valid."))?;
    if assertion.claim("iss") == application.client_id {
        assertion.check_certificate(application, endpoint)
    } else {
        assertion.check_federated(application)
    }
}

impl<'a> Assertion<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice(&decode(part)?).ok();
        Some(Self { header: json(header)?, claims: json(claims)?, signed, signature: decode(signature)? })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Signed by the application itself, with the key of one of its certificates.
    fn check_certificate(&self, application: &Application, endpoint: &str) -> Result<(), NoToken> {
        let refused = |code, text: &str| Err(NoToken::unauthorized(code, text));
        let header = |name: &str| self.header.get(name).and_then(Value::as_str).unwrap_or_default();
        if header("alg") != "PS256" || header("typ") != "JWT" {
            return refused(5_002_723, "Invalid JWT token. The algorithm or the type is not supported.");
        }
        let thumbprint = URL_SAFE_NO_PAD.decode(header("x5t#S256")).unwrap_or_default();
        let registered = application.certificates.iter().find(|der| Sha256::digest(der)[..] == thumbprint);
        let Some(registered) = registered else {
            return refused(
                700_027,
                "The certificate with identifier used to sign the client assertion is not \
                 registered on application.",
            );
        };
        let der = CertificateDer::from(registered.as_slice());
        let is_signed = EndEntityCert::try_from(&der).is_ok_and(|certificate| {
            let algorithm = RSA_PSS_2048_8192_SHA256_LEGACY_KEY;
            certificate.verify_signature(algorithm, self.signed.as_bytes(), &self.signature).is_ok()
        });
        if !is_signed {
            return refused(700_027, "Client assertion failed signature validation.");
        }
        if self.claim("sub") != application.client_id || self.claim("jti").is_empty() {
            return refused(
                700_021,
                "Client assertion application identifier doesn't match 'client_id' parameter.",
            );
        }
        if self.claim("aud") != endpoint {
            return refused(700_023, "Client assertion audience claim does not match Realm issuer.");
        }
        self.check_time(Some(LONGEST_LIFE))
    }

    /// Checks a token of a trusted issuer. The signature is not checked: the issuer's keys are on
    /// another host, and the emulator connects to none.
    fn check_federated(&self, application: &Application) -> Result<(), NoToken> {
        let presented = ["iss", "sub", "aud"].map(|name| self.claim(name));
        let mut trusted = application.federated.iter();
        if !trusted.any(|trusted| presented.iter().zip(trusted).all(|(one, other)| one == other)) {
            return Err(NoToken::unauthorized(
                70_021,
                "No matching federated identity record found for presented assertion.",
            ));
        }
        self.check_time(None)
    }

    fn check_time(&self, longest: Option<i64>) -> Result<(), NoToken> {
        let now = Timestamp::now().as_second();
        let moment = |name: &str| self.claims.get(name).and_then(Value::as_i64);
        let begins = moment("nbf").unwrap_or(now);
        let is_timely = moment("exp").is_some_and(|ends| {
            begins <= now && now < ends && longest.is_none_or(|longest| ends - begins <= longest)
        });
        is_timely.then_some(()).ok_or_else(|| {
            NoToken::unauthorized(700_024, "Client assertion is not within its valid time range.")
        })
    }
}
