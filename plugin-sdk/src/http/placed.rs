//! Places secrets in a request. The host places the secrets that it keeps; this code writes, by the same rules,
//! only a secret that the plugin has just received itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moothall_values::outbound::{FORM, is_form};
use moothall_values::placing::Spot;

use crate::bindings::host::http::{Placement, Request};
use crate::{Error, Result, Secret, headers};

/// A secret and its place.
#[derive(Debug, Clone)]
pub struct Placed {
    pub placement: Placement,
    pub secret: Secret,
}

/// Writes a secret that the host does not keep.
pub fn write(request: &mut Request, placement: &Placement, text: &str) -> Result<()> {
    match placement {
        Placement::Header((name, prefix)) => add_header(request, name, format!("{prefix}{text}")),
        Placement::BasicPassword(user) => basic(request, [user, text], user)?,
        Placement::BasicUser(password) => basic(request, [text, password], text)?,
        Placement::Query(name) => add_query(&mut request.url, name, text),
        Placement::Form(name) => add_form(request, name, text)?,
        Placement::Json(pointer) => {
            let spot = Spot::find(&request.body, pointer);
            let body = spot.map_err(|none| Error::invalid(none.to_string()))?.with(text);
            request.body = body;
        }
    }
    Ok(())
}

fn add_header(request: &mut Request, name: &str, value: String) {
    request.headers.push((name.to_owned(), value));
}

fn basic(request: &mut Request, [user, password]: [&str; 2], named: &str) -> Result<()> {
    if named.contains(':') {
        return Err(Error::invalid("a user name of basic authentication has no colon"));
    }
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    add_header(request, "authorization", format!("Basic {credentials}"));
    Ok(())
}

/// Adds a query parameter, before the fragment if there is one.
pub fn add_query(url: &mut String, name: &str, value: &str) {
    let fragment = url.find('#').map(|begin| url.split_off(begin)).unwrap_or_default();
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(&pair(name, value));
    url.push_str(&fragment);
}

fn add_form(request: &mut Request, name: &str, value: &str) -> Result<()> {
    let declared = headers::first(&request.headers, "content-type");
    if declared.is_some_and(|kind| !is_form(kind)) {
        return Err(Error::invalid(format!("a form field needs a body that is {FORM}")));
    }
    if !request.body.is_empty() {
        request.body.push(b'&');
    }
    request.body.extend(pair(name, value).into_bytes());
    Ok(())
}

fn pair(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

#[cfg(test)]
mod tests {
    use super::{Placement, write};
    use crate::http::post;

    #[test]
    fn a_new_secret_stands_where_the_host_would_place_it() {
        let mut sent = post("https://a.example").form(&[("a", "1")]).into_wit();
        for placement in [
            Placement::Header(("authorization".to_owned(), "Bearer ".to_owned())),
            Placement::BasicPassword("me".to_owned()),
            Placement::BasicUser("x".to_owned()),
            Placement::Query("key".to_owned()),
            Placement::Form("secret".to_owned()),
        ] {
            write(&mut sent, &placement, "s&t").expect("there is such a place");
        }
        assert_eq!(sent.url, "https://a.example?key=s%26t");
        assert_eq!(sent.body, b"a=1&secret=s%26t");
        let values: Vec<&str> =
            sent.headers.iter().skip(1).map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["Bearer s&t", "Basic bWU6cyZ0", "Basic cyZ0Ong="]);
    }

    #[test]
    fn a_new_secret_stands_in_json_or_its_place_is_refused() {
        let mut sent = post("https://a.example").json(&serde_json::json!({ "a": 1 })).into_wit();
        let mut place = |pointer: &str| write(&mut sent, &Placement::Json(pointer.to_owned()), "s");
        place("/key").expect("an object is there");
        let error = place("/a").expect_err("a number is there");
        assert_eq!(error.kind(), &crate::ErrorKind::Invalid);
        assert_eq!(sent.body, br#"{"a":1,"key":"s"}"#);
    }
}
