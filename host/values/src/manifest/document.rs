//! The schema of manifests, as `wit/manifest.schema.json` has it.

use std::sync::LazyLock;

use serde_json::Value;

pub static MANIFEST_DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../manifest.schema.json"))
        .expect("the manifest's schema is part of this program, and a test compiles it")
});
