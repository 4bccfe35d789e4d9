//! JSON Web Tokens by which a plugin says to a platform who it is (RFC 7519), signed with the RSA key that the platform
//! knows (`RS256`): as GitHub asks it of apps, and Google of service accounts.
//!
//! ```
//! use std::time::Duration;
//!
//! use moothall_sdk::jwt::{self, Claims};
//! use moothall_sdk::prelude::*;
//! use moothall_sdk::{Secret, http};
//! # use moothall_sdk::testing::{Answer, Host, keys};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Settings {
//!     app_id: String,
//!     private_key: Secret,
//! }
//!
//! struct Forge;
//!
//! #[plugin(
//!     name = "forge",
//!     settings = Settings,
//!     requests(http("forge.example"), reveal("settings:private_key"))
//! )]
//! impl Forge {
//!     #[action(slug = "app")]
//!     fn app(&self) -> Result<Value> {
//!         let Settings { app_id, private_key } = self.settings()?;
//!         let claims = Claims::of(&app_id, Duration::from_secs(9 * 60));
//!         let token = jwt::rs256(&claims, &private_key.reveal()?)?;
//!         http::get("https://forge.example/app").bearer(&Secret::new_value(token)).fetch()
//!     }
//! }
//!
//! # let mut host = Host::new(Forge)
//! #     .settings(json!({ "app_id": "7", "private_key": keys::PRIVATE_KEY }))
//! #     .answer("GET", "https://forge.example/app", Answer::ok().json(&json!({ "slug": "moot" })));
//! # assert_eq!(host.action("app", json!({})), Ok(json!({ "slug": "moot" })));
//! ```

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::PrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::Sha256;
use serde::Serialize;

use crate::{Error, Moment, Result, write};

/// The one header that [`rs256`] writes.
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;
/// By how much the platform's clock may be behind.
const DRIFT_S: i64 = 60;

/// What a token says: who made it, and when. A platform that wants to know more gets a type of the plugin's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Who made it, by the id that the platform knows.
    pub iss: String,
    /// Since when it is valid, in seconds since 1970.
    pub iat: i64,
    /// Until when.
    pub exp: i64,
}

impl Claims {
    /// A token of this issuer for so long, and since a minute ago, because the platform's clock may be behind.
    pub fn of(issuer: &str, lifetime: Duration) -> Self {
        let now = Moment::now().unix_s();
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        Self { iss: issuer.to_owned(), iat: now - DRIFT_S, exp: now.saturating_add(lifetime) }
    }
}

/// A token with these claims, signed with the private key: RSA in PEM, `BEGIN RSA PRIVATE KEY` (PKCS#1) or `BEGIN
/// PRIVATE KEY` (PKCS#8), in which a line break may be written as `\n`. `internal`: it is no such key.
pub fn rs256<T: Serialize + ?Sized>(claims: &T, private_key: &str) -> Result<String> {
    let key = read(private_key)?;
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let signed = [encoded(HEADER.as_bytes()), encoded(write::json(claims)?.as_bytes())].join(".");
    let signature = key.pkcs1v15_sign::<Sha256>(signed.as_bytes());
    let signature = signature.map_err(|_| Error::internal("the private key cannot sign"))?;
    Ok(format!("{signed}.{}", encoded(&signature)))
}

fn read(pem: &str) -> Result<PrivateKey> {
    let pem = pem.trim().replace("\\n", "\n");
    let pkcs1 = PrivateKey::from_pkcs1_pem(&pem).ok();
    pkcs1.or_else(|| PrivateKey::from_pkcs8_pem(&pem).ok()).ok_or_else(|| {
        Error::internal(
            "the private key is no RSA key in PEM: copy the platform's file whole, with its first and its last line",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Claims, read, rs256};
    use crate::Moment;
    use crate::testing::keys::PRIVATE_KEY;

    /// What `openssl dgst -sha256 -sign` makes of the same two parts with the same key.
    const SIGNED: &str = concat!(
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.",
        "eyJpc3MiOiJJdjEuYWJjIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDA2MDB9.",
        "cJHLICPqq6SwZ8ymDzWjSb3ufoHWMwEQC2uNlia7WVwkAuYJ-JUCgQi0PDbq7jBBxJ6E89EzUPoVP-njfx3ATqpZe8z8UtKTWpkIisWvj-fy40uV",
        "kgZ856T1YQsR6bnNrnFcCU0QbCRhl512pEjuyL_uAlXZjGKz4dXnN5TzNLD_7oXvlPry9_4tXN9DV-bsrVcZNxY6Tmi8gMxUqC11luvSSAz4NQoM",
        "rjaMw9XO-gNnQT6C_De73tDpDCu9tb3raIhKw2Dqwwrkf0Gv8VXtWvZbDDUEnR5NuTzBUMQEHCUVXh0tqagx-CWSfwIvKFTzwNC0IqwCMFXsZsu-",
        "2iGD-g"
    );

    #[test]
    fn a_token_is_what_openssl_signs() {
        let claims = Claims { iss: "Iv1.abc".to_owned(), iat: 1_700_000_000, exp: 1_700_000_600 };
        assert_eq!(rs256(&claims, PRIVATE_KEY).as_deref(), Ok(SIGNED));
        let on_one_line = format!(" {} ", PRIVATE_KEY.replace('\n', "\\n"));
        assert_eq!(rs256(&claims, &on_one_line).as_deref(), Ok(SIGNED));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        for wrong in ["", "hush", &PRIVATE_KEY[..200], &PRIVATE_KEY.replace("MII", "MIJ")] {
            let error = read(wrong).expect_err("no key");
            assert!(error.message().starts_with("the private key is no RSA key"), "{error}");
        }
    }

    #[test]
    fn claims_are_valid_since_a_minute_ago() {
        let now = Moment::now().unix_s();
        let claims = Claims::of("7", Duration::from_secs(540));
        assert!((0..60).contains(&(claims.iat + 60 - now)), "{claims:?}");
        assert_eq!(claims.exp - claims.iat, 600);
    }
}
