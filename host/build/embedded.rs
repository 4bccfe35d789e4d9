//! Files that are put into the binary: some as they are, some as another text.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files by the paths under which they are written, with `/`.
#[derive(Default)]
pub struct Embedded(BTreeMap<String, Content>);

enum Content {
    File(PathBuf),
    Text(String),
}

impl Embedded {
    pub fn put(&mut self, path: String, text: String) {
        self.0.insert(path, Content::Text(text));
    }

    /// Takes a file as it is.
    pub fn take(&mut self, file: &Path, path: &str) -> io::Result<()> {
        println!("cargo::rerun-if-changed={}", file.display());
        self.0.insert(path.to_owned(), Content::File(file.canonicalize()?));
        Ok(())
    }

    /// Takes all files of a folder, and of those in it.
    pub fn take_folder(&mut self, folder: &Path, path: &str) -> io::Result<()> {
        // Also when a file is added or removed.
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if Self::is_left_by_tools(&name) {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            match entry.file_type()?.is_dir() {
                true => self.take_folder(&entry.path(), &path)?,
                false => self.take(&entry.path(), &path)?,
            }
        }
        Ok(())
    }

    /// Whether a file or folder is no source: editors and systems leave hidden ones, interpreters and installers these.
    pub fn is_left_by_tools(name: &str) -> bool {
        name.starts_with('.') || ["__pycache__", "node_modules"].contains(&name)
    }

    /// Whether any file that was taken contains this text.
    pub fn mentions(&self, text: &str) -> io::Result<bool> {
        for content in self.0.values() {
            let found = match content {
                Content::Text(own) => own.contains(text),
                Content::File(file) => std::fs::read_to_string(file)?.contains(text),
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A constant with all files, in Rust.
    pub fn constant(&self, name: &str, about: &str) -> String {
        let line = |(path, content): (&String, &Content)| match content {
            Content::Text(text) => format!("    ({path:?}, {text:?}),\n"),
            Content::File(file) => format!("    ({path:?}, include_str!({file:?})),\n"),
        };
        let lines: String = self.0.iter().map(line).collect();
        format!("/// {about}\npub const {name}: &[(&str, &str)] = &[\n{lines}];\n")
    }
}
