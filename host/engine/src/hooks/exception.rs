//! What halts a run.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// An exception that a hook declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exception {
    pub name: String,
    pub message: String,
    pub redirect_to: Option<String>,
    pub status_code: Option<u16>,
    /// Its other fields: `content`, `content_type`, `headers`, …
    pub more: Map<String, Value>,
}

/// The schema of what `shown` writes.
impl JsonSchema for Exception {
    fn schema_name() -> Cow<'static, str> {
        "HookException".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What halts the run of a hook, beside what else the step gave.",
            "type": "object",
            "required": ["name", "message", "redirect_to", "status_code"],
            "properties": {
                "name": { "type": "string" },
                "message": { "type": "string" },
                "redirect_to": { "type": ["string", "null"] },
                "status_code": { "type": ["integer", "null"] },
            },
            "additionalProperties": true,
        })
    }
}

impl Exception {
    /// From a step's setting.
    pub fn of_setting(name: &str, message: String, redirect_to: &str, status: Option<u16>) -> Self {
        Self {
            name: name.to_owned(),
            message,
            redirect_to: Some(redirect_to.to_owned()).filter(|url| !url.is_empty()),
            status_code: status,
            more: Map::new(),
        }
    }

    /// A text is its message, and an object its fields; anything else is ignored.
    pub fn parse(name: &str, value: &Value) -> Self {
        let mut exception = Self { name: name.to_owned(), ..Self::default() };
        match value {
            Value::String(text) => exception.message.clone_from(text),
            Value::Object(fields) => {
                for (key, value) in fields {
                    exception.take(key, value);
                }
            }
            _ => "Reason not specified".clone_into(&mut exception.message),
        }
        exception
    }

    fn take(&mut self, key: &str, value: &Value) {
        match (key, value) {
            ("message", Value::String(text)) => self.message.clone_from(text),
            ("redirect_to", Value::String(url)) => self.redirect_to = Some(url.clone()),
            ("status_code", value) if value.as_u64().is_some() => {
                self.status_code = value.as_u64().and_then(|code| u16::try_from(code).ok());
            }
            _ => drop(self.more.insert(key.to_owned(), value.clone())),
        }
    }

    pub fn shown(&self) -> Value {
        let mut shown = Value::Object(self.more.clone());
        shown["name"] = json!(self.name);
        shown["message"] = json!(self.message);
        shown["redirect_to"] = json!(self.redirect_to);
        shown["status_code"] = json!(self.status_code);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_a_text_or_an_object() {
        assert_eq!(Exception::parse("P", &json!("no")).message, "no");
        assert_eq!(Exception::parse("P", &json!(7)).message, "Reason not specified");
        let whole =
            json!({ "message": "m", "redirect_to": "/x", "status_code": 418, "content": "c" });
        let parsed = Exception::parse("P", &whole);
        assert_eq!((parsed.redirect_to.as_deref(), parsed.status_code), (Some("/x"), Some(418)));
        assert_eq!(parsed.shown()["content"], "c");
        let odd = Exception::parse("P", &json!({ "status_code": "x" }));
        assert_eq!((odd.message.as_str(), odd.status_code), ("", None));
    }
}
