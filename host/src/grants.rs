//! What a plugin may do beyond computing: what its manifest requests and the operator grants.
//!
//! Nothing is granted by default. Only `reveal` exists so far.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::GrantConfig;

/// The grants of one plugin, in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grants {
    /// Secrets the guest may see: JSON Pointers into the config, or `settings:<name>`.
    reveal: BTreeSet<String>,
}

impl Grants {
    /// Both must name it: the manifest, so that an operator can see what a plugin is after, and
    /// the operator.
    pub fn new(requested: &[String], granted: &GrantConfig) -> Self {
        let reveal = granted.reveal.iter().filter(|one| requested.contains(one)).cloned().collect();
        Self { reveal }
    }

    pub fn may_reveal(&self, secret: &str) -> bool {
        self.reveal.contains(secret)
    }
}

/// The line that would grant it, for the message about a denial.
pub fn line_for_reveal(plugin: &str, secret: &str) -> String {
    format!(
        "add `grants = {{ reveal = [\"{secret}\"] }}` under [plugins.{plugin}] in moothall.toml"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_must_name_a_secret() {
        let granted = GrantConfig { reveal: vec!["/a".into(), "/b".into()] };
        let grants = Grants::new(&["/a".into()], &granted);
        assert!(grants.may_reveal("/a"));
        assert!(!grants.may_reveal("/b"));
        assert!(!Grants::new(&["/a".into()], &GrantConfig::default()).may_reveal("/a"));
    }
}
