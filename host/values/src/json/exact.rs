//! A text as the tree of its tokens. With it, a value that was read from the text and changed in places can be
//! written with the digits that it came in with.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::reader::{self, Part};
use super::refusal::{Refusal, escape};

/// The depth that the host's readers, and those of plugins, can read.
const READER_DEPTH: usize = 127;

/// The tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exact<'t> {
    Scalar(Cow<'t, str>),
    Items(Vec<Exact<'t>>),
    Members(BTreeMap<Cow<'t, str>, Exact<'t>>),
}

impl<'t> Exact<'t> {
    pub fn of(text: &'t str) -> Result<Self, Refusal> {
        reader::read(text, READER_DEPTH)
    }

    /// The first number, word or text (in quotes) for which `is_it` is true, with its JSON Pointer.
    pub fn find(&self, is_it: &dyn Fn(&str) -> bool) -> Option<(String, &str)> {
        match self {
            Self::Scalar(token) => is_it(token).then(|| (String::new(), token.as_ref())),
            Self::Items(items) => items.iter().enumerate().find_map(|(index, item)| {
                let (path, token) = item.find(is_it)?;
                Some((format!("/{index}{path}"), token))
            }),
            Self::Members(members) => members.iter().find_map(|(name, member)| {
                let (path, token) = member.find(is_it)?;
                Some((format!("/{}{path}", escape(name)), token))
            }),
        }
    }

    fn item(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Items(items) => items.get(index),
            _ => None,
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Members(members) => members.get(name),
            _ => None,
        }
    }

    /// The spelling of that value.
    fn token(&self, value: &Value) -> Option<&str> {
        let Self::Scalar(token) = self else { return None };
        let is_same = serde_json::from_str::<Value>(token).is_ok_and(|read| read == *value);
        is_same.then_some(token)
    }
}

impl<'t> Part<'t> for Exact<'t> {
    fn scalar(token: &'t str) -> Self {
        Self::Scalar(Cow::Borrowed(token))
    }

    fn items(items: Vec<Self>) -> Self {
        Self::Items(items)
    }

    fn members(members: Vec<(Cow<'t, str>, Self)>) -> Self {
        Self::Members(members.into_iter().collect())
    }
}

/// The value as text. Where a source has the same value at the same place, in the source's spelling.
pub fn rewritten(value: &Value, sources: &[&Exact<'_>]) -> String {
    let mut text = String::new();
    write(value, sources, &mut text);
    text
}

fn write(value: &Value, sources: &[&Exact<'_>], text: &mut String) {
    match value {
        Value::Object(members) if !sources.is_empty() => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                let inner: Vec<_> = sources.iter().filter_map(|one| one.member(name)).collect();
                write(member, &inner, text);
            }
            text.push('}');
        }
        Value::Array(items) if !sources.is_empty() => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                let inner: Vec<_> = sources.iter().filter_map(|one| one.item(index)).collect();
                write(item, &inner, text);
            }
            text.push(']');
        }
        value => match sources.iter().find_map(|source| source.token(value)) {
            Some(token) => text.push_str(token),
            None => text.push_str(&value.to_string()),
        },
    }
}
