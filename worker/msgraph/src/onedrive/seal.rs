//! Seals what waits in messages and is not for everybody who reads them: the addresses at which copies are monitored,
//! since who has one needs no sign-in, and what an application seals for itself.
//!
//! ChaCha20-Poly1305 with a random nonce before it. The key is derived from a secret that all workers share; without
//! one it is random, and what was sealed is open to this process only.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// What the keys of [`Seal::of`] are for: another use of the same secret has another key.
const ADDRESSES: &[u8] = b"gatehouse: addresses of copies";

/// The keys that seal for one purpose. Clones share them.
#[derive(Clone)]
pub struct Seal {
    keys: Arc<[LessSafeKey]>,
    purpose: &'static [u8],
}

impl Seal {
    /// Keys of these secrets for the addresses of copies: the first seals, all of them open. Without any, a random one.
    pub fn of(secrets: &[SecretString]) -> Self {
        Self::for_purpose(ADDRESSES, secrets)
    }

    /// The same for another purpose, which has other keys.
    pub fn for_purpose(purpose: &'static [u8], secrets: &[SecretString]) -> Self {
        let derived = |secret: &[u8]| derived(purpose, secret);
        let mut keys: Vec<_> =
            secrets.iter().filter_map(|secret| derived(secret.expose_secret().as_bytes())).collect();
        if keys.is_empty() {
            let mut random = [0; 32];
            // Without randomness there is no key, and nothing is sealed.
            let made = SystemRandom::new().fill(&mut random);
            keys.extend(made.ok().and_then(|()| derived(&random)));
        }
        Self { keys: keys.into(), purpose }
    }

    /// The text, sealed.
    pub fn close(&self, text: &SecretString) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = text.expose_secret().as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.keys.first()?.seal_in_place_append_tag(unique, Aad::from(self.purpose), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The text that was sealed with one of the keys.
    pub fn open(&self, sealed: &str) -> Option<SecretString> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut sealed = sealed.to_vec();
            let text = key.open_in_place(nonce, Aad::from(self.purpose), &mut sealed).ok()?;
            Some(String::from_utf8(text.to_vec()).ok()?.into())
        })
    }
}

fn derived(purpose: &[u8], secret: &[u8]) -> Option<LessSafeKey> {
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(secret);
    let purpose = [purpose];
    let key = pseudorandom.expand(&purpose, &CHACHA20_POLY1305).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

/// Shows no key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secrets: &[&str]) -> Seal {
        Seal::of(&secrets.iter().map(|secret| SecretString::from(*secret)).collect::<Vec<_>>())
    }

    #[test]
    fn only_who_has_the_secret_opens_what_was_sealed_with_it() {
        let address = SecretString::from("https://contoso-my.sharepoint.example/monitor/1?tempauth=t");
        let opened = |seal: &Seal, sealed: &str| {
            seal.open(sealed).is_some_and(|text| text.expose_secret() == address.expose_secret())
        };
        let sealed = seal(&["the old key"]).close(&address).unwrap();
        assert!(!sealed.contains("monitor") && !sealed.contains("contoso"));
        assert!(
            opened(&seal(&["the old key"]), &sealed)
                && opened(&seal(&["the new key", "the old key"]), &sealed)
        );
        assert!(!opened(&seal(&["the new key"]), &sealed));
        let own = seal(&[]);
        assert!(opened(&own.clone(), &own.close(&address).unwrap()), "clones share the random key");
        assert!(!opened(&seal(&[]), &own.close(&address).unwrap()), "another process has another");
        assert_ne!(own.close(&address), own.close(&address));
        for wrong in ["", "https://contoso.example/monitor/1", "AAAA", &sealed[1..]] {
            assert!(own.open(wrong).is_none(), "{wrong}");
        }
    }
}
