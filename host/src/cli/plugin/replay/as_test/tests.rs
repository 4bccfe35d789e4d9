//! What is kept of a call, and that nothing of a recording becomes source text.

use std::collections::BTreeSet;

use moothall_values::recording::{Invocation, RecordedCall, RecordedFailure};
use serde_json::json;

use super::*;
use crate::cli::plugin::language::Language;

const ROOT: &str =
    "struct Other;\nimpl Other {}\n#[plugin(\n    name = \"x\",\n)]\nimpl MyPlugin {\n}\n";
const ID: &str = "call_01JDYG0V3K6M5Q8R9S0T1V2W3X";

fn recording(name: &str) -> Recording {
    let text = json!({
        "format": 1,
        "call": RecordedCall { id: ID.to_owned(), name: name.to_owned(), ..RecordedCall::default() },
        "context": {
            "community": "acme", "community_name": "", "instance": 1, "community_platform_id": null,
            "origin": "action", "config": "{}", "settings": "{}"
        },
        "limits": { "cpu_ms": 1, "wall_ms": 1, "memory_bytes": 1, "result_bytes": 1 },
        "input": Invocation { function: "actions.perform".to_owned(), arguments: Vec::new() },
        "imports": [], "readings": { "wall_ns": [], "monotonic_ns": [], "random": "", "insecure": "", "seed": "0" },
        "returned": { "output": "1" }, "failure": null, "cpu_us": 1, "not_replayable": null
    });
    Recording::parse(&text.to_string()).expect("it is a recording")
}

fn repeated(output: &str) -> Repeated {
    Repeated {
        returned: Returned::Output(output.into()),
        failure: None,
        imports: Vec::new(),
        missing: Vec::new(),
        differences: Vec::new(),
        cpu_us: 1,
        log: String::new(),
    }
}

fn project() -> (tempfile::TempDir, Project) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("src")).expect("a folder");
    std::fs::write(folder.path().join("src/lib.rs"), ROOT).expect("written");
    let project = Project { folder: folder.path().to_owned(), language: Language::Rust };
    (folder, project)
}

fn read(project: &Project, file: &str) -> String {
    std::fs::read_to_string(project.folder.join(file)).expect("it is there")
}

/// The lines of the module that are the same in all of them, and the others.
fn lines_of(module: &str) -> BTreeSet<String> {
    module.lines().map(str::to_owned).collect()
}

#[test]
fn the_plugins_type_is_the_one_behind_the_attribute() {
    assert_eq!(source::plugin_type(ROOT), Some("MyPlugin"));
    assert_eq!(source::plugin_type("impl Other {}"), None);
}

#[test]
fn nothing_of_a_recording_becomes_source_text() {
    let (_folder, project) = project();
    write(&project, &recording("greet"), "{}", &repeated("1")).expect("written");
    let harmless = lines_of(&read(&project, MODULE));
    let hostile = "greet\n}\n#[test]\nfn planted() {\r\u{2028}\u{202e}*/";
    let output = json!({ "text": "\"#); } fn planted() {} \u{8}\u{c}\u{1f}\u{202e}" }).to_string();
    write(&project, &recording(hostile), "{}", &repeated(&output)).expect("written");
    let module = read(&project, MODULE);
    let others: Vec<_> = lines_of(&module).difference(&harmless).cloned().collect();
    let [about] = &others[..] else { panic!("{module}") };
    assert!(about.starts_with("/// `greet?}?#[test]?fn planted() {???*/` of"), "{about}");
    let kept = read(&project, &format!("{FOLDER}/{}.returned.json", ID.to_lowercase()));
    assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON").to_string(), output);
}

#[test]
fn only_an_id_of_a_host_names_a_test() {
    assert_eq!(test_name(ID).ok(), Some(ID.to_lowercase()));
    let long = format!("call_{}", "1".repeat(source::NAME_BYTES));
    for id in ["", "call_1() {}", "call_../../x", "call_é", "r#fn", "1", "_", &long] {
        assert!(test_name(id).is_err(), "{id}");
    }
}

#[test]
fn a_call_that_the_recording_does_not_cover_is_not_kept() {
    let missing = vec!["state.get(\"other\")".to_owned()];
    let (_folder, project) = project();
    let repeated = Repeated { missing, ..repeated("1") };
    let refused = write(&project, &recording("greet"), "{}", &repeated).map_err(|e| e.to_string());
    assert!(refused.is_err_and(|said| said.contains("state.get(\"other\")")));
    assert!(!project.folder.join(MODULE).exists() && !project.folder.join(FOLDER).exists());
}

#[test]
fn a_test_of_the_same_call_is_replaced() {
    let (_folder, project) = project();
    let returned = format!("{FOLDER}/{}.returned.json", ID.to_lowercase());
    write(&project, &recording("greet"), "{}", &repeated("1")).expect("written");
    assert_eq!(read(&project, &returned), "1\n");
    let mut other = recording("other");
    other.call.id = "call_2".to_owned();
    write(&project, &other, "{}", &repeated("2")).expect("written");
    let failure = Some(RecordedFailure { code: "internal".to_owned(), detail: String::new() });
    let failed = Repeated { failure, ..repeated("3") };
    let said = write(&project, &recording("greet"), "{}", &failed).expect("written");
    assert!(said.contains("succeeds, which it does not yet"), "{said}");
    let module = read(&project, MODULE);
    let count = |text: &str| module.matches(text).count();
    assert_eq!(
        (count("#[test]"), count("/// `"), count("use crate::MyPlugin;")),
        (2, 2, 1),
        "{module}"
    );
    assert!(!project.folder.join(&returned).exists() && !module.contains("\n\n\n"), "{module}");
    assert_eq!(read(&project, "src/lib.rs").matches("mod replays;").count(), 1);
}
