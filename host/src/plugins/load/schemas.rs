//! The schemas of one manifest, each compiled for where it stands, in the room that all of them have together.

use serde_json::{Value, json};

use super::{error, errors};
use crate::config::{Config, Limits};
use crate::plugins::background::{HookManifest, HookPoint};
use crate::plugins::schema::{Bounds, Room};
use crate::plugins::{LoadError, Manifest, Schema};

pub struct Schemas {
    /// Those of the plugin.
    pub limits: Limits,
    /// The largest request, which parameters and configs come in.
    pub body_bytes: usize,
    room: Room,
}

impl Schemas {
    pub fn new(limits: Limits, config: &Config) -> Self {
        let room = Room::new(&limits);
        Self { limits, body_bytes: config.http.body_bytes, room }
    }

    pub fn compile(
        &mut self,
        place: &str,
        document: &Value,
        value_bytes: usize,
    ) -> Result<Schema, Vec<LoadError>> {
        let bounds = Bounds::new(&self.limits, value_bytes);
        Schema::compile(document, &bounds, &mut self.room).map_err(|reasons| {
            let say = |reason| format!("{place}: {reason}");
            errors("bad_schema", reasons.iter().map(say).collect())
        })
    }

    /// Where a manifest may leave it out.
    pub fn compile_any(
        &mut self,
        place: &str,
        document: &Option<Value>,
        value_bytes: usize,
    ) -> Result<Option<Schema>, Vec<LoadError>> {
        let compile = |document| self.compile(place, document, value_bytes);
        document.as_ref().map(compile).transpose()
    }

    pub fn hook(&mut self, hook: HookManifest) -> Result<HookPoint, Vec<String>> {
        let bounds = Bounds::new(&self.limits, self.body_bytes);
        HookPoint::compile(hook, &bounds, &mut self.room)
    }

    pub fn config(&mut self, manifest: &Manifest) -> Result<Schema, Vec<LoadError>> {
        let bytes = self.body_bytes;
        let schema = self.compile_any("config_schema", &manifest.config_schema, bytes)?;
        let schema = schema.unwrap_or_else(Schema::any_object);
        let Some(key) = &manifest.community_platform_id_key else { return Ok(schema) };
        if schema.document().get("properties").and_then(|properties| properties.get(key)).is_none()
        {
            let message =
                format!("community_platform_id_key names `{key}`, which the config_schema has not");
            return Err(vec![error("bad_manifest", message)]);
        }
        if !schema.secrets().find(&json!({ key: "x" })).is_empty() {
            let message = format!(
                "community_platform_id_key names `{key}`, which is a secret and would be shown"
            );
            return Err(vec![error("bad_manifest", message)]);
        }
        Ok(schema)
    }
}
