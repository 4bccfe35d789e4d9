//! Greets people, and counts them.

use moothall_sdk::prelude::*;

/// What a community sets when it enables the plugin.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The word before the name.
    #[serde(default = "hello")]
    greeting: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Who is greeted.
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    text: String,
    /// How many were greeted so far, this one included.
    greeted: u64,
}

struct MyPlugin;

#[plugin(
    name = "my-plugin",
    title = "My Plugin",
    config = Config,
    description = "Greets people, and counts them."
)]
impl MyPlugin {
    #[action(slug = "greet", description = "Greets somebody.", public)]
    fn greet(&self, parameters: Greet) -> Result<Greeting> {
        let greeted = self.state().get::<u64>("greeted")?.unwrap_or(0) + 1;
        self.state().set("greeted", &greeted)?;
        let text = format!("{}, {}!", self.config()?.greeting, parameters.name);
        Ok(Greeting { text, greeted })
    }
}

#[cfg(test)]
mod tests;
