//! Where anything may be, the schema is `{}` and not `true`, which generators of typed clients do not know.
//! (`schemars` has a transformation for this that makes each plugin seven KiB larger.)

use schemars::Schema;
use serde_json::{Map, Value};

use super::closed::{has_values, is_by_name};

/// The schema without `true` for what may be anything. Whether an object has additional members stays a truth value.
pub fn as_object(schema: Schema) -> Schema {
    let mut document = schema.to_value();
    replace(&mut document);
    Schema::try_from(document).expect("a schema stays one")
}

fn replace(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = Value::Object(Map::new());
    }
    let Some(keywords) = schema.as_object_mut() else { return };
    for (keyword, inner) in keywords.iter_mut() {
        match inner {
            _ if has_values(keyword) => {}
            Value::Array(all) => all.iter_mut().for_each(replace),
            Value::Object(named) if is_by_name(keyword) => named.values_mut().for_each(replace),
            Value::Bool(_) if keyword != "items" => {}
            one => replace(one),
        }
    }
}
