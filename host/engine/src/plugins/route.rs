//! A route of a plugin's own, and how a request's path fits it.

use std::sync::Arc;

use moothall_values::manifest::{RouteAuth, RouteManifest};

pub struct Route {
    pub path: Arc<str>,
    parts: Vec<Part>,
    pub methods: Vec<String>,
    pub is_public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Is(String),
    Capture(String),
}

impl Route {
    pub fn new(manifest: &RouteManifest) -> Self {
        let part = |text: &str| match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => Part::Capture(name.to_owned()),
            None => Part::Is(text.to_owned()),
        };
        Self {
            path: manifest.path.as_str().into(),
            parts: manifest.path.split('/').skip(1).map(part).collect(),
            methods: manifest.methods.clone(),
            is_public: manifest.auth == RouteAuth::Public,
        }
    }

    /// The values of its `{names}`, if `path` (percent-decoded parts) fits.
    pub fn captures(&self, path: &[String]) -> Option<Vec<(String, String)>> {
        if path.len() != self.parts.len() {
            return None;
        }
        let mut captures = Vec::new();
        for (part, text) in self.parts.iter().zip(path) {
            match part {
                Part::Is(wanted) if wanted == text => {}
                Part::Is(_) => return None,
                Part::Capture(_) if text.is_empty() => return None,
                Part::Capture(name) => captures.push((name.clone(), text.clone())),
            }
        }
        Some(captures)
    }

    /// Whether the same request could fit both.
    pub fn collides(&self, other: &Self) -> bool {
        let same = |(a, b): (&Part, &Part)| match (a, b) {
            (Part::Is(a), Part::Is(b)) => a == b,
            _ => true,
        };
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(same)
            && self.methods.iter().any(|method| other.methods.contains(method))
    }

    /// Literal parts go before captures: the more exact route is asked first.
    pub fn exactness(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Is(_))).count()
    }
}
