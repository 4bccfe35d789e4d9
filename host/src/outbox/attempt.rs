//! One attempt: the request is made, sent, and what came of it is stored. No transaction is open
//! while it waits, and no secret gets into what is stored or logged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use metrics::counter;
use secrecy::ExposeSecret;
use tokio::sync::mpsc::Sender;

use super::signature::SigningSecret;
use super::{Shared, backoff, reach, render};
use crate::egress::{Body, EgressError, Inbound, Outbound};
use crate::store::{After, AttemptRow, DueDelivery, EndpointRow, StoreError};

/// How much of a response is kept, in bytes.
const RESPONSE_BYTES: usize = 16 << 10;
/// What a receiver answers to say that it wants no more.
const GONE: u16 = 410;

/// What is sent to whom.
pub struct Attempt {
    pub delivery: DueDelivery,
    pub endpoint: Arc<EndpointRow>,
    /// The driver's, where the endpoint is a callback; else the endpoint itself.
    pub signer: Arc<EndpointRow>,
    /// A look whether the endpoint answers again, which counts as no attempt if it does not.
    pub is_probe: bool,
}

/// It was delivered, which is not stored yet: the next of its lane may follow.
#[derive(Clone, Debug)]
pub struct Sent {
    pub endpoint: Arc<EndpointRow>,
    pub delivery: i64,
}

/// What the dispatcher wants to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub endpoint: i64,
    pub delivery: i64,
    pub is_probe: bool,
    /// Whether the endpoint answered at all.
    pub reached: bool,
    /// What came of it is in the store.
    pub stored: bool,
}

impl Attempt {
    pub async fn run(self, shared: Arc<Shared>, sent: Sender<Sent>) -> Ended {
        let (started_at, began) = (shared.clock.now_ms(), Instant::now());
        let result = self.send(&shared, started_at).await;
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let reached = !matches!(&result, Err(error) if is_missed(error));
        let now = shared.clock.now_ms();
        let counts = reached || !self.is_probe;
        let after = self.after(&result, now, shared.roll());
        count(after);
        if after == After::Delivered {
            // Where nobody has time to look, the next one waits for the commit.
            let (endpoint, delivery) = (self.endpoint.clone(), self.delivery.id);
            drop(sent.try_send(Sent { endpoint, delivery }));
        }
        let row = self.row(result, started_at, duration_ms);
        let stored = self.store(&shared, row, after, counts, now).await;
        if let Err(error) = &stored {
            tracing::warn!(%error, delivery = self.delivery.id, "an attempt could not be stored; it is made again");
        }
        Ended {
            endpoint: self.endpoint.id,
            delivery: self.delivery.id,
            is_probe: self.is_probe,
            reached,
            stored: stored.is_ok(),
        }
    }

    fn number(&self) -> u32 {
        self.delivery.attempts + 1
    }

    async fn send(
        &self,
        shared: &Shared,
        now: i64,
    ) -> Result<(Inbound, Option<String>), EgressError> {
        let host = &shared.machine;
        let endpoint = &self.endpoint;
        let rendered = render::render(&self.delivery.event, &endpoint.format, endpoint.form, host);
        let headers = self.headers(shared, rendered.content_type, &rendered.body, now)?;
        let request = Outbound {
            method: "POST".into(),
            url: endpoint.url.clone(),
            headers,
            body: rendered.body,
            timeout: Some(Duration::from_millis(endpoint.timeout_ms.unsigned_abs())),
        };
        let reach = reach::of(endpoint, &self.signer, shared.is_local);
        let inbound = shared.egress.send(request, &reach, Body::First(RESPONSE_BYTES)).await?;
        Ok((inbound, rendered.warning))
    }

    fn headers(
        &self,
        shared: &Shared,
        content_type: &str,
        body: &Bytes,
        now: i64,
    ) -> Result<Vec<(String, String)>, EgressError> {
        let (id, seconds) = (&self.delivery.event.id, now.div_euclid(1000));
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("user-agent".to_owned(), concat!("Moothall/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("webhook-id".to_owned(), id.clone()),
            ("webhook-timestamp".to_owned(), seconds.to_string()),
            ("webhook-attempt".to_owned(), self.number().to_string()),
            ("webhook-signature".to_owned(), self.signature(shared, seconds, body, now)?),
        ];
        if !self.endpoint.headers.is_empty() {
            headers.extend(shared.open_headers(&self.endpoint).map_err(EgressError::Invalid)?);
        }
        Ok(headers)
    }

    /// With both secrets while one takes the other's place.
    fn signature(
        &self,
        shared: &Shared,
        seconds: i64,
        body: &[u8],
        now: i64,
    ) -> Result<String, EgressError> {
        let old = self.signer.old_secret.as_ref();
        let old = old.filter(|_| self.signer.old_secret_until.is_some_and(|until| now < until));
        let sign = |sealed: &Vec<u8>| {
            let context = secret_context(&self.signer.public_id);
            let opened =
                shared.keyring.open(&context, sealed).map_err(|error| error.to_string())?;
            let secret = SigningSecret::parse(opened.expose_secret())?;
            Ok(secret.sign(&self.delivery.event.id, seconds, body))
        };
        let all: Result<Vec<String>, String> =
            std::iter::once(&self.signer.secret).chain(old).map(sign).collect();
        all.map(|all| all.join(" ")).map_err(EgressError::Invalid)
    }

    /// What the delivery becomes.
    fn after(
        &self,
        result: &Result<(Inbound, Option<String>), EgressError>,
        now: i64,
        roll: u16,
    ) -> After {
        let failed = self.number().saturating_sub(self.delivery.resent_after);
        let wait = match result {
            Ok((inbound, _)) if (200..300).contains(&inbound.status) => return After::Delivered,
            Ok((inbound, _)) if inbound.status == GONE && self.endpoint.kind == "callback" => {
                return After::Dead;
            }
            Err(error) if self.is_probe && is_missed(error) => Some(0),
            Ok((inbound, _)) => {
                backoff::wait_ms(failed, roll).map(|wait| asked_wait(inbound, now).unwrap_or(wait))
            }
            Err(_) => backoff::wait_ms(failed, roll),
        };
        match wait {
            Some(wait) if now < self.delivery.expires_at => After::Due(now + wait),
            _ => After::Dead,
        }
    }

    fn row(
        &self,
        result: Result<(Inbound, Option<String>), EgressError>,
        started_at: i64,
        duration_ms: i64,
    ) -> AttemptRow {
        let mut row = AttemptRow {
            attempt: self.number(),
            started_at,
            duration_ms,
            status: None,
            error: None,
            detail: None,
            response: None,
        };
        match result {
            Ok((inbound, warning)) => {
                row.status = Some(inbound.status);
                row.error = (!(200..300).contains(&inbound.status)).then(|| "status".to_owned());
                row.detail = warning;
                row.response = Some(inbound.body.to_vec());
            }
            Err(error) => {
                row.error = Some(error.class().to_owned());
                row.detail = Some(error.to_string());
            }
        }
        row
    }

    async fn store(
        &self,
        shared: &Shared,
        row: AttemptRow,
        after: After,
        counts: bool,
        now: i64,
    ) -> Result<(), StoreError> {
        let (delivery, endpoint) = (self.delivery.id, self.endpoint.id);
        let gone = row.status == Some(GONE);
        let finish = move |tx: &crate::store::Tx<'_>| {
            if gone {
                tx.disable_endpoint(endpoint, "the receiver answered 410 Gone")?;
            }
            tx.finish_attempt(delivery, counts.then_some(&row), after, now)
        };
        shared.store.write("delivery.attempt", finish).await
    }
}

/// What an endpoint's secret is sealed for.
pub fn secret_context(public_id: &str) -> Vec<u8> {
    format!("endpoint/{public_id}/secret").into_bytes()
}

/// What an endpoint's headers are sealed for.
pub fn headers_context(public_id: &str) -> Vec<u8> {
    format!("endpoint/{public_id}/headers").into_bytes()
}

/// Nobody answered, which says something of the endpoint, not of this delivery.
fn is_missed(error: &EgressError) -> bool {
    matches!(error.class(), "connect" | "timeout")
}

fn asked_wait(inbound: &Inbound, now: i64) -> Option<i64> {
    if !matches!(inbound.status, 429 | 503) {
        return None;
    }
    let header =
        inbound.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    backoff::retry_after_ms(&header.1, now)
}

fn count(after: After) {
    let outcome = match after {
        After::Delivered => "delivered",
        After::Dead => "dead",
        After::Due(_) => "failed",
    };
    counter!("moothall_deliveries_total", "outcome" => outcome).increment(1);
}
