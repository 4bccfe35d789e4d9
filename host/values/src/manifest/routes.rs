//! What a manifest says of the plugin's own HTTP routes.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct RouteManifest {
    pub path: String,
    #[serde(default = "get")]
    pub methods: Vec<String>,
    #[serde(default)]
    pub auth: RouteAuth,
}

fn get() -> Vec<String> {
    vec!["GET".to_owned()]
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteAuth {
    #[default]
    Driver,
    Public,
}
