//! A project in Python: an environment in its folder `.venv` builds and tests it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use toml::{Table, Value};

use super::fresh::Component;
use super::installed::Installed;
use super::tool;

const MANIFEST: &str = "pyproject.toml";
const REQUIREMENTS: &str = "requirements.txt";
const ENVIRONMENT: &str = ".venv";
const INTERPRETER: &str = ".venv/bin/python";
/// The folder of the modules, and the plugin in it unless the manifest names another.
const SOURCES: &str = "src";
const PLUGIN: &str = "plugin:plugin";
const MISSING: &str =
    "python3 cannot be started; install Python 3.11 or later from https://www.python.org";
const NO_ENVIRONMENT: &str =
    "python3 cannot make an environment; install its module venv (Debian and Ubuntu: python3-venv)";
const GONE: &str = "the Python of the environment .venv cannot be started; remove the folder .venv, and it is made anew";

/// Builds the component; says where it is.
pub fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    install(folder)?;
    let manifest = manifest(folder)?;
    let plugin = text(&manifest, &["tool", "moothall", "plugin"]);
    let component = text(&manifest, &["project", "name"]).unwrap_or_else(|| "plugin".to_owned());
    let component = format!("{component}.wasm");
    Component { file: folder.join(&component), project: folder }.build(|| {
        let mut build = python(folder);
        build.args(["-m", "moothall.build", plugin.as_deref().unwrap_or(PLUGIN)]);
        build.args(["--path", SOURCES, "--out", &component]);
        if !tool::succeeds(&mut build, &format!("building {component}"), GONE)? {
            bail!("the plugin does not build; it says above why");
        }
        Ok(())
    })
}

/// Runs pytest.
pub fn test(folder: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    install(folder)?;
    if !tool::shows(python(folder).args(["-m", "pytest"]).args(arguments), GONE)? {
        bail!("`python -m pytest` has failed; it says above why");
    }
    Ok(())
}

pub fn name(folder: &Path) -> anyhow::Result<Option<String>> {
    Ok(text(&manifest(folder)?, &["project", "name"]))
}

/// Installs what `requirements.txt` names into the project's environment, if it is not there yet.
fn install(folder: &Path) -> anyhow::Result<()> {
    let named_by = [REQUIREMENTS];
    let installed = Installed { project: folder, packages: ENVIRONMENT, named_by: &named_by };
    if installed.is_current() {
        return Ok(());
    }
    if !folder.join(REQUIREMENTS).is_file() {
        bail!(
            "the project has no {REQUIREMENTS}; write there what builds and tests it, with `moothall[build,testing]`"
        );
    }
    make_environment(folder)?;
    let mut pip = python(folder);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    let work = format!("installing what {REQUIREMENTS} names into {ENVIRONMENT}");
    if !tool::succeeds(pip.args(["--requirement", REQUIREMENTS]), &work, GONE)? {
        bail!("pip cannot install what {REQUIREMENTS} names; it says above why");
    }
    installed.record()
}

/// An environment that is there stays, whoever made it.
fn make_environment(folder: &Path) -> anyhow::Result<()> {
    let has_pip = || tool::line(python(folder).args(["-m", "pip", "--version"]), GONE);
    if folder.join(INTERPRETER).is_file() && has_pip().is_ok() {
        return Ok(());
    }
    // A link to a Python that is gone is no file.
    if folder.join(INTERPRETER).is_symlink() && !folder.join(INTERPRETER).is_file() {
        bail!(GONE);
    }
    require_python(folder)?;
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", ENVIRONMENT]).current_dir(folder);
    if !tool::succeeds(&mut venv, &format!("making the environment {ENVIRONMENT}"), MISSING)? {
        bail!(NO_ENVIRONMENT);
    }
    Ok(())
}

fn require_python(folder: &Path) -> anyhow::Result<()> {
    let ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.version_info >= (3, 11))";
    let mut python3 = Command::new("python3");
    let said = tool::line(python3.args(["-c", ask]).current_dir(folder), MISSING)?;
    match said.split_once(' ') {
        Some((found, "False")) => bail!(
            "Python 3.11 or later is needed, and python3 in the path is {found}; install it from https://www.python.org"
        ),
        _ => Ok(()),
    }
}

/// The environment's Python. It leaves no compiled files among the sources.
fn python(folder: &Path) -> Command {
    // A relative program would be looked for in the folder that the command runs in, or not: systems differ.
    let program = folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(INTERPRETER);
    let mut command = Command::new(program);
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn manifest(folder: &Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(folder.join(MANIFEST))
        .with_context(|| format!("{MANIFEST} cannot be read"))?;
    text.parse().with_context(|| format!("{MANIFEST} is wrong"))
}

fn text(table: &Table, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key));
    value.and_then(Value::as_str).map(str::to_owned)
}
