//! A plugin in a crate of its own, outside of this repository: the book's command builds the
//! book's crate, and its messages name what is missing. So does the crate of the SDK's own README, against the files
//! that would be published.

mod packages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use moothall_tests::TestHost;
use serde_json::json;

/// The names in the book and in the SDK's README.
const COMMAND: &str = "cargo build --target wasm32-wasip2 --release";
const COMPONENT: &str = "target/wasm32-wasip2/release/greeter.wasm";
const LIBRARY: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";
const SECOND: &str = "
mod choir {
    struct Choir;

    #[moothall_sdk::plugin(name = \"choir\")]
    impl Choir {}
}
";

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the repository")
}

/// The crate that a document shows.
struct OwnCrate {
    folder: tempfile::TempDir,
    manifest: String,
    source: String,
}

impl OwnCrate {
    fn of_the_book() -> Self {
        let own = Self::of("host/docs/authors/plugin.md", "../moothall");
        let manifest = own.manifest.replace("../moothall", &root().to_string_lossy());
        Self { manifest, ..own }
    }

    /// The crate in the document `document`, whose manifest contains `named`.
    fn of(document: &str, named: &str) -> Self {
        let root = root();
        let document = fs::read_to_string(root.join(document)).expect("a document");
        assert!(document.contains(COMMAND) && document.contains(COMPONENT), "it names both");
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("src")).expect("a folder");
        // With the same versions as this repository, so that cargo downloads nothing.
        fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("copied");
        let manifest = block(&document, "toml", named);
        Self { folder, manifest, source: block(&document, "rust", "struct Greeter;") }
    }

    /// Builds the component; returns cargo's messages on failure.
    fn built(&self, manifest: &str, source: &str) -> Result<Vec<u8>, String> {
        self.cargo(COMMAND, manifest, source)?;
        let component = self.folder.path().join(COMPONENT);
        Ok(fs::read(component).expect("the component is where the document says"))
    }

    /// Runs a command of cargo in the crate; returns its messages on failure.
    fn cargo(&self, command: &str, manifest: &str, source: &str) -> Result<(), String> {
        let path = |file: &str| self.folder.path().join(file);
        fs::write(path("Cargo.toml"), manifest).expect("written");
        fs::write(path("src/lib.rs"), source).expect("written");
        // Dependencies are built once, and stay for the next run.
        let target = root().join("target/own-crate");
        let link = path("target");
        if !link.exists() {
            fs::create_dir_all(&target).expect("a folder");
            std::os::unix::fs::symlink(&target, &link).expect("linked");
        }
        succeed(command, self.folder.path())
    }
}

/// Runs a command of cargo, as somebody who is in this folder would; returns its messages on failure.
fn succeed(command: &str, folder: &Path) -> Result<(), String> {
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).current_dir(folder).env("CARGO_NET_OFFLINE", "true");
    command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    let ended = command.output().expect("cargo runs");
    match ended.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    }
}

/// The block of code that contains this text.
fn block(document: &str, language: &str, has: &str) -> String {
    let mut blocks = document.split("```").skip(1).step_by(2);
    let found = blocks.find(|block| block.starts_with(language) && block.contains(has));
    let block = found.unwrap_or_else(|| panic!("the document has no {language} with `{has}`"));
    block[language.len()..].to_owned()
}

/// The errors that are not caused by others.
fn errors(said: &str) -> Vec<&str> {
    let errors = said.lines().filter_map(|line| line.strip_prefix("error: "));
    errors.filter(|error| !error.starts_with("could not compile")).collect()
}

/// Whether the host takes the component, and the plugin greets.
async fn greets(component: &[u8]) {
    let host = TestHost::with(&[]).start().await;
    host.put_plugin("greeter.wasm", component);
    moothall_tests::until("it serves", async || {
        (host.file("greeter.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "greeter", json!({ "greeting": "Hello" })).await;
    let greeting = host.result("acme", "greeter.greet", json!({ "name": "Ann" })).await;
    assert_eq!(greeting, json!({ "text": "Hello, Ann!", "greeted": 1 }));
}

#[tokio::test]
async fn a_plugin_outside_of_this_repository_is_built_as_the_book_says_or_told_what_it_lacks() {
    let own = OwnCrate::of_the_book();
    greets(&own.built(&own.manifest, &own.source).expect("it builds")).await;

    assert!(own.manifest.contains(LIBRARY), "{}", own.manifest);
    let said = own.built(&own.manifest.replace(LIBRARY, ""), &own.source).expect_err("no cdylib");
    let [only] = errors(&said)[..] else { panic!("{said}") };
    assert_eq!(
        only,
        "this plugin would become no component; write `[lib]` and `crate-type = [\"cdylib\"]` in its Cargo.toml"
    );

    let two = format!("{}{SECOND}", own.source);
    let said = own.built(&own.manifest, &two).expect_err("two plugins");
    let [only] = errors(&said)[..] else { panic!("{said}") };
    assert!(only.contains("`#[plugin]` on `Greeter` already; move `Choir`"), "{only}");
}
