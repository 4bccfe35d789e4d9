//! Python: the package `moothall` for PyPI, and a plugin that has it installed from its wheel.

use anyhow::Result;

use super::Folders;
use super::tools::Tools;
use crate::cargo::succeed;

/// What `python -m build` writes.
const WHEEL: &str = "dist/moothall-0.1.0-py3-none-any.whl";

pub fn build(tools: &Tools, folders: &Folders) -> Result<()> {
    succeed(tools.python(&["-m", "build", "--wheel"]).current_dir(&folders.sdk))?;
    let mut wheel = folders.sdk.join(WHEEL).into_os_string();
    wheel.push("[build,testing]");
    tools.pip(&["install", "--force-reinstall"], &[wheel])?;
    let module = ["-m", "moothall.build", "hello:plugin", "--out"];
    succeed(tools.python(&module).arg(&folders.component).current_dir(&folders.plugin))
}

pub fn test(tools: &Tools, folders: &Folders) -> Result<()> {
    let pytest = || tools.python(&["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    let mypy = || tools.python(&["-m", "mypy", "--no-incremental", "--exclude", "tests", "."]);
    succeed(mypy().current_dir(&folders.sdk))?;
    succeed(mypy().current_dir(&folders.plugin))?;
    succeed(pytest().current_dir(&folders.sdk))?;
    succeed(pytest().current_dir(&folders.plugin))
}
