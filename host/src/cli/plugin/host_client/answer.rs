//! An answer of a host, or of a plugin through it; and in words what a failed one means.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use serde_json::Value;

/// The most letters that are shown of an answer that nobody expected.
const SHOWN: usize = 200;

pub struct HostAnswer {
    pub status: u16,
    pub text: String,
    /// Where it redirects to.
    pub location: Option<String>,
    /// Whether it is marked as a host's own failure.
    pub(super) is_problem: bool,
    pub(super) asked: SentRequest,
}

/// Whom this program asked, what, and with which key.
pub(super) struct SentRequest {
    pub url: String,
    pub what: String,
    pub key_file: Option<PathBuf>,
    /// Without the key, as others ask.
    pub is_open: bool,
}

impl HostAnswer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a host gave a reason for the failure, by which its answers are known.
    pub fn is_of_host(&self) -> bool {
        self.is_problem && self.problem()["code"].is_string()
    }

    /// The JSON of a success; else the host's own words about the failure.
    pub fn json(self) -> anyhow::Result<Value> {
        if !self.is_success() {
            match self.is_of_host() {
                true => bail!("{}: {}", self.asked.what, self.failure()),
                false => return Err(self.not_of_host(&format!("status {}", self.status))),
            }
        }
        let read = serde_json::from_str(&self.text);
        read.map_err(|_| self.not_of_host("no JSON"))
    }

    /// `503 instance_busy: the instance …`
    pub fn failure(&self) -> String {
        let problem = self.problem();
        let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let (code, detail) = (field("code"), field("detail"));
        if detail.is_empty() {
            return format!("{} {}", self.status, self.text).trim_end().to_owned();
        }
        format!("{} {code}: {detail}{}", self.status, self.about_key())
    }

    fn problem(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Which key the host did not accept, and what to do.
    fn about_key(&self) -> String {
        if self.asked.is_open {
            return String::new();
        }
        match (self.status, &self.asked.key_file) {
            (401, None) => "; name a file with an API key with --key-file".to_owned(),
            (401 | 403, Some(file)) => format!(
                "; the API key is the one in {}: name another file with --key-file, or make a key on the host with `moothall key \
                 create`",
                file.display()
            ),
            _ => String::new(),
        }
    }

    fn not_of_host(&self, found: &str) -> anyhow::Error {
        let SentRequest { url, what, .. } = &self.asked;
        let shown: String = self.text.trim().chars().take(SHOWN).collect();
        let redirect = self.location.as_ref().map(|to| format!(", a redirect to {to}"));
        anyhow!(
            "what answers at {url} is no Moothall host: {what} gave {found}{}; check the URL.{}{shown}",
            redirect.unwrap_or_default(),
            if shown.is_empty() { "" } else { " It says: " }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str, key_file: Option<&str>) -> HostAnswer {
        let asked = SentRequest {
            url: "http://h".to_owned(),
            what: "GET /p".to_owned(),
            key_file: key_file.map(PathBuf::from),
            is_open: false,
        };
        let is_problem = text.starts_with(r#"{"code""#);
        HostAnswer { status, text: text.to_owned(), location: None, is_problem, asked }
    }

    #[test]
    fn a_refusal_says_which_key_it_is_about() {
        let problem = r#"{"code":"unauthorized","detail":"A key is needed"}"#;
        let told = |status, key| answer(status, problem, key).failure();
        assert!(told(401, None).ends_with("name a file with an API key with --key-file"));
        assert!(
            told(401, Some("k.txt")).contains("the one in k.txt"),
            "{}",
            told(401, Some("k.txt"))
        );
        assert!(told(403, Some("k.txt")).contains("the one in k.txt"));
        assert_eq!(told(404, Some("k.txt")), "404 unauthorized: A key is needed");
        let mut openly = answer(401, problem, None);
        openly.asked.is_open = true;
        assert_eq!(openly.failure(), "401 unauthorized: A key is needed", "a webhook has none");
    }

    #[test]
    fn another_server_is_no_host() {
        for (status, text) in [(404, "<html>"), (200, "<html>"), (302, ""), (500, "{}")] {
            let said = answer(status, text, None).json().map_err(|error| format!("{error:#}"));
            assert!(said.is_err_and(|said| said.contains("is no Moothall host")), "{status}");
        }
    }
}
