//! Finds the paths that a source file names, in `use` trees and in code, with `crate`, `self` and
//! `super` resolved. Must never guess what a relative name means: those stay as written.

use super::tokens::{Placed, Token, tokens};

#[derive(Debug, PartialEq)]
pub struct UsedPath {
    pub line: usize,
    /// The parts of the path. It begins with `crate` if the path points into the same crate and
    /// says so.
    pub segments: Vec<String>,
}

/// The module of a file under `src/`: `store/writer.rs` is `[store, writer]`.
pub fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "lib" | "main" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

pub fn used_paths(source: &str, module: &[String]) -> Vec<UsedPath> {
    let mut reader = Reader {
        tokens: tokens(source),
        module: module.to_vec(),
        inline: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    let mut at = 0;
    while at < reader.tokens.len() {
        at = reader.step(at);
    }
    reader.found
}

struct Reader<'a> {
    tokens: Vec<Placed<'a>>,
    /// The current module: the file's, and the inline ones around.
    module: Vec<String>,
    /// The brace depth at which each inline module began.
    inline: Vec<usize>,
    depth: usize,
    found: Vec<UsedPath>,
}

impl<'a> Reader<'a> {
    fn token(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).map(|placed| placed.token)
    }

    /// Reads the path at `at`, and returns where to go on.
    fn step(&mut self, at: usize) -> usize {
        match (self.token(at), self.token(at + 1), self.token(at + 2)) {
            (Some(Token::Word("mod")), Some(Token::Word(name)), Some(Token::Sign('{'))) => {
                self.enter(name);
                at + 3
            }
            // `use<'a>` in a bound names lifetimes.
            (Some(Token::Word("use")), Some(next), _) if next != Token::Sign('<') => {
                self.tree(at + 1, &[])
            }
            (Some(Token::Word(_)), Some(Token::Separator), Some(Token::Word(_))) => {
                self.inline_path(at)
            }
            (Some(Token::Sign(sign)), ..) => {
                self.brace(sign);
                at + 1
            }
            _ => at + 1,
        }
    }

    fn enter(&mut self, name: &str) {
        self.inline.push(self.depth);
        self.module.push(name.to_owned());
        self.depth += 1;
    }

    fn brace(&mut self, sign: char) {
        match sign {
            '{' => self.depth += 1,
            '}' => self.depth = self.depth.saturating_sub(1),
            _ => return,
        }
        if sign == '}' && self.inline.last() == Some(&self.depth) {
            self.inline.pop();
            self.module.pop();
        }
    }

    fn inline_path(&mut self, start: usize) -> usize {
        let mut segments = Vec::new();
        let mut at = start;
        while let Some(Token::Word(word)) = self.token(at) {
            segments.push(word.to_owned());
            if self.token(at + 1) != Some(Token::Separator) {
                at += 1;
                break;
            }
            at += 2;
        }
        self.record(start, segments);
        at
    }

    /// One branch of a `use` tree, up to the sign that ends it.
    fn tree(&mut self, start: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let mut at = start;
        loop {
            match self.token(at) {
                Some(Token::Word("as")) => at += 2,
                Some(Token::Word(word)) => {
                    segments.push(word.to_owned());
                    at += 1;
                }
                Some(Token::Separator | Token::Sign('*')) => at += 1,
                Some(Token::Sign('{')) => return self.branches(at, &segments),
                _ => break,
            }
        }
        self.record(start, segments);
        at
    }

    fn branches(&mut self, opening: usize, prefix: &[String]) -> usize {
        let mut at = opening + 1;
        loop {
            match self.token(at) {
                Some(Token::Sign(',')) => at += 1,
                Some(Token::Sign('}')) | None => return at + 1,
                // A branch always moves on unless the source is not Rust.
                Some(_) => at = self.tree(at, prefix).max(at + 1),
            }
        }
    }

    fn record(&mut self, at: usize, segments: Vec<String>) {
        let Some(placed) = self.tokens.get(at) else {
            return;
        };
        let segments = resolve(segments, &self.module);
        self.found.push(UsedPath { line: placed.line, segments });
    }
}

fn resolve(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let is_self = segments.first().is_some_and(|first| first == "self");
    if supers == 0 && !is_self {
        return segments;
    }
    let base = &module[..module.len().saturating_sub(supers)];
    let rest = segments.into_iter().skip(supers.max(1));
    std::iter::once("crate".to_owned()).chain(base.iter().cloned()).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        let used = used_paths(source, &module_of("store/writer.rs"));
        used.into_iter().map(|path| format!("{} {}", path.line, path.segments.join("::"))).collect()
    }

    #[test]
    fn use_trees_are_spread_out() {
        let tree = "use std::{env, io::{self, Write as _}};\nuse crate::ids::*;";
        assert_eq!(
            found(tree),
            ["1 std::env", "1 std::io::self", "1 std::io::Write", "2 crate::ids"]
        );
    }

    #[test]
    fn paths_in_the_code_are_found_and_local_names_are_not() {
        let code = "fn f(a: wasmtime::Engine) -> Vec<u8> {\n  let axum = a; $crate::http::x!(); <T as rusqlite::ToSql>::y() }";
        assert_eq!(found(code), ["1 wasmtime::Engine", "2 crate::http::x", "2 rusqlite::ToSql"]);
    }

    #[test]
    fn self_and_super_are_resolved_also_in_inline_modules() {
        let code = "use super::read;\nmod tests { use super::*; fn f() { super::super::super::http::x() } }\nuse self::a::b;";
        assert_eq!(
            found(code),
            [
                "1 crate::store::read",
                "2 crate::store::writer",
                "2 crate::http::x",
                "3 crate::store::writer::a::b"
            ]
        );
    }

    #[test]
    fn a_captured_lifetime_is_no_import() {
        assert_eq!(found("fn f<'a>() -> impl Sized + use<'a> {}"), [""; 0]);
    }
}
