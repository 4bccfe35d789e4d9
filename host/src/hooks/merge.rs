//! How a step's answer gets into the data: only what it names, and only where the hook allows it.

use serde_json::{Map, Value};

use super::step::Merge;

/// The data after the update: which of `mutable` changed, and which top-level keys were not allowed to.
pub struct Merged {
    pub changed: Vec<String>,
    pub ignored: Vec<String>,
}

pub fn apply(data: &mut Value, update: &Value, mutable: &[String], how: Merge) -> Merged {
    let mut merged = Merged { changed: Vec::new(), ignored: Vec::new() };
    for pointer in mutable {
        let Some(value) = update.pointer(pointer) else { continue };
        let before = data.pointer(pointer).cloned();
        put(data, pointer, value, how);
        if data.pointer(pointer).cloned() != before {
            merged.changed.push(pointer.clone());
        }
    }
    let is_allowed = |key: &String| {
        let own = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        mutable.iter().any(|pointer| {
            pointer.is_empty() || *pointer == own || pointer.starts_with(&format!("{own}/"))
        })
    };
    let keys = update.as_object().into_iter().flat_map(|update| update.keys());
    merged.ignored.extend(keys.filter(|key| !is_allowed(key)).cloned());
    merged
}

fn put(data: &mut Value, pointer: &str, value: &Value, how: Merge) {
    if pointer.is_empty() {
        let (Some(data), Some(update)) = (data.as_object_mut(), value.as_object()) else { return };
        for (key, value) in update {
            match how {
                Merge::Shallow => drop(data.insert(key.clone(), value.clone())),
                Merge::Deep if value.is_null() => drop(data.remove(key)),
                Merge::Deep => patch(data.entry(key).or_insert(Value::Null), value),
            }
        }
        return;
    }
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = unescaped(key);
    let Some(parent) = data.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    match how {
        Merge::Shallow => drop(parent.insert(key, value.clone())),
        Merge::Deep if value.is_null() => drop(parent.remove(&key)),
        Merge::Deep => patch(parent.entry(key).or_insert(Value::Null), value),
    }
}

/// RFC 7396.
fn patch(target: &mut Value, update: &Value) {
    let Some(update) = update.as_object() else {
        *target = update.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in update {
        if value.is_null() {
            target.remove(key);
        } else {
            patch(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Takes what is sensitive out of the data.
pub fn without(data: &Value, sensitive: &[String]) -> Value {
    let mut seen = data.clone();
    for pointer in sensitive {
        let Some((parent, key)) = pointer.rsplit_once('/') else {
            return Value::Object(Map::new());
        };
        match seen.pointer_mut(parent) {
            Some(Value::Object(parent)) => drop(parent.remove(&unescaped(key))),
            // The others keep their places.
            Some(Value::Array(_)) => {
                seen.pointer_mut(pointer).into_iter().for_each(|one| *one = Value::Null)
            }
            _ => {}
        }
    }
    seen
}

/// Puts back what was sensitive, whatever the steps made of it.
pub fn restore(data: &mut Value, original: &Value, sensitive: &[String]) {
    for pointer in sensitive {
        let Some((parent, key)) = pointer.rsplit_once('/') else {
            *data = original.clone();
            continue;
        };
        match (data.pointer_mut(parent), original.pointer(pointer)) {
            (Some(Value::Object(parent)), Some(value)) => {
                drop(parent.insert(unescaped(key), value.clone()));
            }
            (Some(Value::Object(parent)), None) => drop(parent.remove(&unescaped(key))),
            (Some(Value::Array(_)), Some(value)) => {
                data.pointer_mut(pointer).into_iter().for_each(|one| *one = value.clone());
            }
            _ => {}
        }
    }
}

/// A part of a JSON Pointer.
fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(update: Value, mutable: &[&str], how: Merge) -> (Value, Merged) {
        let mut data = json!({ "user": { "first": "A", "last": "Z" }, "mode": "x", "id": 1 });
        let mutable: Vec<String> = mutable.iter().map(|one| (*one).to_owned()).collect();
        let merged = apply(&mut data, &update, &mutable, how);
        (data, merged)
    }

    #[test]
    fn shallow_replaces_and_deep_patches() {
        let update = json!({ "user": { "last": "B", "first": null } });
        let (data, _) = applied(update.clone(), &["/user"], Merge::Shallow);
        assert_eq!(data["user"], json!({ "last": "B", "first": null }));
        let (data, _) = applied(update, &["/user"], Merge::Deep);
        assert_eq!(data["user"], json!({ "last": "B" }));
    }

    #[test]
    fn only_what_is_mutable_and_named_changes() {
        let update = json!({ "user": { "first": "B", "admin": true }, "id": 2 });
        let (data, merged) = applied(update, &["/user/first", "/mode"], Merge::Shallow);
        assert_eq!(data, json!({ "user": { "first": "B", "last": "Z" }, "mode": "x", "id": 1 }));
        assert_eq!(
            (merged.changed, merged.ignored),
            (vec!["/user/first".to_owned()], vec!["id".to_owned()])
        );
        let (data, merged) = applied(json!({ "mode": "y", "new": 1 }), &[""], Merge::Shallow);
        assert_eq!((&data["mode"], &data["new"]), (&json!("y"), &json!(1)));
        assert!(merged.ignored.is_empty());
    }

    #[test]
    fn what_is_sensitive_is_hidden_and_put_back() {
        let original = json!({ "form": { "password": "p", "name": "n" } });
        let sensitive = ["/form/password".to_owned()];
        assert_eq!(without(&original, &sensitive), json!({ "form": { "name": "n" } }));
        let mut data = json!({ "form": { "name": "m", "password": "stolen" } });
        restore(&mut data, &original, &sensitive);
        assert_eq!(data, json!({ "form": { "name": "m", "password": "p" } }));
    }

    #[test]
    fn what_is_sensitive_in_a_list_is_null_and_all_is_sensitive_at_the_root() {
        let original = json!({ "tokens": ["a", "b"], "name": "n" });
        let sensitive = ["/tokens/1".to_owned()];
        let mut seen = without(&original, &sensitive);
        assert_eq!(seen, json!({ "tokens": ["a", null], "name": "n" }));
        restore(&mut seen, &original, &sensitive);
        assert_eq!(seen, original);
        let mut seen = without(&original, &[String::new()]);
        assert_eq!(seen, json!({}));
        restore(&mut seen, &original, &[String::new()]);
        assert_eq!(seen, original);
    }
}
