//! The other side of `deliveries-rate`: plain POSTs by the host's HTTP client. Must never store,
//! sign or order anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, header};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::load::Report;
use super::{helper_process, process};

/// The content type of the host's deliveries.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A body of the size of a delivery's.
const BODY: &str = r#"{"community":"c000000","source":"forum","event_type":"post_created","timestamp":"1700000000.000","data":{"number":1000000000},"initiator":{}}"#;

#[derive(Debug, Serialize, Deserialize)]
pub struct Posts {
    pub url: String,
    pub posts: u64,
    /// The most POSTs in flight.
    pub in_flight: u64,
}

/// Reads its task from standard input, and reports on standard output.
pub fn answer() -> Result<()> {
    let posts: Posts = helper_process::task()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    helper_process::report(&runtime.block_on(posts.send())?)
}

impl Posts {
    async fn send(&self) -> Result<Report> {
        let client = client()?;
        let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
        let mut senders = JoinSet::new();
        for number in 0..self.in_flight {
            let share = (self.posts + number) / self.in_flight;
            senders.spawn(send_all(client.clone(), self.url.clone(), share));
        }
        let mut latencies = Vec::new();
        while let Some(sent) = senders.join_next().await {
            latencies.extend(sent.context("a sender panicked")??);
        }
        let cpu = process::cpu(std::process::id())?.saturating_sub(cpu);
        ensure!(latencies.len() as u64 == self.posts, "{} were answered", latencies.len());
        Ok(Report::new(latencies, begun.elapsed(), cpu))
    }
}

/// The client needs a TLS configuration, although these URLs have none.
fn client() -> Result<Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = Client::builder().tls_backend_preconfigured(tls).timeout(TIMEOUT).no_proxy();
    builder.build().context("cannot make an HTTP client")
}

/// The microseconds of each POST.
async fn send_all(client: Client, url: String, posts: u64) -> Result<Vec<f32>> {
    let mut latencies = Vec::new();
    for _ in 0..posts {
        let begun = Instant::now();
        let request = client.post(&url).header(header::CONTENT_TYPE, "application/json").body(BODY);
        let response = request.send().await.context("a plain POST failed")?.error_for_status()?;
        response.bytes().await.context("an answer to a plain POST was cut off")?;
        latencies.push(begun.elapsed().as_secs_f32() * 1e6);
    }
    Ok(latencies)
}
