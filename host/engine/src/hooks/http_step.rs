//! A webfilter: the host posts the data, and the answer decides about it.

use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Hooks;
use super::step::Step;
use crate::plugins::HookPoint;
use moothall_deliveries::{SigningSecret, form, metadata};
use moothall_egress::{Body, EgressError, Inbound, Outbound, Reach};
use moothall_values::json::{self, Document};

/// What a webfilter answered.
#[derive(Debug, Default)]
pub struct StepAnswer {
    pub status: u16,
    pub data: Option<Document>,
    pub exception: Map<String, Value>,
    pub warnings: Vec<String>,
}

/// The context for which a step's secret is sealed.
pub fn secret_context(id: &str) -> Vec<u8> {
    format!("hook_step/{id}/secret").into_bytes()
}

impl Hooks {
    pub(super) async fn post(
        &self,
        (point, step, url): (&HookPoint, &Step, &str),
        run_id: &str,
        data: &Document,
        timeout: Duration,
    ) -> Result<StepAnswer, EgressError> {
        let now = self.context.clock.now_ms();
        let mut body = data.value().as_object().cloned().unwrap_or_default();
        let about = metadata(run_id, point.alias(), &point.manifest.name, &self.machine, now);
        body.insert("event_metadata".to_owned(), about);
        let body = data.became(Value::Object(body), None).into_text();
        let (body, content_type, warning) = match step.settings.use_www_form_encoding {
            true => as_form(&body)?,
            false => (body.into(), "application/json", None),
        };
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
        let opened = self.context.keyring.open(&secret_context(&step.id), &step.secret);
        let opened = opened.map_err(|error| EgressError::Invalid(error.to_string()))?;
        let secret = SigningSecret::parse(opened.expose_secret());
        let secret = secret.map_err(|error| EgressError::Invalid(error.to_owned()))?;
        Ok(secret.sign(id, seconds, body))
    }
}

type Encoded = (Bytes, &'static str, Option<String>);

fn as_form(body: &str) -> Result<Encoded, EgressError> {
    let form = form::encode(body);
    let form = form.map_err(|refusal| EgressError::Invalid(refusal.of("the hook's data")))?;
    let warning = form.warning();
    Ok((form.body.into(), "application/x-www-form-urlencoded", warning))
}

/// Only a 2xx with a JSON object is an answer.
fn read(inbound: &Inbound) -> StepAnswer {
    let mut answer = StepAnswer { status: inbound.status, ..StepAnswer::default() };
    if !(200..300).contains(&inbound.status) {
        answer.warnings.push(format!("the answer's status is {}", inbound.status));
        return answer;
    }
    if inbound.body.is_empty() {
        return answer;
    }
    match sent(&inbound.body) {
        Ok(SentToStep { data, exception }) => {
            answer.data = data.and_then(|data| object("data", data, &mut answer.warnings));
            let exception =
                exception.and_then(|one| object("exception", one, &mut answer.warnings));
            if let Some(Value::Object(exception)) = exception.map(|one| one.value().clone()) {
                answer.exception = exception;
            }
        }
        Err(reason) => answer.warnings.push(reason),
    }
    answer
}

/// The members of an answer that the host reads.
#[derive(Deserialize)]
struct SentToStep<'t> {
    #[serde(borrow)]
    data: Option<&'t RawValue>,
    #[serde(borrow)]
    exception: Option<&'t RawValue>,
}

fn sent(body: &[u8]) -> Result<SentToStep<'_>, String> {
    let text = str::from_utf8(body).map_err(|_| "the answer is not JSON: it is not UTF-8")?;
    json::check(text).map_err(|refusal| refusal.of("the answer"))?;
    let sent = Some(text).filter(|text| text.trim_start().starts_with('{'));
    let sent = sent.and_then(|text| serde_json::from_str(text).ok());
    sent.ok_or_else(|| "the answer is not a JSON object".to_owned())
}

fn object(name: &str, text: &RawValue, warnings: &mut Vec<String>) -> Option<Document> {
    let read = Document::read(text.get().to_owned()).ok();
    let object = read.filter(|one| one.value().is_object());
    if object.is_none() {
        warnings.push(format!("`{name}` is not an object"));
    }
    object
}
