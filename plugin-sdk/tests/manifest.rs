//! The manifest of a plugin with everything: it is valid by the contract's schema, and matches its
//! types.

mod surveyor;

use moothall_sdk::Plugin;
use moothall_sdk::serde_json::{Value, from_str, json};
use surveyor::{Bare, Surveyor};

fn manifest(plugin: &impl Plugin) -> Value {
    from_str(&plugin.manifest().to_json()).expect("a manifest is JSON")
}

fn check_against_the_contract(manifest: &Value) {
    let schema = from_str(include_str!("../wit/manifest.schema.json"))
        .expect("the contract's schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the contract's schema is one");
    let errors: Vec<String> =
        validator.iter_errors(manifest).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {manifest:#}");
}

#[test]
fn a_manifest_is_valid_by_the_contract() {
    check_against_the_contract(&manifest(&Surveyor));
    check_against_the_contract(&manifest(&Bare));
}

#[test]
fn a_plugin_without_anything_says_only_its_name_and_version() {
    let bare = manifest(&Bare);
    assert_eq!(bare["name"], "bare");
    assert_eq!(bare["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&bare["lifecycle"], &bare["actions"]), (&json!([]), &json!([])));
    assert_eq!((bare.get("config_schema"), bare.get("settings_schema")), (None, None));
}

#[test]
fn options_and_lifecycle_methods_are_listed() {
    let surveyor = manifest(&Surveyor);
    assert_eq!(surveyor["version"], "1.2.0");
    assert_eq!(surveyor["description"], "Surveys a community.");
    assert_eq!(surveyor["auth_type"], "api_key");
    assert_eq!(surveyor["community_platform_id_key"], "server_url");
    assert_eq!(surveyor["on_config_change"], "keep");
    assert_eq!(
        surveyor["requests"],
        json!({
            "reveal": ["/api_key", "settings:client_secret"],
            "http": ["config:/server_url"]
        })
    );
    assert_eq!(surveyor["lifecycle"], json!(["initialize", "config-changed", "upgraded"]));
}

#[test]
fn the_config_schema_has_secrets_defaults_descriptions_and_choices() {
    let schema = &manifest(&Surveyor)["config_schema"];
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["api_key"]));
    let properties = &schema["properties"];
    let secret =
        json!({ "description": "The platform's key.", "type": "string", "writeOnly": true });
    assert_eq!(properties["api_key"], secret);
    assert_eq!(properties["spare_key"], json!({ "type": ["string", "null"], "writeOnly": true }));
    assert_eq!(properties["server_url"]["default"], "https://example.com");
    assert_eq!(properties["mood"]["default"], "calm");
    assert_eq!(schema["$defs"]["Mood"]["enum"], json!(["calm", "lively"]));
}

#[test]
fn an_action_has_the_schemas_of_its_types() {
    let surveyor = manifest(&Surveyor);
    let expected = json!({
        "slug": "add",
        "description": "Adds two numbers.",
        "parameters_schema": {
            "title": "Add",
            "type": "object",
            "properties": {
                "left": { "description": "The first.", "type": "integer", "format": "int32" },
                "right": { "type": "integer", "format": "int32", "default": 1 }
            },
            "required": ["left"]
        },
        "response_schema": {
            "title": "Sum",
            "type": "object",
            "properties": { "sum": { "type": "integer", "format": "int32" } },
            "required": ["sum"]
        },
        "public": true,
        "read_only": true
    });
    assert_eq!(surveyor["actions"][0], expected);
}

#[test]
fn parameters_and_results_that_are_absent_have_no_schema() {
    let ping = &manifest(&Surveyor)["actions"][1];
    assert_eq!((ping.get("parameters_schema"), ping.get("response_schema")), (None, None));
    assert_eq!((&ping["public"], &ping["read_only"]), (&json!(false), &json!(false)));
}

#[test]
fn parameters_of_any_shape_are_still_an_object() {
    assert_eq!(manifest(&Surveyor)["actions"][2]["parameters_schema"]["type"], "object");
}

#[test]
fn each_type_of_event_is_listed_once_with_its_schema() {
    let surveyor = manifest(&Surveyor);
    let types: Vec<&Value> = surveyor["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["event_type"])
        .collect();
    assert_eq!(types, ["surveyed", "closed"]);
    let surveyed = &surveyor["events"][0];
    assert_eq!(surveyed["description"], "Somebody answered.");
    assert_eq!(surveyed["schema"]["required"], json!(["answers"]));
}

#[test]
fn a_process_has_its_schemas_functions_and_schedule() {
    let survey = &manifest(&Surveyor)["processes"][0];
    assert_eq!(survey["name"], "survey");
    assert_eq!(survey["parameters_schema"]["required"], json!(["title"]));
    assert_eq!(survey["outcome_schema"]["required"], json!(["answers"]));
    assert_eq!(survey["functions"], json!(["update", "receive-webhook"]));
    assert_eq!(survey["schedule"], json!({ "every": "5m" }));
}

#[test]
fn signatures_schedules_and_oauth_are_as_their_author_wrote_them() {
    let surveyor = manifest(&Surveyor);
    let verify = json!({
        "scheme": "hmac-sha256",
        "secret": "/api_key",
        "header": "X-Signature",
        "encoding": "base64"
    });
    assert_eq!(surveyor["verify"], verify);
    assert_eq!(surveyor["global_verify"]["tolerance_s"], 60);
    assert_eq!(surveyor["producer"], json!({ "every": "30s", "jitter": "5s" }));
    assert_eq!(surveyor["route_keys"], json!(["/server_url"]));
    let oauth = json!({ "types": ["app"], "pkce": false, "issuer": "https://platform.example" });
    assert_eq!(surveyor["oauth"], oauth);
}

mod secretive {
    use moothall_sdk::{Event, Plugin, Result, Secret, plugin};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Deserialize, Serialize, JsonSchema)]
    pub struct Key {
        keys: Vec<Option<Secret>>,
    }

    #[derive(Event, Serialize, JsonSchema)]
    #[event("rotated")]
    pub struct Rotated {
        key: Secret,
    }

    pub struct Takes;

    #[plugin(name = "takes", config = Key)]
    impl Takes {
        #[action(slug = "rotate")]
        fn rotate(&self, parameters: Key) -> Result<()> {
            self.state().set("key", &parameters)
        }
    }

    pub struct Answers;

    #[plugin(name = "answers", config = Key)]
    impl Answers {
        #[action(slug = "show")]
        fn show(&self) -> Result<Key> {
            self.config()
        }
    }

    pub struct Emits;

    #[plugin(name = "emits", events(Rotated))]
    impl Emits {}

    pub fn refusal(plugin: impl Plugin) -> String {
        let described = std::panic::AssertUnwindSafe(|| drop(plugin.manifest()));
        let refused = std::panic::catch_unwind(described).expect_err("it is refused");
        refused.downcast_ref::<String>().expect("a message").clone()
    }
}

#[test]
fn a_secret_is_of_configurations_and_settings_alone() {
    use secretive::{Answers, Emits, Takes, refusal};
    for (said, expected) in [
        (refusal(Takes), "the parameters of the action `rotate` have a `Secret`"),
        (refusal(Answers), "the answer of the action `show` says a `Secret`"),
        (refusal(Emits), "the event `rotated` says a `Secret`"),
    ] {
        assert!(said.starts_with(expected), "{said}");
    }
}
