//! Puts a plugin file into a host's plugin directory, and waits until the host serves it.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
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
    let content = std::fs::read(wasm);
    let content = content.with_context(|| format!("{} cannot be read", wasm.display()))?;
    let target = place.directory.join(&place.file);
    put(&content, &target).with_context(|| format!("{} cannot be written", target.display()))?;
    await_file(client, place, &content)
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
            _ if listed.is_none() && begun.elapsed() > FINDING => bail!(
                "the host at {} does not list {}; is {} its plugin directory?",
                client.url(),
                place.file,
                place.directory.display()
            ),
            _ if begun.elapsed() < PATIENCE => std::thread::sleep(POLL),
            _ => bail!(
                "the host has not loaded the plugin in {} s; its log says why",
                PATIENCE.as_secs()
            ),
        }
    }
}

/// What a host lists of a file.
fn listed(client: &HostClient, name: &str) -> anyhow::Result<Option<Value>> {
    let files = client.get("/api/internal/plugins")?;
    let files = files["plugins"].as_array().context("the host lists no plugin files")?;
    Ok(files.iter().find(|file| file["file"] == name).cloned())
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

    use super::is_about;

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
}
