//! Enables a plugin for a community with the configuration of `dev.toml`.

use std::io::Write;

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::answer::plain;
use crate::cli::plugin::host_client::{HostAnswer, HostClient, in_path};
use crate::cli::plugin::loading::Served;

/// Enables it for a community that has no other plugin, and is made if it is not there.
pub fn enable_alone(
    client: &HostClient,
    community: &str,
    served: &Served,
    config: &Value,
) -> anyhow::Result<()> {
    tell_if_unused(served, config);
    let plugins = match served.is_of_host {
        // It has its instance already.
        true => json!([]),
        false => json!([{ "name": served.plugin, "config": config }]),
    };
    accepted(&put_community(client, community, &plugins)?)
}

/// Enables it beside the other plugins of a community, which is made if it is not there.
pub fn enable(
    client: &HostClient,
    community: &str,
    served: &Served,
    config: &Value,
) -> anyhow::Result<()> {
    tell_if_unused(served, config);
    if client.find(&format!("/api/internal/community/{}", in_path(community)))?.is_none() {
        accepted(&put_community(client, community, &json!([]))?)?;
    }
    if served.is_of_host {
        return Ok(());
    }
    let path = format!("/api/internal/plugin/{}", in_path(&served.plugin));
    let community = ("X-Metagov-Community".to_owned(), community.to_owned());
    accepted(&client.send_json("POST", &path, &[community], config)?)
}

fn put_community(client: &HostClient, slug: &str, plugins: &Value) -> anyhow::Result<HostAnswer> {
    let community = json!({ "name": slug, "readable_name": "", "plugins": plugins });
    client.send_json("PUT", &format!("/api/internal/community/{}", in_path(slug)), &[], &community)
}

fn accepted(answer: &HostAnswer) -> anyhow::Result<()> {
    match answer.is_success() {
        true => Ok(()),
        false => Err(anyhow!(
            "the plugin cannot be enabled with the [config] of dev.toml: {}",
            answer.failure()
        )),
    }
}

/// A plugin of the whole host has settings, and no configuration of a community.
fn tell_if_unused(served: &Served, config: &Value) {
    if served.is_of_host && config.as_object().is_some_and(|config| !config.is_empty()) {
        let note = format!(
            "note: `{0}` is a plugin of the whole host, so the [config] of dev.toml is not used; write it as `settings` into \
             [plugins.{0}]",
            served.plugin
        );
        // If standard error is closed, nobody wants to know.
        drop(writeln!(std::io::stderr(), "{}", plain(&note)));
    }
}
