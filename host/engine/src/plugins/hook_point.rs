//! A hook that a plugin declares, with its schema compiled.

use moothall_values::manifest::HookManifest;
use moothall_values::schema::{Bounds, Room, Schema};

pub struct HookPoint {
    pub manifest: HookManifest,
    /// None: any object.
    pub input: Option<Schema>,
    /// Memory that the patterns of its schema take.
    pub pattern_bytes: usize,
}

impl HookPoint {
    pub fn compile(
        manifest: HookManifest,
        bounds: &Bounds,
        room: &mut Room,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = manifest.faults();
        let name = &manifest.name;
        let before = room.pattern_bytes();
        let compile = |document| Schema::compile(document, bounds, room);
        let input = manifest.input_schema.as_ref().map(compile).transpose();
        let pattern_bytes = room.pattern_bytes() - before;
        match (input, mistakes.is_empty()) {
            (Ok(input), true) => Ok(Self { manifest, input, pattern_bytes }),
            (input, _) => {
                let reasons = input.err().unwrap_or_default();
                mistakes.extend(
                    reasons.iter().map(|one| format!("hook `{name}`: input_schema: {one}")),
                );
                Err(mistakes)
            }
        }
    }

    /// The exception of settings that halt; none where the hook declares no exceptions.
    pub fn halts_with(&self) -> Option<&str> {
        let manifest = &self.manifest;
        manifest.halt_exception.as_deref().or(manifest.exceptions.first().map(String::as_str))
    }

    pub fn alias(&self) -> &str {
        self.manifest.alias.as_deref().unwrap_or(&self.manifest.name)
    }
}
