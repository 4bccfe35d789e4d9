//! Mutations of communities: create, change, delete; enable, reconfigure and disable plugins.
//!
//! One transaction for each request: all guest calls first, then the locks of the instances that change, then one write,
//! then the index. If anything fails nothing changes, except that outbound requests of guests are not undone. A mutation
//! runs in a task of its own and goes on when its client goes away.

mod authorize;
mod change_event;
mod commit;
mod config;
mod moved;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::calls::{CallError, Calls};
use crate::communities::{Community, MutationLock};
use crate::context::Context;
use crate::plugins::Violation;
use moothall_core::changes::Change;
use moothall_core::config::Limits;
use moothall_core::ids::{CommunitySlug, InstanceId, PluginName, RequestId};
use moothall_core::instance::{CommunityNames, Instance};
use moothall_guest::Fault;
use moothall_store::{StoreError, Tx};

pub use authorize::Authorization;
use plan::{Plan, PlanStep};

/// Changes communities.
#[derive(Clone)]
pub struct Mutations {
    pub calls: Arc<Calls>,
    pub context: Arc<Context>,
    pub limits: Limits,
    /// Mutations in flight.
    pub in_flight: Arc<AtomicU32>,
    /// The change of which a mutation appends the event `api.change`.
    pub change: Option<Arc<Change>>,
}

/// What became of a plugin that was enabled, and its instance.
pub type Enabled = (Became, Arc<Instance>);

/// What is stored with a community's change; it gets the community as it is then.
pub type ExtraWriteOf<T> = Box<dyn FnOnce(&Tx<'_>, &T) -> Result<(), StoreError> + Send>;

/// A plugin as a community's body lists it. Prints nothing: its config may hold secrets.
#[derive(Clone)]
pub struct PluginEntry {
    pub name: String,
    /// A JSON text that was checked. None: the one instance of the plugin stays as it is; if there is none, the config
    /// is empty.
    pub config: Option<String>,
    /// The `community_platform_id` that the request names, which the config's has to equal.
    pub platform_id: Option<String>,
}

/// What a community shall be; what is absent stays.
#[derive(Clone, Default)]
pub struct CommunityChange {
    pub slug: Option<CommunitySlug>,
    pub readable_name: Option<String>,
    pub plugins: Option<Vec<PluginEntry>>,
}

/// How a mutation changed its community or instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    Created,
    Changed,
    Unchanged,
}

#[derive(Debug, thiserror::Error)]
pub enum MutationError {
    #[error("Community '{0}' not found")]
    NotFound(CommunitySlug),
    #[error("Community '{0}' already exists")]
    Taken(CommunitySlug),
    #[error("The config of plugin '{plugin}' is not valid")]
    InvalidConfig { plugin: PluginName, violations: Vec<Violation> },
    /// In a community's list.
    #[error("No such plugin registered: {0}")]
    NotRegistered(String),
    #[error(
        "The header `X-Metagov-Platform-Id` says `{said}`, and the config {}; send what the config says, or leave the header out",
        said_by_config(.of_config.as_deref())
    )]
    OtherPlatform { said: String, of_config: Option<String> },
    #[error("Plugin '{0}' is listed twice with the same community_platform_id")]
    Twice(PluginName),
    #[error(
        "The community has several instances of plugin '{0}': send the config of each that shall stay"
    )]
    NoConfig(PluginName),
    #[error("A community may have {0} plugins")]
    TooMany(usize),
    #[error("This would write more than {0} rows at once; enable fewer plugins in one request")]
    TooMuch(usize),
    /// Configured in `moothall.toml`, or by communities, and not the other way.
    #[error("{0}")]
    OtherScope(String),
    #[error("There is no instance {id} of plugin '{plugin}'")]
    NoSuchInstance { plugin: String, id: InstanceId },
    #[error(transparent)]
    Call(#[from] CallError),
}

fn said_by_config(platform_id: Option<&str>) -> String {
    platform_id
        .map_or_else(|| "has no community_platform_id".to_owned(), |id| format!("says `{id}`"))
}

impl From<Fault> for MutationError {
    fn from(fault: Fault) -> Self {
        Self::Call(fault.into())
    }
}

impl From<StoreError> for MutationError {
    fn from(error: StoreError) -> Self {
        Self::Call(error.into())
    }
}

impl Mutations {
    /// The same, which appends the event `api.change` for what it changes.
    pub fn with_change_event(&self, change: Change) -> Self {
        Self { change: Some(Arc::new(change)), ..self.clone() }
    }
}

type MutationResult<T> = Result<T, MutationError>;

impl Mutations {
    /// A new community; fails if the slug is taken. `guard` is dropped when the mutation has ended, whether anybody
    /// still waits for it or not.
    pub async fn create(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        (extra_write, guard): (ExtraWriteOf<Community>, impl Send + 'static),
        request: RequestId,
    ) -> MutationResult<Arc<Community>> {
        self.alone(move |this| async move {
            let _guard = guard;
            let mutation_lock = this.mutation_lock(vec![slug.clone()]).await?;
            if this.context.communities.get(slug.as_str()).is_some() {
                return Err(MutationError::Taken(slug));
            }
            this.make(slug, change, Some(extra_write), request, mutation_lock).await
        })
        .await
    }

    /// Creates the community, or makes it what `change` says.
    pub async fn put(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        request: RequestId,
    ) -> MutationResult<(Became, Arc<Community>)> {
        self.alone(move |this| async move {
            let slugs = [Some(slug.clone()), change.slug.clone()].into_iter().flatten().collect();
            let mutation_lock = this.mutation_lock(slugs).await?;
            let Some(community) = this.context.communities.get(slug.as_str()) else {
                // One that is not there cannot be renamed.
                if change.slug.as_ref().is_some_and(|new| *new != slug) {
                    return Err(MutationError::NotFound(slug));
                }
                return Ok((
                    Became::Created,
                    this.make(slug, change, None, request, mutation_lock).await?,
                ));
            };
            Ok((Became::Changed, this.change(&community, change, request, mutation_lock).await?))
        })
        .await
    }

    pub async fn delete(&self, slug: CommunitySlug) -> MutationResult<()> {
        self.alone(move |this| async move {
            let mutation_lock = this.mutation_lock(vec![slug.clone()]).await?;
            let community = this
                .context
                .communities
                .get(slug.as_str())
                .ok_or_else(|| MutationError::NotFound(slug.clone()))?;
            let steps = community.instances.iter().cloned().map(PlanStep::Remove).collect();
            let plan = Plan { before: Some(community.names.clone()), after: None, steps };
            this.commit(plan, mutation_lock).await.map(drop)
        })
        .await
    }

    /// Enables a plugin for a community, or gives its instance another config. `extra_write` is in the write of a change;
    /// `guard` is dropped when the mutation has ended.
    pub async fn enable(
        &self,
        slug: CommunitySlug,
        entry: PluginEntry,
        (extra_write, guard): (Option<ExtraWriteOf<Enabled>>, impl Send + 'static),
        request: RequestId,
    ) -> MutationResult<Enabled> {
        self.alone(move |this| async move {
            let _guard = guard;
            let mutation_lock = this.mutation_lock(vec![slug.clone()]).await?;
            let unknown = || CallError::UnknownCommunity(slug.to_string());
            let community = this.context.communities.of(&slug).ok_or_else(unknown)?;
            let (change, step) =
                this.step(&community, &community.names, entry, &mut this.budget())?;
            let target = step.target();
            let mut steps = plan::keep_others(&community, std::slice::from_ref(&step));
            steps.push(step);
            if change == Became::Unchanged {
                let same = community.find(target.0.as_str(), target.1.as_deref());
                return same.cloned().map(|same| (change, same)).ok_or_else(|| unknown().into());
            }
            let plan = Plan {
                before: Some(community.names.clone()),
                after: Some(community.names.clone()),
                steps,
            };
            let extra_write = extra_write.map(|extra_write| -> ExtraWriteOf<Community> {
                let (plugin, platform_id) = target.clone();
                Box::new(move |tx, community| {
                    match community.find(plugin.as_str(), platform_id.as_deref()) {
                        Some(instance) => extra_write(tx, &(change, instance.clone())),
                        None => Ok(()),
                    }
                })
            });
            let community = this.carry_out_with(plan, extra_write, request, mutation_lock).await?;
            let instance = community.find(target.0.as_str(), target.1.as_deref());
            instance.cloned().map(|instance| (change, instance)).ok_or_else(|| unknown().into())
        })
        .await
    }

    /// Disables one instance, which must be of that plugin.
    pub async fn disable(&self, plugin: String, id: InstanceId) -> MutationResult<()> {
        self.alone(move |this| async move {
            let none = || MutationError::NoSuchInstance { plugin: plugin.clone(), id };
            let slug = this.community_of(id)?.ok_or_else(none)?;
            let mutation_lock = this.mutation_lock(vec![slug.clone()]).await?;
            let community = this.context.communities.get(slug.as_str()).ok_or_else(none)?;
            let instance = community
                .instances
                .iter()
                .find(|one| one.id == id && one.plugin.as_str() == plugin);
            let remove = PlanStep::Remove(instance.ok_or_else(none)?.clone());
            let mut steps = plan::keep_others(&community, std::slice::from_ref(&remove));
            steps.push(remove);
            let plan = Plan {
                before: Some(community.names.clone()),
                after: Some(community.names.clone()),
                steps,
            };
            this.commit(plan, mutation_lock).await.map(drop)
        })
        .await
    }

    fn community_of(&self, id: InstanceId) -> MutationResult<Option<CommunitySlug>> {
        let slug = self.context.store.read(|reader| reader.community_of(id))?;
        Ok(slug.and_then(|slug| CommunitySlug::parse(&slug).ok()))
    }

    async fn make(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        extra_write: Option<ExtraWriteOf<Community>>,
        request: RequestId,
        mutation_lock: MutationLock,
    ) -> MutationResult<Arc<Community>> {
        let names = Arc::new(CommunityNames {
            id: self.context.communities.next_community(),
            slug,
            readable_name: change.readable_name.unwrap_or_default().into(),
        });
        let nobody = Community { names: names.clone(), instances: Box::default() };
        let steps = self.steps(&nobody, &names, change.plugins.unwrap_or_default())?;
        let plan = Plan { before: None, after: Some(names), steps };
        self.carry_out_with(plan, extra_write, request, mutation_lock).await
    }

    async fn change(
        &self,
        community: &Community,
        change: CommunityChange,
        request: RequestId,
        mutation_lock: MutationLock,
    ) -> MutationResult<Arc<Community>> {
        let before = community.names.clone();
        let names = Arc::new(CommunityNames {
            id: before.id,
            slug: change.slug.unwrap_or_else(|| before.slug.clone()),
            readable_name: change
                .readable_name
                .map_or_else(|| before.readable_name.clone(), Into::into),
        });
        if names.slug != before.slug && self.context.communities.get(names.slug.as_str()).is_some()
        {
            return Err(MutationError::Taken(names.slug.clone()));
        }
        let steps = match change.plugins {
            Some(entries) => self.steps(community, &names, entries)?,
            None => community.instances.iter().cloned().map(PlanStep::Keep).collect(),
        };
        self.carry_out(
            Plan { before: Some(before), after: Some(names), steps },
            request,
            mutation_lock,
        )
        .await
    }

    async fn mutation_lock(&self, slugs: Vec<CommunitySlug>) -> MutationResult<MutationLock> {
        let wait = Duration::from_millis(self.limits.mutation_wait_ms);
        let mutation_lock =
            tokio::time::timeout(wait, self.context.communities.mutation_lock(slugs)).await;
        mutation_lock.map_err(|_| {
            Fault::Overloaded("this community is being changed by other requests").into()
        })
    }

    /// Runs a mutation in a task of its own.
    async fn alone<T, F>(&self, run: impl FnOnce(Self) -> F) -> MutationResult<T>
    where
        T: Send + 'static,
        F: Future<Output = MutationResult<T>> + Send + 'static,
    {
        let counted = self.enter()?;
        let mutation = run(self.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a mutation outlives its client; a panic is a host fault"
        )]
        let task = tokio::spawn(async move {
            let outcome = mutation.await;
            drop(counted);
            outcome
        });
        task.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "a mutation's task ended");
            Err(Fault::Host("the request ended unexpectedly; see the log".into()).into())
        })
    }

    /// Mutations in flight now.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn enter(&self) -> MutationResult<InFlight> {
        let counted = InFlight(self.in_flight.clone());
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.limits.mutations {
            return Err(Fault::Overloaded("too many communities are being changed").into());
        }
        Ok(counted)
    }
}

/// A mutation in flight.
struct InFlight(Arc<AtomicU32>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
