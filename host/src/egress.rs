//! Stand-in of the outbound client until its own branch is merged: no pinned addresses, so everything
//! but what the operator named himself is refused where it is not a public address literal.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
}

pub struct Outbound {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub timeout: Option<Duration>,
}

pub struct Inbound {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub truncated: bool,
}

pub struct Cidr;

pub enum Reach {
    Public,
    Also(Arc<[Cidr]>),
    Any,
    Loopback,
}

pub enum Body {
    Whole,
    First(usize),
}

#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Connect(String),
    #[error("no answer within the time for {0}")]
    Timeout(&'static str),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    Broken(String),
}

impl EgressError {
    pub fn class(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Refused(_) => "refused",
            Self::Connect(_) => "connect",
            Self::Timeout(_) => "timeout",
            Self::TooLarge(_) => "too_large",
            Self::Broken(_) => "broken",
        }
    }
}

pub struct CheckedUrl;

impl Egress {
    pub fn new() -> Result<Self, EgressError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| EgressError::Invalid(error.to_string()))?;
        Ok(Self { client })
    }

    pub fn check_url(url: &str) -> Result<CheckedUrl, EgressError> {
        let parsed = reqwest::Url::parse(url)
            .map_err(|error| EgressError::Invalid(format!("the URL is not valid: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.username().is_empty() {
            return Err(EgressError::Invalid("a URL begins with http:// or https://".into()));
        }
        Ok(CheckedUrl)
    }

    pub async fn send(
        &self,
        request: Outbound,
        reach: &Reach,
        body: Body,
    ) -> Result<Inbound, EgressError> {
        Self::check_url(&request.url)?;
        if matches!(reach, Reach::Public | Reach::Also(_)) {
            return Err(EgressError::Refused(
                "addresses cannot be checked by this stand-in, so only the driver's URL is sent to"
                    .into(),
            ));
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| EgressError::Invalid("method".into()))?;
        let mut builder = self.client.request(method, &request.url).body(request.body);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let limit = request.timeout.unwrap_or(Duration::from_secs(15));
        let Body::First(first) = body else { return Err(EgressError::Invalid("body".into())) };
        let work = async {
            let mut response = builder.send().await.map_err(|error| {
                if error.is_timeout() {
                    EgressError::Timeout("connecting")
                } else {
                    EgressError::Connect(error.without_url().to_string())
                }
            })?;
            let mut kept = BytesMut::new();
            while kept.len() < first {
                match response.chunk().await {
                    Ok(Some(chunk)) => kept.extend_from_slice(&chunk),
                    Ok(None) => break,
                    Err(error) => return Err(EgressError::Broken(error.without_url().to_string())),
                }
            }
            kept.truncate(first);
            let headers = response.headers().iter();
            Ok(Inbound {
                status: response.status().as_u16(),
                headers: headers
                    .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or("").to_owned()))
                    .collect(),
                body: kept.freeze(),
                truncated: false,
            })
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(EgressError::Timeout("the request")))
    }
}
