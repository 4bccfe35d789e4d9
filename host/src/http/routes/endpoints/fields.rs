//! The fields of an endpoint that clients set, and their checks.

use std::collections::BTreeMap;
use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::http::api::Api;
use crate::http::middleware::body_schema::{request_body, shown_too};
use crate::http::problem::Problem;
use moothall_core::endpoint::{BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::events::{MATCHES_NOTHING, is_of_api, matches_nothing, pattern_fault};
use moothall_core::ids::EndpointId;
use moothall_core::secrets::PLACEHOLDER;
use moothall_deliveries::driver::TIMEOUT_MS;
use moothall_deliveries::endpoints::Endpoints;
use moothall_egress::EgressError;
use moothall_engine::plugins::Violation;
use moothall_store::EndpointRow;
use moothall_values::destination::is_same_origin;

/// Longest URL, in bytes.
const URL_BYTES: usize = 2 << 10;
/// Longest description, in characters.
const DESCRIPTION: usize = 500;
/// Patterns that one endpoint has at most.
const PATTERNS: usize = 100;
/// Headers that one endpoint has at most.
const HEADERS: usize = 32;
/// Longest value of a header, in bytes.
const HEADER_BYTES: usize = 4 << 10;
/// Headers that are the host's own, or the connection's.
const OWN_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "user-agent",
];
/// Beginnings of such headers.
const OWN_PREFIXES: [&str; 2] = ["webhook-", "proxy-"];

/// The bounds of an endpoint's timeout, in milliseconds.
const TIMEOUTS_MS: std::ops::RangeInclusive<i64> = 100..=60_000;

/// What can be said of an endpoint whether it is new or not.
#[derive(Default, Deserialize, JsonSchema)]
struct EndpointFields {
    description: Option<String>,
    event_types: Option<Vec<String>>,
    #[schemars(extend("enum" = BodyFormat::CHOICES))]
    format: Option<String>,
    use_www_form_encoding: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
    #[schemars(extend("enum" = EndpointOrdering::ALL))]
    ordering: Option<String>,
    #[schemars(range(min = *TIMEOUTS_MS.start(), max = *TIMEOUTS_MS.end()))]
    timeout_ms: Option<i64>,
    enabled: Option<bool>,
}

/// An endpoint that is to be made.
#[derive(Deserialize, JsonSchema)]
pub struct NewEndpoint {
    url: String,
    community: Option<String>,
    #[schemars(extend("writeOnly" = true))]
    secret: Option<String>,
    #[serde(flatten)]
    fields: EndpointFields,
}

request_body!(NewEndpoint);

/// What an endpoint is to be; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = shown_too(&[
    "id", "disabled_reason", "old_secret_until", "created_at", "state", "circuit", "backlog", "backlog_is_more",
    "oldest_waiting", "last_failure", "warnings",
]))]
pub struct EndpointChange {
    /// Null where there is none yet: as it is shown then.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", extend("nullable" = true))]
    url: Option<Option<String>>,
    /// Null where it is gone: as it is shown then.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", extend("nullable" = true))]
    community: Option<Option<String>>,
    #[serde(flatten)]
    fields: EndpointFields,
}

request_body!(EndpointChange, elsewhere);

fn elsewhere(name: &str, _: &Value) -> Option<String> {
    let rotate =
        "a secret is not put; POST /api/internal/endpoints/{id}/rotate-secret makes another";
    (name == "secret").then(|| rotate.to_owned())
}

/// Either of them.
#[derive(Default)]
pub struct EndpointBody {
    url: Option<Option<String>>,
    description: Option<String>,
    community: Option<Option<String>>,
    event_types: Option<Vec<String>>,
    format: Option<String>,
    use_www_form_encoding: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
    ordering: Option<String>,
    timeout_ms: Option<i64>,
    enabled: Option<bool>,
    pub secret: Option<String>,
}

impl From<EndpointFields> for EndpointBody {
    fn from(fields: EndpointFields) -> Self {
        Self {
            description: fields.description,
            event_types: fields.event_types,
            format: fields.format,
            use_www_form_encoding: fields.use_www_form_encoding,
            headers: fields.headers,
            ordering: fields.ordering,
            timeout_ms: fields.timeout_ms,
            enabled: fields.enabled,
            ..Self::default()
        }
    }
}

impl From<NewEndpoint> for EndpointBody {
    fn from(new: NewEndpoint) -> Self {
        let (url, community) = (Some(Some(new.url)), new.community.map(Some));
        Self { url, community, secret: new.secret, ..new.fields.into() }
    }
}

impl From<EndpointChange> for EndpointBody {
    fn from(change: EndpointChange) -> Self {
        let EndpointChange { url, community, fields } = change;
        Self { url, community, ..fields.into() }
    }
}

/// Null is what was given, and not what is absent.
fn given<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(text).map(Some)
}

/// An endpoint before anything is said of it: the defaults.
pub fn blank(public_id: String, now: i64) -> EndpointRow {
    EndpointRow {
        id: EndpointId(0),
        public_id,
        kind: EndpointKind::Endpoint,
        url: String::new(),
        url_by: UrlBy::Api,
        description: String::new(),
        community: 0,
        event_types: json!(["*"]).to_string(),
        format: BodyFormat::Standard,
        form: false,
        headers: Vec::new(),
        ordering: EndpointOrdering::Fifo,
        timeout_ms: TIMEOUT_MS,
        enabled: true,
        disabled_reason: None,
        secret: Vec::new(),
        old_secret_until: None,
        created_at: now,
    }
}

impl EndpointBody {
    /// The row with what the client says; what it does not say stays.
    pub async fn apply(&self, api: &Api, before: EndpointRow) -> Result<EndpointRow, Problem> {
        let (url, url_by) = self.url(api, &before).await?;
        let description = self.description.clone().unwrap_or_else(|| before.description.clone());
        if description.chars().count() > DESCRIPTION {
            return Err(invalid(
                "description",
                &format!("it has at most {DESCRIPTION} characters"),
            ));
        }
        let format = one_of("format", &self.format, before.format, &BodyFormat::CHOICES)?;
        let ordering = one_of("ordering", &self.ordering, before.ordering, &EndpointOrdering::ALL)?;
        let timeout_ms = self.timeout_ms.unwrap_or(before.timeout_ms);
        let enabled = self.enabled.unwrap_or(before.enabled);
        let headers = self.headers(api, &before, &url)?;
        Ok(EndpointRow {
            url,
            url_by,
            description,
            community: self.community(api, &before)?.unwrap_or(before.community),
            event_types: self.event_types(&before)?.unwrap_or_else(|| before.event_types.clone()),
            format,
            form: self.use_www_form_encoding.unwrap_or(before.form),
            headers,
            ordering,
            timeout_ms,
            enabled,
            disabled_reason: before.disabled_reason.clone().filter(|_| !enabled),
            ..before
        })
    }

    async fn url(&self, api: &Api, before: &EndpointRow) -> Result<(String, UrlBy), Problem> {
        let is_driver = before.kind == EndpointKind::Driver;
        if self.url == Some(None) && !before.url.is_empty() {
            let rule =
                "a URL is not taken away: put another, or `enabled: false` to pause the endpoint";
            return Err(invalid("url", rule));
        }
        let Some(url) = self.url.iter().flatten().find(|url| **url != before.url) else {
            if before.url.is_empty() && !is_driver {
                return Err(invalid("url", "it is needed"));
            }
            return Ok((before.url.clone(), before.url_by));
        };
        if is_driver && before.url_by == UrlBy::Environment && !before.url.is_empty() {
            return Err(invalid(
                "url",
                "the driver's URL is set by DRIVER_EVENT_RECEIVER_URL; change it there, or unset it",
            ));
        }
        if url.len() > URL_BYTES {
            return Err(invalid("url", &format!("it has at most {URL_BYTES} bytes")));
        }
        let reachable = api.egress.check_reachable(url, &api.local.of_put()).await;
        reachable.map_err(|error| match error {
            EgressError::Invalid(why) | EgressError::Refused(why) => invalid("url", &why),
            error => invalid("url", &error.to_string()),
        })?;
        Ok((url.clone(), UrlBy::Api))
    }

    fn community(&self, api: &Api, before: &EndpointRow) -> Result<Option<i64>, Problem> {
        match self.community.as_ref().map(Option::as_deref) {
            None => Ok(None),
            Some(None) if slug_of(api, before)?.is_none() => Ok(None),
            Some(None) => Err(invalid("community", "it is a community's slug, or `*` for all")),
            Some(Some("*")) => Ok(Some(0)),
            Some(Some(slug)) => {
                let community = api.context.communities.get(slug);
                let community = community.ok_or_else(|| Problem::unknown_community(slug))?;
                Ok(Some(community.names.id.0))
            }
        }
    }

    fn event_types(&self, before: &EndpointRow) -> Result<Option<String>, Problem> {
        let Some(patterns) = &self.event_types else { return Ok(None) };
        if patterns.is_empty() || patterns.len() > PATTERNS {
            return Err(invalid("event_types", &format!("it lists 1 to {PATTERNS} patterns")));
        }
        if let Some((pattern, fault)) =
            patterns.iter().find_map(|one| Some((one, pattern_fault(one)?)))
        {
            return Err(invalid("event_types", &format!("`{pattern}` is no pattern: {fault}")));
        }
        let patterns_text = json!(patterns).to_string();
        if patterns_text == before.event_types {
            return Ok(None);
        }
        if let Some(pattern) = patterns.iter().find(|one| matches_nothing(one)) {
            return Err(invalid("event_types", &format!("`{pattern}` {MATCHES_NOTHING}")));
        }
        let is_driver = before.kind == EndpointKind::Driver;
        if let Some(pattern) = patterns.iter().find(|one| is_driver && is_of_api(one)) {
            let rule = format!(
                "the driver's endpoint never gets `{pattern}`; subscribe another endpoint to it"
            );
            return Err(invalid("event_types", &rule));
        }
        Ok(Some(patterns_text))
    }

    /// Sealed. A placeholder keeps the value that is stored; no headers at all keep them all, as long as
    /// they go where they were given for.
    fn headers(&self, api: &Api, before: &EndpointRow, url: &str) -> Result<Vec<u8>, Problem> {
        let stored = opened(api, before)?;
        if url != before.url && !is_same_origin(url, &before.url) {
            self.keeps_no_value(&stored)?;
        }
        let mut headers = self.headers.clone().unwrap_or_else(|| stored.clone());
        if headers.len() > HEADERS {
            return Err(invalid("headers", &format!("it has at most {HEADERS} of them")));
        }
        check_twice(&headers)?;
        for (name, value) in &mut headers {
            check_name(name)?;
            if value == PLACEHOLDER {
                let refusal = || invalid("headers", &format!("no value of `{name}` is stored"));
                value.clone_from(stored.get(name).ok_or_else(refusal)?);
            }
            let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
            if !is_plain || value.len() > HEADER_BYTES {
                let rule = format!(
                    "the value of `{name}` is at most {HEADER_BYTES} bytes of printable ASCII"
                );
                return Err(invalid("headers", &rule));
            }
        }
        Ok(endpoints(api).seal_headers(&before.public_id, &headers)?)
    }

    /// Nothing of what is stored would be sent on: who changes the URL may be somebody who was never shown it.
    fn keeps_no_value(&self, stored: &BTreeMap<String, String>) -> Result<(), Problem> {
        let is_kept = |name: &&String| match &self.headers {
            None => true,
            Some(headers) => headers.get(*name).is_some_and(|value| value == PLACEHOLDER),
        };
        let kept: Vec<&String> = stored.keys().filter(is_kept).collect();
        if kept.is_empty() { Ok(()) } else { Err(given_again(&kept)) }
    }
}

fn given_again(names: &[&String]) -> Problem {
    let rule = "the `url` has another scheme, host or port than before, and what is kept goes there no \
                longer: send the value itself, or leave the header out of `headers`";
    let pointer = |name: &str| format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
    let violation = |name: &&String| Violation { path: pointer(name), message: rule.to_owned() };
    let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let detail = format!("The values of {} are needed again: {rule}", listed.join(", "));
    Problem::bad_fields(detail, names.iter().map(violation).collect())
}

/// A header has one name, however it is written.
fn check_twice(headers: &BTreeMap<String, String>) -> Result<(), Problem> {
    let mut seen = BTreeMap::new();
    for name in headers.keys() {
        if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
            return Err(invalid("headers", &format!("`{other}` and `{name}` are the same header")));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Problem> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(invalid("headers", &format!("`{name}` is no name of a header")));
    }
    let lower = name.to_ascii_lowercase();
    let is_own = OWN_HEADERS.contains(&lower.as_str())
        || OWN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if is_own {
        return Err(invalid("headers", &format!("`{name}` is set by the host itself")));
    }
    Ok(())
}

pub fn opened(api: &Api, row: &EndpointRow) -> Result<BTreeMap<String, String>, Problem> {
    Ok(endpoints(api).open_headers(row)?)
}

/// The endpoints as they are administered now.
pub fn endpoints(api: &Api) -> Endpoints<'_> {
    let context = &api.context;
    let now = context.clock.now_ms();
    Endpoints { store: &context.store, keyring: &context.keyring, now }
}

fn one_of<T: Copy + Display>(
    field: &str,
    said: &Option<String>,
    before: T,
    known: &[T],
) -> Result<T, Problem> {
    let Some(said) = said else { return Ok(before) };
    let words: Vec<String> = known.iter().map(T::to_string).collect();
    let found = words.iter().zip(known).find(|(word, _)| *word == said);
    let refusal = || invalid(field, &format!("it is one of {}", words.join(", ")));
    found.map(|(_, one)| *one).ok_or_else(refusal)
}

fn invalid(field: &str, rule: &str) -> Problem {
    Problem::bad_request(format!("The field `{field}` is not valid: {rule}"))
}

/// `*` for all; none if the community is gone.
pub fn slug_of(api: &Api, row: &EndpointRow) -> Result<Option<String>, Problem> {
    match row.community {
        0 => Ok(Some("*".to_owned())),
        id => Ok(api.context.store.read(|reader| reader.community_slug(id))?),
    }
}
