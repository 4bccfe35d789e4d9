//! A JSON object that grows: all parts of a manifest are made of it, so that a component has code for one kind of
//! value, and not for each of them.

use schemars::Schema;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Default)]
pub struct Object(Map<String, Value>);

impl Object {
    /// An object with this text.
    pub fn with(name: &str, text: &str) -> Self {
        let mut object = Self::default();
        object.text(name, text);
        object
    }

    #[inline(never)]
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    #[inline(never)]
    pub fn text(&mut self, name: &str, text: &str) {
        self.set(name, text.into());
    }

    pub fn number(&mut self, name: &str, number: u32) {
        self.set(name, number.into());
    }

    pub fn bool(&mut self, name: &str, value: bool) {
        self.set(name, value.into());
    }

    pub fn object(&mut self, name: &str, object: Self) {
        self.set(name, object.0.into());
    }

    pub fn schema(&mut self, name: &str, schema: Schema) {
        self.set(name, schema.into());
    }

    /// Makes an empty list, for a list that is there also if nothing is in it.
    pub fn list(&mut self, name: &str) {
        self.set(name, Value::Array(Vec::new()));
    }

    /// Adds an item to a list.
    #[inline(never)]
    pub fn push(&mut self, list: &str, item: Value) {
        let items = self.0.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = items {
            items.push(item);
        }
    }

    #[inline(never)]
    pub fn push_text(&mut self, list: &str, text: &str) {
        self.push(list, text.into());
    }

    pub fn push_object(&mut self, list: &str, object: Self) {
        self.push(list, object.0.into());
    }

    /// Sets a text of the object that is under a name.
    pub fn text_in(&mut self, object: &str, name: &str, text: &str) {
        self.inside(object)[name] = text.into();
    }

    /// Adds a text to a list of the object that is under a name.
    pub fn push_text_in(&mut self, object: &str, list: &str, text: &str) {
        if let Value::Array(items) = &mut self.inside(object)[list] {
            items.push(text.into());
        } else {
            self.inside(object)[list] = Value::Array(vec![text.into()]);
        }
    }

    fn inside(&mut self, object: &str) -> &mut Value {
        self.0.entry(object).or_insert_with(|| Value::Object(Map::new()))
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The objects of a list.
    pub fn items(&self, list: &str) -> &[Value] {
        self.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The name of what the object describes.
    pub fn name(&self) -> &str {
        let name = ["name", "slug", "event_type"].iter().find_map(|name| self.get(name));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }
}
