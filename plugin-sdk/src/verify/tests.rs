//! Signatures of other implementations pass, and anything that differs from them fails.

use super::*;

const BODY: &[u8] = b"Hello, World!";

fn request(headers: &[(&str, &str)]) -> WebhookRequest {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    WebhookRequest { headers, body: BODY.to_vec(), ..WebhookRequest::default() }
}

#[test]
fn githubs_own_example_passes_and_another_body_does_not() {
    const SIGNATURE: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let secret = "It's a Secret to Everybody";
    let mut request = request(&[("x-hub-signature-256", SIGNATURE)]);
    let check =
        |request: &_, secret| hmac_sha256(request, secret, "X-Hub-Signature-256", "sha256=");
    assert_eq!(check(&request, secret), Ok(()));
    assert!(check(&request, "another").is_err());
    request.body.push(b'!');
    assert!(check(&request, secret).is_err());
    assert!(hmac_sha256(&request, secret, "X-Other", "").is_err());
}

#[test]
fn base64_is_the_same_signature() {
    let request = request(&[("x-signature", "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=")]);
    let secret = "It's a Secret to Everybody";
    assert_eq!(hmac_sha256_base64(&request, secret, "X-Signature", ""), Ok(()));
}

#[test]
fn slack_signs_its_timestamp_which_must_be_fresh() {
    let signature = "v0=81c32fcd46d63951d23e3edde013df25873a7d544c5d74413fd9f2f8c15b4bcc";
    let of =
        |time| request(&[("x-slack-request-timestamp", time), ("x-slack-signature", signature)]);
    assert_eq!(slack_at(&of("1000"), "s", 1_300), Ok(()));
    assert!(slack_at(&of("1000"), "s", 1_301).is_err(), "too old");
    assert!(slack_at(&of("1001"), "s", 1_001).is_err(), "another time was not signed");
    assert!(slack_v0(&of("1000"), "s").is_err(), "1970 is not now");
}

#[test]
fn one_right_signature_of_several_is_enough_for_stripe() {
    let right = "9213a9cfff97fa70a80283769649b5bfecfd15aaf032d505179e5f8a66c7fdf1";
    let signed = |header: &str| request(&[("stripe-signature", header)]);
    let check = |header: &str| stripe_at(&signed(header), "s", 1_000);
    assert_eq!(check(&format!("t=1000,v1=00,v1={right}")), Ok(()));
    assert!(check("t=1000,v1=00").is_err());
    assert!(check(&format!("v1={right}")).is_err(), "no timestamp");
    assert!(check(&format!("t=1000,v0={right}")).is_err(), "another scheme");
}

#[test]
fn the_example_of_standard_webhooks_passes() {
    let mut request = request(&[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    request.body = br#"{"test": 2432232314}"#.to_vec();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert_eq!(standard_at(&request, secret, 1_614_265_330), Ok(()));
    let mut of_svix = request.clone();
    of_svix.headers.iter_mut().for_each(|(name, _)| *name = name.replace("webhook", "svix"));
    assert_eq!(standard_at(&of_svix, secret, 1_614_265_330), Ok(()));
    request.body.clear();
    assert!(standard_at(&request, secret, 1_614_265_330).is_err());
}

#[test]
fn ed25519_signs_timestamp_and_body() {
    use ed25519_dalek::{Signer, SigningKey};
    let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = text(key.verifying_key().as_bytes());
    let signature = text(&key.sign(&[b"1000", BODY].concat()).to_bytes());
    let at =
        |time| request(&[("x-signature-timestamp", time), ("x-signature-ed25519", &signature)]);
    assert_eq!(ed25519(&at("1000"), &public), Ok(()));
    assert!(ed25519(&at("1001"), &public).is_err());
    assert!(ed25519(&at("1000"), "beef").is_err());
}
