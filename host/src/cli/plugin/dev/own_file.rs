//! Which file of a running host's plugin directory the project's plugin is put into: the one from which the host serves that
//! plugin, or a new one. Never one that holds another plugin.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::Value;

use crate::cli::plugin::file::plugin_in;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::loading::PluginFilePlace;

/// The place of the plugin that is in `wasm`: the project may be called otherwise.
pub fn place_of(
    client: &HostClient,
    directory: PathBuf,
    wasm: &Path,
) -> anyhow::Result<PluginFilePlace> {
    let name = plugin_in(wasm)?;
    let file = match served_from(&client.plugin_files()?, name.as_str()) {
        Some(file) => file,
        None => new_file(&directory, name.as_str())?,
    };
    Ok(PluginFilePlace { directory, file })
}

/// The file from which a host serves the plugin of that name. What a host lists leads nowhere else than into its directory.
fn served_from(files: &[Value], name: &str) -> Option<String> {
    let is_of = |file: &&Value| file["name"] == name && file["status"] != "removed";
    let file = files.iter().find(is_of)?["file"].as_str()?;
    (Path::new(file).file_name() == Some(file.as_ref())).then(|| file.to_owned())
}

/// A file that is not there, or holds that very plugin, which the host does not serve.
fn new_file(directory: &Path, name: &str) -> anyhow::Result<String> {
    let file = format!("{name}.wasm");
    let path = directory.join(&file);
    if !path.exists() {
        return Ok(file);
    }
    match plugin_in(&path) {
        Ok(held) if held.as_str() == name => Ok(file),
        Ok(held) => bail!(
            "{} holds another plugin, `{held}`; give that file another name, and this one is put there",
            path.display()
        ),
        Err(error) => Err(error.context(format!(
            "{} holds something else than `{name}`, which the host does not serve; move it away",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plugin_s_file_is_found_by_the_plugin_s_name_and_not_by_the_file_s() {
        let listed = |file: &str, name: &str, status: &str| json!({ "file": file, "name": name, "status": status });
        let files = [
            listed("greeter.wasm", "tutorial", "ready"),
            listed("old.wasm", "greeter", "removed"),
            listed("hello.wasm", "greeter", "failed"),
            listed("../../home/x.wasm", "outside", "ready"),
            json!({ "file": "compiling.wasm", "status": "compiling" }),
        ];
        assert_eq!(served_from(&files, "greeter").as_deref(), Some("hello.wasm"));
        assert_eq!(served_from(&files, "tutorial").as_deref(), Some("greeter.wasm"));
        for name in ["outside", "compiling", ""] {
            assert_eq!(served_from(&files, name), None, "{name}");
        }
    }
}
