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

/// A line for whoever runs the command, on standard error: it is no part of the result.
pub fn note(line: &str) {
    // If standard error is closed, nobody wants to know.
    drop(writeln!(std::io::stderr(), "{}", plain(line)));
}

/// A text of several lines, all but the first indented by so many letters, so that none of them looks like the beginning of
/// another message.
pub fn hanging(text: &str, letters: usize) -> String {
    text.replace('\n', &format!("\n{:letters$}", ""))
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
    use super::{hanging, plain};

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(plain("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(plain("1\u{1b}[2J\u{9b}x\u{7f}\r"), "1\\u001b[2J\\u009bx\\u007f\\u000d");
    }

    #[test]
    fn only_the_first_line_begins_at_the_margin() {
        assert_eq!(hanging("one\nmoothall: two\n\nthree", 2), "one\n  moothall: two\n  \n  three");
        assert_eq!(hanging("one", 2), "one");
    }
}
