//! A browser, as far as authorisations need one: it keeps the host's cookies, and goes one redirect at a
//! time, so that a test sees each. Must never send a cookie to another path than its own.

use reqwest::Client;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

use crate::Answer;

/// A browser with an empty jar.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    origin: String,
    path: String,
    name: String,
    value: String,
}

impl Default for Browser {
    fn default() -> Self {
        let http = Client::builder()
            .tls_backend_preconfigured(crate::driver::without_roots())
            .redirect(Policy::none())
            .no_proxy()
            .build();
        Self { http: http.expect("a client without TLS"), cookies: Vec::new() }
    }
}

impl Browser {
    /// Goes there, and no further.
    pub async fn visit(&mut self, url: &str) -> Answer {
        let url = Url::parse(url).expect("a URL");
        let request = self.http.get(url.clone()).header(COOKIE, self.cookies_for(&url));
        let answer = request.send().await.expect("whoever is visited answers");
        let answer = Answer::read(answer).await.expect("the answer arrives whole");
        for cookie in answer.headers.get_all(SET_COOKIE) {
            self.keep(&url, cookie.to_str().expect("a cookie is text"));
        }
        answer
    }

    /// Goes there, and says where it is sent on to.
    #[track_caller]
    pub fn sent_on(answer: &Answer) -> Url {
        assert_eq!(answer.status, 303, "the answer was {}: {}", answer.status, answer.text);
        Url::parse(answer.header("location")).expect("a whole URL")
    }

    /// How many cookies it has.
    pub fn cookies(&self) -> usize {
        self.cookies.len()
    }

    fn cookies_for(&self, url: &Url) -> String {
        let origin = url.origin().ascii_serialization();
        let own = self.cookies.iter().filter(|cookie| {
            cookie.origin == origin && url.path().starts_with(&format!("{}/", cookie.path))
        });
        own.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, url: &Url, header: &str) {
        let mut parts = header.split("; ");
        let (name, value) =
            parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a value");
        let attribute =
            |name: &str| parts.clone().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let path = attribute("Path").expect("the path is said").to_owned();
        let is_gone = attribute("Max-Age") == Some("0");
        self.cookies.retain(|cookie| cookie.name != name);
        if !is_gone {
            let (name, value) = (name.to_owned(), value.to_owned());
            let origin = url.origin().ascii_serialization();
            self.cookies.push(Cookie { origin, path, name, value });
        }
    }
}
