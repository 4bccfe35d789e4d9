//! A plugin that uses each of the host's functions once.

use moothall_sdk::accounts::{self, Account};
use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Value, from_value, json, to_value};
use moothall_sdk::{
    Error, Event, Plugin, Process, Result, Routed, Secret, WebhookRequest, WebhookResponse,
    context, http, log, plugin, process,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    api_key: Secret,
    server_url: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    client_secret: Secret,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("settled")]
pub struct Settled {
    number: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Path {
    path: String,
}

#[derive(Deserialize, JsonSchema)]
struct Url {
    url: String,
}

/// A text with one key twice, which no reader can give back.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map([("a", 1), ("a", 2)])
    }
}

pub struct Courier;

#[plugin(
    name = "courier",
    config = Config,
    settings = Settings,
    on_config_change = "keep",
    processes(Parcel),
    oauth(),
    requests(reveal("/api_key"), http("config:/server_url"))
)]
impl Courier {
    fn initialize(&self) -> Result<()> {
        self.state().set("community", &context::community())
    }

    fn config_changed(&self, previous: Config) -> Result<()> {
        self.state().set("previous", &previous.server_url)?;
        if self.config()?.server_url == "bad" { Err(Error::invalid("bad")) } else { Ok(()) }
    }

    #[action(slug = "write-fetch-fail")]
    fn write_fetch_fail(&self, parameters: Path) -> Result<()> {
        self.state().set("x", &1)?;
        self.events().emit(&Settled { number: 1 })?;
        http::get(self.config()?.server_url + &parameters.path).send()?;
        log::warn("about to fail");
        Err(Error::conflict("as it was told to"))
    }

    #[action(slug = "config")]
    fn show_config(&self) -> Result<Value> {
        context::config()
    }

    #[action(slug = "send")]
    fn send(&self) -> Result<()> {
        let secret = self.settings()?.client_secret;
        http::post(self.config()?.server_url + "/p")
            .query(&[("q", "1")])
            .form(&[("a", "b")])
            .bearer(&self.config()?.api_key)
            .secret_query("token", &secret)
            .secret_form("client_secret", &secret)
            .send()?
            .error_for_status()
            .map(drop)
    }

    #[action(slug = "reveal")]
    fn reveal(&self) -> Result<String> {
        self.secret("/api_key").reveal()
    }

    #[action(slug = "fetch")]
    fn fetch(&self, parameters: Url) -> Result<()> {
        http::get(parameters.url).send().map(drop)
    }

    #[action(slug = "fetch-or-not")]
    fn fetch_or_not(&self, parameters: Path) -> Result<()> {
        let fetched = http::get(self.config()?.server_url + &parameters.path).send().is_ok();
        self.state().set("fetched", &fetched)
    }

    #[action(slug = "write-read-only", read_only)]
    fn write_read_only(&self) -> Result<()> {
        self.state().set("x", &1)
    }

    #[action(slug = "keep-twice")]
    fn keep_twice(&self) -> Result<()> {
        self.state().set("twice", &Twice)
    }

    #[action(slug = "emit-twice")]
    fn emit_twice(&self) -> Result<()> {
        self.events().emit_raw("twice", &Twice).map(drop)
    }

    #[action(slug = "link")]
    fn link(&self, parameters: Value) -> Result<Value> {
        let account: Account = from_value(parameters)?;
        Ok(to_value(accounts::link(&account)?)?)
    }

    #[webhook(events(Settled))]
    fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> {
        let number = request.json()?;
        let event = self.events().event(&Settled { number })?;
        let id =
            event.initiator(json!({ "user_id": "ann" })).dedupe_key(number.to_string()).emit()?;
        Ok(WebhookResponse::ok().text(id))
    }

    #[global_webhook]
    fn route(&self, request: WebhookRequest) -> Result<Routed> {
        Ok(Routed::to_platform(request.text()?))
    }

    #[producer]
    fn tick(&self) -> Result<()> {
        self.state().set("ticks", &(self.state().get("ticks")?.unwrap_or(0) + 1))
    }

    #[authorize_url]
    fn url(&self, _request: AuthorizeRequest) -> Result<String> {
        self.state().set("asked", &true)?;
        Ok(String::new())
    }

    #[oauth_callback]
    fn back(&self, callback: OAuthCallback) -> Result<Authorized> {
        callback.code().map(|_| Authorized::user().account(Account::new("ann")))
    }
}

#[derive(Deserialize, JsonSchema)]
struct Route {
    stops: u32,
}

#[derive(Serialize, JsonSchema)]
pub struct Delivered {
    left: u32,
}

pub struct Parcel;

#[process(name = "parcel", state = u32, outcome = Delivered)]
impl Parcel {
    fn start(&self, parameters: Route) -> Result<()> {
        self.store(&parameters.stops)?;
        self.set_closing_at("2030-01-01T00:00:00Z".parse()?)?;
        if parameters.stops == 0 { Err(Error::invalid("no stops")) } else { Ok(()) }
    }

    fn update(&self) -> Result<()> {
        self.store(&(self.load()? - 1))
    }

    fn close(&self) -> Result<()> {
        self.complete(&Delivered { left: self.load()? })
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        if request.text()? == "twice" {
            return self.set_errors(&Twice);
        }
        self.complete(&Delivered { left: 0 })?;
        Err(Error::invalid("not a parcel"))
    }
}
