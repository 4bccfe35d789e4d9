//! The code of the chapter about signatures, in each of its languages: it accepts a delivery of the host, and refuses
//! another body, another secret, and a signature that is right and too old.

use std::path::Path;
use std::process::Command;

use moothall_tests::command_line::ended;
use moothall_tests::{Received, Receiver, TestHost, curl, node, python};
use serde_json::{Value, json};

use super::chapter;

/// What reads a delivery from standard input and verifies it, with the chapter's `verify` beside it.
const PYTHON: &str = "\
import json, sys
from verify import verify
delivery = json.load(sys.stdin)
verify(delivery['secret'], delivery['headers'], delivery['body'].encode())
";
const JAVASCRIPT: &str = "\
import { readFileSync } from 'node:fs';
import { verify } from './verify.mjs';
const { secret, headers, body } = JSON.parse(readFileSync(0, 'utf8'));
verify(secret, headers, Buffer.from(body));
";
/// Further from the time of a delivery than the chapter allows, in seconds.
const OTHER_TIME_S: i64 = 400;

/// A delivery, and the secret that it was signed with.
#[derive(Clone)]
struct Signed {
    secret: String,
    headers: Value,
    body: String,
}

impl Signed {
    fn of(delivery: &Received, secret: &Value) -> Self {
        Self {
            secret: secret.as_str().expect("a secret").to_owned(),
            headers: json!(delivery.headers),
            body: String::from_utf8(delivery.body.clone()).expect("a body of JSON"),
        }
    }

    fn input(&self) -> String {
        json!({ "secret": self.secret, "headers": self.headers, "body": self.body }).to_string()
    }
}

/// The chapter's code in this language.
fn code(language: &str) -> String {
    let blocks = curl::blocks(&chapter("drivers/verifying.md"));
    let found = blocks.into_iter().find(|(known, _)| known == language);
    found.unwrap_or_else(|| panic!("the chapter has no {language}")).1
}

/// A delivery with the host's clock at this distance from the right time.
async fn delivered(receiver: &Receiver, host: &TestHost, ahead_s: i64) -> Signed {
    host.set_clock_ahead(ahead_s);
    let secret = host.post("/api/internal/endpoints/driver/rotate-secret", json!({})).await;
    let secret = secret.expect(200)["secret"].clone();
    let before = receiver.received().len();
    let event = json!({ "community": "acme", "event_type": "noted", "data": { "text": "grüße" } });
    host.post("/api/internal/events", event).await.expect(202);
    Signed::of(&receiver.wait_for(before + 1).await[before], &secret)
}

/// Holds a program against deliveries that it has to accept, and others.
async fn holds(verify: impl Fn(&Signed) -> Result<(), String>) {
    // Installed first: the host closes a connection on which nothing happens meanwhile.
    drop(python::programs());
    let receiver = Receiver::start().await;
    let setup = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let host = setup.start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let signed = delivered(&receiver, &host, 0).await;
    assert_eq!(verify(&signed), Ok(()));
    // The old secret signs, too, so that there are two signatures.
    let second = delivered(&receiver, &host, 0).await;
    let signatures = second.headers["webhook-signature"].as_str().expect("a text").to_owned();
    assert!(signatures.contains(' '), "{signatures}");
    assert_eq!(verify(&second), Ok(()));
    assert_eq!(verify(&Signed { secret: signed.secret.clone(), ..second.clone() }), Ok(()));

    let other_body = Signed { body: format!("{} ", signed.body), ..signed.clone() };
    assert!(verify(&other_body).is_err(), "another body");
    let other_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    assert!(verify(&Signed { secret: other_secret, ..signed }).is_err(), "another secret");
    for ahead_s in [-OTHER_TIME_S, OTHER_TIME_S] {
        let other_time = delivered(&receiver, &host, ahead_s).await;
        assert!(verify(&other_time).is_err(), "signed {ahead_s} s from now");
    }
}

#[tokio::test]
async fn the_chapter_s_python_verifies_deliveries() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = written(folder.path(), &[("verify.py", &code("python")), ("check.py", PYTHON)]);
    holds(|signed| python::run("python3", &[&check], &signed.input())).await;
}

#[tokio::test]
async fn the_chapter_s_javascript_verifies_deliveries() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [("verify.mjs", code("javascript")), ("check.mjs", JAVASCRIPT.to_owned())];
    let check =
        written(folder.path(), &files.each_ref().map(|(name, text)| (*name, text.as_str())));
    holds(|signed| node::run_file(&check, &signed.input())).await;
}

#[tokio::test]
async fn the_chapter_s_shell_verifies_deliveries() {
    let folder = tempfile::tempdir().expect("a folder");
    let verify = code("sh");
    holds(|signed| {
        written(folder.path(), &[("body", &signed.body)]);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &verify]).current_dir(folder.path()).env("secret", &signed.secret);
        for (name, of) in [
            ("id", "webhook-id"),
            ("timestamp", "webhook-timestamp"),
            ("signature", "webhook-signature"),
        ] {
            shell.env(name, signed.headers[of].as_str().expect("a header"));
        }
        let ended = ended(shell);
        if ended.code == 0 { Ok(()) } else { Err(ended.stdout + &ended.stderr) }
    })
    .await;
}

/// Writes files; returns the path of the last one.
fn written(folder: &Path, files: &[(&str, &str)]) -> std::path::PathBuf {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("written");
    }
    files.last().map(|(name, _)| folder.join(name)).expect("a file")
}
