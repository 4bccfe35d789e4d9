//! The commands in the chapters of the book give the answers that are written below them, and the code in them works.
//! `CONTRIBUTING.md` says what a chapter may contain.

mod reading;
mod verifying;

use std::path::{Path, PathBuf};

use moothall_tests::command_line::command;
use moothall_tests::{curl, node, python};

use reading::Reading;

/// Chapters whose commands another test runs, and the file of that test.
const ELSEWHERE: &[(&str, &str)] = &[
    ("moving-from-metagov.md", "platforms/moving_from_metagov.rs"),
    ("plugin-commands.md", "plugin_new.rs"),
    ("replay.md", "replay.rs"),
];

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs")
}

fn chapter(path: &str) -> String {
    std::fs::read_to_string(book().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The chapters in the order of the book: those of a folder, or those beside it.
fn chapters(folder: Option<&str>) -> Vec<String> {
    let summary = chapter("SUMMARY.md");
    let links = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let folder_of = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    links.filter(|path| folder_of(path).as_deref() == folder).map(str::to_owned).collect()
}

/// Plays every chapter of a part; returns how many commands they have.
async fn played(folder: Option<&str>) -> usize {
    let mut commands = 0;
    for path in chapters(folder) {
        if !ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == path) {
            commands += Reading::of(&path, &chapter(&path)).play().await;
        }
    }
    commands
}

#[tokio::test]
async fn the_guide_of_authors_works() {
    assert!(played(Some("authors")).await >= 15);
}

#[tokio::test]
async fn the_guide_of_drivers_works() {
    assert!(played(Some("drivers")).await >= 20);
}

#[tokio::test]
async fn the_guide_of_operators_works() {
    assert!(played(Some("operators")).await >= 8);
}

#[tokio::test]
async fn what_other_chapters_show_works() {
    played(None).await;
    for (path, test) in ELSEWHERE {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e").join(test);
        let text = std::fs::read_to_string(tests).expect("the test");
        assert!(text.contains(path), "{test} does not run the commands of {path}");
    }
}

#[test]
fn the_pages_that_are_made_of_the_program_are_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    for page in ["settings", "metrics"] {
        let said = command(folder.path(), &["reference", page]).succeeded();
        let there = chapter(&format!("operators/{page}.md"));
        assert!(said == there, "`cargo xtask reference` writes the page of {page} anew");
    }
}

/// The client that is shown is a part of the one that mypy checks.
#[test]
fn the_typed_client_is_one_that_is_checked() {
    let checked = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/client.py");
    let checked = std::fs::read_to_string(checked).expect("a client");
    let blocks = curl::blocks(&chapter("drivers/clients.md"));
    let shown = blocks.iter().find(|(language, _)| language == "python").expect("a client");
    for line in shown.1.lines() {
        assert!(checked.lines().any(|known| known == line), "nothing checks `{line}`");
    }
}

/// Where the generators of clients are that a driver would install.
fn generators() -> String {
    let folders = [python::programs()].into_iter().chain(node::programs());
    folders.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}
