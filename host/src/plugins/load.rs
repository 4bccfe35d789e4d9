//! From the bytes of a plugin file to a plugin that can serve, or every reason why it cannot.
//!
//! Nothing of the new version is visible to calls until all of this has passed.

mod parts;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use serde_json::{Value, json};

use super::manifest::unknown_fields;
use super::schema::Schema;
use super::{LoadError, Manifest, Plugin, PluginMetrics, compile};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::destination::HostPattern;
use crate::grants::{Grants, Missing, Requested, is_of_host};
use crate::guest::{
    Export, Fault, Guest, LongCalls, Origin, Output, Sandbox, Settings, Subject, Terms,
};
use crate::ids::PluginName;
use crate::store::{Compiled, Store};

/// Makes plugins from files.
pub struct Loader {
    pub sandbox: Arc<Sandbox>,
    pub store: Store,
    pub clock: Clock,
    /// Where native code is kept.
    pub cache: PathBuf,
    /// How many runtimes make calls.
    pub runtimes: usize,
}

/// A plugin that can serve, and what its author should know.
pub struct Loaded {
    pub plugin: Arc<Plugin>,
    pub warnings: Vec<String>,
}

fn error(code: &'static str, message: impl Into<String>) -> LoadError {
    LoadError { code, message: message.into() }
}

fn errors(code: &'static str, messages: Vec<String>) -> Vec<LoadError> {
    messages.into_iter().map(|message| error(code, message)).collect()
}

impl Loader {
    /// Whether native code for this content is at hand, so that loading takes no compilation.
    pub fn is_compiled(&self, digest: &str) -> bool {
        let file = compile::code_file(&self.cache, digest, &self.compatibility());
        file.is_file() && matches!(self.known(digest), Ok(Some(_)))
    }

    pub async fn load(
        &self,
        wasm: Vec<u8>,
        digest: String,
        config: &Config,
    ) -> Result<Loaded, Vec<LoadError>> {
        compile::is_component(&wasm).map_err(|message| vec![error("not_a_component", message)])?;
        let known =
            self.known(&digest).map_err(|message| vec![error("store_unavailable", message)])?;
        let (guest, text) =
            match known.and_then(|known| Some((self.cached(&digest, &known)?, known.manifest))) {
                Some((component, manifest)) => (self.link(&component)?, manifest),
                None => self.compile_and_describe(wasm, &digest, config).await?,
            };
        let manifest =
            Manifest::parse(&text).map_err(|messages| errors("bad_manifest", messages))?;
        let mut warnings: Vec<String> = unknown_fields(&text)
            .into_iter()
            .map(|field| {
                format!(
                    "the manifest's field `{field}` is not known to this host and has no effect"
                )
            })
            .collect();
        let plugin = self.plugin(manifest, guest, digest, config)?;
        warnings.extend(plugin.terms.grants.missing().iter().map(Missing::warning));
        Ok(Loaded { plugin: Arc::new(plugin), warnings })
    }

    /// Forgets native code of every file but these.
    pub async fn prune(&self, digests: BTreeSet<String>) {
        let compatibility = self.compatibility();
        if let Err(error) = compile::prune(&self.cache, &digests, &compatibility) {
            tracing::warn!(%error, "compiled code that nobody needs could not be removed");
        }
        if let Err(error) = self
            .store
            .write("plugin.prune", move |tx| tx.keep_compiled(&digests, &compatibility))
            .await
        {
            tracing::warn!(%error, "what is known of plugin files that are gone could not be removed");
        }
    }

    fn compatibility(&self) -> String {
        compile::compatibility(self.sandbox.engine())
    }

    fn known(&self, digest: &str) -> Result<Option<Compiled>, String> {
        let compatibility = self.compatibility();
        self.store
            .read(|reader| reader.compiled(digest, &compatibility))
            .map_err(|error| error.to_string())
    }

    fn cached(&self, digest: &str, known: &Compiled) -> Option<compile::Component> {
        let file = compile::code_file(&self.cache, digest, &self.compatibility());
        let loaded = compile::load(self.sandbox.engine(), &file, &known.code_hash);
        loaded.inspect_err(|reason| tracing::info!(digest, "compiling again: {reason}")).ok()
    }

    fn link(&self, component: &compile::Component) -> Result<Guest, Vec<LoadError>> {
        self.sandbox.link(component).map_err(|messages| errors("cannot_link", messages))
    }

    async fn compile_and_describe(
        &self,
        wasm: Vec<u8>,
        digest: &str,
        config: &Config,
    ) -> Result<(Guest, String), Vec<LoadError>> {
        let compatibility = self.compatibility();
        let file = compile::code_file(&self.cache, digest, &compatibility);
        let code_hash = compile::compile(wasm, &file, &config.limits)
            .await
            .map_err(|message| vec![error("compile_failed", message)])?;
        let component = compile::load(self.sandbox.engine(), &file, &code_hash)
            .map_err(|message| vec![error("compile_failed", message)])?;
        let guest = self.link(&component)?;
        let manifest = self.describe(&guest, &config.limits).await.map_err(|error| vec![error])?;
        self.remember(digest, compatibility, Compiled { code_hash, manifest: manifest.clone() })
            .await;
        Ok((guest, manifest))
    }

    /// Without this row the next start compiles again: worth a warning, not a failed load.
    async fn remember(&self, digest: &str, compatibility: String, compiled: Compiled) {
        let (digest, now) = (digest.to_owned(), self.clock.now_ms());
        let written = self
            .store
            .write("plugin.compiled", move |tx| {
                tx.put_compiled(&digest, &compatibility, &compiled, now)
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "a compiled plugin cannot be remembered; it will be compiled again");
        }
    }

    async fn describe(&self, guest: &Guest, limits: &Limits) -> Result<String, LoadError> {
        // It has no name yet; the log says where its lines come from.
        let nameless = PluginName::parse("describe")
            .map_err(|bad| error("describe_failed", bad.to_string()))?;
        let terms = Terms {
            quota: self.sandbox.quotas().fresh(&nameless),
            plugin: nameless,
            limits: limits.of_describe(),
            grants: Grants::default(),
            settings: Settings { public: "{}".into(), secrets: BTreeMap::new() },
            long_calls: LongCalls::new(self.runtimes),
        };
        let subject = Subject {
            instance: None,
            config: "{}".into(),
            origin: Origin::Describe,
            request_id: None,
            read_only: true,
            process: None,
            may_send: false,
            batch: None,
            wall_ms: None,
        };
        let ended = guest.call(Export::Describe, Arc::new(terms), subject).await;
        match ended.result {
            Ok(Ok(Output::Text(Some(manifest)))) if manifest.len() <= limits.manifest_bytes => {
                Ok(manifest)
            }
            Ok(Ok(_)) => Err(error(
                "describe_failed",
                format!("its manifest has more than {} bytes", limits.manifest_bytes),
            )),
            Ok(Err(refusal)) => Err(error("describe_failed", refusal.message)),
            Err(fault @ (Fault::Overloaded(_) | Fault::Store(_))) => {
                Err(error("overloaded", format!("`describe` cannot be called now: {fault}")))
            }
            Err(fault) => Err(error("describe_failed", format!("`describe` failed: {fault}"))),
        }
    }

    fn plugin(
        &self,
        manifest: Manifest,
        guest: Guest,
        digest: String,
        config: &Config,
    ) -> Result<Plugin, Vec<LoadError>> {
        let name = manifest.plugin_name().map_err(|messages| errors("bad_manifest", messages))?;
        let of_plugin = config.plugin(name.as_str());
        let mut mistakes = errors("bad_manifest", manifest.unexported(&guest.capabilities()));
        let config_schema = collect(config_schema(&manifest), &mut mistakes);
        let settings = collect(settings::settings(&manifest, &of_plugin), &mut mistakes);
        let actions = collect(parts::actions(&manifest), &mut mistakes);
        let events = collect(parts::events(&manifest), &mut mistakes);
        let processes = collect(parts::processes(&manifest, &of_plugin), &mut mistakes);
        let hosts = collect(requested_hosts(&manifest), &mut mistakes);
        let capabilities = guest.capabilities();
        let producer = parts::producer(&manifest, &of_plugin, &capabilities);
        let producer = collect(producer.map_err(|one| vec![one]), &mut mistakes);
        let requested = requested(&manifest, &name, hosts.clone().unwrap_or_default());
        let grants = Grants::new(&name, requested, &of_plugin);
        let grants = if config.grant_requested { grants.as_requested() } else { grants };
        let background = parts::background(&manifest, &of_plugin, &grants);
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
        let terms = Terms {
            plugin: name.clone(),
            limits: config.limits.with(&of_plugin.limits),
            grants,
            settings,
            long_calls: LongCalls::new(self.runtimes),
            quota: self.sandbox.quotas().of(&name),
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
            terms: Arc::new(terms),
            loaded_at: self.clock.now_ms(),
            calls: AtomicU32::new(0),
        })
    }
}

/// What the manifest asks for: also each of its filters and workers asks for what is not the plugin's own.
fn requested(manifest: &Manifest, name: &PluginName, http: Vec<HostPattern>) -> Requested {
    // The host's own are nobody's, whoever declares them.
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
        hooks: hooks.filter(|one| !is_own_hook(one)).cloned().collect(),
        events: events.into_iter().cloned().collect(),
        accounts: accounts.filter(|one| *one != name.as_str()).cloned().collect(),
        scope: manifest.scope,
    }
}

fn requested_hosts(manifest: &Manifest) -> Result<Vec<HostPattern>, Vec<LoadError>> {
    let parse = |text: &String| {
        text.parse().map_err(|wrong| vec![error("bad_manifest", format!("requests.http: {wrong}"))])
    };
    manifest.requests.http.iter().map(parse).collect()
}

fn mark(digest: &str) -> i64 {
    u64::from_str_radix(digest.get(..16).unwrap_or_default(), 16).unwrap_or_default().cast_signed()
}

fn collect<T>(part: Result<T, Vec<LoadError>>, mistakes: &mut Vec<LoadError>) -> Option<T> {
    part.map_err(|more| mistakes.extend(more)).ok()
}

fn compiled(place: &str, document: &Value) -> Result<Schema, Vec<LoadError>> {
    Schema::compile(document).map_err(|reasons| {
        errors("bad_schema", reasons.iter().map(|reason| format!("{place}: {reason}")).collect())
    })
}

fn config_schema(manifest: &Manifest) -> Result<Schema, Vec<LoadError>> {
    let schema =
        manifest.config_schema.as_ref().map(|document| compiled("config_schema", document));
    let schema = schema.unwrap_or_else(|| Ok(Schema::any_object()))?;
    let Some(key) = &manifest.community_platform_id_key else { return Ok(schema) };
    if schema.document().get("properties").and_then(|properties| properties.get(key)).is_none() {
        let message =
            format!("community_platform_id_key names `{key}`, which the config_schema has not");
        return Err(vec![error("bad_manifest", message)]);
    }
    if !schema.secrets().find(&json!({ key: "x" })).is_empty() {
        let message = format!(
            "community_platform_id_key names `{key}`, which is a secret and would be shown"
        );
        return Err(vec![error("bad_manifest", message)]);
    }
    Ok(schema)
}
