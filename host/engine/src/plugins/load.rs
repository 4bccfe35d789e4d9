//! Loads a plugin file: makes a plugin of its bytes, or says every reason why it cannot.
//!
//! Calls see nothing of the new version until all of this has succeeded.

mod assembly;
mod doubts;
mod parts;
mod schemas;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apart::Apart;
use super::compile;
use super::mark::{self, Mark};
use super::plugin::Plugin;
use super::report::LoadError;
use moothall_core::clock::Clock;
use moothall_core::config::{Config, Limits};
use moothall_core::day_budget::DayBudgets;
use moothall_core::grants::Grants;
use moothall_core::ids::PluginName;
use moothall_guest::exports::Describe;
use moothall_guest::{
    CallContext, Export, Guest, LongCalls, Output, PluginContext, Sandbox, Settings,
};
use moothall_store::{Compiled, Store};

use assembly::Assembly;

/// How many reasons are given for one file.
const REASONS: usize = 100;

/// Makes plugins from files.
pub struct Loader {
    pub sandbox: Arc<Sandbox>,
    pub store: Store,
    pub clock: Clock,
    /// Where native code is kept.
    pub cache: PathBuf,
    /// How many runtimes make calls.
    pub runtimes: usize,
    /// What each plugin had stored today, whichever version of it.
    pub budgets: Arc<DayBudgets>,
    /// Where schemas are compiled.
    pub apart: Apart,
}

/// A plugin that can serve, and what its author should know.
pub struct Loaded {
    pub plugin: Arc<Plugin>,
    pub warnings: Vec<String>,
    /// What its compilation took, if it was not compiled already.
    pub compile_ms: Option<u64>,
}

/// Cuts the list of reasons: a file may be wrong in very many ways.
fn few(mut reasons: Vec<LoadError>) -> Vec<LoadError> {
    if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
        reasons.truncate(REASONS);
        reasons.push(LoadError::new(reasons[0].code, format!("and {more} reasons more")));
    }
    reasons
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
        compile::is_component(&wasm)
            .map_err(|message| vec![LoadError::new("not_a_component", message)])?;
        mark::refuse(&self.cache, &digest).map_err(|one| vec![one])?;
        let known = self
            .known(&digest)
            .map_err(|message| vec![LoadError::new("store_unavailable", message)])?;
        let (guest, text, compile_ms) = match known
            .and_then(|known| Some((self.cached(&digest, &known)?, known.manifest)))
        {
            Some((component, manifest)) => (self.link(&component)?, manifest, None),
            None => {
                let (guest, text, took) = self.compile_and_describe(wasm, &digest, config).await?;
                (guest, text, Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)))
            }
        };
        let loaded = self
            .assemble(Assembly {
                sandbox: self.sandbox.clone(),
                guest,
                text,
                digest,
                config: config.clone(),
                runtimes: self.runtimes,
                budgets: self.budgets.clone(),
                now: self.clock.now_ms(),
            })
            .await
            .map_err(few)?;
        Ok(Loaded { compile_ms, ..loaded })
    }

    /// Runs on a thread apart from those that serve requests. The file is marked meanwhile, so that it is not tried again
    /// should it end the host.
    async fn assemble(&self, assembly: Assembly) -> Result<Loaded, Vec<LoadError>> {
        let _mark = Mark::put(&self.cache, &assembly.digest);
        let assembled = self.apart.run(move || assembly.finish()).await;
        let failed = "its manifest could not be compiled; the host's log has the reason";
        assembled.unwrap_or_else(|| Err(vec![LoadError::new("bad_manifest", failed)]))
    }

    /// Removes the native code of every file but these.
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
        self.sandbox
            .link(component)
            .map_err(|messages| few(LoadError::all("cannot_link", messages)))
    }

    async fn compile_and_describe(
        &self,
        wasm: Vec<u8>,
        digest: &str,
        config: &Config,
    ) -> Result<(Guest, String, Duration), Vec<LoadError>> {
        let compatibility = self.compatibility();
        let file = compile::code_file(&self.cache, digest, &compatibility);
        let began = Instant::now();
        let code_hash = compile::compile(wasm, &file, &config.limits)
            .await
            .map_err(|message| vec![LoadError::new("compile_failed", message)])?;
        let took = began.elapsed();
        let component = compile::load(self.sandbox.engine(), &file, &code_hash)
            .map_err(|message| vec![LoadError::new("compile_failed", message)])?;
        let guest = self.link(&component)?;
        let manifest = self.describe(&guest, &config.limits).await.map_err(|error| vec![error])?;
        self.remember(digest, compatibility, Compiled { code_hash, manifest: manifest.clone() })
            .await;
        Ok((guest, manifest, took))
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
        // The plugin's name is not known yet; in the log its lines are `describe`'s.
        let nameless = PluginName::parse("describe")
            .map_err(|bad| LoadError::new("describe_failed", bad.to_string()))?;
        let plugin_context = PluginContext {
            quota: self.sandbox.quotas().fresh(&nameless),
            spent: DayBudgets::default().of_plugin(&nameless),
            plugin: nameless,
            limits: limits.of_describe(),
            grants: Grants::default(),
            settings: Settings { public: "{}".into(), secrets: BTreeMap::new() },
            long_calls: LongCalls::new(self.runtimes),
        };
        let call_context = CallContext {
            instance: None,
            config: "{}".into(),
            request_id: None,
            pending_secrets: None,
            process: None,
            may_send: false,
            batch: None,
            wall_ms: None,
        };
        let ended =
            guest.call(Export::Describe(Describe), Arc::new(plugin_context), call_context).await;
        match ended.result {
            Ok(Ok(Output::Text(Some(manifest)))) if manifest.len() <= limits.manifest_bytes => {
                Ok(manifest)
            }
            Ok(Ok(_)) => Err(LoadError::new(
                "describe_failed",
                format!("its manifest has more than {} bytes", limits.manifest_bytes),
            )),
            Ok(Err(refusal)) => Err(LoadError::new("describe_failed", refusal.message)),
            Err(fault) if fault.is_transient() => Err(LoadError::new(
                "overloaded",
                format!("`describe` cannot be called now: {fault}"),
            )),
            Err(fault) => {
                Err(LoadError::new("describe_failed", format!("`describe` failed: {fault}")))
            }
        }
    }
}
