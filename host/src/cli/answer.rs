//! What a command prints.

use std::borrow::Cow;
use std::io::Write;

use anyhow::Context;

/// A line of a command's result.
pub fn answer(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", plain(line))
        .and_then(|()| out.flush())
        .context("standard output cannot be written")
}

/// The text without what a terminal would obey, which a plugin's file or a host may have put into it: control characters
/// are written as JSON escapes them.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed = |letter: char| letter.is_control() && !['\n', '\t'].contains(&letter);
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_obeyed(letter) {
            true => plain.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => plain.push(letter),
        }
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(plain("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(plain("1\u{1b}[2J\u{9b}x\u{7f}\r"), "1\\u001b[2J\\u009bx\\u007f\\u000d");
    }
}
