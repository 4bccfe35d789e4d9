//! Which texts of a recording are secrets by where they stand: in a header, a parameter or a field with a name that says so.

use serde_json::Value;

use super::scrub::{SHORTEST, Secrets};
use super::{Noted, Recording, Returned, bytes_of};

/// Names under which OAuth hands out secrets (RFC 6749, RFC 7591, OpenID Connect), and headers that authenticate whoever
/// sends them. Whatever is there is one, be it short.
const ALWAYS: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "registration_access_token",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
];
/// Names that have one of these in them, or end so, without what is neither letter nor digit.
const PARTS: &[&str] = &["secret", "password", "passwd", "apikey", "authorization"];
const ENDS: &[&str] = &["token", "cookie", "accesskey", "privatekey"];
/// A signature is no credential: it is good for its message alone, and a plugin may have to check it.
const NOT: &str = "signature";
/// Under such a name something shorter is no secret.
const LEAST: usize = 8;
/// A longer name is none.
const NAME_BYTES: usize = 100;

/// Adds them all.
pub fn sightings(recording: &Recording, secrets: &mut Secrets) {
    let input = recording.input.iter().flat_map(|input| &input.arguments);
    input.for_each(|one| handed_over(one, secrets));
    recording.imports.iter().for_each(|noted| sent(noted, secrets));
    if let Returned::Output(output) = &recording.returned {
        handed_over(output, secrets);
        message(&output["response"], secrets);
    }
    if let Returned::Error(error) = &recording.returned {
        error.details.iter().for_each(|details| fields(details, secrets));
    }
}

/// What a call gets or returns: JSON, or an HTTP message.
fn handed_over(value: &Value, secrets: &mut Secrets) {
    match value {
        Value::String(text) => fields(text, secrets),
        value => message(value, secrets),
    }
}

/// A request of the guest's, and its answer.
fn sent(noted: &Noted, secrets: &mut Secrets) {
    if !matches!(noted.import.as_str(), "http.send" | "wasi-http.send") {
        return;
    }
    noted.arguments.iter().for_each(|one| message(one, secrets));
    noted.answer.iter().for_each(|answer| message(&answer["ok"], secrets));
}

fn message(message: &Value, secrets: &mut Secrets) {
    for header in message["headers"].as_array().into_iter().flatten() {
        let text = |at: usize| header[at].as_str().unwrap_or_default();
        self::header(text(0), text(1), secrets);
    }
    for place in ["url", "query"] {
        message[place].as_str().into_iter().for_each(|text| parameters(text, secrets));
    }
    message["body"].as_str().into_iter().for_each(|body| fields(body, secrets));
}

fn header(name: &str, value: &str, secrets: &mut Secrets) {
    if value.contains(['?', '#']) {
        parameters(value, secrets);
    }
    let Some(least) = least(name) else { return };
    if name.to_ascii_lowercase().ends_with("cookie") {
        cookies(name, value, secrets);
    } else if value.len() >= least {
        credentials(value, secrets);
    }
}

/// `Bearer …` or the like: the name of the scheme is no secret. Of `Basic …` the password is one, too.
fn credentials(value: &str, secrets: &mut Secrets) {
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    let rest = rest.trim();
    secrets.add(if rest.len() < SHORTEST { value } else { rest });
    if scheme.eq_ignore_ascii_case("basic")
        && let Some(decoded) = bytes_of(rest)
        && let Ok(decoded) = std::str::from_utf8(&decoded)
        && let Some((user, password)) = decoded.split_once(':')
    {
        // Some platforms take a key as the user.
        secrets.add(if password.is_empty() { user } else { password });
    }
}

/// The whole header, and the values in it. What `set-cookie` says after the first is about that cookie.
fn cookies(name: &str, value: &str, secrets: &mut Secrets) {
    secrets.add(value);
    let is_set = name.len() > "cookie".len();
    let cookies = value.split(';').take(if is_set { 1 } else { usize::MAX });
    let values = cookies.filter_map(|one| Some(one.split_once('=')?.1.trim().trim_matches('"')));
    values.filter(|value| value.len() >= LEAST).for_each(|value| secrets.add(value));
}

/// Those of a URL or a query, of its fragment, too.
fn parameters(text: &str, secrets: &mut Secrets) {
    form(&text.replace(['?', '#'], "&"), secrets);
}

/// The fields of a body: JSON, or a form.
fn fields(body: &str, secrets: &mut Secrets) {
    match body.trim_start().starts_with(['{', '[']) {
        true => json(body, secrets),
        false => form(body, secrets),
    }
}

fn json(body: &str, secrets: &mut Secrets) {
    serde_json::from_str(body).iter().for_each(|value| json_fields(value, secrets));
}

fn form(body: &str, secrets: &mut Secrets) {
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        named(&name, &value, secrets);
        if value.starts_with('{') {
            json(&value, secrets);
        }
    }
}

fn json_fields(value: &Value, secrets: &mut Secrets) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| json_field(name, field, secrets));
        }
        Value::Array(items) => items.iter().for_each(|item| json_fields(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Texts in a list are under the list's name.
fn json_field(name: &str, field: &Value, secrets: &mut Secrets) {
    match field {
        Value::String(text) => named(name, text, secrets),
        Value::Array(items) => items.iter().for_each(|item| json_field(name, item, secrets)),
        field => json_fields(field, secrets),
    }
}

fn named(name: &str, value: &str, secrets: &mut Secrets) {
    if least(name).is_some_and(|least| value.len() >= least) {
        secrets.add(value);
    }
}

/// How many bytes a secret under this name has at least; none if a text under it is no secret.
fn least(name: &str) -> Option<usize> {
    if name.len() > NAME_BYTES {
        return None;
    }
    if ALWAYS.iter().any(|always| name.eq_ignore_ascii_case(always)) {
        return Some(SHORTEST);
    }
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let letters: String = letters.map(|one| one.to_ascii_lowercase()).collect();
    let is_secret = PARTS.iter().any(|part| letters.contains(part))
        || ENDS.iter().any(|end| letters.ends_with(end));
    (is_secret && !letters.contains(NOT)).then_some(LEAST)
}
