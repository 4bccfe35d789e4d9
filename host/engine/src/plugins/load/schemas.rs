//! Compiles the schemas of one manifest, within the budget that they have together.

use serde_json::Value;

use crate::plugins::HookPoint;
use crate::plugins::manifest::HookManifest;
use crate::plugins::schema::{Bounds, Room};
use crate::plugins::{LoadError, Manifest, Schema};
use moothall_core::config::{Config, Limits};

pub struct Schemas {
    /// The plugin's limits.
    pub limits: Limits,
    /// Bytes of the largest request: what parameters and configs may have at most.
    pub body_bytes: usize,
    room: Room,
}

impl Schemas {
    pub fn new(limits: Limits, config: &Config) -> Self {
        let room = Room::new(&limits.of_schemas());
        Self { limits, body_bytes: config.http.body_bytes, room }
    }

    pub fn compile(
        &mut self,
        place: &str,
        document: &Value,
        value_bytes: usize,
    ) -> Result<Schema, Vec<LoadError>> {
        let bounds = Bounds::new(&self.limits.of_schemas(), value_bytes);
        Schema::compile(document, &bounds, &mut self.room).map_err(|reasons| {
            let say = |reason| format!("{place}: {reason}");
            LoadError::all("bad_schema", reasons.iter().map(say).collect())
        })
    }

    /// Compiles a schema that a manifest may leave out.
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
        let bounds = Bounds::new(&self.limits.of_schemas(), self.body_bytes);
        HookPoint::compile(hook, &bounds, &mut self.room)
    }

    pub fn config(&mut self, manifest: &Manifest) -> Result<Schema, Vec<LoadError>> {
        let bytes = self.body_bytes;
        let schema = self.compile_any("config_schema", &manifest.config_schema, bytes)?;
        let schema = schema.unwrap_or_else(Schema::any_object);
        if let Some(wrong) = manifest.wrong_platform_id_key(&schema) {
            return Err(vec![LoadError::new("bad_manifest", wrong)]);
        }
        Ok(schema)
    }
}
