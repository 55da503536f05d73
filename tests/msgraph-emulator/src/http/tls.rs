//! HTTPS with a certificate authority created at the start and dropped at the end.
//!
//! Its key is dropped as soon as it has signed the one certificate, so a client that trusts the
//! authority trusts this emulator and nothing else.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// The error of a certificate that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// The certificate was made and cannot be used.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// The TLS configuration of the server, and the authority for its clients.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// The authority's certificate, in PEM.
    pub(crate) authority: String,
}

impl Tls {
    /// Makes an authority and a certificate for these addresses and `localhost`.
    pub(crate) fn new(addresses: &[IpAddr]) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "The emulator's own authority");
        let own = authority.self_signed(&key)?.pem();
        let issuer = Issuer::new(authority, key);

        let key = KeyPair::generate()?;
        let names = addresses.iter().map(IpAddr::to_string).chain(["localhost".to_owned()]);
        let mut server = CertificateParams::new(names.collect::<Vec<_>>())?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.distinguished_name.push(DnType::CommonName, "The emulator");
        let certificate = server.signed_by(&key, &issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        // Named, so that it works with and without a default of the process.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;
        Ok(Self { config: Arc::new(config), authority: own })
    }
}
