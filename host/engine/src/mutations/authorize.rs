//! The changes of an OAuth authorisation: an instance, its community, a linked account. All of them in one write.

use std::sync::Arc;

use super::plan::{self, Plan, PlanStep};
use super::{ExtraWriteOf, MutationError, MutationResult, Mutations, PluginEntry};
use crate::calls::CallError;
use crate::communities::Community;
use moothall_core::effects::Claim;
use moothall_core::ids::{CommunityId, CommunitySlug, PersonId, PluginName, RequestId};
use moothall_core::instance::CommunityNames;
use moothall_guest::Fault;
use moothall_store::{SecretHash, StoreError, Taken, Tx};

/// What a platform has authorised. Not `Debug`: its config may have secrets.
pub struct Authorization {
    /// None: a new community.
    pub community: Option<(CommunityId, CommunitySlug)>,
    pub plugin: PluginName,
    /// The plugin is enabled with this config, a JSON text that was checked. None: the plugin is enabled already.
    pub config: Option<String>,
    pub claim: Option<Claim>,
    /// Deleted in the same write; if it is gone already nothing is stored.
    pub ticket: Option<SecretHash>,
}

impl Mutations {
    /// Carries out an authorisation, whole or not at all. Returns the community as it is then.
    pub async fn authorize(
        &self,
        authorization: Authorization,
        request: RequestId,
    ) -> MutationResult<Arc<Community>> {
        self.alone(move |this| async move {
            let Authorization { community, plugin, config, claim, ticket } = authorization;
            let slug = match &community {
                Some((_, slug)) => slug.clone(),
                None => CommunitySlug::random().map_err(no_randomness)?,
            };
            let mutation_lock = this.mutation_lock(vec![slug.clone()]).await?;
            let id = community.map(|(id, _)| id);
            let (before, community) = this.authorized_community(id, slug)?;
            let names = community.names.clone();
            let steps = match config {
                Some(config) => this.enabling(&community, &plugin, config)?,
                None => {
                    require_instance(&community, &plugin, claim.as_ref())?;
                    community.instances.iter().cloned().map(PlanStep::Keep).collect()
                }
            };
            let linking = claim.map(|claim| this.linking(names.id, claim)).transpose()?;
            let extra_write = ending_ticket(ticket, linking);
            let plan = Plan { before, after: Some(names), steps };
            this.carry_out_with(plan, extra_write, request, mutation_lock).await
        })
        .await
    }

    /// The existing community with its names, or a new one.
    fn authorized_community(
        &self,
        id: Option<CommunityId>,
        slug: CommunitySlug,
    ) -> MutationResult<(Option<Arc<CommunityNames>>, Arc<Community>)> {
        let Some(id) = id else {
            let id = self.context.communities.next_community();
            let names = Arc::new(CommunityNames { id, slug, readable_name: "".into() });
            return Ok((None, Arc::new(Community { names, instances: Box::default() })));
        };
        let community = self.context.communities.get(slug.as_str());
        let community = community.filter(|community| community.names.id == id);
        let community = community.ok_or(MutationError::NotFound(slug))?;
        Ok((Some(community.names.clone()), community))
    }

    fn enabling(
        &self,
        community: &Community,
        plugin: &PluginName,
        config: String,
    ) -> MutationResult<Vec<PlanStep>> {
        let entry =
            PluginEntry { name: plugin.to_string(), config: Some(config), platform_id: None };
        let (_, step) = self.step(community, &community.names, entry, &mut self.budget())?;
        let mut steps = plan::keep_others(community, std::slice::from_ref(&step));
        steps.push(step);
        Ok(steps)
    }

    fn linking(
        &self,
        community: CommunityId,
        claim: Claim,
    ) -> MutationResult<ExtraWriteOf<Community>> {
        let fresh = PersonId::random().map_err(no_randomness)?;
        let now = self.context.clock.now_ms();
        Ok(Box::new(move |tx: &Tx<'_>, _| {
            let linked = tx.link_account(community, claim, fresh, now)?;
            linked.map(drop).map_err(|_| StoreError::Taken(Taken::Account))
        }))
    }
}

/// Deletes the ticket, then links the account.
fn ending_ticket(
    ticket: Option<SecretHash>,
    linking: Option<ExtraWriteOf<Community>>,
) -> Option<ExtraWriteOf<Community>> {
    let Some(ticket) = ticket else { return linking };
    Some(Box::new(move |tx: &Tx<'_>, community: &Community| {
        tx.end_oauth_ticket(&ticket)?;
        linking.map_or(Ok(()), |linking| linking(tx, community))
    }))
}

/// Fails unless the plugin is enabled, for the `community_platform_id` of the account.
fn require_instance(
    community: &Community,
    plugin: &PluginName,
    claim: Option<&Claim>,
) -> MutationResult<()> {
    let of_plugin = || community.instances.iter().filter(|instance| instance.plugin == *plugin);
    if of_plugin().next().is_none() {
        let names = community.names.clone();
        return Err(CallError::NotEnabled { plugin: plugin.to_string(), names }.into());
    }
    let wanted = claim.and_then(|claim| claim.key.community_platform_id.as_deref());
    let ids = || of_plugin().filter_map(|instance| instance.platform_id.as_deref());
    if wanted.is_none_or(|wanted| ids().next().is_none() || ids().any(|id| id == wanted)) {
        return Ok(());
    }
    let choices = ids().map(str::to_owned).collect();
    Err(CallError::NoSuchPlatform { plugin: plugin.to_string(), choices }.into())
}

fn no_randomness(error: getrandom::Error) -> MutationError {
    Fault::Host(format!("there is no randomness: {error}")).into()
}
