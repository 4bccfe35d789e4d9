//! How plugin files are named.

/// The extension of plugin files, in upper or lower case.
const EXTENSION: &str = ".wasm";

/// What a file is called without its extension.
pub fn stem(file: &str) -> &str {
    let stem = file.len().checked_sub(EXTENSION.len()).and_then(|end| file.split_at_checked(end));
    stem.filter(|(_, end)| end.eq_ignore_ascii_case(EXTENSION)).map_or(file, |(stem, _)| stem)
}

/// Names that begin with a dot are none: macOS, for one, puts `._x.wasm` beside a file that it copies.
pub fn is_plugin_file(name: &str) -> bool {
    !name.starts_with('.') && stem(name) != name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_file_is_told_by_its_name() {
        for (name, stem_of) in [("x.wasm", "x"), ("X.WASM", "X"), ("a.b.Wasm", "a.b")] {
            assert!(is_plugin_file(name) && stem(name) == stem_of, "{name}");
        }
        for name in ["._x.wasm", ".wasm", ".x.wasm", "x.wasm.tmp", "x.wat", "wasm", "é"] {
            assert!(!is_plugin_file(name), "{name}");
        }
    }
}
