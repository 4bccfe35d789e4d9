//! A webfilter: the data is posted, and what is answered says what becomes of it.

use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::Hooks;
use super::step::Step;
use crate::egress::{Body, EgressError, Inbound, Outbound, Reach};
use crate::outbox::{SigningSecret, form, metadata};
use crate::plugins::HookPoint;

/// What a webfilter answered.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub data: Option<Value>,
    pub exception: Map<String, Value>,
    pub warnings: Vec<String>,
}

/// What the secret of a step is sealed for.
pub fn secret_context(id: &str) -> Vec<u8> {
    format!("hook_step/{id}/secret").into_bytes()
}

impl Hooks {
    pub(super) async fn post(
        &self,
        (point, step, url): (&HookPoint, &Step, &str),
        run_id: &str,
        data: &Value,
        timeout: Duration,
    ) -> Result<Answer, EgressError> {
        let now = self.calls.clock.now_ms();
        let mut body = data.as_object().cloned().unwrap_or_default();
        let about = metadata(run_id, point.alias(), &point.manifest.name, &self.machine, now);
        body.insert("event_metadata".to_owned(), about);
        let (body, content_type, warning) = encoded(body, step.settings.use_www_form_encoding);
        let seconds = now.div_euclid(1000);
        let headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("user-agent".to_owned(), concat!("Moothall/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("webhook-id".to_owned(), run_id.to_owned()),
            ("webhook-timestamp".to_owned(), seconds.to_string()),
            ("webhook-signature".to_owned(), self.sign(step, run_id, seconds, &body)?),
        ];
        let request = Outbound {
            method: "POST".into(),
            url: url.to_owned(),
            headers,
            body,
            timeout: Some(timeout),
        };
        let inbound = self.egress.send(request, &Reach::Public, Body::Whole).await?;
        let mut answer = read(&inbound);
        answer.warnings.extend(warning);
        Ok(answer)
    }

    fn sign(
        &self,
        step: &Step,
        id: &str,
        seconds: i64,
        body: &Bytes,
    ) -> Result<String, EgressError> {
        let opened = self.keyring.open(&secret_context(&step.id), &step.secret);
        let opened = opened.map_err(|error| EgressError::Invalid(error.to_string()))?;
        let secret = SigningSecret::parse(opened.expose_secret());
        let secret = secret.map_err(|error| EgressError::Invalid(error.to_owned()))?;
        Ok(secret.sign(id, seconds, body))
    }
}

fn encoded(body: Map<String, Value>, is_form: bool) -> (Bytes, &'static str, Option<String>) {
    if !is_form {
        return (Value::Object(body).to_string().into(), "application/json", None);
    }
    let form = form::encode(&body);
    let collided = form.collisions.join(", ");
    let warning = (!collided.is_empty())
        .then(|| format!("two values of the form have the same key: {collided}"));
    (form.body.into(), "application/x-www-form-urlencoded", warning)
}

/// Only a 2xx with a JSON object says anything.
fn read(inbound: &Inbound) -> Answer {
    let mut answer = Answer { status: inbound.status, ..Answer::default() };
    if !(200..300).contains(&inbound.status) {
        answer.warnings.push(format!("the answer's status is {}", inbound.status));
        return answer;
    }
    if inbound.body.is_empty() {
        return answer;
    }
    let body: Value = match serde_json::from_slice(&inbound.body) {
        Ok(body) => body,
        Err(error) => {
            answer.warnings.push(format!("the answer is not JSON: {error}"));
            return answer;
        }
    };
    let Value::Object(mut body) = body else {
        answer.warnings.push("the answer is not a JSON object".to_owned());
        return answer;
    };
    match body.remove("data") {
        None | Some(Value::Null) => {}
        Some(data @ Value::Object(_)) => answer.data = Some(data),
        Some(_) => answer.warnings.push("`data` is not an object".to_owned()),
    }
    match body.remove("exception") {
        None | Some(Value::Null) => {}
        Some(Value::Object(exception)) => answer.exception = exception,
        Some(_) => answer.warnings.push("`exception` is not an object".to_owned()),
    }
    answer
}
