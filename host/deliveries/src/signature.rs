//! Signatures of Standard Webhooks 1.0, and their secrets. Only `text` shows a secret, for the answer that creates it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use moothall_core::ids::random_bytes;

const PREFIX: &str = "whsec_";
/// Length of a key, in bytes, as Standard Webhooks has it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Length of the keys that the host makes.
const NEW_KEY_BYTES: usize = 32;

/// `whsec_` and a key in base64.
pub struct SigningSecret {
    text: SecretString,
    key: Zeroizing<Vec<u8>>,
}

impl SigningSecret {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix(PREFIX).ok_or("a secret begins with `whsec_`")?;
        let key = STANDARD.decode(encoded).map_err(|_| "after `whsec_` a secret is base64")?;
        let key = Zeroizing::new(key);
        if !KEY_BYTES.contains(&key.len()) {
            return Err("a secret is the base64 of 24 to 64 bytes");
        }
        Ok(Self { text: text.into(), key })
    }

    pub fn generate() -> Result<Self, getrandom::Error> {
        let key = Zeroizing::new(random_bytes::<NEW_KEY_BYTES>()?.to_vec());
        let text = Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*key)));
        Ok(Self { text: text.as_str().into(), key })
    }

    /// For the answer that creates or rotates it, and for sealing.
    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// `v1,` and the HMAC of `id.timestamp.body`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key)
            .expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_have_a_form() {
        for bad in ["", "whsec_", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="] {
            assert!(SigningSecret::parse(bad).is_err(), "{bad}");
        }
        let new = SigningSecret::generate().unwrap();
        assert!(SigningSecret::parse(new.text()).is_ok());
        assert_ne!(new.text(), SigningSecret::generate().unwrap().text());
    }
}
