//! `oauth`: authorisation on the plugin's platform.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Origin};

crate::bindings::export!("moothall:plugin/oauth-exports");
pub use wit::OauthExportsIndices as Indices;

/// The two calls of an authorisation, each with its input as JSON.
#[derive(Clone, Debug)]
pub enum OAuthCall {
    AuthorizeUrl { request: String },
    HandleCallback { callback: String },
}

impl ExportCall for OAuthCall {
    type Indices = Indices;

    fn function(&self) -> Function {
        let name = match self {
            Self::AuthorizeUrl { .. } => "authorize-url",
            Self::HandleCallback { .. } => "handle-callback",
        };
        Function::new(name, Origin::OAuth, CallGroup::OAuth)
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let oauth = indices.load(&mut *store, instance)?;
        let oauth = oauth.moothall_plugin_oauth();
        match self {
            Self::AuthorizeUrl { request } => {
                Ok(oauth.call_authorize_url(store, &request).await?.map(Output::Url))
            }
            Self::HandleCallback { callback } => {
                let text = oauth.call_handle_callback(store, &callback).await?;
                Ok(text.map(|text| Output::Text(Some(text))))
            }
        }
    }
}
