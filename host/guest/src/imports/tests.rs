//! The places of an import, and the message about one that the host does not have.

use std::path::Path;

use super::*;

/// `wit/README.md` says how to add an import.
#[test]
fn each_import_of_the_contract_is_in_all_places_of_the_checklist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let worlds = include_str!("../../../../wit/worlds.wit");
    let table = include_str!("../../../../wit/README.md");
    let import = |line: &'static str| line.trim().strip_prefix("import ")?.strip_suffix(';');
    let names: Vec<&str> = worlds.lines().filter_map(import).collect();
    assert!(names.contains(&"state"), "{names:?}");
    for name in names {
        assert!(OURS.1.contains(&name), "`{name}` is not in `OURS`");
        let row = format!("| `{name}.wit` | import |");
        assert!(table.contains(&row), "the table of wit/README.md has no row `{row}`");
        for folder in ["host/guest/src/imports", "plugin-sdk/src", "plugin-sdk/src/testing/imports"]
        {
            let file = format!("{folder}/{}.rs", name.replace('-', "_"));
            assert!(root.join(&file).is_file(), "`{name}` has no file {file}");
        }
    }
}

#[test]
fn a_missing_import_says_what_there_is() {
    assert_eq!(missing("wasi:cli/environment@0.2.6"), None);
    assert_eq!(missing("moothall:plugin/state@0.1.3"), None);
    assert!(missing("moothall:plugin/state@0.2.0").unwrap().contains("version 0.1.0"));
    assert!(missing("moothall:plugin/telepathy@0.1.0").unwrap().contains("state, types"));
    assert!(missing("acme:db/query@1.0.0").unwrap().contains("nothing of `acme:db`"));
}
