//! What `bindgen!` makes of `wit/`. Generated code stays behind this module.
//!
//! One module for all imports, and one for each export interface: the host probes a component for
//! each of them apart, so every one but `plugin` is optional.

/// Everything a component may import.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "moothall:plugin/imports",
        imports: {
            // These may wait for the instance's lock.
            "moothall:plugin/state": async,
        },
        with: {
            "moothall:plugin/secrets.secret": crate::guest::imports::secrets::SecretHandle,
        },
    });
}

macro_rules! exports {
    ($module:ident, $world:literal) => {
        pub mod $module {
            wasmtime::component::bindgen!({
                path: "../wit",
                world: $world,
                exports: { default: async },
                with: { "moothall:plugin/types": super::imports::moothall::plugin::types },
            });
        }
    };
}

exports!(plugin, "moothall:plugin/plugin-exports");
exports!(lifecycle, "moothall:plugin/lifecycle-exports");
exports!(actions, "moothall:plugin/actions-exports");

pub use actions::ActionsExportsIndices;
pub use imports::moothall::plugin::types::{Error, ErrorKind};
pub use lifecycle::LifecycleExportsIndices;
pub use plugin::PluginExportsIndices;
