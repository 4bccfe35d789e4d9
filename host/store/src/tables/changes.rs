//! The event `api.change`: appended in the transaction of the change, with the views before and after it.
//!
//! A view shows no secret: sealed values are left out, and a configuration has placeholders.

use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use crate::{NewEvent, Reader, StoreError, Tx};
use moothall_core::changes::Change;
use moothall_core::clock::rfc3339;
use moothall_core::effects::AccountKey;
use moothall_core::ids::{CommunityId, CommunitySlug, PersonId};
use moothall_core::instance::CommunityNames;
use moothall_values::json::{NULL, Object, list};

/// Instances of a community that a view shows.
const INSTANCES: usize = 1_000;
/// The event's type within the source `api`.
const CHANGE: &str = "change";

/// The resource that changes.
#[derive(Clone, Debug)]
pub enum View {
    Community(CommunityId),
    Instance {
        community: CommunityId,
        plugin: String,
        platform_id: String,
    },
    /// By its public id.
    Endpoint(String),
    /// By its public id.
    Process(String),
    Person(PersonId),
    Account(CommunityId, AccountKey),
    Hook(String),
    Step(String),
}

impl Reader<'_> {
    /// The resource as it is now, as a JSON text; null if it does not exist.
    pub fn view(&self, view: &View) -> Result<String, StoreError> {
        let found = match view {
            View::Community(id) => self.view_community(*id)?,
            View::Instance { community, plugin, platform_id } => {
                self.view_instance(*community, plugin, platform_id)?
            }
            View::Endpoint(id) => self.view_endpoint(id)?.map(|shown| shown.to_string()),
            View::Process(id) => self.process(id)?.map(|row| row.shown()),
            View::Person(id) => self.view_person(*id)?,
            View::Account(community, key) => {
                let account = self.account(*community, key)?;
                let slug = self.community_slug(community.0)?.unwrap_or_default();
                account.map(|(account, _)| account.with_text_id(&slug))
            }
            View::Hook(name) => self.hook(name)?.map(|row| row.definition),
            View::Step(id) => self.step(id)?.map(|row| row.settings),
        };
        Ok(found.unwrap_or_else(|| NULL.to_owned()))
    }

    fn view_community(&self, id: CommunityId) -> Result<Option<String>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT slug, readable_name FROM community WHERE id = ?1")?;
        let names = statement
            .query_row([id.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let Some((slug, readable_name)) = names.optional()? else { return Ok(None) };
        let mut statement = self.conn.prepare_cached(
            "SELECT id, plugin, platform_id, config FROM instance WHERE community_id = ?1 ORDER BY id LIMIT ?2",
        )?;
        let plugins = statement.query_map(params![id.0, INSTANCES as i64], shown_instance)?;
        let plugins: Vec<String> = plugins.collect::<Result<_, _>>()?;
        let shown = Object::new().with("slug", slug).with("readable_name", readable_name);
        Ok(Some(shown.carrying("plugins", &list(plugins)).end()))
    }

    fn view_instance(
        &self,
        community: CommunityId,
        plugin: &str,
        platform_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, plugin, platform_id, config FROM instance \
             WHERE community_id = ?1 AND plugin = ?2 AND platform_id = ?3",
        )?;
        let found = statement.query_row(params![community.0, plugin, platform_id], shown_instance);
        Ok(found.optional()?)
    }

    fn view_endpoint(&self, id: &str) -> Result<Option<Value>, StoreError> {
        let row = self.endpoint(id)?.filter(|row| row.kind.subscribes());
        Ok(row.map(|row| {
            let event_types: Value = serde_json::from_str(&row.event_types).unwrap_or_default();
            json!({
                "id": row.public_id,
                "url": row.url,
                "description": row.description,
                "event_types": event_types,
                "format": row.format,
                "use_www_form_encoding": row.form,
                "ordering": row.ordering,
                "timeout_ms": row.timeout_ms,
                "enabled": row.enabled,
                "old_secret_until": row.old_secret_until.map(rfc3339),
            })
        }))
    }

    fn view_person(&self, id: PersonId) -> Result<Option<String>, StoreError> {
        let Some(row) = self.person(id)? else { return Ok(None) };
        let user = self.user(row.primary)?;
        let slug = self.community_slug(row.community.0)?.unwrap_or_default();
        let accounts = list(user.accounts.iter().map(|one| one.with_text_id(&slug)));
        let shown = Object::new().with("external_id", json!(id));
        let shown = shown.with("primary_id", json!(row.primary));
        Ok(Some(shown.carrying("linked_accounts", &accounts).end()))
    }

    /// Whether an enabled worker or endpoint subscribes to `api.change` of that community.
    pub(super) fn is_change_wanted(&self, community: CommunityId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM worker WHERE wants_change AND enabled \
             AND community_id IN (0, ?1)) OR EXISTS (SELECT 1 FROM endpoint WHERE kind = 'endpoint' AND enabled \
             AND community_id IN (0, ?1) AND (event_types LIKE '%\"api.change\"%' OR event_types LIKE '%\"api:change\"%'))",
        )?;
        Ok(statement.query_row([community.0], |row| row.get(0))?)
    }
}

/// The largest view in an event, in bytes.
const VIEW_BYTES: usize = 128 << 10;

/// Replaces a view that is too large by one that says so.
fn shortened(view: &str) -> &str {
    if view.len() > VIEW_BYTES { r#"{"truncated":true}"# } else { view }
}

fn shown_instance(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    let config: String = row.get(3)?;
    Ok(Object::new()
        .with("id", row.get::<_, i64>(0)?)
        .with("name", row.get::<_, String>(1)?)
        .with("community_platform_id", row.get::<_, String>(2)?)
        .carrying("config", &config)
        .end())
}

impl Tx<'_> {
    /// Makes a change, and appends its event if anybody subscribes to it. `community` is the one that changes; `HOST` for a
    /// change of no community.
    pub fn changing<T>(
        &self,
        change: Option<&Change>,
        community: CommunityId,
        view: &View,
        now: i64,
        make: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(change) = change else { return make(self) };
        let reader = self.reader();
        if !reader.is_change_wanted(community)? {
            return make(self);
        }
        let names_before = self.names_of(community)?;
        let before = reader.view(view)?;
        let made = make(self)?;
        let after = reader.view(view)?;
        let names = self.names_of(community)?.or(names_before);
        self.tell_change(change, names.as_ref(), &before, &after, now)?;
        Ok(made)
    }

    /// Appends the event of a change that this write has made, if anybody subscribes to it.
    pub fn changed(
        &self,
        change: &Change,
        community: CommunityId,
        before: &str,
        view: &View,
        now: i64,
    ) -> Result<(), StoreError> {
        let reader = self.reader();
        if !reader.is_change_wanted(community)? {
            return Ok(());
        }
        let (names, after) = (self.names_of(community)?, reader.view(view)?);
        self.tell_change(change, names.as_ref(), before, &after, now).map(drop)
    }

    /// Appends the event, whether anybody subscribes to it or not.
    pub fn tell_change(
        &self,
        change: &Change,
        community: Option<&CommunityNames>,
        before: &str,
        after: &str,
        now: i64,
    ) -> Result<String, StoreError> {
        let nobody = CommunityNames {
            id: CommunityId::HOST,
            slug: CommunitySlug::of_host(),
            readable_name: "".into(),
        };
        let data = change.data(shortened(before), shortened(after));
        let community = community.unwrap_or(&nobody);
        let event = NewEvent::of_api(CHANGE, community, data, change.request_id.clone(), now);
        let id = event.id.clone();
        self.append_event(event)?;
        Ok(id)
    }

    fn names_of(&self, id: CommunityId) -> Result<Option<CommunityNames>, StoreError> {
        if id == CommunityId::HOST {
            return Ok(None);
        }
        let slug = self.reader().community_slug(id.0)?;
        let slug = slug.and_then(|slug| CommunitySlug::parse(&slug).ok());
        Ok(slug.map(|slug| CommunityNames { id, slug, readable_name: "".into() }))
    }
}
