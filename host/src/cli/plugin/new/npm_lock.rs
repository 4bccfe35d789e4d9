//! The `package-lock.json` of a new project: the one of the example plugin in JavaScript, which has its SDK elsewhere.

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::cli::plugin::language::Language;
use crate::cli::plugin::{kit, sdk};

pub const FILE: &str = "package-lock.json";
/// The SDK's package, and its place among those that are installed.
const SDK: &str = "moothall";
const INSTALLED: &str = "node_modules/moothall";
/// What only the SDK's own tests need.
const OF_TESTS: &str = "devDependencies";
/// How the templates call a project.
const STAND_IN: &str = "my-plugin";

/// The SDK is in the project's folder, to which npm makes a link.
pub fn of_project() -> anyhow::Result<String> {
    let example = kit::text(FILE).unwrap_or_default();
    let mut lock: Map<String, Value> = serde_json::from_str(example)?;
    lock.insert("name".to_owned(), json!(STAND_IN));
    let packages = lock.get_mut("packages").and_then(Value::as_object_mut);
    let packages = packages.context("the lock file has no packages")?;
    let root = packages.get_mut("").context("the lock file has no root")?;
    root["name"] = json!(STAND_IN);
    root["dependencies"][SDK] = json!(format!("file:{}", sdk::FOLDER));
    let mut own = packages.remove(INSTALLED).context("the lock file has no SDK")?;
    own.as_object_mut().and_then(|own| own.remove("resolved"));
    own["name"] = json!(SDK);
    // npm installs these for a package in the project's folder, and not for one from elsewhere.
    own[OF_TESTS] = sdk_manifest()?[OF_TESTS].clone();
    packages.insert(sdk::FOLDER.to_owned(), own);
    packages.insert(INSTALLED.to_owned(), json!({ "resolved": sdk::FOLDER, "link": true }));
    Ok(format!("{}\n", serde_json::to_string_pretty(&lock)?))
}

fn sdk_manifest() -> anyhow::Result<Value> {
    let files = Language::Js.sdk();
    let manifest = files.iter().find(|(path, _)| *path == Language::Js.manifest());
    let (_, text) = manifest.context("the SDK has no manifest")?;
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of_project;

    #[test]
    fn the_sdk_is_a_link_into_the_project() {
        let lock: Value = serde_json::from_str(&of_project().expect("a lock file")).expect("JSON");
        let packages = &lock["packages"];
        assert_eq!(packages[""]["dependencies"]["moothall"], "file:moothall-sdk");
        assert_eq!(
            packages["node_modules/moothall"],
            json!({ "resolved": "moothall-sdk", "link": true })
        );
        let sdk = &packages["moothall-sdk"];
        assert!(sdk["resolved"].is_null() && sdk["dependencies"]["esbuild"].is_string(), "{sdk}");
    }
}
