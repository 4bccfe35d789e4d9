//! Webhooks, producers and OAuth have their own signatures.

use moothall_sdk::oauth::AuthorizeRequest;
use moothall_sdk::{Result, WebhookRequest, plugin};

struct Tutorial;

#[plugin(name = "tutorial")]
impl Tutorial {
    #[webhook(verify(scheme = "md5", secret = "/key"))]
    fn receive(&self, request: String) -> Result<u32> {
        Ok(request.len() as u32)
    }

    #[global_webhook]
    fn route(&self, request: WebhookRequest) -> Result<()> {
        drop(request);
        Ok(())
    }

    #[producer(every = "soon")]
    fn poll(&mut self) -> Result<()> {
        Ok(())
    }

    #[authorize_url]
    fn url(&self, request: AuthorizeRequest) -> Result<String> {
        Ok(request.redirect_uri)
    }
}

fn main() {}
