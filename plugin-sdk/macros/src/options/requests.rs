//! What the plugin asks the operator to grant: `requests(reveal("/api_key"),
//! http("api.example.com"))`.

use syn::{LitStr, Meta};

use super::{read, texts, unknown};
use crate::mistakes::Mistakes;

/// The options of `requests(…)`.
#[derive(Default)]
pub struct Requests {
    pub reveal: Vec<LitStr>,
    pub http: Vec<LitStr>,
    pub tcp: Vec<LitStr>,
    pub accounts: Vec<LitStr>,
}

impl Requests {
    pub fn parse(option: &Meta, mistakes: &mut Mistakes) -> Self {
        let mut requests = Self::default();
        let Ok(list) = option.require_list() else {
            mistakes.add(option, "write `requests(reveal(\"/api_key\"))`");
            return requests;
        };
        for request in read(list.tokens.clone(), mistakes) {
            if request.path().is_ident("reveal") {
                requests.reveal = texts(&request, mistakes);
            } else if request.path().is_ident("http") {
                requests.http = texts(&request, mistakes);
            } else if request.path().is_ident("tcp") {
                requests.tcp = texts(&request, mistakes);
            } else if request.path().is_ident("accounts") {
                requests.accounts = texts(&request, mistakes);
            } else {
                unknown(&request, "`reveal`, `http`, `tcp` and `accounts`", mistakes);
            }
        }
        requests.reveal.retain(|secret| is_place(secret, mistakes));
        requests.http.retain(|host| is_host(host, mistakes));
        requests.tcp.retain(|address| is_address(address, mistakes));
        requests.accounts.retain(|platform| is_platform(platform, mistakes));
        requests
    }
}

fn is_host(host: &LitStr, mistakes: &mut Mistakes) -> bool {
    let text = host.value();
    let good = !text.is_empty()
        && !text.contains("//")
        && (!text.contains('/') || text.starts_with("config:/") || text.starts_with("settings:/"));
    if !good {
        mistakes.add(
            host,
            "a host is \"example.com\", \"*.example.com\", \"*\", \"config:/server_url\" or \"settings:/server_url\"",
        );
    }
    good
}

fn is_address(address: &LitStr, mistakes: &mut Mistakes) -> bool {
    let text = address.value();
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let good = port.is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if !good {
        mistakes.add(address, "an address is \"host:port\": \"redis.internal:6379\"");
    }
    good
}

fn is_platform(platform: &LitStr, mistakes: &mut Mistakes) -> bool {
    let good = !platform.value().is_empty();
    if !good {
        mistakes.add(platform, "a platform is called as its plugin is, \"discord\"; \"*\" is all");
    }
    good
}

fn is_place(secret: &LitStr, mistakes: &mut Mistakes) -> bool {
    let place = secret.value();
    let known = place.starts_with('/') || place.starts_with("settings:");
    if !known {
        mistakes.add(
            secret,
            format!(
                "a secret is a JSON Pointer into the config, \"/{place}\", or \"settings:{place}\""
            ),
        );
    }
    known
}
