//! The endpoint `driver`, which always exists.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::de::IgnoredAny;

use super::{SigningSecret, headers_context, secret_context};
use moothall_core::endpoint::{BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::ids::EndpointId;
use moothall_core::secrets::Keyring;
use moothall_store::{DRIVER, DriverHeaders, EndpointRow, Store, StoreError, Tx};
use moothall_values::destination::is_same_origin;

/// How long an endpoint has to answer, in milliseconds, unless another time is set.
pub const TIMEOUT_MS: i64 = 15_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Writing = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The write at start that creates the endpoint, or gives it the URL from the environment.
pub fn start(
    store: &Store,
    keyring: &Keyring,
    url: Option<String>,
    now: i64,
) -> Result<impl Fn() -> Writing + Send + Sync + use<>, Failure> {
    let first = first_row(keyring, url.as_deref(), now)?;
    let known = store.read(|reader| reader.endpoint(DRIVER))?;
    let elsewhere = match (&known, &url) {
        (Some(known), Some(url)) => headers_for_elsewhere(keyring, known, url),
        _ => Vec::new(),
    };
    if !elsewhere.is_empty() {
        let headers = elsewhere.join(", ");
        tracing::warn!(
            headers,
            "DRIVER_EVENT_RECEIVER_URL has another scheme, host or port than the URL before it: the headers \
             that the endpoint `driver` had for that one are removed; put them again"
        );
    }
    let kept = if elsewhere.is_empty() { DriverHeaders::Keep } else { DriverHeaders::Remove };
    let (store, made_of) = (store.clone(), Arc::new((first, url)));
    Ok(move || -> Writing {
        let (store, made_of) = (store.clone(), made_of.clone());
        let put = move |tx: &Tx<'_>| tx.put_driver(&made_of.0, made_of.1.as_deref(), kept);
        Box::pin(async move { store.write("driver.start", put).await })
    })
}

/// The endpoint as the first start creates it.
fn first_row(keyring: &Keyring, url: Option<&str>, now: i64) -> Result<EndpointRow, Failure> {
    let secret = SigningSecret::generate().map_err(|error| error.to_string())?;
    Ok(EndpointRow {
        id: EndpointId(0),
        public_id: DRIVER.into(),
        kind: EndpointKind::Driver,
        url: url.unwrap_or_default().to_owned(),
        url_by: UrlBy::Environment,
        description: "the driver".into(),
        community: 0,
        event_types: r#"["*"]"#.into(),
        format: BodyFormat::Metagov,
        form: false,
        headers: keyring.seal(&headers_context(DRIVER), b"{}")?,
        ordering: EndpointOrdering::Fifo,
        timeout_ms: TIMEOUT_MS,
        enabled: true,
        disabled_reason: None,
        secret: keyring.seal(&secret_context(DRIVER), secret.text().as_bytes())?,
        old_secret_until: None,
        created_at: now,
    })
}

/// The names of the endpoint's own headers, if they were given for another scheme, host or port than `url` has: their
/// values must not be sent there.
fn headers_for_elsewhere(keyring: &Keyring, row: &EndpointRow, url: &str) -> Vec<String> {
    if row.url == url || is_same_origin(&row.url, url) {
        return Vec::new();
    }
    // Headers that cannot be unsealed are not sent anyway.
    let Ok(opened) = keyring.open(&headers_context(DRIVER), &row.headers) else {
        return Vec::new();
    };
    let headers = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(opened.expose_secret());
    headers.map(|headers| headers.into_keys().collect()).unwrap_or_default()
}
