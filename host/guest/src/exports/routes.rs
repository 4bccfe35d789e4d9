//! `routes`: HTTP routes of the plugin's own.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Guests, Origin};
use crate::messages;
use moothall_core::web;

crate::bindings::export!("moothall:plugin/routes-exports", "moothall:plugin/web": web);
pub use wit::RoutesExportsIndices as Indices;

/// A call of `routes.handle`.
#[derive(Clone, Debug)]
pub struct HandleRoute {
    /// The route's path as the manifest declares it, with names in braces.
    pub path: Arc<str>,
    /// Each name in the path with its value in this request.
    pub captures: Vec<(String, String)>,
    pub request: Arc<web::Request>,
}

impl ExportCall for HandleRoute {
    type Indices = Indices;

    fn function(&self) -> Function {
        Function {
            guests: Guests::Resident,
            answers_its_caller: true,
            ..Function::new("handle", Origin::Route, CallGroup::Route)
        }
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.path.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let routes = indices.load(&mut *store, instance)?;
        let routes = routes.moothall_plugin_routes();
        let request = messages::incoming(&self.request);
        let response = routes.call_handle(store, &self.path, &self.captures, &request).await?;
        Ok(response.map(|one| Output::Response(Some(messages::response(one)))))
    }
}
