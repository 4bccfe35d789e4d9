//! The contract in `wit/` as Rust: one module for the imports and one for each export interface. The code is
//! generated, and used only by this crate and by the code that `#[plugin]` writes.

#![expect(missing_docs, reason = "the contract is documented in its WIT files")]

pub mod imports {
    wit_bindgen::generate!({ path: "../wit", world: "imports", generate_all });
}

/// The imports that the SDK calls: the real ones in a component, their in-memory counterparts elsewhere.
#[cfg(target_family = "wasm")]
pub use imports::moothall::plugin as host;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::imports as host;

/// The macro of each export world makes a component export it. So a component whose author implements no
/// actions exports none.
pub mod plugin {
    wit_bindgen::generate!({
        path: "../wit",
        world: "plugin-exports",
        with: { "moothall:plugin/types@0.1.0": crate::bindings::host::types },
        pub_export_macro: true,
        export_macro_name: "export_plugin",
        default_bindings_module: "::moothall_sdk::export::bindings::plugin",
    });
}

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        world: "lifecycle-exports",
        with: { "moothall:plugin/types@0.1.0": crate::bindings::host::types },
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        default_bindings_module: "::moothall_sdk::export::bindings::lifecycle",
    });
}

pub mod actions {
    wit_bindgen::generate!({
        path: "../wit",
        world: "actions-exports",
        with: { "moothall:plugin/types@0.1.0": crate::bindings::host::types },
        pub_export_macro: true,
        export_macro_name: "export_actions",
        default_bindings_module: "::moothall_sdk::export::bindings::actions",
    });
}

pub mod webhooks {
    wit_bindgen::generate!({
        path: "../wit",
        world: "webhooks-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
            "moothall:plugin/web@0.1.0": crate::bindings::host::web,
        },
        pub_export_macro: true,
        export_macro_name: "export_webhooks",
        default_bindings_module: "::moothall_sdk::export::bindings::webhooks",
    });
}

pub mod global_webhooks {
    wit_bindgen::generate!({
        path: "../wit",
        world: "global-webhooks-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
            "moothall:plugin/web@0.1.0": crate::bindings::host::web,
        },
        pub_export_macro: true,
        export_macro_name: "export_global_webhooks",
        default_bindings_module: "::moothall_sdk::export::bindings::global_webhooks",
    });
}

pub mod handshakes {
    wit_bindgen::generate!({
        path: "../wit",
        world: "handshakes-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
            "moothall:plugin/web@0.1.0": crate::bindings::host::web,
        },
        pub_export_macro: true,
        export_macro_name: "export_handshakes",
        default_bindings_module: "::moothall_sdk::export::bindings::handshakes",
    });
}

pub mod producer {
    wit_bindgen::generate!({
        path: "../wit",
        world: "producer-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_producer",
        default_bindings_module: "::moothall_sdk::export::bindings::producer",
    });
}

pub mod processes {
    wit_bindgen::generate!({
        path: "../wit",
        world: "processes-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
            "moothall:plugin/web@0.1.0": crate::bindings::host::web,
        },
        pub_export_macro: true,
        export_macro_name: "export_processes",
        default_bindings_module: "::moothall_sdk::export::bindings::processes",
    });
}

pub mod oauth {
    wit_bindgen::generate!({
        path: "../wit",
        world: "oauth-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_oauth",
        default_bindings_module: "::moothall_sdk::export::bindings::oauth",
    });
}

pub mod hooks {
    wit_bindgen::generate!({
        path: "../wit",
        world: "hooks-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_hooks",
        default_bindings_module: "::moothall_sdk::export::bindings::hooks",
    });
}

pub mod workers {
    wit_bindgen::generate!({
        path: "../wit",
        world: "workers-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_workers",
        default_bindings_module: "::moothall_sdk::export::bindings::workers",
    });
}

pub mod monitoring {
    wit_bindgen::generate!({
        path: "../wit",
        world: "monitoring-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_monitoring",
        default_bindings_module: "::moothall_sdk::export::bindings::monitoring",
    });
}

pub mod schedules {
    wit_bindgen::generate!({
        path: "../wit",
        world: "schedules-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
        },
        pub_export_macro: true,
        export_macro_name: "export_schedules",
        default_bindings_module: "::moothall_sdk::export::bindings::schedules",
    });
}

pub mod routes {
    wit_bindgen::generate!({
        path: "../wit",
        world: "routes-exports",
        with: {
            "moothall:plugin/types@0.1.0": crate::bindings::host::types,
            "moothall:plugin/web@0.1.0": crate::bindings::host::web,
        },
        pub_export_macro: true,
        export_macro_name: "export_routes",
        default_bindings_module: "::moothall_sdk::export::bindings::routes",
    });
}
