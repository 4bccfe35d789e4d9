//! The commands in the READMEs of plugins in other languages give the answers that are written below them.

use std::path::Path;

use super::plugins;
use crate::documents::play_plugin;

#[tokio::test]
async fn the_commands_of_every_readme_work() {
    for plugin in plugins() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-plugins").join(plugin);
        assert!(play_plugin(&folder).await >= 3, "{folder:?} shows too little");
    }
}
