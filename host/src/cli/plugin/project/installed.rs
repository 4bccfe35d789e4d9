//! Whether the packages that a project needs are installed in its folder: a note beside them has a digest of the files that
//! name them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use crate::cli::plugin::sdk;

/// The note's name in the folder of the packages.
const NOTE: &str = ".moothall-installed";

/// What is installed, and what says so.
pub struct Installed<'a> {
    pub project: &'a Path,
    /// The folder of the packages, in the project.
    pub packages: &'a str,
    /// The files that name them, in the project, with those of the SDK that do.
    pub named_by: &'a [&'a str],
}

impl Installed<'_> {
    /// Whether what is installed is what the project names now.
    pub fn is_current(&self) -> bool {
        std::fs::read_to_string(self.note()).is_ok_and(|note| note == self.digest())
    }

    /// Notes that all is installed, after the installation: it may have renewed a lock file.
    pub fn record(&self) -> anyhow::Result<()> {
        let note = self.note();
        std::fs::write(&note, self.digest())
            .with_context(|| format!("{} cannot be written", note.display()))
    }

    fn note(&self) -> PathBuf {
        self.project.join(self.packages).join(NOTE)
    }

    /// A file that is missing names nothing.
    fn digest(&self) -> String {
        let sdk = [format!("{}/{}", sdk::FOLDER, sdk::DIGEST)];
        let all = self.named_by.iter().map(|name| (*name).to_owned()).chain(sdk);
        let mut digest = Sha256::new();
        for name in all {
            let text = std::fs::read(self.project.join(&name)).unwrap_or_default();
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_current_until_a_file_that_names_it_changes() {
        let project = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(project.path().join(name), text).expect("written");
        };
        let packages = Installed {
            project: project.path(),
            packages: "packages",
            named_by: &["needs", "lock"],
        };
        assert!(!packages.is_current());
        std::fs::create_dir(project.path().join("packages")).expect("a folder");
        write("needs", "a");
        packages.record().expect("noted");
        assert!(packages.is_current());
        write("lock", "a 1");
        assert!(!packages.is_current());
        packages.record().expect("noted");
        std::fs::create_dir(project.path().join(sdk::FOLDER)).expect("a folder");
        write("moothall-sdk/DIGEST", "1");
        assert!(!packages.is_current());
    }
}
