//! Reads the key of a plugin's `verify` from the text that somebody pasted into a form.
//!
//! It accepts what copying usually adds or leaves out. It refuses everything else when the secret is set,
//! because such a secret would fail at each webhook and nobody would know why. Messages reveal nothing of the
//! secret.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::VerifyingKey;
use secrecy::{SecretSlice, zeroize::Zeroizing};
use serde_json::Value;

use super::handshakes::{HandshakeAnswer, HandshakeManifest};
use super::settings::SETTINGS;
use super::{Manifest, VerifyManifest};
use crate::schema::Violation;

/// The shortest acceptable key, in bytes: a shorter one can be guessed.
const KEY_BYTES: usize = 16;

/// The key with which signatures are made or checked.
pub type SigningKey = SecretSlice<u8>;

/// Base64 with or without the `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is no key, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "a signing secret has at least {KEY_BYTES} bytes, and this one has {0}: copy it whole from the platform, or leave it out"
    )]
    Short(usize),
    #[error(
        "a secret of Standard Webhooks is base64, `whsec_` and the rest: copy it again from the platform"
    )]
    NotBase64,
    #[error(
        "that is a key of a pair (`whsk_`, `whpk_`); `standard-webhooks` checks with the endpoint's secret, `whsec_…`"
    )]
    OfAPair,
    #[error(
        "a public key is 64 hexadecimal digits: copy the application's public key from the platform"
    )]
    NotPublic,
    #[error("a signing secret is a string")]
    NotText,
}

impl VerifyManifest {
    /// Reads the key from a text.
    pub fn key(&self, text: &str) -> Result<SigningKey, KeyError> {
        key(&self.scheme, text)
    }
}

impl HandshakeManifest {
    /// Reads the key for the answer `hmac`: the text's own bytes.
    pub fn key(&self, text: &str) -> Result<SigningKey, KeyError> {
        key("hmac-sha256", text)
    }
}

fn key(scheme: &str, text: &str) -> Result<SigningKey, KeyError> {
    let text = text.trim();
    let key = match scheme {
        "standard-webhooks" => standard_webhooks(text)?,
        "ed25519" => return public_key(text),
        _ => text.as_bytes().to_vec(),
    };
    let key = SigningKey::from(key);
    let bytes = secrecy::ExposeSecret::expose_secret(&key).len();
    if bytes < KEY_BYTES { Err(KeyError::Short(bytes)) } else { Ok(key) }
}

impl Manifest {
    /// What is wrong with the signing secrets of a config that contains its secrets.
    pub fn wrong_signing_secret(&self, config: &Value) -> Option<Violation> {
        let mut own = self.signing().filter(|(_, place)| !place.starts_with(SETTINGS));
        own.find_map(|(scheme, place)| wrong(scheme, place, config.pointer(place)))
    }

    /// The same for the operator's settings.
    pub fn wrong_signing_settings(&self, settings: &Value) -> Vec<Violation> {
        let named = self.signing().filter_map(|(scheme, place)| {
            let name = place.strip_prefix(SETTINGS)?;
            wrong(scheme, &format!("/{name}"), settings.get(name))
        });
        named.collect()
    }

    /// The places of the signing secrets, each with its scheme.
    fn signing(&self) -> impl Iterator<Item = (&str, &str)> {
        let verified = self.verify.iter().chain(&self.global_verify);
        let made = self.handshakes.iter().filter(|one| one.answer == HandshakeAnswer::Hmac);
        let made = made.filter_map(|one| Some(("hmac-sha256", one.secret.as_deref()?)));
        verified.map(|how| (how.scheme.as_str(), how.secret.as_str())).chain(made)
    }
}

/// What is wrong with the secret at this place of a config or of the settings.
fn wrong(scheme: &str, pointer: &str, value: Option<&Value>) -> Option<Violation> {
    let error = match value {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => key(scheme, text).err()?,
        Some(_) => KeyError::NotText,
    };
    Some(Violation { path: pointer.to_owned(), message: error.to_string() })
}

/// `whsec_…`; some platforms show `v1,whsec_…`, and some use URL-safe base64.
fn standard_webhooks(text: &str) -> Result<Vec<u8>, KeyError> {
    let text = text.strip_prefix("v1,").unwrap_or(text);
    if text.starts_with("whsk_") || text.starts_with("whpk_") {
        return Err(KeyError::OfAPair);
    }
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let text = Zeroizing::new(text.replace('-', "+").replace('_', "/"));
    BASE64.decode(text.as_bytes()).map_err(|_| KeyError::NotBase64)
}

fn public_key(text: &str) -> Result<SigningKey, KeyError> {
    let key = from_hex(text).and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key = key.filter(|key| VerifyingKey::from_bytes(key).is_ok()).ok_or(KeyError::NotPublic)?;
    Ok(SigningKey::from(key.to_vec()))
}

/// Hexadecimal digits of either case.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    if digits.len().is_multiple_of(2) { digits.chunks_exact(2).map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn key(scheme: &str, text: &str) -> Result<Vec<u8>, KeyError> {
        super::key(scheme, text).map(|key| key.expose_secret().to_vec())
    }

    #[test]
    fn a_secret_of_standard_webhooks_is_read_as_people_paste_it() {
        let bytes: Vec<u8> = (235..=255).cycle().take(25).collect();
        let text = base64::prelude::BASE64_STANDARD.encode(&bytes);
        assert!(text.contains('+') && text.contains('/') && text.ends_with('='), "{text}");
        let unpadded = text.trim_end_matches('=');
        let url_safe = text.replace('+', "-").replace('/', "_");
        for pasted in [
            text.clone(),
            format!("whsec_{text}"),
            format!("whsec_{text}\n"),
            format!(" whsec_{text}\r\n"),
            format!("whsec_{unpadded}"),
            format!("whsec_{url_safe}"),
            format!("v1,whsec_{text}"),
            url_safe.trim_end_matches('=').to_owned(),
        ] {
            assert_eq!(key("standard-webhooks", &pasted), Ok(bytes.clone()), "{pasted}");
        }
    }

    #[test]
    fn what_is_no_key_of_its_scheme_is_refused_with_the_reason() {
        use KeyError::*;
        for (scheme, text, why) in [
            ("standard-webhooks", "whsec_not base64!", NotBase64),
            ("standard-webhooks", "whsec_", Short(0)),
            ("standard-webhooks", "whsec_MTIzNDU2Nzg5MDEyMzQ1", Short(15)),
            (
                "standard-webhooks",
                "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HK",
                OfAPair,
            ),
            ("hmac-sha256", "", Short(0)),
            ("hmac-sha256", "123456789012345", Short(15)),
            ("hmac-sha256", "12345678901234  \n", Short(14)),
            ("slack-v0", "8f742231", Short(8)),
            ("stripe", "whsec_", Short(6)),
            (
                "ed25519",
                "e734ea6c2b6257de72355e472aa05a4c487e6b463c029ed306df2f01b5636b",
                NotPublic,
            ),
            (
                "ed25519",
                "not hexadecimal digits, but just as many of them as a key has!!!",
                NotPublic,
            ),
        ] {
            assert_eq!(key(scheme, text), Err(why), "{scheme}: {text}");
        }
    }

    #[test]
    fn other_secrets_are_their_own_bytes_without_what_stands_around_them() {
        for scheme in ["hmac-sha256", "slack-v0", "zoom-v0", "stripe"] {
            let bytes = b"It's a Secret to Everybody".to_vec();
            assert_eq!(key(scheme, "It's a Secret to Everybody\n"), Ok(bytes));
        }
        let public = "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A\n";
        assert_eq!(key("ed25519", public).map(|key| key.len()), Ok(32));
    }
}
