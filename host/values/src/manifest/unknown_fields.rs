//! Finds the fields of a manifest that this host does not know. They are warnings, so that a plugin for a newer
//! host still loads.

use serde_json::Value;

use super::document::MANIFEST_DOCUMENT;

/// Fields of a manifest that this host does not know.
pub fn unknown_fields(text: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(text).unwrap_or_default();
    let known = |pointer: &str| MANIFEST_DOCUMENT.pointer(pointer).and_then(Value::as_object);
    let unknown = |value: &Value,
                   known: Option<&serde_json::Map<String, Value>>,
                   place: &str|
     -> Vec<String> {
        let fields = value.as_object().into_iter().flat_map(|fields| fields.keys());
        fields
            .filter(|key| known.is_some_and(|known| !known.contains_key(*key)))
            .map(|key| format!("{place}{key}"))
            .collect()
    };
    let mut fields = unknown(&manifest, known("/properties"), "/");
    for (at, action) in
        manifest.get("actions").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        fields.extend(unknown(
            action,
            known("/$defs/action/properties"),
            &format!("/actions/{at}/"),
        ));
    }
    fields
}
