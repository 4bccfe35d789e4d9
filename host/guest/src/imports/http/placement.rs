//! Puts a secret into a request, at the place that the guest named. Pure; an error never repeats
//! what is placed. What would not fit is refused before it is copied. Where a place in JSON is, is
//! found by the code that the SDK has too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use moothall_values::outbound::{FORM, is_form};
use moothall_values::placing::Spot;

use super::http::Placement;
use crate::bindings::{Error, ErrorKind};
use crate::network::guest_error;
use crate::refusal::error;
use moothall_egress::{CheckedUrl, Outbound, Room};
use moothall_values::destination::form_bytes;

const JSON: &str = "application/json";
/// Longest name, prefix or pointer of a placement, in bytes.
const NAME_BYTES: usize = 1 << 10;

pub fn place(
    request: &mut Outbound,
    room: Room,
    place: Placement,
    secret: &str,
) -> Result<(), Error> {
    match place {
        Placement::Header((name, prefix)) => {
            check(&name)?;
            check(&prefix)?;
            room.for_header(request, sum([&name, &prefix, secret])).map_err(guest_error)?;
            request.headers.push((name, format!("{prefix}{secret}")));
        }
        Placement::BasicPassword(user) => basic(request, room, [&user, secret], &user)?,
        Placement::BasicUser(password) => basic(request, room, [secret, &password], secret)?,
        Placement::Query(name) => {
            check(&name)?;
            let url = CheckedUrl::parse(&request.url).map_err(invalid)?;
            let url = url.with_parameter(&name, secret).map_err(invalid)?;
            request.url = url.as_str().to_owned();
        }
        Placement::Form(name) => form(request, room, &name, secret)?,
        Placement::Json(pointer) => json(request, room, &pointer, secret)?,
    }
    Ok(())
}

fn basic(
    request: &mut Outbound,
    room: Room,
    [user, password]: [&str; 2],
    named: &str,
) -> Result<(), Error> {
    if named.contains(':') {
        return Err(invalid("a user name of basic authentication has no colon"));
    }
    // Base64 makes four bytes of three.
    let encoded = sum([user, ":", password]).div_ceil(3).saturating_mul(4);
    let bytes = encoded.saturating_add("authorizationBasic ".len());
    room.for_header(request, bytes).map_err(guest_error)?;
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    request.headers.push(("authorization".into(), format!("Basic {credentials}")));
    Ok(())
}

fn form(request: &mut Outbound, room: Room, name: &str, secret: &str) -> Result<(), Error> {
    check(name)?;
    let declared =
        request.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case("content-type"));
    let is_declared = declared.is_some();
    if declared.is_some_and(|(_, value)| !is_form(value)) {
        return Err(invalid(format!("a form field needs a body that is {FORM}")));
    }
    // Two more: between the name and the secret, and before them.
    let bytes = form_bytes(name).saturating_add(form_bytes(secret)).saturating_add(2);
    room.for_body(request, bytes).map_err(guest_error)?;
    if !is_declared {
        room.for_header(request, sum(["content-type", FORM])).map_err(guest_error)?;
        request.headers.push(("content-type".into(), FORM.into()));
    }
    let field: String = byte_serialize(name.as_bytes())
        .chain(["="])
        .chain(byte_serialize(secret.as_bytes()))
        .collect();
    let between = if request.body.is_empty() { "" } else { "&" };
    request.body = [&*request.body, between.as_bytes(), field.as_bytes()].concat().into();
    Ok(())
}

/// Whatever content type the guest declares, a body with a secret in JSON has to be JSON.
fn json(request: &mut Outbound, room: Room, pointer: &str, secret: &str) -> Result<(), Error> {
    check(pointer)?;
    let spot = Spot::find(&request.body, pointer).map_err(|none| invalid(none.to_string()))?;
    room.for_body_of(spot.bytes_with(secret)).map_err(guest_error)?;
    let is_typed =
        request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !is_typed {
        room.for_header(request, sum(["content-type", JSON])).map_err(guest_error)?;
    }
    let body = spot.with(secret);
    if !is_typed {
        request.headers.push(("content-type".into(), JSON.into()));
    }
    request.body = body.into();
    Ok(())
}

fn sum<const N: usize>(texts: [&str; N]) -> usize {
    texts.iter().fold(0, |sum, text| sum.saturating_add(text.len()))
}

fn check(name: &str) -> Result<(), Error> {
    if name.len() <= NAME_BYTES {
        return Ok(());
    }
    let message =
        format!("the name, prefix or pointer of a placement has at most {NAME_BYTES} bytes");
    Err(invalid(message))
}

fn invalid(message: impl Into<String>) -> Error {
    error(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s&c r=t";

    const ROOM: Room = Room { headers: 3, header_bytes: 100, body_bytes: 50 };

    fn placed(start: Outbound, at: Placement) -> Outbound {
        let mut request = start;
        place(&mut request, ROOM, at, SECRET).unwrap();
        request
    }

    fn plain() -> Outbound {
        Outbound { url: "https://a.test/x?y=1".into(), ..Outbound::default() }
    }

    fn with_body(content_type: &str) -> Outbound {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Outbound { headers, body: "a=b".into(), ..plain() }
    }

    #[test]
    fn a_secret_goes_where_it_is_asked_for() {
        let header = placed(plain(), Placement::Header(("x-key".into(), "Bearer ".into())));
        assert_eq!(header.headers, [("x-key".to_owned(), format!("Bearer {SECRET}"))]);
        let password = placed(plain(), Placement::BasicPassword("me".into()));
        assert_eq!(password.headers[0].1, format!("Basic {}", STANDARD.encode("me:s&c r=t")));
        let user = placed(plain(), Placement::BasicUser("pw".into()));
        assert_eq!(user.headers[0].1, format!("Basic {}", STANDARD.encode("s&c r=t:pw")));
        let query = placed(plain(), Placement::Query("k".into()));
        assert_eq!(query.url, "https://a.test/x?y=1&k=s%26c+r%3Dt");
    }

    #[test]
    fn a_form_field_needs_a_form() {
        let new = placed(plain(), Placement::Form("k".into()));
        assert_eq!(&*new.body, b"k=s%26c+r%3Dt");
        assert_eq!(new.headers, [("content-type".to_owned(), FORM.to_owned())]);
        let more =
            placed(with_body(&format!("{FORM}; charset=utf-8")), Placement::Form("k".into()));
        assert_eq!(&*more.body, b"a=b&k=s%26c+r%3Dt");
        let mut json = with_body("application/json");
        assert!(place(&mut json, ROOM, Placement::Form("k".into()), SECRET).is_err());
    }

    #[test]
    fn a_place_in_json_needs_a_body_that_is_json() {
        let at = || Placement::Json("/auth/key".into());
        let body = Outbound { body: r#"{"auth":{},"n":1.10}"#.into(), ..plain() };
        let new = placed(body, at());
        assert_eq!(&*new.body, br#"{"auth":{"key":"s&c r=t"},"n":1.10}"#);
        assert_eq!(new.headers, [("content-type".to_owned(), JSON.to_owned())]);
        let mut form = with_body(FORM);
        let error = place(&mut form, ROOM, at(), SECRET).unwrap_err();
        assert!(error.message.contains("the body cannot hold a secret"), "{}", error.message);
        assert_eq!(&*form.body, b"a=b");
    }

    #[test]
    fn no_error_repeats_a_secret() {
        let mut request = plain();
        for at in [
            Placement::BasicUser("p".into()),
            Placement::Query("k".repeat(NAME_BYTES + 1)),
            Placement::Form("k".repeat(NAME_BYTES + 1)),
            Placement::Json(format!("/{}", "k".repeat(NAME_BYTES))),
            Placement::Json("/k".into()),
        ] {
            let error = place(&mut request, ROOM, at, "hunter2:x").unwrap_err();
            assert!(!error.message.contains("hunter2"));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let long = "x".repeat(101);
        for (at, what) in [
            (Placement::Header(("k".into(), String::new())), "headers"),
            (Placement::BasicPassword("me".into()), "headers"),
            (Placement::BasicUser("pw".into()), "headers"),
            (Placement::Form("k".into()), "body"),
        ] {
            let mut request = with_body(FORM);
            let error = place(&mut request, ROOM, at, &long).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!((request.headers.len(), &*request.body), (1, &b"a=b"[..]));
        }
        let mut request = with_body("application/vnd.api+json");
        request.body = r#"{"k":""}"#.into();
        let error = place(&mut request, ROOM, Placement::Json("/k".into()), &"\n".repeat(22));
        assert!(
            error.unwrap_err().message.contains("has 52 bytes, at most 50"),
            "escaped bytes count"
        );
        assert_eq!(&*request.body, br#"{"k":""}"#);
        assert!(place(&mut request, ROOM, Placement::Json("/k".into()), &"x".repeat(42)).is_ok());
        let mut request = plain();
        let error = place(&mut request, ROOM, Placement::Query("k".into()), &"x".repeat(8 << 10));
        assert!(error.unwrap_err().message.contains("a URL has at most"));
        assert_eq!(request.url, plain().url);
    }

    #[test]
    fn many_secrets_that_fit_one_by_one_do_not_fit_together() {
        let mut request = with_body(FORM);
        let mut add = || place(&mut request, ROOM, Placement::Form("k".into()), &"x".repeat(20));
        assert!(add().is_ok() && add().is_ok());
        assert!(add().unwrap_err().message.contains("at most 50"));
        let header = || Placement::Header(("k".into(), String::new()));
        assert!(place(&mut request, ROOM, header(), "1").is_ok());
        assert!(place(&mut request, ROOM, header(), "2").is_ok());
        assert!(place(&mut request, ROOM, header(), "3").is_err(), "more headers than three");
    }
}
