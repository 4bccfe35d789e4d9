//! Puts a text into a JSON body, at the place that a JSON Pointer names. All other bytes stay as they are:
//! digits, order, white space.
//!
//! The text is a secret: no error repeats it, or anything else of the body.

mod seek;
mod text;

use std::io::{self, Write};
use std::ops::Range;

use seek::{Members, PointerStep, element, members, seek};

/// Why the text cannot be placed.
#[derive(Debug, PartialEq, Eq)]
pub struct NoPlace(String);

impl std::fmt::Display for NoPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a body: the bytes that the text replaces, and what is written before it.
#[derive(Debug)]
pub struct Spot<'b> {
    body: &'b [u8],
    replaced: Range<usize>,
    before: String,
}

impl<'b> Spot<'b> {
    /// The place that `pointer` names: an existing text, or a new member of an existing object.
    pub fn find(body: &'b [u8], pointer: &str) -> Result<Self, NoPlace> {
        let steps = steps(pointer)?;
        let text = std::str::from_utf8(body)
            .map_err(|_| NoPlace("the body is not JSON: it is not UTF-8".to_owned()))?;
        if text.trim().is_empty() {
            return Err(NoPlace("the body is empty, and not JSON; write at least `{}`".to_owned()));
        }
        let find = |steps: &[PointerStep]| {
            let found = seek(text, steps)
                .map_err(|error| NoPlace(format!("the body cannot hold a secret: {error}")))?;
            found.ok_or_else(|| {
                NoPlace(format!(
                    "the body has no `{}`; only the last part of the pointer `{pointer}` is added",
                    path(steps)
                ))
            })
        };
        let Some((last, above)) = steps.split_last() else {
            return Self::replacing(body, find(&[])?, pointer);
        };
        let parent = find(above)?;
        match parent.as_bytes().first() {
            Some(b'{') => Self::in_object(body, parent, last, pointer),
            Some(b'[') => Self::in_array(body, parent, last, pointer),
            _ => Err(NoPlace(format!(
                "`{}` in the body is neither an object nor an array",
                path(above)
            ))),
        }
    }

    fn in_object(
        body: &'b [u8],
        object: &str,
        name: &PointerStep,
        pointer: &str,
    ) -> Result<Self, NoPlace> {
        let Members { named, count } = members(object, name)
            .map_err(|error| NoPlace(format!("the body cannot hold a secret: {error}")))?;
        match named.as_slice() {
            [] => {
                let end = offset(body, object) + object.len() - 1;
                let name = serde_json::Value::from(name.as_str());
                let comma = if count == 0 { "" } else { "," };
                Ok(Self { body, replaced: end..end, before: format!("{comma}{name}:") })
            }
            [one] => Self::replacing(body, one, pointer),
            _ => Err(NoPlace(format!("the body has `{pointer}` more than once"))),
        }
    }

    fn in_array(
        body: &'b [u8],
        array: &str,
        index: &PointerStep,
        pointer: &str,
    ) -> Result<Self, NoPlace> {
        let found = element(array, index);
        let missing = || {
            NoPlace(format!(
                "the body has no `{pointer}`; a secret is not added to an array, it takes the place of a text in it"
            ))
        };
        Self::replacing(body, found.ok_or_else(missing)?, pointer)
    }

    fn replacing(body: &'b [u8], value: &str, pointer: &str) -> Result<Self, NoPlace> {
        if !value.starts_with('"') {
            return Err(NoPlace(format!(
                "`{pointer}` in the body is not a text; a secret takes the place of a text, or of nothing"
            )));
        }
        let begin = offset(body, value);
        Ok(Self { body, replaced: begin..begin + value.len(), before: String::new() })
    }

    /// The length of the body with `text` in it.
    pub fn bytes_with(&self, text: &str) -> usize {
        let mut count = Count(0);
        let counted = serde_json::to_writer(&mut count, text);
        let written = if counted.is_ok() { count.0 } else { usize::MAX };
        let kept = self.body.len() - self.replaced.len();
        kept.saturating_add(self.before.len()).saturating_add(written)
    }

    /// The body with `text` in it.
    pub fn with(&self, text: &str) -> Vec<u8> {
        let text = serde_json::Value::from(text).to_string();
        let (begin, end) = (&self.body[..self.replaced.start], &self.body[self.replaced.end..]);
        [begin, self.before.as_bytes(), text.as_bytes(), end].concat()
    }
}

/// The offset of a part in the body.
fn offset(body: &[u8], part: &str) -> usize {
    part.as_ptr().addr() - body.as_ptr().addr()
}

fn steps(pointer: &str) -> Result<Vec<PointerStep>, NoPlace> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let parts = pointer.strip_prefix('/').map(|rest| rest.split('/').map(PointerStep::parse));
    let steps = parts.and_then(Iterator::collect);
    steps.ok_or_else(|| NoPlace(format!("`{pointer}` is not a JSON Pointer; write `/api_key`, or `/auth/key` for a member of a member")))
}

fn path(steps: &[PointerStep]) -> String {
    steps.iter().map(PointerStep::written).collect()
}

/// Counts the bytes that are written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Spot;

    const SECRET: &str = "s\"e\\cré\u{1}t";
    const WRITTEN: &str = r#""s\"e\\cré\u0001t""#;

    fn placed(body: &str, pointer: &str) -> Result<String, String> {
        let spot = Spot::find(body.as_bytes(), pointer).map_err(|error| error.to_string())?;
        let with = spot.with(SECRET);
        assert_eq!(with.len(), spot.bytes_with(SECRET), "{body} {pointer}");
        Ok(String::from_utf8(with).expect("it was UTF-8"))
    }

    #[test]
    fn a_member_is_set_and_all_else_stays_as_it_is_written() {
        for (body, pointer, before, after) in [
            ("{}", "/key", r#"{"key":"#, "}"),
            (" { } ", "/key", r#" { "key":"#, "} "),
            (r#"{"b":1.10, "a":1e400}"#, "/key", r#"{"b":1.10, "a":1e400,"key":"#, "}"),
            (
                r#"{"key":"old","n":18446744073709551617}"#,
                "/key",
                r#"{"key":"#,
                r#","n":18446744073709551617}"#,
            ),
            (
                r#"{"a":{"b":[1,{"k":""}]},"k":{}}"#,
                "/a/b/1/k",
                r#"{"a":{"b":[1,{"k":"#,
                r#"}]},"k":{}}"#,
            ),
            (r#"["x", "y"]"#, "/1", r#"["x", "#, "]"),
            (r#"{"a/b":{"~":{}}}"#, "/a~1b/~0/\"", r#"{"a/b":{"~":{"\"":"#, "}}}"),
            (r#"{"":{"":"x"}}"#, "//", r#"{"":{"":"#, "}}"),
            (r#"{"\u006bey":"old"}"#, "/key", r#"{"\u006bey":"#, "}"),
            (r#"{"0":{}}"#, "/0/x", r#"{"0":{"x":"#, "}}"),
            (r#" "old""#, "", " ", ""),
        ] {
            assert_eq!(
                placed(body, pointer),
                Ok(format!("{before}{WRITTEN}{after}")),
                "{body} {pointer}"
            );
        }
    }

    #[test]
    fn what_is_no_place_is_said_with_the_reason() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for (body, pointer, reason) in [
            ("{}", "key", "`key` is not a JSON Pointer"),
            ("{}", "/a~2", "`/a~2` is not a JSON Pointer"),
            ("", "/key", "the body is empty"),
            ("a=b", "/key", "the body cannot hold a secret: "),
            ("{} {}", "/key", "the body cannot hold a secret: "),
            (&deep, "/key", "the body has no `/key`"),
            ("{}", "/auth/key", "the body has no `/auth`"),
            (r#"{"auth":[{}]}"#, "/auth/1/key", "the body has no `/auth/1`"),
            (r#"{"auth":[{}]}"#, "/auth/00/key", "the body has no `/auth/00`"),
            (r#"{"auth":7}"#, "/auth/key", "`/auth` in the body is neither an object nor an array"),
            (r#"{"key":7}"#, "/key", "`/key` in the body is not a text"),
            (r#"{"key":null}"#, "/key", "`/key` in the body is not a text"),
            (r#"{"key":{"a":"b"}}"#, "/key", "`/key` in the body is not a text"),
            ("7", "", "`` in the body is not a text"),
            (r#"["x"]"#, "/1", "the body has no `/1`; a secret is not added to an array"),
            (r#"["x"]"#, "/-", "the body has no `/-`; a secret is not added to an array"),
            (r#"{"key":"a","key":"b"}"#, "/key", "the body has `/key` more than once"),
            (
                r#"{"a":{},"a":{}}"#,
                "/a/key",
                "the body cannot hold a secret: it has `a` more than once",
            ),
        ] {
            let error = placed(body, pointer).expect_err(body);
            assert!(error.starts_with(reason), "{body} {pointer}: {error}");
        }
        assert!(Spot::find(b"\"\xff\"", "/a").is_err());
    }

    #[test]
    fn no_error_repeats_what_stands_in_the_body() {
        for body in [
            r#"{"key":{"x":"hunter2"}}"#,
            r#"{"other":"hunter2""#,
            r#"{"key":"hunter2","key":"b"}"#,
        ] {
            let error = placed(body, "/key").expect_err(body);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
