//! Cred scores from a SourceCred instance, which publishes them as a file. Nothing is kept: each action fetches the file.

mod accounts;

use accounts::Accounts;
use moothall_sdk::{Error, Instance, Result, http, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The URL of the SourceCred instance.
    server_url: String,
}

#[derive(Deserialize, JsonSchema)]
struct Whose {
    /// The name of the person in the SourceCred instance.
    username: Option<String>,
    /// The id of any of the person's accounts on a platform: on Discord a number, on GitHub and Discourse the username.
    id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Cred {
    value: f64,
}

struct SourceCred;

#[plugin(
    name = "sourcecred",
    title = "SourceCred",
    homepage = "https://sourcecred.io",
    config = Config,
    description = "Cred scores of a SourceCred instance.",
    community_platform_id_key = "server_url",
    requests(http("config:/server_url"))
)]
impl SourceCred {
    #[action(
        slug = "user-cred",
        description = "The most recent cred of a person.",
        public,
        read_only
    )]
    fn user_cred(&self, Whose { username, id }: Whose) -> Result<Cred> {
        let Some(whose) = username.as_ref().or(id.as_ref()) else {
            return Err(Error::invalid("Either a username or an id argument is required"));
        };
        let value = self.accounts()?.cred_of(username.as_deref(), id.as_deref());
        let none = || Error::not_found(format!("{whose} not found in sourcecred instance"));
        value.map(|value| Cred { value }).ok_or_else(none)
    }

    #[action(
        slug = "total-cred",
        description = "The cred of the whole community.",
        public,
        read_only
    )]
    fn total_cred(&self) -> Result<Cred> {
        Ok(Cred { value: self.accounts()?.total() })
    }
}

impl SourceCred {
    fn accounts(&self) -> Result<Accounts> {
        let server = self.config()?.server_url;
        let file = format!("{}/output/accounts.json", server.trim_end_matches('/'));
        let answer = http::get(file).send()?;
        if answer.status == 404 {
            return Err(Error::not_found(
                "'output/accounts.json' file not present. Run 'yarn sourcecred analysis' when generating sourcecred instance.",
            ));
        }
        answer.error_for_status()?.json()
    }
}

#[cfg(test)]
mod tests;
