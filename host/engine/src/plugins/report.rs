//! What became of each file of the plugin directory, as the API lists it.

use schemars::JsonSchema;
use serde::Serialize;

use super::file_name::stem;
use super::plugin::Plugin;
use moothall_core::clock::rfc3339;
use moothall_core::grants::{Grants, Missing, Requested};
use moothall_values::schema::shortened;

/// The error code of a file that could not be read.
pub const UNREADABLE: &str = "unreadable";

/// What became of one file in the plugin directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileReport {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub version: Option<String>,
    /// SHA-256 of the file in hex; empty while it could not be read.
    pub digest: String,
    pub status: Status,
    /// Every reason why the file as it is now does not serve.
    pub errors: Vec<LoadError>,
    pub warnings: Vec<String>,
    /// The version that serves now, which may be an earlier content of the file.
    pub serving: Option<ServingVersion>,
    /// The export interfaces that the component has.
    pub capabilities: Vec<&'static str>,
    /// What the manifest asks for.
    pub requested: OfServing<Requested>,
    /// What is in force.
    pub granted: OfServing<Grants>,
    /// What the manifest requests and is not granted, with the lines to add.
    pub missing: Vec<Missing>,
    pub loaded_at: Option<String>,
}

/// Something that is known only of a plugin that serves; otherwise `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum OfServing<T> {
    Some(T),
    Nothing {},
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "FileStatus")]
pub enum Status {
    Compiling,
    Ready,
    Failed,
    Removed,
    Inactive,
}

/// One reason why a file does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoadError {
    pub code: &'static str,
    pub message: String,
}

/// What serves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServingVersion {
    pub version: String,
    pub digest: String,
}

impl FileReport {
    pub fn new(file: &str, status: Status) -> Self {
        Self {
            file: file.to_owned(),
            name: None,
            version: None,
            digest: String::new(),
            status,
            errors: Vec::new(),
            warnings: Vec::new(),
            serving: None,
            capabilities: Vec::new(),
            requested: OfServing::Nothing {},
            granted: OfServing::Nothing {},
            missing: Vec::new(),
            loaded_at: None,
        }
    }

    /// Whether that plugin is in the file: by its manifest, or as long as that is unknown by the file's name.
    pub fn is_of(&self, name: &str) -> bool {
        let called = || stem(&self.file).replace('_', "-") == name;
        self.name.as_deref().map_or_else(called, |own| own == name)
    }

    /// Adds the version that serves from this file.
    pub fn serving(mut self, plugin: Option<&Plugin>) -> Self {
        let Some(plugin) = plugin else { return self };
        self.name = Some(plugin.name.to_string());
        self.version = Some(plugin.manifest.version.clone());
        self.serving = Some(ServingVersion {
            version: plugin.manifest.version.clone(),
            digest: plugin.digest.clone(),
        });
        self.capabilities = plugin.capabilities.clone();
        let grants = &plugin.context.grants;
        self.requested = OfServing::Some(grants.requested().clone());
        self.granted = OfServing::Some(grants.clone());
        self.missing = grants.missing();
        self.loaded_at = Some(rfc3339(plugin.loaded_at));
        self
    }
}

impl LoadError {
    /// With a message that is cut to its longest length.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: shortened(message.into()) }
    }

    /// The error of a file with so many bytes, if that is more than a host reads.
    pub fn of_size(bytes: u64, limit: u64) -> Option<Self> {
        let message =
            || format!("it has {bytes} bytes, at most {limit} are allowed (plugin_file_bytes)");
        (bytes > limit).then(|| Self::new("too_large", message()))
    }

    /// One error for each message.
    pub fn all(code: &'static str, messages: Vec<String>) -> Vec<Self> {
        messages.into_iter().map(|message| Self::new(code, message)).collect()
    }
}
