//! One attempt at a delivery: renders, signs and sends the request. No transaction is open meanwhile, and no secret is
//! stored or logged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::target::Target;
use super::{Shared, backoff, render};
use moothall_core::endpoint::{AttemptError, EndpointKind};
use moothall_core::retry::TRANSIENT_MS;
use moothall_core::telemetry::metric::DELIVERIES;
use moothall_egress::{Body, EgressError, Inbound, Outbound};
use moothall_store::{After, AttemptRow, DueDelivery, Outcome};

/// How much of a response is kept, in bytes.
const RESPONSE_BYTES: usize = 16 << 10;
/// The status by which a receiver says that it wants no more.
const GONE: u16 = 410;

/// Why something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The delivery is due.
    Due,
    /// To see whether the endpoint answers again. If it does not, this counts as no attempt.
    Probe,
}

/// What is sent, and to which endpoint.
pub struct Attempt {
    pub delivery: DueDelivery,
    pub target: Arc<Target>,
    pub purpose: Purpose,
}

/// What came of an attempt, to be stored.
#[derive(Debug)]
pub struct Ended {
    pub is_probe: bool,
    /// Whether the endpoint answered at all.
    pub reached: bool,
    pub outcome: Outcome,
}

impl Attempt {
    pub async fn run(self, shared: Arc<Shared>) -> Ended {
        let (started_at, began) = (shared.clock.now_ms(), Instant::now());
        let result = self.send(&shared, started_at).await;
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        // A request that the host could not send says nothing about the endpoint, and counts as no attempt.
        let exhausted = matches!(&result, Err(EgressError::Exhausted(_)));
        let reached =
            !matches!(&result, Err(error) if is_missed(error) || exhausted && self.is_probe());
        let at = shared.clock.now_ms();
        let is_over = shared.clock.trusted_ms() >= self.delivery.expires_at;
        let after = self.after(&result, (at, is_over), shared.roll());
        count(after);
        let (endpoint, delivery) = (self.target.row.id, self.delivery.id);
        let position = self.delivery.event.position;
        let expires_at = self.delivery.expires_at;
        let is_probe = self.is_probe();
        let row = self.row(result, started_at, duration_ms);
        let gone = row.status == Some(GONE);
        let attempt = ((reached || !is_probe) && !exhausted).then_some(row);
        Ended {
            is_probe,
            reached,
            outcome: Outcome { endpoint, delivery, position, expires_at, attempt, after, gone, at },
        }
    }

    fn is_probe(&self) -> bool {
        self.purpose == Purpose::Probe
    }

    fn is_callback(&self) -> bool {
        self.target.row.kind == EndpointKind::Callback
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
        let endpoint = &self.target.row;
        let render = if endpoint.form { render::as_form } else { render::as_json };
        let rendered = render(&self.delivery.event, endpoint.format, host);
        let headers = self.headers(rendered.content_type, &rendered.body, shared, now);
        let headers = headers.map_err(EgressError::Invalid)?;
        let request = Outbound {
            method: "POST".into(),
            url: endpoint.url.clone(),
            headers,
            body: rendered.body,
            timeout: Some(Duration::from_millis(endpoint.timeout_ms.unsigned_abs())),
        };
        let reach = &self.target.reach(shared);
        let body = Body::First { bytes: RESPONSE_BYTES, within: shared.body_wait };
        let inbound = shared.egress.send(request, reach, body).await?;
        Ok((inbound, rendered.warning))
    }

    fn headers(
        &self,
        content_type: &str,
        body: &Bytes,
        shared: &Shared,
        now: i64,
    ) -> Result<Vec<(String, String)>, String> {
        let (id, seconds) = (&self.delivery.event.id, now.div_euclid(1000));
        let trusted = shared.clock.trusted_ms();
        let signature = self.target.signature(id, seconds, body, trusted)?;
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("user-agent".to_owned(), concat!("Moothall/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("webhook-id".to_owned(), id.clone()),
            ("webhook-timestamp".to_owned(), seconds.to_string()),
            ("webhook-attempt".to_owned(), self.number().to_string()),
            ("webhook-signature".to_owned(), signature),
        ];
        headers.extend_from_slice(self.target.headers()?);
        Ok(headers)
    }

    /// The next state of the delivery.
    fn after(
        &self,
        result: &Result<(Inbound, Option<String>), EgressError>,
        (now, is_over): (i64, bool),
        roll: u16,
    ) -> After {
        let failed = self.number().saturating_sub(self.delivery.resent_after);
        let wait = match result {
            Ok((inbound, _)) if (200..300).contains(&inbound.status) => return After::Delivered,
            Ok((inbound, _)) if inbound.status == GONE && self.is_callback() => {
                return After::Dead;
            }
            Err(error) if self.is_probe() && is_missed(error) => Some(0),
            Err(EgressError::Exhausted(_)) => Some(TRANSIENT_MS),
            Ok((inbound, _)) => {
                backoff::wait_ms(failed, roll).map(|wait| asked_wait(inbound, now).unwrap_or(wait))
            }
            Err(_) => backoff::wait_ms(failed, roll),
        };
        match wait {
            Some(wait) if !is_over => After::Due(now + wait),
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
                row.error = (!(200..300).contains(&inbound.status)).then_some(AttemptError::Status);
                row.detail = noted(warning, inbound.cut_off.as_ref());
                row.response = Some(inbound.body.to_vec());
            }
            Err(error) => {
                row.error = Some(error.class());
                row.detail = Some(error.to_string());
            }
        }
        row
    }
}

/// The detail that is stored with an answered attempt.
fn noted(warning: Option<String>, cut_off: Option<&EgressError>) -> Option<String> {
    let cut_off = cut_off.map(|why| format!("the body of the answer was cut off: {why}"));
    warning.into_iter().chain(cut_off).reduce(|all, more| format!("{all}; {more}"))
}

/// Whether nobody answered. That counts against the endpoint, not against the delivery.
fn is_missed(error: &EgressError) -> bool {
    matches!(error.class(), AttemptError::Connect | AttemptError::Timeout)
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
    DELIVERIES.of(&[("outcome", outcome)]).increment(1);
}
