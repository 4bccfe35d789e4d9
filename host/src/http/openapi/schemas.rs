//! The named schemas of the document: of answers, of the host's own request bodies, and of plugins.

use schemars::generate::SchemaSettings;
use schemars::transform::{ReplaceBoolSchemas, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::http::middleware::body_schema::BodySchema;

/// The path of the schemas in the document.
const COMPONENTS: &str = "#/components/schemas";

pub struct Schemas {
    generator: SchemaGenerator,
    /// The schemas of bodies and of plugins.
    kept: Map<String, Value>,
}

impl Schemas {
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let settings = settings.with_transform(without_flags()).with(|settings| {
            COMPONENTS.trim_start_matches('#').clone_into(settings.definitions_path.to_mut());
        });
        Self { generator: settings.into_generator(), kept: Map::new() }
    }

    /// What refers to the schema of a body.
    pub fn of_body(&mut self, body: &BodySchema) -> Value {
        self.kept.insert(body.name.clone(), body.document().clone());
        reference(&body.name)
    }

    /// A reference to the type of an answer.
    pub fn of<T: JsonSchema>(&mut self) -> Value {
        self.of_shape(|schemas| schemas.subschema_for::<T>())
    }

    pub fn of_shape(&mut self, shape: fn(&mut SchemaGenerator) -> Schema) -> Value {
        let mut schema = shape(&mut self.generator);
        without_flags().transform(&mut schema);
        schema.into()
    }

    /// Adds a plugin's schema, and each of its definitions as `<name>.<definition>`, and adapts the references;
    /// returns a reference to the schema. Titles are left out: generators name types after them, and several
    /// plugins may have the same.
    pub fn keep(&mut self, name: &str, schema: Option<&Value>) -> Value {
        let Some(schema) = schema else { return json!({}) };
        let mut schema = schema.clone();
        if let Ok(schema) = <&mut Schema>::try_from(&mut schema) {
            without_flags().transform(schema);
        }
        let mut definitions = Map::new();
        if let Some(object) = schema.as_object_mut() {
            ["$schema", "$id", "title"].iter().for_each(|member| drop(object.remove(*member)));
            if let Some(Value::Object(found)) = object.remove("$defs") {
                definitions = found;
            }
        }
        for (definition, mut schema) in definitions {
            lead(&mut schema, &format!("{COMPONENTS}/{name}"));
            self.kept.insert(format!("{name}.{definition}"), schema);
        }
        lead(&mut schema, &format!("{COMPONENTS}/{name}"));
        self.kept.insert(name.to_owned(), schema);
        reference(name)
    }

    /// All schemas.
    pub fn components(mut self) -> Map<String, Value> {
        self.kept.extend(self.generator.take_definitions(true));
        self.kept
    }
}

/// A schema may be `true`, and many generators of clients know only objects.
fn without_flags() -> ReplaceBoolSchemas {
    let mut without_flags = ReplaceBoolSchemas::default();
    without_flags.skip_additional_properties = true;
    without_flags
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}/{name}") })
}

fn lead(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "$ref" && text.starts_with('#') => {
                        *text = match text.strip_prefix("#/$defs/") {
                            Some(definition) => format!("{root}.{definition}"),
                            None => format!("{root}{}", &text[1..]),
                        };
                    }
                    _ => lead(value, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, root)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_a_plugins_schema_are_led_to_where_it_stands() {
        let schema = json!({ "$schema": "x", "$defs": { "A": { "$ref": "#" } }, "items": [{ "$ref": "#/$defs/A" }] });
        let mut schemas = Schemas::new();
        schemas.keep("p.a.parameters", Some(&schema));
        let all = schemas.components();
        let kept = &all["p.a.parameters"];
        assert_eq!(kept["items"][0]["$ref"], "#/components/schemas/p.a.parameters.A");
        assert_eq!(all["p.a.parameters.A"]["$ref"], "#/components/schemas/p.a.parameters");
        assert_eq!((kept.get("$schema"), kept.get("$defs")), (None, None));
    }
}
