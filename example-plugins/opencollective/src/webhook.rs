//! Open Collective's webhooks. They are not signed, so that one is only a reason to ask for the expense that it names.

use moothall_sdk::prelude::*;

use crate::{OpenCollective, api, queries};

#[derive(Deserialize)]
pub struct Activity {
    /// `collective.expense.created`
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "createdAt")]
    created_at: Value,
    #[serde(default)]
    data: Value,
}

impl Activity {
    /// Emits what has happened to an expense of the collective, as Open Collective tells it. Other activities are left alone.
    pub fn emit(&self, plugin: &OpenCollective) -> Result<()> {
        let Some(happened) = self.kind.strip_prefix("collective.expense.") else { return Ok(()) };
        let Some(legacy_id) = self.data["expense"]["id"].as_u64() else {
            return Err(Error::invalid("'data' has no expense with an id"));
        };
        let reference = json!({ "reference": { "legacyId": legacy_id } });
        let expense = api::expense(plugin, ("expense", queries::EXPENSE), &reference)?;
        let expense = expense.ok_or_else(|| Error::invalid("there is no such expense"))?;
        let own = plugin.config()?.collective_slug;
        let account = &expense["account"];
        if account["slug"] != own && account["parent"]["slug"] != own {
            return Err(Error::invalid(format!(
                "the expense is not one of '{own}' or its projects"
            )));
        }
        let activity = self.found_in(&expense);
        let initiator = match happened {
            "created" => &expense["createdByAccount"]["slug"],
            _ => activity.map_or(&Value::Null, |activity| &activity["individual"]["slug"]),
        };
        let mut event = plugin.events().raw(&format!("expense_{happened}"), &expense)?;
        if !initiator.is_null() {
            event = event.initiator(json!({ "user_id": initiator, "provider": "opencollective" }));
        }
        event.dedupe_key(format!("{legacy_id} {happened} {}", self.created_at)).emit().map(drop)
    }

    /// The same activity, as the expense has it.
    fn found_in<'a>(&self, expense: &'a Value) -> Option<&'a Value> {
        let mut activities = expense["activities"].as_array().into_iter().flatten();
        activities.find(|one| one["createdAt"] == self.created_at)
    }
}
