//! The author's project in the working directory: builds and tests it with its language's own tool.

mod cargo;
mod fresh;
mod installed;
mod node;
mod python;
mod tool;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::cli::answer::note;
use crate::cli::plugin::language::Language;
use crate::cli::plugin::sdk::{self, ProjectSdk};

/// A package that makes one plugin.
pub struct Project {
    /// The folder of its manifest.
    pub folder: PathBuf,
    pub language: Language,
}

impl Project {
    /// The project in the working directory.
    pub fn here() -> anyhow::Result<Self> {
        Self::at(Path::new("."))
    }

    pub fn at(folder: &Path) -> anyhow::Result<Self> {
        let is_it = |language: &&Language| folder.join(language.manifest()).is_file();
        let Some(language) = Language::value_variants().iter().find(is_it) else {
            let manifests = Language::value_variants().iter().map(|one| one.manifest());
            bail!(
                "there is no plugin project in {}: it has no {}; change to a project's folder, name a .wasm file, or make a \
                 project with `moothall plugin new NAME`",
                folder.display(),
                manifests.collect::<Vec<_>>().join(", no ")
            )
        };
        Ok(Self { folder: folder.to_owned(), language: *language })
    }

    /// Builds the component; says where it is.
    pub fn build(&self) -> anyhow::Result<PathBuf> {
        self.tell_of_sdk();
        match self.language {
            Language::Rust => cargo::build(&self.folder),
            Language::Python => python::build(&self.folder),
            Language::Js => node::build(&self.folder),
        }
    }

    /// Runs the project's own tests, natively; the arguments go to the language's tool.
    pub fn test(&self, arguments: &[OsString]) -> anyhow::Result<()> {
        match self.language {
            Language::Rust => cargo::test(&self.folder, arguments),
            Language::Python => python::test(&self.folder, arguments),
            Language::Js => node::test(&self.folder, arguments),
        }
    }

    /// The package's name, which is the plugin's by custom.
    pub fn name(&self) -> anyhow::Result<String> {
        let name = match self.language {
            Language::Rust => cargo::name(&self.folder)?,
            Language::Python => python::name(&self.folder)?,
            Language::Js => node::name(&self.folder)?,
        };
        name.with_context(|| {
            let manifest = self.language.manifest();
            format!(
                "{manifest} does not say what the project is called; name the plugin with --plugin"
            )
        })
    }

    /// Says that the SDK is another version's: it builds all the same, as does one that cannot be read whole.
    fn tell_of_sdk(&self) {
        if let Ok(ProjectSdk::Other { digest }) = sdk::of_project(self) {
            note(&format!(
                "note: the SDK in {} ({digest}) is another version's; `moothall plugin update-sdk` renews it",
                sdk::FOLDER
            ));
        }
    }
}
