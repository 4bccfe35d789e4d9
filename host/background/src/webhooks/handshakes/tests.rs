//! What the platforms document, each as its handshake would be declared.

use serde_json::json;

use super::*;

fn handshake(declared: Value) -> HandshakeManifest {
    serde_json::from_value(declared).unwrap()
}

fn get(query: &str) -> Request {
    Request { method: "GET".into(), query: query.into(), ..Request::default() }
}

fn post(body: &str) -> Request {
    Request { method: "POST".into(), body: body.into(), ..Request::default() }
}

/// What the host answers, made with this key where it takes one.
fn answered(declared: Value, request: &Request, key: &str) -> Option<HandshakeReply> {
    let one = handshake(declared);
    let token = token(&one, request)?;
    let hmac = written(one.encoding, &mac(key.as_bytes(), &[token.as_bytes()]));
    Some(answer(&one, &token, &hmac))
}

fn text(text: &str) -> Option<HandshakeReply> {
    Some(HandshakeReply::Text(text.to_owned()))
}

fn object(object: &str) -> Option<HandshakeReply> {
    Some(HandshakeReply::Json(object.to_owned()))
}

#[test]
fn zoom_gets_its_token_and_the_hmac_of_it() {
    // https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
    let declared = json!({
        "method": "POST", "body": "/payload/plainToken", "answer": "hmac",
        "json": { "plainToken": "{token}", "encryptedToken": "{hmac}" },
    });
    let asked = r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}"#;
    let hmac =
        written(Encoding::Hex, &mac(b"a secret token of Zoom's", &[b"qgg8vlvZRS6UYooatFL8Aw"]));
    let right = format!(r#"{{"encryptedToken":"{hmac}","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#);
    assert_eq!(
        answered(declared.clone(), &post(asked), "a secret token of Zoom's"),
        object(&right)
    );
    for webhook in [
        r#"{"event":"meeting.started","payload":{}}"#,
        r#"{"payload":{"plainToken":7}}"#,
        "plainToken",
        "",
    ] {
        assert_eq!(answered(declared.clone(), &post(webhook), ""), None, "{webhook}");
    }
}

#[test]
fn x_gets_the_hmac_of_its_token_in_base64() {
    // https://docs.x.com/x-api/webhooks/introduction: the answer to a challenge-response check
    let declared = json!({
        "query": "crc_token", "answer": "hmac", "encoding": "base64",
        "json": { "response_token": "sha256={hmac}" },
    });
    let hmac = written(Encoding::Base64, &mac(b"consumer secret", &[b"foo"]));
    let right = format!(r#"{{"response_token":"sha256={hmac}"}}"#);
    assert_eq!(
        answered(declared, &get("crc_token=foo&nonce=bar"), "consumer secret"),
        object(&right)
    );
}

#[test]
fn challenges_are_echoed_as_text_decoded_and_without_markup() {
    // https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
    let facebook = json!({ "query": "hub.challenge" });
    let asked = get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock");
    assert_eq!(answered(facebook.clone(), &asked, ""), text("1158201444"));
    let head = Request { method: "HEAD".into(), ..asked.clone() };
    assert_eq!(answered(facebook.clone(), &head, ""), text("1158201444"));
    assert_eq!(answered(facebook.clone(), &Request { method: "POST".into(), ..asked }, ""), None);
    assert_eq!(answered(facebook, &get("hub.challenge="), ""), None);
    // https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
    let microsoft = json!({ "method": "POST", "query": "validationToken" });
    let query = "validationToken=Validation%3a+Testing+client+application%3Cscript%3E".to_owned();
    let asked = Request { query, ..post("") };
    assert_eq!(
        answered(microsoft, &asked, ""),
        text("Validation: Testing client application&lt;script&gt;")
    );
}

#[test]
fn challenges_in_headers_and_bodies_are_echoed_in_json() {
    // https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request
    let okta =
        json!({ "header": "X-Okta-Verification-Challenge", "json": { "verification": "{token}" } });
    let headers = vec![("x-okta-verification-challenge".to_owned(), "a \"{hmac}\" b".to_owned())];
    let asked = Request { headers, ..get("") };
    assert_eq!(answered(okta.clone(), &asked, ""), object(r#"{"verification":"a \"{hmac}\" b"}"#));
    assert_eq!(answered(okta, &get(""), ""), None);
    // https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
    let grid = json!({ "method": "POST", "body": "/0/data/validationCode", "json": { "validationResponse": "{token}" } });
    let asked = post(r#"[{"id":"1","data":{"validationCode":"512d38b6"}}]"#);
    assert_eq!(answered(grid, &asked, ""), object(r#"{"validationResponse":"512d38b6"}"#));
    // Trello and Mailchimp want nothing but a 200.
    assert_eq!(
        answered(json!({ "method": "HEAD" }), &Request { method: "HEAD".into(), ..get("") }, ""),
        text("")
    );
}

#[test]
fn no_token_is_signed_that_could_be_a_webhook() {
    for word in
        ["qgg8vlvZRS6UYooatFL8Aw", "3ca92ae6-858d-4711-ab31-7a8a0a0d0e6f", "Zm9v+/8=", "YQ=="]
    {
        assert!(is_one_word(word), "{word}");
    }
    for text in ["{}", "v0:1700000000:x", "1614265330.{}", "a=b", "a b", "YQ===", "=", "é"] {
        assert!(!is_one_word(text), "{text}");
    }
}
