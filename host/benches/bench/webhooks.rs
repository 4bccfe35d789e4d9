//! The row `webhooks`: a signed webhook whose plugin emits one event, compared with an action that
//! writes. Must never count a webhook that was not stored.

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::command_line::Bench;
use super::exchange::exchange;
use super::host::HostDirectory;
use super::http::figures;
use super::load::{CONNECTIONS, Load, Report};
use super::rows::{Measured, WEBHOOKS};
use super::server::Server;
use super::template::Template;
use super::writes::{RANDOMNESS, lucky_number};

const SECRET: &str = "the secret of a platform's webhooks";
const BODY: &str = r#"{"action":"created","number":1000000000}"#;

pub fn measure(bench: &Bench) -> Result<Vec<Measured>> {
    let host = HostDirectory::with("webhooks", &["plugins/randomness", "fixtures/signed"])?;
    let server = host.start()?;
    let signed = format!(r#"{{"name":"signed","config":{{"webhook_secret":"{SECRET}"}}}}"#);
    host.populate(bench, &server, CONNECTIONS as u64, &[RANDOMNESS, &signed])?;
    let webhook = Load::new(bench, &server, webhook(&signature()?));
    let write = Load::new(bench, &server, lucky_number(&host, "c{connection}"));
    let (mut webhooks, mut writes) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        writes.push(write.run()?);
        webhooks.push(webhook.run()?);
        bench.progress(&format!(
            "round {round}: write {}; webhook {}",
            figures(&writes),
            figures(&webhooks)
        ));
    }
    what_counts(&host, &server)?;
    let pairs = webhooks.iter().zip(&writes);
    let ratios = pairs.map(|(webhook, write)| webhook.per_second() / write.per_second()).collect();
    let sides = vec![Report::side("webhook", &webhooks), Report::side("write", &writes)];
    Ok(vec![Measured::new(&WEBHOOKS, ratios, sides)])
}

/// A webhook as a platform sends it: without an API key.
fn webhook(signature: &str) -> Template {
    Template::new("POST", "/api/hooks/c{connection}/signed", BODY)
        .header("X-Hub-Signature-256", &format!("sha256={signature}"))
}

fn signature() -> Result<String> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes())
        .context("a key of any length will do")?;
    mac.update(BODY.as_bytes());
    Ok(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Checks that a wrong signature is refused, and that accepted webhooks were stored with their
/// events.
fn what_counts(host: &HostDirectory, server: &Server) -> Result<()> {
    let forged = exchange(server.address, &webhook(&"0".repeat(64)))?;
    ensure!(forged.status == 401, "a forged webhook was answered with {}", forged.status);
    let events = host.request("GET", "/api/internal/events?community=c000000&limit=1", "");
    let events = exchange(server.address, &events)?;
    ensure!(events.body.contains("signed"), "no event was stored: {}", events.body);
    Ok(())
}
