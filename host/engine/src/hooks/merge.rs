//! Merges a step's answer into the data: only members that it names, and only where the hook allows it.

use serde_json::{Map, Value};

use super::step::Merge;

/// Changes the data as far as `mutable` allows; returns the mutable places that changed.
pub fn apply(data: &mut Value, update: &Value, mutable: &[String], how: Merge) -> Vec<String> {
    let changed = mutable.iter().filter(|pointer| {
        update.pointer(pointer).is_some_and(|value| put(data, pointer, value, how))
    });
    changed.cloned().collect()
}

/// The places at which an update differs from the data and is not allowed to. A step may return everything that
/// it was sent: that changes nothing.
pub fn beyond(update: &Value, data: &Value, mutable: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let inner: Vec<&str> = mutable.iter().map(String::as_str).collect();
    look_beyond((update, Some(data)), &inner, String::new(), &mut found);
    found
}

/// `inner`: the mutable places, relative to this one.
fn look_beyond(
    (update, data): (&Value, Option<&Value>),
    inner: &[&str],
    at: String,
    found: &mut Vec<String>,
) {
    if inner.contains(&"") || Some(update) == data {
        return;
    }
    let Some(members) = update.as_object().filter(|_| at.is_empty() || !inner.is_empty()) else {
        return found.push(at);
    };
    for (key, value) in members {
        let within: Vec<&str> = inner.iter().filter_map(|pointer| inside(pointer, key)).collect();
        let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        look_beyond((value, data.and_then(|data| data.get(key))), &within, place, found);
    }
}

/// The rest of a pointer into that member.
fn inside<'p>(pointer: &'p str, key: &str) -> Option<&'p str> {
    let rest = pointer.strip_prefix('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (part, rest) = rest.split_at(end);
    (unescaped(part) == key).then_some(rest)
}

/// Returns whether anything changed.
fn put(data: &mut Value, pointer: &str, value: &Value, how: Merge) -> bool {
    if pointer.is_empty() {
        let (Some(data), Some(update)) = (data.as_object_mut(), value.as_object()) else {
            return false;
        };
        return update
            .iter()
            .fold(false, |changed, (key, value)| put_member(data, key, value, how) | changed);
    }
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    let Some(parent) = data.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return false;
    };
    put_member(parent, &unescaped(key), value, how)
}

fn put_member(object: &mut Map<String, Value>, key: &str, value: &Value, how: Merge) -> bool {
    match how {
        Merge::Shallow if object.get(key) == Some(value) => false,
        Merge::Shallow => {
            object.insert(key.to_owned(), value.clone());
            true
        }
        Merge::Deep => patch_member(object, key, value),
    }
}

/// Merges by RFC 7396. Returns whether anything changed.
fn patch(target: &mut Value, update: &Value) -> bool {
    let Some(update) = update.as_object() else {
        let is_new = target != update;
        if is_new {
            target.clone_from(update);
        }
        return is_new;
    };
    let mut is_new = false;
    if !target.is_object() {
        *target = Value::Object(Map::new());
        is_new = true;
    }
    let Some(target) = target.as_object_mut() else { return is_new };
    for (key, value) in update {
        is_new |= patch_member(target, key, value);
    }
    is_new
}

fn patch_member(object: &mut Map<String, Value>, key: &str, value: &Value) -> bool {
    if value.is_null() {
        return object.remove(key).is_some();
    }
    match object.get_mut(key) {
        Some(member) => patch(member, value),
        None => {
            let mut member = Value::Null;
            patch(&mut member, value);
            object.insert(key.to_owned(), member);
            true
        }
    }
}

/// Removes the sensitive values from the data.
pub fn without(data: &Value, sensitive: &[String]) -> Value {
    let mut seen = data.clone();
    for pointer in sensitive {
        let Some((parent, key)) = pointer.rsplit_once('/') else {
            return Value::Object(Map::new());
        };
        match seen.pointer_mut(parent) {
            Some(Value::Object(parent)) => drop(parent.remove(&unescaped(key))),
            // The other elements keep their indices.
            Some(Value::Array(_)) => {
                seen.pointer_mut(pointer).into_iter().for_each(|one| *one = Value::Null)
            }
            _ => {}
        }
    }
    seen
}

/// Restores the sensitive values, whatever the steps put there.
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

    fn applied(update: Value, mutable: &[&str], how: Merge) -> (Value, Vec<String>) {
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
    fn what_stays_the_same_has_not_changed() {
        let same = json!({ "user": { "first": "A", "last": "Z" }, "mode": null });
        let (_, merged) = applied(same.clone(), &["/user"], Merge::Shallow);
        assert!(merged.is_empty());
        let (data, merged) = applied(same.clone(), &["/user", "/mode"], Merge::Deep);
        assert_eq!((merged, data.get("mode")), (vec!["/mode".to_owned()], None));
        let (_, merged) = applied(json!({ "user": { "x": { "y": null } } }), &[""], Merge::Deep);
        assert_eq!(merged, [String::new()]);
    }

    #[test]
    fn only_what_is_mutable_and_named_changes() {
        let update = json!({ "user": { "first": "B", "admin": true }, "id": 2 });
        let (data, merged) = applied(update, &["/user/first", "/mode"], Merge::Shallow);
        assert_eq!(data, json!({ "user": { "first": "B", "last": "Z" }, "mode": "x", "id": 1 }));
        assert_eq!(merged, ["/user/first"]);
        let (data, _) = applied(json!({ "mode": "y", "new": 1 }), &[""], Merge::Shallow);
        assert_eq!((&data["mode"], &data["new"]), (&json!("y"), &json!(1)));
    }

    #[test]
    fn what_is_said_again_is_no_change_and_what_is_said_otherwise_lies_beyond() {
        let data = json!({ "user": { "first": "A", "last": "Z" }, "mode": "x", "id": 1 });
        let beyond = |update: Value, mutable: &[&str]| {
            let mutable: Vec<String> = mutable.iter().map(|one| (*one).to_owned()).collect();
            super::beyond(&update, &data, &mutable)
        };
        let whole = json!({ "user": { "first": "B", "last": "Z" }, "mode": "x", "id": 1 });
        assert_eq!(beyond(whole.clone(), &["/user/first"]), [""; 0]);
        assert_eq!(beyond(whole, &["/mode"]), ["/user"]);
        let more = json!({ "user": { "first": "B", "a/b": 1 }, "id": 2, "new": {} });
        assert_eq!(beyond(more.clone(), &["/user/first"]), ["/id", "/new", "/user/a~1b"]);
        assert_eq!(beyond(more, &[""]), [""; 0]);
        assert_eq!(beyond(json!({}), &[]), [""; 0]);
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
