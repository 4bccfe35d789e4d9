//! What `bindgen!` makes of `wit/`. Generated code stays behind this module.
//!
//! One module for all imports, and one for each export interface: the host probes a component for
//! each of them apart, so every one but `plugin` is optional.

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
            "moothall:plugin/secrets.secret": crate::imports::secrets::SecretHandle,
        },
    });
}

/// `web` stands behind a world that has HTTP messages.
macro_rules! exports {
    ($module:ident, $world:literal $(, $used:literal: $at:ident)*) => {
        pub mod $module {
            wasmtime::component::bindgen!({
                path: "../../wit",
                world: $world,
                exports: { default: async },
                with: {
                    "moothall:plugin/types": super::imports::moothall::plugin::types,
                    $($used: super::imports::moothall::plugin::$at,)*
                },
            });
        }
    };
}

exports!(plugin, "moothall:plugin/plugin-exports");
exports!(lifecycle, "moothall:plugin/lifecycle-exports");
exports!(actions, "moothall:plugin/actions-exports");
exports!(webhooks, "moothall:plugin/webhooks-exports", "moothall:plugin/web": web);
exports!(global_webhooks, "moothall:plugin/global-webhooks-exports", "moothall:plugin/web": web);
exports!(handshakes, "moothall:plugin/handshakes-exports", "moothall:plugin/web": web);
exports!(producer, "moothall:plugin/producer-exports");
exports!(processes, "moothall:plugin/processes-exports", "moothall:plugin/web": web);
exports!(oauth, "moothall:plugin/oauth-exports");
exports!(hooks, "moothall:plugin/hooks-exports");
exports!(workers, "moothall:plugin/workers-exports");
exports!(monitoring, "moothall:plugin/monitoring-exports");
exports!(schedules, "moothall:plugin/schedules-exports");
exports!(routes, "moothall:plugin/routes-exports", "moothall:plugin/web": web);

pub use actions::ActionsExportsIndices;
pub use global_webhooks::GlobalWebhooksExportsIndices;
pub use handshakes::HandshakesExportsIndices;
pub use hooks::HooksExportsIndices;
pub use hooks::exports::moothall::plugin::hooks::Verdict as WitVerdict;
pub use imports::moothall::plugin::types::{Error, ErrorKind};
pub use lifecycle::LifecycleExportsIndices;
pub use monitoring::MonitoringExportsIndices;
pub use oauth::OauthExportsIndices;
pub use plugin::PluginExportsIndices;
pub use processes::ProcessesExportsIndices;
pub use producer::ProducerExportsIndices;
pub use routes::RoutesExportsIndices;
pub use schedules::SchedulesExportsIndices;
pub use webhooks::WebhooksExportsIndices;
pub use workers::WorkersExportsIndices;
