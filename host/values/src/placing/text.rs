//! Goes through a JSON text, value by value. It keeps nothing, and repeats nothing of the text.

use std::borrow::Cow;

/// Why the text cannot be read.
#[derive(Debug)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub struct Text<'t> {
    text: &'t str,
    /// Always at the end, or at the first byte of a character.
    at: usize,
}

/// A container while its parts are read.
pub struct Open {
    close: u8,
    is_first: bool,
}

impl<'t> Text<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Refuses what stands after the value.
    pub fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("the end")),
        }
    }

    /// The first byte of what comes next, after white space.
    pub fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Enters the object or the array that comes next.
    pub fn open(&mut self) -> Result<Open, Wrong> {
        let close = match self.peek() {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            _ => return Err(self.wrong("an object or an array")),
        };
        self.at += 1;
        Ok(Open { close, is_first: true })
    }

    /// Moves to the container's next part. At the end, leaves it and says that there is none.
    pub fn next(&mut self, open: &mut Open) -> Result<bool, Wrong> {
        let is_first = std::mem::take(&mut open.is_first);
        match self.peek() {
            Some(found) if found == open.close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            _ if is_first => Ok(true),
            _ => Err(self.wrong("`,`, or the end of the object or array,")),
        }
    }

    /// A member's name; moves to its value.
    pub fn name(&mut self) -> Result<Cow<'t, str>, Wrong> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a key in quotes"));
        }
        let written = self.value()?;
        if self.peek() != Some(b':') {
            return Err(self.wrong("`:` after the key"));
        }
        self.at += 1;
        let inside = written.get(1..written.len() - 1).unwrap_or_default();
        Ok(if inside.contains('\\') { unescaped(inside).into() } else { inside.into() })
    }

    /// Moves past the value that comes next; returns its text.
    pub fn value(&mut self) -> Result<&'t str, Wrong> {
        let first = self.peek();
        let begin = self.at;
        match first {
            Some(b'{' | b'[') => self.container()?,
            Some(b'"') => self.string()?,
            _ => self.word()?,
        }
        Ok(self.text.get(begin..self.at).unwrap_or_default())
    }

    /// Moves past an object or array. It looks for its end alone: who gets the body refuses what else is wrong.
    fn container(&mut self) -> Result<(), Wrong> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.wrong("the end of an object or array")),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') if self.text.is_char_boundary(self.at + 2) => self.at += 2,
                Some(b'\\' | 0..=0x1f) | None => return Err(self.wrong("the rest of a text")),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A number, `true`, `false` or `null`. Who gets the body refuses any other word.
    fn word(&mut self) -> Result<(), Wrong> {
        let begin = self.at;
        while matches!(self.byte(), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E')) {
            self.at += 1;
        }
        if self.at == begin { Err(self.wrong("a value")) } else { Ok(()) }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self, wanted: &str) -> Wrong {
        Wrong(format!("{wanted} should stand at byte {}", self.at))
    }
}

/// The text that an escaped one stands for; nothing if it cannot be read.
fn unescaped(inside: &str) -> String {
    let mut text = String::new();
    let mut units = Vec::new();
    let mut rest = inside.chars();
    while let Some(character) = rest.next() {
        let read = match character {
            '\\' => rest.next().unwrap_or_default(),
            plain => {
                units.extend(plain.encode_utf16(&mut [0; 2]).iter());
                continue;
            }
        };
        units.push(match read {
            'b' => 8,
            'f' => 0xc,
            'n' => 0xa,
            'r' => 0xd,
            't' => 9,
            'u' => rest
                .by_ref()
                .take(4)
                .fold(0, |unit, digit| (unit << 4) | digit.to_digit(16).unwrap_or_default() as u16),
            plain => plain as u16,
        });
    }
    text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text
}
