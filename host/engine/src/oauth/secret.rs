//! The secrets of a flow: 256 random bits each, as text; stored only as hashes, or encrypted.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use moothall_core::ids::random_bytes;
use moothall_guest::Fault;

/// Bytes of a state's hash in a cookie's name, so that one browser's flows have different cookies.
const NAME_BYTES: usize = 4;

/// A secret for a client. It has no `Debug` output.
pub struct Secret(SecretString);

impl Secret {
    pub fn new() -> Result<Self, Fault> {
        let bytes = random_bytes::<32>()
            .map_err(|error| Fault::Host(format!("there is no randomness: {error}")))?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    pub fn as_str(&self) -> &str {
        self.0.expose_secret()
    }

    pub fn hash(&self) -> [u8; 32] {
        hash(self.as_str())
    }
}

pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The S256 challenge of a verifier (RFC 7636, 4.2).
pub fn challenge(verifier: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(verifier.hash())
}

/// The context for which a verifier is sealed.
pub fn verifier_context(state: &[u8; 32]) -> Vec<u8> {
    [b"oauth/".as_slice(), state].concat()
}

/// The cookie of a state.
pub fn cookie_name(state: &str) -> String {
    let hash = hash(state);
    let hex: String = hash.iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("mh_oauth_{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned().into());
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_secret_has_256_bits() {
        assert_eq!(Secret::new().unwrap().as_str().len(), 43);
        assert_eq!(cookie_name("x").len(), "mh_oauth_".len() + 8);
    }
}
