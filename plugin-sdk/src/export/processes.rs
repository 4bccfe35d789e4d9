//! `processes.wit`: finds a process by its name and calls it. The host calls only the functions that the
//! manifest names; a function that the author did not write refuses.

use crate::bindings::host::types as wit;
use crate::bindings::host::web::{Incoming, Response};
use crate::bindings::processes;
use crate::export::{Read, parameters_as};
use crate::{Error, Plugin, Result, WebhookRequest, WebhookResponse, manifest};

/// The functions of one process. A function that its author did not write refuses.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is listed in `processes(…)` and is no process",
    label = "no process",
    note = "write `#[process(name = \"…\")]` on its `impl` block"
)]
pub trait ProcessFunctions: Sync {
    fn name(&self) -> &'static str;

    /// The process's part of the manifest.
    fn manifest(&self) -> manifest::GovernanceProcess;

    fn start(&self, parameters: &str) -> Result<()>;

    fn update(&self) -> Result<()> {
        Err(absent(self.name(), "update"))
    }

    fn close(&self) -> Result<()> {
        Err(absent(self.name(), "close"))
    }

    fn receive_webhook(&self, _request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        Err(absent(self.name(), "receive_webhook"))
    }
}

/// A plugin with processes.
pub trait Processes: Plugin {
    const PROCESSES: &'static [&'static dyn ProcessFunctions];
}

/// Calls `start` with its parameters.
pub fn start<P: Read>(parameters: &str, method: impl FnOnce(P) -> Result<()>) -> Result<()> {
    method(parameters_as(parameters)?)
}

fn absent(process: &str, function: &str) -> Error {
    Error::internal(format!("the process '{process}' has no function '{function}'"))
}

/// The process of this name.
pub fn find_process<T: Processes>(name: &str) -> Result<&'static dyn ProcessFunctions> {
    let found = T::PROCESSES.iter().copied().find(|process| process.name() == name);
    found.ok_or_else(|| Error::not_found(format!("the plugin has no process '{name}'")))
}

impl<T: Processes> processes::exports::moothall::plugin::processes::Guest for T {
    fn start(name: String, parameters: String) -> std::result::Result<(), wit::Error> {
        Ok(find_process::<T>(&name)?.start(&parameters)?)
    }

    fn update(name: String) -> std::result::Result<(), wit::Error> {
        Ok(find_process::<T>(&name)?.update()?)
    }

    fn close(name: String) -> std::result::Result<(), wit::Error> {
        Ok(find_process::<T>(&name)?.close()?)
    }

    fn receive_webhook(
        name: String,
        request: Incoming,
    ) -> std::result::Result<Option<Response>, wit::Error> {
        Ok(find_process::<T>(&name)?.receive_webhook(request.into())?.map(Into::into))
    }
}
