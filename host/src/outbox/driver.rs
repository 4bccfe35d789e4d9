//! The endpoint `driver`, which always exists.

use super::{SigningSecret, headers_context, secret_context};
use crate::secrets::Keyring;
use crate::store::{DRIVER, EndpointRow};

/// How long an endpoint has to answer unless it says otherwise, in milliseconds.
pub const TIMEOUT_MS: i64 = 15_000;

/// As it is made at the first start.
pub fn first_row(
    keyring: &Keyring,
    url: Option<&str>,
    now: i64,
) -> Result<EndpointRow, Box<dyn std::error::Error + Send + Sync>> {
    let secret = SigningSecret::generate().map_err(|error| error.to_string())?;
    Ok(EndpointRow {
        id: 0,
        public_id: DRIVER.into(),
        kind: "driver".into(),
        url: url.unwrap_or_default().to_owned(),
        url_by: "environment".into(),
        description: "the driver".into(),
        community: 0,
        event_types: r#"["*"]"#.into(),
        format: "metagov".into(),
        form: false,
        headers: keyring.seal(&headers_context(DRIVER), b"{}")?,
        ordering: "fifo".into(),
        timeout_ms: TIMEOUT_MS,
        enabled: true,
        disabled_reason: None,
        secret: keyring.seal(&secret_context(DRIVER), secret.text().as_bytes())?,
        old_secret: None,
        old_secret_until: None,
        created_at: now,
    })
}
