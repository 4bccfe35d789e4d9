//! Finds what in a manifest can have no effect, and so is probably mistyped. The host warns of it at load and
//! serves the plugin; the in-memory host fails the test.

use serde_json::{Map, Value, json};

use super::settings::SETTINGS;
use super::{Manifest, hook_names};
use crate::declared::{Declared, full_name};
use crate::names::is_slug;
use crate::nearest::nearest;
use crate::schema::{Lead, Schema};
use crate::subscriptions::{MATCHES_NOTHING, SENDING, is_of_api, matches, matches_nothing};

const CONFIG: &str = "config:";

/// Warnings for a manifest whose config has that schema. `settings` is none while nobody knows the operator's
/// settings.
pub fn doubts(
    manifest: &Manifest,
    config: &Schema,
    settings: Option<&Map<String, Value>>,
) -> Vec<String> {
    let mut doubts = no_objects(manifest);
    let pointers = pointers(manifest);
    doubts.extend(pointers.iter().filter_map(|one| one.leads_nowhere(manifest, settings)));
    doubts.extend(secrets(manifest, config));
    doubts.extend(patterns(manifest));
    doubts.extend(hook_names::doubts(manifest));
    doubts
}

/// A pointer in a manifest, and the field that contains it.
pub struct Pointer<'a> {
    pub place: String,
    pub text: &'a str,
}

/// All pointers of a manifest into the config and the settings.
fn pointers(manifest: &Manifest) -> Vec<Pointer<'_>> {
    let requests = &manifest.requests;
    let reveal = requests.reveal.iter().map(|one| ("requests.reveal", one));
    let http = requests.http.iter().filter(|one| is_pointer(one));
    let http = http.map(|one| ("requests.http", one));
    let keys = manifest.route_keys.iter().map(|one| ("route_keys", one));
    let verify = manifest.verify.iter().map(|how| ("verify.secret", &how.secret));
    let global = manifest.global_verify.iter().map(|how| ("global_verify.secret", &how.secret));
    let handshakes = manifest.handshakes.iter().filter_map(|one| one.secret.as_ref());
    let handshakes = handshakes.map(|one| ("handshakes.secret", one));
    let issuer = manifest.oauth.iter().filter_map(|oauth| oauth.issuer.as_ref());
    let issuer = issuer.filter(|one| one.starts_with(SETTINGS)).map(|one| ("oauth.issuer", one));
    let config = reveal.chain(http).chain(keys).chain(verify).chain(global);
    let all = config.chain(handshakes).chain(issuer);
    all.map(|(field, text)| Pointer { place: format!("the manifest's {field}"), text }).collect()
}

/// Whether a text names a value in place of a host.
pub fn is_pointer(host: &str) -> bool {
    host.starts_with(CONFIG) || host.starts_with(SETTINGS)
}

impl Pointer<'_> {
    /// A warning if the pointer leads to nothing that the manifest's schemas describe or the operator has set.
    pub fn leads_nowhere(
        &self,
        manifest: &Manifest,
        settings: Option<&Map<String, Value>>,
    ) -> Option<String> {
        let Self { place, text } = self;
        let (prefix, pointer, which, schema) = match text.strip_prefix(SETTINGS) {
            // `settings:name`, or, where a host is expected, `settings:/name`.
            Some(name) => {
                let pointer = format!("/{}", name.trim_start_matches('/'));
                (SETTINGS, pointer, "settings_schema", &manifest.settings_schema)
            }
            None => match text.strip_prefix(CONFIG) {
                Some(pointer) => {
                    (CONFIG, pointer.to_owned(), "config_schema", &manifest.config_schema)
                }
                None => ("", (*text).to_owned(), "config_schema", &manifest.config_schema),
            },
        };
        // Without a schema, exactly what the operator has set exists.
        let is_set = |settings: &Map<String, Value>| {
            Value::Object(settings.clone()).pointer(&pointer).is_some()
        };
        if prefix == SETTINGS && schema.is_none() && settings.is_some_and(|set| !is_set(set)) {
            return Some(format!(
                "{place} names `{text}`, and there is no settings_schema in the manifest, nor such a setting in [plugins.{}]",
                manifest.name
            ));
        }
        let open = json!({ "type": "object" });
        let lead = Lead::of(schema.as_ref().unwrap_or(&open), &pointer);
        let Lead::Nowhere(known) = lead else { return None };
        let as_written = |known: &String| match (prefix, text.contains(":/")) {
            (SETTINGS, false) => format!("{prefix}{}", known.trim_start_matches('/')),
            _ => format!("{prefix}{known}"),
        };
        let known: Vec<String> = known.iter().map(as_written).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let meant = nearest(text, &known);
        Some(format!("{place} names `{text}`, which the {which} does not have{meant}"))
    }
}

/// Warnings of pointers to secrets that lead to no secret, and of values that should be secrets.
fn secrets(manifest: &Manifest, config: &Schema) -> Vec<String> {
    let is_of_config = |text: &&String| text.starts_with('/');
    let mut doubts = Vec::new();
    let leads = |text: &str| {
        let schema = manifest.config_schema.as_ref();
        schema.is_none_or(|schema| Lead::of(schema, text) == Lead::Somewhere)
    };
    let secret = manifest.verify.as_ref().map(|how| &how.secret).filter(is_of_config);
    if let Some(secret) = secret.filter(|one| leads(one) && !config.is_secret(one)) {
        doubts.push(format!(
            "the manifest's verify.secret names `{secret}`, which the config_schema does not call a secret (`writeOnly`): it is stored and shown as it is"
        ));
    }
    let reveal = manifest.requests.reveal.iter().filter(is_of_config);
    doubts.extend(reveal.filter(|one| leads(one) && !config.is_secret(one)).map(|one| {
        format!("the manifest's requests.reveal names `{one}`, which is no secret: the plugin sees it anyway")
    }));
    let keys = manifest.route_keys.iter().filter(|one| config.is_secret(one));
    doubts.extend(keys.map(|one| {
        format!(
            "the manifest's route_keys names `{one}`, which is a secret: no webhook is routed by it"
        )
    }));
    let global = manifest.global_verify.as_ref();
    if let Some(how) = global.filter(|how| !how.secret.starts_with(SETTINGS)) {
        doubts.push(format!(
            "the manifest's global_verify.secret names `{}`; a platform-wide webhook has no config, so it must be `settings:<name>`",
            how.secret
        ));
    }
    doubts
}

/// Warnings of schemas for objects that accept no object.
fn no_objects(manifest: &Manifest) -> Vec<String> {
    let processes = manifest.processes.iter().map(|one| {
        (format!("the parameters_schema of process `{}`", one.name), &one.parameters_schema)
    });
    let own = [
        ("the config_schema".to_owned(), &manifest.config_schema),
        ("the settings_schema".to_owned(), &manifest.settings_schema),
    ];
    let hooks = manifest
        .hooks
        .iter()
        .map(|one| (format!("the input_schema of hook `{}`", one.name), &one.input_schema));
    let all = own.into_iter().chain(processes).chain(hooks);
    all.filter(|(_, schema)| schema.as_ref().is_some_and(accepts_no_object))
        .map(|(which, _)| {
            format!(
                "{which} accepts no object, and what it is for always is one: nothing will fit it"
            )
        })
        .collect()
}

/// Whether its `type` excludes objects.
pub fn accepts_no_object(schema: &Value) -> bool {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|one| one.strip_prefix('#'));
    let schema = target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(schema);
    match schema.get("type") {
        Some(Value::Array(kinds)) => !kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind != "object",
        None => *schema == Value::Bool(false),
    }
}

/// Warnings of workers' patterns that can match nothing.
fn patterns(manifest: &Manifest) -> Vec<String> {
    let mut doubts = Vec::new();
    for worker in &manifest.workers {
        for pattern in &worker.events {
            if let Some(why) = why_nothing_matches(manifest, pattern) {
                doubts.push(format!("worker `{}`: the event `{pattern}` {why}", worker.name));
            }
        }
    }
    doubts
}

fn why_nothing_matches(manifest: &Manifest, pattern: &str) -> Option<String> {
    if pattern == SENDING || (is_of_api(pattern) && !matches_nothing(pattern)) {
        return None;
    }
    if matches_nothing(pattern) {
        return Some(MATCHES_NOTHING.to_owned());
    }
    let own = manifest.name.to_string();
    let types = manifest.events.iter().map(|one| one.event_type.clone()).collect::<Vec<_>>();
    let is_declared = types.iter().any(|one| matches(pattern, &own, one));
    if let Some(doubt) = Declared([(own, types)].into()).doubt(pattern) {
        return Some(doubt);
    }
    // Sources are plugins, whose names are slugs.
    let (source, kind) = pattern.split_once('.').filter(|_| !pattern.contains(':'))?;
    (!is_declared && is_slug(source)).then(|| full_name(source, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_worker(pattern: &str) -> Vec<String> {
        let manifest = json!({
            "name": "listener",
            "events": [{ "event_type": "heard" }],
            "workers": [{ "name": "ears", "events": [pattern] }],
        });
        doubts_of(&manifest)
    }

    fn doubts_of(manifest: &Value) -> Vec<String> {
        let manifest = Manifest::parse(&manifest.to_string()).expect("a good manifest");
        doubts(&manifest, &Schema::any_object(), Some(&Map::new()))
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_doubted() {
        for good in [
            "*",
            "edge2:*",
            "heard",
            "sending_event",
            "api.change",
            "api:change",
            "listener:heard",
            "listener:*",
            "other:anything",
            "post_created",
        ] {
            assert_eq!(of_worker(good), [""; 0], "{good}");
        }
        for (bad, meant) in [
            ("edge2.*", "`edge2:*`"),
            ("discourse.post_created", "`discourse:post_created`"),
            ("api.*", "`api.change`"),
            ("api:changes", "`api.change`"),
            ("listener:herd", "did you mean `heard`?"),
        ] {
            let doubts = of_worker(bad);
            assert!(doubts.len() == 1 && doubts[0].contains(meant), "{bad}: {doubts:?}");
        }
    }

    #[test]
    fn a_pointer_of_a_handshake_or_an_issuer_that_leads_nowhere_is_doubted() {
        let doubts = doubts_of(&json!({
            "name": "a",
            "config_schema": { "properties": { "secret": { "writeOnly": true } } },
            "settings_schema": { "properties": { "issuer": {} } },
            "oauth": { "issuer": "settings:/isuer" },
            "handshakes": [
                { "query": "a", "answer": "hmac", "secret": "/secert" },
                { "query": "b", "answer": "hmac", "secret": "/secret" },
            ],
        }));
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        for words in ["did you mean `/secret`?", "did you mean `settings:/issuer`?"] {
            assert!(doubts.iter().any(|one| one.contains(words)), "{words}: {doubts:?}");
        }
        let right = json!({ "name": "a", "oauth": { "issuer": "https://p.example" } });
        assert_eq!(doubts_of(&right), [""; 0]);
    }

    #[test]
    fn a_pointer_into_settings_that_nobody_declares_or_sets_is_doubted() {
        let manifest = json!({ "name": "a", "oauth": { "issuer": "settings:/issuer" } });
        let doubts = doubts_of(&manifest);
        assert!(doubts.len() == 1 && doubts[0].contains("no settings_schema"), "{doubts:?}");
        let manifest = Manifest::parse(&manifest.to_string()).expect("a good manifest");
        let issuer = json!({ "issuer": "https://p.example" });
        for known in [issuer.as_object(), None] {
            assert_eq!(super::doubts(&manifest, &Schema::any_object(), known), [""; 0]);
        }
    }

    #[test]
    fn a_schema_of_objects_that_accepts_none_is_doubted() {
        for bad in [json!({ "type": "string" }), json!({ "type": ["array", "null"] })] {
            let doubts = doubts_of(&json!({ "name": "a", "config_schema": bad }));
            assert!(doubts.iter().any(|one| one.contains("accepts no object")), "{doubts:?}");
        }
        let referring = json!({ "$ref": "#/$defs/C", "$defs": { "C": { "type": "object" } } });
        for good in [json!({ "type": "object" }), json!({}), referring] {
            assert_eq!(doubts_of(&json!({ "name": "a", "config_schema": good })), [""; 0]);
        }
    }
}
