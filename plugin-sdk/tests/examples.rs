//! Everything that the contract lets a plugin do has an example that runs: each import in the module of its name, each
//! attribute at its re-export.

use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
}

/// Whether a comment begins an example that rustdoc runs.
fn has_example(text: &str) -> bool {
    text.lines().any(|line| matches!(line.trim(), "/// ```" | "//! ```"))
}

#[test]
fn every_import_of_the_contract_has_an_example() {
    let worlds = read("wit/worlds.wit");
    let imports: Vec<&str> = worlds
        .lines()
        .filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'))
        .collect();
    assert!(imports.len() >= 10, "{imports:?}");
    for import in imports {
        assert!(has_example(&read(&format!("src/{import}.rs"))), "src/{import}.rs has no example");
    }
}

#[test]
fn every_attribute_has_an_example_or_says_where_one_is() {
    let mut attributes = 0;
    for file in ["src/attributes.rs", "src/attributes/background.rs"] {
        let text = read(file);
        // What follows the last one is no attribute.
        let (before_each, _) =
            text.rsplit_once("pub use moothall_sdk_macros::").expect("attributes");
        for before in before_each.split("pub use moothall_sdk_macros::") {
            let says_where = before.contains("](crate::");
            assert!(has_example(before) || says_where, "{file}: no example after {before}");
            attributes += 1;
        }
    }
    assert_eq!(attributes, 15);
}
