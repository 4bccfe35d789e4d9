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
        let activity = self.found_in(&expense, happened).ok_or_else(|| {
            Error::unavailable(format!(
                "Open Collective shows no activity `{happened}` of the expense at that time"
            ))
        })?;
        let initiator = match happened {
            "created" => &expense["createdByAccount"]["slug"],
            _ => &activity["individual"]["slug"],
        };
        let mut event = plugin.events().raw(&format!("expense_{happened}"), &expense)?;
        if !initiator.is_null() {
            event = event.initiator(json!({ "user_id": initiator, "provider": "opencollective" }));
        }
        event.dedupe_key(format!("{} {happened}", api::text(activity, "/id")?)).emit().map(drop)
    }

    /// The same activity, as the expense has it.
    fn found_in<'a>(&self, expense: &'a Value, happened: &str) -> Option<&'a Value> {
        let mut activities = expense["activities"].as_array().into_iter().flatten();
        activities.find(|one| {
            one["createdAt"] == self.created_at
                && one["type"].as_str().is_some_and(|name| is_name_of(name, happened))
        })
    }
}

/// Whether the API has this name for what a webhook calls `happened`: `COLLECTIVE_EXPENSE_RE_APPROVAL_REQUESTED` for
/// `reApprovalRequested`, `COLLECTIVE_EXPENSE_INVITE_DRAFTED` for `invite.drafted`, and
/// `COLLECTIVE_EXPENSE_MARKED_AS_UNPAID` for `unpaid`.
fn is_name_of(name: &str, happened: &str) -> bool {
    let Some(name) = name.strip_prefix("COLLECTIVE_EXPENSE_") else { return false };
    let name = name.strip_prefix("MARKED_AS_").unwrap_or(name).to_ascii_lowercase();
    happened == name.replace('_', ".") || happened == in_camel_case(&name)
}

fn in_camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |said, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or_default();
        said + &initial.to_ascii_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::is_name_of;

    #[test]
    fn activities_have_two_names() {
        for (name, happened) in [
            ("COLLECTIVE_EXPENSE_PAID", "paid"),
            ("COLLECTIVE_EXPENSE_MARKED_AS_UNPAID", "unpaid"),
            ("COLLECTIVE_EXPENSE_RE_APPROVAL_REQUESTED", "reApprovalRequested"),
            ("COLLECTIVE_EXPENSE_INVITE_DRAFTED", "invite.drafted"),
        ] {
            assert!(is_name_of(name, happened), "{name}");
        }
        assert!(!is_name_of("COLLECTIVE_EXPENSE_MARKED_AS_UNPAID", "paid"));
        assert!(!is_name_of("COLLECTIVE_EXPENSE_UNAPPROVED", "approved"));
        assert!(!is_name_of("COLLECTIVE_EXPENSE_PAID", "PAID"));
        assert!(!is_name_of("COLLECTIVE_EXPENSE_PAID", "p.aid"));
        assert!(!is_name_of("COLLECTIVE_UPDATE_PUBLISHED", "published"));
    }
}
