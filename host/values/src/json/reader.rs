//! Reads a text in one pass: it checks the syntax, and refuses what later readers could not represent. It
//! builds what its caller asks for.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Number;

use super::refusal::{Refusal, escape};

/// What to build from the parts of a text. A check builds nothing.
pub trait Part<'t>: Sized {
    /// A text, number or word (`true`, `null`), as it is written.
    fn scalar(token: &'t str) -> Self;
    fn items(items: Vec<Self>) -> Self;
    fn members(members: Vec<(Cow<'t, str>, Self)>) -> Self;
}

impl<'t> Part<'t> for () {
    fn scalar(_: &'t str) -> Self {}
    fn items(_: Vec<Self>) -> Self {}
    fn members(_: Vec<(Cow<'t, str>, Self)>) -> Self {}
}

/// Up to this many names are compared with each other one by one.
const FEW_NAMES: usize = 16;
/// A number with at most this many digits before the point is certainly not too large.
const SAFE_DIGITS: usize = 300;
/// The most bytes of a pointer, or of the text, that a refusal repeats.
const SHOWN_BYTES: usize = 200;

/// `depth` is the most containers inside one another.
pub fn read<'t, T: Part<'t>>(text: &'t str, depth: usize) -> Result<T, Refusal> {
    let mut reader = Reader { text, at: 0, place: Vec::new(), depth };
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Always at the end, or at the first byte of a character.
    at: usize,
    /// The path from the root to the current value.
    place: Vec<PathStep<'t>>,
    depth: usize,
}

enum PathStep<'t> {
    Item(usize),
    Member(Cow<'t, str>),
}

impl<'t> Reader<'t> {
    fn value<T: Part<'t>>(&mut self) -> Result<T, Refusal> {
        self.space();
        let begin = self.at;
        match self.peek() {
            Some(b'{') => return self.object(),
            Some(b'[') => return self.array(),
            Some(b'"') => drop(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => return Err(self.unexpected("a value")),
        }
        Ok(T::scalar(self.since(begin)))
    }

    fn object<T: Part<'t>>(&mut self) -> Result<T, Refusal> {
        self.enter()?;
        let mut members = Vec::new();
        if !self.is_closed(b'}') {
            loop {
                self.space();
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a key in quotes"));
                }
                let name = self.name()?;
                self.space();
                self.expect(b':', "`:` after the key")?;
                self.place.push(PathStep::Member(name));
                let value = self.value()?;
                if let Some(PathStep::Member(name)) = self.place.pop() {
                    members.push((name, value));
                }
                if !self.goes_on(b'}', "`,` or `}`")? {
                    break;
                }
            }
        }
        match twice(&members) {
            None => Ok(T::members(members)),
            Some(name) => {
                self.place.push(PathStep::Member(name.to_owned().into()));
                Err(self.refuse(
                    "the key stands twice in its object; readers differ in which one counts",
                ))
            }
        }
    }

    fn array<T: Part<'t>>(&mut self) -> Result<T, Refusal> {
        self.enter()?;
        let mut items = Vec::new();
        if !self.is_closed(b']') {
            loop {
                self.place.push(PathStep::Item(items.len()));
                let value = self.value()?;
                self.place.pop();
                items.push(value);
                if !self.goes_on(b']', "`,` or `]`")? {
                    break;
                }
            }
        }
        Ok(T::items(items))
    }

    /// Moves past the opening bracket; refuses one level too many.
    fn enter(&mut self) -> Result<(), Refusal> {
        if self.place.len() == self.depth {
            return Err(self.refuse(format!("it is nested more than {} levels deep", self.depth)));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the container is empty; if so, moves past its end.
    fn is_closed(&mut self, close: u8) -> bool {
        self.space();
        let closed = self.peek() == Some(close);
        self.at += usize::from(closed);
        closed
    }

    fn goes_on(&mut self, close: u8, wanted: &str) -> Result<bool, Refusal> {
        self.space();
        let byte = self.peek();
        if byte != Some(b',') && byte != Some(close) {
            return Err(self.unexpected(wanted));
        }
        self.at += 1;
        Ok(byte == Some(b','))
    }

    fn name(&mut self) -> Result<Cow<'t, str>, Refusal> {
        let begin = self.at;
        let has_escapes = self.string()?;
        let token = self.since(begin);
        if !has_escapes {
            return Ok(Cow::Borrowed(inside(token)));
        }
        let name = serde_json::from_str::<String>(token);
        name.map(Cow::Owned).map_err(|error| self.refuse(format!("a key cannot be read: {error}")))
    }

    /// Moves past a text's closing quote; returns whether it has escapes.
    fn string(&mut self) -> Result<bool, Refusal> {
        self.at += 1;
        let mut has_escapes = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.at += plain.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(has_escapes);
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(_) => {
                    return Err(self.wrong("a control character stands in a text; escape it"));
                }
                None => return Err(self.unexpected("the closing quote of a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode(),
            _ => Err(self.wrong("after `\\` stands none of \" \\ / b f n r t u")),
        }
    }

    /// Moves past one escaped character; the two halves of a surrogate pair are one.
    fn unicode(&mut self) -> Result<(), Refusal> {
        let begin = self.at;
        let is_whole = match self.unit()? {
            0xd800..=0xdbff => {
                let follows = self.text.as_bytes().get(self.at..).unwrap_or_default();
                follows.starts_with(b"\\u") && matches!(self.unit()?, 0xdc00..=0xdfff)
            }
            0xdc00..=0xdfff => false,
            _ => true,
        };
        if is_whole {
            return Ok(());
        }
        let half = self.text.get(begin..begin + 6).unwrap_or_default();
        let message = format!(
            "`{half}` is half of a surrogate pair and no character by itself; send the pair"
        );
        Err(self.refuse(message))
    }

    /// Moves past `\uXXXX`.
    fn unit(&mut self) -> Result<u16, Refusal> {
        let digits = self.text.get(self.at + 2..self.at + 6);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit =
            unit.ok_or_else(|| self.wrong("after `\\u` stand no four hexadecimal digits"))?;
        self.at += 6;
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), Refusal> {
        let begin = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = match self.peek() {
            // No digit may follow a leading zero.
            Some(b'0') => {
                self.at += 1;
                1
            }
            _ => self.digits("a digit")?,
        };
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("a digit after the point")?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits("a digit of the exponent")?;
        }
        let token = self.since(begin);
        if (has_exponent || whole > SAFE_DIGITS) && serde_json::from_str::<Number>(token).is_err() {
            let message =
                format!("{} is beyond what a number can be here, about 1.7e308", shown(token));
            return Err(self.refuse(message));
        }
        Ok(())
    }

    /// Moves past one digit or more; returns how many.
    fn digits(&mut self, wanted: &str) -> Result<usize, Refusal> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.unexpected(wanted));
        }
        self.at += count;
        Ok(count)
    }

    fn word(&mut self, word: &str) -> Result<(), Refusal> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8, wanted: &str) -> Result<(), Refusal> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, begin: usize) -> &'t str {
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn unexpected(&self, wanted: &str) -> Refusal {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.wrong(format!("the text ends where {wanted} should stand")),
            Some(found) => self.wrong(format!("{} stands where {wanted} should", named(found))),
        }
    }

    /// A refusal with line and column, for a text that is not JSON at all.
    fn wrong(&self, message: impl Into<String>) -> Refusal {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message: String = message.into();
        self.refuse(format!("{message} (line {line}, column {column})"))
    }

    fn refuse(&self, message: impl Into<String>) -> Refusal {
        let mut path = String::new();
        for step in &self.place {
            path.push('/');
            match step {
                PathStep::Item(index) => path.push_str(&index.to_string()),
                PathStep::Member(name) => path.push_str(&escape(name)),
            }
        }
        Refusal { path: shown(&path), message: message.into() }
    }
}

/// A character as a message shows it.
fn named(found: char) -> String {
    match found {
        '\'' => "an apostrophe".to_owned(),
        '\\' => "a backslash".to_owned(),
        '\u{feff}' => "a byte order mark (U+FEFF)".to_owned(),
        _ if found.escape_debug().len() > 1 => {
            format!("the character U+{:04X}, which cannot be seen,", u32::from(found))
        }
        _ => format!("'{found}'"),
    }
}

/// A name that two members have.
fn twice<'m, T>(members: &'m [(Cow<'_, str>, T)]) -> Option<&'m str> {
    let mut names = members.iter().map(|(name, _)| name.as_ref());
    if members.len() > FEW_NAMES {
        let mut seen = HashSet::with_capacity(members.len());
        return names.find(|name| !seen.insert(*name));
    }
    let is_again = |(index, name): &(usize, &str)| {
        members.iter().take(*index).any(|(before, _)| before.as_ref() == *name)
    };
    names.enumerate().find(is_again).map(|(_, name)| name)
}

fn shown(text: &str) -> String {
    match text.len() > SHOWN_BYTES {
        true => format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES)]),
        false => text.to_owned(),
    }
}

/// The text without its quotes.
fn inside(token: &str) -> &str {
    token.get(1..token.len() - 1).unwrap_or_default()
}
