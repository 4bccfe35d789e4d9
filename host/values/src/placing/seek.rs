//! Finds a value in a JSON text. It reads the text once, and keeps only where the value is.
//!
//! It does not read with `serde_json`, whose reader would make every guest some KiB larger.

use super::text::{Text, Wrong};

/// One part of a JSON Pointer.
#[derive(Debug)]
pub struct PointerStep {
    name: String,
    index: Option<usize>,
}

impl PointerStep {
    /// None for a `~` without `0` or `1` after it.
    pub fn parse(part: &str) -> Option<Self> {
        let mut name = String::new();
        let mut characters = part.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '~' => match characters.next()? {
                    '0' => '~',
                    '1' => '/',
                    _ => return None,
                },
                other => other,
            });
        }
        // `01` is no index (RFC 6901).
        let index = name.parse().ok().filter(|index: &usize| index.to_string() == name);
        Some(Self { name, index })
    }

    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The part as it is written in a pointer.
    pub fn written(&self) -> String {
        format!("/{}", self.name.replace('~', "~0").replace('/', "~1"))
    }
}

/// The value at the end of the steps in a whole text, if it exists.
pub fn seek<'t>(text: &'t str, steps: &[PointerStep]) -> Result<Option<&'t str>, Wrong> {
    let mut text = Text::new(text);
    let found = find(&mut text, steps)?;
    text.end()?;
    Ok(found)
}

/// The value of a member by its name, and how many members there are.
pub struct Members<'t> {
    pub named: Vec<&'t str>,
    pub count: usize,
}

/// The members of an object that was read before.
pub fn members<'t>(object: &'t str, name: &PointerStep) -> Result<Members<'t>, Wrong> {
    let mut found = Members { named: Vec::new(), count: 0 };
    let mut text = Text::new(object);
    let mut part = text.open()?;
    while text.next(&mut part)? {
        found.count += 1;
        let is_named = text.name()? == name.name;
        let value = text.value()?;
        found.named.extend(Some(value).filter(|_| is_named));
    }
    Ok(found)
}

/// An element of an array that was read before.
pub fn element<'t>(array: &'t str, index: &PointerStep) -> Option<&'t str> {
    seek(array, std::slice::from_ref(index)).ok().flatten()
}

fn find<'t>(text: &mut Text<'t>, steps: &[PointerStep]) -> Result<Option<&'t str>, Wrong> {
    let Some((step, rest)) = steps.split_first() else { return text.value().map(Some) };
    match text.peek() {
        Some(b'{') => find_member(text, step, rest),
        Some(b'[') => find_element(text, step, rest),
        _ => text.value().map(|_| None),
    }
}

fn find_member<'t>(
    text: &mut Text<'t>,
    step: &PointerStep,
    rest: &[PointerStep],
) -> Result<Option<&'t str>, Wrong> {
    let (mut found, mut is_found) = (None, false);
    let mut part = text.open()?;
    while text.next(&mut part)? {
        let name = text.name()?;
        if name != step.name {
            text.value()?;
        } else if std::mem::replace(&mut is_found, true) {
            return Err(Wrong(format!("it has `{name}` more than once")));
        } else {
            found = find(text, rest)?;
        }
    }
    Ok(found)
}

fn find_element<'t>(
    text: &mut Text<'t>,
    step: &PointerStep,
    rest: &[PointerStep],
) -> Result<Option<&'t str>, Wrong> {
    let (mut found, mut index) = (None, 0);
    let mut part = text.open()?;
    while text.next(&mut part)? {
        match step.index == Some(index) {
            true => found = find(text, rest)?,
            false => {
                text.value()?;
            }
        }
        index += 1;
    }
    Ok(found)
}
