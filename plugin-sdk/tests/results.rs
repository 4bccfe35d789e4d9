//! The result of an action is any type that can be written: no struct has to be around it.

use std::collections::BTreeMap;

use moothall_sdk::prelude::*;
use moothall_sdk::serde_json::from_str;
use moothall_sdk::testing::Host;

#[derive(Serialize, JsonSchema)]
struct Item {
    any: Value,
}

#[derive(Deserialize, JsonSchema)]
struct Given {
    /// Anything.
    any: Value,
    list: Vec<Value>,
}

struct Plain;

#[plugin(name = "plain")]
impl Plain {
    #[action(slug = "text")]
    fn text(&self) -> Result<String> {
        Ok("tea".to_owned())
    }

    #[action(slug = "static-text")]
    fn static_text(&self) -> Result<&'static str> {
        Ok("tea")
    }

    #[action(slug = "number")]
    fn number(&self) -> Result<u64> {
        Ok(u64::MAX)
    }

    #[action(slug = "truth")]
    fn truth(&self) -> Result<bool> {
        Ok(true)
    }

    #[action(slug = "option")]
    fn option(&self) -> Result<Option<i32>> {
        Ok(None)
    }

    #[action(slug = "pair")]
    fn pair(&self) -> Result<(String, f64)> {
        Ok(("tea".to_owned(), 1.5))
    }

    #[action(slug = "items")]
    fn items(&self) -> Result<Vec<Item>> {
        Ok(vec![Item { any: json!([1]) }])
    }

    #[action(slug = "map")]
    fn map(&self) -> Result<BTreeMap<String, Value>> {
        Ok([("a".to_owned(), json!(1))].into())
    }

    #[action(slug = "json")]
    fn json(&self, given: Given) -> Result<Value> {
        Ok(given.list.into_iter().next().unwrap_or(given.any))
    }

    #[action(slug = "moment")]
    fn moment(&self) -> Result<Moment> {
        Moment::from_unix_s(0)
    }

    #[action(slug = "nothing")]
    fn nothing(&self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn every_result_reaches_the_caller_as_it_is() {
    let mut host = Host::new(Plain);
    for (slug, result) in [
        ("text", json!("tea")),
        ("static-text", json!("tea")),
        ("number", json!(u64::MAX)),
        ("truth", json!(true)),
        ("option", Value::Null),
        ("pair", json!(["tea", 1.5])),
        ("items", json!([{ "any": [1] }])),
        ("map", json!({ "a": 1 })),
        ("moment", json!("1970-01-01T00:00:00Z")),
        ("nothing", Value::Null),
    ] {
        assert_eq!(host.action(slug, json!({})), Ok(result), "{slug}");
    }
    let given = json!({ "any": { "x": 1 }, "list": [] });
    assert_eq!(host.action("json", given), Ok(json!({ "x": 1 })));
}

#[test]
fn every_result_has_a_schema_and_no_schema_is_a_truth_value() {
    let manifest: Value = from_str(&Plain.manifest().to_json()).expect("JSON");
    let actions = manifest["actions"].as_array().expect("a list");
    for action in actions {
        let has_schema = action["response_schema"].is_object();
        assert_eq!(has_schema, action["slug"] != "nothing", "{action}");
    }
    let schema = |slug: &str, which: &str| {
        let action = actions.iter().find(|action| action["slug"] == slug).expect("an action");
        let mut schema = action[which].clone();
        schema.as_object_mut().expect("an object").remove("title");
        schema
    };
    assert_eq!(schema("text", "response_schema"), json!({ "type": "string" }));
    assert_eq!(
        schema("moment", "response_schema"),
        json!({ "type": "string", "format": "date-time" })
    );
    assert_eq!(schema("json", "response_schema"), json!({}));
    let item = &schema("items", "response_schema")["$defs"]["Item"];
    assert_eq!(item["properties"]["any"], json!({}));
    assert_eq!(
        schema("json", "parameters_schema")["properties"],
        json!({ "any": { "description": "Anything." }, "list": { "type": "array", "items": {} } })
    );
    assert_eq!(schema("map", "response_schema")["additionalProperties"], json!(true));
}
