//! Goes through a JSON text, token by token. It knows no types, so that it is compiled once.

use std::borrow::Cow;

use serde::de::{Error as _, Expected, Unexpected};

use super::number::Number;
use crate::misfit::Misfit;

/// The most containers inside one another, as in `serde_json`.
const DEPTH: usize = 127;

pub struct Reader<'t> {
    text: &'t str,
    /// Always at the end, or at the first byte of a character.
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t [u8]) -> Result<Self, Misfit> {
        match std::str::from_utf8(text) {
            Ok(text) => Ok(Self { text, at: 0, depth: 0 }),
            Err(_) => Err(Misfit::new("the text is not UTF-8".to_owned())),
        }
    }

    /// Refuses what stands after the value.
    pub fn end(&mut self) -> Result<(), Misfit> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("trailing characters")),
        }
    }

    /// The first byte of what comes next, after white space.
    pub fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let space = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += space.unwrap_or(rest.len());
        rest.get(space?).copied()
    }

    /// Moves past `null`, if that comes next.
    pub fn is_null(&mut self) -> Result<bool, Misfit> {
        match self.peek() {
            Some(b'n') => self.word("null").map(|()| true),
            _ => Ok(false),
        }
    }

    pub fn bool(&mut self, expected: &dyn Expected) -> Result<bool, Misfit> {
        match self.peek() {
            Some(b't') => self.word("true").map(|()| true),
            Some(b'f') => self.word("false").map(|()| false),
            _ => Err(self.unexpected(expected)),
        }
    }

    pub fn string(&mut self, expected: &dyn Expected) -> Result<Cow<'t, str>, Misfit> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            _ => Err(self.unexpected(expected)),
        }
    }

    pub fn number(&mut self, expected: &dyn Expected) -> Result<Number, Misfit> {
        let digits = self.digits(expected)?;
        Number::read(digits).ok_or_else(|| self.wrong("number out of range"))
    }

    /// A number as it is written.
    pub fn digits(&mut self, expected: &dyn Expected) -> Result<&'t str, Misfit> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.written(),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Enters an array (`[`) or an object (`{`).
    pub fn open(&mut self, bracket: u8, expected: &dyn Expected) -> Result<(), Misfit> {
        if self.peek() != Some(bracket) {
            return Err(self.unexpected(expected));
        }
        if self.depth == DEPTH {
            return Err(self.wrong("recursion limit exceeded"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Whether the container has another part; if so, moves to it.
    pub fn goes_on(&mut self, bracket: u8, is_first: bool) -> Result<bool, Misfit> {
        match self.peek() {
            Some(found) if found == bracket => Ok(false),
            _ if is_first => Ok(true),
            Some(b',') => {
                self.at += 1;
                match self.peek() == Some(bracket) {
                    true => Err(self.wrong("trailing comma")),
                    false => Ok(true),
                }
            }
            _ => Err(self.wrong("expected `,` or the end of the list or object")),
        }
    }

    /// Leaves a container, of which nothing may be left.
    pub fn close(&mut self, bracket: u8) -> Result<(), Misfit> {
        if self.peek() != Some(bracket) {
            return Err(self.wrong("there is more than expected"));
        }
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// The name of a member; moves to its value.
    pub fn name(&mut self) -> Result<Cow<'t, str>, Misfit> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("key must be a string"));
        }
        let name = self.quoted()?;
        if self.peek() != Some(b':') {
            return Err(self.wrong("expected `:`"));
        }
        self.at += 1;
        Ok(name)
    }

    /// Moves past a value; returns its text.
    pub fn skip(&mut self) -> Result<&'t str, Misfit> {
        let begin = self.peek().map_or(self.at, |_| self.at);
        match self.peek() {
            Some(b'{') => {
                self.open(b'{', &"a value")?;
                let mut is_first = true;
                while self.goes_on(b'}', std::mem::take(&mut is_first))? {
                    self.name()?;
                    self.skip()?;
                }
                self.close(b'}')?;
            }
            Some(b'[') => {
                self.open(b'[', &"a value")?;
                let mut is_first = true;
                while self.goes_on(b']', std::mem::take(&mut is_first))? {
                    self.skip()?;
                }
                self.close(b']')?;
            }
            Some(b'"') => drop(self.quoted()?),
            Some(b'-' | b'0'..=b'9') => {
                self.written()?;
            }
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            _ => self.word("null")?,
        }
        Ok(self.since(begin))
    }

    /// What to say of a value of another type than a reader expects.
    #[cold]
    #[inline(never)]
    pub fn unexpected(&mut self, expected: &dyn Expected) -> Misfit {
        let found = match self.peek() {
            Some(b'{') => Unexpected::Map,
            Some(b'[') => Unexpected::Seq,
            Some(b'n') => Unexpected::Unit,
            Some(b't') => Unexpected::Bool(true),
            Some(b'f') => Unexpected::Bool(false),
            Some(b'"') => {
                return match self.quoted() {
                    Ok(text) => Misfit::invalid_type(Unexpected::Str(&text), expected),
                    Err(error) => error,
                };
            }
            Some(b'-' | b'0'..=b'9') => match self.written().map(Number::read) {
                Ok(number) => {
                    number.map_or(Unexpected::Other("a number"), |number| number.as_unexpected())
                }
                Err(error) => return error,
            },
            Some(_) => return self.wrong("expected value"),
            None => return self.wrong("EOF while parsing a value"),
        };
        Misfit::invalid_type(found, expected)
    }

    /// A misfit with line and column, for a text that is not JSON at all.
    #[cold]
    #[inline(never)]
    pub fn wrong(&self, message: &str) -> Misfit {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        Misfit::new(format!("{message} at line {line} column {column}"))
    }

    fn word(&mut self, word: &str) -> Result<(), Misfit> {
        if !self.text.as_bytes().get(self.at..).unwrap_or_default().starts_with(word.as_bytes()) {
            return Err(self.wrong("expected value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Moves past a number; returns it as it is written.
    fn written(&mut self) -> Result<&'t str, Misfit> {
        let begin = self.at;
        self.at += usize::from(self.next_is(b"-"));
        match self.next_is(b"0") {
            // No digit may follow a leading zero.
            true => self.at += 1,
            false => self.some_digits()?,
        }
        if self.next_is(b".") {
            self.at += 1;
            self.some_digits()?;
        }
        if self.next_is(b"eE") {
            self.at += 1;
            self.at += usize::from(self.next_is(b"+-"));
            self.some_digits()?;
        }
        match self.next_is(b"0123456789") {
            true => Err(self.wrong("invalid number")),
            false => Ok(self.since(begin)),
        }
    }

    fn some_digits(&mut self) -> Result<(), Misfit> {
        if !self.next_is(b"0123456789") {
            return Err(self.wrong("invalid number"));
        }
        while self.next_is(b"0123456789") {
            self.at += 1;
        }
        Ok(())
    }

    fn next_is(&self, any: &[u8]) -> bool {
        self.text.as_bytes().get(self.at).is_some_and(|byte| any.contains(byte))
    }

    /// Reads a text in quotes.
    fn quoted(&mut self) -> Result<Cow<'t, str>, Misfit> {
        self.at += 1;
        let plain = self.plain();
        if self.next_is(b"\"") {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => text.push(self.escaped()?),
                Some(_) => return Err(self.wrong("control character found while parsing a string")),
                None => return Err(self.wrong("EOF while parsing a string")),
            }
            text.push_str(self.plain());
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Moves past the characters that stand for themselves.
    fn plain(&mut self) -> &'t str {
        let begin = self.at;
        let rest = self.text.as_bytes().get(begin..).unwrap_or_default();
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.at += plain.unwrap_or(rest.len());
        self.since(begin)
    }

    fn escaped(&mut self) -> Result<char, Misfit> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        let character = match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("invalid escape")),
        };
        self.at += 2;
        Ok(character)
    }

    /// Reads an escaped character; the two halves of a surrogate pair are one.
    fn unicode(&mut self) -> Result<char, Misfit> {
        let first = self.unit()?;
        let units = match first {
            0xd800..=0xdbff if self.next_is(b"\\") => [first, self.unit()?],
            _ => [first, 0],
        };
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(self.wrong("lone surrogate in a string")),
        }
    }

    /// Reads `\uXXXX`.
    fn unit(&mut self) -> Result<u16, Misfit> {
        let digits = self.text.get(self.at..self.at + 6).and_then(|unit| unit.strip_prefix("\\u"));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.wrong("invalid escape"))?;
        self.at += 6;
        Ok(unit)
    }

    fn since(&self, begin: usize) -> &'t str {
        self.text.get(begin..self.at).unwrap_or_default()
    }
}
