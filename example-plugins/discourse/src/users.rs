//! The user fields of people, which the state keeps so that a change of them is seen. A forum has more people than one
//! call can ask for: the plugin learns some at a time.

use moothall_sdk::prelude::*;

use crate::events::UserFieldsChanged;
use crate::{Discourse, api};

#[derive(Deserialize)]
pub struct User {
    id: i64,
    username: String,
    #[serde(default)]
    user_fields: Value,
}

/// How many people one call asks for.
const AT_ONCE: usize = 20;
/// The page of the list of people that is learnt next; 0 when all are.
const NEXT_PAGE: &str = "users_page";

pub fn learn(plugin: &Discourse) -> Result<()> {
    let page: u32 = plugin.state().get(NEXT_PAGE)?.unwrap_or(1);
    if page == 0 {
        return Ok(());
    }
    let people: Vec<User> = api::get(plugin, &format!("admin/users/list/active.json?page={page}"))?;
    let mut learnt = 0;
    for User { id, .. } in &people {
        if learnt < AT_ONCE && plugin.state().get::<Value>(&place(*id))?.is_none() {
            let user: User = api::get(plugin, &format!("admin/users/{id}.json"))?;
            plugin.state().set(&place(*id), &user.user_fields)?;
            learnt += 1;
        }
    }
    let next = if people.is_empty() { 0 } else { page + u32::from(learnt < AT_ONCE) };
    plugin.state().set(NEXT_PAGE, &next)
}

/// Keeps what a user is now; returns the change of the user fields, if there is one.
pub fn changed(plugin: &Discourse, user: User) -> Result<Option<UserFieldsChanged>> {
    let User { id, username, user_fields } = user;
    let old_user_fields: Option<Value> = plugin.state().get(&place(id))?;
    if old_user_fields.as_ref() == Some(&user_fields) {
        return Ok(None);
    }
    plugin.state().set(&place(id), &user_fields)?;
    Ok(Some(UserFieldsChanged { id, username, user_fields, old_user_fields }))
}

fn place(id: i64) -> String {
    format!("users/{id}")
}
