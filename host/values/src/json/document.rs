//! A value that the host changes on its way, with the text that it came in as.

use serde_json::Value;

use super::exact::{Exact, rewritten};
use super::refusal::Refusal;

/// A value and its text, which has the spelling of its sender.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    value: Value,
    text: String,
}

impl Document {
    /// Reads a text that was checked, or made of such texts.
    pub fn read(text: String) -> Result<Self, Refusal> {
        let value = serde_json::from_str(&text)
            .map_err(|error| Refusal { path: String::new(), message: error.to_string() })?;
        Ok(Self { value, text })
    }

    pub fn value(&self) -> &Value {
        &self.value
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn into_text(self) -> String {
        self.text
    }

    /// A value that was made of this one and of `other`, with the spelling of both.
    pub fn became(&self, value: Value, other: Option<&Self>) -> Self {
        if value == self.value {
            return self.clone();
        }
        let sources = [Some(self), other].into_iter().flatten();
        let sources: Vec<_> = sources.filter_map(|one| Exact::of(&one.text).ok()).collect();
        let text = rewritten(&value, &sources.iter().collect::<Vec<_>>());
        Self { value, text }
    }
}
