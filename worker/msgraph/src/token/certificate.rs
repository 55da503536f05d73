//! Certificates: signs an assertion with the private key of a certificate that Entra knows.
//!
//! The assertion is the one "Microsoft identity platform application authentication certificate credentials" asks
//! for (2025-01): PS256, and the SHA-256 thumbprint of the certificate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use p12_keystore::{KeyStore, KeyStoreEntry};
use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::error::Error;

/// How long an assertion is valid, in seconds. More than ten minutes is not recommended.
const LIFE: i64 = 10 * 60;

/// The content of a file: a key, and the certificate that belongs to it.
struct Identity {
    key: RsaKeyPair,
    certificate: Vec<u8>,
}

/// A new JWT that authenticates the application to one endpoint.
pub(super) fn assertion(
    file: &[u8],
    password: Option<&SecretString>,
    endpoint: &str,
    client_id: &str,
) -> Result<SecretString, Error> {
    let Identity { key, certificate } = identity(file, password)?;
    let thumbprint = digest(&SHA256, &certificate);
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) });
    let now = Timestamp::now().as_second();
    let claims = json!({
        "aud": endpoint,
        "iss": client_id,
        "sub": client_id,
        "jti": uuid::Uuid::new_v4(),
        "nbf": now,
        "iat": now,
        "exp": now + LIFE,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Error::credential("the certificate's key cannot sign; check that it is an RSA key"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// When the certificate of a file ends; nothing if the file cannot be used.
pub(super) fn ends(file: &[u8], password: Option<&SecretString>) -> Option<Timestamp> {
    let Identity { certificate, .. } = identity(file, password).ok()?;
    let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn identity(file: &[u8], password: Option<&SecretString>) -> Result<Identity, Error> {
    let is_pem = file.windows(10).any(|part| part == b"-----BEGIN");
    let (key, certificates) = if is_pem { of_pem(file)? } else { of_pkcs12(file, password)? };
    // A file may hold a whole chain, in any order. Entra knows the certificate of our own key, and that one contains
    // the public key.
    let public = key.public_key().as_ref();
    let own = certificates.into_iter().find(|der| der.windows(public.len()).any(|part| part == public));
    let certificate = own.ok_or_else(|| {
        Error::credential(
            "the certificate file has no certificate that belongs to its private key; put both into the file",
        )
    })?;
    Ok(Identity { key, certificate })
}

fn of_pem(file: &[u8]) -> Result<(RsaKeyPair, Vec<Vec<u8>>), Error> {
    let unusable = |what| Error::credential(format!("the certificate file is PEM with {what}"));
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(file).map(|der| der.map(|der| der.to_vec())).collect();
    let certificates = certificates.map_err(|_| unusable("a certificate that cannot be read"))?;
    let key = PrivateKeyDer::from_pem_slice(file).map_err(|_| {
        unusable(
            "no private key, or an encrypted one; add the unencrypted key, or use PKCS#12 with a password",
        )
    })?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(not_rsa()),
    };
    Ok((key.map_err(|_| not_rsa())?, certificates))
}

fn of_pkcs12(file: &[u8], password: Option<&SecretString>) -> Result<(RsaKeyPair, Vec<Vec<u8>>), Error> {
    let password = password.map(ExposeSecret::expose_secret).unwrap_or_default();
    let store = KeyStore::from_pkcs12(file, password).map_err(|_| {
        Error::credential(
            "the certificate file is neither PEM nor PKCS#12 that the certificate password opens; check both",
        )
    })?;
    let chain = store.entries().find_map(|(_, entry)| match entry {
        KeyStoreEntry::PrivateKeyChain(chain) => Some(chain),
        _ => None,
    });
    let chain = chain.ok_or_else(|| {
        Error::credential("the certificate file is PKCS#12 without a private key; export it with the key")
    })?;
    let key = RsaKeyPair::from_pkcs8(chain.key()).map_err(|_| not_rsa())?;
    Ok((key, chain.chain().iter().map(|certificate| certificate.as_der().to_vec()).collect()))
}

fn not_rsa() -> Error {
    Error::credential(
        "the certificate's key is not an RSA key of 2048 to 4096 bits; create a certificate with such a key",
    )
}
