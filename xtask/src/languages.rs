//! `cargo xtask test --languages`: builds the plugins in other languages as an author outside of this repository
//! does, with the packages that authors install, and runs those packages' own tests. Must never build in the
//! sources' folders, and must never touch a component whose sources have not changed.

mod javascript;
mod python;
mod sources;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use tools::Tools;

/// A package for authors, and the example plugin that is built with it.
struct Language {
    sdk: &'static str,
    plugin: &'static str,
    build: fn(&Tools, &Folders) -> Result<()>,
    test: fn(&Tools, &Folders) -> Result<()>,
}

const LANGUAGES: [Language; 2] = [
    Language {
        sdk: "plugin-sdk/js",
        plugin: "example-plugins/hello-js",
        build: javascript::build,
        test: javascript::test,
    },
    Language {
        sdk: "plugin-sdk/python",
        plugin: "example-plugins/hello-python",
        build: python::build,
        test: python::test,
    },
];

/// Copies of both, below the target directory, and as far from each other as the sources are.
struct Folders {
    sdk: PathBuf,
    plugin: PathBuf,
    /// The component.
    component: PathBuf,
}

pub fn build(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("languages");
    let tools = tools::install(&folder)?;
    LANGUAGES.iter().try_for_each(|language| language.run(workspace, &folder, &tools))
}

impl Language {
    fn run(&self, workspace: &Workspace, folder: &Path, tools: &Tools) -> Result<()> {
        let [sdk, plugin] = [self.sdk, self.plugin].map(|path| workspace.root.join(path));
        let folders = self.folders(folder);
        let stamp = folders.component.with_extension("sources");
        let sources = [sources::text(&sdk)?, sources::text(&plugin)?, tools::PACKAGES.join("\n")];
        let sources = sources.concat();
        if !folders.component.is_file()
            || fs::read(&stamp).unwrap_or_default() != sources.as_bytes()
        {
            sources::copy(&sdk, &folders.sdk)?;
            sources::copy(&plugin, &folders.plugin)?;
            (self.build)(tools, &folders)?;
            fs::write(&stamp, sources)
                .with_context(|| format!("cannot write {}", stamp.display()))?;
        }
        (self.test)(tools, &folders)
    }

    fn folders(&self, folder: &Path) -> Folders {
        let plugin = folder.join(self.plugin);
        let name = plugin.file_name().unwrap_or_default();
        let component = folder.join(name).with_extension("wasm");
        Folders { sdk: folder.join(self.sdk), component, plugin }
    }
}
