//! The commands in the READMEs give the answers that are written below them.

use std::path::{Path, PathBuf};

use moothall_tests::{Answer, Receiver, Setup, TestHost, curl, platforms};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The address of a platform in documents; it answers 200 to every request.
const PLATFORM: &str = "http://127.0.0.1:9000";

/// Runs a document's commands against a fresh host; returns how many there were.
async fn play(document: &Path, setup: Setup) -> usize {
    let host = setup.start().await;
    let text = std::fs::read_to_string(document).expect("the document is there");
    play_text(&text, &host).await
}

/// The same for an example plugin, with the configuration in its README, and its platform.
pub async fn play_plugin(folder: &Path) -> usize {
    let platform = Receiver::start().await;
    let document = folder.join("README.md");
    let text = std::fs::read_to_string(&document).expect("the document is there");
    let text = text.replace(PLATFORM, &platform.url);
    let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
    let text = platforms::in_readme(&name, text).await;
    let setup = TestHost::with(&["tutorial", &name]).toml(&curl::configuration(&text));
    play_text(&text, &setup.start().await).await
}

async fn play_text(text: &str, host: &TestHost) -> usize {
    let examples = curl::examples(text);
    for example in &examples {
        let response = example.command.to(host).send().await.expect("the host answers");
        let answer = Answer::read(response).await.expect("the answer arrives whole");
        curl::hold(&answer, example.answer.as_ref());
    }
    examples.len()
}

#[tokio::test]
async fn the_readme_s_commands_work() {
    assert!(
        play(&root().join("README.md"), TestHost::with(&["tutorial", "randomness"])).await >= 3
    );
}

#[tokio::test]
async fn the_commands_of_every_example_plugin_s_readme_work() {
    let plugins = std::fs::read_dir(root().join("example-plugins")).expect("example plugins");
    let folders = plugins.map(|plugin| plugin.expect("a folder can be listed").path());
    // A plugin in another language is there only if its toolchain is: see `languages`.
    for folder in folders.filter(|folder| folder.join("Cargo.toml").is_file()) {
        assert!(play_plugin(&folder).await >= 3, "{folder:?} shows too little");
    }
}

#[test]
fn the_world_that_the_contracts_readme_prints_is_one() {
    let wit = root().join("wit");
    let readme = std::fs::read_to_string(wit.join("README.md")).expect("a README");
    let world = readme.split_once("```wit\n").and_then(|(_, rest)| rest.split_once("```"));
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(&wit).expect("the contract") {
        let from = entry.expect("a file can be listed").path();
        let name = from.file_name().expect("a file has a name");
        std::fs::copy(&from, folder.path().join(name)).expect("copied");
    }
    let file = folder.path().join("world.wit");
    std::fs::write(file, world.expect("a block with a world").0).expect("written");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder.path()).expect("it parses with the contract");
    let world = resolve.select_world(&[package], Some("component")).expect("its name");
    assert!(resolve.worlds[world].exports.len() >= 2, "it exports `plugin` and something");
}
