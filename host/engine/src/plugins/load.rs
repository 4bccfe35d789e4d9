//! Loads a plugin file: makes a plugin of its bytes, or says every reason why it cannot.
//!
//! Calls see nothing of the new version until all of this has succeeded.

mod assembly;
mod doubts;
mod parts;
mod schemas;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apart::Apart;
use super::compile::{self, Cache, Compilers, Component, Interfaces};
use super::mark::{self, Mark};
use super::plugin::Plugin;
use super::report::LoadError;
use moothall_core::clock::Clock;
use moothall_core::config::{Config, Limits, Record};
use moothall_core::day_budget::DayBudgets;
use moothall_core::grants::Grants;
use moothall_core::ids::PluginName;
use moothall_guest::exports::Describe;
use moothall_guest::{
    CallContext, Export, Guest, LongCalls, Output, PluginContext, Sandbox, Settings,
};
use moothall_store::{Compiled, Store, Tx};

use assembly::Assembly;

/// How many reasons are given for one file.
const REASONS: usize = 100;

/// Makes plugins from files.
pub struct Loader {
    pub sandbox: Arc<Sandbox>,
    pub store: Store,
    pub clock: Clock,
    pub cache: Cache,
    pub compilers: Compilers,
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

/// What a file consists of, as far as loading it has got.
#[derive(Debug, Default)]
pub struct Anatomy {
    pub interfaces: Option<Interfaces>,
    /// The size of its native code.
    pub native_bytes: Option<usize>,
    /// What `describe` answered.
    pub manifest: Option<String>,
}

/// A component that can run.
struct Native {
    component: Component,
    bytes: usize,
    known: Compiled,
    /// The time of its compilation, if it was not compiled already.
    took: Option<Duration>,
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
    /// Whether all that comes of compiling this content is at hand, so that loading it runs neither the compiler nor guest
    /// code.
    pub fn is_compiled(&self, digest: &str) -> bool {
        let has_manifest = |known: Compiled| known.manifest.is_some();
        self.cache.file(digest).is_file()
            && self.known(digest).is_ok_and(|known| known.is_some_and(has_manifest))
    }

    pub async fn load(
        &self,
        wasm: Vec<u8>,
        digest: String,
        config: &Config,
    ) -> Result<Loaded, Vec<LoadError>> {
        self.examine(wasm, digest, config, &mut Anatomy::default()).await
    }

    /// Loads a file, and notes what it consists of, also if it is refused.
    pub async fn examine(
        &self,
        wasm: Vec<u8>,
        digest: String,
        config: &Config,
        anatomy: &mut Anatomy,
    ) -> Result<Loaded, Vec<LoadError>> {
        compile::is_component(&wasm)
            .map_err(|message| vec![LoadError::new("not_a_component", message)])?;
        mark::require_unmarked(self.cache.directory(), &digest).map_err(|one| vec![one])?;
        let Native { component, bytes, known, took } =
            self.native(wasm, &digest, &config.limits).await.map_err(|one| vec![one])?;
        anatomy.native_bytes = Some(bytes);
        anatomy.interfaces = Some(Interfaces::of(&component, self.sandbox.engine()));
        let guest = self.link(&component)?;
        let text = match known.manifest.clone() {
            Some(manifest) => manifest,
            None => {
                let manifest = self.describe(&guest, &config.limits).await;
                let manifest = manifest.map_err(|one| vec![one])?;
                self.remember(&digest, known.described_as(&manifest)).await;
                manifest
            }
        };
        anatomy.manifest = Some(text.clone());
        let compile_ms = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
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
    /// if it crashes the host.
    async fn assemble(&self, assembly: Assembly) -> Result<Loaded, Vec<LoadError>> {
        let _mark = Mark::put(self.cache.directory(), &assembly.digest);
        let assembled = self.apart.run(move || assembly.finish()).await;
        let failed = "its manifest could not be compiled; the host's log has the reason";
        assembled.unwrap_or_else(|| Err(vec![LoadError::new("bad_manifest", failed)]))
    }

    /// Notes that this content serves no more.
    pub fn release(&self, digest: &str) {
        self.cache.release(digest);
    }

    /// Removes what was compiled of contents that are not in use and for which there is no room.
    pub async fn prune(&self, used: BTreeSet<String>, unused_bytes: u64) {
        let left = match self.cache.prune(&used, unused_bytes) {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(%error, "compiled code that nobody needs could not be removed");
                return;
            }
        };
        let compatibility = self.cache.compatibility().to_owned();
        let write = move |tx: &Tx<'_>| tx.keep_compiled(&left, &compatibility);
        if let Err(error) = self.store.write("plugin.prune", write).await {
            tracing::warn!(%error, "what is known of plugin files that are gone could not be removed");
        }
    }

    fn known(&self, digest: &str) -> Result<Option<Compiled>, LoadError> {
        self.store
            .read(|reader| reader.compiled(digest, self.cache.compatibility()))
            .map_err(|error| LoadError::new("store_unavailable", error.to_string()))
    }

    /// Makes a component of native code from the cache, or from the compiler.
    async fn native(
        &self,
        wasm: Vec<u8>,
        digest: &str,
        limits: &Limits,
    ) -> Result<Native, LoadError> {
        let failed = |message: String| LoadError::new("compile_failed", message);
        let (code, known, took) = match self.cached(digest)? {
            Some((code, known)) => (code, known, None),
            None => {
                let began = Instant::now();
                let (code, known) = self.compile(wasm, digest, limits).await.map_err(failed)?;
                (code, known, Some(began.elapsed()))
            }
        };
        let component = compile::load(self.sandbox.engine(), &code).map_err(failed)?;
        Ok(Native { component, bytes: code.len(), known, took })
    }

    /// The code is remembered before anything else can fail or end the host: nothing is compiled twice.
    async fn compile(
        &self,
        wasm: Vec<u8>,
        digest: &str,
        limits: &Limits,
    ) -> Result<(Vec<u8>, Compiled), String> {
        let running = self.compilers.begin();
        let file = self.cache.file(digest);
        let code = compile::compile(wasm, &file, limits, running.threads).await?;
        drop(running);
        let known = Compiled { code_hash: compile::digest(&code), manifest: None };
        self.remember(digest, known.clone()).await;
        Ok((code, known))
    }

    /// Native code that was made for this content before, and what is known of it.
    fn cached(&self, digest: &str) -> Result<Option<(Vec<u8>, Compiled)>, LoadError> {
        let Some(known) = self.known(digest)? else { return Ok(None) };
        let code = compile::read(&self.cache.file(digest), &known.code_hash);
        let code = code.inspect_err(|reason| tracing::info!(digest, "compiling again: {reason}"));
        Ok(code.ok().map(|code| (code, known)))
    }

    fn link(&self, component: &Component) -> Result<Guest, Vec<LoadError>> {
        self.sandbox
            .link(component)
            .map_err(|messages| few(LoadError::all("cannot_link", messages)))
    }

    /// Without this row the next start compiles again: worth a warning, not a failed load.
    async fn remember(&self, digest: &str, compiled: Compiled) {
        let (digest, now) = (digest.to_owned(), self.clock.now_ms());
        let compatibility = self.cache.compatibility().to_owned();
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
            record: Record::Off,
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
            may_run_ahead: false,
            tape: None,
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
