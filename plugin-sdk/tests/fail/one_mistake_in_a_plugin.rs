//! One mistake is one error: methods that use unknown types are not checked.

use moothall_sdk::{Result, WebhookRequest, plugin};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Config {
    greeting: String,
}

struct Nameless;

#[plugin(config = Config)]
impl Nameless {
    #[action(slug = "greet")]
    fn greet(&self) -> Result<String> {
        self.state().set("greeted", &true)?;
        Ok(self.config()?.greeting)
    }
}

struct Misspelt;

#[plugin(name = "misspelt", confg = Config)]
impl Misspelt {
    #[action(slug = "greet")]
    fn greet(&self) -> Result<String> {
        Ok(self.config()?.greeting)
    }
}

struct Wrong;

#[plugin(name = "wrong", config = Config)]
impl Wrong {
    #[webhook]
    fn receive(&self, request: WebhookRequest) -> bool {
        let greeting = self.config()?.greeting;
        request.text() == greeting
    }

    #[action(slug = "greet")]
    fn greet(&self) -> Result<String> {
        Ok(self.config()?.greeting)
    }
}

struct Generic<T>(T);

#[plugin(name = "generic")]
impl<T> Generic<T> {
    #[action(slug = "greet")]
    fn greet(&self) -> Result<String> {
        Ok(self.config()?.greeting)
    }
}

fn main() {}
