//! Holds the copies of the contract that packages for other languages contain equal to `wit/`: all its interfaces
//! in one file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;

/// The copies.
const COPIES: &[&str] =
    &["plugin-sdk/js/wit/moothall.wit", "plugin-sdk/python/moothall/wit/moothall.wit"];
/// The first line of every interface's file.
const PACKAGE: &str = "package moothall:plugin@0.1.0;\n";

pub fn check(root: &Path) -> Result<Vec<Problem>> {
    let contract = whole(root)?;
    let is_equal =
        |copy: &&str| fs::read_to_string(root.join(copy)).is_ok_and(|text| text == contract);
    Ok(COPIES.iter().filter(|copy| !is_equal(copy)).map(|copy| problem(copy)).collect())
}

/// Writes the copies anew.
pub fn write(root: &Path) -> Result<()> {
    let contract = whole(root)?;
    for copy in COPIES {
        fs::write(root.join(copy), &contract).with_context(|| format!("cannot write {copy}"))?;
    }
    Ok(())
}

/// All interfaces, by the names of their files.
fn whole(root: &Path) -> Result<String> {
    let folder = root.join("wit");
    let entries = fs::read_dir(&folder).context("cannot read wit")?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .context("cannot read wit")?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "wit"));
    paths.sort();
    let mut whole = PACKAGE.to_owned();
    for path in paths {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let interface = text.strip_prefix(PACKAGE);
        whole
            .push_str(interface.with_context(|| format!("{} begins differently", path.display()))?);
    }
    Ok(whole)
}

fn problem(copy: &str) -> Problem {
    let message = "is not what `wit/` says; run `cargo xtask tidy --write`".to_owned();
    Problem { path: copy.to_owned(), line: 1, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_not_the_contract_is_found() {
        let root = std::env::temp_dir().join(format!("moothall-contract-{}", std::process::id()));
        fs::create_dir_all(root.join("wit")).unwrap();
        let put = |path: &str, text: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        };
        put("wit/b.wit", &format!("{PACKAGE}interface b {{}}\n"));
        put("wit/a.wit", &format!("{PACKAGE}interface a {{}}\n"));
        put(COPIES[0], &format!("{PACKAGE}interface a {{}}\ninterface b {{}}\n"));
        put(COPIES[1], &format!("{PACKAGE}interface b {{}}\n"));
        let found = check(&root).unwrap();
        super::write(&root).unwrap();
        let then = check(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!((found, then), (vec![problem(COPIES[1])], vec![]));
    }
}
