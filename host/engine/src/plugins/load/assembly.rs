//! Makes a plugin of a component's manifest: checks and compiles all of its parts.
//!
//! Compiling many schemas takes CPU time, so this happens on a thread of its own, away from those that serve requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::doubts::doubts;
use super::schemas::Schemas;
use super::{Loaded, parts, settings};
use crate::plugins::manifest::{is_of_host, mistyped, unknown_fields};
use crate::plugins::{LoadError, Manifest, Plugin, PluginMetrics};
use moothall_core::config::Config;
use moothall_core::day_budget::DayBudgets;
use moothall_core::grants::{Grants, Requested, unasked, warning};
use moothall_core::ids::PluginName;
use moothall_guest::{Guest, LongCalls, PluginContext, Sandbox};
use moothall_values::destination::HostPattern;

/// Warnings about one file.
const WARNINGS: usize = 50;

/// What is known of a file when its manifest is read.
pub struct Assembly {
    pub sandbox: Arc<Sandbox>,
    pub guest: Guest,
    /// The manifest, as it was described.
    pub text: String,
    pub digest: String,
    pub config: Config,
    pub runtimes: usize,
    pub budgets: Arc<DayBudgets>,
    /// Milliseconds since the Unix epoch.
    pub now: i64,
}

impl Assembly {
    pub fn finish(self) -> Result<Loaded, Vec<LoadError>> {
        let manifest = Manifest::parse(&self.text)
            .map_err(|messages| LoadError::all("bad_manifest", messages))?;
        let unknown = unknown_fields(&self.text);
        let mut warnings: Vec<_> = unknown
            .iter()
            .take(WARNINGS)
            .map(|field| {
                format!(
                    "the manifest's field `{field}` is not known to this host and has no effect"
                )
            })
            .collect();
        if unknown.len() > WARNINGS {
            warnings.push(format!("{} more fields are not known either", unknown.len() - WARNINGS));
        }
        let config = self.config.clone();
        let plugin = self.plugin(manifest)?;
        let operator = config.plugin(plugin.name.as_str());
        warnings.extend(doubts(
            &plugin.manifest,
            &plugin.config_schema,
            &operator,
            &plugin.capabilities,
        ));
        warnings.extend(unasked(
            plugin.name.as_str(),
            plugin.context.grants.requested(),
            &operator,
        ));
        // One mistake may be repeated a thousand times.
        if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|more| *more > 0) {
            warnings.truncate(WARNINGS);
            warnings.push(format!("and {more} warnings more"));
        }
        warnings.extend(open_webhooks(&plugin));
        warnings.extend(warning(&plugin.context.grants.missing()));
        Ok(Loaded { plugin: Arc::new(plugin), warnings, compile_ms: None })
    }

    fn plugin(self, manifest: Manifest) -> Result<Plugin, Vec<LoadError>> {
        let Self { sandbox, guest, digest, config, runtimes, budgets, now, .. } = self;
        let name = plugin_name(&manifest)?;
        let of_plugin = config.plugin(name.as_str());
        let mut mistakes =
            LoadError::all("bad_manifest", manifest.unexported(&guest.capabilities()));
        let limits = config.limits.with(&of_plugin.limits);
        let mut schemas = Schemas::new(limits.clone(), &config);
        let config_schema = collect(schemas.config(&manifest), &mut mistakes);
        let settings =
            collect(settings::settings(&manifest, &of_plugin, &mut schemas), &mut mistakes);
        let actions = collect(parts::actions(&manifest, &mut schemas), &mut mistakes);
        let events = collect(parts::events(&manifest, &mut schemas), &mut mistakes);
        let processes =
            collect(parts::processes(&manifest, &of_plugin, &mut schemas), &mut mistakes);
        let hosts = collect(requested_hosts(&manifest), &mut mistakes);
        let capabilities = guest.capabilities();
        let producer = parts::producer(&manifest, &of_plugin, &capabilities);
        let producer = collect(producer.map_err(|one| vec![one]), &mut mistakes);
        let requested = requested(&manifest, &name, hosts.clone().unwrap_or_default());
        let grants = Grants::new(&name, requested, &of_plugin);
        let grants = if config.grant_requested { grants.as_requested() } else { grants };
        let background = parts::background(&manifest, &of_plugin, &grants, &mut schemas);
        let background = collect(background, &mut mistakes);
        let (
            Some(config_schema),
            Some(settings),
            Some(actions),
            Some(events),
            Some(processes),
            Some(producer),
            Some(_),
            Some(background),
            true,
        ) = (
            config_schema,
            settings,
            actions,
            events,
            processes,
            producer,
            hosts,
            background,
            mistakes.is_empty(),
        )
        else {
            return Err(mistakes);
        };
        let plugin_context = PluginContext {
            plugin: name.clone(),
            limits,
            grants,
            settings,
            long_calls: LongCalls::new(runtimes),
            quota: sandbox.quotas().of(&name),
            spent: budgets.of_plugin(&name),
        };
        Ok(Plugin {
            metrics: PluginMetrics::new(name.as_str()),
            name,
            manifest,
            mark: mark(&digest),
            digest,
            config_schema,
            actions,
            events,
            processes,
            capabilities,
            producer,
            hooks: background.hooks,
            workers: background.workers,
            schedules: background.schedules,
            routes: background.routes,
            guest,
            context: Arc::new(plugin_context),
            loaded_at: now,
            calls: AtomicU32::new(0),
        })
    }
}

fn plugin_name(manifest: &Manifest) -> Result<PluginName, Vec<LoadError>> {
    PluginName::parse(&manifest.name).map_err(|wrong| {
        vec![LoadError::new(
            "bad_manifest",
            format!("the plugin's name `{}`: {wrong}", manifest.name),
        )]
    })
}

/// What the manifest asks for: also each of its filters and workers asks for what is not the plugin's own.
fn requested(manifest: &Manifest, name: &PluginName, http: Vec<HostPattern>) -> Requested {
    // Hooks and events of the host belong to no plugin, whoever declares them.
    let is_own_hook =
        |hook: &String| !is_of_host(hook) && manifest.hooks.iter().any(|one| one.name == *hook);
    let is_own_event = |pattern: &String| {
        pattern.split_once(':').is_some_and(|(source, _)| source == name.as_str())
    };
    let hooks = manifest.filters.iter().map(|filter| &filter.hook);
    let patterns = manifest.workers.iter().flat_map(|worker| &worker.events);
    let events: BTreeSet<&String> = patterns.filter(|one| !is_own_event(one)).collect();
    let accounts = manifest.requests.accounts.iter();
    Requested {
        reveal: manifest.requests.reveal.clone(),
        http,
        tcp: manifest.requests.tcp.clone(),
        hooks: hooks
            .filter(|one| !is_own_hook(one) && mistyped(manifest, one).is_none())
            .cloned()
            .collect(),
        events: events.into_iter().cloned().collect(),
        accounts: accounts.filter(|one| *one != name.as_str()).cloned().collect(),
        scope: manifest.scope,
    }
}

/// Warns of webhooks without a signature: anybody who knows a community's slug can send them.
fn open_webhooks(plugin: &Plugin) -> Vec<String> {
    let manifest = &plugin.manifest;
    let has_slug = || {
        let properties = plugin.config_schema.document().get("properties");
        properties.is_some_and(|properties| properties.get("webhook_slug").is_some())
    };
    let mut warnings = Vec::new();
    if plugin.uses_webhook() && manifest.verify.is_none() && !has_slug() {
        warnings.push(
            "its webhooks can be sent by anybody: the manifest has no `verify`, and the config_schema no `webhook_slug`"
                .to_owned(),
        );
    }
    if plugin.exports("global-webhooks") && manifest.global_verify.is_none() {
        warnings.push(
            "its platform-wide webhooks can be sent by anybody: the manifest has no `global_verify`"
                .to_owned(),
        );
    }
    warnings
}

fn requested_hosts(manifest: &Manifest) -> Result<Vec<HostPattern>, Vec<LoadError>> {
    let parse = |text: &String| {
        text.parse().map_err(|wrong| {
            vec![LoadError::new("bad_manifest", format!("requests.http: {wrong}"))]
        })
    };
    manifest.requests.http.iter().map(parse).collect()
}

fn mark(digest: &str) -> i64 {
    u64::from_str_radix(digest.get(..16).unwrap_or_default(), 16).unwrap_or_default().cast_signed()
}

fn collect<T>(part: Result<T, Vec<LoadError>>, mistakes: &mut Vec<LoadError>) -> Option<T> {
    part.map_err(|more| mistakes.extend(more)).ok()
}
