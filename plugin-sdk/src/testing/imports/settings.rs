//! `settings`: the operator's settings, as the test sets them.

use serde_json::{Map, Value};

use crate::testing::world::now;

pub fn get() -> String {
    now(|world| match &world.settings {
        Value::Null => Value::Object(Map::new()).to_string(),
        settings => settings.to_string(),
    })
}
