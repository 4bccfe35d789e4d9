//! Rules about a whole file: its first line, its length, its name.

use super::Problem;
use super::sources::Source;
use super::tokens::{Token, tokens};

/// The most lines of a file.
const MOST_LINES: usize = 400;
/// Names that say nothing: a module has to be named after its contents.
const DRAWERS: &[&str] =
    &["common", "helper", "helpers", "misc", "model", "models", "util", "utils"];

pub fn check(source: &Source, long_files: &[(&str, &str)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(without_purpose(source));
    problems.extend(too_long(source, long_files));
    problems.extend(drawer_by_path(source));
    problems.extend(inline_drawers(source));
    problems
}

/// Exceptions that are no longer needed.
pub fn stale_exceptions(sources: &[Source], long_files: &[(&str, &str)]) -> Vec<Problem> {
    let is_long = |path: &str| {
        sources.iter().any(|source| source.path == path && source.text.lines().count() > MOST_LINES)
    };
    let stale = long_files.iter().filter(|(path, _)| !is_long(path));
    let message =
        |reason| format!("no longer over {MOST_LINES} lines ({reason}); take it out of LONG_FILES");
    stale
        .map(|(path, reason)| Problem {
            path: (*path).to_owned(),
            line: 1,
            message: message(reason),
        })
        .collect()
}

fn without_purpose(source: &Source) -> Option<Problem> {
    let message =
        "begin with a `//!` line that says what the file is for and what it must never do";
    (!source.text.starts_with("//! ")).then(|| problem(source, 1, message))
}

fn too_long(source: &Source, long_files: &[(&str, &str)]) -> Option<Problem> {
    let lines = source.text.lines().count();
    let too_long = lines > MOST_LINES && !is_listed(source, long_files);
    let message =
        format!("{lines} lines; split it, or give a reason in LONG_FILES of xtask/src/tidy.rs");
    too_long.then(|| problem(source, lines, message))
}

fn drawer_by_path(source: &Source) -> Option<Problem> {
    let name =
        source.path.trim_end_matches(".rs").split('/').find(|name| DRAWERS.contains(name))?;
    Some(problem(source, 1, drawer(name)))
}

fn inline_drawers(source: &Source) -> Vec<Problem> {
    let tokens = tokens(&source.text);
    let mut problems = Vec::new();
    for window in tokens.windows(3) {
        if let [Token::Word("mod"), Token::Word(name), Token::Sign('{')] =
            window.iter().map(|t| t.token).collect::<Vec<_>>()[..]
            && DRAWERS.contains(&name)
        {
            problems.push(problem(source, window[0].line, drawer(name)));
        }
    }
    problems
}

fn drawer(name: &str) -> String {
    format!(
        "no module is called `{name}`; name it for what it holds, or put its parts beside their users"
    )
}

fn is_listed(source: &Source, long_files: &[(&str, &str)]) -> bool {
    long_files.iter().any(|(path, _)| *path == source.path)
}

fn problem(source: &Source, line: usize, message: impl Into<String>) -> Problem {
    Problem { path: source.path.clone(), line, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&source, &[("host/src/long.rs", "a table")]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clean_file_passes() {
        assert_eq!(messages("host/src/ids.rs", "//! Ids.\nmod tests {}\n"), [""; 0]);
    }

    #[test]
    fn a_file_that_does_not_say_its_purpose_first_is_found() {
        let found = messages("host/src/ids.rs", "#![x]\n//! Ids.\n");
        assert!(found[0].starts_with("host/src/ids.rs:1: begin with a `//!` line"), "{found:?}");
    }

    #[test]
    fn a_long_file_is_found_unless_it_is_listed() {
        let text = "//! x\n".repeat(MOST_LINES + 1);
        assert_eq!(messages("host/src/a.rs", &text).len(), 1);
        assert_eq!(messages("host/src/long.rs", &text), [""; 0]);
        assert_eq!(messages("host/src/a.rs", &"//! x\n".repeat(MOST_LINES)), [""; 0]);
    }

    #[test]
    fn an_exception_without_a_long_file_is_stale() {
        assert_eq!(stale_exceptions(&[], &[("host/src/long.rs", "a table")]).len(), 1);
    }

    #[test]
    fn drawers_are_found_as_file_folder_and_inline_module() {
        assert_eq!(messages("host/src/store/utils.rs", "//! x\n").len(), 1);
        assert_eq!(messages("tests/common/mod.rs", "//! x\n").len(), 1);
        let found = messages("host/src/a.rs", "//! x\n// mod util {\nmod helpers {}\n");
        assert!(
            found[0].starts_with("host/src/a.rs:3: no module is called `helpers`"),
            "{found:?}"
        );
    }
}
