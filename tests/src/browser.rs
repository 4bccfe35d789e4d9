//! A browser, as far as authorisations need one: it keeps cookies, and follows one redirect at a
//! time, so that a test sees each. Must never send a cookie to a path other than its own (RFC
//! 6265), nor with a form that another site posts.

use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use url::{Url, form_urlencoded};

use crate::Answer;

/// The `Accept` header of people's browsers.
const PAGES: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A browser with an empty jar.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
    cookies: Vec<Cookie>,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
enum PageOf {
    SameSite,
    /// Cookies that are `SameSite=Lax` are not sent.
    Elsewhere,
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
    /// Visits a URL without following redirects.
    pub async fn visit(&mut self, url: &str) -> Answer {
        let request = self.http.get(url);
        self.go(request, url, PageOf::SameSite).await
    }

    /// Visits a URL with one more header, as a prefetch does; the cookies are this browser's.
    pub async fn visit_as(&mut self, url: &str, (name, value): (&str, &str)) -> Answer {
        let request = self.http.get(url).header(name, value);
        self.go(request, url, PageOf::SameSite).await
    }

    /// Sends a HEAD request.
    pub async fn head(&mut self, url: &str) -> Answer {
        let request = self.http.head(url);
        self.go(request, url, PageOf::SameSite).await
    }

    /// Posts a form of a page of the same site.
    pub async fn post(&mut self, url: &str, fields: &[(String, String)]) -> Answer {
        self.go(self.form(url, fields), url, PageOf::SameSite).await
    }

    /// Posts a form of a page of another site: cookies that are `SameSite=Lax` are not sent.
    pub async fn post_from_elsewhere(&mut self, url: &str, fields: &[(String, String)]) -> Answer {
        self.go(self.form(url, fields), url, PageOf::Elsewhere).await
    }

    fn form(&self, url: &str, fields: &[(String, String)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(url).body(body);
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    async fn go(&mut self, request: RequestBuilder, url: &str, from: PageOf) -> Answer {
        let url = Url::parse(url).expect("a URL");
        let cookies = match from {
            PageOf::SameSite => self.cookies_for(&url),
            PageOf::Elsewhere => String::new(),
        };
        let request = request.header(ACCEPT, PAGES).header(COOKIE, cookies);
        let answer = request.send().await.expect("whoever is visited answers");
        let answer = Answer::read(answer).await.expect("the answer arrives whole");
        for cookie in answer.headers.get_all(SET_COOKIE) {
            self.keep(&url, cookie.to_str().expect("a cookie is text"));
        }
        answer
    }

    /// The URL to which an answer redirects.
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
            let below = url.path().strip_prefix(&cookie.path);
            let is_below =
                |rest: &str| rest.is_empty() || cookie.path.ends_with('/') || rest.starts_with('/');
            cookie.origin == origin && below.is_some_and(is_below)
        });
        own.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, url: &Url, header: &str) {
        let mut parts = header.split("; ");
        let (name, value) =
            parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a value");
        let attribute = |wanted: &str| {
            let mut attributes = parts.clone().filter_map(|part| part.split_once('='));
            attributes.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        let path = attribute("Path").expect("the path is said").to_owned();
        let is_gone = attribute("Max-Age") == Some("0") || value.is_empty();
        self.cookies.retain(|cookie| cookie.name != name || cookie.path != path);
        if !is_gone {
            let (name, value) = (name.to_owned(), value.to_owned());
            let origin = url.origin().ascii_serialization();
            self.cookies.push(Cookie { origin, path, name, value });
        }
    }
}
