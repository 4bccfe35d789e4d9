//! What an authorisation changes: an instance, the community that it is for, a linked account. All of it
//! in one write.

use std::sync::Arc;

use serde_json::Value;

use super::plan::{self, Plan, Step};
use super::{MutationError, Mutations, Outcome, PluginEntry};
use crate::calls::{Also, CallError};
use crate::communities::Community;
use crate::effects::Claim;
use crate::guest::Fault;
use crate::ids::{CommunityId, CommunitySlug, PersonId, PluginName, RequestId};
use crate::instance::CommunityNames;
use crate::store::{StoreError, Taken, Tx};

/// What a platform has authorised. Prints nothing: its config may hold secrets.
pub struct Authorization {
    /// None: a new community.
    pub community: Option<(CommunityId, CommunitySlug)>,
    pub plugin: PluginName,
    /// The plugin is enabled with it; without one it must be enabled already.
    pub config: Option<Value>,
    pub claim: Option<Claim>,
}

impl Mutations {
    /// Carries an authorisation out, whole or not at all; the community as it then is.
    pub async fn authorize(
        &self,
        authorization: Authorization,
        request: RequestId,
    ) -> Outcome<Arc<Community>> {
        self.alone(move |this| async move {
            let Authorization { community, plugin, config, claim } = authorization;
            let slug = match &community {
                Some((_, slug)) => slug.clone(),
                None => CommunitySlug::random().map_err(no_randomness)?,
            };
            let turn = this.turn(vec![slug.clone()]).await?;
            let id = community.map(|(id, _)| id);
            let (before, community) = this.authorized_community(id, slug)?;
            let names = community.names.clone();
            let steps = match config {
                Some(config) => this.enabling(&community, &plugin, config)?,
                None => {
                    require_instance(&community, &plugin, claim.as_ref())?;
                    community.instances.iter().cloned().map(Step::Keep).collect()
                }
            };
            let also = claim.map(|claim| this.linking(names.id, claim)).transpose()?;
            let plan = Plan { before, after: Some(names), steps };
            this.carry_out_with(plan, also, request, turn).await
        })
        .await
    }

    /// The community that is there, and what it is called; or a new one.
    fn authorized_community(
        &self,
        id: Option<CommunityId>,
        slug: CommunitySlug,
    ) -> Outcome<(Option<Arc<CommunityNames>>, Arc<Community>)> {
        let Some(id) = id else {
            let id = self.calls.communities.next_community();
            let names = Arc::new(CommunityNames { id, slug, readable_name: "".into() });
            return Ok((None, Arc::new(Community { names, instances: Box::default() })));
        };
        let community = self.calls.communities.get(slug.as_str());
        let community = community.filter(|community| community.names.id == id);
        let community = community.ok_or(MutationError::NotFound(slug))?;
        Ok((Some(community.names.clone()), community))
    }

    fn enabling(
        &self,
        community: &Community,
        plugin: &PluginName,
        config: Value,
    ) -> Outcome<Vec<Step>> {
        let entry = PluginEntry { name: plugin.to_string(), config };
        let (_, step) = self.step(community, &community.names, entry, &mut self.budget())?;
        let mut steps = plan::keep_others(community, std::slice::from_ref(&step));
        steps.push(step);
        Ok(steps)
    }

    fn linking(&self, community: CommunityId, claim: Claim) -> Outcome<Also> {
        let fresh = PersonId::random().map_err(no_randomness)?;
        let now = self.calls.clock.now_ms();
        Ok(Box::new(move |tx: &Tx<'_>| {
            let linked = tx.link_account(community, claim, fresh, now)?;
            linked.map(drop).map_err(|_| StoreError::Taken(Taken::Account))
        }))
    }
}

/// The plugin is enabled, and for the part of its platform that the account is from.
fn require_instance(
    community: &Community,
    plugin: &PluginName,
    claim: Option<&Claim>,
) -> Outcome<()> {
    let of_plugin = || community.instances.iter().filter(|instance| instance.plugin == *plugin);
    if of_plugin().next().is_none() {
        let names = community.names.clone();
        return Err(CallError::NotEnabled { plugin: plugin.clone(), names }.into());
    }
    let wanted = claim.and_then(|claim| claim.key.community_platform_id.as_deref());
    let ids = || of_plugin().filter_map(|instance| instance.platform_id.as_deref());
    if wanted.is_none_or(|wanted| ids().next().is_none() || ids().any(|id| id == wanted)) {
        return Ok(());
    }
    let choices = ids().map(str::to_owned).collect();
    Err(CallError::NoSuchPlatform { plugin: plugin.clone(), choices }.into())
}

fn no_randomness(error: getrandom::Error) -> MutationError {
    Fault::Host(format!("there is no randomness: {error}")).into()
}
