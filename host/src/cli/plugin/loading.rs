//! Puts a plugin file into a host's plugin directory, and waits until the host serves it.

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::refusals;
use moothall_engine::plugins::compile::digest;

/// How often the host is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);
/// How long it may take to find the file, and to compile it.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long it may take to find it, if it is new there.
const FINDING: Duration = Duration::from_secs(30);

/// A plugin file's place in a host's plugin directory.
#[derive(Clone, Debug)]
pub struct PluginFilePlace {
    pub directory: PathBuf,
    pub file: String,
}

impl PluginFilePlace {
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.file)
    }
}

/// What a host says of the plugin in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub plugin: String,
    /// Whether it is a plugin of the whole host, which no community enables.
    pub is_of_host: bool,
    /// What it asks for and does not have.
    pub missing: Vec<Value>,
}

/// Replaces the file, and waits for the host; fails with the host's reasons if it refuses the file.
pub fn load(client: &HostClient, place: &PluginFilePlace, wasm: &Path) -> anyhow::Result<Served> {
    let content = replace(place, wasm)?;
    await_file(client, place, &content)
}

/// The same in the directory of a host that somebody else runs. Unless it comes to serve the new content, what was there is
/// put back: with a refused file, nothing would serve after the host's next start.
pub fn load_or_put_back(
    client: &HostClient,
    place: &PluginFilePlace,
    wasm: &Path,
) -> anyhow::Result<Served> {
    let before = content_of(&place.path())?;
    let content = replace(place, wasm)?;
    await_file(client, place, &content).map_err(|error| {
        let goes_on = serving_version(client, &place.file);
        undone(&error, before.as_deref(), &place.path(), goes_on.as_deref())
    })
}

/// Puts the file there; returns what is in it.
fn replace(place: &PluginFilePlace, wasm: &Path) -> anyhow::Result<Vec<u8>> {
    let content = std::fs::read(wasm);
    let content = content.with_context(|| format!("{} cannot be read", wasm.display()))?;
    let target = place.path();
    put(&content, &target).with_context(|| format!("{} cannot be written", target.display()))?;
    Ok(content)
}

/// None if there is no such file.
fn content_of(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

/// Puts back what was in a file, and adds to the error what became of it.
fn undone(
    error: &anyhow::Error,
    before: Option<&[u8]>,
    target: &Path,
    serving: Option<&str>,
) -> anyhow::Error {
    let file = target.display();
    let undone = match before {
        Some(before) => put(before, target),
        None => std::fs::remove_file(target).map_err(Into::into),
    };
    let became = match (undone, before) {
        (Err(failed), _) => format!("what was in {file} could not be put back: {failed:#}"),
        (Ok(()), None) => format!("{file} is removed again"),
        (Ok(()), Some(_)) => match serving {
            Some(version) => {
                format!("version {version} goes on serving; {file} is again what it was")
            }
            None => format!("{file} is again what it was"),
        },
    };
    anyhow!("{error:#}\n{became}")
}

/// Writes the file in one step. A file beside it is never touched: the unfinished one has a name of its own.
pub fn put(wasm: &[u8], target: &Path) -> anyhow::Result<()> {
    if target.is_dir() {
        bail!("it is a folder; name the file in it");
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut unfinished = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    unfinished.write_all(wasm)?;
    // A host may run as another user.
    unfinished.as_file().set_permissions(Permissions::from_mode(0o644))?;
    unfinished.persist(target)?;
    Ok(())
}

fn await_file(
    client: &HostClient,
    place: &PluginFilePlace,
    content: &[u8],
) -> anyhow::Result<Served> {
    let (begun, digest) = (Instant::now(), digest(content));
    loop {
        let listed = listed(client, &place.file)?;
        let file = listed.as_ref().filter(|file| is_about(file, &digest, content.len()));
        match file.and_then(|file| Some((file["status"].as_str()?, file))) {
            Some(("ready", file)) => return Ok(served(file)),
            Some(("failed", file)) => return Err(refusals::of_listed(file)),
            _ if listed.is_none() && begun.elapsed() > FINDING => {
                return Err(not_found(client.url(), place));
            }
            _ if begun.elapsed() < PATIENCE => std::thread::sleep(POLL),
            _ => return Err(not_loaded(client.url(), place)),
        }
    }
}

fn not_found(url: &str, place: &PluginFilePlace) -> anyhow::Error {
    let directory = place.directory.display();
    anyhow!("the host at {url} does not list {}; is {directory} its plugin directory?", place.file)
}

/// It may also read another directory, in which there is a file of that name, too.
fn not_loaded(url: &str, place: &PluginFilePlace) -> anyhow::Error {
    anyhow!(
        "the host at {url} has not loaded {} in {} s; is {} its plugin directory? If it is, the host's log says why",
        place.file,
        PATIENCE.as_secs(),
        place.directory.display()
    )
}

/// What a host lists of a file.
fn listed(client: &HostClient, name: &str) -> anyhow::Result<Option<Value>> {
    Ok(client.plugin_files()?.into_iter().find(|file| file["file"] == name))
}

/// Which version serves from a file, as far as the host says it.
fn serving_version(client: &HostClient, name: &str) -> Option<String> {
    let file = listed(client, name).ok()??;
    file["serving"]["version"].as_str().map(str::to_owned)
}

/// Whether it is about this content, and not about what was in the file before. A host reads no digest of a file that is too
/// large; it says how large it is.
fn is_about(file: &Value, digest: &str, bytes: usize) -> bool {
    if file["digest"] != "" {
        return file["digest"] == digest;
    }
    let errors = file["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().any(|error| {
        let text = |field: &str| error[field].as_str().unwrap_or_default();
        text("code") != "too_large" || text("message").contains(&format!(" {bytes} bytes"))
    })
}

fn served(file: &Value) -> Served {
    Served {
        plugin: file["name"].as_str().unwrap_or_default().to_owned(),
        is_of_host: file["requested"]["scope"] == "host",
        missing: file["missing"].as_array().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_of_the_file_before_is_not_about_this_one() {
        let error =
            json!([{ "code": "too_large", "message": "it has 900 bytes, at most 7 are allowed" }]);
        let before = json!({ "digest": "", "status": "failed", "errors": error });
        assert!(is_about(&before, "d", 900) && !is_about(&before, "d", 90));
        let other = json!({ "digest": "e", "status": "ready", "errors": [] });
        assert!(is_about(&other, "e", 1) && !is_about(&other, "d", 1));
        let unread = json!({ "digest": "", "errors": [{ "code": "unreadable", "message": "…" }] });
        assert!(is_about(&unread, "d", 1));
    }

    #[test]
    fn what_a_refused_file_replaced_is_put_back_and_a_new_one_is_removed() {
        let directory = tempfile::tempdir().expect("a folder");
        let place = PluginFilePlace {
            directory: directory.path().to_owned(),
            file: "greeter.wasm".to_owned(),
        };
        let (target, refused) = (place.path(), anyhow!("the host does not serve the plugin"));
        let before = |content: Option<&[u8]>| {
            put(b"refused", &target).expect("written");
            let said = undone(&refused, content, &target, Some("1.2.0")).to_string();
            assert!(said.starts_with("the host does not serve the plugin\n"), "{said}");
            (said, content_of(&target).expect("it can be read"))
        };
        let (said, there) = before(Some(b"good"));
        assert_eq!(there.as_deref(), Some(&b"good"[..]));
        assert!(said.contains("version 1.2.0 goes on serving"), "{said}");
        let (said, there) = before(None);
        assert_eq!(there, None);
        assert!(said.ends_with("greeter.wasm is removed again"), "{said}");
    }

    #[test]
    fn a_host_that_loads_nothing_may_read_another_directory() {
        let place = PluginFilePlace { directory: "/srv/plugins".into(), file: "g.wasm".to_owned() };
        for told in [not_found("http://h", &place), not_loaded("http://h", &place)] {
            let told = told.to_string();
            assert!(told.contains("g.wasm") && told.contains("/srv/plugins"), "{told}");
        }
    }
}
