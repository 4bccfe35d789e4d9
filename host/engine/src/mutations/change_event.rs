//! The event `api.change` of a mutation.

use super::Mutations;
use super::plan::{Plan, PlanStep};
use moothall_core::changes::{Change, Outcome};
use moothall_core::ids::CommunityId;
use moothall_store::View;

impl Mutations {
    /// The change that the event has, with the status of the answer.
    pub(super) fn change_event(&self, plan: &Plan) -> Option<Change> {
        let change = self.change.as_deref()?.clone();
        let instance = plan.steps.iter().find_map(|step| match step {
            PlanStep::Create(draft) | PlanStep::Replace(_, draft) => {
                Some((draft.instance.id, Outcome::Created))
            }
            PlanStep::Reconfigure(_, draft) => Some((draft.instance.id, Outcome::Changed)),
            PlanStep::Remove(_) | PlanStep::Keep(_) => None,
        });
        let outcome = match (&plan.before, &plan.after, change.method.as_str()) {
            (None, _, _) => Outcome::Created,
            (_, None, _) | (_, _, "DELETE") => Outcome::Removed,
            _ if change.resource == "plugin" => {
                instance.map_or(Outcome::Changed, |(_, outcome)| outcome)
            }
            _ => Outcome::Changed,
        };
        let slug = plan.after.as_ref().or(plan.before.as_ref()).map(|one| one.slug.to_string());
        let mut change = change.with_outcome(outcome);
        if change.resource == "plugin" {
            change.sub_resource_id =
                change.sub_resource_id.or(instance.map(|(id, _)| id.to_string()));
        } else {
            change.resource_id = change.resource_id.or(slug);
        }
        Some(change)
    }

    pub(super) fn view(&self, plan: &Plan) -> View {
        let names = plan.after.as_ref().or(plan.before.as_ref());
        let community = names.map_or(CommunityId::HOST, |names| names.id);
        let of_plugin = self.change.as_ref().is_some_and(|change| change.resource == "plugin");
        let step = plan.steps.iter().find(|step| !matches!(step, PlanStep::Keep(_)));
        match step {
            Some(step) if of_plugin => {
                let (plugin, platform_id) = step.target();
                let platform_id = platform_id.map(String::from).unwrap_or_default();
                View::Instance { community, plugin: plugin.to_string(), platform_id }
            }
            _ => View::Community(community),
        }
    }
}
