//! The functions that the host calls in a component: a file for each export interface, with all that is known of its
//! functions. To add an interface, write its file and its line in `interfaces!`.
//!
//! What a function returned is an `Output`; what that means is up to whoever called it.

mod actions;
mod global_webhooks;
mod handshakes;
mod hooks;
mod lifecycle;
mod monitoring;
mod oauth;
mod plugin;
mod processes;
mod producer;
pub mod recorded;
mod routes;
mod schedules;
mod webhooks;
mod workers;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::bindings::Error;
use crate::call_state::CallState;
use crate::fault::NotExported;
use crate::function::{CallName, Function};
use moothall_core::web;

pub use actions::Perform;
pub use global_webhooks::ReceiveGlobal;
pub use handshakes::AnswerHandshake;
pub use hooks::Filter;
pub use lifecycle::LifecycleCall;
pub use monitoring::HandlePoints;
pub use oauth::OAuthCall;
pub use plugin::Describe;
pub use processes::{ProcessCall, ProcessInput};
pub use producer::ProducerTick;
pub use routes::HandleRoute;
pub use schedules::ScheduleTick;
pub use webhooks::Receive;
pub use workers::{WorkerCall, WorkerInput};

/// A call of an interface's function, with what is handed to it.
trait ExportCall: Sized {
    /// Where the component has the interface's functions.
    type Indices;

    /// What the host knows of the function.
    fn function(&self) -> Function;

    /// What the manifest names, or else the function.
    fn name(&self) -> CallName {
        CallName::Function(self.function().name)
    }

    async fn call(
        self,
        indices: &Self::Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned;
}

/// What a function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Nothing,
    /// JSON.
    Text(Option<String>),
    /// Of `authorize-url`.
    Url(String),
    Response(Option<web::Response>),
    Routed(web::Routed),
    Verdict(Verdict),
    Enabled(bool),
}

/// What a step of a hook makes of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// JSON.
    Update(String),
    Stop,
    /// JSON.
    Halt(String),
}

/// How a call came back: with an output, with the plugin's own error, or with a trap.
pub type Returned = wasmtime::Result<Result<Output, Error>>;

/// Declares the optional interfaces: module, the type of its calls, and its name in WIT.
macro_rules! interfaces {
    ($($module:ident: $Call:ident, $name:literal;)*) => {
        /// A call of a component's function, with what is handed to it.
        #[derive(Clone, Debug)]
        pub enum Export {
            Describe(Describe),
            $($Call($Call),)*
        }

        $(impl From<$Call> for Export {
            fn from(call: $Call) -> Self {
                Self::$Call(call)
            }
        })*

        impl Export {
            /// What the host knows of the function.
            pub fn function(&self) -> Function {
                match self {
                    Self::Describe(call) => call.function(),
                    $(Self::$Call(call) => call.function(),)*
                }
            }

            /// What is called, for logs and lists.
            pub fn name(&self) -> CallName {
                match self {
                    Self::Describe(call) => call.name(),
                    $(Self::$Call(call) => call.name(),)*
                }
            }
        }

        /// The export interfaces that a component has.
        pub struct Exports {
            plugin: plugin::Indices,
            $($module: Option<$module::Indices>,)*
        }

        impl Exports {
            /// Looks for each interface; only `plugin` must be there.
            pub fn of(pre: &InstancePre<CallState>) -> wasmtime::Result<Self> {
                Ok(Self {
                    plugin: plugin::Indices::new(pre)?,
                    $($module: $module::Indices::new(pre).ok(),)*
                })
            }

            /// The names of the optional interfaces that the component exports.
            pub fn names(&self) -> Vec<&'static str> {
                let optional = [$(($name, self.$module.is_some()),)*];
                optional.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
            }

            pub async fn call(
                &self,
                store: &mut Store<CallState>,
                instance: &Instance,
                export: Export,
            ) -> Returned {
                match export {
                    Export::Describe(call) => call.call(&self.plugin, store, instance).await,
                    $(Export::$Call(call) => {
                        let indices = self.$module.as_ref().ok_or_else(|| not_exported($name))?;
                        call.call(indices, store, instance).await
                    })*
                }
            }
        }
    };
}

interfaces! {
    lifecycle: LifecycleCall, "lifecycle";
    actions: Perform, "actions";
    webhooks: Receive, "webhooks";
    global_webhooks: ReceiveGlobal, "global-webhooks";
    handshakes: AnswerHandshake, "handshakes";
    producer: ProducerTick, "producer";
    processes: ProcessCall, "processes";
    oauth: OAuthCall, "oauth";
    hooks: Filter, "hooks";
    workers: WorkerCall, "workers";
    monitoring: HandlePoints, "monitoring";
    schedules: ScheduleTick, "schedules";
    routes: HandleRoute, "routes";
}

/// The host's fault: the loader checks that a component exports what its manifest names, and whoever calls anything else
/// has to ask first (`Plugin::exports`).
fn not_exported(interface: &'static str) -> wasmtime::Error {
    NotExported(interface).into()
}

fn nothing((): ()) -> Output {
    Output::Nothing
}
