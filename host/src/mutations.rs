//! Mutations of communities: create, change, delete; enable, reconfigure and disable plugins.
//!
//! One transaction for each request: all guest calls first, then the locks of the instances that
//! change, then one write, then the index. Whatever fails leaves everything as it was (outbound
//! requests that a guest already made are not undone). A mutation runs in a task of its own and
//! is not ended by a client that goes away.

mod authorize;
mod commit;
mod config;
mod moved;
mod plan;
mod telling;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::calls::{CallError, Calls};
use crate::changes::Change;
use crate::communities::{Community, Turn};
use crate::config::Limits;
use crate::guest::Fault;
use crate::ids::{CommunitySlug, InstanceId, PluginName, RequestId};
use crate::instance::{CommunityNames, Instance};
use crate::plugins::Violation;
use crate::secrets::Keyring;
use crate::store::StoreError;

pub use authorize::Authorization;
use plan::{Plan, Step};

/// Changes communities.
#[derive(Clone)]
pub struct Mutations {
    pub calls: Arc<Calls>,
    pub keyring: Arc<Keyring>,
    pub limits: Limits,
    /// Mutations in flight.
    pub in_flight: Arc<AtomicU32>,
    /// What is told of a mutation that succeeds.
    pub change: Option<Arc<Change>>,
}

/// A plugin as a community's body lists it. Prints nothing: its config may hold secrets.
#[derive(Clone)]
pub struct PluginEntry {
    pub name: String,
    pub config: Value,
}

/// What a community shall be; what is absent stays.
#[derive(Clone, Default)]
pub struct CommunityChange {
    pub slug: Option<CommunitySlug>,
    pub readable_name: Option<String>,
    pub plugins: Option<Vec<PluginEntry>>,
}

/// What became of what was asked for.
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
    #[error("Plugin '{0}' is listed twice with the same community_platform_id")]
    Twice(PluginName),
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
    /// The same, which tells of what it changes.
    pub fn telling(&self, change: Change) -> Self {
        Self { change: Some(Arc::new(change)), ..self.clone() }
    }
}

type Outcome<T> = Result<T, MutationError>;

impl Mutations {
    /// A new community; fails if the slug is taken.
    pub async fn create(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        request: RequestId,
    ) -> Outcome<Arc<Community>> {
        self.alone(move |this| async move {
            let turn = this.turn(vec![slug.clone()]).await?;
            if this.calls.communities.get(slug.as_str()).is_some() {
                return Err(MutationError::Taken(slug));
            }
            this.make(slug, change, request, turn).await
        })
        .await
    }

    /// Creates the community, or makes it what `change` says.
    pub async fn put(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        request: RequestId,
    ) -> Outcome<(Became, Arc<Community>)> {
        self.alone(move |this| async move {
            let slugs = [Some(slug.clone()), change.slug.clone()].into_iter().flatten().collect();
            let turn = this.turn(slugs).await?;
            let Some(community) = this.calls.communities.get(slug.as_str()) else {
                let slug = change.slug.clone().unwrap_or(slug);
                return Ok((Became::Created, this.make(slug, change, request, turn).await?));
            };
            Ok((Became::Changed, this.change(&community, change, request, turn).await?))
        })
        .await
    }

    pub async fn delete(&self, slug: CommunitySlug) -> Outcome<()> {
        self.alone(move |this| async move {
            let turn = this.turn(vec![slug.clone()]).await?;
            let community = this
                .calls
                .communities
                .get(slug.as_str())
                .ok_or_else(|| MutationError::NotFound(slug.clone()))?;
            let steps = community.instances.iter().cloned().map(Step::Remove).collect();
            let plan = Plan { before: Some(community.names.clone()), after: None, steps };
            this.commit(plan, turn).await.map(drop)
        })
        .await
    }

    /// Enables a plugin for a community, or gives its instance another config.
    pub async fn enable(
        &self,
        slug: CommunitySlug,
        entry: PluginEntry,
        request: RequestId,
    ) -> Outcome<(Became, Arc<Instance>)> {
        self.alone(move |this| async move {
            let turn = this.turn(vec![slug.clone()]).await?;
            let unknown = || CallError::UnknownCommunity(slug.to_string());
            let community = this.calls.communities.of(&slug).ok_or_else(unknown)?;
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
            let community = this.carry_out(plan, request, turn).await?;
            let instance = community.find(target.0.as_str(), target.1.as_deref());
            instance.cloned().map(|instance| (change, instance)).ok_or_else(|| unknown().into())
        })
        .await
    }

    /// Disables one instance, which must be of that plugin.
    pub async fn disable(&self, plugin: String, id: InstanceId) -> Outcome<()> {
        self.alone(move |this| async move {
            let none = || MutationError::NoSuchInstance { plugin: plugin.clone(), id };
            let slug = this.community_of(id)?.ok_or_else(none)?;
            let turn = this.turn(vec![slug.clone()]).await?;
            let community = this.calls.communities.get(slug.as_str()).ok_or_else(none)?;
            let instance = community
                .instances
                .iter()
                .find(|one| one.id == id && one.plugin.as_str() == plugin);
            let remove = Step::Remove(instance.ok_or_else(none)?.clone());
            let mut steps = plan::keep_others(&community, std::slice::from_ref(&remove));
            steps.push(remove);
            let plan = Plan {
                before: Some(community.names.clone()),
                after: Some(community.names.clone()),
                steps,
            };
            this.commit(plan, turn).await.map(drop)
        })
        .await
    }

    fn community_of(&self, id: InstanceId) -> Outcome<Option<CommunitySlug>> {
        let slug = self.calls.store.read(|reader| reader.community_of(id))?;
        Ok(slug.and_then(|slug| CommunitySlug::parse(&slug).ok()))
    }

    async fn make(
        &self,
        slug: CommunitySlug,
        change: CommunityChange,
        request: RequestId,
        turn: Turn,
    ) -> Outcome<Arc<Community>> {
        let names = Arc::new(CommunityNames {
            id: self.calls.communities.next_community(),
            slug,
            readable_name: change.readable_name.unwrap_or_default().into(),
        });
        let nobody = Community { names: names.clone(), instances: Box::default() };
        let steps = self.steps(&nobody, &names, change.plugins.unwrap_or_default())?;
        self.carry_out(Plan { before: None, after: Some(names), steps }, request, turn).await
    }

    async fn change(
        &self,
        community: &Community,
        change: CommunityChange,
        request: RequestId,
        turn: Turn,
    ) -> Outcome<Arc<Community>> {
        let before = community.names.clone();
        let names = Arc::new(CommunityNames {
            id: before.id,
            slug: change.slug.unwrap_or_else(|| before.slug.clone()),
            readable_name: change
                .readable_name
                .map_or_else(|| before.readable_name.clone(), Into::into),
        });
        if names.slug != before.slug && self.calls.communities.get(names.slug.as_str()).is_some() {
            return Err(MutationError::Taken(names.slug.clone()));
        }
        let steps = match change.plugins {
            Some(entries) => self.steps(community, &names, entries)?,
            None => community.instances.iter().cloned().map(Step::Keep).collect(),
        };
        self.carry_out(Plan { before: Some(before), after: Some(names), steps }, request, turn)
            .await
    }

    async fn turn(&self, slugs: Vec<CommunitySlug>) -> Outcome<Turn> {
        let wait = Duration::from_millis(self.limits.mutation_wait_ms);
        let turn = tokio::time::timeout(wait, self.calls.communities.turn(slugs)).await;
        turn.map_err(|_| {
            Fault::Overloaded("this community is being changed by other requests").into()
        })
    }

    /// Runs a mutation in a task of its own.
    async fn alone<T, F>(&self, run: impl FnOnce(Self) -> F) -> Outcome<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
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

    fn enter(&self) -> Outcome<InFlight> {
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
