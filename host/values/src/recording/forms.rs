//! How a secret may be written in a text: as it is, in JSON, in a URL or a form, in base64.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// The characters besides letters and digits that are not escaped: in a form, by RFC 3986, by `encodeURIComponent`.
const UNESCAPED: [&str; 3] = ["*-._", "-._~", "-_.!~*'()"];

/// Every form, each once.
pub fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    for once in in_json(secret) {
        // JSON that is a text in JSON.
        forms.extend(in_json(&once));
        forms.insert(once);
    }
    forms.extend(in_url(secret));
    forms.extend(in_base64(secret.as_bytes()));
    forms
}

/// As JSON writes it, without the quotes around it: as most do; with `/` escaped; with what is not ASCII; with what means
/// something in HTML.
fn in_json(text: &str) -> [String; 5] {
    let quoted = Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = inner.unwrap_or_default().to_owned();
    let (slashes, ascii) = (plain.replace('/', "\\/"), in_ascii(&plain));
    let html = ['<', '>', '&'];
    let html = html.iter().fold(plain.clone(), |text, one| text.replace(*one, &escaped(*one)));
    let both = ascii.replace('/', "\\/");
    [plain, slashes, ascii, both, html]
}

fn in_ascii(text: &str) -> String {
    let write = |one: char| if one.is_ascii() { one.to_string() } else { escaped(one) };
    text.chars().map(write).collect()
}

/// `\u003c`, for one.
fn escaped(character: char) -> String {
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units).iter();
    units.map(|unit| format!("\\u{unit:04x}")).collect()
}

fn in_url(text: &str) -> impl Iterator<Item = String> {
    UNESCAPED.into_iter().flat_map(move |unescaped| {
        let upper = percent(text, unescaped, |byte| format!("%{byte:02X}"));
        let lower = percent(text, unescaped, |byte| format!("%{byte:02x}"));
        let (form, lower_form) = (upper.replace("%20", "+"), lower.replace("%20", "+"));
        [upper, lower, form, lower_form]
    })
}

fn percent(text: &str, unescaped: &str, escape: impl Fn(u8) -> String) -> String {
    let write =
        |byte: u8| match byte.is_ascii_alphanumeric() || unescaped.as_bytes().contains(&byte) {
            true => char::from(byte).to_string(),
            false => escape(byte),
        };
    text.bytes().map(write).collect()
}

/// The characters of base64 that stand for these bytes alone, with no, one or two bytes before them in their group of three.
fn in_base64(bytes: &[u8]) -> impl Iterator<Item = String> {
    [(0, 0), (1, 2), (2, 3)].into_iter().flat_map(move |(before, first)| {
        let all = [&[0; 2][..before], bytes].concat();
        let end = all.len() * 8 / 6;
        [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|base64| base64.encode(&all)[first..end].to_owned())
    })
}
