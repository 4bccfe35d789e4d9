//! Each scheme, with the example of its documentation where there is one. Changed bodies and missing or doubled headers are
//! refused.

use ed25519_dalek::{Signer, SigningKey};
use secrecy::ExposeSecret;

use super::*;

fn scheme(name: &str) -> VerifyManifest {
    VerifyManifest {
        scheme: name.into(),
        secret: "/secret".into(),
        header: None,
        prefix: None,
        encoding: None,
        tolerance_s: None,
    }
}

fn request(headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Request { headers, body: body.into(), ..Request::default() }
}

/// Makes the key from the secret as an operator pastes it, then verifies.
fn verify(how: &VerifyManifest, secret: &str, request: &Request, now: i64) -> Checked {
    super::verify(how, how.key(secret).unwrap().expose_secret(), request, now)
}

/// Accepts the request; refuses it with another body, and with each header missing or sent twice.
fn refuses_changes(how: &VerifyManifest, secret: &str, good: &Request, now: i64) {
    assert_eq!(verify(how, secret, good, now), Ok(()));
    let mut other = good.clone();
    other.body.push(b' ');
    assert!(verify(how, secret, &other, now).is_err(), "another body");
    for at in 0..good.headers.len() {
        let mut other = good.clone();
        other.headers.remove(at);
        assert_eq!(verify(how, secret, &other, now), Err(Rejection::Missing));
        let mut other = good.clone();
        other.headers.push(good.headers[at].clone());
        assert_eq!(verify(how, secret, &other, now), Err(Rejection::Twice));
    }
}

#[test]
fn github_documents_its_example() {
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    let how = VerifyManifest { prefix: Some("sha256=".into()), ..scheme("hmac-sha256") };
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let good = request(&[("x-hub-signature-256", signature)], "Hello, World!");
    refuses_changes(&how, "It's a Secret to Everybody", &good, 0);
    assert_eq!(verify(&how, "another secret of theirs", &good, 0), Err(Rejection::Wrong));
    let bare = request(&[("x-hub-signature-256", &signature[7..])], "Hello, World!");
    assert_eq!(verify(&how, "It's a Secret to Everybody", &bare, 0), Err(Rejection::Garbled));
}

#[test]
fn slack_documents_its_example() {
    // https://api.slack.com/authentication/verifying-requests-from-slack
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
                trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let headers = [("x-slack-request-timestamp", "1531420618"), ("x-slack-signature", signature)];
    let (good, secret) = (request(&headers, body), "8f742231b10e8888abcd99yyyzzz85a5");
    refuses_changes(&scheme("slack-v0"), secret, &good, 1_531_420_618);
    let late = verify(&scheme("slack-v0"), secret, &good, 1_531_420_618 + 301);
    assert_eq!(late, Err(Rejection::Stale));
    let early = verify(&scheme("slack-v0"), secret, &good, 1_531_420_618 - 301);
    assert_eq!(early, Err(Rejection::Stale));
}

#[test]
fn standard_webhooks_has_a_reference_vector() {
    // The test vector of the reference libraries.
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let (good, secret) =
        (request(&headers, r#"{"test": 2432232314}"#), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    refuses_changes(&scheme("standard-webhooks"), secret, &good, 1_614_265_330);
    let mut rotated = good.clone();
    rotated.headers[2].1 = format!("v1,AAAA {} v2,x", good.headers[2].1);
    assert_eq!(verify(&scheme("standard-webhooks"), secret, &rotated, 1_614_265_330), Ok(()));
}

#[test]
fn svix_names_its_headers_after_itself() {
    // https://docs.svix.com/receiving/verifying-payloads/how-manual
    let headers = [
        ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let (good, secret) =
        (request(&headers, r#"{"test": 2432232314}"#), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    refuses_changes(&scheme("standard-webhooks"), secret, &good, 1_614_265_330);

    // If both are sent, only the `webhook-*` headers count.
    let mut both = good.clone();
    both.headers
        .extend(good.headers.iter().map(|(n, v)| (n.replace("svix", "webhook"), v.clone())));
    assert_eq!(verify(&scheme("standard-webhooks"), secret, &both, 1_614_265_330), Ok(()));
    both.headers[2].1 = "v1,AAAA".to_owned();
    assert_eq!(verify(&scheme("standard-webhooks"), secret, &both, 1_614_265_330), Ok(()));
    both.headers[5].1 = "v1,AAAA".to_owned();
    let wrong = verify(&scheme("standard-webhooks"), secret, &both, 1_614_265_330);
    assert_eq!(wrong, Err(Rejection::Wrong));
}

#[test]
fn zoom_signs_as_slack_does_under_its_own_name() {
    let (secret, body) = ("a secret token of Zoom's", r#"{"event":"meeting.started"}"#);
    let right = mac(secret.as_bytes(), &[b"v0:1700000000:", body.as_bytes()]);
    let right: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("v0={right}");
    let headers =
        [("x-zm-request-timestamp", "1700000000"), ("x-zm-signature", signature.as_str())];
    refuses_changes(&scheme("zoom-v0"), secret, &request(&headers, body), 1_700_000_000);
}

#[test]
fn stripe_takes_one_of_several_signatures() {
    let right = mac(b"whsec_of_a_test_endpoint", &[b"1492774577", b".", b"{}"]);
    let right: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = format!("t=1492774577,v1={},v1={right},v0=6ffb", "0".repeat(64));
    let good = request(&[("stripe-signature", &value)], "{}");
    refuses_changes(&scheme("stripe"), "whsec_of_a_test_endpoint", &good, 1_492_774_577);
    let none = request(&[("stripe-signature", "t=1492774577")], "{}");
    assert_eq!(
        verify(&scheme("stripe"), "whsec_of_a_test_endpoint", &none, 1_492_774_577),
        Err(Rejection::Wrong)
    );
}

#[test]
fn discord_signs_with_a_key_pair() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let signature = hex(&key.sign(b"1600000000{\"type\":1}").to_bytes());
    let headers =
        [("x-signature-ed25519", signature.as_str()), ("x-signature-timestamp", "1600000000")];
    let good = request(&headers, r#"{"type":1}"#);
    let public = hex(key.verifying_key().as_bytes());
    refuses_changes(&scheme("ed25519"), &public, &good, 1_600_000_000);
}
