//! What `bindgen!` makes of `wit/`. Generated code stays behind this module.
//!
//! One module for all imports, here, and one for each export interface, in its file under `exports`: the host looks for
//! each of them apart, because a component may lack any but `plugin`.

/// Everything a component may import.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "moothall:plugin/imports",
        imports: {
            // These may wait for the instance's lock, or for a platform.
            "moothall:plugin/state": async,
            "moothall:plugin/process": async,
            "moothall:plugin/events": async,
            "moothall:plugin/http": async,
        },
        with: {
            "moothall:plugin/secrets.secret": crate::secret_handle::SecretHandle,
        },
    });
}

/// Makes the module `wit` of one export interface, next to what the host knows of it. `web` stands behind a world that
/// has HTTP messages.
macro_rules! export {
    ($world:literal $(, $used:literal: $at:ident)*) => {
        mod wit {
            wasmtime::component::bindgen!({
                path: "../../wit",
                world: $world,
                exports: { default: async },
                with: {
                    "moothall:plugin/types": crate::bindings::imports::moothall::plugin::types,
                    $($used: crate::bindings::imports::moothall::plugin::$at,)*
                },
            });
        }
    };
}

pub(crate) use export;
pub use imports::moothall::plugin::types::{Error, ErrorKind};
