//! Enables a plugin for a community with the configuration of `dev.toml`.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::answer::note;
use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::host_client::{HostAnswer, HostClient, in_path};
use crate::cli::plugin::loading::Served;

/// Enables it on a host of its own, for a community that has no other plugin, and is made if it is not there.
pub fn enable_alone(
    client: &HostClient,
    community: &str,
    served: &Served,
    config: &Value,
) -> anyhow::Result<()> {
    let plugin = &served.plugin;
    let plugins = match served.is_of_host {
        // It has its instance already.
        true => json!([]),
        false => json!([{ "name": plugin, "config": config }]),
    };
    if served.is_of_host && !is_empty(config) {
        note(&format!(
            "note: `{plugin}` is a plugin of the whole host, so that the [config] of dev.toml is not used; write it as `settings` \
             into [plugins.{plugin}] there"
        ));
    }
    let answer = put_community(client, community, &plugins)?;
    accepted(&answer, || cannot_enable(plugin, community))
}

/// Enables it on a running host, beside the other plugins of a community, which is made if it is not there.
pub fn enable(
    client: &HostClient,
    community: &str,
    served: &Served,
    dev: &DevFile,
) -> anyhow::Result<()> {
    if let Some(unused) = unused(served, dev) {
        note(&unused);
    }
    if client.find(&format!("/api/internal/community/{}", in_path(community)))?.is_none() {
        let answer = put_community(client, community, &json!([]))?;
        accepted(&answer, || format!("the community `{community}` cannot be made"))?;
    }
    if served.is_of_host {
        return Ok(());
    }
    let path = format!("/api/internal/plugin/{}", in_path(&served.plugin));
    let header = ("X-Metagov-Community".to_owned(), community.to_owned());
    let answer = client.send_json("POST", &path, &[header], &dev.config)?;
    accepted(&answer, || cannot_enable(&served.plugin, community))
}

fn put_community(client: &HostClient, slug: &str, plugins: &Value) -> anyhow::Result<HostAnswer> {
    let community = json!({ "name": slug, "readable_name": "", "plugins": plugins });
    client.send_json("PUT", &format!("/api/internal/community/{}", in_path(slug)), &[], &community)
}

fn accepted(answer: &HostAnswer, cannot: impl Fn() -> String) -> anyhow::Result<()> {
    match answer.is_success() {
        true => Ok(()),
        false => Err(anyhow!("{}: {}", cannot(), answer.failure())),
    }
}

fn cannot_enable(plugin: &str, community: &str) -> String {
    format!(
        "`{plugin}` cannot be enabled for the community `{community}` with the [config] of dev.toml"
    )
}

/// What a running host does not use of `dev.toml`: it has settings of its own, and a plugin of the whole host has no
/// configuration of a community.
fn unused(served: &Served, dev: &DevFile) -> Option<String> {
    let plugin = &served.plugin;
    if served.is_of_host {
        return (dev.has_settings() || !is_empty(&dev.config)).then(|| {
            format!(
                "note: `{plugin}` is a plugin of the whole host, so that with --host nothing of dev.toml is used; its settings and \
                 grants belong into [plugins.{plugin}] of that host's moothall.toml"
            )
        });
    }
    dev.has_settings().then(|| {
        "note: of dev.toml, only [config] is used with --host; the rest belongs into that host's moothall.toml".to_owned()
    })
}

fn is_empty(config: &Value) -> bool {
    config.as_object().is_none_or(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_note_says_what_a_running_host_does_not_use() {
        let dev = |config: Value, host: &str| DevFile { config, host: host.to_owned() };
        let served = |is_of_host: bool| {
            let plugin = "greeter".to_owned();
            Served { plugin, is_of_host, missing: Vec::new() }
        };
        let (config, host) = (json!({ "greeting": "Hi" }), "[limits]\ncalls = 1\n");
        assert_eq!(unused(&served(false), &dev(config.clone(), "")), None);
        let said =
            unused(&served(false), &dev(config.clone(), host)).expect("settings are not used");
        assert!(said.contains("only [config] is used"), "{said}");
        let said = unused(&served(true), &dev(config, host)).expect("nothing is used");
        assert!(said.contains("nothing of dev.toml is used") && !said.contains("only"), "{said}");
        assert_eq!(unused(&served(true), &dev(json!({}), "")), None);
    }
}
