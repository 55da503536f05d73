//! Where the broker is: one address, or one for each node of a cluster, and who proves to be whom on the way there.

use std::net::IpAddr;

use lapin::{
    tcp::{OwnedIdentity, OwnedTLSConfig},
    uri::{AMQPScheme, AMQPUri},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;

/// How the broker and this process prove who they are to each other, beyond what the system trusts.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates that vouch for the broker, in PEM, besides those the system trusts.
    pub authorities: Option<String>,
    /// The certificate of this process, for brokers that want one.
    pub certificate: Option<Certificate>,
}

/// A certificate with its key, both in PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, and after it those between it and its authority.
    pub chain: String,
    /// Its private key.
    pub key: SecretString,
}

impl Tls {
    pub(crate) fn config(&self) -> OwnedTLSConfig {
        let identity = self.certificate.as_ref().map(|Certificate { chain, key }| OwnedIdentity::PKCS8 {
            pem: chain.clone().into_bytes(),
            key: key.expose_secret().as_bytes().to_vec(),
        });
        OwnedTLSConfig { identity, cert_chain: self.authorities.clone() }
    }
}

/// The addresses in a setting, in lapin's form. Several are the nodes of one cluster, with commas between them.
///
/// # Errors
/// When one is not valid, or they cannot be of one cluster. No error quotes an address: it has a password.
pub(crate) fn addresses(text: &str) -> Result<Vec<AMQPUri>, Error> {
    let addresses = split(text).into_iter().map(address).collect::<Result<Vec<_>, _>>()?;
    let place = |address: &AMQPUri| (address.vhost.clone(), address.authority.userinfo.username.clone());
    if addresses.windows(2).any(|pair| matches!(pair, [one, other] if place(one) != place(other))) {
        return Err(Error::invalid(
            "the broker's addresses differ in their user or vhost; several addresses have to name nodes of one cluster",
        ));
    }
    Ok(addresses)
}

/// The host of the first address on which passwords and people would cross a network unencrypted.
pub(crate) fn unencrypted_host(addresses: Vec<AMQPUri>) -> Option<String> {
    let open = addresses.into_iter().filter(|address| address.scheme == AMQPScheme::AMQP);
    open.map(|address| address.authority.host).find(|host| {
        host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// A comma separates only where an address or nothing follows: a password may have one.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices(',') {
        let rest = text.get(at + 1..).unwrap_or_default().trim_start();
        if rest.is_empty() || ["amqp://", "amqps://"].iter().any(|scheme| rest.starts_with(scheme)) {
            parts.push(text.get(start..at).unwrap_or_default().trim());
            start = at + 1;
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts
}

/// The parser's own error quotes the address, so it is replaced.
fn address(text: &str) -> Result<AMQPUri, Error> {
    let mut uri: AMQPUri = text.parse().map_err(|_| {
        Error::invalid(
            "the broker's address is not valid; write amqp://user:password@host:5672/%2f, and percent-encode \
             special characters in the password",
        )
    })?;
    if let Some(literal) = ipv6_literal(text) {
        // amq-protocol-uri 10.6.3 reads the host with `Url::domain`, which is empty for an IPv6
        // literal, and then silently connects to localhost (seen 2026-11-21).
        uri.authority.host = literal.to_owned();
    }
    Ok(uri)
}

fn ipv6_literal(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_prefix('[')?.split_once(']').map(|(literal, _)| literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<(String, u16)> {
        let of = |uri: AMQPUri| (uri.authority.host, uri.authority.port);
        addresses(text).unwrap().into_iter().map(of).collect()
    }

    #[test]
    fn an_ipv6_literal_is_the_host_and_not_localhost() {
        assert_eq!(hosts("amqp://u:p@[2001:db8::1]:5673/%2f"), [("2001:db8::1".to_owned(), 5673)]);
        assert_eq!(hosts("amqp://10.0.0.7"), [("10.0.0.7".to_owned(), 5672)]);
    }

    #[test]
    fn a_comma_separates_addresses_and_may_be_in_a_password() {
        let text = "amqps://w:a,b@rabbit-1/%2f, amqps://w:a,b@rabbit-2:5673/%2f,amqps://w:a,b@rabbit-3/%2f";
        let expected = [("rabbit-1", 5671), ("rabbit-2", 5673), ("rabbit-3", 5671)];
        assert_eq!(hosts(text), expected.map(|(host, port)| (host.to_owned(), port)));
        let password = |uri: &AMQPUri| uri.authority.userinfo.password.clone();
        assert!(addresses(text).unwrap().iter().all(|uri| password(uri) == "a,b"));
    }

    #[test]
    fn addresses_of_different_clusters_are_refused_without_their_passwords() {
        for text in ["amqp://w:hunter2@a/one,amqp://w:hunter2@b/two", "amqp://w:hunter2@a,amqp://v:hunter2@b"]
        {
            let error = addresses(text).unwrap_err();
            assert!(error.is_invalid() && !format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(
            addresses("amqp://a,").is_err() && addresses("amqp://a,amqp://").is_ok_and(|all| all.len() == 2)
        );
    }

    #[test]
    fn one_unencrypted_way_to_another_machine_is_enough_to_be_open_to_others() {
        let host = |text: &str| unencrypted_host(addresses(text).unwrap());
        for here in [
            "amqp://127.0.0.1",
            "amqp://u:p@localhost:5673",
            "amqp://[::1]",
            "amqps://rabbit.contoso.example",
        ] {
            assert_eq!(host(here), None, "{here}");
        }
        assert_eq!(host("amqp://u:p@rabbit.contoso.example/%2f").as_deref(), Some("rabbit.contoso.example"));
        assert_eq!(host("amqps://rabbit.contoso.example,amqp://10.0.0.7").as_deref(), Some("10.0.0.7"));
    }
}
