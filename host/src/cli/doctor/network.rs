//! The network: root certificates, and the hosts that plugins are granted by name.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use super::Finding;
use moothall_core::config::{Config, PluginConfig};
use moothall_egress::{CheckedUrl, Egress, Reach};

/// Hosts that are tried, at most.
const HOSTS: usize = 50;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
const SUBJECT: &str = "network";

pub fn look(config: &Config, all: &mut Vec<Finding>) -> anyhow::Result<()> {
    let egress = match Egress::new(&config.egress) {
        Ok(egress) => egress,
        Err(error) => {
            let remedy = "install root certificates (Debian: ca-certificates), or name a file with SSL_CERT_FILE";
            all.push(Finding::error(SUBJECT, error.to_string(), remedy));
            return Ok(());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let granted = config.plugins.iter().flat_map(|(name, plugin)| {
        plugin.grants.http.iter().map(move |pattern| (name, plugin, pattern.as_str()))
    });
    let urls = granted.filter_map(|(name, plugin, host)| Some((name, plugin, url_of(host)?)));
    for (name, plugin, url) in urls.take(HOSTS) {
        let found = runtime.block_on(tried(&egress, plugin, &url));
        all.push(match found {
            Ok(()) => Finding::good(SUBJECT, format!("{name} reaches {}", url.authority())),
            Err((why, remedy)) => {
                let found = format!("{name} does not reach {}: {why}", url.authority());
                Finding::warning(SUBJECT, found, remedy)
            }
        });
    }
    Ok(())
}

/// Of a host that is named as a whole: a pattern names none.
fn url_of(host: &str) -> Option<CheckedUrl> {
    let is_name =
        !host.contains('*') && !host.starts_with("config:") && !host.starts_with("settings:");
    CheckedUrl::parse(&format!("https://{host}/")).ok().filter(|_| is_name)
}

/// Why it cannot be reached, and what to do.
async fn tried(
    egress: &Egress,
    plugin: &PluginConfig,
    url: &CheckedUrl,
) -> Result<(), (String, String)> {
    let reach = Reach::Also(Arc::from(plugin.grants.cidr.as_slice()));
    egress.check_reachable(url.as_str(), &reach).await.map_err(|error| {
        (error.to_string(), "if that is meant, grant its address with `cidr`".to_owned())
    })?;
    let addresses = addresses(url).map_err(|error| {
        (
            format!("its name is not found: {error}"),
            "see that the name and the DNS server are right".to_owned(),
        )
    })?;
    let mut last = "it has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return Ok(()),
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    Err((last, "see that a firewall lets the host out, and that the service runs".to_owned()))
}

fn addresses(url: &CheckedUrl) -> std::io::Result<Vec<SocketAddr>> {
    let host = url.host().to_string();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host, url.port()).to_socket_addrs()?.collect())
}
