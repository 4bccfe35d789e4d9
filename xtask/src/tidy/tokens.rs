//! Splits Rust source into words and signs with their lines, without comments and literals. It is
//! no parser: it knows no grammar.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    Word(&'a str),
    /// `::`
    Separator,
    Sign(char),
}

#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    pub line: usize,
    pub token: Token<'a>,
}

pub fn tokens(source: &str) -> Vec<Placed<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = next(rest, first);
        tokens.extend(token.map(|token| Placed { line, token }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the first item of `rest`, and the token if it is one.
fn next(rest: &str, first: char) -> (usize, Option<Token<'_>>) {
    if let Some(length) = comment(rest).or_else(|| literal(rest)) {
        return (length, None);
    }
    if rest.starts_with("::") {
        return (2, Some(Token::Separator));
    }
    if is_word(first) {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        return (length, Some(Token::Word(&rest[..length])));
    }
    (first.len_utf8(), (!first.is_whitespace()).then_some(Token::Sign(first)))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.starts_with("/*").then(|| block_comment(rest))
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        match here {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn literal(rest: &str) -> Option<usize> {
    let opening = ["", "b", "c"]
        .iter()
        .find(|prefix| rest[..].strip_prefix(**prefix).is_some_and(|text| text.starts_with('"')));
    if let Some(prefix) = opening {
        return Some(prefix.len() + quoted(&rest[prefix.len()..], '"'));
    }
    raw_string(rest).or_else(|| character(rest))
}

/// The length from the opening quote to after the closing one.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return at + 1;
        }
        if c == '\\' {
            characters.next();
        }
    }
    text.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = rest[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    let body = prefix.len() + hashes + 1;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(rest[body..].find(&closing).map_or(rest.len(), |at| body + at + closing.len()))
}

/// The length of a character literal. A lifetime has no closing quote.
fn character(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with("b'"));
    let mut characters = rest[prefix..].chars();
    match (characters.next()?, characters.next()?, characters.next()?) {
        ('\'', '\\', _) => Some(prefix + quoted(&rest[prefix..], '\'')),
        ('\'', inner, '\'') => Some(prefix + inner.len_utf8() + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<(usize, &str)> {
        let word = |placed: Placed<'static>| match placed.token {
            Token::Word(word) => Some((placed.line, word)),
            _ => None,
        };
        tokens(String::leak(source.to_owned())).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_are_left_out_and_lines_counted_on() {
        assert_eq!(words("a // x y\n/* x /* y\n */ z */ b"), [(1, "a"), (3, "b")]);
    }

    #[test]
    fn literals_are_left_out() {
        assert_eq!(words(r##"a "x \" y" b r#"x " y"# c b"x" d 'x' e '\'' f b'\n' g"##).len(), 7);
    }

    #[test]
    fn a_word_that_ends_like_a_raw_string_begins_is_a_word() {
        assert_eq!(
            words("for r#type in var"),
            [(1, "for"), (1, "r"), (1, "type"), (1, "in"), (1, "var")]
        );
    }

    #[test]
    fn a_lifetime_opens_no_character() {
        assert_eq!(words("&'a str, 'b'").len(), 2);
    }
}
