//! Protects kept secrets: a client may keep a stored secret without knowing it, and so must not move it to another host by
//! changing a URL of the config.

use serde_json::Value;

use crate::plugins::{Plugin, Violation};
use moothall_core::grants::Grants;
use moothall_values::destination::{CheckedUrl, url_of_value};

/// New URLs of a config that are checked against the patterns of the grants; if there are more, each counts as moved.
const DESTINATIONS: usize = 100;

/// The places (JSON Pointers) at which `after` names another scheme, host or port than `before`, if the plugin may send
/// there.
pub fn moved(plugin: &Plugin, before: &Value, after: &Value) -> Vec<String> {
    let settings = serde_json::from_str(&plugin.context.settings.public).unwrap_or_default();
    moved_under(&plugin.context.grants, &settings, before, after)
}

fn moved_under(grants: &Grants, settings: &Value, before: &Value, after: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    collect_texts(after, String::new(), &mut texts);
    let others = texts.into_iter().filter_map(|(pointer, text)| {
        let url = destination(grants, &pointer, text)?;
        let old = before.pointer(&pointer).and_then(Value::as_str);
        let old = old.and_then(|old| destination(grants, &pointer, old));
        let stays = old.is_some_and(|old| old.is_same_origin(&url));
        (!stays).then_some((pointer, url))
    });
    let mut others: Vec<(String, CheckedUrl)> = others.take(DESTINATIONS + 1).collect();
    if others.len() <= DESTINATIONS {
        // A host that the manifest names may be granted later.
        others.retain(|(pointer, url)| {
            grants.names_config(pointer) || grants.may_reach(url, after, settings).is_ok()
        });
    }
    others.into_iter().map(|(pointer, _)| pointer).collect()
}

/// A value at a place that the grants name may be a host alone; elsewhere only a whole URL counts.
fn destination(grants: &Grants, pointer: &str, text: &str) -> Option<CheckedUrl> {
    match text.contains("://") || grants.names_config(pointer) {
        true => url_of_value(text),
        false => None,
    }
}

fn collect_texts<'a>(value: &'a Value, at: String, texts: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => texts.push((at, text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_texts(item, format!("{at}/{index}"), texts);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect_texts(field, format!("{at}/{name}"), texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The violations: the kept secrets first, then the URLs that changed.
pub fn needed_again(kept: &[String], moved: &[String]) -> Vec<Violation> {
    let listed =
        |all: &[String]| all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    let secrets = kept.iter().map(|path| Violation {
        path: path.clone(),
        message: format!(
            "the stored secret is not kept where {} changes its scheme, host or port; send the secret itself",
            listed(moved)
        ),
    });
    let places = moved.iter().map(|path| Violation {
        path: path.clone(),
        message: format!(
            "its scheme, host or port is another than before: the secrets that could be sent there are needed again: {}",
            listed(kept)
        ),
    });
    secrets.chain(places).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use moothall_core::config::{GrantConfig, PluginConfig};
    use moothall_core::grants::Requested;
    use moothall_core::ids::PluginName;
    use moothall_values::destination::HostPattern;

    fn moves(pattern: &str, before: Value, after: &Value) -> Vec<String> {
        let http: Vec<HostPattern> = vec![pattern.parse().unwrap()];
        let plugin = PluginName::parse("forum").unwrap();
        let requested = Requested { http: http.clone(), ..Requested::default() };
        let grants = GrantConfig { http, ..GrantConfig::default() };
        let granted = PluginConfig { grants, ..PluginConfig::default() };
        let grants = Grants::new(&plugin, requested, &granted);
        moved_under(&grants, &Value::Null, &before, after)
    }

    #[test]
    fn a_granted_place_moves_with_its_scheme_host_or_port() {
        let before = json!({ "server": "https://forum.example" });
        for same in ["https://forum.example/other", "https://FORUM.example:443", "forum.example"] {
            let after = json!({ "server": same });
            assert_eq!(moves("config:/server", before.clone(), &after), [""; 0], "{same}");
        }
        for other in
            ["http://forum.example", "https://forum.example:8443", "https://evil.test", "evil.test"]
        {
            let after = json!({ "server": other });
            assert_eq!(moves("config:/server", before.clone(), &after), ["/server"], "{other}");
        }
        let after = json!({ "server": "https://forum.example" });
        assert_eq!(moves("config:/server", json!({}), &after), ["/server"], "it had none");
    }

    #[test]
    fn what_the_plugin_cannot_send_to_may_change() {
        let before = json!({ "home": "https://a.example", "note": "a" });
        let after = json!({ "home": "https://b.test", "note": "b" });
        assert_eq!(moves("config:/server", before.clone(), &after), [""; 0]);
        assert_eq!(moves("*.example", before.clone(), &after), [""; 0]);
        assert_eq!(moves("*", before, &after), ["/home"], "any host is granted");
    }

    #[test]
    fn of_very_many_new_places_each_counts() {
        let many = |host: &str| json!(vec![format!("https://{host}.test"); DESTINATIONS + 1]);
        assert_eq!(moves("*.example", many("a"), &many("b")).len(), DESTINATIONS + 1);
        let few = |host: &str| json!(vec![format!("https://{host}.test"); DESTINATIONS]);
        assert_eq!(moves("*.example", few("a"), &few("b")), [""; 0]);
    }

    #[test]
    fn places_are_found_at_any_depth() {
        let before = json!({ "servers": [{ "a/b": "https://a.example" }] });
        let after = json!({ "servers": [{ "a/b": "https://evil.test" }] });
        assert_eq!(moves("*", before, &after), ["/servers/0/a~1b"]);
    }
}
