//! The files that `cargo package` makes of the SDK are enough to build a plugin and to run its tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{OwnCrate, greets, root, succeed};

const PACKAGES: [&str; 3] = ["moothall-values", "moothall-sdk-macros", "moothall-sdk"];
/// A plugin's own test, as its author writes it.
const TEST: &str = r#"
#[cfg(test)]
mod tests {
    use moothall_sdk::prelude::*;
    use moothall_sdk::testing::Host;

    use super::Greeter;

    #[test]
    fn it_greets() {
        let mut host = Host::new(Greeter).config(json!({ "greeting": "Hello" }));
        let greeting = host.action("greet", json!({ "name": "Ann" }));
        assert_eq!(greeting, Ok(json!({ "text": "Hello, Ann!", "greeted": 1 })));
    }
}
"#;

/// Packages the SDK, and unpacks the files in `folder`.
fn unpack(folder: &Path) {
    let root = root();
    let packages = PACKAGES.map(|package| format!("--package {package}")).join(" ");
    // Nothing is built here: the plugin is built of the files themselves.
    let package =
        format!("cargo package --no-verify --allow-dirty --target-dir target/packages {packages}");
    succeed(&package, &root).expect("every file is there, and the manifests are complete");
    for package in PACKAGES {
        let file = root
            .join(format!("target/packages/package/{package}-{}.crate", env!("CARGO_PKG_VERSION")));
        let tar = Command::new("tar").arg("-xzf").arg(&file).current_dir(folder).status();
        assert!(tar.is_ok_and(|status| status.success()), "{}", file.display());
    }
}

/// What takes the place of a registry that has the packages.
fn patches(folder: &Path) -> String {
    let patch = |package: &str| {
        let path = folder.join(format!("{package}-{}", env!("CARGO_PKG_VERSION")));
        format!("{package} = {{ path = {path:?} }}\n")
    };
    format!("\n[patch.crates-io]\n{}", PACKAGES.map(patch).concat())
}

#[tokio::test]
async fn a_plugin_is_built_and_tested_against_the_published_files() {
    let folder = tempfile::tempdir().expect("a folder");
    unpack(folder.path());
    let sdk = folder.path().join(format!("moothall-sdk-{}", env!("CARGO_PKG_VERSION")));
    let contract = fs::read_dir(sdk.join("wit")).expect("the contract").count();
    assert!(contract > 20, "the package has the whole contract, not {contract} files of it");

    let own = OwnCrate::of("plugin-sdk/README.md", "moothall-sdk = \"0.1\"");
    let manifest = format!("{}{}", own.manifest, patches(folder.path()));
    greets(&own.built(&manifest, &own.source).expect("it builds")).await;
    let tested = format!("{}{TEST}", own.source);
    own.cargo("cargo test", &manifest, &tested).expect("its own tests pass");
}
