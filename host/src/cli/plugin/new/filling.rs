//! What stands in a project's files in the places that templates leave: where it gets the SDK from, and in which versions.

use super::npm_lock;
use crate::cli::plugin::language::Language;
use crate::cli::plugin::{kit, sdk};

/// The SDK's packages of all languages have the version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// A line of a README that is not left empty without the text below it.
const UPDATE: &str = "\n{{update}}\n";

pub struct Filling {
    /// How the manifest names the SDK.
    sdk: String,
    /// For cargo: that the SDK's crates are no part of the project's workspace.
    exclude: String,
    /// The README's word about the SDK's sources.
    update: String,
    /// For CI: npm's command, which insists on a lock file where the project has one from the beginning. Cargo cannot: only
    /// its first build leaves out of the lock file what this project does not need.
    install: &'static str,
}

impl Filling {
    pub fn of(language: Language, registry: bool) -> Self {
        let folder = sdk::FOLDER;
        let sdk = match (language, registry) {
            (Language::Rust, true) => format!("moothall-sdk = {VERSION:?}"),
            (Language::Rust, false) => {
                format!("moothall-sdk = {{ path = \"{folder}/plugin-sdk\" }}")
            }
            (Language::Python, true) => format!("moothall[build,testing]=={VERSION}"),
            (Language::Python, false) => {
                format!("--constraint {folder}/constraints.txt\n./{folder}[build,testing]")
            }
            (Language::Js, true) => VERSION.to_owned(),
            (Language::Js, false) => format!("file:{folder}"),
        };
        if registry {
            let (exclude, update) = (String::new(), String::new());
            return Self { sdk, exclude, update, install: "install" };
        }
        let update = format!(
            "\n`{folder}/` has the SDK's sources, from the `moothall` that made this project: put the folder under version \
             control, and do\nnot change it. After an update of `moothall`, `moothall plugin update-sdk` renews it.\n"
        );
        let exclude = format!("exclude = [{folder:?}]\n");
        Self { sdk, exclude, update, install: "ci" }
    }

    pub fn put_into(&self, text: &str) -> String {
        text.replace("{{sdk}}", &self.sdk)
            .replace("{{exclude}}\n", &self.exclude)
            .replace(UPDATE, &self.update)
            .replace("{{install}}", self.install)
    }
}

/// The files that name versions of tools and packages, beside those of the templates. With an SDK from a registry, the
/// language's tool finds the versions itself.
pub fn versions(language: Language, registry: bool) -> anyhow::Result<Vec<(&'static str, String)>> {
    let toolchain =
        ("rust-toolchain.toml", kit::text("rust-toolchain.toml").unwrap_or_default().to_owned());
    Ok(match (language, registry) {
        (Language::Rust, true) => vec![toolchain],
        (Language::Rust, false) => vec![toolchain, ("Cargo.lock", kit::LOCK.to_owned())],
        (Language::Js, false) => vec![(npm_lock::FILE, npm_lock::of_project()?)],
        (Language::Js, true) | (Language::Python, _) => Vec::new(),
    })
}
