//! The files of a package, without what its tools make beside them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What tools make.
const MADE: [&str; 8] = [
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".venv",
    "build",
    "dist",
    "node_modules",
    "target",
];

/// The names and contents of all files, which change when one of them does.
pub fn text(folder: &Path) -> Result<String> {
    let mut all = String::new();
    for file in files(folder)? {
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        all.push_str(&format!("{}\n{}\n", file.display(), String::from_utf8_lossy(&text)));
    }
    Ok(all)
}

/// Copies all files; files that are there and not in the sources are deleted, what tools made stays.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.is_dir() {
        for stale in files(to)? {
            fs::remove_file(&stale)
                .with_context(|| format!("cannot remove {}", stale.display()))?;
        }
    }
    for file in files(from)? {
        let relative = file.strip_prefix(from).context("a file of the folder")?;
        let copy = to.join(relative);
        let folder = copy.parent().context("a file is in a folder")?;
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        fs::copy(&file, &copy).with_context(|| format!("cannot write {}", copy.display()))?;
    }
    Ok(())
}

/// The files below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths.into_iter().filter(|path| !is_made(path)) {
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_made(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    MADE.iter().any(|made| name == *made)
        || path
            .extension()
            .is_some_and(|end| ["wasm", "tgz", "egg-info"].iter().any(|made| end == *made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_make_is_no_source() {
        for made in ["a/node_modules", "x/__pycache__", "a.wasm", "moothall-0.1.0.tgz"] {
            assert!(is_made(Path::new(made)), "{made}");
        }
        for source in ["src/build.js", "wit/moothall.wit", ".npmrc", "moothall/build.py"] {
            assert!(!is_made(Path::new(source)), "{source}");
        }
    }
}
