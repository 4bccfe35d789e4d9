//! An endpoint as attempts need it: its row, with its secrets unsealed once for all attempts.

use std::collections::HashMap;

use secrecy::ExposeSecret;
use url::Url;

use super::signature::SigningSecret;
use super::{Shared, reach};
use moothall_egress::Reach;
use moothall_store::EndpointRow;

pub struct Target {
    pub row: EndpointRow,
    /// For a callback this is the secret of the driver's endpoint.
    signer: Option<EndpointRow>,
    /// The machine that its URL names.
    pub machine: String,
    opened: Result<Opened, String>,
}

struct Opened {
    secret: SigningSecret,
    /// The secrets that it replaced, and until when each signs too.
    old: Vec<(SigningSecret, i64)>,
    headers: Vec<(String, String)>,
}

impl Target {
    /// If it cannot be unsealed each attempt fails.
    pub fn open(shared: &Shared, row: EndpointRow, signer: Option<EndpointRow>) -> Self {
        let signing = signer.as_ref().unwrap_or(&row);
        let opened = Opened::open(shared, &row, signing);
        let machine = Url::parse(&row.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self { machine: machine.unwrap_or_default(), row, signer, opened }
    }

    /// Which addresses it may have now.
    pub fn reach(&self, shared: &Shared) -> Reach {
        reach::of(&self.row, self.signer.as_ref().unwrap_or(&self.row), &shared.local)
    }

    /// Whether it was made from this row and this secret.
    pub fn is_of(&self, row: &EndpointRow, signer: Option<&EndpointRow>) -> bool {
        self.row == *row && self.signer.as_ref() == signer
    }

    /// The endpoint's own headers.
    pub fn headers(&self) -> Result<&[(String, String)], String> {
        self.opened.as_ref().map(|opened| opened.headers.as_slice()).map_err(Clone::clone)
    }

    /// A signature with each secret that has not expired.
    pub fn signature(
        &self,
        id: &str,
        seconds: i64,
        body: &[u8],
        now: i64,
    ) -> Result<String, String> {
        let opened = self.opened.as_ref().map_err(Clone::clone)?;
        let old = opened.old.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        let all = std::iter::once(&opened.secret).chain(old);
        Ok(all.map(|secret| secret.sign(id, seconds, body)).collect::<Vec<_>>().join(" "))
    }
}

impl Opened {
    fn open(shared: &Shared, row: &EndpointRow, signing: &EndpointRow) -> Result<Self, String> {
        let context = secret_context(&signing.public_id);
        let secret = |sealed: &[u8]| -> Result<SigningSecret, String> {
            let opened =
                shared.keyring.open(&context, sealed).map_err(|error| error.to_string())?;
            Ok(SigningSecret::parse(opened.expose_secret())?)
        };
        let old = shared.store.read(|reader| reader.old_secrets(signing.id));
        let old = old.map_err(|error| error.to_string())?;
        let old = old.iter().map(|(sealed, until)| Ok((secret(sealed)?, *until)));
        Ok(Self {
            secret: secret(&signing.secret)?,
            old: old.collect::<Result<_, String>>()?,
            headers: if row.headers.is_empty() { Vec::new() } else { headers(shared, row)? },
        })
    }
}

fn headers(shared: &Shared, row: &EndpointRow) -> Result<Vec<(String, String)>, String> {
    let context = headers_context(&row.public_id);
    let opened = shared.keyring.open(&context, &row.headers).map_err(|error| error.to_string())?;
    let headers: HashMap<String, String> = serde_json::from_str(opened.expose_secret())
        .map_err(|_| "the endpoint's headers cannot be read; put them again".to_owned())?;
    Ok(headers.into_iter().collect())
}

/// The context for which an endpoint's secret is sealed.
pub fn secret_context(public_id: &str) -> Vec<u8> {
    format!("endpoint/{public_id}/secret").into_bytes()
}

/// The context for which an endpoint's headers are sealed.
pub fn headers_context(public_id: &str) -> Vec<u8> {
    format!("endpoint/{public_id}/headers").into_bytes()
}
