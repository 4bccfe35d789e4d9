//! Servers that stand in for platforms. Must never know what a test expects of the host.

pub mod discord;
pub mod discourse;
pub mod github;
pub mod loomio;
pub mod oauth;
pub mod opencollective;
pub mod slack;
pub mod sourcecred;
pub mod traffic;

/// A plugin's README whose commands talk to its platform's stand-in, if there is one, in place of the platform.
pub async fn in_readme(plugin: &str, text: String) -> String {
    match plugin {
        "discord" => discord::in_readme(&text).await,
        "discourse" => discourse::in_readme(&text).await,
        "github" => github::in_readme(&text).await,
        "loomio" => loomio::in_readme(&text).await,
        "opencollective" => opencollective::in_readme(&text).await,
        "slack" => slack::in_readme(&text).await,
        "sourcecred" => sourcecred::in_readme(&text).await,
        _ => text,
    }
}
