//! Loomio's API for users, `/api/b2`, in the groups that the community's keys open.

use std::collections::BTreeMap;
use std::time::Duration;

use moothall_sdk::prelude::*;
use moothall_sdk::serde_json::Map;
use moothall_sdk::{from_value, http, to_value};

use crate::Loomio;

/// For how long a call waits when Loomio is asked too often.
const PATIENCE: Duration = Duration::from_secs(3);
/// Loomio's own size of a page.
const PAGE: usize = 50;

/// A group or a subgroup, as a user who is in it sees it.
pub struct Group {
    pub key: String,
    id: u64,
    user: User,
}

struct User {
    api_url: String,
    api_key: Secret,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    key: String,
    handle: Option<String>,
    parent_id: Option<u64>,
}

impl Group {
    /// The group with this key or handle; the community's own without one. `invalid`: no key opens it.
    pub fn find(instance: &impl Instance<Loomio>, name: Option<&str>) -> Result<Self> {
        let (config, api_url) = (instance.config()?, instance.settings()?.api_url);
        let name = name.or(config.group.as_deref());
        let is_it = |group: &Listed| match name {
            Some(name) => group.key == name || group.handle.as_deref() == Some(name),
            None => true,
        };
        for api_key in [config.api_key].into_iter().chain(config.subgroup_api_keys) {
            let user = User { api_url: api_url.clone(), api_key };
            let Groups { mut groups } = from_value(&user.call("GET", "groups", Value::Null)?)?;
            groups.sort_by_key(|group| group.parent_id.is_some());
            let mut groups = groups.into_iter();
            if let Some(Listed { key, id, .. }) = groups.find(is_it) {
                return Ok(Self { key, id, user });
            }
        }
        let name = name.unwrap_or("of the user of 'api_key'");
        Err(Error::invalid(format!("No API key found for Loomio group {name}.")))
    }

    /// Loomio's lists of the members, each of all pages.
    pub fn members(&self) -> Result<Value> {
        let pages = http::all_pages(0, |offset: usize| {
            let path = format!("memberships?group_id={}&limit={PAGE}&offset={offset}", self.id);
            let page = self.call("GET", &path, Value::Null)?;
            let found = page["memberships"].as_array().map_or(0, Vec::len);
            Ok((vec![page], (found >= PAGE).then_some(offset + found)))
        })?;
        let mut all: BTreeMap<&String, Vec<&Value>> = BTreeMap::new();
        for (name, list) in pages.iter().filter_map(Value::as_object).flatten() {
            let Some(list) = list.as_array() else { continue };
            let known = all.entry(name).or_default();
            for item in list {
                // Every page has the group.
                if known.iter().all(|one| one["id"] != item["id"]) {
                    known.push(item);
                }
            }
        }
        to_value(&all)
    }

    /// Makes a `discussion` or a `poll` in the group. Loomio reads it from an object of that name: of a body without one it
    /// drops the group and the options. Beside the object Loomio reads whom to invite.
    pub fn create<T: Serialize>(&self, what: &str, content: &T) -> Result<Value> {
        let Value::Object(content) = to_value(content)? else {
            return Err(Error::internal("what is made is no object"));
        };
        let given = content.into_iter().filter(|(_, value)| !value.is_null());
        let (mut body, mut inner): (Map<String, Value>, Map<String, Value>) =
            given.partition(|(name, _)| name.starts_with("recipient_"));
        if !body.is_empty() {
            // Without it, Loomio lets them in and tells them nothing.
            body.insert("notify_recipients".to_owned(), true.into());
        }
        inner.insert("group_id".to_owned(), self.id.into());
        body.insert(what.to_owned(), inner.into());
        self.call("POST", &format!("{what}s"), body.into())
    }

    /// The thread of a discussion, by which polls name it.
    pub fn topic_of(&self, discussion: u64) -> Result<u64> {
        let found = self.call("GET", &format!("discussions/{discussion}"), Value::Null)?;
        found["discussions"][0]["topic_id"]
            .as_u64()
            .ok_or_else(|| Error::internal("Loomio answered without the discussion's thread"))
    }

    pub fn call(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        self.user.call(method, path, body)
    }
}

impl User {
    /// Asks Loomio. The host places the key: in the body, or as bearer token if there is none.
    fn call(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}/api/b2/{path}", self.api_url.trim_end_matches('/'));
        let request = http::request(method, url).patient(PATIENCE);
        let request = match body {
            Value::Null => request.bearer(&self.api_key),
            body => request.json(&body).secret_json("/api_key", &self.api_key),
        };
        let answer: Value = request.fetch_for_caller()?;
        match answer.get("errors") {
            Some(errors) => Err(Error::invalid(format!("Loomio refuses: {errors}"))),
            None => Ok(answer),
        }
    }
}
