//! The grants that the operator has written for a plugin, for messages that name the line with one more. A
//! table can have only one `grants`, so the line also contains the existing ones.

use serde_json::Value;

use super::hook_name::is_hook;
use crate::config::GrantConfig;
use moothall_values::manifest::short_name;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub plugin: String,
    grants: GrantConfig,
}

impl Written {
    pub fn new(plugin: &str, grants: &GrantConfig) -> Self {
        Self { plugin: plugin.to_owned(), grants: grants.clone() }
    }

    /// Whether a secret is granted, even without effect.
    pub fn names_secret(&self, secret: &str) -> bool {
        self.grants.reveal.iter().any(|one| one == secret)
    }

    /// What to write into `moothall.toml` to grant this, too.
    pub fn line_with(&self, more: &[(&str, &[String])]) -> String {
        let is_new = self.grants == GrantConfig::default();
        let what = if is_new { "add" } else { "replace `grants` with" };
        let (line, plugin) = (self.toml_with(more), &self.plugin);
        format!("{what} `{line}` under [plugins.{plugin}] in moothall.toml")
    }

    /// `grants` with these, too, as a line of TOML.
    pub fn toml_with(&self, more: &[(&str, &[String])]) -> String {
        let kinds = self.kinds().into_iter().filter_map(|(grant, mut values)| {
            for (_, new) in more.iter().filter(|(kind, _)| *kind == grant) {
                let new = new.iter().map(|one| if grant == "hooks" { shortest(one) } else { one });
                let is_there =
                    |one: &&str| values.iter().any(|own| own == one || is_hook(own, one));
                let new: Vec<String> =
                    new.filter(|one| !is_there(one)).map(str::to_owned).collect();
                values.extend(new);
            }
            let listed: Vec<String> =
                values.into_iter().map(|one| Value::from(one).to_string()).collect();
            (!listed.is_empty()).then(|| format!("{grant} = [{}]", listed.join(", ")))
        });
        format!("grants = {{ {} }}", kinds.collect::<Vec<_>>().join(", "))
    }

    fn kinds(&self) -> [(&'static str, Vec<String>); 7] {
        let GrantConfig { reveal, http, cidr, tcp, hooks, events, accounts } = &self.grants;
        let http = http.iter().map(ToString::to_string).collect();
        let cidr = cidr.iter().map(ToString::to_string).collect();
        [
            ("reveal", reveal.clone()),
            ("http", http),
            ("tcp", tcp.clone()),
            ("hooks", hooks.clone()),
            ("events", events.clone()),
            ("accounts", accounts.clone()),
            ("cidr", cidr),
        ]
    }
}

fn shortest(hook: &str) -> &str {
    short_name(hook).unwrap_or(hook)
}
