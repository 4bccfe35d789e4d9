//! Makes a plugin of a component's manifest: checks and compiles all of its parts.
//!
//! Compiling many schemas takes CPU time, so this happens on a thread of its own, away from those that serve requests.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::doubts::doubts;
use super::schemas::Schemas;
use super::{Loaded, parts, settings};
use crate::plugins::manifest::{is_of_host, mistyped, unknown_fields};
use crate::plugins::{
    Action, HookPoint, LoadError, Manifest, NamedSchedule, Plugin, PluginMetrics, ProcessType,
    Route, Schema, Worker,
};
use moothall_core::config::{Config, Limits, PluginConfig};
use moothall_core::day_budget::DayBudgets;
use moothall_core::grants::{Grants, Requested, unasked, warning};
use moothall_core::ids::{PluginDigestId, PluginName};
use moothall_core::schedule::Schedule;
use moothall_guest::{Guest, LongCalls, PluginContext, Sandbox, Settings};
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
        let name = plugin_name(&manifest)?;
        let of_plugin = self.config.plugin(name.as_str());
        let parts = self.compile(&manifest, &name, &of_plugin)?;
        let Self { sandbox, guest, digest, config, runtimes, budgets, now, .. } = self;
        let context = PluginContext {
            plugin: name.clone(),
            limits: parts.limits,
            grants: parts.grants,
            settings: parts.settings,
            long_calls: LongCalls::new(runtimes),
            record: of_plugin.record.unwrap_or(config.calls.record),
            quota: sandbox.quotas().of(&name),
            spent: budgets.of_plugin(&name),
        };
        Ok(Plugin {
            metrics: PluginMetrics::new(name.as_str()),
            name,
            manifest,
            digest_id: digest_id(&digest),
            digest,
            config_schema: parts.config_schema,
            actions: parts.actions,
            events: parts.events,
            processes: parts.processes,
            capabilities: guest.capabilities(),
            producer: parts.producer,
            hooks: parts.hooks,
            workers: parts.workers,
            schedules: parts.schedules,
            routes: parts.routes,
            guest,
            context: Arc::new(context),
            loaded_at: now,
            calls: AtomicU32::new(0),
        })
    }

    /// Compiles every part, and collects the mistakes of all of them.
    fn compile(
        &self,
        manifest: &Manifest,
        name: &PluginName,
        of_plugin: &PluginConfig,
    ) -> Result<Parts, Vec<LoadError>> {
        let capabilities = self.guest.capabilities();
        let mut mistakes = LoadError::all("bad_manifest", manifest.unexported(&capabilities));
        let limits = self.config.limits.with(&of_plugin.limits);
        let mut schemas = Schemas::new(limits.clone(), &self.config);
        let config_schema = collect(schemas.config(manifest), &mut mistakes);
        let settings = settings::settings(manifest, of_plugin, &mut schemas);
        let settings = collect(settings, &mut mistakes);
        let actions = collect(parts::actions(manifest, &mut schemas), &mut mistakes);
        let events = collect(parts::events(manifest, &mut schemas), &mut mistakes);
        let processes = parts::processes(manifest, of_plugin, &mut schemas);
        let processes = collect(processes, &mut mistakes);
        let producer = parts::producer(manifest, of_plugin, &capabilities);
        let producer = collect(producer.map_err(|one| vec![one]), &mut mistakes);
        let hosts = collect(requested_hosts(manifest), &mut mistakes).unwrap_or_default();
        let grants = Grants::new(name, requested(manifest, name, hosts), of_plugin);
        let grants = if self.config.grant_requested { grants.as_requested() } else { grants };
        let hooks = collect(parts::hooks(manifest, &mut schemas), &mut mistakes);
        let workers = collect(parts::workers(manifest, &grants), &mut mistakes);
        let schedules = collect(parts::schedules(manifest, of_plugin), &mut mistakes);
        let routes = collect(parts::routes(manifest), &mut mistakes);
        let all = || {
            Some(Parts {
                config_schema: config_schema?,
                settings: settings?,
                actions: actions?,
                events: events?,
                processes: processes?,
                producer: producer?,
                hooks: hooks?,
                workers: workers?,
                schedules: schedules?,
                routes: routes?,
                grants,
                limits,
            })
        };
        if mistakes.is_empty() { all().ok_or(mistakes) } else { Err(mistakes) }
    }
}

/// Everything that is compiled of a manifest and of what the operator sets for its plugin.
struct Parts {
    config_schema: Schema,
    settings: Settings,
    actions: HashMap<String, Arc<Action>>,
    events: HashMap<String, Option<Schema>>,
    processes: HashMap<String, Arc<ProcessType>>,
    producer: Option<Schedule>,
    hooks: Vec<Arc<HookPoint>>,
    workers: Vec<Arc<Worker>>,
    schedules: Vec<NamedSchedule>,
    routes: Vec<Route>,
    grants: Grants,
    limits: Limits,
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

fn digest_id(digest: &str) -> PluginDigestId {
    let first = digest.get(..16).unwrap_or_default();
    PluginDigestId(u64::from_str_radix(first, 16).unwrap_or_default().cast_signed())
}

fn collect<T>(part: Result<T, Vec<LoadError>>, mistakes: &mut Vec<LoadError>) -> Option<T> {
    part.map_err(|more| mistakes.extend(more)).ok()
}
