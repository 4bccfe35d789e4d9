//! Schemas of the host's own request bodies, generated from their types. OpenAPI shows them, and each body is checked
//! against its own before it is read. Parameters of a process and configs have the plugin's schemas instead.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema as JsonSchemaValue};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use moothall_core::clock::A_MOMENT;
use moothall_core::config::nearest;
use moothall_core::ids::PersonId;
use moothall_engine::plugins::schema::{SchemaLimits, shortened};
use moothall_engine::plugins::{Bounds, Room, Schema, Violation};

/// What a schema is made for, in bytes: none has a pattern whose cost would depend on it.
const VALUE_BYTES: usize = 1 << 20;
/// The longest value in a refusal, in characters.
const SHOWN: usize = 100;
/// Marks a member that may be null; without it null is refused, also for an `Option`.
const NULLABLE: &str = "nullable";

/// A request body of the host's own. `request_body!` implements it.
pub trait RequestBody: JsonSchema {
    /// Its schema, made once.
    fn schema() -> &'static BodySchema;

    /// Says more of a member that the body does not have, where it is known what it is meant for.
    fn explain(_name: &str, _body: &Value) -> Option<String> {
        None
    }
}

/// Makes a type a request body; `explain`: what to say of a member that it does not have.
macro_rules! request_body {
    ($body:ty) => {
        impl $crate::http::middleware::body_schema::RequestBody for $body {
            $crate::http::middleware::body_schema::request_body!(@schema $body);
        }
    };
    ($body:ty, $explain:path) => {
        impl $crate::http::middleware::body_schema::RequestBody for $body {
            $crate::http::middleware::body_schema::request_body!(@schema $body);

            fn explain(name: &str, body: &serde_json::Value) -> Option<String> {
                $explain(name, body)
            }
        }
    };
    (@schema $body:ty) => {
        fn schema() -> &'static $crate::http::middleware::body_schema::BodySchema {
            use $crate::http::middleware::body_schema::BodySchema;
            static SCHEMA: std::sync::LazyLock<BodySchema> =
                std::sync::LazyLock::new(BodySchema::of::<$body>);
            &SCHEMA
        }
    };
}
pub(crate) use request_body;

/// The schema of a body, under the name that OpenAPI has for it.
pub struct BodySchema {
    pub name: String,
    schema: Schema,
}

impl BodySchema {
    pub fn of<T: JsonSchema>() -> Self {
        let document = document::<T>();
        let limits = SchemaLimits::DEFAULT;
        let bounds = Bounds::new(&limits, VALUE_BYTES);
        let schema = Schema::compile(&document, &bounds, &mut Room::new(&limits))
            .expect("a test compiles the schema of each of the host's own bodies");
        Self { name: T::schema_name().into_owned(), schema }
    }

    pub fn document(&self) -> &Value {
        self.schema.document()
    }
}

fn document<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let generator = settings.with_transform(RecursiveTransform(strict)).into_generator();
    generator.into_root_schema_for::<T>().into()
}

/// As bodies are checked: an object has no other members, null is no value unless it is marked so, and a range says of
/// an integer what its format would.
fn strict(schema: &mut JsonSchemaValue) {
    if schema.as_bool() == Some(true) {
        schema.ensure_object();
    }
    let Some(schema) = schema.as_object_mut() else { return };
    schema.remove("title");
    schema.remove("default");
    if schema.get("format").is_some_and(|format| format != "date-time") {
        schema.remove("format");
    }
    // An object of any members.
    if schema.get("additionalProperties").is_some_and(|of| *of == true || *of == json!({})) {
        schema.remove("additionalProperties");
    }
    if schema.contains_key("properties") {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    if schema.contains_key("enum") {
        schema.remove("type");
    }
    if schema.remove(NULLABLE).is_none() {
        without_null(schema);
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    let Some(kinds) = schema.get_mut("type").and_then(Value::as_array_mut) else { return };
    kinds.retain(|kind| kind != "null");
    if let [kind] = kinds.as_slice() {
        let kind = kind.clone();
        schema.insert("type".to_owned(), kind);
    }
}

/// Members that answers show and nobody sets: they may be sent back, so that what was read can be put, and have no
/// effect.
pub fn shown_too(names: &'static [&'static str]) -> impl FnMut(&mut JsonSchemaValue) {
    move |schema| {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            let shown = names.iter().map(|name| ((*name).to_owned(), json!({ "readOnly": true })));
            properties.extend(shown);
        }
    }
}

/// The id of a person, as a number or its digits.
pub fn person(_: &mut schemars::SchemaGenerator) -> JsonSchemaValue {
    schemars::json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": PersonId::MOST,
        "pattern": "^[1-9][0-9]{0,15}$" })
}

/// A body of that type with its integers written as integers; or what is wrong with it: what the host does not know in
/// it, or else what its schema refuses. `text` is JSON that can be carried.
pub fn checked<T: RequestBody>(text: String) -> Result<String, Vec<Violation>> {
    let schema = &T::schema().schema;
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut unknown = Vec::new();
    look_for_unknown(schema.document(), &body, "", &mut unknown);
    for fault in &mut unknown {
        if let Some(more) = T::explain(fault.path.trim_start_matches('/'), &body) {
            fault.message = more;
        }
    }
    if !unknown.is_empty() {
        return Err(unknown);
    }
    schema.checked(text).map_err(|faults| {
        let explained = faults.into_iter().map(|fault| explained(schema.document(), &body, fault));
        let mut all: Vec<Violation> = explained.collect();
        // A number may violate several rules that are one sentence.
        all.dedup();
        all
    })
}

/// The expected value, instead of the violated rule of the schema, if that is a number or a time.
fn explained(schema: &Value, body: &Value, fault: Violation) -> Violation {
    let (Some(described), Some(value)) =
        (described(schema, &fault.path), body.pointer(&fault.path))
    else {
        return fault;
    };
    let wanted = match (described["minimum"].as_number(), described["maximum"].as_number()) {
        (Some(_), Some(most)) if described.get("pattern").is_some() => {
            format!("the id of a person, a whole number of 1 to {most}")
        }
        (Some(least), Some(most)) => format!("a whole number of {least} to {most}"),
        _ if described["format"] == "date-time" => A_MOMENT.to_owned(),
        _ => return fault,
    };
    let value: String = shortened(value).chars().take(SHOWN).collect();
    Violation { message: format!("{value} is not {wanted}"), ..fault }
}

/// The subschema at a pointer.
fn described<'s>(schema: &'s Value, pointer: &str) -> Option<&'s Value> {
    pointer.split('/').skip(1).try_fold(schema, |schema, step| {
        let name = step.replace("~1", "/").replace("~0", "~");
        schema.get("properties").map_or_else(|| schema.get("items"), |of| of.get(&name))
    })
}

/// Whether a plugin's schema has no member of that name, and the body has an object of that name.
pub fn is_wrapped(schema: &Value, member: &str, given: Option<&RawValue>) -> bool {
    let properties = schema["properties"].as_object();
    given.is_some_and(|given| given.get().starts_with('{'))
        && properties.is_some_and(|known| !known.contains_key(member))
}

/// Members that no schema has, each with the most similar name that a schema has.
fn look_for_unknown(schema: &Value, value: &Value, place: &str, found: &mut Vec<Violation>) {
    match (schema.get("properties").and_then(Value::as_object), value) {
        (Some(properties), Value::Object(members)) => {
            let is_closed = schema["additionalProperties"] == false;
            for (name, value) in members {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                match properties.get(name) {
                    Some(schema) => look_for_unknown(schema, value, &place, found),
                    None if is_closed => found.push(unknown(schema, members, name, place)),
                    None => {}
                }
            }
        }
        (None, Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                look_for_unknown(&schema["items"], item, &format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn unknown(schema: &Value, given: &Map<String, Value>, name: &str, path: String) -> Violation {
    let known = schema["properties"].as_object().into_iter().flatten();
    let known: Vec<&str> = known
        .filter(|(_, schema)| schema["readOnly"] != true)
        .map(|(name, _)| name.as_str())
        .collect();
    let meant = match nearest(name, &known) {
        near if near.is_empty() => missing(schema, given),
        near => near,
    };
    Violation { path, message: format!("no member of that name is known here{meant}") }
}

/// `; did you mean …?`, if one member is missing.
fn missing(schema: &Value, given: &Map<String, Value>) -> String {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> = required.filter(|name| !given.contains_key(*name)).collect();
    match missing.as_slice() {
        [one] => format!("; did you mean `{one}`, which is missing?"),
        _ => String::new(),
    }
}
